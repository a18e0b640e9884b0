"""What the form of a routing rule offers to choose from."""

from openalert.domain.access import Actor
from openalert.storage import integrations, services
from openalert.storage.transaction import Reader
from openalert.web.ui.choices import MOST, Choices, teams_to_configure


async def offered(reader: Reader, actor: Actor) -> dict[str, Choices]:
    """The services and integrations in view, by name."""
    watched = await services.page(reader, actor, limit=MOST)
    by_id = {each.id: each.name for each in watched}
    keys = await integrations.page(reader, actor, limit=MOST)
    return {
        "services": _sorted(list(by_id.items())),
        "integrations": _sorted([(each.id, f"{each.name} of {by_id[each.service_id]}") for each in keys]),
    }


async def places(reader: Reader, actor: Actor) -> list[tuple[str, Choices]]:
    """Whose alerts a new rule can be about: each team that the reader may configure, and its integrations."""
    watched = {each.id: each for each in await services.page(reader, actor, limit=MOST)}
    keys = await integrations.page(reader, actor, limit=MOST)
    groups = []
    for team_id, name in await teams_to_configure(reader, actor):
        own = [each for each in keys if watched[each.service_id].team_id == team_id]
        of_keys = [
            (f"integration:{each.id}", f"{each.name} of {watched[each.service_id].name}") for each in own
        ]
        groups.append((name, [(f"team:{team_id}", f"All alerts of {name}"), *_sorted(of_keys)]))
    return groups


async def team_of_integration(reader: Reader, actor: Actor, integration_id: str) -> str | None:
    """The team of the service that an integration in view belongs to."""
    integration = await integrations.get(reader, actor, integration_id)
    service = await services.get(reader, actor, integration.service_id) if integration else None
    return service.team_id if service else None


def _sorted(pairs: Choices) -> Choices:
    return sorted(pairs, key=lambda pair: pair[1].casefold())
