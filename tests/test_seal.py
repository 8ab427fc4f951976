"""Secrets at rest (contract §4)."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from actors import seal as seal_module
from actors.seal import Seal, SealBroken

SECRET = "a-secret-key-of-at-least-32-bytes"
API_KEY = "sk-or-v1-0123456789"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens_as_it_was(text: str) -> None:
    seal = Seal(SECRET)
    assert seal.open("password", seal.seal("password", text)) == text


def test_a_sealed_text_shows_nothing_and_is_never_twice_the_same() -> None:
    seal = Seal(SECRET)
    first, second = seal.seal("api_key", API_KEY), seal.seal("api_key", API_KEY)
    assert first != second
    assert API_KEY not in first
    assert base64.urlsafe_b64encode(API_KEY.encode()).decode().rstrip("=") not in first


def test_another_secret_or_another_purpose_does_not_open_it() -> None:
    sealed = Seal(SECRET).seal("api_key", API_KEY)
    for other, purpose in ((Seal("x" * 32), "api_key"), (Seal(SECRET), "password")):
        with pytest.raises(SealBroken) as fault:
            other.open(purpose, sealed)  # type: ignore[arg-type]
        assert API_KEY not in str(fault.value)
        assert SECRET not in str(fault.value)


def test_any_changed_part_breaks_the_seal() -> None:
    seal = Seal(SECRET)
    parts = seal.seal("api_key", API_KEY).split(".")
    for place in (0, 2, 3, 4):
        changed = list(parts)
        changed[place] = ("B" if changed[place][0] != "B" else "C") + changed[place][1:]
        with pytest.raises(SealBroken):
            seal.open("api_key", ".".join(changed))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": 1},
        {"alg": "none", "enc": "A256GCM"},
        {"alg": "dir", "enc": "A128GCM"},
        {"alg": "dir"},
        {"alg": "dir", "enc": "A256GCM", "crit": 1},
        {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
        [],
        1,
    ],
)
def test_a_hostile_header_is_a_broken_seal(header: object) -> None:
    seal = Seal(SECRET)
    _, *rest = seal.seal("api_key", API_KEY).split(".")
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    with pytest.raises(SealBroken):
        seal.open("api_key", ".".join([forged, *rest]))


@given(st.text())
def test_rubbish_is_a_broken_seal(text: str) -> None:
    with pytest.raises(SealBroken):
        Seal(SECRET).open("api_key", text)


def test_keys_are_derived_as_rfc_5869_says() -> None:
    expected = HKDF(SHA256(), 32, salt=b"tagstream", info=b"tagstream api_key").derive(SECRET.encode())
    assert seal_module._derive(SECRET.encode(), "api_key") == expected


def test_a_fingerprint_tells_bodies_and_secrets_apart() -> None:
    ours = Seal(SECRET)
    assert ours.fingerprint(b"{}") == ours.fingerprint(b"{}")
    assert len({ours.fingerprint(b"{}"), ours.fingerprint(b"{} "), Seal("x" * 32).fingerprint(b"{}")}) == 3
