"""A push service on loopback, and the browser behind it: what RFC 8030, 8188, 8291 and 8292 ask of a sender is checked.

Bodies are opened by `http_ece`, tokens by a verifier of our own making that shares no line with the sender.
"""

import base64
from typing import Any

import http_ece
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.webhook import FakeWebhook, Received

DAY_SECONDS = 86_400


def text(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(given: str) -> bytes:
    """Back from it."""
    return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))


class FakeBrowser:
    """A browser's half of a subscription: the keys that never leave it."""

    def __init__(self) -> None:
        """Fresh keys."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = bytes(range(16))
        public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.keys = {"p256dh": text(public), "auth": text(self._auth)}

    def subscription(self, endpoint: str) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` has it."""
        return {"endpoint": endpoint, "expirationTime": None, "keys": self.keys}

    def open(self, body: bytes) -> bytes:
        """The text of a message for this browser."""
        plain: bytes = http_ece.decrypt(
            body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"
        )
        return plain


class Push(msgspec.Struct):
    """One message as the browser gets it."""

    ttl: int
    urgency: str
    topic: str
    claims: dict[str, Any]
    key: str
    """The public key of the sender."""
    payload: dict[str, Any]
    size: int
    """Bytes of the payload."""


class FakePushService(FakeWebhook):
    """The push service; speaks TLS alone, as real ones do. `pushes(now)` are the messages in order, each checked."""

    def __init__(self, browser: FakeBrowser, certificate: Certificate | None = None) -> None:
        """The service of this browser."""
        self.certificate = certificate or make_certificate()
        super().__init__(certificate=self.certificate)
        self.browser = browser
        self.answer(201, {"Location": "/message/1"}, b"")

    @property
    def endpoint(self) -> str:
        """Where the browser's messages go; a secret, as those of real services."""
        return f"https://{self.host}:{self.port}/push/s3cret-endpoint"

    def pushes(self, now: int) -> list[Push]:
        """What was sent so far; fails on anything that a real service would refuse at `now` (seconds)."""
        return [self._checked(request, now) for request in self.requests]

    def _checked(self, request: Received, now: int) -> Push:
        headers = request.headers
        assert (request.method, request.path) == ("POST", "/push/s3cret-endpoint")
        assert headers["content-encoding"] == "aes128gcm"
        assert 0 < len(request.body) <= 4_096
        assert headers["urgency"] in ("very-low", "low", "normal", "high")
        topic = headers.get("topic", "")
        assert len(topic) <= 32
        assert topic == "" or topic.replace("-", "").replace("_", "").isalnum()
        scheme, _, parameters = headers["authorization"].partition(" ")
        assert scheme == "vapid"
        given = dict(part.strip().split("=", 1) for part in parameters.split(","))
        assert set(given) == {"t", "k"}
        claims = self._verified(given["t"], given["k"])
        assert claims["aud"] == f"https://{self.host}:{self.port}"
        assert now < claims["exp"] <= now + DAY_SECONDS
        assert claims.get("sub", "mailto:").startswith(("mailto:", "https://"))
        plain = self.browser.open(request.body)
        return Push(
            ttl=int(headers["ttl"]),
            urgency=headers["urgency"],
            topic=topic,
            claims=claims,
            key=given["k"],
            payload=msgspec.json.decode(plain, type=dict[str, Any]),
            size=len(plain),
        )

    @staticmethod
    def _verified(token: str, public: str) -> dict[str, Any]:
        """The claims of a token that was signed with the key of this public one, by ES256 alone."""
        head, body, signature = token.split(".")
        assert msgspec.json.decode(raw(head)) == {"typ": "JWT", "alg": "ES256"}
        numbers = raw(signature)
        assert len(numbers) == 64
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(public))
        der = encode_dss_signature(int.from_bytes(numbers[:32], "big"), int.from_bytes(numbers[32:], "big"))
        key.verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        return msgspec.json.decode(raw(body), type=dict[str, Any])
