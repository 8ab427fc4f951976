"""The commands of the command line: each takes a client and what was asked for, and returns the exit status."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import aclosing
from itertools import chain
from pathlib import Path

import msgspec

from protocol.batchfile import BatchFile, place, places_in, read_batch
from protocol.checks import CheckedPath
from protocol.client import Client, ClientError, Started
from protocol.document import one_line
from protocol.livepicture import Picture
from protocol.messages import Completed, to_json
from protocol.options import BadCall, config_of, form_of, mapping_of, secret
from protocol.saving import saved_as
from protocol.terminal import Lines, Losses, OfRun, all_rows, make_console, print_rows, report
from protocol.view import JobView
from protocol.words import DocumentStatus, ErrorCode

CHECKED_AT_A_TIME = 100
"""Paths in one request, so that a long list is answered as it goes, and no slow host takes others' time."""
BATCH_ENDINGS = (".csv", ".json", ".xlsx")


async def start(client: Client, asked: argparse.Namespace) -> int:
    """Start a batch; with `--watch` follow it to its end."""
    started = await _started(client, asked, read_batch(asked.file))
    if started.read_as:
        print(one_line(f"read as {started.read_as}"), file=sys.stderr)
    if not asked.watch:
        print(started.job_id)
        return 0
    asked.job, asked.json = started.job_id, False
    return await watch(client, asked)


async def _started(client: Client, asked: argparse.Namespace, batch: BatchFile) -> Started:
    mapping, config = mapping_of(asked), config_of(asked)
    if batch.spreadsheet:
        content = batch.spreadsheet if asked.file == "-" else Path(asked.file)
        return await client.start_file(
            content, config, column_mapping=mapping, job_id=asked.own_job_id, exclusion_file=asked.exclusions
        )
    if asked.exclusions is not None:
        raise BadCall(
            "--exclusions goes with CSV and XLSX, since a list is sent in a form; with JSON give --exclude WORD, "
            "or config.exclusion_words in the file"
        )
    return Started(
        await client.start(
            batch.asked["documents"],
            batch.asked.get("config", {}) | config,
            column_mapping=mapping or batch.asked.get("column_mapping"),
            job_id=asked.own_job_id or batch.asked.get("job_id"),
        )
    )


async def watch(client: Client, asked: argparse.Namespace, of_run: OfRun = all_rows) -> int:
    """Follow a job to its end: as JSON, live, or in lines."""
    if asked.json:
        return await _watch_as_json(client, asked.job)
    console, view = make_console(), JobView(asked.job)
    show = (Picture if console.is_terminal else Lines)(console, view, of_run)
    async with aclosing(client.watch(asked.job, on_lost=show.lost)) as messages:
        with show:
            async for message in messages:
                view.apply(message)
                show.hear(message)
    show.end()
    return 0 if isinstance(view.ending, Completed) else 1


async def _watch_as_json(client: Client, job_id: str) -> int:
    completed, losses = False, Losses()

    def lost(fault: ClientError) -> None:
        if line := losses.line(fault):
            print(line, file=sys.stderr)

    async with aclosing(client.watch(job_id, on_lost=lost)) as messages:
        async for message in messages:
            losses.over()
            print(to_json(message).decode(), flush=True)
            completed = isinstance(message, Completed)
    return 0 if completed else 1


async def status(client: Client, asked: argparse.Namespace) -> int:
    """Where a job stands."""
    found = await client.status(asked.job)
    print(report(found.job_id, found))
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
    config = config_of(asked)
    of_run = await _rows_to_run(client, asked) if asked.watch else all_rows
    rows = await client.retry(
        asked.job, asked.row or (), api_key=config.get("api_key"), model_name=config.get("model_name")
    )
    _tell(asked, f"{rows} to run")
    return await watch(client, asked, of_run) if asked.watch else 0


async def _rows_to_run(client: Client, asked: argparse.Namespace) -> OfRun:
    """Which rows a retry runs: those that are named, else all that have not succeeded."""
    if asked.row:
        return set(asked.row).__contains__
    async with aclosing(client.results(asked.job, status=DocumentStatus.SUCCESS)) as rows:
        done = {row.row_id async for row in rows}
    return lambda row_id: row_id not in done


async def delete(client: Client, asked: argparse.Namespace) -> int:
    """Stop a job if it runs, and forget it."""
    await client.delete(asked.job)
    return _tell(asked, "deleted")


def _tell(asked: argparse.Namespace, what: str) -> int:
    print(f"job {asked.job}: {what}", flush=True)
    return 0


async def results(client: Client, asked: argparse.Namespace) -> int:
    """The rows that have ended: a table, or a line of JSON each; or all rows as a file."""
    if (form := form_of(asked)) is not None:
        _check_terminal(form, asked)
        with saved_as(asked.output) as file:
            await client.export(asked.job, form, file, status=asked.status)
        return 0
    if asked.output is not None:
        raise BadCall("--output goes with --format, or a name that ends in .csv, .ndjson or .xlsx")
    async with aclosing(client.results(asked.job, status=asked.status)) as rows:
        if not asked.json:
            print_rows(make_console(), [row async for row in rows])
            return 0
        async for row in rows:
            print(to_json(row).decode())
    return 0


async def template(client: Client, asked: argparse.Namespace) -> int:
    """The spreadsheet to fill in."""
    form = form_of(asked)
    _check_terminal(form, asked)
    with saved_as(asked.output) as file:
        await client.template(form, file)
    return 0


def _check_terminal(form: str, asked: argparse.Namespace) -> None:
    if form == "xlsx" and asked.output is None and sys.stdout.isatty():
        raise BadCall("a workbook is nothing for a terminal: give --output")


async def process(client: Client, asked: argparse.Namespace) -> int:
    """Tag one document, a file or an address; 1 where it failed."""
    known = {"title": asked.title, "password": secret(asked.password_env)}
    told = await client.process(
        asked.document,
        config_of(asked),
        exclusion_file=asked.exclusions,
        **{name: text for name, text in known.items() if text is not None},
    )
    if asked.json:
        print(to_json(told).decode())
    else:
        print_rows(make_console(), [told])
    if told.error_code is ErrorCode.ENCRYPTED and not asked.exclusions:
        print("--password-env NAME names the variable that holds a password", file=sys.stderr)
    return 0 if told.tags is not None else 1


async def upload(client: Client, asked: argparse.Namespace) -> int:
    """Send PDFs; a line for each: what names it in a batch, or all that the server says."""
    for each in await client.upload(asked.file):
        print(msgspec.json.encode(each).decode() if asked.json else each.file_path)
    return 0


async def validate(client: Client, asked: argparse.Namespace) -> int:
    """Whether documents can be had, from where a batch or the call itself says; 1 where some cannot."""
    places = list(chain.from_iterable(_places(named, asked) for named in asked.place))
    valid = 0
    for first in range(0, len(places), CHECKED_AT_A_TIME):
        checked = await client.validate_paths(places[first : first + CHECKED_AT_A_TIME])
        valid += checked.valid_count
        for each in checked.results:
            print(msgspec.json.encode(each).decode() if asked.json else _verdict(each), flush=True)
    if not asked.json:
        print(f"{valid:,} of {len(places):,} valid")
    return 0 if valid == len(places) else 1


def _places(named: str, asked: argparse.Namespace) -> Iterable[dict[str, str]]:
    if named == "-" or ("://" not in named and named.lower().endswith(BATCH_ENDINGS)):
        return places_in(named, mapping_of(asked), asked.type)
    return [place(named, None, asked.type)]


def _verdict(checked: CheckedPath) -> str:
    if not checked.valid:
        return one_line(f"invalid  {checked.path}: {checked.error} ({checked.error_type})")
    size = None if checked.size is None else f"{checked.size:,} bytes"
    known = ", ".join(filter(None, (checked.content_type, size)))
    return one_line(f"valid    {checked.path}" + (f" ({known})" if known else ""))
