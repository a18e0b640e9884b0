"""Saying yes to Amazon SNS, which asks before it sends: only to a question that Amazon itself has signed.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Certificate and confirmation are fetched
from addresses in the message, so both have to be SNS's own, over https, without a redirect.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Protocol

from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, parse_url
from openalert.notifiers.notifier import NotifierError, Reason

_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?")
_SIGNED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
"""The members of a question, in the order in which they are signed."""
_LARGEST_CERTIFICATE = 16 * 1024


class Client(Protocol):
    """What fetches: `HttpClient`."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """One request, one answer."""

    async def close(self) -> None:
        """Ends what is open."""


class SnsSubscriber:
    """Confirms subscriptions; safe to use from many tasks at once."""

    def __init__(self, outgoing: OutgoingSettings | None = None, client: Client | None = None) -> None:
        """`client` stands in for the one that reaches the network."""
        self._client = client or HttpClient(outgoing or OutgoingSettings())

    async def confirm(self, question: Mapping[str, Any]) -> None:
        """Say yes to a `SubscriptionConfirmation`; NotifierError or LostAnswer, in words for people, when not."""
        certificate = await self._get(_own(question.get("SigningCertURL") or question.get("SigningCertUrl")))
        if len(certificate.body) > _LARGEST_CERTIFICATE or not certificate.complete:
            raise _refused("Amazon's certificate could not be read whole.")
        verify(question, certificate.body)
        await self._get(_own(question.get("SubscribeURL")))

    async def close(self) -> None:
        """Ends what is open."""
        await self._client.close()

    async def _get(self, url: str) -> Answer:
        answer = await self._client.request("GET", url, headers={"Accept": "*/*"})
        if answer.status != 200:
            raise _refused(f"Amazon SNS answered {answer.status}.")
        return answer


def verify(question: Mapping[str, Any], certificate: bytes) -> None:
    """That the owner of the certificate has signed the question; NotifierError when not."""
    # Imported here: most starts of the program confirm nothing.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.x509 import load_pem_x509_certificate

    versions = {"1": hashes.SHA1, "2": hashes.SHA256}
    algorithm = versions.get(str(question.get("SignatureVersion")))
    if algorithm is None:
        raise _refused("The question is signed in a way that is not known.")
    signed = "".join(f"{name}\n{question.get(name)}\n" for name in _SIGNED).encode("utf-8", "replace")
    try:
        signature = base64.b64decode(str(question.get("Signature")), validate=True)
        key = load_pem_x509_certificate(certificate).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise _refused("Amazon's certificate holds no RSA key.")
        key.verify(signature, signed, padding.PKCS1v15(), algorithm())
    except (ValueError, InvalidSignature):
        raise _refused("The question is not signed by Amazon: it was not answered.") from None


def _own(address: Any) -> str:
    """An address of Amazon SNS; NotifierError for any other."""
    url = parse_url(address if isinstance(address, str) else "")
    if url.scheme != "https" or url.port not in (None, 443) or not _HOST.fullmatch(url.host):
        raise _refused("The question leads to an address that is not Amazon SNS's: it was not answered.")
    return str(address)


def _refused(words: str) -> NotifierError:
    return NotifierError(Reason.REFUSED, words, permanent=True)
