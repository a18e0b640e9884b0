"""The list of alerts: what its address asks for, drawn as rows or as groups, with what narrows it further."""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.access import Actor
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import GROUPS, ME, NOBODY, UNRESOLVED, Listing, Sort, is_groupable
from openalert.domain.errors import Invalid
from openalert.domain.ids import first_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.storage import alert_lists, incidents, integrations, services, teams, users
from openalert.storage.alert_lists import WINDOW, Group
from openalert.storage.transaction import Reader
from openalert.web.ui.choices import MOST, Choices, people
from openalert.web.ui.forms import local_instant, local_text
from openalert.web.ui.frame import Values
from openalert.web.ui.kinds import KINDS

PATH = "/alerts"
PAGE = 50
MOST_NEW = 100
"""How far those that came since are counted."""
_LABELS_SHOWN = 3
_SAID_ELSEWHERE = ("alertname", "severity", "priority", "summary", "title")
"""Labels that a row says already, by its title or its mark."""
_TABS = {
    "open": "Open",
    "firing": "Firing",
    "acknowledged": "Acknowledged",
    "suppressed": "Suppressed",
    "resolved": "Resolved",
    "all": "All",
}
SORTS = {
    Sort.NEWEST: "Newest first",
    Sort.OLDEST: "Oldest first",
    Sort.SEVERITY: "Worst first",
    Sort.SEEN: "Last seen first",
    Sort.TIMES: "Most repeated first",
}
SPAN_WORDS = {
    "1h": "Last hour",
    "6h": "Last 6 hours",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
_GROUP_WORDS = {
    "service": "Service",
    "team": "Team",
    "source": "Source",
    "severity": "Severity",
    "title": "Title",
}
SOURCES = {kind.key: kind.name for kind in KINDS}


Changes = dict[str, str | Sequence[str] | None]
"""Parameters of an address and what becomes of them."""


class Names(msgspec.Struct, kw_only=True):
    """What to call what a list can be narrowed to, by id."""

    service: dict[str, str]
    team: dict[str, str]
    integration: dict[str, str]
    source: dict[str, str]
    assignee: dict[str, str]
    """Also under the words that are no ids."""

    def of(self, kind: str, key: str) -> str:
        """The name of one thing; a plain word for what the reader cannot see."""
        known: Mapping[str, str] = getattr(self, kind, {})
        return known.get(key) or (key if kind == "source" else f"another {kind}")


def asked(pairs: Iterable[tuple[str, str]], zone: ZoneInfo) -> Listing:
    """The list that an address or a form asks for; times typed there are the reader's own clock's."""
    return Listing.of((name, _instant(name, value, zone)) for name, value in pairs)


def _instant(name: str, value: str, zone: ZoneInfo) -> str:
    if name not in ("from", "to") or "T" not in value:
        return value
    try:
        return str(local_instant(value, zone, name))
    except Invalid:
        return ""


def href(listing: Listing, **changed: str | Sequence[str] | None) -> str:
    """The address of a list, with some of its parameters changed."""
    return f"{PATH}?{listing.query(**changed)}"


async def names(reader: Reader, actor: Actor) -> Names:
    """What the reader can choose from."""
    watched = await services.page(reader, actor, limit=MOST)
    every = await teams.page(reader, actor, limit=MOST)
    keys = await integrations.page(reader, actor, limit=MOST)
    of = {each.id: each.name for each in watched}
    return Names(
        service=of,
        team={each.id: each.name for each in every},
        integration={each.id: f"{each.name} ({of.get(each.service_id, '?')})" for each in keys},
        source=SOURCES,
        assignee={ME: "Mine", NOBODY: "Nobody's"} | dict(await people(reader, actor)),
    )


async def rows(
    reader: Reader, actor: Actor, listing: Listing, cursor: str | None, held: Sequence[str], top: str
) -> Values:
    """One page of the list; with `held` just these alerts, and how many came since `top`.

    Rows that somebody is working with stay where they are, whatever comes or ends meanwhile.
    """
    wanted = listing.filter
    fresh = 0
    if held:
        shown = await alert_lists.these(reader, actor, list(held[:PAGE]))
        found = alert_lists.Slice(items=shown)
        fresh = await alert_lists.newer(reader, actor, wanted, top, at_most=MOST_NEW)
    else:
        found = await alert_lists.search(reader, actor, wanted, limit=PAGE, sort=listing.sort, after=cursor)
        begins_with_newest = listing.sort is Sort.NEWEST and cursor is None and found.items
        top = found.items[0].id if begins_with_newest else first_id(reader.now)
    of = await incidents.get_many(
        reader, list({each.incident_id for each in found.items if each.incident_id})
    )
    watched = await services.named(reader, actor, {each.service_id for each in found.items})
    owners = await users.named(reader, actor, [each.assignee_id for each in found.items if each.assignee_id])
    ids = ",".join(each.id for each in found.items)
    return {
        "alerts": [
            row(each, of, watched[each.service_id].name if each.service_id in watched else "", owners)
            for each in found.items
        ],
        "hold": href(listing, rows=ids, top=top) if ids else href(listing),
        "fresh": f"{fresh}{'+' if fresh >= MOST_NEW else ''}" if fresh else "",
        "older": href(listing, cursor=found.next) if found.next else None,
        "looked_back_to": found.looked_back_to,
    }


def row(alert: Alert, of: Mapping[str, Incident], service: str, people: Mapping[str, User]) -> Values:
    """One alert as its row, and the head of its page, tell it."""
    incident = of.get(alert.incident_id or "")
    return {
        "id": alert.id,
        "href": f"{PATH}/{alert.id}",
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "service": service,
        "source": alert.source,
        "source_name": SOURCES.get(alert.source, alert.source),
        "labels_shown": _telling(alert),
        "label_names": list(alert.labels),
        "times": alert.count,
        "fired_at": alert.fired_at,
        "last_seen_at": alert.last_seen_at,
        "rev": f"{alert.updated_at}-{alert.status}-{alert.count}",
        "incident": {"number": incident.number, "href": f"/incidents/{incident.id}", "title": incident.title}
        if incident
        else None,
        "snoozed_until": alert.snoozed_until,
        "tags": alert.tags,
        "assignee": owner.name if (owner := people.get(alert.assignee_id or "")) else None,
        "reason": "" if incident or alert.status is not AlertStatus.RESOLVED else "nobody was paged",
    }


def _telling(alert: Alert) -> list[tuple[str, str]]:
    """The first labels that tell this alert from others of its title."""
    return [
        (name, value)
        for name, value in sorted(alert.labels.items(), key=lambda pair: (_PLACE.get(pair[0], 9), pair[0]))
        if name.lower() not in _SAID_ELSEWHERE and value and value not in alert.title
    ][:_LABELS_SHOWN]


_PLACE = {
    name: at
    for at, name in enumerate(("instance", "host", "hostname", "pod", "device", "namespace", "cluster"))
}


async def grouped(reader: Reader, actor: Actor, listing: Listing, by: str, called: Names) -> Values:
    """The open alerts of the list, gathered by what they have in common."""
    found = await alert_lists.groups(reader, actor, listing.filter, by)
    return {
        "by": by.removeprefix("label:") if by.startswith("label:") else _GROUP_WORDS[by].lower(),
        "groups": [_group(each, listing, by, called) for each in found],
        "cut": len(found) >= alert_lists.MOST_GROUPS,
    }


def _group(group: Group, listing: Listing, by: str, called: Names) -> Values:
    key = group.key or ""
    narrowed: Changes = {by: key}
    words = called.of(by, key) if by in ("service", "team", "source") else key
    if by == "severity":
        words = key.capitalize()
    elif by.startswith("label:"):
        name = by.removeprefix("label:")
        match = f"{name}={key}" if group.key is not None else f"!{name}"
        narrowed = {"label": [*(str(each) for each in listing.filter.labels), match]}
        words = key if group.key is not None else f"without {name}"
    return {
        "words": words or "without a value",
        "href": href(listing, group=None, **narrowed),
        "count": group.count,
        "firing": group.firing,
        "severity": group.severity.value,
        "newest_at": group.newest_at,
    }


async def tabs(reader: Reader, actor: Actor, listing: Listing) -> Values:
    """States and severities with their numbers, each the address that narrows the list to it."""
    wanted = listing.filter
    counted = await alert_lists.counts(reader, actor, wanted)
    is_cut = sum(counted.values()) >= WINDOW

    def number(statuses: Sequence[str] | None, severities: Sequence[str] | None) -> int:
        return sum(
            count
            for (status, severity), count in counted.items()
            if (statuses is None or status in statuses) and (severities is None or severity in severities)
        )

    chosen = listing.status
    by_tab = {"open": UNRESOLVED, **{status.value: (status,) for status in UNRESOLVED}}
    matching = number(wanted.statuses, wanted.severities) if wanted.is_open else None
    return {
        "tab": chosen,
        "tabs": [
            {
                "key": key,
                "word": word,
                "number": figure(number(by_tab[key], wanted.severities), is_cut) if key in by_tab else "",
                "href": href(listing, status=key, group=listing.group if key in by_tab else None),
            }
            for key, word in _TABS.items()
        ],
        "levels": [
            {
                "level": level.value,
                "number": figure(number(wanted.statuses, (level,)), is_cut) if wanted.is_open else "",
                "on": level in (wanted.severities or ()),
                "href": href(listing, severity=_toggled(wanted.severities, level)),
            }
            for level in Severity
        ],
        "matching": matching,
        "matching_words": "" if matching is None else figure(matching, is_cut and matching >= WINDOW),
    }


def figure(number: int, is_cut: bool = False) -> str:
    """A number as people read it; `+` where counting ended at a window's end."""
    return f"{number:,}".replace(",", "\N{THIN SPACE}") + ("+" if is_cut else "")


def _toggled(chosen: Sequence[str] | None, level: Severity) -> list[str]:
    """The severities with one more of them chosen, or one less."""
    return [each.value for each in Severity if (each in (chosen or ())) != (each is level)]


_Narrowed = tuple[str, Instant | None, Changes]


def narrowing(listing: Listing, called: Names, of: Mapping[str, str]) -> list[Values]:
    """What narrows the list beside state and severity: words, a time where there is one, the address without it.

    `of` names incidents by id.
    """
    wanted = listing.filter
    things: list[_Narrowed] = [
        (called.of(kind, value), None, {kind: None})
        for kind, value in (
            ("service", wanted.service_id),
            ("team", wanted.team_id),
            ("source", wanted.source),
            ("integration", wanted.integration_id),
            ("assignee", wanted.assignee),
        )
        if value
    ]
    matches: list[_Narrowed] = [
        (str(each), None, {"label": [str(other) for other in wanted.labels if other != each]})
        for each in wanted.labels
    ]
    tags: list[_Narrowed] = [
        (f"Tag {each}", None, {"tag": [other for other in wanted.tags if other != each]})
        for each in wanted.tags
    ]
    alone = [
        (wanted.text, f"“{wanted.text}”", None, "q"),
        (wanted.incident_id, f"Incident {of.get(wanted.incident_id or '', '')}".strip(), None, "incident"),
        (wanted.title, f"Title: {wanted.title}", None, "title"),
        (wanted.span, SPAN_WORDS.get(wanted.span or "", ""), None, "span"),
        (wanted.since, "From", wanted.since, "from"),
        (wanted.until, "Before", wanted.until, "to"),
    ]
    single: list[_Narrowed] = [
        (words, at, {name: None}) for value, words, at, name in alone if value is not None
    ]
    return [
        {"words": words, "at": at, "without": href(listing, **changed)}
        for words, at, changed in [*things, *matches, *tags, *single]
    ]


def choices(listing: Listing, called: Names, zone: ZoneInfo) -> Values:
    """The form that narrows the list, filled in as it is narrowed now."""
    wanted = listing.filter
    return {
        "service": _options(called.service, wanted.service_id),
        "team": _options(called.team, wanted.team_id),
        "integration": _options(called.integration, wanted.integration_id),
        "assignee": _options(called.assignee, wanted.assignee),
        "source": _options(called.source, wanted.source),
        "span": [("", "At any time"), *SPAN_WORDS.items()],
        "chosen": {
            "service": wanted.service_id or "",
            "team": wanted.team_id or "",
            "integration": wanted.integration_id or "",
            "source": wanted.source or "",
            "assignee": wanted.assignee or "",
            "tag": wanted.tags,
            "span": wanted.span or "",
            "label": [str(each) for each in wanted.labels],
            "from": "" if wanted.since is None else local_text(wanted.since, zone),
            "to": "" if wanted.until is None else local_text(wanted.until, zone),
        },
        "kept": [pair for pair in listing.pairs() if pair[0] not in _IN_FORM],
        "beside_text": [pair for pair in listing.pairs() if pair[0] != "q"],
    }


_IN_FORM = ("service", "team", "integration", "source", "assignee", "tag", "span", "label", "from", "to")


def _options(known: Mapping[str, str], chosen: str | None) -> Choices:
    every = sorted(known.items(), key=lambda pair: (pair[0] not in (ME, NOBODY), pair[1].casefold()))
    if chosen and chosen not in known:
        every.append((chosen, "the one chosen"))
    return [("", "Any"), *every]


def orders(listing: Listing) -> list[Values]:
    """The orders that the list can have; what is over comes in the order of its coming only."""
    usual = (Sort.NEWEST, Sort.OLDEST)
    return [
        {"words": words, "on": sort is listing.sort, "href": href(listing, sort=sort.value, cursor=None)}
        for sort, words in SORTS.items()
        if listing.filter.is_open or sort in usual
    ]


def gatherings(listing: Listing, labels: Iterable[str]) -> list[Values]:
    """By what the open alerts can be gathered: what every alert has, and labels that the shown ones have."""
    if not listing.filter.is_open:
        return []
    keys = [*GROUPS, *(f"label:{name}" for name in labels if is_groupable(name))]
    if listing.group is not None and listing.group not in keys:
        keys.append(listing.group)
    return [
        {
            "words": _GROUP_WORDS.get(key) or key.removeprefix("label:"),
            "is_label": key.startswith("label:"),
            "on": key == listing.group,
            "href": href(listing, group=key),
        }
        for key in keys
    ]
