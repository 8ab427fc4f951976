"""The options of the command line: what each command may be told."""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import get_args

from protocol.config import Language

CONFIG_OPTIONS = ("num_tags", "num_pages", "language", "evidence", "fallback_models")
"""Those that are settings of a batch, by the same names."""


def file_options(parser: argparse.ArgumentParser, forms: Sequence[str], default: str | None, text: str) -> None:
    """Of what gives a file. `default`: None where a file is one of several things that may be had."""
    parser.add_argument("--format", choices=forms, default=default, help=text)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where it goes; default: standard output")


def retry_options(parser: argparse.ArgumentParser) -> None:
    """Which rows run again, and by which model."""
    parser.set_defaults(json=False)
    parser.add_argument("--row", type=int, action="append", metavar="ID", help="this row alone (may be repeated)")
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    model_options(parser)


def model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, and whose key."""
    parser.add_argument("--model", help="the model to ask; local/keywords needs no key")
    parser.add_argument("--api-key-env", metavar="NAME", help="the variable that holds the key for the model")


def upload_options(parser: argparse.ArgumentParser) -> None:
    """Which files."""
    parser.add_argument("file", nargs="+", help="PDFs; all are kept, or none")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")


def config_options(parser: argparse.ArgumentParser) -> None:
    """How documents are read and tagged."""
    model_options(parser)
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


def process_options(parser: argparse.ArgumentParser) -> None:
    """Which document, and how."""
    parser.add_argument("document", help="a PDF, or its http or https address")
    parser.add_argument("--json", action="store_true", help="all that the server says")
    config_options(parser)


def start_options(parser: argparse.ArgumentParser) -> None:
    """What a batch is started from, and how."""
    parser.set_defaults(job=None)
    parser.add_argument(
        "file", help="CSV or XLSX with a header, or JSON: a list of documents, or an object; - is standard input"
    )
    parser.add_argument("--watch", action="store_true", help="follow the job to its end")
    config_options(parser)
    parser.add_argument("--column", action="append", metavar="OURS=YOURS", help="your column of a field of ours")
    parser.add_argument("--exclusions", type=Path, metavar="FILE", help="terms that no tag may be: text or PDF")
    parser.add_argument("--job-id", dest="own_job_id", metavar="ID", help="the job's id, instead of a new one")


def job_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    common: argparse.ArgumentParser,
    run: Callable[..., Awaitable[int]],
    text: str,
) -> argparse.ArgumentParser:
    """A command about one job, called as the function that carries it out."""
    parser = commands.add_parser(run.__name__, parents=[common], help=text)
    parser.set_defaults(run=run)
    parser.add_argument("job", help="its id")
    return parser
