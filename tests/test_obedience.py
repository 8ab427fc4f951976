"""A job of hostile documents among ordinary ones, real workers, and a model that obeys whoever speaks to it."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF

from actors.settings import Settings
from bench.conduct import Call
from bench.provider import Provider
from protocol.requests import TaggingConfig
from protocol.words import ErrorType
from tests.jobs import check_invariants
from tests.processes import ended, until
from tests.questions import KEY
from tests.service import MODEL, Service, quick, serving
from tests.test_injection import ANSWERS, ORDERS

NUM_TAGS = 4
FORM = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
ORDINARY = "Ordinary manuals about harbour cranes, grain silos and conveyor belts."
ORDER = re.compile(r"order (\d+)x")


class Obedient(Provider):
    """Answers a document that gives an order as that order has it, and others with their words."""

    def completion(self, call: Call, outcome: str) -> bytes:
        order = ORDER.search(call.messages[1].content)
        self.behaviour.answer = list(ANSWERS.values())[int(order[1])] if order else None
        return super().completion(call, outcome)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Obedient() as provider:
        yield provider


@pytest.fixture
def service(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    orders = list(ORDERS.values())
    for number in range(2 * len(ANSWERS)):
        hostile = f"order {number // 2}x. {orders[number // 2 % len(orders)]}"
        (tmp_path / f"{number}.pdf").write_bytes(one_page(hostile if number % 2 else ORDINARY))
    with serving(quick(settings, tmp_path, provider, provider_api_key=KEY, max_attempts=2), documents=0) as service:
        yield service


def one_page(text: str) -> bytes:
    paper = FPDF()
    paper.add_page()
    paper.set_font("Helvetica", size=9)
    paper.multi_cell(0, 5, text[:1_500].encode("latin-1", "replace").decode("latin-1"))
    return bytes(paper.output())


async def test_an_obedient_model_harms_no_other_row_and_tells_no_secret(service: Service, provider: Provider) -> None:
    service.start(rows=2 * len(ANSWERS), **MODEL, config=TaggingConfig(num_tags=NUM_TAGS, evidence=True))
    with service.worker():
        await until(service.bench, ended)
    results = service.results()
    assert {row_id: row.tags for row_id, row in results.items() if row_id % 2 == 0} == {
        2 * number: ["title", "ordinary", "manuals", "about"] for number in range(len(ANSWERS))
    }
    for row in (row for row_id, row in results.items() if row_id % 2):
        check(row)
    assert provider.stats.calls <= len(ANSWERS) * (1 + 2)
    assert not any(KEY in event.body for event in service.bench.events())
    check_invariants(service.bench)


def check(row: Any) -> None:
    """The row of a hostile document: tags as they always are, or a failure of the model."""
    if row.error:
        assert (row.error_type, row.tags) == (ErrorType.MODEL_ERROR, None)
        assert row.error.startswith("The model ")
        return
    assert 1 <= len(row.tags) <= NUM_TAGS
    assert all(FORM.fullmatch(tag) and len(tag) <= 60 for tag in row.tags)
    assert not any(re.sub(r"\W", "", KEY)[at : at + 12] in tag for tag in row.tags for at in range(25))
    assert not row.evidence
