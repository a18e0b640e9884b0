"""Web push: messages that only one browser can read (RFC 8291), and who we are to its push service (RFC 8292).

The push service carries the message and cannot read it: it is encrypted to a key that the browser made for this
subscription. Keys travel as base64url without padding, as browsers and other tools write them.
"""

import base64
import os
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from openalert.domain.instant import HOUR, SECOND, Instant

RECORD = 4_096
"""The size of the one record of a message, which is the longest body that push services must take."""
LONGEST = RECORD - 86 - 17
"""Bytes of text that fit: the record without its header, and without the tag and the end mark of the cipher."""
TOKEN_LASTS = 12 * HOUR
"""How long a push service may believe a token; RFC 8292 allows a day."""
_POINT = 65
_SCALAR = 32
_AUTH = 16


def new_private_key() -> str:
    """A fresh key of ours: the private number of a point on P-256, 32 bytes."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode(number.to_bytes(_SCALAR, "big"))


def public_key(private_key: str) -> str:
    """What browsers are told of that key, an uncompressed point of 65 bytes; ValueError for what is no key."""
    return encode(_point(_private(private_key)))


def check_keys(p256dh: str, auth: str) -> None:
    """Pass for keys as a browser makes them: a point on P-256, and a secret of 16 bytes; else ValueError."""
    _public(p256dh)
    _secret(auth)


def encrypt(text: bytes, p256dh: str, auth: str) -> bytes:
    """A body with `Content-Encoding: aes128gcm` for the browser with these keys; ValueError for keys of no browser."""
    return _encrypt(text, p256dh, auth, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))


def authorization(private_key: str, endpoint: str, subject: str, now: Instant) -> str:
    """The header `Authorization` for the push service of an endpoint; `subject`: a mailto: or https: URL, or empty.

    The token names that service alone, so that no other can use it.
    """
    # Imported here: costly, and most starts of the program send no push.
    from joserfc import jwt
    from joserfc.jwk import ECKey

    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": (now + TOKEN_LASTS) // SECOND}
    if subject:
        claims["sub"] = subject
    public = public_key(private_key)
    point = decode(public)
    key = ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "d": private_key,
            "x": encode(point[1:33]),
            "y": encode(point[33:]),
        }
    )
    token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, key)
    return f"vapid t={token}, k={public}"


def encode(raw: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def decode(text: str) -> bytes:
    """Back from base64url, with or without padding; ValueError for anything else."""
    plain = text.rstrip("=")
    raw = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    if encode(raw) != plain:
        raise ValueError("not base64url")
    return raw


def _encrypt(text: bytes, p256dh: str, auth: str, ours: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """RFC 8291 section 3.4, in one record of RFC 8188; `ours` and `salt` are used for this message alone."""
    if len(text) > LONGEST:
        raise ValueError(f"a message has at most {LONGEST} bytes")
    theirs = _public(p256dh)
    told = _point(ours)
    about = b"WebPush: info\0" + decode(p256dh) + told
    shared = _derive(ours.exchange(ec.ECDH(), theirs), _secret(auth), about, 32)
    key = _derive(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(shared, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(told)]) + told
    return header + AESGCM(key).encrypt(nonce, text + b"\x02", None)  # 2 marks the last record


def _derive(secret: bytes, salt: bytes, about: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, about).derive(secret)


def _private(text: str) -> ec.EllipticCurvePrivateKey:
    raw = decode(text)
    if len(raw) != _SCALAR:
        raise ValueError("not a private key of P-256")
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def _public(text: str) -> ec.EllipticCurvePublicKey:
    raw = decode(text)
    if len(raw) != _POINT:
        raise ValueError("not an uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def _secret(text: str) -> bytes:
    raw = decode(text)
    if len(raw) != _AUTH:
        raise ValueError("not an authentication secret")
    return raw


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
