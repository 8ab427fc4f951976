"""A job's exclusion list that came as PDF: read by the first worker that comes to the job, in the sandbox."""

import tempfile
import threading
from collections.abc import Sequence

from actors.blob import Blob
from actors.errors import DocumentRefused, ListRefused
from actors.extract import Extraction
from actors.leases import Interrupted, insist
from actors.records import Claim
from actors.sandbox import Sandbox
from actors.store import JobStore
from protocol.exclusions import LIST_PAGES_MAX, BadList, read_terms

LOCKS = 16


class WordLists:
    """One for each worker process."""

    def __init__(self, store: JobStore, sandbox: Sandbox) -> None:
        self._store, self._sandbox = store, sandbox
        # The rows of a chunk start together: one of them reads, the others wait for what it finds.
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def terms(self, claim: Claim) -> Sequence[str]:
        """The terms of the list, read now where nobody has read it before.

        Raises:
            ListRefused: it cannot be read, or holds no terms that can be used.
            InternalFault: it could not be read this time.
            Interrupted: the row is no longer ours.
        """
        if claim.exclusions is not None:
            return claim.exclusions
        with self._locks[hash(claim.job_id) % LOCKS]:
            terms, pdf = insist(lambda: self._store.exclusion_list(claim.job_id))
            if terms is None:
                terms = self._read(pdf, claim.owner)
                if not insist(lambda: self._store.exclude(claim, terms)):
                    raise Interrupted
            return terms

    def _read(self, pdf: bytes, owner: str) -> list[str]:
        if not pdf:  # the job is gone
            raise Interrupted
        with tempfile.TemporaryFile() as file:
            file.write(pdf)
            file.flush()
            try:
                return _terms_in(self._sandbox.extract(Blob(file, len(pdf)), LIST_PAGES_MAX, owner=owner))
            except DocumentRefused as refused:
                raise ListRefused(
                    f"The exclusion list cannot be read, since {_clause(refused)}", code=refused.code
                ) from None
            except BadList as fault:
                raise ListRefused(f"The exclusion list cannot be used: it {fault}.") from None


def _clause(refused: DocumentRefused) -> str:
    """Its sentence, as it stands within another."""
    sentence = str(refused)
    return sentence[:1].lower() + sentence[1:]


def _terms_in(extraction: Extraction) -> list[str]:
    """A list of which only a part can be read would let through what it forbids."""
    if extraction.page_count > LIST_PAGES_MAX:
        raise BadList(f"has more than {LIST_PAGES_MAX} pages")
    if extraction.pages_read < extraction.page_count:
        raise BadList("has pages that cannot be read")
    return read_terms(extraction.text)
