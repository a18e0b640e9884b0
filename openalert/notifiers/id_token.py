"""ID tokens: who signed one, and whether it was made for us, now, and for this very sign-in.

Nothing in a token decides how it is checked. The algorithms are ours and the provider's, the key is one that the
provider publishes, and a header that wants anything else (a key or an address of its own, compression, extensions)
is refused before any cryptography. Sources: RFC 7515, RFC 8725, OpenID Connect Core 1.0 section 3.1.3.7.
"""

import binascii
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.errors import Unauthenticated
from openalert.domain.instant import SECOND, Instant
from openalert.domain.single_sign_on import refused

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Asymmetric ones alone: with any other, a public key could be taken for a secret."""
LONGEST = 64 * 1024
LEEWAY = 60
"""Seconds by which clocks may differ."""
_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_HEADER = {"alg", "kid", "typ", "cty", "x5t", "x5t#S256"}
"""What may stand in a header; only alg and kid are looked at."""
_SHORTEST_RSA = 2_048

Claims = dict[str, Any]
Jwk = Mapping[str, Any]


class Header(msgspec.Struct, frozen=True):
    """What a token says about its signature: enough to choose the key, and nothing that chooses for us."""

    alg: str
    kid: str | None


class UnknownKey(Unauthenticated):
    """The provider published no such key when it was last asked."""

    code = "ID_TOKEN_REFUSED"


def read_header(token: str, algorithms: Sequence[str]) -> Header:
    """The header of a compact JWS that may be checked at all; Unauthenticated for everything else."""
    if len(token) > LONGEST:
        raise refused("it is too long to be one.")
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii() or not all(parts[:2]):
        raise refused("it is not a signed token of three parts.")
    header = _object(parts[0], "header")
    unknown = sorted(set(header) - _HEADER)
    if unknown:
        raise refused(f"its header has {unknown[0][:40]!r}, which is not allowed there.")
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in algorithms or alg not in ALGORITHMS:
        raise refused(f"it is signed with {str(alg)[:20]!r}; allowed are {', '.join(algorithms)}.")
    if kid is not None and not isinstance(kid, str):
        raise refused("its key id is not a text.")
    return Header(alg=alg, kid=kid)


def choose_key(header: Header, keys: Sequence[Jwk]) -> Jwk:
    """The one published key that this header means; UnknownKey when there is none."""
    fitting = [key for key in keys if _fits(key, header)]
    if len(fitting) == 1:
        return fitting[0]
    raise UnknownKey(
        f"The answer of the identity provider is not accepted: it is signed with the key {(header.kid or '')[:64]!r}, "
        "which the provider does not publish."
    )


def verify(token: str, header: Header, key: Jwk) -> Claims:
    """The claims of a token whose signature is right; Unauthenticated otherwise."""
    from joserfc import jwk, jws
    from joserfc.errors import JoseError, SecurityWarning

    public = {name: key[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in key}
    if public["kty"] == "RSA" and 6 * len(str(public.get("n", ""))) < _SHORTEST_RSA:
        raise refused("the key of the provider is too short.")
    try:
        with warnings.catch_warnings():
            # Providers still write EdDSA, which RFC 9864 wants to be called Ed25519.
            warnings.simplefilter("ignore", SecurityWarning)
            signed = jws.deserialize_compact(token, jwk.import_key(public), algorithms=[header.alg])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise refused("its signature is not that of the provider.") from error
    return _decoded(signed.payload, "content")


def check(claims: Claims, *, client_id: str, nonce: str, now: Instant) -> None:
    """Pass when the token is for us, in force at `now`, and of this sign-in; Unauthenticated says what is not."""
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import ClaimError

    token = CodeIDToken(
        claims,
        {},
        {"aud": {"essential": True, "value": client_id}},
        {"nonce": nonce, "client_id": client_id},
    )
    try:
        token.validate(now=now // SECOND, leeway=LEEWAY)
    except ClaimError as error:
        raise refused(_WRONG.get(error.claim, f"its {error.claim} is wrong.")) from error


_WRONG = {
    "aud": "it was made for another application (aud). Compare auth.oidc.client_id.",
    "azp": "it was asked for by another application (azp).",
    "exp": "it has run out (exp). Is the clock of this server right?",
    "nbf": "it is not in force yet (nbf). Is the clock of this server right?",
    "iat": "it was made in the future (iat). Is the clock of this server right?",
    "nonce": "it belongs to another sign-in (nonce).",
    "sub": "it does not say who signed in (sub).",
    "iss": "it does not say who made it (iss).",
}


def _fits(key: Jwk, header: Header) -> bool:
    return (
        key.get("kty") == _KEY_TYPES[header.alg]
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, header.alg)
        and (header.kid is None or key.get("kid") == header.kid)
    )


def _object(part: str, what: str) -> dict[str, Any]:
    """A base64url part as a JSON object."""
    try:
        raw = binascii.a2b_base64(part.translate({45: 43, 95: 47}) + "=" * (-len(part) % 4), strict_mode=True)
    except (ValueError, binascii.Error):
        raise refused(f"its {what} cannot be read.") from None
    return _decoded(raw, what)


def _decoded(raw: bytes, what: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise refused(f"its {what} cannot be read.") from None
