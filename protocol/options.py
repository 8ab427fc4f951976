"""The options of the command line: what each command may be told, and what that comes to."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from protocol.batchfile import read_words
from protocol.config import Language
from protocol.failures import Problem
from protocol.faults import Fault
from protocol.words import DocumentStatus

CONFIG_OPTIONS = {
    "model_name": "--model",
    "api_key": "--api-key-env",
    "num_tags": "--num-tags",
    "num_pages": "--num-pages",
    "language": "--language",
    "evidence": "--evidence",
    "fallback_models": "--fallback-model",
    "vocabulary": "--vocabulary",
    "exclusion_words": "--exclude",
    "max_tokens_total": "--max-tokens",
    "rpm": "--rpm",
}
"""By the settings of a batch that they stand for."""
OTHER_OPTIONS = {
    "column_mapping": "--column",
    "exclusion_file": "--exclusions",
    "job_id": "--job-id",
    "password": "--password-env",
    "row_ids": "--row",
    "title": "--title",
}
"""By the fields of a request."""

_FIELD = re.compile(r"(?:config\.)?(\w+)")


class BadCall(ValueError):
    """The command cannot be carried out as it was given; the text is a sentence for people."""


def json_option(parser: argparse.ArgumentParser) -> None:
    """For programs, and for `jq`."""
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")


def template_options(parser: argparse.ArgumentParser) -> None:
    """In which form."""
    file_options(parser, ("csv", "xlsx"), "csv", "its form")


def file_options(parser: argparse.ArgumentParser, forms: Sequence[str], default: str | None, text: str) -> None:
    """Of what gives a file. `default`: None where a file is one of several things that may be had."""
    parser.add_argument("--format", choices=forms, help=f"{text}; default: as FILE ends")
    parser.set_defaults(forms=forms, form_else=default)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where it goes; default: standard output")


def results_options(parser: argparse.ArgumentParser) -> None:
    """Which rows, and in which form."""
    json_option(parser)
    file_options(parser, ("csv", "ndjson", "xlsx"), None, "all rows as a file")
    ended = [str(status) for status in DocumentStatus if status.final]
    parser.add_argument("--status", choices=ended, help="only rows that ended so")


def retry_options(parser: argparse.ArgumentParser) -> None:
    """Which rows run again, and by which model."""
    parser.set_defaults(json=False)
    parser.add_argument(
        "--row",
        type=int,
        action="append",
        metavar="ID",
        help="the row_id, from 0, of what alone runs (may be repeated)",
    )
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    model_options(parser)


def model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, and whose key."""
    parser.add_argument(
        "--model", dest="model_name", metavar="MODEL", help="the model to ask; local/keywords needs no key"
    )
    parser.add_argument("--api-key-env", metavar="NAME", help="the variable that holds the key for the model")


def upload_options(parser: argparse.ArgumentParser) -> None:
    """Which files."""
    parser.add_argument("file", nargs="+", help="PDFs; all are kept, or none")
    json_option(parser)


def validate_options(parser: argparse.ArgumentParser) -> None:
    """Which documents."""
    parser.add_argument(
        "place",
        nargs="+",
        metavar="FILE|PATH",
        help="a batch, as CSV in UTF-8 or JSON (- is standard input), or where a PDF lies",
    )
    parser.add_argument("--type", choices=("local", "upload"), help="what a path without a scheme is")
    json_option(parser)
    _column_option(parser)


def config_options(parser: argparse.ArgumentParser) -> None:
    """How documents are read and tagged."""
    model_options(parser)
    parser.add_argument("--num-tags", type=int, metavar="N", help="tags for each document, 3 to 15")
    parser.add_argument("--num-pages", type=int, metavar="N", help="pages to read of each, 1 to 10")
    parser.add_argument("--language", choices=get_args(Language), help="of the tags; default: the document's own")
    parser.add_argument("--evidence", action="store_true", default=None, help="show what supports each tag")
    parser.add_argument("--vocabulary", type=Path, metavar="FILE", help="tags are chosen from these terms; UTF-8 text")
    parser.add_argument("--exclusions", type=Path, metavar="FILE", help="terms that no tag may be: text or PDF")
    _repeated(parser, "--exclude", "exclusion_words", "WORD", "a tag that nobody wants (may be repeated)")
    text = "steps in where the model before has given a document up (may be repeated)"
    _repeated(parser, "--fallback-model", "fallback_models", "MODEL", text)
    parser.add_argument(
        "--max-tokens",
        type=int,
        dest="max_tokens_total",
        metavar="N",
        help="the job is paused when it has used so many",
    )
    parser.add_argument("--rpm", type=int, metavar="N", help="calls of the model a minute at most")


def process_options(parser: argparse.ArgumentParser) -> None:
    """Which document, and how."""
    parser.add_argument("document", help="a PDF, or its http or https address")
    parser.add_argument("--json", action="store_true", help="all that the server says")
    parser.add_argument("--title", help="what it is called; default: the file's name")
    parser.add_argument("--password-env", metavar="NAME", help="the variable that holds the password of the PDF")
    config_options(parser)


def start_options(parser: argparse.ArgumentParser) -> None:
    """What a batch is started from, and how."""
    parser.add_argument(
        "file", help="CSV or XLSX with a header, or JSON: a list of documents, or an object; - is standard input"
    )
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    config_options(parser)
    _column_option(parser)
    parser.add_argument("--job-id", dest="own_job_id", metavar="ID", help="the job's id, instead of a new one")


def _column_option(parser: argparse.ArgumentParser) -> None:
    _repeated(parser, "--column", "column", "OURS=YOURS", "your column of a field of ours (may be repeated)")


def _repeated(parser: argparse.ArgumentParser, option: str, name: str, metavar: str, text: str) -> None:
    parser.add_argument(option, action="append", dest=name, metavar=metavar, help=text)


def config_of(asked: argparse.Namespace) -> dict[str, Any]:
    """What the options say about the config; they win over the file.

    Raises:
        BadCall: the environment lacks the key.
        BadFile, OSError: the vocabulary will not do.
    """
    given = {name: getattr(asked, name, None) for name in CONFIG_OPTIONS}
    given["api_key"] = secret(asked.api_key_env)
    if given["vocabulary"] is not None:
        given["vocabulary"] = read_words(given["vocabulary"])
    return {name: setting for name, setting in given.items() if setting is not None}


def secret(variable: str | None) -> str | None:
    """What a variable of the environment holds; None: none was named.

    Raises:
        BadCall: it is not there, or empty.
    """
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise BadCall(f"the environment has no {variable}")
    return os.environ[variable]


def mapping_of(asked: argparse.Namespace) -> dict[str, str] | None:
    """What `--column OURS=YOURS` says, once or several times; raises BadCall for anything else."""
    pairs = [pair.partition("=") for pair in asked.column or ()]
    if not all(separator for _, separator, _ in pairs):
        raise BadCall("--column wants OURS=YOURS, as file_path=Weblink")
    return {ours: yours for ours, _, yours in pairs} or None


def form_of(asked: argparse.Namespace) -> Any:
    """The form of the file that is asked for: as is said, else as its name ends, else the command's own if any."""
    ending = asked.output.suffix[1:].lower() if asked.output else ""
    return asked.format or (ending if ending in asked.forms else asked.form_else)


def with_options(problem: Problem) -> Problem:
    """The problem with the option behind each fault that one would mend."""
    return msgspec.structs.replace(problem, errors=[_with_option(fault) for fault in problem.errors])


def _with_option(fault: Fault) -> Fault:
    field = _FIELD.match(fault.path)
    option = (CONFIG_OPTIONS | OTHER_OPTIONS).get(field[1]) if field else None
    if option is None and "column_mapping" in fault.message:
        option = OTHER_OPTIONS["column_mapping"]
    return Fault(fault.path, f"{fault.message} ({option})") if option else fault
