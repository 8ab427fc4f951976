"""From a document's text to tags (step 3): by a model over HTTP, or by our own keywords without one.

The key travels with each request and stays in none of our objects; every sentence about a failure is our own, since a
provider's may repeat the key or the text.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple

import httpx2
import msgspec

from actors.answer import mended, read_quotes, read_tags, withhold
from actors.choice import normalise, settle
from actors.errors import DocumentError, DocumentRefused, KeyRefused, ModelFailed, ModelRefused, ProviderAway
from actors.evidence import sentences, supported
from actors.keywords import keywords
from actors.limits import Rates, told_rates
from actors.objection import Objection, follow_up, objection
from actors.prompt import Question, conversation, response_format, shown_of
from actors.reply import COUNTS, Reply, completion, cost, refuses_format, total
from actors.settings import Settings
from actors.vocabulary import vocabulary_of
from protocol.messages import Evidence
from protocol.words import ErrorCode

__all__ = ["ModelTagger", "Question", "Tagging", "tag_locally"]

NONSENSE = "The model answered nonsense: no tag could be read from its words."
LOCAL_SPARE = 100
"""Further keywords of a document whose job excludes words, so that enough are left."""
LOCAL_TEXT_CHARACTERS = 60_000
"""Of a text are searched for the terms of a vocabulary."""
CONNECT_TIMEOUT_S = 10.0
# Below the 5 s after which common servers close an idle connection, so that we do not send into a closing one.
KEEPALIVE_S = 4.0
REMEMBERED_MODELS = 1_000


class Tagging(msgspec.Struct, frozen=True):
    """The tags of a document, best first, and how they came about."""

    tags: list[str]
    metadata: dict[str, Any]
    """Of a model: `structured`, and `prompt_tokens`, `completion_tokens` where it counts. Of keywords: `degraded`."""
    evidence: list[Evidence] | None = None
    """What supports them; None: nobody asked."""
    rates: Rates = Rates()
    """What the provider says about its limits."""


def tag_locally(question: Question) -> Tagging:
    """Tags from the words of the text itself, without any network.

    With a vocabulary: those of its terms that stand in the text, the most frequent first.

    Raises:
        DocumentRefused: nothing in the text makes a tag.
    """
    if question.vocabulary:
        candidates, degraded = _terms_within(question), False
    else:
        found = keywords(question.text, question.num_tags + (LOCAL_SPARE if question.exclusion_words else 0))
        candidates, degraded = found.phrases, found.degraded
    tags = _chosen(candidates, question)
    if not tags:
        missing = "No term of the vocabulary" if question.vocabulary else "No word that makes a tag"
        raise DocumentRefused(f"{missing} stands in the document's text.", code=ErrorCode.NO_TEXT)
    evidence = sentences(tags, question.pages) if question.evidence else None
    return Tagging(tags, {"degraded": True} if degraded else {}, evidence)


def _chosen(raw: Sequence[str], question: Question) -> list[str]:
    return normalise(
        raw, count=question.num_tags, exclusion_words=question.exclusion_words, vocabulary=question.vocabulary
    )


def _messages(question: Question) -> list[dict[str, str]]:
    """The conversation that asks it; of a vocabulary too long to be shown, what stands in the text comes first."""
    if shown_of(question.vocabulary) == len(question.vocabulary):
        return conversation(question)
    fitting = dict.fromkeys([*_terms_within(question), *question.vocabulary])
    return conversation(msgspec.structs.replace(question, vocabulary=list(fitting)))


def _terms_within(question: Question) -> list[str]:
    return vocabulary_of(tuple(question.vocabulary)).within(question.text[:LOCAL_TEXT_CHARACTERS])


class _Answer(NamedTuple):
    words: str
    usage: dict[str, int]
    """What it has cost, and what was asked before it."""
    cut: bool
    structured: bool
    rates: Rates


class _Reading(NamedTuple):
    """What a model's words come to."""

    tags: list[str]
    evidence: list[Evidence] | None
    named: list[str]
    """The tags that it proposed."""
    objection: Objection | None
    """What is wrong with it where no tag is left; None: it is nonsense."""


def _read(answer: _Answer, api_key: str, question: Question) -> _Reading:
    words = mended(answer.words) if answer.cut else answer.words
    named = withhold(read_tags(words), api_key)
    tags = _chosen(named, question)
    if not tags:
        return _Reading([], None, named, objection(words, named, question, cut=answer.cut))
    if not question.evidence:
        return _Reading(tags, None, named, None)
    quotes = ((settle(quote.tag, question.vocabulary), quote) for quote in read_quotes(words))
    return _Reading(tags, supported(tags, quotes, question.pages), named, None)


class ModelTagger:
    """Asks a model behind an OpenAI-compatible endpoint; one for a process, used on one event loop.

    Structured output is tried first; a model that does not have it is asked in words alone from then on.
    """

    def __init__(self, settings: Settings) -> None:
        import openai  # noqa: PLC0415 - it takes half a second, and a worker of local tags never needs it

        self._openai = openai
        url = httpx2.URL(settings.provider_base_url)
        self._basic = _basic(url)
        self._timeout_s = settings.provider_timeout_s
        self._has_format: dict[str, bool] = {}
        self._client = openai.AsyncOpenAI(
            api_key="each request brings its own",
            base_url=url.copy_with(userinfo=b""),
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S),  # `_post` bounds the whole
            http_client=httpx2.AsyncClient(
                # The worker's threads bound the connections. Cookies would tell one caller's requests from another's.
                limits=httpx2.Limits(
                    max_connections=None,
                    max_keepalive_connections=settings.worker_threads,
                    keepalive_expiry=KEEPALIVE_S,
                ),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            ),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def tag(self, question: Question, api_key: str) -> Tagging:
        """Ask the model for tags; once more where it names none that may stay. Cancelling closes the connection.

        `api_key`: the caller's or the server's; empty where the endpoint wants none.

        Raises:
            ProviderLimited, ModelFailed, ProviderAway: another try may help.
            ModelRefused, KeyRefused: none will.
        """
        # Long documents and large vocabularies take their time, and this loop serves every row of the process.
        messages = await asyncio.to_thread(_messages, question)
        answer = await self._ask(question, messages, api_key)
        reading = await asyncio.to_thread(_read, answer, api_key, question)
        if against := reading.objection:
            again = [*messages, *follow_up(against, reading.named)]
            answer = await self._ask(question, again, api_key, spent=answer.usage)
            reading = await asyncio.to_thread(_read, answer, api_key, question)
        if reading.tags:
            return Tagging(
                reading.tags, {"structured": answer.structured, **answer.usage}, reading.evidence, answer.rates
            )
        if against:
            raise ModelRefused(
                f"{(reading.objection or against).to_people}, also when asked again.", tokens=cost(answer.usage)
            )
        raise ModelFailed(NONSENSE, tokens=cost(answer.usage))

    async def _ask(
        self, question: Question, messages: list[dict[str, str]], api_key: str, spent: Mapping[str, int] | None = None
    ) -> _Answer:
        """The model's answer to a conversation, on which so much was `spent` before."""
        has_format = self._has_format.get(question.model_name)
        structured = has_format is not False
        body = {"model": question.model_name, "messages": messages}
        form = {"response_format": response_format(question)}
        try:
            reply = await self._post(body | form if structured else body, api_key)
            if structured and refuses_format(reply, known_to_have=has_format is True):
                structured = False
                reply = await self._post(body, api_key)
            words, usage, cut = completion(reply)
        except DocumentError as failure:
            failure.tokens = cost(total(spent or {}, dict(zip(COUNTS, failure.tokens, strict=True))))
            raise
        self._remember(question.model_name, structured)
        return _Answer(words, total(spent or {}, usage), cut, structured, told_rates(reply.headers))

    def _remember(self, model_name: str, structured: bool) -> None:
        if len(self._has_format) >= REMEMBERED_MODELS:  # callers name models as they like
            self._has_format.clear()
        self._has_format[model_name] = structured

    async def _post(self, body: dict[str, Any], api_key: str) -> Reply:
        content = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json", "Authorization": self._authorization(api_key)}
        try:
            async with asyncio.timeout(self._timeout_s):
                # The typed method of the SDK costs a third more CPU: it checks what we write and read ourselves.
                response = await self._client.post(
                    "/chat/completions", cast_to=httpx2.Response, content=content, options={"headers": headers}
                )
            return Reply.read(response.status_code, response.headers, response.content)
        except self._openai.APIStatusError as error:
            return Reply.read(error.status_code, error.response.headers, error.response.content)
        except TimeoutError:
            failure: DocumentError = ModelFailed(f"The model did not answer within {self._timeout_s:g} seconds.")
        except self._openai.APIConnectionError:
            failure = ProviderAway("The model's provider could not be reached or broke off.")
        raise failure  # out here, so that it drags no request with its headers along

    def _authorization(self, api_key: str) -> Any:
        """The header's value; credentials in the base URL stand in where there is no key."""
        if not api_key:
            return self._basic or self._openai.Omit()
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise KeyRefused("The key holds characters that no key has.")
        return f"Bearer {api_key}"


def _basic(url: httpx2.URL) -> str:
    pair = f"{url.username}:{url.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}" if url.userinfo else ""
