"""Who is asking: a Bearer token in, a `Caller` out.

Tokens are JWTs signed with `TAGSTREAM_SECRET_KEY` by HS256, and by nothing else, whatever their header says:
keys and algorithms that a header brings are not looked at.
"""

import time
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from quart import Request, Websocket

from actors.settings import Settings

ALGORITHMS = ["HS256"]
SUBJECT_MAX_LENGTH = 256
TOKEN_TTL_S = 3600
LAST_EXPIRY_S = 253402300799
"""The end of the year 9999: a later `exp` is read as this."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has shown a token."""

    subject: str
    """Owns the jobs that this caller starts."""
    expires_at: float
    """Seconds since the epoch: when the token ends."""


class NotAuthenticated(Exception):
    """No token, or one that cannot be believed; `shown` tells which."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__("the token is invalid or has expired" if shown else "a Bearer token is required")
        self.shown = shown

    @property
    def challenge(self) -> str:
        """The value of `WWW-Authenticate` (RFC 6750 §3: no error code where no token was shown)."""
        return 'Bearer error="invalid_token"' if self.shown else "Bearer"


class Door:
    """Believes the tokens that were made with this service's key for this service."""

    def __init__(self, settings: Settings) -> None:
        self._key = OctKey.import_key(settings.secret_key)
        self._claims = jwt.JWTClaimsRegistry(
            exp={"essential": True},
            sub={"essential": True},
            aud={"essential": True, "value": settings.token_audience},
            iss={"essential": True, "value": settings.token_issuer} if settings.token_issuer else {},
        )

    def admit(self, token: str | None) -> Caller:
        """The caller whom `token` names.

        Raises:
            NotAuthenticated: there is none, or it is not to be believed.
        """
        if not token:
            raise NotAuthenticated(shown=False)
        try:
            claims = jwt.decode(token, self._key, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        # A hostile token raises bare TypeErrors and more out of joserfc: it is a bad token, never our fault.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise NotAuthenticated(shown=True) from None
        if not claims["sub"].isprintable() or len(claims["sub"]) > SUBJECT_MAX_LENGTH:
            raise NotAuthenticated(shown=True)
        return Caller(claims["sub"], float(min(claims["exp"], LAST_EXPIRY_S)))

    def admit_request(self, request: Request) -> Caller:
        """The caller of an HTTP request: `Authorization` alone counts."""
        return self.admit(_bearer(request))

    def admit_observer(self, asking: Websocket | Request) -> Caller:
        """The caller of a socket or an event stream: `Authorization`, or `?token=`; of a socket also the subprotocol
        pair `bearer, <token>`.
        """
        offered = _offered(asking) if isinstance(asking, Websocket) else None
        return self.admit(_bearer(asking) or offered or asking.args.get("token"))


def mint(settings: Settings, subject: str, ttl_s: float = TOKEN_TTL_S) -> str:
    """A token for `subject` that is good for `ttl_s` seconds."""
    now = int(time.time())
    claims: dict[str, str | int] = {
        "sub": subject, "aud": settings.token_audience, "iat": now, "exp": now + round(ttl_s)
    }  # fmt: skip
    if settings.token_issuer:
        claims["iss"] = settings.token_issuer
    return jwt.encode({"alg": ALGORITHMS[0]}, claims, OctKey.import_key(settings.secret_key))


def subprotocol(websocket: Websocket) -> str | None:
    """The subprotocol to select: `bearer` where the client brought its token in the pair."""
    return "bearer" if _offered(websocket) else None


def _bearer(message: Request | Websocket) -> str | None:
    scheme, _, token = message.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _offered(websocket: Websocket) -> str | None:
    match websocket.requested_subprotocols:
        case [scheme, token] if scheme == "bearer":
            return token
    return None
