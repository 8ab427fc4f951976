"""Every setting, with its default and its meaning; frozen. `environment` reads them."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class PrivateSources:
    """Hosts and networks that documents may be fetched from although they are private."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. Times end in their unit."""

    secret_key: str = field(repr=False)
    """Signs tokens and, by derived keys, seals api keys at rest: at least 32 bytes."""
    host: str = "0.0.0.0"  # noqa: S104 - a container's platform reaches it from outside
    port: int = 8000
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    """Jobs live here."""
    broker_url: str = field(default="", repr=False)
    """The queue lives here; empty: the same server, the next database number."""
    token_issuer: str = ""
    """When set, a token's `iss` must be this."""
    token_audience: str = "tagstream"

    single_timeout_s: float = 120.0
    """Seconds that `POST /api/single/process` waits for its document."""
    keepalive_s: float = 30.0
    """Seconds without a message before a keepalive (seed §5; proxies cut silent sockets after 30-120 s)."""
    observers_per_caller: int = 10_000
    """Sockets and event streams that one caller may have open at one API process."""
    observer_max_age_s: float = 0.0
    """Seconds after which an observer is sent to connect again, before a platform cuts it off; 0: never."""
    observer_compression: bool = False
    """Whether permessage-deflate is agreed on with observers that offer it; about 100 kB for each."""
    job_ttl_s: int = 7 * 24 * 3600
    """Seconds that a job lives after its last write, while it is not over."""
    retention_s: int = 24 * 3600
    """Seconds that a job lives after its ending."""
    max_documents: int = 10_000

    private_sources: PrivateSources = PrivateSources()
    local_root: Path | None = None
    """`local` documents lie below this folder; None: the source type is off."""
    fetch_timeout_s: float = 60.0
    fetch_max_bytes: int = 50 * 1024 * 1024
    max_paths: int = 1_000
    """Paths that one call of `validate-paths` looks at."""

    s3_endpoint: str = ""
    """Empty: AWS. With `{bucket}` in it each bucket has a host of its own (virtual-hosted style)."""
    s3_region: str = "us-east-1"
    s3_access_key_id: str = field(default="", repr=False)
    """Empty, likewise the next: what the platform's environment or role gives."""
    s3_secret_access_key: str = field(default="", repr=False)
    s3_buckets: tuple[str, ...] = ()
    """`bucket` or `bucket/prefix`: what callers may read with these credentials; empty: the source type is off."""

    upload_bucket: str = ""
    """`bucket` or `bucket/prefix` where uploads are kept, which callers never read by its name; empty: in Redis."""
    upload_max_bytes: int = 20 * 1024 * 1024
    """The largest upload where they are kept in Redis; in a bucket it is `fetch_max_bytes`."""
    upload_body_max_bytes: int = 256 * 1024 * 1024
    """All files of one request together."""
    uploads_per_caller: int = 10_000
    """Uploads of one caller that are kept at a time."""
    upload_bytes_per_caller: int = 256 * 1024 * 1024
    """What those may take in Redis."""

    provider_base_url: str = "https://openrouter.ai/api/v1"
    provider_api_key: str = field(default="", repr=False)
    provider_timeout_s: float = 60.0
    model: str = ""
    """The model of jobs that name none; empty: `openai/gpt-4o-mini` where there is a key, else `local/keywords`."""

    worker_processes: int = 1
    worker_threads: int = 32
    """Documents in flight in one worker process."""
    extract_processes: int = 0
    """Children that read PDFs, for each worker process; 0: one for each core."""
    extract_timeout_s: float = 30.0
    extract_memory_mb: int = 512
    """Of each such child, and of each Tesseract that it starts."""
    ocr_languages: str = "eng,hin"
    """What scans may be written in: the names of Tesseract's data, by commas."""
    ocr_timeout_s: float = 60.0
    """CPU time of Tesseract for all scanned pages of a document."""

    rpm: int = 0
    """Calls of a model a minute, for each key; 0: learned. A job's own `rpm` goes before it; likewise the next two."""
    tpm: int = 0
    """Tokens a minute; 0: what the provider's headers say."""
    concurrency: int = 0
    """Calls in flight; 0: learned."""
    owner_rows: int = 0
    """Rows of one owner that are out at a time, in all jobs together; 0: any number."""
    max_attempts: int = 5
    """Attempts of a row whose model or network fails; a 429 does not count."""
    rate_limit_wait_s: int = 3600
    """A row gives up when its waits for rate limits would add up to more."""
    backoff_min_ms: int = 1_000
    backoff_max_ms: int = 60_000
    lease_s: float = 10.0
    """A worker that has not said that it lives for so long has lost its rows."""
    document_timeout_s: float = 300.0
    """All work of one attempt at a document, from its claim to its end."""
    shutdown_s: float = 8.0
    """Seconds that running rows have to end after SIGTERM, before they go back to the queue."""

    @property
    def queue_url(self) -> str:
        """Where the broker's messages lie: never the database of the jobs, since its maintenance runs KEYS."""
        return self.broker_url or _next_database(self.redis_url)


def _next_database(url: str) -> str:
    """The same server, one database further; its number stands in the query, or last in the path."""
    address, _, query = url.partition("?")
    known = dict(parse_qsl(query))
    if "db" in known or address.startswith("unix:"):
        return f"{address}?{urlencode(known | {'db': _next(known.get('db', ''))})}"
    parts = urlsplit(url)
    return parts._replace(path=f"/{_next(parts.path.strip('/'))}").geturl()


def _next(database: str) -> int:
    return int(database) + 1 if database.isdigit() else 1
