"""Every payload of the corpus is read as its expectation says, on its own path and by detection."""

import pytest

from openalert.domain.severity import Severity
from openalert.sources import DETECT, SOURCES, detect, email, read
from openalert.sources import body as bodies
from tests.sources import payloads

ALL = payloads.names()
ALERTS = [name for name in ALL if payloads.expectation(name)["alerts"]]


def fingerprints(name: str, content: bytes | None = None) -> list[str]:
    """The identities in a sample, or in a changed version of it."""
    source = payloads.source_of(name)
    return [
        signal.fingerprint
        for signal in read(source, content or payloads.content(name), payloads.inbound(name)).signals
    ]


def test_every_source_has_payloads() -> None:
    """A source without a payload in the corpus is not proven to read anything; mails are no JSON: test_email.py."""
    assert {payloads.source_of(name) for name in ALL} == set(SOURCES) - {email.NAME}


@pytest.mark.parametrize("path", ["typed", DETECT])
@pytest.mark.parametrize("name", ALL)
def test_alerts_are_read_as_expected(name: str, path: str) -> None:
    """Count, status, severity and title of every alert, in order."""
    wanted = payloads.expectation(name)
    source = payloads.source_of(name) if path == "typed" else DETECT
    reading = read(source, payloads.content(name), payloads.inbound(name))
    assert reading.source in {*wanted["detect_ok"], source}
    assert len(reading.signals) == wanted["alert_count"]
    assert not reading.skipped
    assert reading.signals or reading.note
    assert (reading.confirm is not None) is (wanted["kind"] == "handshake")
    for signal, alert in zip(reading.signals, wanted["alerts"], strict=True):
        assert signal.source == reading.source
        assert signal.status == alert["status"]
        if alert["severity"] is not None:
            assert (signal.severity or Severity.MEDIUM) == alert["severity"]
        title = signal.title.casefold()
        assert title
        assert not alert["title_contains"] or any(
            part.casefold() in title for part in alert["title_contains"]
        )
        assert title not in {"none", "null", "undefined"}


@pytest.mark.parametrize("name", ALL)
def test_detection_names_the_source(name: str) -> None:
    """The untyped address recognises the body, with its sender's headers and without."""
    wanted = payloads.expectation(name)
    for inbound in (payloads.inbound(name), payloads.inbound()):
        value = bodies.decode(payloads.content(name), inbound)
        found = detect(value, inbound).name
        assert found in wanted["detect_ok"]
        assert found != "generic" or payloads.source_of(name) == "generic"


@pytest.mark.parametrize("name", ALERTS)
def test_identity_follows_what_identifies(name: str) -> None:
    """Changing what identifies an alert makes another one; changing anything else does not."""
    wanted = payloads.expectation(name)
    before = fingerprints(name)
    for index, alert in enumerate(wanted["alerts"]):
        for pointers in alert["identity"]["must_affect"]:
            assert fingerprints(name, payloads.changed(name, *pointers))[index] != before[index], pointers
        for pointer in alert["identity"]["must_not_affect"]:
            assert fingerprints(name, payloads.changed(name, pointer))[index] == before[index], pointer
    if wanted.get("distinct_identities"):
        assert len(set(before)) == len(before)


@pytest.mark.parametrize("name", ALERTS)
def test_identity_agrees_between_messages(name: str) -> None:
    """A resolve names the alert that fired, and only that one."""
    wanted = payloads.expectation(name)
    for index, alert in enumerate(wanted["alerts"]):
        for member, equal in (("same_identity_as", True), ("different_identity_from", False)):
            if other := alert.get(member, wanted.get(member)):
                sample, _, position = other.partition("#")
                theirs = fingerprints(sample)[int(position)]
                assert (fingerprints(name)[index] == theirs) is equal, other


@pytest.mark.parametrize("name", payloads.names("prometheus"))
def test_one_notification_is_one_group(name: str) -> None:
    """All alerts of one Alertmanager notification share a group, and a resolve keeps it."""
    reading = read("prometheus", payloads.content(name), payloads.inbound(name))
    assert len({signal.group for signal in reading.signals}) == 1
