"""The command line: a client like any other.

    python -m protocol start docs.xlsx --watch
    python -m protocol watch JOB

Exit status: 0 the job completed (or the call did what it says), 1 the job ended otherwise, 2 the call was
wrong or refused, 130 Ctrl-C; a job that was only watched goes on.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

try:
    from protocol import commands as its
    from protocol.client import Client, ClientError, RequestRefused
except ModuleNotFoundError as missing:
    print(f"{missing.name} is missing: install tagstream-protocol[client]", file=sys.stderr)
    raise SystemExit(2) from None

from protocol.batchfile import BadFile
from protocol.document import one_line
from protocol.options import (
    BadCall,
    json_option,
    process_options,
    results_options,
    retry_options,
    start_options,
    template_options,
    upload_options,
    validate_options,
    with_options,
)

SERVER_DEFAULT = "http://127.0.0.1:8000"

Run = Callable[[Client, argparse.Namespace], Awaitable[int]]
Options = Callable[[argparse.ArgumentParser], None]


def _no_options(_: argparse.ArgumentParser) -> None:
    pass


BEFORE_A_JOB: tuple[tuple[Run, str, Options], ...] = (
    (its.start, "start a batch", start_options),
    (its.template, "the spreadsheet to fill in", template_options),
    (its.validate, "whether documents can be had", validate_options),
    (its.upload, "send PDFs, to name them in a batch", upload_options),
    (its.process, "tag one document and wait for it", process_options),
)
OF_A_JOB: tuple[tuple[Run, str, Options], ...] = (
    (its.watch, "follow a job to its end", json_option),
    (its.results, "the rows that have ended, or all as a file", results_options),
    (its.status, "where a job stands", _no_options),
    (its.cancel, "stop a job", _no_options),
    (its.pause, "let no further row of a job start", _no_options),
    (its.resume, "go on with a paused job", _no_options),
    (its.delete, "stop a job if it runs, and forget it", _no_options),
    (its.retry, "run again what has not succeeded", retry_options),
)


def _token(asked: argparse.Namespace, environ: Mapping[str, str]) -> str | Callable[[], str]:
    """The caller's token; a file is read again whenever one is needed, so that it can be renewed meanwhile."""
    if asked.token_file is not None:
        path: Path = asked.token_file
        return lambda: path.read_text(errors="replace").strip()
    if not environ.get("TAGSTREAM_TOKEN"):
        raise BadCall("no token: set TAGSTREAM_TOKEN or give --token-file")
    return environ["TAGSTREAM_TOKEN"]


def _client(asked: argparse.Namespace, environ: Mapping[str, str]) -> Client:
    url = asked.server or environ.get("TAGSTREAM_URL") or SERVER_DEFAULT
    try:
        return Client(url, _token(asked, environ))
    except ValueError as fault:
        raise BadCall(
            str(fault) if isinstance(fault, BadCall) else f"{url!r} is no address of a server, as {SERVER_DEFAULT} is"
        ) from None


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--server", metavar="URL", help=f"default: TAGSTREAM_URL, else {SERVER_DEFAULT}")
    common.add_argument("--token-file", type=Path, metavar="PATH", help="default: the token in TAGSTREAM_TOKEN")
    parser = argparse.ArgumentParser(prog="python -m protocol", description="Batches of documents in, tags out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for place, (run, text, options) in enumerate(BEFORE_A_JOB + OF_A_JOB):
        command = commands.add_parser(run.__name__, parents=[common], help=text)
        command.set_defaults(run=run, job=None)
        if place >= len(BEFORE_A_JOB):
            command.add_argument("job", help="its id")
        options(command)
    return parser


async def _carry_out(asked: argparse.Namespace) -> int:
    async with _client(asked, os.environ) as client:
        run: Run = asked.run
        return await run(client, asked)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; see above for what it returns."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that lacks a letter
    asked = _parser().parse_args(arguments)
    try:
        return asyncio.run(_carry_out(asked))
    except KeyboardInterrupt:
        watched = f"; the job goes on: python -m protocol watch {asked.job}" if asked.job else ""
        print(f"interrupted{watched}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who read us has gone; nothing more can be said, not even when the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as fault:
        print(f"{fault.filename}: {fault.strerror}", file=sys.stderr)
        return 2
    except (BadCall, BadFile, ClientError, UnicodeEncodeError) as fault:  # the last: an argument that is no text
        print(one_line(_sentence(fault)), file=sys.stderr)
        return 2


def _sentence(fault: Exception) -> str:
    """Why the command ends, with the options that would mend it."""
    said = str(with_options(fault.problem) if isinstance(fault, RequestRefused) else fault)
    if isinstance(fault, RequestRefused) and fault.problem.job_id:
        said = f"{said.rstrip('.')} (job {fault.problem.job_id})"
    gave_up = isinstance(fault, ClientError) and fault.gives_up_in_s <= 0
    return f"gave up: {said}" if gave_up else said


if __name__ == "__main__":
    sys.exit(main())
