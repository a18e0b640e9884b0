"""Any JSON object as an alert, by what its members are called: scripts, templated webhooks, unknown systems.

Grafana OnCall's formatted webhook (`alert_uid, title, state, message, link_to_upstream_details`) is one.
Texts are read for people only: a status is taken from a status member, and from the leading mark of a title
such as `[RESOLVED]` when there is no such member.
"""

import re
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.errors import Invalid, TooLarge
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.sources import identity, text, times, words
from openalert.sources.fields import Fields, is_scalar, plain
from openalert.sources.mapping import Applied, Found, Mapped
from openalert.sources.source import MOST, Inbound, Reading, Skipped, Source

NAME = "generic"

_IDENTITY = plain(
    "dedupkey alertuid alias fingerprint incidentkey eventkey uniquekey dedup deduplicationkey dedupid alertkey"
    " alertid incidentid problemid issueid"
)
_GROUP = plain("groupkey alertgroup groupid aggregationkey")
_TITLE = plain("title alerttitle eventtitle messagetitle headline summary subject")
_RULE = plain(
    "alertname rulename rule alertrule checkname monitorname monitorfriendlyname triggername trigger"
    " conditionname"
)
_NAMES = (*_RULE, *plain("policyname searchname name"))
_TEXT = plain("message msg text alert event check description details detail body reason error output")
_DESCRIPTION = plain("description details detail message msg body text info reason output longoutput notes")
_STATUS = plain(
    "status state alertstatus alertstate currentstatus currentstate newstatus newstate newstatevalue"
    " incidentstatus incidentstate monitorstatus eventstatus alerttransition transition eventaction action"
    " notificationtype alerttypefriendlyname eventtype event"
)
_OVER = plain("resolved isresolved recovered isrecovered closed isclosed cleared")
_ON = plain("firing isfiring alerting isalerting triggered")
_SEVERITY = plain("severity sev alertseverity severitylevel priority level criticality urgency")
_STARTS = plain(
    "startsat startedat starttime startat firedat triggeredat openedat createdat activeat activesince since"
    " firstseen downsince beganat"
)
_OVER_SINCE = plain("resolvedat recoveredat closedat clearedat")
_ENDS = (*plain("endsat endedat endtime endat"), *_OVER_SINCE)
_MOMENT = plain("timestamp time datetime date eventtime occurredat ts lastupdated updatedat at")
_TARGET = plain(
    "host hostname hostid instance node server device deviceid resource resourceid resourcename entity entityid"
    " service servicename component check checkname checkid monitor monitorname monitorid monitorurl job"
    " cluster namespace environment env region zone target application app pod container deployment database db"
    " queue topic mountpoint mount filesystem volume path interface port ip address site project"
)
_LINKS = (
    ("Runbook", plain("runbookurl runbook playbook playbookurl runbooklink")),
    ("Dashboard", plain("dashboardurl dashboard dashboardlink")),
    (
        "Source",
        plain(
            "linktoupstreamdetails url link href sourceurl alerturl incidenturl eventurl issueurl detailsurl"
            " permalink htmlurl weburl externalurl generatorurl consoleurl clienturl"
        ),
    ),
    ("Image", plain("imageurl image")),
)
_USED = frozenset(_IDENTITY + _GROUP + _TITLE + _DESCRIPTION + _STATUS + _OVER + _ON + _SEVERITY).union(
    _STARTS, _ENDS, _MOMENT, _TARGET, plain("labels tags"), *(names for _, names in _LINKS)
)
_MARK = re.compile(r"\s*(?:\[\s*([\w -]{1,24}?)(?::\s*\d+)?\s*\]|([A-Za-z]{2,12})\s*:)\s*")
_MOST_LINKS = 10


def looks_like(body: Any, _inbound: Inbound) -> bool:
    """Every object and every list: this is the source of last resort."""
    return isinstance(body, dict | list)


def parse(body: Any, inbound: Inbound) -> Reading:
    """One signal of an object, several of a list or of `alerts`; raises `Invalid` for anything else."""
    return _read(body, inbound, None)


def mapped(body: Any, inbound: Inbound, mapping: Mapped) -> Reading:
    """As `parse`, but what the mapping finds goes before what is looked for by name; nothing else is lost."""
    applied = mapping.begin(body)
    reading = _read(body, inbound, applied)
    reading.note = "; ".join(filter(None, (reading.note, *applied.problems))) or None
    return reading


def _read(body: Any, inbound: Inbound, applied: Applied | None) -> Reading:
    items = applied.items() if applied else None
    if items == []:
        return Reading(NAME, note="The list of alerts that the mapping names is empty: nothing to do.")
    if items is None:
        items = body.get("alerts") if isinstance(body, dict) else body
        if not isinstance(items, list) or not any(isinstance(item, dict) and item for item in items):
            items = [body]
    if len(items) > MOST:
        raise TooLarge(f"The message holds more than {MOST} alerts. Send fewer per message.", limit=MOST)
    signals, skipped = [], []
    for index, item in enumerate(items):
        if isinstance(item, dict) and item:
            said = _signal(item, inbound.received_at, applied.find(item) if applied else None)
        else:
            said = _UNREADABLE
        if isinstance(said, str):
            skipped.append(Skipped(index, said))
        else:
            signals.append(said)
    if not signals and skipped[0].reason == _UNREADABLE:
        raise Invalid('The body holds no alert. Send a JSON object such as {"title": "Disk full on web-1"}.')
    if not signals:
        return Reading(NAME, note="The sender has muted this alert itself: nothing to do.")
    return Reading(NAME, signals, skipped)


SOURCE = Source(name=NAME, looks_like=looks_like, parse=parse)
_UNREADABLE = "It is not an object with members."
_MUTED = "Its sender has muted it, or does not know its state."


def _signal(body: dict[str, Any], now: Instant, found: Found | None = None) -> Signal | str:
    """The object as a signal, or why there is nothing to do; what a mapping found stands in the place of its own."""
    fields = Fields(body)
    if not any(fields.values(_TITLE + _NAMES)):
        fields.unwrap()
    labels = text.texts(fields.get("labels")) or text.texts(fields.get("tags"))
    if found:
        labels |= found.labels
        for name, value in found.members.items():
            fields.put(name, value)
    annotations = text.texts(fields.get("annotations"))
    title = _title(fields, labels, annotations)
    status = _status(fields, title)
    if status is None:
        return _MUTED
    target = {name: text.scalar(value) for name, value in fields.named(_TARGET).items()}
    fingerprint = _own(fields, _IDENTITY) or _derived(_name(fields, labels, title), target, labels)
    starts_at, ends_at = _times(fields, status, now)
    rest = {name: text.scalar(value) for name, value in fields.rest(_USED).items()}
    return Signal(
        source=NAME,
        status=status,
        severity=_severity(fields, labels, status),
        title=title,
        fingerprint=fingerprint,
        group=_own(fields, _GROUP) or fingerprint,
        description=_description(fields, annotations, title),
        labels=text.kept(target | labels),
        annotations=text.kept(rest | annotations, text.ANNOTATION),
        links=[*(found.links if found else ()), *_links(fields, annotations)][:_MOST_LINKS],
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _derived(name: str, target: dict[str, str], labels: dict[str, str]) -> str:
    """Identity without a key of the sender's: what is wrong with what, whatever its state."""
    lasting = {key: value for key, value in labels.items() if key.lower() not in _STATUS}
    return identity.digest(NAME, name, target, lasting)


def _own(fields: Fields, names: tuple[str, ...]) -> str:
    """The first of the sender's own keys."""
    for value in fields.named(names).values():
        if own := identity.key(text.scalar(value)):
            return own
    return ""


def _name(fields: Fields, labels: dict[str, str], title: str) -> str:
    """What the alert is called whatever its state: a rule's name, else the title without its leading mark."""
    for value in (labels.get("alertname"), *fields.values(_RULE)):
        if name := text.line(value):
            return name
    mark = _MARK.match(title)
    return (title[mark.end() :] if mark and _says_something(mark) else "") or title


def _title(fields: Fields, labels: dict[str, str], annotations: dict[str, str]) -> str:
    said = (annotations.get("summary"), annotations.get("title"), labels.get("alertname"))
    for value in (*fields.values(_TITLE), *said, *fields.values(_NAMES)):
        if found := text.line(value):
            return found
    for value in fields.values(_TEXT):
        # Of a text with several lines the first one that says something is the title.
        if found := text.paragraphs(value):
            return text.line(found.partition("\n")[0])
    known = fields.rest(_USED) or fields.named(_TARGET)
    words_first = {name: value for name, value in known.items() if isinstance(value, str)} or known
    return text.line(", ".join(f"{name}: {text.scalar(value)}" for name, value in words_first.items())) or (
        "Alert without a title"
    )


def _description(fields: Fields, annotations: dict[str, str], title: str) -> str:
    for value in (*fields.values(_DESCRIPTION), annotations.get("description")):
        if (found := text.paragraphs(value)) and found != title:
            return found
    return ""


def _status(fields: Fields, title: str) -> SignalStatus | None:
    """What the status members say, else the title's mark, else firing; None: muted by its sender."""
    said = [word for value in fields.values(_STATUS) for word in _spoken(value)]
    for word in said:
        if found := words.status(word):
            return found
        if words.muted(word):
            return None
    for names, over in ((_OVER, True), (_ON, False)):
        flag = next((value for value in fields.values(names) if isinstance(value, bool)), None)
        if flag is not None:
            return SignalStatus.RESOLVED if flag is over else SignalStatus.FIRING
    if any(map(words.over, fields.values(_SEVERITY))):
        return SignalStatus.RESOLVED
    if not said and any(times.instant(value) for value in fields.values(_OVER_SINCE)):
        return SignalStatus.RESOLVED
    mark = None if said else _MARK.match(title)
    return (mark and words.status(mark[1] or mark[2])) or SignalStatus.FIRING


def _spoken(value: Any) -> list[str]:
    """The words in a status member: text, the last part of `incident.resolved`, or `{"state": …}`."""
    if isinstance(value, dict):
        value = next(
            (value[name] for name in ("state", "status", "value", "name", "text") if name in value), None
        )
    if not isinstance(value, str) or not value.strip():
        return []
    last = value[-40:].rpartition(".")[2]
    return [value] if last == value else [value, last]


def _says_something(mark: re.Match[str]) -> bool:
    word = mark[1] or mark[2]
    return words.status(word) is not None or words.severity(word) is not None


def _severity(fields: Fields, labels: dict[str, str], status: SignalStatus) -> Severity | None:
    """The first word that we know. The end of an alert says nothing about how bad it was."""
    for value in fields.values(_SEVERITY):
        # A bare number means something only where the integration's own table says what.
        if is_scalar(value) and (own := words.own_level(value)):
            return own
    said = [word for value in fields.values(_SEVERITY) for word in _spoken(value)]
    for word in (*said, *(labels[name] for name in _SEVERITY if name in labels)):
        if found := words.severity(word):
            return None if status is SignalStatus.RESOLVED and words.good(word) else found
    if status is SignalStatus.RESOLVED:
        return None
    return next((found for value in fields.values(_STATUS) if (found := words.level_in_status(value))), None)


def _times(fields: Fields, status: SignalStatus, now: Instant) -> tuple[Instant | None, Instant | None]:
    """Start and end. A bare timestamp is the start of what fires and the end of what is over."""
    start, end, moment = (_first_instant(fields, names, now) for names in (_STARTS, _ENDS, _MOMENT))
    if status is SignalStatus.FIRING:
        return start or moment, None
    if status is SignalStatus.ACKNOWLEDGED:
        return start, None
    end = end or moment
    return start, None if start is not None and end is not None and end < start else end


def _first_instant(fields: Fields, names: tuple[str, ...], now: Instant) -> Instant | None:
    for value in fields.values(names):
        if (found := times.not_future(times.instant(value), now)) is not None:
            return found
    return None


def _links(fields: Fields, annotations: dict[str, str]) -> list[dict[str, str]]:
    links = []
    for label, names in _LINKS:
        if found := next(filter(None, (text.link(label, value) for value in fields.values(names))), None):
            links.append(found)
    if found := text.link("Runbook", annotations.get("runbook_url")):
        links.append(found)
    listed = fields.get("links")
    for item in listed[:_MOST_LINKS] if isinstance(listed, list) else ():
        address = item.get("href", item.get("url")) if isinstance(item, dict) else item
        label = text.line(item.get("text", item.get("label")), 80) if isinstance(item, dict) else ""
        if found := text.link(label or "Link", address):
            links.append(found)
    return links
