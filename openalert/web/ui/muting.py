"""What the pages of maintenance windows and silences share: the choice of alerts, and what is held."""

from collections.abc import Sequence

from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import Invalid, OpenAlertError
from openalert.domain.matching import Matcher, parse_all
from openalert.storage import holds, services, teams
from openalert.storage.transaction import Reader
from openalert.usecases import muting
from openalert.web.ui.choices import MOST, Choices
from openalert.web.ui.frame import Values

HELD_SHOWN = 20
SCOPE = {
    "teamId": ("team_id", "The team"),
    "serviceIds": ("service_ids", "The services"),
    "matchers": ("matchers", "The matchers"),
}
"""Fields of the API by the fields of the form."""


async def teams_to_mute(reader: Reader, actor: Actor) -> Choices:
    """The teams whose alerts the reader may mute."""
    every = await teams.page(reader, actor, limit=MOST)
    found = [(each.id, each.name) for each in every if can(actor, Permission.RESPOND, each.id)]
    return sorted(found, key=lambda pair: pair[1].casefold())


async def services_of(reader: Reader, actor: Actor, team_ids: Sequence[str]) -> list[Values]:
    """The services of these teams, to choose from: `id`, `name`, `team_id`."""
    every = await services.page(reader, actor, limit=MOST)
    return [
        {"id": each.id, "name": each.name, "team_id": each.team_id}
        for each in sorted(every, key=lambda each: each.name.casefold())
        if each.team_id in team_ids
    ]


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """The matchers of the form's field, one a line."""
    return parse_all([text])


async def preview(
    reader: Reader, actor: Actor, team_id: str, service_ids: Sequence[str], matchers: str
) -> Values | None:
    """What would be hidden of what fires now; None while the form makes no sense."""
    try:
        found = await muting.preview(reader, actor, team_id, service_ids, matchers_of(matchers))
    except OpenAlertError:
        return None
    return {
        "firing": found.firing,
        "of": found.of,
        "everything": found.everything,
        "warnings": muting.warnings_of(found),
        "alerts": [
            {"href": f"/alerts/{each.id}", "title": each.title, "severity": each.severity.value}
            for each in found.alerts
        ],
        "more": found.firing - len(found.alerts),
    }


async def held(reader: Reader, ref_id: str) -> list[Values]:
    """The alerts that a window or silence holds or has held, the newest first."""
    return [
        {
            "href": f"/alerts/{each.alert_id}",
            "title": each.title,
            "severity": each.severity,
            "status": each.status,
            "since": each.since,
            "released_at": each.released_at,
        }
        for each in await holds.alerts_of(reader, ref_id, HELD_SHOWN)
    ]


def chosen(found: Sequence[tuple[str, str]], value: str) -> str:
    """A value that a select may hold; Invalid is for the API, a form falls back to its first."""
    known = [key for key, _ in found]
    return value if value in known else (known[0] if known else "")


def whole_minutes(text: str) -> int:
    """By how many minutes to extend, as the buttons say."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Invalid("Choose by how much.", field="minutes")
    return int(text)
