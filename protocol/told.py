"""What one iteration of `watch` has told, so that it tells no row twice, whichever way the news come. Pure."""

from collections import Counter

import msgspec

from protocol.messages import Catchup, JobState, Keepalive, Message, Progress
from protocol.view import Heard
from protocol.words import DocumentStatus, JobStatus


class Told:
    """The rows of the job's present run that were told as ended, and where the stream stands."""

    def __init__(self, cursor: str | None = None) -> None:
        self.cursor = cursor
        """Where a socket goes on."""
        self.rows: dict[int, DocumentStatus] = {}
        """Empty unless `whole`."""
        self.whole = False
        """Whether all rows that ended were told here: not so behind a cursor that the caller brought."""
        self.status: JobStatus | None = None
        """None until the first catchup."""
        self.run: str | None = None
        """Which run they are of, as far as HTTP said it."""
        self._heard = Heard()

    @property
    def goes_on(self) -> bool | None:
        """The `resumed` of a catchup that is made up here: whether it tells only what is new; None of the first."""
        if self.whole:
            return True
        return None if self.status is None and self.cursor is None else False

    def news(self, message: Message) -> Message | None:
        """What of a message is new, and is told from now on; None: nothing."""
        news = None if self._heard.repeats(message) else self._take(message)
        self.cursor = message.cursor or self.cursor
        return news

    def contradicts(self, now: JobState, run: str | None) -> bool:
        """Whether this is another run of the job: it says so, or counts fewer rows than were told."""
        if None not in (run, self.run) and run != self.run:
            return True
        counts = Counter(self.rows.values())
        return counts[DocumentStatus.SUCCESS] > now.processed_count or counts[DocumentStatus.FAILED] > now.failed_count

    def forget(self) -> None:
        """Begin anew: the rows that were told are not those of the present run."""
        self.rows, self.whole, self.cursor = {}, False, None

    def _take(self, message: Message) -> Message | None:
        match message:
            case Catchup():
                return self._catch_up(message)
            case Progress():
                return self._move(message)
            case Keepalive():
                self.status = message.status
        return message

    def _catch_up(self, told: Catchup) -> Catchup:
        ended = {row.row_id: row.status for row in told.results}
        if self.whole and self.cursor is None and told.resumed is None:
            # The first socket, after polling: it goes on where it holds all that was told, else the run is another.
            told = msgspec.structs.replace(told, resumed=self.rows.items() <= ended.items())
        if not told.resumed:
            self.rows, self.whole, self.run = ended, True, None
        elif self.whole:
            told = msgspec.structs.replace(told, results=[row for row in told.results if row.row_id not in self.rows])
            self.rows |= ended
        self.status = told.state.status
        return told

    def _move(self, told: Progress) -> Progress | None:
        if told.row_id in self.rows:
            return None
        if told.status.final and self.whole:
            self.rows[told.row_id] = told.status
        if self.status is JobStatus.PENDING:
            self.status = JobStatus.PROCESSING
        return told
