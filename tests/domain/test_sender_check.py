"""What senders prove themselves with: the vendors' own signatures pass, and nothing else does."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from openalert.domain.errors import Invalid
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.sender_check import (
    Algorithm,
    CheckKind,
    Encoding,
    SenderCheck,
    checked,
    refusal,
)

NOW = 1_700_000_000_000
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
# As documented at docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
GITHUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def _hex(body: bytes = BODY, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


GOOD: list[tuple[SenderCheck, str, dict[str, str]]] = [
    (SenderCheck(kind=CheckKind.GITHUB), SECRET, {"x-hub-signature-256": GITHUB}),
    (SenderCheck(kind=CheckKind.SENTRY), SECRET, {"sentry-hook-signature": _hex()}),
    (SenderCheck(kind=CheckKind.GRAFANA), SECRET, {"x-grafana-alerting-signature": _hex()}),
    (
        SenderCheck(kind=CheckKind.GRAFANA),
        SECRET,
        {
            "x-grafana-alerting-timestamp": "1700000010",
            "x-grafana-alerting-signature": _hex(b"1700000010:" + BODY),
        },
    ),
    (
        SenderCheck(kind=CheckKind.PAGERDUTY),
        SECRET,
        {"x-pagerduty-signature": f"v1={'0' * 64},v1={_hex()}"},
    ),
    (
        SenderCheck(kind=CheckKind.HMAC, header="X-Sig", algorithm=Algorithm.SHA512, prefix="sha512="),
        SECRET,
        {"x-sig": f"sha512={_hex(algorithm='sha512').upper()}"},
    ),
    (
        SenderCheck(kind=CheckKind.HMAC, header="X-Sig", algorithm=Algorithm.SHA1, encoding=Encoding.BASE64),
        SECRET,
        {"x-sig": base64.b64encode(hmac.digest(SECRET.encode(), BODY, hashlib.sha1)).decode()},
    ),
    (SenderCheck(kind=CheckKind.BEARER), SECRET, {"authorization": f"bearer {SECRET}"}),
    (
        SenderCheck(kind=CheckKind.BASIC, username="jo"),
        "pässword",
        {"authorization": "Basic " + base64.b64encode("jo:pässword".encode()).decode()},
    ),
    (SenderCheck(kind=CheckKind.HEADER, header="X-Gitlab-Token"), SECRET, {"x-gitlab-token": SECRET}),
]


@pytest.mark.parametrize(("check", "secret", "headers"), GOOD)
def test_what_the_sender_really_sends_passes(
    check: SenderCheck, secret: str, headers: dict[str, str]
) -> None:
    """Each in its vendor's own form."""
    checked(check, secret)
    assert refusal(check, secret, headers, BODY, NOW) == ""


@pytest.mark.parametrize(("check", "secret", "headers"), GOOD)
def test_everything_else_is_refused_with_a_sentence(
    check: SenderCheck, secret: str, headers: dict[str, str]
) -> None:
    """Without the header, with another secret, with another body, cut, empty, or not even text of ours."""
    assert refusal(check, secret, {}, BODY, NOW).endswith(".")
    assert refusal(check, secret + "x", headers, BODY, NOW)
    if check.kind not in (CheckKind.BEARER, CheckKind.BASIC, CheckKind.HEADER):
        assert refusal(check, secret, headers, BODY + b" ", NOW)
    for name, value in headers.items():
        for other in (
            value[:-1],
            "",
            value + "0",
            "\xff",
            value.split(" ")[0] if " " in value else "x",
        ):
            assert refusal(check, secret, {**headers, name: other}, BODY, NOW), (name, other)
    assert secret not in refusal(check, secret, {}, BODY, NOW)


class TestStandardWebhooks:
    """https://github.com/standard-webhooks/standard-webhooks, by its own library."""

    SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    CHECK = SenderCheck(kind=CheckKind.STANDARD_WEBHOOKS)

    def _headers(self, at: int = NOW) -> dict[str, str]:
        signature = Webhook(self.SECRET).sign(
            "msg_1", datetime.fromtimestamp(at / SECOND, UTC), BODY.decode()
        )
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(at // SECOND),
            "webhook-signature": f"v1a,other {signature}",
        }

    def test_what_its_library_signs_passes(self) -> None:
        """Also beside signatures of other versions."""
        checked(self.CHECK, self.SECRET)
        assert refusal(self.CHECK, self.SECRET, self._headers(), BODY, NOW) == ""

    def test_what_was_recorded_is_refused(self) -> None:
        """A message is good for five minutes, and only as it was."""
        headers = self._headers()
        assert refusal(self.CHECK, self.SECRET, headers, BODY, NOW + 5 * MINUTE) == ""
        assert refusal(self.CHECK, self.SECRET, headers, BODY, NOW + 6 * MINUTE)
        for name, other in (
            ("webhook-id", "msg_2"),
            ("webhook-timestamp", "1700000001"),
            ("webhook-timestamp", "x"),
        ):
            assert refusal(self.CHECK, self.SECRET, {**headers, name: other}, BODY, NOW)
        assert refusal(self.CHECK, self.SECRET, {}, BODY, NOW)

    def test_a_secret_that_is_none_is_refused_when_it_is_set(self) -> None:
        """It is base64; any other text would never fit."""
        with pytest.raises(Invalid):
            checked(self.CHECK, "whsec_not base64!")


@pytest.mark.parametrize(
    ("check", "secret"),
    [
        (SenderCheck(kind=CheckKind.HMAC), SECRET),
        (SenderCheck(kind=CheckKind.HEADER, header="Cookie"), SECRET),
        (SenderCheck(kind=CheckKind.HEADER, header="X Y"), SECRET),
        (SenderCheck(kind=CheckKind.HEADER, header="X-Y\r\nZ"), SECRET),
        (SenderCheck(kind=CheckKind.BASIC), SECRET),
        (SenderCheck(kind=CheckKind.BASIC, username="a:b"), SECRET),
        (SenderCheck(kind=CheckKind.BEARER), "short"),
        (SenderCheck(kind=CheckKind.BEARER), ""),
        (SenderCheck(kind=CheckKind.BEARER), "x" * 600),
        (SenderCheck(kind=CheckKind.HMAC, header="X-Sig", prefix="x" * 50), SECRET),
    ],
)
def test_a_check_that_proves_nothing_cannot_be_set(check: SenderCheck, secret: str) -> None:
    """Without a header, a name or a secret worth the word, everybody or nobody would pass."""
    with pytest.raises(Invalid):
        checked(check, secret)
