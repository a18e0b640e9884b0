"""What mutes now, said on the pages on which people wonder why nothing came."""

from collections.abc import Mapping, Sequence
from typing import Any

from openalert.domain.access import Actor
from openalert.domain.handling import HoldKind
from openalert.domain.matching import Matcher
from openalert.storage import services, teams
from openalert.storage.transaction import Reader
from openalert.usecases import muting

NAMED = 3
_PATHS = {HoldKind.MAINTENANCE: "/maintenance/", HoldKind.SILENCE: "/silences/"}


def about(
    service_ids: Sequence[str], matchers: Sequence[Matcher], names: Mapping[str, str]
) -> dict[str, list[str] | int]:
    """For which alerts it is meant: names of services, matchers as people write them."""
    known = [names[each] for each in service_ids if each in names]
    return {
        "services": known[:NAMED],
        "more": len(service_ids) - len(known[:NAMED]),
        "matchers": [str(each) for each in matchers],
    }


async def banner(reader: Reader, actor: Actor) -> list[dict[str, Any]]:
    """What mutes now, for the pages on which people wonder why nothing came."""
    found = await muting.now_muted(reader, actor)
    ids = {each for one in found for each in one.service_ids}
    names = {each.id: each.name for each in (await services.named(reader, actor, ids)).values()}
    of_teams = await teams.named(reader, actor, {each.team_id for each in found})
    return [
        {
            "kind": each.kind.value,
            "name": each.name,
            "href": _PATHS[each.kind] + each.id,
            "team": of_teams[each.team_id].name if each.team_id in of_teams else "",
            "about": about(each.service_ids, each.matchers, names),
            "ends_at": each.ends_at,
            "holding": each.holding,
        }
        for each in found
    ]
