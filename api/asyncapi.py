"""`/asyncapi.json` and `/schemas.json`: what observers hear, generated from the structs of the protocol.

    STRUCTS     the messages by their names on the wire
    PROMISES    what contract §1 promises of them beyond the types of their fields
    document    the channels, AsyncAPI 3.0: operations are the service's own, so it sends and observers listen
    schema      one JSON Schema for any message; `$defs` has each of them

The schemas keep to what draft 07, which AsyncAPI builds on, and draft 2020-12 both understand alike.
Fields may be added to messages, so no schema forbids those that it does not know.
"""

import inspect
from functools import cache
from typing import get_args

import msgspec

from api.openapi import BEARER, REF, TITLE, Schema, release
from api.results import JSON
from api.sockets import ENDED, FAREWELLS, FAULT
from api.transport import INBOUND_MAX_BYTES
from protocol.messages import COMPLETED_MESSAGE, Message, Refusal
from protocol.words import DocumentStatus, ErrorType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEF = "#/$defs/{name}"

REFUSAL = "refusal"
"""It has no `type`, and so no name on the wire."""
STRUCTS: dict[str, type[msgspec.Struct]] = {
    **{str(kind.__struct_config__.tag): kind for kind in get_args(Message)},
    REFUSAL: Refusal,
}

CLOSES = {
    1000: "The ending was told.",
    1008: "Refused. Where the token expired: get another, and go on with your cursor.",
    1009: "You sent too large a frame.",
    1011: "Something went wrong on our side. Go on with your cursor, later.",
    1012: "This replica restarts, or you were here for long. Go on with your cursor.",
    1013: "You read too slowly, or the store behind is away. Go on with your cursor, later.",
}
"""What the code of a close says to an observer."""


def _has(*names: str) -> Schema:
    return {"required": list(names)}


def _lacks(*names: str) -> Schema:
    return {"properties": dict.fromkeys(names, False)}


def _status_is(*statuses: DocumentStatus) -> Schema:
    return {"properties": {"status": {"enum": list(statuses)}}}


_FINAL = tuple(status for status in DocumentStatus if status.final)
_UNFINISHED = tuple(status for status in DocumentStatus if not status.final)
_ROW: list[Schema] = [
    _has("row_number"),
    {"if": _status_is(DocumentStatus.SUCCESS), "then": _has("tags"), "else": _lacks("tags", "evidence")},
    {"if": _status_is(DocumentStatus.FAILED), "then": _has("error", "error_type")},
    {
        "if": _status_is(DocumentStatus.PROCESSING, DocumentStatus.SUCCESS),
        "then": _lacks("error", "error_type", "error_code", "retry_after_ms"),
    },
    {"if": _has("error"), "then": _has("error_type"), "else": _lacks("error_type", "error_code")},
    {
        "if": _has("error_code"),
        "then": {"properties": {"error_type": {"enum": [ErrorType.DOCUMENT, ErrorType.SOURCE]}}},
    },
]
PROMISES: dict[str, list[Schema]] = {
    "Row": _ROW,
    "Progress": _ROW,
    "Catchup": [
        _has("cursor"),
        {"properties": {"results": {"items": _status_is(*_FINAL)}, "rows": {"items": _status_is(*_UNFINISHED)}}},
    ],
    "Completed": [_has("cursor"), {"properties": {"message": {"const": COMPLETED_MESSAGE}}}],
    "Cancelled": [_has("cursor")],
    "Failed": [_has("cursor")],
    "Refusal": [_lacks("type")],
}


def _schemas(ref: str) -> dict[str, Schema]:
    _, found = msgspec.json.schema_components(STRUCTS.values(), ref_template=ref)
    return {name: _described(schema, PROMISES.get(name, [])) for name, schema in found.items()}


def _described(schema: Schema, promises: list[Schema]) -> Schema:
    text = inspect.cleandoc(schema["description"]).partition("\n")[0]
    properties = {name: _as_sent(each) for name, each in schema.get("properties", {}).items()}
    described = schema | {"description": text}
    return described | ({"properties": properties} if properties else {}) | ({"allOf": promises} if promises else {})


def _as_sent(field: Schema) -> Schema:
    """A field as it is sent: left out where there is nothing to say, never null."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else field


def _payload(name: str, ref: str) -> Schema:
    """The schema of a message by itself. A row within a catchup looks like a progress, but has no cursor."""
    whole = {"$ref": ref.format(name=STRUCTS[name].__name__)}
    return {"allOf": [whole, _has("cursor")]} if name == "progress" else whole


@cache
def schema() -> bytes:
    """One JSON Schema that every message satisfies, and nothing that is none."""
    return msgspec.json.encode(
        {
            "$schema": DIALECT,
            "title": f"Whatever {TITLE} tells an observer, version {release()}",
            "oneOf": [_payload(name, DEF) for name in STRUCTS],
            "$defs": _schemas(DEF),
        }
    )


_TOLD = list(STRUCTS)
_STREAMED = [name for name in STRUCTS if name != REFUSAL]
_TOKEN = {"type": "string", "description": "The token, where no header can be sent; addresses end up in logs."}
_CURSOR = {"type": "string", "description": "Go on behind the message that carried it."}
_QUERY = {"type": "object", "properties": {"token": _TOKEN, "cursor": _CURSOR}}
_SECURITY_SCHEMES: Schema = {
    "bearer": BEARER,
    "query": {"type": "httpApiKey", "in": "query", "name": "token"},
    "subprotocol": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "`bearer, TOKEN`; the server selects `bearer`. For browsers, and out of every log.",
    },
}
_SOCKET_TEXT = f"""Read only: whatever an observer sends is ignored; a frame over {INBOUND_MAX_BYTES} bytes closes it.
First a catchup, then a progress for each thing that happens to a row, keepalives in silence, and last exactly one of
completed, cancelled and error; then the server closes with 1000. A socket that is refused tells a refusal and closes
with 1008. `x-close-codes` has all codes with which the server closes."""
_STREAM_TEXT = """The same messages as unnamed Server-Sent Events: `data` is the message, `id` its cursor; keepalives
have no `id`. `Last-Event-ID`, or `cursor` in the query, goes on behind it; the id of the ending is answered with 204.
Refusals are HTTP answers."""


@cache
def document() -> bytes:
    """The channels of observers, AsyncAPI 3.0."""
    return msgspec.json.encode(
        {
            "asyncapi": "3.0.0",
            "info": {"title": TITLE, "version": release(), "license": {"name": "MIT"}},
            "defaultContentType": JSON,
            "servers": {
                "socket": _server("ws", "`wss` where the service stands behind TLS."),
                "http": _server("http", "`https` where the service stands behind TLS."),
            },
            "channels": _channels(),
            "operations": {
                "observe": _operation("socket", _TOLD, ["bearer", "query", "subprotocol"]),
                "stream": _operation("stream", _STREAMED, ["bearer", "query"])
                | {"bindings": {"http": {"method": "GET", "query": _QUERY, "bindingVersion": "0.3.0"}}},
            },
            "components": {
                "messages": {name: _message(name) for name in STRUCTS},
                "schemas": _schemas(REF),
                "securitySchemes": _SECURITY_SCHEMES,
            },
        }
    )


def _channels() -> Schema:
    socket = _channel("/api/batch/ws/{job_id}", "socket", _TOLD, _SOCKET_TEXT)
    bindings = {"ws": {"method": "GET", "query": _QUERY, "bindingVersion": "0.1.0"}}
    return {
        "socket": {**socket, "bindings": bindings, "x-close-codes": _close_codes()},
        "stream": _channel("/api/batch/jobs/{job_id}/events", "http", _STREAMED, _STREAM_TEXT),
    }


def _server(protocol: str, text: str) -> Schema:
    host = {"default": "localhost:8000", "description": "Where the service listens."}
    return {"host": "{host}", "protocol": protocol, "description": text, "variables": {"host": host}}


def _channel(address: str, server: str, names: list[str], text: str) -> Schema:
    return {
        "address": address,
        "description": text.replace("\n", " "),
        "servers": [_ref("servers", server)],
        "parameters": {"job_id": {"description": "The job, as `POST /api/batch/start` named it."}},
        "messages": {name: _ref("components", "messages", name) for name in names},
    }


def _operation(channel: str, names: list[str], schemes: list[str]) -> Schema:
    return {
        "action": "send",
        "summary": "Tell an observer what becomes of a job.",
        "channel": _ref("channels", channel),
        "messages": [_ref("channels", channel, "messages", name) for name in names],
        "security": [_ref("components", "securitySchemes", name) for name in schemes],
    }


def _message(name: str) -> Schema:
    text = (inspect.getdoc(STRUCTS[name]) or "").partition("\n")[0]
    return {"name": name, "title": name, "summary": text, "contentType": JSON, "payload": _payload(name, REF)}


def _ref(*path: str) -> Schema:
    return {"$ref": "/".join(["#", *path])}


def _close_codes() -> list[Schema]:
    farewells = {(each.code, each.reason) for each in (ENDED, FAULT, *FAREWELLS.values()) if each.reason}
    return [
        {"code": code, "means": means, "reasons": sorted(reason for known, reason in farewells if known == code)}
        for code, means in CLOSES.items()
    ]
