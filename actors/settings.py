"""Every setting: read from the environment and checked once, then frozen.

`docs/operating.md` lists them for people. Names in the environment are the field's name in capitals with
the prefix `TAGSTREAM_`; `PORT` and `REDIS_URL` stand alone, as container platforms set them.
"""

import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from protocol.config import CONCURRENCY_MAX, RPM_MAX, TPM_MAX

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECRET_KEY_MIN_BYTES = 32
BARE_NAMES = {"port": "PORT", "redis_url": "REDIS_URL"}


class BadSetting(ValueError):
    """A setting that cannot be used; the text names it and says what would do."""


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


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        BadSetting: a value is missing, of the wrong kind, or out of range.
    """
    known: dict[str, Any] = {}
    for each in fields(Settings):
        name = BARE_NAMES.get(each.name, f"TAGSTREAM_{each.name.upper()}")
        text = environ.get(name, "").strip()
        if text:
            known[each.name] = _read(name, each.name, text)
    if "secret_key" not in known:
        raise BadSetting(
            f"TAGSTREAM_SECRET_KEY is not set; it wants at least {SECRET_KEY_MIN_BYTES} random bytes, "
            f"for example {secrets.token_urlsafe(SECRET_KEY_MIN_BYTES)}"
        )
    return Settings(**known)


def _read(name: str, field_name: str, text: str) -> object:
    reader = _READERS.get(field_name, str)
    try:
        return reader(text)
    except ValueError as fault:
        shown = "its value" if field_name in _SECRET else repr(text)
        raise BadSetting(f"{name}: {shown} will not do: {fault}") from None


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError("it wants a whole number" if kind is int else "it wants a number") from None
        if not low <= value <= high:
            raise ValueError(f"it wants {low} to {high}")
        return value

    return read


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("it wants on or off")
    return text == "on"


def _secret_key(text: str) -> str:
    if len(text.encode()) < SECRET_KEY_MIN_BYTES:
        raise ValueError(f"it wants at least {SECRET_KEY_MIN_BYTES} bytes")
    return text


def _redis(text: str) -> str:
    if urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("it wants redis://, rediss:// or unix://")
    return text


def _http(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it wants http:// or https:// with a host")
    return text.rstrip("/")


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ValueError("it wants an existing folder")
    return path.resolve()


def _private_sources(text: str) -> PrivateSources:
    hosts: set[str] = set()
    networks: list[Network] = []
    for entry in filter(None, (part.strip().lower() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            if "/" in entry:
                raise ValueError(f"{entry!r} is neither a host nor a network") from None
            hosts.add(entry)
    return PrivateSources(frozenset(hosts), tuple(networks))


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


_SECRET = frozenset(each.name for each in fields(Settings) if not each.repr)
_READERS: dict[str, Callable[[str], Any]] = {
    "secret_key": _secret_key,
    "port": _number(int, 1, 65_535),
    "redis_url": _redis,
    "broker_url": _redis,
    "keepalive_s": _number(float, 0.05, 3600),
    "observers_per_caller": _number(int, 1, 1_000_000),
    "observer_max_age_s": _number(float, 0, 7 * 24 * 3600),
    "observer_compression": _switch,
    "job_ttl_s": _number(int, 1, 365 * 24 * 3600),
    "retention_s": _number(int, 1, 365 * 24 * 3600),
    "max_documents": _number(int, 1, 100_000),
    "private_sources": _private_sources,
    "local_root": _folder,
    "fetch_timeout_s": _number(float, 0.1, 3600),
    "fetch_max_bytes": _number(int, 1024, 1024**3),
    "provider_base_url": _http,
    "provider_timeout_s": _number(float, 0.1, 3600),
    "worker_processes": _number(int, 1, 256),
    "worker_threads": _number(int, 1, 1024),
    "extract_processes": _number(int, 0, 256),
    "extract_timeout_s": _number(float, 0.1, 3600),
    "extract_memory_mb": _number(int, 128, 65_536),
    "rpm": _number(int, 0, RPM_MAX),
    "tpm": _number(int, 0, TPM_MAX),
    "concurrency": _number(int, 0, CONCURRENCY_MAX),
    "owner_rows": _number(int, 0, 100_000),
    "max_attempts": _number(int, 1, 100),
    "rate_limit_wait_s": _number(int, 0, 7 * 24 * 3600),
    "backoff_min_ms": _number(int, 1, 3_600_000),
    "backoff_max_ms": _number(int, 1, 3_600_000),
    "lease_s": _number(float, 0.5, 3600),
    "document_timeout_s": _number(float, 1, 86_400),
    "shutdown_s": _number(float, 0, 600),
}
