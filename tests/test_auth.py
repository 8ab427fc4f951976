"""Who is let in (contract §1 and §2; reliability 11 and 12)."""

import base64
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from actors.settings import Settings
from api.auth import LAST_EXPIRY_S, Door, NotAuthenticated, mint

SETTINGS = Settings(secret_key="a secret key of the tests, of 32 bytes and more")
DOOR = Door(SETTINGS)


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are believed, unless changed; None leaves one out."""
    known = {"sub": "alice", "aud": SETTINGS.token_audience, "exp": int(time.time()) + 60} | changes
    return {name: value for name, value in known.items() if value is not None}


def signed(header: Any, payload: Any, secret_key: str = SETTINGS.secret_key) -> str:
    """A token signed by HS256 whatever its header says."""
    parts = [_part(header), _part(payload)]
    signature = hmac.digest(secret_key.encode(), ".".join(parts).encode(), "sha256")
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def refuse(token: str | None) -> NotAuthenticated:
    """The refusal that the token meets."""
    with pytest.raises(NotAuthenticated) as refusal:
        DOOR.admit(token)
    return refusal.value


def test_a_minted_token_names_its_subject_and_its_end() -> None:
    before = time.time()
    caller = DOOR.admit(mint(SETTINGS, "alice", ttl_s=60))
    assert caller.subject == "alice"
    assert before + 58 < caller.expires_at <= time.time() + 60


def test_a_token_by_another_program_with_the_same_key_is_believed() -> None:
    assert DOOR.admit(signed({"alg": "HS256", "typ": "JWT"}, claims(roles=["x"]))).subject == "alice"


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_answered_without_an_error_code(token: str | None) -> None:
    assert refuse(token).challenge == "Bearer"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"aud": None},
        {"aud": "somebody else"},
        {"aud": ["somebody else"]},
        {"aud": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"sub": ["alice"]},
        {"sub": "a" * 257},
        {"sub": "a\nb"},
        {"sub": "a\x00"},
        {"sub": "\ud800"},
        {"nbf": 9999999999},
        {"nbf": "soon"},
        {"iat": 9999999999},
    ],
)
def test_claims_that_are_missing_wrong_or_odd_are_refused(changes: dict[str, Any]) -> None:
    assert refuse(signed({"alg": "HS256"}, claims(**changes))).challenge == 'Bearer error="invalid_token"'


def test_one_of_several_audiences_is_enough() -> None:
    assert DOOR.admit(signed({"alg": "HS256"}, claims(aud=["other", "tagstream"]))).subject == "alice"


def test_the_issuer_counts_where_one_is_set() -> None:
    door = Door(replace(SETTINGS, token_issuer="https://issuer.example"))
    assert door.admit(signed({"alg": "HS256"}, claims(iss="https://issuer.example")))
    for issuer in (None, "https://other.example", 1):
        with pytest.raises(NotAuthenticated):
            door.admit(signed({"alg": "HS256"}, claims(iss=issuer)))
    assert door.admit(mint(replace(SETTINGS, token_issuer="https://issuer.example"), "alice"))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": 1},
        {"alg": "HS256", "crit": 1},
        {"alg": "HS256", "crit": [[]]},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "none"},
        {"alg": "HS512"},
        {"alg": "HS384"},
        {"alg": "RS256"},
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": ["HS256"]},
        {"alg": None},
        {"alg": "HS256", "kid": 1},
        {},
        [],
        1,
        None,
        "HS256",
        b"\xff",
        b"[" * 400,
        b"",
    ],
)
def test_a_hostile_header_is_a_bad_token(header: Any) -> None:
    assert refuse(signed(header, claims())).shown


@pytest.mark.parametrize("payload", [b"[" * 60_000, b"1" * 5_000, b"\xff", b"", b"null", b"[]", b'{"sub":"a"'])
def test_a_hostile_payload_is_a_bad_token(payload: bytes) -> None:
    assert refuse(signed({"alg": "HS256"}, payload)).shown


def test_a_key_that_the_header_brings_is_not_looked_at() -> None:
    own = "an attacker's own key, long enough for it"
    jwk = OctKey.import_key(own).as_dict(private=True)
    assert refuse(signed({"alg": "HS256", "jwk": jwk, "jku": "https://evil.example"}, claims(), own)).shown
    rsa = RSAKey.generate_key(2048)
    assert refuse(jwt.encode({"alg": "RS256", "jwk": rsa.as_dict(private=False)}, claims(), rsa)).shown


def test_another_key_and_a_changed_byte_are_refused() -> None:
    assert refuse(signed({"alg": "HS256"}, claims(), "another key of at least 32 bytes !!")).shown
    head, body, tail = mint(SETTINGS, "alice").split(".")
    assert refuse(f"{head}.{body}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}").shown
    assert refuse(f"{head}.{_part(claims(sub='bob'))}.{tail}").shown
    assert refuse(f"{head}.{body}.").shown


@given(st.text() | st.from_regex(r"\A[\w-]*\.[\w-]*\.[\w-]*\Z"))
def test_rubbish_never_raises_anything_else(token: str) -> None:
    assert refuse(token).shown == bool(token)


def test_a_token_of_many_years_ends_at_a_time_that_clocks_can_say() -> None:
    assert DOOR.admit(signed({"alg": "HS256"}, claims(exp=10**400))).expires_at == LAST_EXPIRY_S


def test_a_refusal_repeats_nothing_of_the_token() -> None:
    token = signed({"alg": "HS256"}, claims(sub="a-secret-name"), "another key of at least 32 bytes !!")
    assert "secret" not in str(refuse(token))
    assert refuse(token).__cause__ is None
