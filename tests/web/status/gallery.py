"""Every kind of public page as data: what tests in a browser look at, without a server or a database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.public_page import (
    PublicChange,
    PublicComponent,
    PublicGroup,
    PublicIncident,
    PublicPage,
    PublicUpdate,
)
from openalert.domain.status_page import (
    ComponentStatus,
    Impact,
    PublicKind,
    PublicStatus,
    Theme,
    indicator,
    overall,
)
from openalert.domain.uptime import Day, percent
from openalert.web.status import html
from openalert.web.status.answers import Answer
from openalert.web.status.renderings import render
from openalert.web.status.view import View
from openalert.web.status.years import year_of

NOW: Instant = int(datetime(2026, 5, 20, 14, 7, tzinfo=UTC).timestamp() * 1000)
HOST = "https://status.acme.example"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&]]>"
_FINE, _SLOW = ComponentStatus.OPERATIONAL, ComponentStatus.DEGRADED_PERFORMANCE
_PARTIAL, _DOWN = ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.MAJOR_OUTAGE
_WORK = ComponentStatus.UNDER_MAINTENANCE


def days(odd: dict[int, ComponentStatus], known: int = 90, told: str = "") -> tuple[Day, ...]:
    """Ninety days; `odd`: how it was so many days ago; `known`: since when anything is known."""
    found = []
    for back in reversed(range(90)):
        status = odd.get(back, _FINE)
        found.append(
            Day(
                date=(date(2026, 5, 20) - timedelta(days=back)).isoformat(),
                known=DAY if back < known else 0,
                partial=40 * MINUTE if status is _PARTIAL else 0,
                major=2 * HOUR if status is _DOWN else 0,
                worst=status if back < known else _FINE,
                incident_ids=(told,) if told and back in odd else (),
            )
        )
    return tuple(found)


def component(name: str, status: ComponentStatus = _FINE, **options: Any) -> PublicComponent:
    """A component with its bars."""
    bars = options.pop("days", days({}))
    given: dict[str, Any] = {
        "id": f"id-{name}",
        "public_id": f"c{abs(hash(name)) % 10**11:011d}",
        "group_id": None,
        "name": name,
        "description": "",
        "link": None,
        "status": status,
        "position": 1,
        "shows_uptime": True,
        "since": NOW - 400 * DAY if status is _FINE else NOW - 67 * MINUTE,
        "created_at": NOW - 400 * DAY,
        "updated_at": NOW - 3 * DAY,
    } | options
    return PublicComponent(days=bars, percent=percent(bars), **given)


def group(name: str, status: ComponentStatus = _FINE, *, is_open: bool = True) -> PublicGroup:
    """A group."""
    return PublicGroup(
        id=f"g-{name}",
        public_id=f"g{abs(hash(name)) % 10**11:011d}",
        name=name,
        is_open=is_open,
        status=status,
        position=1,
        created_at=NOW - 400 * DAY,
        updated_at=NOW - 400 * DAY,
    )


def said(
    status: PublicStatus, message: str, ago: int, *changes: PublicChange, edited: bool = False
) -> PublicUpdate:
    """An update so many milliseconds ago."""
    return PublicUpdate(
        id=f"u{ago}",
        public_id=f"u{ago}",
        status=status,
        message=message,
        changes=changes,
        shown_at=NOW - ago,
        edited_at=NOW - ago + MINUTE if edited else None,
    )


def told(title: str, status: PublicStatus, impact: Impact, ago: int, **options: Any) -> PublicIncident:
    """An incident that began so many milliseconds ago, or a maintenance (`scheduled_for`)."""
    given: dict[str, Any] = {
        "id": f"i-{title}",
        "public_id": f"i{abs(hash(title)) % 10**11:011d}",
        "kind": PublicKind.MAINTENANCE if impact is Impact.MAINTENANCE else PublicKind.INCIDENT,
        "component_ids": (),
        "scheduled_for": None,
        "scheduled_until": None,
        "started_at": NOW - ago,
        "resolved_at": NOW - ago + 2 * HOUR if status.is_over else None,
        "postmortem": "",
        "updates": (),
        "created_at": NOW - ago,
        "updated_at": NOW - ago,
    } | options
    return PublicIncident(title=title, status=status, impact=impact, **given)


def page(*parts: PublicComponent, **options: Any) -> PublicPage:
    """A page with these components."""
    statuses = [each.status for each in parts]
    given: dict[str, Any] = {
        "name": "Acme Status",
        "slug": "acme",
        "description": "",
        "custom_domain": "status.acme.example",
        "is_public": True,
        "link_hash": None,
        "logo_url": None,
        "header_text": "",
        "footer_text": "",
        "support_url": "https://acme.example/help",
        "theme": Theme(accent="#4f46e5"),
        "language": "en",
        "timezone": "Europe/Berlin",
        "is_indexed": True,
        "as_of": NOW,
        "groups": (),
        "incidents": (),
    } | options
    return PublicPage(
        id="p",
        public_id="kctbh9vrtdwd",
        url=HOST,
        team_id="t",
        organization_id="o",
        version=1,
        updated_at=NOW - HOUR,
        overall=overall(statuses),
        indicator=indicator(statuses),
        affected_components=sum(each is not _FINE for each in statuses),
        components=parts,
        **given,
    )


def _past() -> tuple[PublicIncident, ...]:
    over = PublicStatus.RESOLVED
    return (
        told(
            "Slow searches",
            over,
            Impact.MINOR,
            3 * DAY,
            updates=(
                said(over, "The index was rebuilt, searches are fast again.", 3 * DAY - 2 * HOUR),
                said(PublicStatus.INVESTIGATING, "Searches take longer than usual.", 3 * DAY),
            ),
        ),
        told(
            "API errors in Europe",
            over,
            Impact.CRITICAL,
            9 * DAY,
            updates=(
                said(over, "A faulty release was **rolled back**. We are sorry.", 9 * DAY - 2 * HOUR),
                said(PublicStatus.IDENTIFIED, "It is the release of this morning.", 9 * DAY - HOUR),
                said(PublicStatus.INVESTIGATING, "Many calls fail.", 9 * DAY),
            ),
            component_ids=("id-API",),
            postmortem="## Cause\n\nA release without its migration.\n\n- We test the order.\n- `deploy` waits.",
        ),
    )


def well(**options: Any) -> PublicPage:
    """All is well, with some history."""
    bars = days({9: _DOWN, 40: _PARTIAL, 41: _SLOW, 60: _WORK}, told="i-API errors in Europe")
    parts = (
        component("Website", days=days({3: _SLOW}), since=NOW - 3 * DAY),
        component(
            "API", days=bars, description="REST and webhooks, version 3", link="https://acme.example/api"
        ),
        component("Dashboard"),
        component("Mail delivery", days=days({}, known=30)),
        component("Support desk", shows_uptime=False, days=()),
    )
    return page(*parts, **{"incidents": _past(), "description": "How our services are doing."} | options)


def wrong(**options: Any) -> PublicPage:
    """An open incident with several updates, in groups."""
    change = PublicChange(component_id="id-API", public_id="capi", name="API", was=_FINE, is_now=_PARTIAL)
    bad = told(
        "Elevated API errors",
        PublicStatus.IDENTIFIED,
        Impact.MAJOR,
        67 * MINUTE,
        component_ids=("id-API", "id-Webhooks"),
        updates=(
            said(
                PublicStatus.IDENTIFIED,
                "A bad deploy was found and is **being rolled back**. See https://acme.example/notes.",
                7 * MINUTE,
                change,
            ),
            said(PublicStatus.INVESTIGATING, "About 5 % of calls fail in Europe.", 60 * MINUTE, edited=True),
            said(PublicStatus.INVESTIGATING, "We see errors and look for the cause.", 67 * MINUTE),
        ),
    )
    core, edge = group("Core", _DOWN), group("Edge", is_open=False)
    parts = (
        component("API", _PARTIAL, group_id=core.id, days=days({0: _PARTIAL}, told=bad.id)),
        component("Webhooks", _DOWN, group_id=core.id, days=days({0: _DOWN}, told=bad.id)),
        component("Search", _SLOW, group_id=core.id, days=days({0: _SLOW, 30: _PARTIAL})),
        component("CDN", group_id=edge.id),
        component("DNS", group_id=edge.id),
    )
    return page(*parts, **{"groups": (core, edge), "incidents": (bad, *_past())} | options)


def planned(*, underway: bool) -> PublicPage:
    """Maintenance ahead, or under way."""
    status = PublicStatus.IN_PROGRESS if underway else PublicStatus.SCHEDULED
    begins = NOW - 20 * MINUTE if underway else NOW + 3 * DAY
    work = told(
        "Database upgrade",
        status,
        Impact.MAINTENANCE,
        DAY,
        scheduled_for=begins,
        scheduled_until=begins + 2 * HOUR,
        started_at=begins,
        component_ids=("id-API",),
        updates=(said(status, "Writes may be refused for up to a minute.", DAY),),
    )
    parts = (component("API", _WORK if underway else _FINE), component("Website"))
    return page(*parts, incidents=(work, *_past()))


def large(**options: Any) -> PublicPage:
    """Sixty components in eight groups, each with some bad days."""
    groups = tuple(group(f"Region {number}", is_open=number < 2) for number in range(8))
    parts = tuple(
        component(
            f"Service {number:02d}",
            group_id=groups[number % 8].id if number > 3 else None,
            days=days({number % 50: _PARTIAL, number % 31 + 10: _SLOW}),
        )
        for number in range(60)
    )
    return page(*parts, **{"groups": groups, "incidents": _past()} | options)


def odd_words() -> PublicPage:
    """Long words, words from right to left, Chinese, and what somebody hostile would type."""
    long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverwaltungssystem" * 2
    some = group("خدمات الشبكة الأساسية", _SLOW)
    parts = (
        component(long, description=long),
        component("واجهة برمجة التطبيقات", _SLOW, group_id=some.id, description="الإصدار 3"),
        component("数据库与消息队列服务(亚太地区)", group_id=some.id),
        component(HOSTILE, description=HOSTILE),
    )
    bad = told(
        "انقطاع جزئي في الخدمة",
        PublicStatus.INVESTIGATING,
        Impact.MINOR,
        HOUR,
        component_ids=tuple(each.id for each in parts),
        updates=(said(PublicStatus.INVESTIGATING, f"نحن نبحث عن السبب.\n\n{HOSTILE}\n\n{long}", HOUR),),
    )
    return page(
        *parts,
        name=f"{long} Status",
        groups=(some,),
        incidents=(bad,),
        header_text=HOSTILE,
        footer_text="数据库",
        theme=Theme(accent="#ffff00"),
    )


def answered(page: PublicPage, name: str, now: Instant) -> Answer | None:
    """What is answered there; the pages of uptime have a year that is made up."""
    if not name.startswith("uptime"):
        return render(page, name, "", now)
    view = View(page, now)
    ups = [each for each in page.components if each.shows_uptime]
    years = [year_of(view, each, _year({5: _DOWN, 40: _PARTIAL, 41: _SLOW, 100: _WORK})) for each in ups]
    return html.uptime(page, "", now, years) if name == "uptime" else html.calendar(page, "", now, years[0])


def _year(odd: dict[int, ComponentStatus]) -> list[Day]:
    found = []
    for back in reversed(range(366)):
        day = (date(2026, 5, 20) - timedelta(days=back)).isoformat()
        status = odd.get(back, _FINE)
        down = 2 * HOUR if status is _DOWN else 0
        found.append(Day(date=day, known=DAY if back < 300 else 0, major=down, worst=status))
    return found


class Sight(msgspec.Struct, frozen=True):
    """A page, the address on it that is looked at, and when."""

    page: PublicPage
    name: str = ""
    now: Instant = NOW


def _first(page: PublicPage, number: int = 0) -> str:
    return f"incidents/{page.incidents[number].public_id}"


SIGHTS: dict[str, Sight] = {
    "well": Sight(well()),
    "wrong": Sight(wrong()),
    "ahead": Sight(planned(underway=False)),
    "underway": Sight(planned(underway=True)),
    "large": Sight(large()),
    "odd-words": Sight(odd_words()),
    "empty": Sight(page()),
    "stale": Sight(wrong(), now=NOW + 47 * MINUTE),
    "incident": Sight(wrong(), _first(wrong())),
    "postmortem": Sight(well(), _first(well(), 1)),
    "month": Sight(well(), "history/2026-05"),
    "uptime": Sight(well(), "uptime"),
    "calendar": Sight(well(), "uptime/c0"),
    "private": Sight(well(is_public=False)),
    "german": Sight(wrong(language="de")),
    "japanese": Sight(wrong(language="ja")),
}
"""What there is to look at, by name."""
