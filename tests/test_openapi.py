"""The description says what the routes do."""

from typing import Any

import httpx2
import msgspec
from jsonschema import Draft202012Validator

from actors.settings import Settings
from api.app import create_app
from api.openapi import OPERATIONS, document
from tests.served import Served, start_body

SETTINGS = Settings(secret_key="a secret key of the tests, of 32 bytes and more")


def described() -> dict[str, Any]:
    """The description of an app that does not serve."""
    told: dict[str, Any] = msgspec.json.decode(document(create_app(SETTINGS)))
    return told


def test_every_route_is_described_and_nothing_else_is() -> None:
    app = create_app(SETTINGS)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(OPERATIONS)
    paths = {rule.rule.replace("<", "{").replace(">", "}") for rule in app.url_map.iter_rules()}
    assert set(described()["paths"]) == paths


def test_every_operation_has_a_summary_and_answers() -> None:
    for path in described()["paths"].values():
        for operation in path.values():
            assert operation["summary"].endswith((".", ")."))
            assert operation["responses"]
            assert operation["security"] in ([], [{"bearer": []}])


def test_every_reference_leads_somewhere() -> None:
    told = described()
    text = msgspec.json.encode(told).decode()
    names = {part.partition('"')[0] for part in text.split('"$ref":"#/components/schemas/')[1:]}
    assert names <= set(told["components"]["schemas"])
    assert {"StartBatch", "Document", "TaggingConfig", "Row", "ProblemBody"} <= names


def test_forms_and_files_are_described_beside_json() -> None:
    paths = described()["paths"]
    assert {"application/json", "multipart/form-data"} == set(
        paths["/api/batch/start"]["post"]["requestBody"]["content"]
    )
    for path in ("/api/batch/jobs/{job_id}/results", "/api/batch/template"):
        assert {"application/json", "text/csv"} < set(paths[path]["get"]["responses"]["200"]["content"])


def test_a_document_wants_its_path_alone() -> None:
    schemas = described()["components"]["schemas"]
    assert schemas["Document"]["required"] == ["file_path"]
    assert "columns" not in schemas["Document"]["properties"]
    sent = {"file_path": "https://x.org/a.pdf", "title": None, "file_source_type": None, "id": 7, "shelf": {"row": 1}}
    valid = Draft202012Validator({**schemas["Document"], "components": {"schemas": schemas}}).is_valid
    assert (valid(sent), valid({**sent, "id": 1.5}), valid({**sent, "file_source_type": "ftp"})) == (True, False, False)
    assert set(start_body()) <= set(schemas["StartBatch"]["properties"])


async def test_it_is_public(api: Served) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


async def test_what_a_socket_answers_to_plain_http_is_described(api: Served) -> None:
    async with api.client() as client:
        answer = await client.get("/api/batch/ws/job")
    told = described()["paths"]["/api/batch/ws/{job_id}"]["get"]["responses"][str(answer.status_code)]
    assert list(told["content"]) == [answer.headers["content-type"]]
