"""Settings: each one is read, refused with a sentence that names its variable, and secrets are never echoed."""

import ipaddress
from dataclasses import fields
from pathlib import Path

import pytest

from actors.environment import BARE_NAMES, BadSetting, from_environment
from actors.settings import PrivateSources, Settings

SECRET_KEY = "k" * 32
SECRETS = {
    "TAGSTREAM_SECRET_KEY": "short-secret",
    "REDIS_URL": "http://user:hush@redis/0",
    "TAGSTREAM_BROKER_URL": "user:hush@redis",
}

INTEGERS = {
    "PORT": (1, 65_535),
    "TAGSTREAM_JOB_TTL_S": (1, 31_536_000),
    "TAGSTREAM_RETENTION_S": (1, 31_536_000),
    "TAGSTREAM_OBSERVERS_PER_CALLER": (1, 1_000_000),
    "TAGSTREAM_MAX_DOCUMENTS": (1, 100_000),
    "TAGSTREAM_FETCH_MAX_BYTES": (1024, 1024**3),
    "TAGSTREAM_MAX_PATHS": (1, 10_000),
    "TAGSTREAM_UPLOAD_MAX_BYTES": (1024, 256 * 1024**2),
    "TAGSTREAM_UPLOAD_BODY_MAX_BYTES": (1024, 64 * 1024**3),
    "TAGSTREAM_UPLOADS_PER_CALLER": (1, 1_000_000),
    "TAGSTREAM_UPLOAD_BYTES_PER_CALLER": (1024, 64 * 1024**3),
    "TAGSTREAM_WORKER_PROCESSES": (1, 256),
    "TAGSTREAM_WORKER_THREADS": (1, 1024),
    "TAGSTREAM_EXTRACT_PROCESSES": (0, 256),
    "TAGSTREAM_EXTRACT_MEMORY_MB": (128, 65_536),
    "TAGSTREAM_OWNER_ROWS": (0, 100_000),
    "TAGSTREAM_RPM": (0, 100_000),
    "TAGSTREAM_TPM": (0, 1_000_000_000),
    "TAGSTREAM_CONCURRENCY": (0, 1_000),
    "TAGSTREAM_MAX_ATTEMPTS": (1, 100),
    "TAGSTREAM_RATE_LIMIT_WAIT_S": (0, 604_800),
    "TAGSTREAM_BACKOFF_MIN_MS": (1, 3_600_000),
    "TAGSTREAM_BACKOFF_MAX_MS": (1, 3_600_000),
}
FRACTIONS = {
    "TAGSTREAM_SINGLE_TIMEOUT_S": (0.1, 3600.0),
    "TAGSTREAM_KEEPALIVE_S": (0.05, 3600.0),
    "TAGSTREAM_OBSERVER_MAX_AGE_S": (0.0, 604_800.0),
    "TAGSTREAM_FETCH_TIMEOUT_S": (0.1, 3600.0),
    "TAGSTREAM_PROVIDER_TIMEOUT_S": (0.1, 3600.0),
    "TAGSTREAM_EXTRACT_TIMEOUT_S": (0.1, 3600.0),
    "TAGSTREAM_OCR_TIMEOUT_S": (1.0, 3600.0),
    "TAGSTREAM_LEASE_S": (0.5, 3600.0),
    "TAGSTREAM_DOCUMENT_TIMEOUT_S": (1.0, 86_400.0),
    "TAGSTREAM_SHUTDOWN_S": (0.0, 600.0),
}
NUMBERS: dict[str, tuple[float, float]] = {**INTEGERS, **FRACTIONS}
WORDS = {
    "TAGSTREAM_HOST": "127.0.0.1",
    "TAGSTREAM_TOKEN_ISSUER": "https://login.example.org",
    "TAGSTREAM_TOKEN_AUDIENCE": "our-tags",
    "TAGSTREAM_PROVIDER_API_KEY": "sk-hush",
    "TAGSTREAM_MODEL": "openai/gpt-4o-mini",
    "TAGSTREAM_S3_REGION": "eu-central-1",
    "TAGSTREAM_S3_ACCESS_KEY_ID": "AKIDHUSH",
    "TAGSTREAM_S3_SECRET_ACCESS_KEY": "hush",
}
OF_THEIR_OWN = {
    "TAGSTREAM_SECRET_KEY",
    "REDIS_URL",
    "TAGSTREAM_BROKER_URL",
    "TAGSTREAM_PRIVATE_SOURCES",
    "TAGSTREAM_LOCAL_ROOT",
    "TAGSTREAM_PROVIDER_BASE_URL",
    "TAGSTREAM_OBSERVER_COMPRESSION",
    "TAGSTREAM_S3_ENDPOINT",
    "TAGSTREAM_S3_BUCKETS",
    "TAGSTREAM_UPLOAD_BUCKET",
    "TAGSTREAM_OCR_LANGUAGES",
}


def variable(field: str) -> str:
    """The environment's name of a setting."""
    return BARE_NAMES.get(field, f"TAGSTREAM_{field.upper()}")


def read(**environ: str) -> Settings:
    """The settings of an environment that has a secret key."""
    return from_environment({"TAGSTREAM_SECRET_KEY": SECRET_KEY} | environ)


def value(settings: Settings, name: str) -> object:
    """What was read for a variable."""
    return next(getattr(settings, each.name) for each in fields(Settings) if variable(each.name) == name)


def refusal(**environ: str) -> str:
    """The sentence with which an environment is refused."""
    with pytest.raises(BadSetting) as caught:
        read(**environ)
    return str(caught.value)


def test_every_setting_is_tried_here() -> None:
    """A new setting wants its line in this file."""
    assert {variable(each.name) for each in fields(Settings)} == set(NUMBERS) | set(WORDS) | OF_THEIR_OWN


def test_an_environment_with_a_secret_key_alone_gives_the_defaults() -> None:
    assert read() == Settings(secret_key=SECRET_KEY)


def test_spaces_around_a_value_and_empty_values_count_as_nothing() -> None:
    assert read(PORT=" 8080 ", TAGSTREAM_MODEL="  ") == Settings(secret_key=SECRET_KEY, port=8080)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_read_from_its_lowest_to_its_highest(name: str) -> None:
    for bound in NUMBERS[name]:
        assert value(read(**{name: str(bound)}), name) == bound


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_range_is_refused_with_the_range(name: str) -> None:
    low, high = NUMBERS[name]
    for beyond in (low - 1, high + 1):
        sentence = refusal(**{name: str(beyond)})
        assert sentence.startswith(f"{name}: '{beyond}'")
        assert f"it wants {low:g} to" in sentence or f"it wants {low} to {high}" in sentence


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["many", "1e", "nan", "inf", "0x10", "1 000"])
def test_what_is_no_number_is_refused(name: str, text: str) -> None:
    assert refusal(**{name: text}).startswith(f"{name}: {text!r} will not do: it wants ")


@pytest.mark.parametrize("name", INTEGERS)
def test_a_fraction_is_no_whole_number(name: str) -> None:
    assert refusal(**{name: "1.5"}).endswith("it wants a whole number")


@pytest.mark.parametrize("name", WORDS)
def test_words_are_taken_as_they_are(name: str) -> None:
    assert value(read(**{name: WORDS[name]}), name) == WORDS[name]


def test_a_missing_secret_key_is_refused_with_a_fresh_example_that_would_do() -> None:
    examples = set()
    for _ in range(2):
        with pytest.raises(BadSetting, match=r"^TAGSTREAM_SECRET_KEY is not set") as caught:
            from_environment({})
        examples.add(str(caught.value).rpartition(" ")[2])
    assert len(examples) == 2
    for example in examples:
        assert from_environment({"TAGSTREAM_SECRET_KEY": example}).secret_key == example


def test_the_secret_key_is_measured_in_bytes() -> None:
    assert read(TAGSTREAM_SECRET_KEY="ä" * 16).secret_key == "ä" * 16
    assert refusal(TAGSTREAM_SECRET_KEY="ä" * 15).startswith("TAGSTREAM_SECRET_KEY: ")


@pytest.mark.parametrize("name", ["REDIS_URL", "TAGSTREAM_BROKER_URL"])
@pytest.mark.parametrize("url", ["redis://host:6379/3", "rediss://user:hush@host/0", "unix:///run/redis.sock?db=2"])
def test_redis_is_named_by_any_of_its_schemes(name: str, url: str) -> None:
    assert value(read(**{name: url}), name) == url


@pytest.mark.parametrize(
    ("redis_url", "queue_url"),
    [
        ("redis://host", "redis://host/1"),
        ("redis://host/0", "redis://host/1"),
        ("rediss://user:hush@host:6380/4?timeout=3", "rediss://user:hush@host:6380/5?timeout=3"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=1"),
        ("unix:///run/redis.sock?protocol=3", "unix:///run/redis.sock?protocol=3&db=1"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=3"),
        ("redis://host/1?db=2", "redis://host/1?db=3"),
    ],
)
def test_the_queue_lies_one_database_further_than_the_jobs(redis_url: str, queue_url: str) -> None:
    assert read(REDIS_URL=redis_url).queue_url == queue_url


def test_the_queue_lies_where_it_is_told_to() -> None:
    assert read(TAGSTREAM_BROKER_URL="redis://other/7").queue_url == "redis://other/7"


@pytest.mark.parametrize("url", ["https://models.example.org/v1", "http://127.0.0.1:9100/v1"])
def test_the_providers_address_loses_its_last_slash_and_nothing_else(url: str) -> None:
    assert read(TAGSTREAM_PROVIDER_BASE_URL=f"{url}/").provider_base_url == url


@pytest.mark.parametrize("url", ["models.example.org/v1", "ftp://models.example.org", "https:///v1", "https://"])
def test_a_providers_address_without_scheme_or_host_is_refused(url: str) -> None:
    assert refusal(TAGSTREAM_PROVIDER_BASE_URL=url).startswith("TAGSTREAM_PROVIDER_BASE_URL: ")


def test_the_local_root_is_a_folder_without_links(tmp_path: Path) -> None:
    folder, link = tmp_path / "documents", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    assert read(TAGSTREAM_LOCAL_ROOT=str(link)).local_root == folder.resolve()


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_local_root_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert refusal(TAGSTREAM_LOCAL_ROOT=str(tmp_path / name)).startswith("TAGSTREAM_LOCAL_ROOT: ")


def test_private_sources_are_hosts_and_networks() -> None:
    assert read(TAGSTREAM_PRIVATE_SOURCES="Files.Internal, 10.1.0.0/16,127.0.0.1, fd00::/8,").private_sources == (
        PrivateSources(
            hosts=frozenset({"files.internal"}),
            networks=tuple(map(ipaddress.ip_network, ("10.1.0.0/16", "127.0.0.1/32", "fd00::/8"))),
        )
    )


@pytest.mark.parametrize(
    "text", ["10.1.0.0/33", "10.1.2.3/8", "https://files.internal/", "*", "a.internal:8080", "[::1]"]
)
def test_a_private_source_that_is_neither_host_nor_network_is_refused(text: str) -> None:
    sentence = refusal(TAGSTREAM_PRIVATE_SOURCES=f"10.0.0.1,{text}")
    assert sentence.startswith("TAGSTREAM_PRIVATE_SOURCES: ")
    assert sentence.endswith("is neither a host nor a network")


def test_a_local_model_that_there_is_not_is_refused() -> None:
    assert read(TAGSTREAM_MODEL="local/keywords").model == "local/keywords"
    assert refusal(TAGSTREAM_MODEL="local/other").endswith("the only local model is local/keywords")


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_will_not_do_is_not_repeated(name: str) -> None:
    sentence = refusal(**{name: SECRETS[name]})
    assert sentence.startswith(f"{name}: its value will not do: ")
    assert "hush" not in sentence
    assert SECRETS[name] not in sentence


def test_settings_show_no_secret() -> None:
    shown = repr(
        read(
            TAGSTREAM_PROVIDER_API_KEY="sk-hush",
            REDIS_URL="redis://user:hush@host/0",
            TAGSTREAM_BROKER_URL="redis://user:hush@host/1",
            TAGSTREAM_S3_ACCESS_KEY_ID="AKIDhush",
            TAGSTREAM_S3_SECRET_ACCESS_KEY="hush",
        )
    )
    assert "port=8000" in shown
    assert "hush" not in shown
    assert SECRET_KEY not in shown


def test_a_switch_is_on_or_off() -> None:
    assert read(TAGSTREAM_OBSERVER_COMPRESSION="on").observer_compression is True
    assert read(TAGSTREAM_OBSERVER_COMPRESSION="off").observer_compression is False
    assert refusal(TAGSTREAM_OBSERVER_COMPRESSION="yes").endswith("'yes' will not do: it wants on or off")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "https://{bucket}.s3.example.org"])
def test_an_endpoint_may_name_the_bucket_in_its_host(url: str) -> None:
    assert read(TAGSTREAM_S3_ENDPOINT=f"{url}/").s3_endpoint == url


@pytest.mark.parametrize("url", ["s3.example.org", "ftp://{bucket}.example.org", "https://"])
def test_an_endpoint_without_scheme_or_host_is_refused(url: str) -> None:
    assert refusal(TAGSTREAM_S3_ENDPOINT=url).startswith("TAGSTREAM_S3_ENDPOINT: ")


def test_buckets_are_named_alone_or_with_a_prefix() -> None:
    assert read(TAGSTREAM_S3_BUCKETS=" docs, more.docs/2026/in/ ,").s3_buckets == ("docs", "more.docs/2026/in")
    assert read(TAGSTREAM_UPLOAD_BUCKET="kept/here/").upload_bucket == "kept/here"


@pytest.mark.parametrize("text", ["Docs", "a", "docs//x", "s3://docs", "docs,-x-", "docs/a b"])
def test_what_is_no_bucket_is_refused(text: str) -> None:
    assert refusal(TAGSTREAM_S3_BUCKETS=text).startswith("TAGSTREAM_S3_BUCKETS: ")


@pytest.mark.parametrize(("text", "read_as"), [("hin", "hin"), ("eng, chi_sim,eng", "eng,chi_sim")])
def test_languages_of_scans_are_read(text: str, read_as: str) -> None:
    assert read(TAGSTREAM_OCR_LANGUAGES=text).ocr_languages == read_as


@pytest.mark.parametrize(
    "text", ["English", "-c", "eng+hin", "eng,", "../eng", ",".join(f"aa{x}" for x in "abcdefghijk")]
)
def test_what_is_no_language_is_refused(text: str) -> None:
    assert refusal(TAGSTREAM_OCR_LANGUAGES=text).endswith("of Tesseract's languages by commas, such as eng,hin,chi_sim")
