"""The settings, read from the environment and checked once.

`docs/operating.md` lists them for people. Names in the environment are the field's name in capitals with
the prefix `TAGSTREAM_`; `PORT` and `REDIS_URL` stand alone, as container platforms set them.
"""

import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from actors.settings import Network, PrivateSources, Settings
from protocol.config import CONCURRENCY_MAX, LOCAL_MODEL, RPM_MAX, TPM_MAX

SECRET_KEY_MIN_BYTES = 32
_HOST = re.compile(r"[\w.-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*")
LANGUAGES_MAX = 10
"""All are tried on each page: more cost more and confuse."""
_LANGUAGE = re.compile(r"[a-z]{3}(?:_[a-z]+)*")
BARE_NAMES = {"port": "PORT", "redis_url": "REDIS_URL"}


class BadSetting(ValueError):
    """A setting that cannot be used; the text names it and says what would do."""


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
            if not _HOST.fullmatch(entry):
                raise ValueError(f"{entry!r} is neither a host nor a network") from None
            hosts.add(entry)
    return PrivateSources(frozenset(hosts), tuple(networks))


def _endpoint(text: str) -> str:
    _http(text.replace("{bucket}", "bucket"))
    return text.rstrip("/")


def _bucket(text: str) -> str:
    if not _BUCKET.fullmatch(place := text.strip().strip("/")):
        raise ValueError(f"{place!r} is neither a bucket's name nor bucket/prefix")
    return place


def _buckets(text: str) -> tuple[str, ...]:
    return tuple(_bucket(part) for part in text.split(",") if part.strip())


def _model(text: str) -> str:
    if text.startswith("local/") and text != LOCAL_MODEL:
        raise ValueError(f"the only local model is {LOCAL_MODEL}")
    return text


def _languages(text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    if len(names) > LANGUAGES_MAX or not all(map(_LANGUAGE.fullmatch, names)):
        raise ValueError(
            f"it wants at most {LANGUAGES_MAX} of Tesseract's languages by commas, such as eng,hin,chi_sim"
        )
    return ",".join(dict.fromkeys(names))


_SECRET = frozenset(each.name for each in fields(Settings) if not each.repr)
_READERS: dict[str, Callable[[str], Any]] = {
    "secret_key": _secret_key,
    "port": _number(int, 1, 65_535),
    "redis_url": _redis,
    "broker_url": _redis,
    "single_timeout_s": _number(float, 0.1, 3600),
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
    "max_paths": _number(int, 1, 10_000),
    "s3_endpoint": _endpoint,
    "s3_buckets": _buckets,
    "upload_bucket": _bucket,
    "upload_max_bytes": _number(int, 1024, 256 * 1024**2),
    "upload_body_max_bytes": _number(int, 1024, 64 * 1024**3),
    "uploads_per_caller": _number(int, 1, 1_000_000),
    "upload_bytes_per_caller": _number(int, 1024, 64 * 1024**3),
    "provider_base_url": _http,
    "model": _model,
    "provider_timeout_s": _number(float, 0.1, 3600),
    "worker_processes": _number(int, 1, 256),
    "worker_threads": _number(int, 1, 1024),
    "extract_processes": _number(int, 0, 256),
    "extract_timeout_s": _number(float, 0.1, 3600),
    "extract_memory_mb": _number(int, 128, 65_536),
    "ocr_languages": _languages,
    "ocr_timeout_s": _number(float, 1, 3600),
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
