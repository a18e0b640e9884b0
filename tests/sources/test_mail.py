"""Mails that come in: the words that their writer wrote, and whether there was a writer."""

import pytest

from openalert.domain.reply import own_words
from openalert.sources.mail import read

PLAIN = b"From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nack\r\n"


def _with(*headers: str) -> bytes:
    return "\r\n".join(headers).encode() + b"\r\n" + PLAIN


def test_a_plain_mail_is_its_text() -> None:
    """Text, identifier, and a person behind it."""
    mail = read(PLAIN, "a@example.org")
    assert (mail.text.strip(), mail.message_id, mail.is_automatic) == ("ack", "<1@example.org>", False)


@pytest.mark.parametrize(
    "content",
    [
        _with("Auto-Submitted: auto-replied"),
        _with("Auto-Submitted: AUTO-GENERATED; owner-email=x"),
        _with("Precedence: bulk"),
        _with("Precedence: Auto_Reply"),
        _with("X-Autoreply: yes"),
        _with("List-Id: <ops.example.org>"),
        _with('Content-Type: multipart/report; report-type=delivery-status; boundary="b"'),
    ],
)
def test_what_a_machine_sent_is_known(content: bytes) -> None:
    """Out of office, bounces and lists say so, each in its own way."""
    assert read(content, "a@example.org").is_automatic


def test_a_bounce_has_no_sender() -> None:
    """An empty return path is a bounce, however its text reads; `Auto-Submitted: no` is a person."""
    assert read(PLAIN, "").is_automatic
    assert read(PLAIN, "<>").is_automatic
    assert not read(_with("Auto-Submitted: no"), "a@example.org").is_automatic


def test_of_html_only_what_was_written_is_read() -> None:
    """A mail without plain text: styles, scripts and the quoted page are left out, entities and breaks are read."""
    html = (
        "<html><head><title>resolve</title><style>resolve{}</style></head><body><div>Ack&nbsp;12<br>on my&#32;way"
        "</div><div class='gmail_quote'><p>On Monday<br>resolve 13</div><blockquote>resolve 14<p>x</blockquote>"
        "<script>resolve</script><div>Bea</div></body></html>"
    )
    content = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    words = own_words(read(content, "a@example.org").text)
    assert words == "Ack 12\non my way\nBea"


def test_the_plain_part_is_preferred_and_attachments_are_not_read() -> None:
    """Both are there: the text is the plain one, decoded, and not the attached file."""
    content = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m"\r\n\r\n'
        b'--m\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
        b"--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"ack =FCber\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>resolve</p>\r\n--a--\r\n"
        b"--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\n"
        b"resolve\r\n--m--\r\n"
    )
    assert read(content, "a@example.org").text.strip() == "ack \u00fcber"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: text/plain; charset=x-unknown\r\n\r\nack\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nack",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n@@@@",
        b"Message-ID: <<<>>@@\r\nFrom: \xff\xff\r\nSubject: =?utf-8?b?////?=\r\n\r\nack",
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000,
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n" * 5_000,
    ],
)
def test_no_mail_is_an_error(content: bytes) -> None:
    """Broken, binary and hostile mails are read as far as they go."""
    read(content, "a@example.org")
