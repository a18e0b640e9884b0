"""The cryptography of web push, against the example of its RFC and a library of others."""

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from openalert.notifiers import web_push
from tests.fakes.push_service import FakeBrowser, raw

RFC_TEXT = b"When I grow up, I want to be a watermelon"
RFC_P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
RFC_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
RFC_OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RFC_SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RFC_BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_rfc_8291() -> None:
    """Section 5: the same text, keys and salt give the same body, byte for byte."""
    ours = ec.derive_private_key(int.from_bytes(raw(RFC_OURS), "big"), ec.SECP256R1())
    body = web_push._encrypt(RFC_TEXT, RFC_P256DH, RFC_AUTH, ours, raw(RFC_SALT))
    assert web_push.encode(body) == RFC_BODY


@pytest.mark.parametrize("length", [0, 1, 100, web_push.LONGEST])
def test_only_that_browser_can_read_it(length: int) -> None:
    """A library of others opens it with the browser's keys, up to the longest text, and with no other browser's."""
    browser = FakeBrowser()
    body = web_push.encrypt(b"x" * length, **browser.keys)
    assert browser.open(body) == b"x" * length
    assert len(body) <= web_push.RECORD
    with pytest.raises(http_ece.ECEException):
        FakeBrowser().open(body)


def test_no_two_bodies_are_alike() -> None:
    """Key and salt are fresh for every message, as RFC 8188 demands."""
    browser = FakeBrowser()
    one, other = (web_push.encrypt(b"the same", **browser.keys) for _ in range(2))
    assert one[:16] != other[:16]
    assert one[21:86] != other[21:86]


def test_a_text_that_does_not_fit_is_refused() -> None:
    """Push services take one record."""
    with pytest.raises(ValueError, match="at most"):
        web_push.encrypt(b"x" * (web_push.LONGEST + 1), **FakeBrowser().keys)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", RFC_AUTH),
        (RFC_P256DH, ""),
        (RFC_P256DH[:-4], RFC_AUTH),
        ("A" * 87, RFC_AUTH),
        (RFC_P256DH[:-1] + "5", RFC_AUTH),
        (RFC_P256DH, RFC_AUTH + "AAAA"),
        ("é" * 87, RFC_AUTH),
        ("<script>", RFC_AUTH),
    ],
)
def test_keys_of_no_browser_are_refused(p256dh: str, auth: str) -> None:
    """Too short, too long, no base64url, and a point that lies on no curve, which would give our own key away."""
    with pytest.raises(ValueError, match=r"."):
        web_push.check_keys(p256dh, auth)
    with pytest.raises(ValueError, match=r"."):
        web_push.encrypt(b"x", p256dh, auth)


def test_the_public_key_is_that_of_the_private_one() -> None:
    """Known pair of RFC 8291; what is no key is refused."""
    ours = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    assert web_push.public_key(RFC_OURS) == ours
    assert web_push.new_private_key() != web_push.new_private_key()
    for wrong in ("", "AAAA", RFC_OURS + "AAAA", "A" * 43):
        with pytest.raises(ValueError, match=r"."):
            web_push.public_key(wrong)
