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
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

try:
    from protocol.client import Client, ClientError
    from protocol.terminal import Lines, Picture, make_console, print_ending, print_rows, summary
except ModuleNotFoundError as missing:
    print(f"{missing.name} is missing: install tagstream-protocol[client]", file=sys.stderr)
    raise SystemExit(2) from None

from protocol.batchfile import BadFile, BatchFile, read_batch
from protocol.document import one_line
from protocol.messages import Completed, to_json
from protocol.options import (
    CONFIG_OPTIONS,
    file_options,
    job_command,
    process_options,
    retry_options,
    start_options,
    upload_options,
)
from protocol.saving import saved_as
from protocol.view import JobView

SERVER_DEFAULT = "http://127.0.0.1:8000"

Run = Callable[[Client, argparse.Namespace], Awaitable[int]]


class BadCall(ValueError):
    """The command cannot be carried out as it was given; the text is a sentence for people."""


async def start(client: Client, asked: argparse.Namespace) -> int:
    """Start a batch; with `--watch` follow it to its end."""
    job_id = await _started(client, asked, read_batch(asked.file))
    if not asked.watch:
        print(job_id)
        return 0
    asked.job, asked.json = job_id, False
    return await watch(client, asked)


async def _started(client: Client, asked: argparse.Namespace, batch: BatchFile) -> str:
    mapping = _mapping(asked)
    if batch.spreadsheet:
        content = batch.spreadsheet if asked.file == "-" else Path(asked.file)
        return await client.start_file(
            content, _config(asked), column_mapping=mapping, job_id=asked.own_job_id, exclusion_file=asked.exclusions
        )
    if asked.exclusions is not None:
        raise BadCall("--exclusions goes with CSV and XLSX; in JSON they stand in config.exclusion_words")
    return await client.start(
        batch.asked["documents"],
        batch.asked.get("config", {}) | _config(asked),
        column_mapping=mapping or batch.asked.get("column_mapping"),
        job_id=asked.own_job_id or batch.asked.get("job_id"),
    )


async def watch(client: Client, asked: argparse.Namespace) -> int:
    """Follow a job to its end: as JSON, live, or in lines."""
    if asked.json:
        return await _watch_as_json(client, asked.job)
    console, view = make_console(), JobView(asked.job)
    show = (Picture if console.is_terminal else Lines)(console, view)
    async with aclosing(client.watch(asked.job, on_lost=show.lost)) as messages:
        with show:
            async for message in messages:
                view.apply(message)
                show.hear(message)
    return 0 if print_ending(console, view) else 1


async def _watch_as_json(client: Client, job_id: str) -> int:
    completed = False
    async with aclosing(client.watch(job_id)) as messages:
        async for message in messages:
            print(to_json(message).decode(), flush=True)
            completed = isinstance(message, Completed)
    return 0 if completed else 1


async def status(client: Client, asked: argparse.Namespace) -> int:
    """Where a job stands."""
    found = await client.status(asked.job)
    print(one_line(f"job {found.job_id}: {found.status}, {summary(found)}"))
    return 0


async def cancel(client: Client, asked: argparse.Namespace) -> int:
    """Stop a job."""
    return _tell(asked, await client.cancel(asked.job))


async def pause(client: Client, asked: argparse.Namespace) -> int:
    """Let no further row of a job start."""
    return _tell(asked, await client.pause(asked.job))


async def resume(client: Client, asked: argparse.Namespace) -> int:
    """Go on with a paused job."""
    return _tell(asked, await client.resume(asked.job))


async def retry(client: Client, asked: argparse.Namespace) -> int:
    """Run a job that is over once more; with `--watch` follow it to its end."""
    config = _config(asked)
    rows = await client.retry(
        asked.job, asked.row or (), api_key=config.get("api_key"), model_name=config.get("model_name")
    )
    _tell(asked, f"{rows} to run")
    return await watch(client, asked) if asked.watch else 0


async def delete(client: Client, asked: argparse.Namespace) -> int:
    """Stop a job if it runs, and forget it."""
    await client.delete(asked.job)
    return _tell(asked, "deleted")


def _tell(asked: argparse.Namespace, what: str) -> int:
    print(f"job {asked.job}: {what}", flush=True)
    return 0


async def results(client: Client, asked: argparse.Namespace) -> int:
    """The rows that have ended: a table, or a line of JSON each; or all rows as a file."""
    if asked.format is not None:
        _check_terminal(asked)
        with saved_as(asked.output) as file:
            await client.export(asked.job, asked.format, file, status=asked.status)
        return 0
    if asked.output is not None or asked.status is not None:
        raise BadCall("--output and --status go with --format")
    async with aclosing(client.results(asked.job)) as rows:
        if not asked.json:
            print_rows(make_console(), [row async for row in rows])
            return 0
        async for row in rows:
            print(to_json(row).decode())
    return 0


async def template(client: Client, asked: argparse.Namespace) -> int:
    """The spreadsheet to fill in."""
    _check_terminal(asked)
    with saved_as(asked.output) as file:
        await client.template(asked.format, file)
    return 0


def _check_terminal(asked: argparse.Namespace) -> None:
    if asked.format == "xlsx" and asked.output is None and sys.stdout.isatty():
        raise BadCall("a workbook is nothing for a terminal: give --output")


def _mapping(asked: argparse.Namespace) -> dict[str, str] | None:
    """What `--column OURS=YOURS` says, once or several times."""
    pairs = [pair.partition("=") for pair in asked.column or ()]
    if not all(separator for _, separator, _ in pairs):
        raise BadCall("--column wants OURS=YOURS, as file_path=Weblink")
    return {ours: yours for ours, _, yours in pairs} or None


async def process(client: Client, asked: argparse.Namespace) -> int:
    """Tag one document, a file or an address; 1 where it failed."""
    is_address = "://" in asked.document
    config = _config(asked)
    told = await client.process(asked.document if is_address else Path(asked.document), config)
    if asked.json:
        print(to_json(told).decode())
    else:
        print_rows(make_console(), [told])
    return 0 if told.tags is not None else 1


async def upload(client: Client, asked: argparse.Namespace) -> int:
    """Send PDFs; a line for each: what names it in a batch, or all that the server says."""
    for each in await client.upload(asked.file):
        print(msgspec.json.encode(each).decode() if asked.json else each.file_path)
    return 0


def _config(asked: argparse.Namespace) -> dict[str, Any]:
    """What the options say about the config; they win over the file."""
    given = {"model_name": asked.model}
    given |= {name: getattr(asked, name, None) for name in CONFIG_OPTIONS}
    if asked.api_key_env is not None:
        given["api_key"] = os.environ.get(asked.api_key_env)
        if not given["api_key"]:
            raise BadCall(f"the environment has no {asked.api_key_env}")
    return {name: setting for name, setting in given.items() if setting is not None}


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
        raise BadCall(str(fault) if isinstance(fault, BadCall) else f"{url!r} is no address of a server") from None


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--server", metavar="URL", help=f"default: TAGSTREAM_URL, else {SERVER_DEFAULT}")
    common.add_argument("--token-file", type=Path, metavar="PATH", help="default: the token in TAGSTREAM_TOKEN")
    parser = argparse.ArgumentParser(prog="python -m protocol", description="Batches of documents in, tags out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("start", parents=[common], help="start a batch")
    command.set_defaults(run=start)
    start_options(command)
    for run, text in ((watch, "follow a job to its end"), (results, "the rows that have ended, or all as a file")):
        command = job_command(commands, common, run, text)
        command.add_argument("--json", action="store_true", help="a line of JSON for each")
    file_options(command, ("csv", "ndjson", "xlsx"), None, "all rows as a file")
    command.add_argument("--status", choices=("success", "failed"), help="of the file: only such rows")
    command = commands.add_parser("template", parents=[common], help="the spreadsheet to fill in")
    command.set_defaults(run=template, job=None)
    file_options(command, ("csv", "xlsx"), "csv", "its form")
    job_command(commands, common, status, "where a job stands")
    for run, text in (
        (cancel, "stop a job"),
        (pause, "let no further row of a job start"),
        (resume, "go on with a paused job"),
        (delete, "stop a job if it runs, and forget it"),
    ):
        job_command(commands, common, run, text)
    command = commands.add_parser("process", parents=[common], help="tag one document and wait for it")
    command.set_defaults(run=process, job=None)
    process_options(command)
    command = commands.add_parser("upload", parents=[common], help="send PDFs, to name them in a batch")
    command.set_defaults(run=upload, job=None)
    upload_options(command)
    retry_options(job_command(commands, common, retry, "run again what has not succeeded"))
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
        print(one_line(str(fault)), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
