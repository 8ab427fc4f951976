"""`/openapi.json`, from the route table, the handlers' docstrings and msgspec's own schemas."""

import inspect
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import msgspec
from quart import Quart

from api.batch import Started
from api.control import Retried
from api.export import TYPES
from api.multipart import CONTENT_TYPE as FORM
from api.problems import CONTENT_TYPE, ProblemBody
from api.results import JSON, LIMIT_DEFAULT, LIMIT_MAX
from api.single import Processed
from api.snapshot import JobReport, Page
from api.taking import Upload
from api.template import Template
from protocol.checks import CheckedPaths, PathToCheck
from protocol.requests import Document, RetryBatch, TaggingConfig

Schema = dict[str, Any]

TITLE = "Tagstream"
BEARER: Schema = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
REF = "#/components/schemas/{name}"
FILE: Schema = {"type": "string", "format": "binary"}
EXCLUSION_FILE: Schema = FILE | {"description": "Terms that no tag may be: text, or PDF."}


class Operation(NamedTuple):
    """What the route table does not say about a route."""

    answers: dict[int, type[msgspec.Struct] | None]
    """The good answers; None: no schema."""
    refuses: tuple[int, ...] = ()
    body: str | None = None
    """The schema of the request's body."""
    query: tuple[tuple[str, Schema], ...] = ()
    public: bool = False
    form: str | None = None
    """The schema of the body as a form, which may be sent instead."""
    files: tuple[str, ...] = ()
    """The content types in which the good answer may be had besides."""
    listed: bool = False
    """The good answer is a list of these."""


_JOB = (401, 404, 503)
_PAGE = (
    ("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}),
    ("after", {"type": "integer", "minimum": 0, "description": "The `next` of the page before."}),
    ("status", {"enum": ["success", "failed"]}),
    ("format", {"enum": ["json", *TYPES], "description": "All rows as a file; else by `Accept`."}),
)
_OBSERVER = (
    ("token", {"type": "string", "description": "Where no Authorization header can be sent."}),
    ("cursor", {"type": "string", "description": "Go on behind the message that carried it."}),
)
OPERATIONS: dict[str, Operation] = {
    "batch.start": Operation({202: Started}, (400, 401, 409, 413, 415, 422, 503), body="StartBatch", form="StartForm"),
    "paths.validate": Operation({200: CheckedPaths}, (400, 401, 413, 415, 422), body="PathsToCheck"),
    "uploads.upload": Operation({201: Upload}, (400, 401, 408, 413, 415, 422, 429, 503), form="Files", listed=True),
    "single.process": Operation(
        {200: Processed}, (400, 401, 408, 409, 413, 415, 422, 429, 503, 504), form="SingleForm"
    ),
    "control.cancel": Operation({200: JobReport}, (*_JOB, 409)),
    "control.pause": Operation({200: JobReport}, (*_JOB, 409)),
    "control.resume": Operation({200: JobReport}, (*_JOB, 409)),
    "control.retry": Operation({202: Retried}, (400, *_JOB, 409, 413, 415, 422), body="RetryBatch"),
    "control.delete": Operation({204: None}, _JOB),
    "results.status": Operation({200: JobReport}, _JOB),
    "results.results": Operation({200: Page}, (*_JOB, 409, 422), query=_PAGE, files=tuple(TYPES.values())),
    "template.template": Operation(
        {200: Template},
        (401, 422, 503),
        query=(("format", {"enum": ["json", "csv", "xlsx"]}),),
        files=(TYPES["csv"], TYPES["xlsx"]),
    ),
    "sockets.observer": Operation({101: None}, (426,), query=_OBSERVER),
    "events.events": Operation({200: None, 204: None}, (*_JOB, 429), query=_OBSERVER),
    "app.health": Operation({200: None}, public=True),
    "app.ready": Operation({200: None}, (503,), public=True),
    "app.description": Operation({200: None}, public=True),
    "app.messages": Operation({200: None}, public=True),
    "app.schemas": Operation({200: None}, public=True),
}


@cache
def document(app: Quart) -> bytes:
    """The description of `app`, OpenAPI 3.1."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": TITLE, "version": release(), "license": {"name": "MIT", "identifier": "MIT"}},
            "paths": _paths(app),
            "components": {"schemas": _schemas(), "securitySchemes": {"bearer": BEARER}},
        }
    )


def release() -> str:
    """The version that is described."""
    try:
        return version("tagstream")
    except PackageNotFoundError:  # run from a checkout
        return "0"


def _paths(app: Quart) -> Schema:
    paths: Schema = {}
    for rule in app.url_map.iter_rules():
        operation = OPERATIONS[rule.endpoint]
        handler = app.view_functions[rule.endpoint]
        path = rule.rule.replace("<", "{").replace(">", "}")
        for method in (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}:
            described = _described(operation, inspect.getdoc(handler) or "", sorted(rule.arguments))
            paths.setdefault(path, {})[method.lower()] = {"operationId": handler.__name__, **described}
    return paths


def _described(operation: Operation, text: str, arguments: list[str]) -> Schema:
    answers = {str(status): _answered(status, kind, operation) for status, kind in operation.answers.items()}
    for answer in answers.values() if operation.files else ():
        answer["content"] |= {kind: {} for kind in operation.files}
    answers |= {str(status): _answer(status, _ref(ProblemBody.__name__), CONTENT_TYPE) for status in operation.refuses}
    described: Schema = {
        "summary": text.partition("\n")[0],
        "security": [] if operation.public else [{"bearer": []}],
        "parameters": [_parameter(name, "path", {"type": "string"}) for name in arguments]
        + [_parameter(name, "query", schema) for name, schema in operation.query],
        "responses": answers,
    }
    sent = {JSON: operation.body, FORM: operation.form}
    if content := {kind: {"schema": _ref(schema)} for kind, schema in sent.items() if schema}:
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answered(status: int, kind: type[msgspec.Struct] | None, operation: Operation) -> Schema:
    schema = _ref(kind.__name__) if kind else None
    return _answer(status, {"type": "array", "items": schema} if schema and operation.listed else schema, JSON)


def _answer(status: int, schema: Schema | None, content_type: str) -> Schema:
    content = {"content": {content_type: {"schema": schema}}} if schema else {}
    return {"description": HTTPStatus(status).phrase, **content}


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _ref(name: str) -> Schema:
    return {"$ref": REF.format(name=name)}


def _schemas() -> Schema:
    kinds = [
        Started,
        JobReport,
        Page,
        ProblemBody,
        Document,
        TaggingConfig,
        RetryBatch,
        Retried,
        Upload,
        CheckedPaths,
        PathToCheck,
        Processed,
        Template,
    ]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    schemas["Document"] = _as_sent(schemas["Document"])
    schemas["PathToCheck"]["required"] = ["path"]
    schemas["PathsToCheck"] = _object(paths={"type": "array", "minItems": 1, "items": _ref("PathToCheck")})
    schemas["Files"] = _object(files={"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}})
    schemas["StartBatch"] = {
        "type": "object",
        "description": "A batch to start.",
        "properties": {
            "documents": {"type": "array", "minItems": 1, "items": _ref("Document")},
            "config": _ref("TaggingConfig"),
            "column_mapping": {
                "type": "object",
                "description": "Our field to your column, or the reverse.",
                "additionalProperties": {"type": "string"},
            },
            "job_id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        },
        "required": ["documents", "config"],
        "additionalProperties": False,
    }
    schemas["StartForm"] = _form(schemas["StartBatch"]["properties"])
    schemas["SingleForm"] = _single_form(schemas["Document"]["properties"])
    return schemas


def _form(known: Schema) -> Schema:
    """A batch to start as a form: the documents in a file, everything else as it stands in JSON."""
    properties = {
        "file": FILE | {"description": "CSV or XLSX, a document in each row."},
        **{name: known[name] for name in ("config", "column_mapping", "job_id")},
        "exclusion_file": EXCLUSION_FILE,
    }
    return _object(**properties) | {"required": ["file", "config"]}


def _single_form(known: Schema) -> Schema:
    """One document to process: the file itself, or where it lies."""
    properties = {
        "pdf_file": FILE,
        "pdf_url": {"type": "string", "format": "uri"},
        "config": _ref("TaggingConfig"),
        **{name: known[name] for name in ("title", "description", "password")},
        "exclusion_file": EXCLUSION_FILE,
    }
    return _object(**properties) | {"required": [], "oneOf": [{"required": ["pdf_file"]}, {"required": ["pdf_url"]}]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _as_sent(read: Schema) -> Schema:
    """A document as clients send it: all but its path may be left out or null, an id may be a whole number, and columns
    of their own stand beside.
    """
    properties = {name: schema for name, schema in read["properties"].items() if name != "columns"}
    properties |= {
        "title": {"type": ["string", "null"]},
        "file_source_type": {"anyOf": [properties["file_source_type"], {"type": "null"}]},
        "id": {"type": ["string", "integer", "null"]},
    }
    return read | {"properties": properties, "required": ["file_path"], "additionalProperties": True}
