"""From a document's text to tags (step 3): by a model over HTTP, or by our own keywords without one.

The key travels with each request and stays in none of our objects; every sentence about a failure is our own, since a
provider's may repeat the key or the text.
"""

import asyncio
import base64
from collections.abc import Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
import msgspec

from actors.answer import read_quotes, read_tags, withhold
from actors.choice import normalise, settle
from actors.errors import DocumentError, DocumentRefused, KeyRefused, ModelFailed, ProviderAway
from actors.evidence import sentences, supported
from actors.keywords import keywords
from actors.limits import Rates, told_rates
from actors.prompt import Question, conversation, response_format, shown_of
from actors.records import Tokens
from actors.reply import Reply, completion, cost, refuses_format
from actors.settings import Settings
from actors.spelling import kebab
from actors.vocabulary import vocabulary_of
from protocol.messages import Evidence
from protocol.words import ErrorCode

__all__ = ["ModelTagger", "Question", "Tagging", "tag_locally"]

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


def _read(words: str, api_key: str, question: Question, tokens: Tokens) -> tuple[list[str], list[Evidence] | None]:
    """What a model's words come to; `tokens` is what they cost.

    Raises:
        ModelFailed: no tag that will do is among them.
    """
    named = withhold(read_tags(words), api_key)
    tags = _chosen(named, question)
    if not tags:
        raise ModelFailed(_useless(any(map(kebab, named)), question), tokens=tokens)
    if not question.evidence:
        return tags, None
    quotes = ((settle(quote.tag, question.vocabulary), quote) for quote in read_quotes(words))
    return tags, supported(tags, quotes, question.pages)


def _useless(named: bool, question: Question) -> str:
    """What is wrong with an answer of which nothing is left."""
    if not named:
        return "The model answered nonsense: no tag could be read from its words."
    if question.vocabulary:
        return "The model named no term of the vocabulary that may be a tag."
    return "The model named nothing but terms that are excluded."


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
        """Ask the model for tags. Cancelling closes the connection.

        `api_key`: the caller's or the server's; empty where the endpoint wants none.

        Raises:
            ProviderLimited, ModelFailed, ProviderAway: another try may help.
            ModelRefused, KeyRefused: none will.
        """
        has_format = self._has_format.get(question.model_name)
        structured = has_format is not False
        # Long documents and large vocabularies take their time, and this loop serves every row of the process.
        body = {"model": question.model_name, "messages": await asyncio.to_thread(_messages, question)}
        form = {"response_format": response_format(question)}
        reply = await self._post(body | form if structured else body, api_key)
        if structured and refuses_format(reply, known_to_have=has_format is True):
            structured = False
            reply = await self._post(body, api_key)
        words, usage = completion(reply)
        self._remember(question.model_name, structured)
        tags, evidence = await asyncio.to_thread(_read, words, api_key, question, cost(usage))
        return Tagging(tags, {"structured": structured, **usage}, evidence, told_rates(reply.headers))

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
