"""Secrets at rest: api keys and passwords as JWE, requests recognised by an HMAC (contract §4).

Every purpose has a key of its own, derived from `TAGSTREAM_SECRET_KEY`, so that what was sealed for one
cannot be opened as another, and none of them is the key that signs tokens.
"""

import hmac
from typing import Literal

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

Purpose = Literal["api_key", "password"]

_SALT = b"tagstream"
_HEADER = {"alg": "dir", "enc": "A256GCM"}
_ALGORITHMS = list(_HEADER.values())


class SealBroken(ValueError):
    """A sealed text that this secret key does not open: another key, another purpose, or not as it was."""


class Seal:
    """Seals and opens with keys derived from one secret."""

    def __init__(self, secret_key: str) -> None:
        secret = secret_key.encode()
        self._keys: dict[Purpose, OctKey] = {
            "api_key": OctKey.import_key(_derive(secret, "api_key")),
            "password": OctKey.import_key(_derive(secret, "password")),
        }
        self._fingerprint_key = _derive(secret, "fingerprint")

    def seal(self, purpose: Purpose, text: str) -> str:
        """Encrypt `text` (JWE compact, A256GCM under the purpose's key); never twice the same."""
        return jwe.encrypt_compact(dict(_HEADER), text.encode(), self._keys[purpose], algorithms=_ALGORITHMS)

    def open(self, purpose: Purpose, sealed: str) -> str:
        """What was sealed.

        Raises:
            SealBroken: it was sealed with another key or for another purpose, or it was changed.
        """
        try:
            plain = jwe.decrypt_compact(sealed, self._keys[purpose], algorithms=_ALGORITHMS).plaintext
            return (plain or b"").decode()
        # joserfc lets bare ValueErrors and TypeErrors of hostile headers through.
        except (JoseError, ValueError, TypeError):
            raise SealBroken(f"the sealed {purpose.replace('_', ' ')} cannot be opened with this secret key") from None

    def fingerprint(self, body: bytes) -> str:
        """By this a request is recognised when it comes again; it says nothing about `body` without the secret."""
        return hmac.digest(self._fingerprint_key, body, "sha256").hex()


def _derive(secret: bytes, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) for one block of output: extract, then expand."""
    extracted = hmac.digest(_SALT, secret, "sha256")
    return hmac.digest(extracted, f"tagstream {purpose}".encode() + b"\x01", "sha256")
