"""Mails as they are read: subjects, threads, parts, and nothing hostile in them."""

import re
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import letter
from openalert.notifiers.notifier import Link, Message, Point
from tests.notifiers.messages import BASE_URL, NOW, incident, page, proof, resolved

SENDER = Address("OpenAlert", "alerts", "example.com")
BEA = Address("Bea Núñez", "bea", "example.com")


def arrive(message: Message, now: int = NOW) -> EmailMessage:
    """The mail as the recipient's program parses it."""
    mail = letter.compose(message, sender=SENDER, recipient=BEA, base_url=BASE_URL, now=now)
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    """The text of one part."""
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


class Page(HTMLParser):
    """What a browser would make of the HTML: its elements, links and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "background", "action")
        ]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (page(), "[#42] CRITICAL: Disk almost full on db-1 (Checkout database)"),
        (page(possible_repeat=True),
         "[#42] CRITICAL: Disk almost full on db-1 (Checkout database) (possible repeat)"),
        (page(bundle=["a", "b"]), "[#42] CRITICAL: Disk almost full on db-1 (Checkout database) (+2 more)"),
        (page(incident=incident(severity=Severity.LOW)), "[#42] LOW: Disk almost full on db-1 (Checkout database)"),
        (page(is_reminder=True), "[#42] CRITICAL, reminder: Disk almost full on db-1 (Checkout database)"),
        (page(incident=incident(words="Kitchen fire")), "[#42] CRITICAL: Kitchen fire"),
        (page(incident=incident(title="x" * 110)), "[#42] CRITICAL: " + "x" * 110),
        (resolved(), "[#42] Resolved by Bea Núñez: Disk almost full on db-1 (Checkout database)"),
        (proof(), "Test page from OpenAlert"),
        (page(incident=incident(title="")), "[#42] CRITICAL: Untitled incident (Checkout database)"),
        (proof(headline=""), "A message from OpenAlert"),
        (page(kind=NotificationKind.NOTICE, headline="Nobody answered"),
         "[#42] CRITICAL, nobody answered: Disk almost full on db-1 (Checkout database)"),
    ],
)  # fmt: skip
def test_subjects(message: Message, expected: str) -> None:
    """Number, how bad or what happened, what and where: what a locked telephone shows."""
    # A subject that is folded behind its name begins with the blank that folding takes.
    assert arrive(message)["Subject"].lstrip() == expected


def test_long_title_leaves_the_marks_in_the_subject() -> None:
    """The end of a subject says what matters most about it, so the title is what is cut."""
    subject = arrive(page(incident=incident(title="word " * 200), possible_repeat=True))["Subject"]
    assert subject.endswith("… (possible repeat)")
    assert len(subject) < 180


def test_message_id_is_the_same_on_every_attempt() -> None:
    """A server or mail program that sees a repeat can drop it."""
    first = arrive(page())
    second = arrive(page(attempt=2, possible_repeat=True), NOW + MINUTE)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"] != arrive(resolved())["Message-ID"]
    assert re.fullmatch(r"<openalert\.[0-9a-f-]{36}@example\.com>", first["Message-ID"])


def test_mails_of_one_incident_share_a_thread() -> None:
    """The page and the news of its end name the same root; another incident's do not."""
    root = arrive(page())["References"]
    assert root == arrive(page())["In-Reply-To"] == arrive(resolved())["References"]
    assert root != arrive(page(thread_key="0199e000-0000-7000-8000-0000000000ff"))["References"]
    assert arrive(proof())["References"] is None


def test_headers_for_machines() -> None:
    """Auto-responders keep quiet, filters find the incident, and only urgent pages say that they are."""
    mail = arrive(page())
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["X-OpenAlert-Incident"] == "42"
    assert mail["Importance"] == "high"
    assert mail["To"] == "Bea Núñez <bea@example.com>"
    assert mail["Date"].datetime.isoformat() == "2026-10-16T01:04:00+00:00"
    assert arrive(page(incident=incident(severity=Severity.MEDIUM)))["Importance"] is None
    assert arrive(resolved())["Importance"] is None
    assert arrive(proof())["X-OpenAlert-Incident"] is None


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_page_says_everything(kind: str) -> None:
    """What is broken, how bad, since when by the reader's clock, what happens next, why this reader, what to do."""
    text = part(arrive(page(bundle=["[#43] Replica lag"])), kind)
    for fact in (
        "Disk almost full on db-1", "#42", "Checkout database", "03:00 CEST",
        "Ana is paged at 03:09 unless someone acknowledges.", "You are on call for Core until 08:00",
        "grows by 1 GiB an hour", "mountpoint", "/var/lib/postgresql", "Runbook", "[#43] Replica lag",
        f"{BASE_URL}/a/tok3n-ack", f"{BASE_URL}/a/tok3n-resolve", f"{BASE_URL}/incidents/42", "Example Org",
    ):  # fmt: skip
        assert fact in text, fact
    assert "critical" in text.lower()
    assert "repeat" not in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_end_says_who_and_how_long(kind: str) -> None:
    """An update is short: what became of it, and no button that acts."""
    text = part(arrive(resolved()), kind)
    for fact in ("Resolved by Bea Núñez", "Disk almost full on db-1", "21 min", f"{BASE_URL}/incidents/42"):
        assert fact in text, fact
    assert "/a/" not in text
    assert "grows by 1 GiB" not in text


@pytest.mark.parametrize("message", [page(possible_repeat=True), proof(possible_repeat=True)])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_possible_repeat_is_said_in_the_body_too(message: Message, kind: str) -> None:
    """Who reads only the body must not take it for a second incident."""
    assert "possible repeat" in part(arrive(message), kind).lower()


@pytest.mark.parametrize("status", list(IncidentStatus))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("kind", list(NotificationKind))
def test_every_combination_can_be_written(
    kind: NotificationKind, severity: Severity, status: IncidentStatus
) -> None:
    """No kind, severity or status lacks a colour or a word."""
    message = page(kind=kind, headline="Something", incident=incident(severity=severity, status=status))
    html = part(arrive(message), "html")
    assert severity.value in html
    assert "#42" in html


XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><a href='https://evil.example'>x</a>",
    "</title></style></td></table><form action=https://evil.example><input>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "--><svg onload=alert(1)>",
]


@pytest.mark.parametrize("text", XSS)
def test_no_words_become_markup(text: str) -> None:
    """Every text of ours in every place: same elements, same links, and the words as they were."""
    changes: dict[str, Any] = {
        "organization": text, "recipient_name": text, "headline": text, "body": text, "reason": text,
        "escalation_note": text, "bundle": [text],
    }  # fmt: skip
    hostile = incident(
        title=text,
        service_name=text,
        description=text,
        labels={text: text},
        links=[Link(label=text, href=text)],
    )
    plain = incident(
        title="w", service_name="w", description="w", labels={"w": "w"}, links=[Link(label="w", href="w")]
    )
    attacked = Page(part(arrive(page(incident=hostile, **changes)), "html"))
    harmless = Page(
        part(arrive(page(incident=plain, **{n: ["w"] if n == "bundle" else "w" for n in changes})), "html")
    )
    assert attacked.elements == harmless.elements
    assert attacked.links == harmless.links
    assert attacked.words.count(text) >= 8


def test_the_only_links_are_ours_and_nothing_is_loaded() -> None:
    """No image, no font, no script, no link of an alert: the mail can neither track nor lead astray."""
    message = page(incident=incident(links=[Link(label="Graph", href="https://evil.example/x")]))
    shown = Page(part(arrive(message), "html"))
    assert shown.links
    assert all(link.startswith(BASE_URL + "/") for link in shown.links)
    assert not {"img", "script", "link", "iframe", "form", "object", "svg"} & set(shown.elements)
    html = part(arrive(message), "html")
    assert "evil.example" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_main_button_is_first() -> None:
    """Whoever is half asleep hits the first link: it acknowledges."""
    assert Page(part(arrive(page()), "html")).links[0] == f"{BASE_URL}/a/tok3n-ack"


def test_many_labels_and_a_long_description_are_cut() -> None:
    """A mail stays a mail, whatever an alert carries; what is left out is counted."""
    labels = {f"label{n:04}": "v" * 5_000 for n in range(500)}
    mail = arrive(page(incident=incident(labels=labels, description="word " * 100_000)))
    assert "and 488 more" in part(mail, "plain")
    assert len(mail.as_bytes()) < 60_000


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_title_and_name_survive_the_headers(title: str, name: str) -> None:
    """What is sent parses back to one subject line with the same words, and to no header more than there should be."""
    message = page(incident=incident(title=title), recipient_name=name)
    mail = letter.compose(message, sender=SENDER, recipient=BEA, base_url=BASE_URL, now=NOW)
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert parsed.keys() == arrive(page()).keys()
    # Where a header is folded the standard library may add a space between two encoded words.
    assert "".join(parsed["Subject"].split()) == "".join(letter.subject(message).split())


@pytest.mark.parametrize(
    ("timezone", "seen", "expected"),
    [
        ("Europe/Berlin", NOW, "03:04 CEST"),
        ("UTC", NOW, "01:04 UTC"),
        ("America/New_York", NOW + 4 * HOUR, "Thu 15 Oct, 21:04 EDT"),
        ("No/Such_Zone", NOW, "01:04 UTC"),
        ("Asia/Kolkata", NOW + 3 * DAY, "Fri 16 Oct, 06:34 IST"),
    ],
)
def test_moments_are_on_the_readers_clock(timezone: str, seen: int, expected: str) -> None:
    """With the day only when it is not today, and never an error over a zone that is gone."""
    assert letter.moment(NOW, timezone, seen=seen) == expected


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(0, "0 s"), (-5, "0 s"), (59_999, "59 s"), (MINUTE, "1 min"), (HOUR - 1, "59 min"), (HOUR, "1 h"),
     (3 * HOUR + 5 * MINUTE, "3 h 5 min"), (2 * DAY + 4 * HOUR, "2 d 4 h"), (400 * DAY, "400 d")],
)  # fmt: skip
def test_durations(elapsed: int, expected: str) -> None:
    """The two largest units, rounded down."""
    assert letter.duration(elapsed) == expected


def test_points_are_a_list_in_both_parts_and_do_nothing() -> None:
    """Each with how bad it is, when, why and a link of ours; hostile names stay words."""
    message = msgspec.structs.replace(
        proof(),
        kind=NotificationKind.DIGEST,
        points=[
            Point(
                tone="critical",
                words="<b>Core</b>\u202e policy\nreaches nobody",
                when="from Sat 10 Jan, 18:00",
                detail="Alerts of <i>Shop</i> go by it.",
                url=f"{BASE_URL}/escalation-policies/1",
            ),
            Point(tone="medium", words="Core policy pages only Bea", url=f"{BASE_URL}/escalation-policies/2"),
        ],
    )
    mail = arrive(message)
    plain, html = part(mail, "plain").replace("\r\n", "\n"), Page(part(mail, "html"))
    assert (
        "1. <b>Core</b> policy reaches nobody (critical)\n   from Sat 10 Jan, 18:00\n"
        f"   Alerts of <i>Shop</i> go by it.\n   {BASE_URL}/escalation-policies/1\n\n"
        f"2. Core policy pages only Bea\n   {BASE_URL}/escalation-policies/2\n"
    ) in plain
    assert "<b>Core</b> policy reaches nobody" in html.words
    assert "b" not in html.elements
    assert f"{BASE_URL}/escalation-policies/1" in html.links
