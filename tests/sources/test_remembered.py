"""What comes again byte for byte is read once, and always says what it would say if it were read again."""

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from openalert.domain.alert import SignalStatus
from openalert.domain.instant import DAY, HOUR
from openalert.domain.severity import Severity
from openalert.sources import DETECT, SEEN_HEADERS, Habits, Inbound, Reading, read, remembered, using
from openalert.sources.remembered import Readings
from tests.sources import payloads

JSON = {"content-type": "application/json"}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were looked into, in order."""
    seen: list[bytes] = []

    def look(name: str, content: bytes, inbound: Inbound, *, limit: int) -> Reading:
        seen.append(content)
        return read(name, content, inbound, limit=limit)

    monkeypatch.setattr(remembered, "read", look)
    return seen


def arrived(headers: dict[str, str] | None = None, at: int = payloads.NOW, **query: str) -> Inbound:
    """A delivery."""
    return Inbound(headers=JSON if headers is None else headers, query=query, received_at=at)


def group(*alerts: dict[str, Any]) -> bytes:
    """Alertmanager's message about these."""
    return json.dumps({"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts}).encode()


def alert(**said: Any) -> dict[str, Any]:
    """One alert of it."""
    return {"status": "firing", "labels": {"alertname": "Disk", "severity": "critical"}, **said}


@pytest.mark.parametrize("path", ["typed", DETECT])
@pytest.mark.parametrize("name", payloads.names())
def test_every_source_says_the_same_each_time(name: str, path: str) -> None:
    """The first, second, third and fourth time, and whatever was done to what was handed out before."""
    source = payloads.source_of(name) if path == "typed" else DETECT
    readings = Readings()
    wanted = read(source, payloads.content(name), payloads.inbound(name))
    for _ in range(4):
        reading = readings.read(source, payloads.content(name), payloads.inbound(name))
        assert reading == wanted
        for signal in reading.signals:
            signal.severity, signal.starts_at, signal.title = Severity.LOW, 1, "changed"
        reading.note = "changed"


@pytest.mark.parametrize("name", payloads.names())
def test_no_source_looks_at_other_headers(name: str) -> None:
    """Two requests that differ in no header that we compare are read alike."""
    asked = set()

    class Headers(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

        def __getitem__(self, key: str) -> str:
            asked.add(key)
            return super().__getitem__(key)

        def __contains__(self, key: object) -> bool:
            asked.add(str(key))
            return super().__contains__(key)

    inbound = Inbound(headers=Headers(payloads.inbound(name).headers), received_at=payloads.NOW)
    for source in (payloads.source_of(name), DETECT):
        read(source, payloads.content(name), inbound)
    assert asked
    assert asked <= {*SEEN_HEADERS}


def test_the_third_time_nobody_looks_into_it(looked: list[bytes]) -> None:
    """Twice at the second time, to see whether it will always say that; a body that comes once leaves nothing."""
    readings = Readings()
    body = group(alert())
    readings.read("prometheus", body, arrived())
    assert readings.size == 0
    for _ in range(5):
        readings.read("prometheus", body, arrived())
    assert looked == [body] * 3
    assert readings.size > 0


@pytest.mark.parametrize(
    "other",
    [
        lambda read, body: read("grafana", body, arrived()),
        lambda read, body: read("prometheus", body + b" ", arrived()),
        lambda read, body: read("prometheus", body, arrived(severity="low")),
        lambda read, body: read("prometheus", body, arrived({**JSON, "user-agent": "Grafana"})),
        lambda read, body: read("prometheus", body, arrived({"content-type": "text/plain"})),
    ],
)
def test_whatever_is_asked_otherwise_is_read_anew(
    looked: list[bytes], other: Callable[[Callable[..., Reading], bytes], Reading]
) -> None:
    """Another source, body, header or query."""
    readings = Readings()
    body = group(alert())
    for _ in range(3):
        readings.read("prometheus", body, arrived())
    looked.clear()
    found = other(readings.read, body)
    assert len(looked) == 1
    assert found == other(read, body)


def test_each_integration_reads_by_its_own_habits() -> None:
    """The word of the one is not understood for the other, nor after the habits were changed."""
    readings = Readings()
    body = group(alert(labels={"alertname": "Disk", "severity": "p9"}))
    for severity in (Severity.LOW, Severity.HIGH) * 4:
        with using(Habits({"p9": severity})):
            for _ in range(3):
                assert readings.read("prometheus", body, arrived()).signals[0].severity is severity
    for _ in range(3):
        assert readings.read("prometheus", body, arrived()).signals[0].severity is None


@pytest.mark.parametrize("ends", ["2026-09-21T18:00:00Z", "2086-09-21T18:00:00Z"])
def test_an_alert_whose_end_is_to_come_ends(ends: str) -> None:
    """Prometheus says until when it fires: the same bytes mean another thing after that, be it in sixty years."""
    readings = Readings()
    body = json.dumps(
        [{"labels": {"alertname": "Disk"}, "startsAt": "2026-09-21T00:00:00Z", "endsAt": ends}]
    ).encode()
    for _ in range(4):
        (signal,) = readings.read("prometheus", body, arrived()).signals
        assert signal.status is SignalStatus.FIRING
    assert readings.size == 0
    years = int(ends[:4]) - 2026
    after = arrived(at=payloads.NOW + DAY + years * 366 * DAY)
    (signal,) = readings.read("prometheus", body, after).signals
    assert signal.status is SignalStatus.RESOLVED


def test_a_beginning_in_the_future_is_believed_when_it_is_there() -> None:
    """A sender's clock that is days ahead is not believed, until those days are over."""
    readings = Readings()
    body = group(alert(startsAt="2026-10-01T00:00:00Z"))
    for _ in range(4):
        assert readings.read("prometheus", body, arrived()).signals[0].starts_at is None
    assert readings.read("prometheus", body, arrived(at=payloads.NOW + 20 * DAY)).signals[0].starts_at


def test_a_clock_that_was_set_back_is_believed() -> None:
    """What was past when it was remembered is not past any more."""
    readings = Readings()
    body = group(alert(startsAt="2026-09-20T00:00:00Z"))
    for _ in range(3):
        assert readings.read("prometheus", body, arrived()).signals[0].starts_at is not None
        readings.read("prometheus", group(alert()), arrived())
    held, long_ago = readings.size, payloads.NOW - 20 * DAY
    for _ in range(3):
        assert readings.read("prometheus", body, arrived(at=long_ago)).signals[0].starts_at is None
        readings.read("prometheus", group(alert()), arrived(at=long_ago))
    assert readings.size == held, "it is held once, and counted once"
    assert readings.read("prometheus", body, arrived(at=payloads.NOW + HOUR)).signals[0].starts_at is not None


def test_what_is_held_is_bounded_and_the_oldest_goes(looked: list[bytes]) -> None:
    """The one that was asked for last stays; a body as large as a part of all is never held."""
    readings = Readings(most_bytes=100_000)
    bodies = [group(alert(description="x" * 1_000, fingerprint=f"{index}")) for index in range(200)]
    for body in bodies:
        readings.read("prometheus", body, arrived())
        readings.read("prometheus", body, arrived())
        readings.read("prometheus", bodies[0], arrived())
        assert readings.size <= 100_000
    assert readings.size > 50_000
    assert looked.count(bodies[0]) == 3, "it was never driven out, and never learned again"
    looked.clear()
    readings.read("prometheus", bodies[0], arrived())
    readings.read("prometheus", bodies[-1], arrived())
    assert looked == []
    readings.read("prometheus", bodies[1], arrived())
    assert looked[:1] == [bodies[1]]
    before = readings.size
    large = group(*(alert(fingerprint=f"{index}") for index in range(10)))
    for _ in range(4):
        readings.read("prometheus", large, arrived())
    assert readings.size == before


def test_of_what_came_once_the_last_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their hash, and at least so many; those before them are as new, however many come once."""
    monkeypatch.setattr(remembered, "_MET", 2)
    for others, is_known in ((0, True), (2, True), (4, False)):
        readings = Readings()
        body = group(alert())
        readings.read("prometheus", body, arrived())
        for index in range(others):
            readings.read("prometheus", group(alert(fingerprint=f"{index}")), arrived())
        readings.read("prometheus", body, arrived())
        assert bool(readings.size) is is_known, others


@pytest.mark.parametrize("text", ["🔥" + "x" * 5_000, "д" * 5_000])
def test_wide_characters_count_as_what_they_take(text: str) -> None:
    """One that is wide makes all beside it wide, be it written as it is or escaped."""
    for encoded in (
        group(alert(description=text)),
        msgspec.json.encode([alert(description=text, startsAt="")]),
    ):
        readings = Readings()
        for _ in range(2):
            (signal,) = readings.read("prometheus", encoded, arrived()).signals
        assert readings.size > sys.getsizeof(signal.description) > len(text)


def test_what_stands_in_the_address_counts_too() -> None:
    """It is held with what was read, and may be longer than the body."""
    readings = Readings()
    for _ in range(2):
        readings.read("prometheus", group(alert()), arrived(dedup="x" * 50_000))
    assert readings.size > 50_000


def test_what_is_forgotten_is_learned_again(looked: list[bytes]) -> None:
    """Whoever is short of memory may have all of it."""
    readings = Readings()
    body = group(alert())
    for _ in range(3):
        readings.read("prometheus", body, arrived())
    held = readings.size
    readings.forget()
    assert readings.size == 0
    looked.clear()
    readings.read("prometheus", body, arrived())
    assert looked
    assert readings.size == held


def test_what_cannot_be_read_is_refused_each_time() -> None:
    """Nothing is remembered of it."""
    readings = Readings()
    for _ in range(4):
        with pytest.raises(Exception, match="not valid JSON"):
            readings.read("prometheus", b'{"alerts": [', arrived())
    assert readings.size == 0
