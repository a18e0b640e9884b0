"""Alerts that come as mails: what the tools of the field write, and what people and machines write besides."""

from email.message import EmailMessage

import pytest

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import Inbound, Reading, read

FIRING, RESOLVED, ACKNOWLEDGED = SignalStatus.FIRING, SignalStatus.RESOLVED, SignalStatus.ACKNOWLEDGED
SENDER = "monitor@example.org"


def mail(subject: str, text: str = "It is so.", sender: str = SENDER, **headers: str) -> bytes:
    """A mail as it stands on the wire."""
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = sender, "alerts@example.org", "<1@example.org>"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def taken(content: bytes, name: str = "email") -> Reading:
    """What the mail says."""
    return read(
        name, content, Inbound(headers={"content-type": "message/rfc822"}, received_at=1_700_000_000_000)
    )


def one(content: bytes) -> Signal:
    """The alert that is in it."""
    (signal,) = taken(content).signals
    return signal


@pytest.mark.parametrize(
    ("begins", "ends", "severity"),
    [
        ("[FIRING:1] DiskFull db1 (critical)", "[RESOLVED] DiskFull db1 (critical)", None),
        (
            "** PROBLEM Service Alert: web1/HTTP is CRITICAL **",
            "** RECOVERY Service Alert: web1/HTTP is OK **",
            Severity.CRITICAL,
        ),
        ("** PROBLEM Host Alert: web1 is DOWN **", "** RECOVERY Host Alert: web1 is UP **", None),
        ("Problem: High CPU load on web1", "Resolved in 1h 5m 12s: High CPU load on web1", None),
        ('ALARM: "CPU" in EU (Ireland)', 'OK: "CPU" in EU (Ireland)', None),
        ("Monitor is DOWN: shop.example.org", "Monitor is UP: shop.example.org", None),
        ("[Alerting] Slow answers", "[OK] Slow answers", None),
        ("Disk 91% full on /dev/sda1", "RESOLVED: Disk 63% full on /dev/sda1", None),
        ("[Failed] Backup job Nightly (12 objects)", "[Success] Backup job Nightly (13 objects)", None),
        ("WARNING - queue length 1,204 on mq-2", "OK - queue length 3 on mq-2", Severity.HIGH),
        ("Störung: Heizung im Keller", "Resolved: Störung: Heizung im Keller", None),
    ],
)
def test_the_end_finds_the_alert_that_the_beginning_made(
    begins: str, ends: str, severity: Severity | None
) -> None:
    """Both mails are about one alert; the subject says which is which, and sometimes how bad it is."""
    beginning, end = one(mail(begins)), one(mail(ends))
    assert (beginning.status, end.status) == (FIRING, RESOLVED)
    assert beginning.fingerprint == end.fingerprint
    assert beginning.severity is severity
    assert beginning.title == begins


@pytest.mark.parametrize(
    ("one_subject", "other_subject"),
    [
        ("[FIRING:1] DiskFull db1", "[FIRING:1] DiskFull db2"),
        ("[prod] Backup failed", "[test] Backup failed"),
        ("Problem: CPU on web1", "Problem: Memory on web1"),
    ],
)
def test_other_things_are_other_alerts(one_subject: str, other_subject: str) -> None:
    """What tells two things apart in a subject tells two alerts apart."""
    assert one(mail(one_subject)).fingerprint != one(mail(other_subject)).fingerprint


def test_two_senders_may_write_the_same_subject() -> None:
    """A subject alone identifies nothing: it is another alert from another sender."""
    assert (
        one(mail("Backup failed")).fingerprint
        != one(mail("Backup failed", sender="x@example.org")).fingerprint
    )


def test_a_word_in_the_middle_of_a_sentence_ends_nothing() -> None:
    """`ok` and `up` in running text are no state."""
    for subject in ("Backup failed: database was not ok", "Set up of node failed", "Everything is not fine"):
        assert one(mail(subject)).status is FIRING


def test_an_acknowledgement_is_one() -> None:
    """Nagios writes so."""
    subject = "** ACKNOWLEDGEMENT Service Alert: web1/HTTP is CRITICAL **"
    assert one(mail(subject)).status is ACKNOWLEDGED


def test_lines_of_the_text_become_labels() -> None:
    """Host, severity and what else is named; prose is not."""
    signal = one(
        mail("Load", "Host: db1\nSeverity: minor\nRack No = 7\nSo we looked: and it was.\n\nURL: http://x\n")
    )
    assert signal.labels["host"] == "db1"
    assert signal.labels["rack_no"] == "7"
    assert signal.labels["sender"] == SENDER
    assert signal.severity is Severity.MEDIUM
    assert signal.description.startswith("Host: db1")


def test_a_header_may_name_the_identity() -> None:
    """A script that can set headers says itself what is one alert."""
    first, second = (one(mail(subject, X_OpenAlert_Key="job-7")) for subject in ("Late", "Later"))
    assert first.fingerprint == second.fingerprint == "job-7"


@pytest.mark.parametrize(
    "headers", [{"Importance": "High"}, {"X_Priority": "1 (Highest)"}, {"Priority": "urgent"}]
)
def test_an_urgent_mail_is_a_bad_one(headers: dict[str, str]) -> None:
    """Where nothing else says how bad it is."""
    assert one(mail("Something", **headers)).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Auto_Submitted": "auto-replied"}, "automatic answer"),
        ({"X_Autoreply": "yes"}, "automatic answer"),
        ({"X_OpenAlert_Incident": "7"}, "circle"),
    ],
)
def test_what_no_monitoring_wrote_is_no_alert(headers: dict[str, str], words: str) -> None:
    """People who are away and our own pages wake nobody."""
    reading = taken(mail("Out of office", **headers))
    assert reading.signals == []
    assert words in (reading.note or "")


def test_a_bounce_is_no_alert() -> None:
    """A report of a mail that could not be delivered."""
    content = (
        b"From: <>\r\nSubject: Undeliverable\r\nMessage-ID: <2@x>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nNo such user\r\n--b--\r\n"
    )
    assert taken(content).signals == []


def test_monitoring_mails_are_mostly_automatic_and_count() -> None:
    """`auto-generated` and `bulk` are what monitoring rightly says of itself."""
    assert one(mail("Disk full", Auto_Submitted="auto-generated", Precedence="bulk")).title == "Disk full"


def test_an_answer_to_an_alert_is_about_that_alert() -> None:
    """`Re:` and `Fwd:` are no part of a subject."""
    assert one(mail("Fwd: Re: AW: Disk full")).fingerprint == one(mail("Disk full")).fingerprint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?utf-8?q?=00=ff?=\r\n\r\n\x00",
        b"Subject: x\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"Subject: " + b"[" * 5_000 + b"\r\n\r\n" + b":" * 50_000,
        b'From: "\xff" <@>\r\nTo: ,,,,<\r\nDate: never\r\nSubject:\r\n\r\n',
        b"Subject: in 1h " * 400 + b"\r\n\r\n" + b"A" * 40 + b" " * 20_000,
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Content-Type: message/rfc822\r\n\r\n" * 50,
    ],
)
def test_broken_mails_are_read_as_far_as_they_go(content: bytes) -> None:
    """Whatever the bytes are: an alert or a reason, never a fault."""
    from openalert.domain.errors import OpenAlertError

    try:
        reading = taken(content)
    except OpenAlertError:
        return
    assert reading.signals or reading.note


def test_the_address_that_finds_out_takes_mails_too() -> None:
    """Posted to /webhooks/v1 by a mail gateway, it is known by its content type."""
    assert taken(mail("[FIRING] Disk"), "v1").source == "email"
