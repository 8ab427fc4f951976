"""The command line: a client like any other.

    python -m protocol start docs.csv --watch
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
from typing import Any, get_args

try:
    from protocol.client import Client, ClientError
    from protocol.terminal import Lines, Picture, make_console, print_ending, print_rows, summary
except ModuleNotFoundError as missing:
    print(f"{missing.name} is missing: install tagstream-protocol[client]", file=sys.stderr)
    raise SystemExit(2) from None

from protocol.batchfile import BadFile, read_batch
from protocol.config import Language
from protocol.document import one_line
from protocol.messages import Completed, to_json
from protocol.view import JobView

CONFIG_OPTIONS = ("num_tags", "num_pages", "language", "evidence", "fallback_models")
SERVER_DEFAULT = "http://127.0.0.1:8000"

Run = Callable[[Client, argparse.Namespace], Awaitable[int]]


class BadCall(ValueError):
    """The command cannot be carried out as it was given; the text is a sentence for people."""


async def start(client: Client, asked: argparse.Namespace) -> int:
    """Start a batch; with `--watch` follow it to its end."""
    batch = read_batch(asked.file)
    job_id = await client.start(
        batch["documents"],
        batch.get("config", {}) | _config(asked),
        column_mapping=batch.get("column_mapping"),
        job_id=asked.own_job_id or batch.get("job_id"),
    )
    if not asked.watch:
        print(job_id)
        return 0
    asked.job, asked.json = job_id, False
    return await watch(client, asked)


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
    """The rows that have ended: a table, or a line of JSON each."""
    async with aclosing(client.results(asked.job)) as rows:
        if not asked.json:
            print_rows(make_console(), [row async for row in rows])
            return 0
        async for row in rows:
            print(to_json(row).decode())
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
    _start_options(commands.add_parser("start", parents=[common], help="start a batch"))
    for run, text in ((watch, "follow a job to its end"), (results, "the rows that have ended")):
        command = _job_command(commands, common, run, text)
        command.add_argument("--json", action="store_true", help="a line of JSON for each")
    _job_command(commands, common, status, "where a job stands")
    for run, text in (
        (cancel, "stop a job"),
        (pause, "let no further row of a job start"),
        (resume, "go on with a paused job"),
        (delete, "stop a job if it runs, and forget it"),
    ):
        _job_command(commands, common, run, text)
    _retry_options(_job_command(commands, common, retry, "run again what has not succeeded"))
    return parser


def _retry_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(json=False)
    parser.add_argument("--row", type=int, action="append", metavar="ID", help="this row alone (may be repeated)")
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    _model_options(parser)


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="the model to ask; local/keywords needs no key")
    parser.add_argument("--api-key-env", metavar="NAME", help="the variable that holds the key for the model")


def _start_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=start, job=None)
    parser.add_argument(
        "file", help="CSV with a header, or JSON: a list of documents, or an object; - is standard input"
    )
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    _model_options(parser)
    parser.add_argument("--num-tags", type=int, metavar="N", help="tags for each document, 3 to 15")
    parser.add_argument("--num-pages", type=int, metavar="N", help="pages to read of each, 1 to 10")
    parser.add_argument("--language", choices=get_args(Language), help="of the tags; default: the document's own")
    parser.add_argument("--evidence", action="store_true", default=None, help="show what supports each tag")
    parser.add_argument(
        "--fallback-model",
        action="append",
        dest="fallback_models",
        metavar="MODEL",
        help="steps in where the model before has given a document up (may be repeated)",
    )
    parser.add_argument("--job-id", dest="own_job_id", metavar="ID", help="the job's id, instead of a new one")


def _job_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
    run: Run,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(run.__name__, parents=[common], help=text)
    parser.set_defaults(run=run)
    parser.add_argument("job", help="its id")
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
