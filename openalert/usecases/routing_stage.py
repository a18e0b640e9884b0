"""The routing rules of a team, read and made ready to be asked about its alerts."""

from openalert.domain.access import SYSTEM
from openalert.domain.handling import Named
from openalert.domain.routing_decide import RuleList
from openalert.domain.routing_stage import stage
from openalert.storage import routing_rules, services
from openalert.storage.transaction import Reader


async def load(reader: Reader, team_id: str) -> Named | None:
    """The rules of the team as a stage; None: it has none."""
    rules = RuleList(await routing_rules.of_team(reader, team_id))
    if not len(rules):
        return None
    known = await services.named(reader, SYSTEM, rules.targets)
    return stage(rules, {service.id: service.name for service in known.values()})
