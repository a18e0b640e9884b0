"""Saying yes to Amazon SNS: only to Amazon, and only where Amazon is."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from openalert.notifiers.http import Answer
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.sns import SnsSubscriber

pytestmark = pytest.mark.anyio
SNS = "https://sns.eu-west-1.amazonaws.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NAMES = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def certificate() -> bytes:
    """A certificate of the key, as Amazon publishes its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime(2026, 9, 20, tzinfo=UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def question(version: str = "2", **changes: Any) -> dict[str, Any]:
    """A question as Amazon signs it; `changes` come after the signature."""
    asked = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "m",
        "Token": "t",
        "TopicArn": "arn:aws:sns:eu-west-1:1:topic",
        "Message": "You have chosen to subscribe",
        "SubscribeURL": f"{SNS}/?Action=ConfirmSubscription&Token=t",
        "Timestamp": "2026-09-20T10:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": f"{SNS}/SimpleNotificationService-1.pem",
    }
    text = "".join(f"{name}\n{asked[name]}\n" for name in NAMES).encode()
    signature = KEY.sign(text, padding.PKCS1v15(), hashes.SHA1() if version == "1" else hashes.SHA256())
    return asked | {"Signature": base64.b64encode(signature).decode()} | changes


class Amazon:
    """Amazon's side: a certificate, and a subscription that is confirmed by visiting it."""

    def __init__(self, content: bytes | None = None) -> None:
        self.visited: list[str] = []
        self.content = certificate() if content is None else content

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Serve the certificate, or take the confirmation; anything else is a fault of the test."""
        assert method == "GET"
        assert url.startswith(f"{SNS}/")
        self.visited.append(url)
        content = self.content if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"
        return Answer(status=200, headers={}, body=content, complete=True)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_question_is_answered(version: str) -> None:
    """Both versions of the signature; the certificate first, then the confirmation."""
    amazon, asked = Amazon(), question(version)
    await SnsSubscriber(client=amazon).confirm(asked)
    assert amazon.visited == [asked["SigningCertURL"], asked["SubscribeURL"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"Token": "another"},
        {"TopicArn": "arn:aws:sns:eu-west-1:2:theirs"},
        {"Signature": "AAAA"},
        {"Signature": "no base64!"},
        {"Signature": None},
        {"SignatureVersion": "3"},
    ],
)
async def test_what_amazon_has_not_signed_is_not_answered(changes: dict[str, Any]) -> None:
    """A question that was changed, or whose signature is none."""
    amazon = Amazon()
    with pytest.raises(NotifierError):
        await SnsSubscriber(client=amazon).confirm(question(**changes))
    assert [url for url in amazon.visited if "ConfirmSubscription" in url] == []


@pytest.mark.parametrize(
    "address",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
        None,
        7,
    ],
)
async def test_no_other_address_is_visited(address: Any) -> None:
    """Neither for the certificate nor for the confirmation."""
    for member in ("SigningCertURL", "SubscribeURL"):
        amazon = Amazon()
        with pytest.raises(NotifierError):
            await SnsSubscriber(client=amazon).confirm(question(**{member: address}))
        assert all(url.endswith(".pem") for url in amazon.visited)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"x" * 20_000])
async def test_a_broken_certificate_proves_nothing(content: bytes) -> None:
    """Whatever Amazon's address serves, only a certificate counts."""
    amazon = Amazon(content)
    with pytest.raises(NotifierError):
        await SnsSubscriber(client=amazon).confirm(question())
    assert len(amazon.visited) == 1
