"""SQL for what services set about noise, and for groups that roll on while alerts keep coming."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.domain.noise import Grouping, Noise
from openalert.storage.transaction import Reader, Transaction


class Setting(msgspec.Struct, kw_only=True):
    """What one service has set."""

    id: str
    grouping: Grouping
    noise: Noise


class GroupWindow(msgspec.Struct):
    """Which incident of a group alerts join now: the how-manieth, and when the last one did."""

    open_key: str
    generation: int
    last_at: Instant


async def of_team(reader: Reader, team_id: str) -> list[Setting]:
    """The services of the team that have set anything."""
    return await reader.all(
        Setting,
        "SELECT id, grouping, noise FROM services WHERE team_id = :team_id AND deleted_at IS NULL "
        "AND (grouping <> '{}' OR noise <> '{}') ORDER BY id",
        team_id=team_id,
    )


async def windows(reader: Reader, open_keys: Sequence[str]) -> dict[str, GroupWindow]:
    """The windows of these groups, as far as there are any."""
    found = await reader.all(
        GroupWindow,
        f"SELECT * FROM group_windows WHERE {reader.any_of('open_key', 'keys')}",
        keys=list(open_keys),
    )
    return {each.open_key: each for each in found}


async def put_windows(tx: Transaction, changed: Mapping[str, GroupWindow]) -> None:
    """Write windows."""
    await tx.many(
        "INSERT INTO group_windows (open_key, generation, last_at) VALUES (:open_key, :generation, :last_at) "
        "ON CONFLICT (open_key) DO UPDATE SET generation = excluded.generation, last_at = excluded.last_at",
        [msgspec.structs.asdict(each) for each in changed.values()],
    )


class Lately(msgspec.Struct, kw_only=True):
    """What is counted of an alert that came lately."""

    incident_id: str | None
    fired_at: Instant
    resolved_at: Instant | None
    resolved_by_id: str | None
    began: list[Instant]


async def lately(reader: Reader, service_id: str, since: Instant, most: int) -> list[Lately]:
    """The alerts of the service since then that are among the newest `most` of all."""
    return await reader.all(
        Lately,
        """
        SELECT incident_id, fired_at, resolved_at, resolved_by_id, began FROM (
            SELECT * FROM alerts WHERE id >= :first ORDER BY id DESC LIMIT :most
        ) AS newest
        WHERE service_id = :service_id
        """,
        service_id=service_id,
        first=first_id(since),
        most=most,
    )


async def forget_windows(tx: Transaction, before: Instant) -> None:
    """Forget windows that nothing joined since then."""
    await tx.execute("DELETE FROM group_windows WHERE last_at < :before", before=before)
