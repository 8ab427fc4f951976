"""The path of one document: claim → fetch → extract → tag → finish. The only file that knows the order."""

import logging
import time
import uuid
from dataclasses import dataclass

import msgspec

from actors.dispatch import Dispatcher
from actors.errors import DocumentError, InternalFault, KeyRefused
from actors.extract import Extraction
from actors.fetch import Fetcher
from actors.governor import Call, Governor, tokens_planned
from actors.leases import Interrupted, Lease, Leases, insist
from actors.records import Claim, RowAddress, Stage
from actors.reply import cost
from actors.retry import AttemptFailed
from actors.sandbox import Sandbox
from actors.seal import Seal, SealBroken
from actors.settings import Settings
from actors.store import JobStore
from actors.tag import ModelTagger, Question, Tagging, tag_locally
from actors.wordlist import WordLists
from protocol.messages import Row

log = logging.getLogger(__name__)

LOCAL = "local/"

_extraction = msgspec.json.Decoder(Extraction)


@dataclass(frozen=True, slots=True)
class Processor:
    """What the actor needs; one for each worker process."""

    store: JobStore
    dispatcher: Dispatcher
    leases: Leases
    fetcher: Fetcher
    sandbox: Sandbox
    tagger: ModelTagger
    governor: Governor
    seal: Seal
    settings: Settings
    word_lists: WordLists

    def process_document(self, job_id: str, run: str, row_id: int) -> None:
        """The actor. A message about a row that is done, cancelled, waiting or held does nothing.

        Raises:
            AttemptFailed: the retry middleware decides what follows.
        """
        claim = self.store.claim(RowAddress(job_id, run, row_id), uuid.uuid4().hex)
        if claim is None:
            return
        try:
            with self.leases.hold(claim, alone=claim.dangerous) as lease:
                row = self._tagged(claim, lease)
                self.dispatcher.send(insist(lambda: self.store.finish(claim, row, tokens=cost(row.metadata or {}))))
        except Interrupted:
            log.info("row %d of job %s is no longer ours", row_id, job_id)
        except DocumentError as error:
            raise AttemptFailed(claim, error) from None
        except Exception:
            log.exception("row %d of job %s failed by our own fault", row_id, job_id)
            raise AttemptFailed(claim, InternalFault("Something went wrong inside the service.")) from None

    def _tagged(self, claim: Claim, lease: Lease) -> Row:
        started = time.monotonic()
        excluded = self._excluded(claim, lease)
        extraction = self._extraction(claim, lease)
        self._begin(claim, lease, "tag", b"" if claim.checkpoint else msgspec.json.encode(extraction))
        tagging = self._tagging(claim, lease, extraction, excluded)
        took_s = round(time.monotonic() - started, 3)
        return Row.success(
            claim.row_id,
            claim.document.title,
            tags=tagging.tags,
            evidence=tagging.evidence,
            retry_count=claim.attempt,
            model_name=claim.model_name,
            metadata={**extraction.metadata, **tagging.metadata, "processing_time": took_s},
            id=claim.document.id,
        )

    def _excluded(self, claim: Claim, lease: Lease) -> list[str]:
        """What no tag may be: known before anything of the row is done."""
        if claim.exclusions is None:
            self._begin(claim, lease, "extract")  # so that a list that kills workers is not read for ever
        lease.rest()  # it is the job's list, not the document, that takes its time
        terms = self.word_lists.terms(claim)
        lease.go_on()
        return [*claim.config.exclusion_words, *terms]

    def _extraction(self, claim: Claim, lease: Lease) -> Extraction:
        """What stands in the document: fetched and read once, kept for later attempts."""
        if claim.checkpoint is not None:
            return _extraction.decode(claim.checkpoint)

        def begin() -> None:
            lease.go_on()
            self._begin(claim, lease, "extract")  # not before: who only waits is not to blame for a worker's death

        with lease.run(self.fetcher.fetch(claim.document, claim.owner)) as blob:
            lease.rest()
            return self.sandbox.extract(blob, claim.config.num_pages, self._password(claim), begin, claim.owner)

    def _begin(self, claim: Claim, lease: Lease, stage: Stage, checkpoint: bytes = b"") -> None:
        lease.check()
        if not insist(lambda: self.store.begin(claim, stage, checkpoint)):
            raise Interrupted

    def _tagging(self, claim: Claim, lease: Lease, extraction: Extraction, excluded: list[str]) -> Tagging:
        question = Question(
            pages=extraction.pages,
            title=claim.document.title,
            description=claim.document.description,
            model_name=claim.model_name,
            num_tags=claim.config.num_tags,
            exclusion_words=excluded,
            vocabulary=claim.config.vocabulary,
            language=claim.config.language,
            evidence=claim.config.evidence,
        )
        if claim.model_name.startswith(LOCAL):
            return _stepping_in(claim, tag_locally(question))
        api_key = self._api_key(claim)
        call = Call(
            budget=self.governor.budget(api_key, claim.model_name),
            row=f"{claim.job_id}/{claim.row_id}",
            tokens=tokens_planned(extraction.text),
            limits=self.governor.limits(claim.config, claim.api_key_from),
        )
        return self.governor.run(lease, call, lambda: self.tagger.tag(question, api_key))

    def _api_key(self, claim: Claim) -> str:
        if claim.api_key_from == "server":
            if not self.settings.provider_api_key:
                raise KeyRefused("The job counts on the server's own key, and this server has none any more.")
            return self.settings.provider_api_key
        try:
            return self.seal.open("api_key", claim.sealed_api_key or "")
        except SealBroken:
            raise KeyRefused("The job's api key can no longer be read: the server's secret key has changed.") from None

    def _password(self, claim: Claim) -> str | None:
        if claim.sealed_password is None:
            return None
        try:
            return self.seal.open("password", claim.sealed_password)
        except SealBroken:
            raise InternalFault("The document's password can no longer be read.") from None


def _stepping_in(claim: Claim, tagging: Tagging) -> Tagging:
    """Keywords are less than what was asked for where a model was to be asked first."""
    if claim.model_name == claim.first_model:
        return tagging
    return msgspec.structs.replace(tagging, metadata={**tagging.metadata, "degraded": True})
