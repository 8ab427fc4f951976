"""The page of the observer socket that this service re-founds, sentence by sentence, each with an id.

A test names the sentences that it proves:

    @proves("ws:catchup:on-connect", "ws:catchup:results")
    async def test_...

`test_spec.py` holds that each sentence is proved by a test, that each id that a test names exists, and that no
sentence of the page is missing here.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


class Sentence(NamedTuple):
    """What the page says. A field of a message, a row of a table and an example count as sentences."""

    id: str
    text: str
    """Word by word, line by line; `[...]` stands for indented lines of an example."""
    settled: str = ""
    """What the contract decides where the page contradicts itself, is silent, or is outdone."""


PAGE = (
    Sentence("ws:overview:real-time", "WebSocket endpoint for observing batch processing progress in real-time."),
    Sentence(
        "ws:overview:read-only",
        "This is a read-only observer - processing runs independently in the background, "
        "and disconnecting the WebSocket does not cancel the job.",
        "What an observer sends is ignored; a frame over 4 KiB closes with 1009.",
    ),
    Sentence("ws:connect:endpoint", "Endpoint: ws://localhost:8000/api/batch/ws/{job_id}"),
    Sentence(
        "ws:connect:token-in-query",
        "Authentication: Pass token as query parameter\n"
        "ws://localhost:8000/api/batch/ws/{job_id}?token=your_access_token",
        "Also as the pair of subprotocols `bearer, TOKEN`.",
    ),
    Sentence(
        "ws:connect:token-in-header",
        "Alternatively, you can pass the token in the Authorization header:\nAuthorization: Bearer your_access_token",
    ),
    Sentence(
        "ws:connect:job-id",
        "job_id\nstring\nrequired\nUnique identifier for the batch processing job.",
        "Somebody else's job answers like one that is not there.",
    ),
    Sentence(
        "ws:connect:job-id-from-start",
        "Generated when starting a job via POST /api/batch/start.",
        "A client may choose it.",
    ),
    Sentence("ws:connect:flow", "Connect to the WebSocket endpoint with the job ID and authentication token."),
    Sentence(
        "ws:catchup:on-connect",
        "On connect, the server immediately sends all results so far:",
        "With a cursor that is honoured, those since the cursor.",
    ),
    Sentence("ws:catchup:type", 'type\nstring\nMessage type: "catchup"'),
    Sentence("ws:catchup:job-id", "job_id\nstring\nThe job identifier"),
    Sentence(
        "ws:catchup:state",
        "state\nobject\nCurrent job state including status, progress, processed_count, failed_count, total",
        "Counts are integers here. Further fields follow.",
    ),
    Sentence(
        "ws:catchup:results",
        "results\narray\nArray of all document results processed so far",
        "By row_id. Beside them `rows`: what runs or waits; and a `cursor`.",
    ),
    Sentence(
        "ws:catchup:example",
        'Example:\n{\n  "type": "catchup",[...]"tags": ["tag1", "tag2"]\n    }\n  ]\n}',
        "A result has its row_number too.",
    ),
    Sentence("ws:progress:when", "As each document is processed, the server sends progress updates:"),
    Sentence("ws:progress:type", 'type\nstring\nMessage type: "progress"'),
    Sentence("ws:progress:job-id", "job_id\nstring\nThe job identifier"),
    Sentence("ws:progress:row-id", "row_id\ninteger\nZero-based row index in the batch"),
    Sentence("ws:progress:row-number", "row_number\ninteger\nOne-based row number for display (row_id + 1)"),
    Sentence(
        "ws:progress:title",
        "title\nstring\nDocument title",
        "Without one of the caller's: the file's name, else `Document N`.",
    ),
    Sentence(
        "ws:progress:status",
        'status\nstring\nProcessing status: "pending", "processing", "success", or "failed"',
        "`pending` is also the wait for a retry.",
    ),
    Sentence(
        "ws:progress:progress",
        "progress\nnumber\nOverall job progress as a decimal (0.0 to 1.0)",
        "Rows that have ended ÷ all rows; it never decreases, and the last row's message says 1.0.",
    ),
    Sentence("ws:progress:tags", "tags\narray\nGenerated tags (present on success)", "On success, and only there."),
    Sentence(
        "ws:progress:error",
        "error\nstring\nError message (present on failure)",
        "On failure, and on a wait that an error caused.",
    ),
    Sentence(
        "ws:progress:error-type",
        'error_type\nstring\nError category: "rate-limit", "model-error", "network", etc.',
        "A closed list. It comes with `error`.",
    ),
    Sentence(
        "ws:progress:retry-after-ms",
        "retry_after_ms\ninteger\nMilliseconds to wait before retry (for rate limit errors)",
        "For every error that is tried again, from now.",
    ),
    Sentence(
        "ws:progress:retry-count",
        "retry_count\ninteger\nCurrent attempt number",
        "Of the attempt that the message is about, 1 = the first.",
    ),
    Sentence("ws:progress:model-name", "model_name\nstring\nAI model being used for processing"),
    Sentence(
        "ws:progress:metadata",
        "metadata\nobject\nAdditional metadata (extraction_method, is_scanned, ocr_confidence, etc.)",
        "`ocr_confidence` comes with the reading of scans; until then a scan fails with `ocr-unavailable`.",
    ),
    Sentence(
        "ws:progress:example",
        'Example:\n{\n  "job_id": [...]"processing_time": 2.3\n  }\n}',
        "It forgets its type, which its own table and JavaScript need: we send it.",
    ),
    Sentence("ws:ending:when", "When all documents are processed or the job is stopped:"),
    Sentence(
        "ws:ending:type",
        'type\nstring\nMessage type: "completed", "cancelled", or "error"',
        "Exactly one of them, as the last message; then the server closes with 1000.",
    ),
    Sentence("ws:ending:job-id", "job_id\nstring\nThe job identifier"),
    Sentence(
        "ws:ending:processed-count",
        "processed_count\nstring\nNumber of successfully processed documents",
        "A string in endings, an integer elsewhere.",
    ),
    Sentence("ws:ending:failed-count", "failed_count\nstring\nNumber of failed documents"),
    Sentence(
        "ws:ending:message",
        "message\nstring\nCompletion summary message",
        "`Job completed`, or a sentence that says why the job ended otherwise.",
    ),
    Sentence("ws:ending:example", 'Example:\n{\n  "type": "completed",[...]"message": "Job completed"\n}'),
    Sentence(
        "ws:keepalive:when",
        "Every 30 seconds (if no updates), the server sends a keepalive:",
        "The time is a setting. One also tells at once that a job was paused or resumed.",
    ),
    Sentence("ws:keepalive:example", '{\n  "type": "keepalive",[...]"status": "processing"\n}'),
    Sentence("ws:summary:catchup", "catchupOn connectionAll results and state so far"),
    Sentence("ws:summary:progress", "progressPer documentIndividual document processing update"),
    Sentence("ws:summary:completed", "completedJob finishedAll documents processed"),
    Sentence("ws:summary:cancelled", "cancelledJob cancelledProcessing stopped by user"),
    Sentence(
        "ws:summary:error",
        "errorJob failedCritical error occurred",
        "A job whose status is `failed`: the provider refused its key.",
    ),
    Sentence("ws:summary:keepalive", "keepaliveEvery 30sConnection health check"),
    Sentence(
        "ws:refusal:frame",
        'If authentication fails:\n{\n  "error": "Authentication required",[...]\n}',
        "A job that is not there, or somebody else's: `Job not found`, closed likewise.",
    ),
    Sentence("ws:refusal:code", "Connection closes with code 1008 (policy violation)."),
    Sentence(
        "ws:javascript:connect",
        "const jobId = '550e8400-e29b-41d4-a716-446655440000';\n"
        "const token = 'your_access_token';\n"
        "const ws = new WebSocket(`ws://localhost:8000/api/batch/ws/${jobId}?token=${token}`);",
    ),
    Sentence("ws:javascript:parse", "ws.onmessage = (event) => {[...]switch(data.type) {"),
    Sentence("ws:javascript:catchup", "case 'catchup':[...]break;"),
    Sentence("ws:javascript:progress", "case 'progress':[...]break;"),
    Sentence("ws:javascript:completed", "case 'completed':[...]break;"),
    Sentence("ws:javascript:keepalive", "case 'keepalive':[...]break;"),
    Sentence("ws:javascript:error", "ws.onerror = (error) => {[...]\n};"),
    Sentence("ws:javascript:close", "ws.onclose = () => {[...]\n};"),
    Sentence("ws:notes:disconnecting", "Disconnecting from the WebSocket does not cancel the job."),
    Sentence("ws:notes:background", "Processing continues in the background."),
    Sentence(
        "ws:notes:cancel",
        "Use POST /api/batch/jobs//cancel to stop a job.",
        "Its address has lost the job: POST /api/batch/jobs/{job_id}/cancel.",
    ),
    Sentence(
        "ws:notes:already-completed",
        "If the job is already completed when you connect, you\u2019ll receive the catchup message "
        "followed immediately by a completion message.",
        "However it ended; then the server closes with 1000.",
    ),
    Sentence("ws:notes:ttl", "Jobs are stored in Redis with a TTL.", "`expires_at` says when it ends."),
    Sentence("ws:notes:retention", "Results are available for retrieval for a limited time after completion."),
)
IDS = frozenset(sentence.id for sentence in PAGE)


def proves(*ids: str) -> Callable[[Test], Test]:
    """Mark a test that proves these sentences of the page.

    Raises:
        ValueError: the page has no such sentence.
    """
    if unknown := set(ids) - IDS:
        raise ValueError(f"no sentence has the id {', '.join(sorted(unknown))}")
    return lambda test: test
