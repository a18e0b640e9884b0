"""The way in: nothing that can be posted raises anything but a refusal, and what is read can be stored."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openalert.domain.errors import Invalid, TooLarge, Unsupported
from openalert.domain.severity import Severity
from openalert.sources import DETECT, SOURCES, Inbound, named, read
from tests.sources import payloads

PATHS = [*SOURCES, DETECT]
NAMES = (
    "alerts labels annotations status startsAt endsAt groupKey groupLabels receiver fingerprint title message"
    " severity state links tags timestamp generatorURL externalURL truncatedAlerts event alert attachments host"
    " dedup_key description alertname url payload resolved data __proto__"
)
TEXTS = [
    "",
    "firing",
    "resolved",
    "critical",
    "0001-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z",
    "http://x",
    "a\x00b",
    "\ud800",
]
TEMPLATED = (
    "alert_type alert_transition scopes alert_id org tags monitor_url monitor_friendly_name check_name check_id trigger"
    " event_id trigger_id hostname host service state status severity state_id host_state service_state output what"
    " notification_type rule alert context rule_id rule_name alert_action_group risk_score State PID ProblemTitle"
    " ImpactedEntities condition_name current_state incident_id targets impactedEntities issueUrl alertPolicyNames"
    " MONITORNAME STATUS subject ruleId alertEntityId resource labels annotations"
)
UNKIND = [None, False, 0, 1.5, "", "x" * 2_000, [], [None], {}, {"": None}]
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64,
    10**300,
    1.5,
    1e300,
    *TEXTS,
    "x" * 5_000,
    [],
    {},
    [[]],
    [None],
    {"": None},
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(VALUES)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES.split()) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=40,
)
MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def texts(value: Any) -> Iterator[str]:
    """Every text in it, names included."""
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield from (*texts(name), *texts(member))
        case list() | tuple():
            for member in value:
                yield from texts(member)


def check(content: bytes, paths: Iterable[str] = PATHS, **headers: str) -> None:
    """Every path either reads the body into something that can be stored, or refuses it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for path in paths:
        try:
            reading = read(path, content, Inbound(headers=named, received_at=payloads.NOW))
        except (Invalid, TooLarge, Unsupported) as refusal:
            refusal.message.encode()
            continue
        assert reading.signals or reading.note or reading.skipped
        msgspec.json.encode(reading)
        for signal in reading.signals:
            plain = msgspec.to_builtins(signal)
            assert msgspec.convert(plain, type(signal)) == signal
            assert "\0" not in "".join(texts(plain))
            json.dumps(plain, ensure_ascii=False).encode()
            assert 1 <= len(signal.title) <= 255
            assert signal.title == " ".join(signal.title.split())
            assert 1 <= len(signal.fingerprint) <= 128
            assert 1 <= len(signal.group) <= 255
            assert len(signal.labels) <= 64
            assert all(len(text) <= 1_024 for pair in signal.labels.items() for text in pair)


@pytest.mark.proves("IN-3", "F-33")
@MANY
@given(JSON)
def test_any_json(value: Any) -> None:
    """Any JSON value at all."""
    check(json.dumps(value).encode())


@MANY
@given(st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=10))
def test_any_object_of_known_names(value: dict[str, Any]) -> None:
    """Objects that look like alerts and hold anything."""
    check(json.dumps(value).encode())


@pytest.mark.proves("IN-3", "F-33")
@MANY
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "gzip", "br"]),
    st.sampled_from(["", "payload=", "--x\r\nname=a\r\n\r\n"]),
)
def test_any_bytes(content: bytes, encoding: str, start: str) -> None:
    """Any bytes under any content type and encoding."""
    for kind in (
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "a;charset=utf-16",
    ):
        check(start.encode() + content, content_type=kind, content_encoding=encoding)


@pytest.mark.proves("IN-3", "F-33")
@pytest.mark.parametrize("name", ["prometheus/v4_two_instances", "generic/oncall_formatted_webhook"])
def test_truncated_at_every_byte(name: str) -> None:
    """A body cut off anywhere is refused: half a message is never taken for a whole one."""
    content = payloads.content(name).rstrip()
    read(DETECT, content, payloads.inbound())
    for end in range(len(content)):
        with pytest.raises(Invalid):
            read(DETECT, content[:end], payloads.inbound())


@pytest.mark.proves("IN-3", "F-33")
@pytest.mark.parametrize("name", payloads.names())
def test_any_type_in_any_member(name: str) -> None:
    """Every member of every real payload, replaced by every kind of value, or missing; deep down by fewer."""
    whole = json.loads(payloads.content(name))
    source = payloads.source_of(name)
    headers = {key.replace("-", "_"): value for key, value in payloads.inbound(name).headers.items()}
    for path in _paths(whole)[:200]:
        for value in VALUES if len(path) <= 2 else UNKIND:
            check(json.dumps(_with(whole, path, value)).encode(), (source, DETECT), **headers)
        check(json.dumps(_without(whole, path)).encode(), (source,), **headers)


@pytest.mark.parametrize("source", [name for name in SOURCES if SOURCES[name].templated])
@settings(MANY, max_examples=30)
@given(value=st.dictionaries(st.sampled_from(TEMPLATED.split()), JSON, max_size=12))
def test_any_object_at_an_address_of_templates(source: str, value: dict[str, Any]) -> None:
    """Where people write the body themselves, any object is read."""
    check(json.dumps(value).encode(), (source,))


def test_severity_in_the_address() -> None:
    """`?severity=` sets it for senders who cannot; a word that nobody knows is said and changes nothing."""
    content = payloads.content("prometheus/v4_two_instances")
    signals = read("prometheus", content, payloads.inbound(severity="P4")).signals
    assert {signal.severity for signal in signals} == {Severity.LOW}
    odd = read("prometheus", content, payloads.inbound(severity="banana"))
    assert {signal.severity for signal in odd.signals} == {Severity.CRITICAL}
    assert "banana" in (odd.note or "")


def test_dedup_in_the_address() -> None:
    """`?dedup=` names the one alert of a message; it cannot name two."""
    message = b'{"title": "x", "alias": "a"}'
    (signal,) = read("generic", message, payloads.inbound(dedup="backup")).signals
    assert (signal.fingerprint, signal.group) == ("backup", "backup")
    (long,) = read("generic", message, payloads.inbound(dedup="b\x00\ud800" * 200)).signals
    assert len(long.fingerprint) == 64
    for content in (payloads.content("prometheus/v4_two_instances"), b'[{"title": "x"}, {"title": "y"}]'):
        reading = read(DETECT, content, payloads.inbound(dedup="backup"))
        assert len({signal.fingerprint for signal in reading.signals}) == 2
        assert reading.note


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("prometheus", "prometheus"),
        ("Uptime-Kuma", "uptimekuma"),
        ("new_relic", "newrelic"),
        ("opsgenie-api", "opsgenie_api"),
        ("alertmanager", "prometheus"),
        ("grafana_legacy", "grafana"),
        ("V1", DETECT),
        ("v2", None),
        ("", None),
    ],
)
def test_names_in_addresses(spelled: str, meant: str | None) -> None:
    """People spell a source in several ways; what nobody knows is none."""
    assert named(spelled) == meant


@pytest.mark.parametrize(
    "body",
    [
        {"sender": "me", "organization": "acme", "title": "Disk full"},
        {"sender": {"id": 1}, "repository": {"name": "x"}, "title": "Disk full"},
        {"event": "deploy failed", "project": {"name": "p"}, "message": "Disk full"},
        {"type": "test", "data": {"a": 1}, "title": "Disk full"},
        {"object_kind": "disk", "project": "y", "title": "Disk full"},
        {"action": "failed", "data": {"issue": {"title": "Disk full"}}, "title": "Disk full"},
        {"event": "incident.created", "incident": {"id": 1}, "title": "Disk full"},
        {"type": "incident.created", "data": {"incident": {}}, "title": "Disk full"},
        {"event": {"event_type": "disk", "data": {}}, "title": "Disk full"},
        {"event": "check.failed", "check": {"name": "disk"}, "title": "Disk full"},
        {"alert_type": "error", "title": "Disk full"},
        {"event_type": "INCIDENT", "title": "Disk full"},
        {"page": "disk", "incident": "x", "title": "Disk full"},
        {"status": "Activated", "context": "x", "title": "Disk full"},
        {"message": "Disk full", "alias": "a"},
    ],
)
def test_what_only_resembles_a_known_sender_is_an_alert(body: dict[str, Any]) -> None:
    """Nothing is lost because a stranger uses the words of somebody known."""
    (signal,) = read(DETECT, json.dumps(body).encode(), payloads.inbound()).signals
    assert signal.title == "Disk full"


def test_a_typed_address_may_correct_what_it_reads() -> None:
    """Alertmanager posting to a generic address, or a script to Alertmanager's, is understood all the same."""
    notification = payloads.content("prometheus/v4_two_instances")
    assert read("generic", notification, payloads.inbound()).source == "prometheus"
    assert read("prometheus", b'{"title": "x"}', payloads.inbound()).source == "generic"
    assert (
        read("generic", b'{"labels": {"alertname": "x"}, "startsAt": ""}', payloads.inbound()).source
        == "generic"
    )


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    found = []
    for key, inner in members:
        found += [(*path, key), *_paths(inner, (*path, key))]
    return found


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(value[path[0]], path[1:])
    return copy
