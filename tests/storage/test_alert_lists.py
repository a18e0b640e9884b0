"""Lists of alerts: what they are narrowed to, how they go on, and that none costs more for a longer history."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import ME, NOBODY, UNRESOLVED, AlertFilter, LabelMatch, Sort
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.storage import Database, alert_lists, alerts
from openalert.storage.connection import Writes
from openalert.storage.transaction import Reader
from tests import make

pytestmark = pytest.mark.anyio
NEVER = "01a1fcb0-3e2a-7001-9b71-89e183c71ecc"


class House:
    """Alerts of one team, each a minute after the one before."""

    def __init__(self, db: Database, cast: make.Cast) -> None:
        self.db, self.cast = db, cast
        self.actor = make.actor(cast.alice, cast.team)
        self.at: Instant = db.clock() - 1000 * MINUTE
        self.names: dict[str, str] = {}

    async def has(self, name: str, **said: Any) -> Alert:
        """One more alert."""
        self.at += MINUTE
        status = AlertStatus(said.pop("status", "firing"))
        given = {
            "organization_id": self.cast.organization.id, "team_id": self.cast.team.id, "service_id": "shop",
            "integration_id": "one", "incident_id": None, "severity": Severity.LOW, "title": name, "labels": {},
            "source": "prometheus", "last_seen_at": self.at, "count": 1, "resolved_at": None,
        }  # fmt: skip
        alert = Alert(
            id=new_id(self.at), fingerprint=f"{name} {self.at}", status=status, description="", annotations={},
            links=[], payload_id=None, starts_at=None, fired_at=self.at, updated_at=self.at, **(given | said),
        )  # fmt: skip
        async with self.db.transaction() as tx:
            await alerts.insert(tx, [alert], [])
        self.names[alert.id] = name
        return alert

    async def shows(self, wanted: AlertFilter, *, sort: Sort = Sort.NEWEST, limit: int = 50) -> list[str]:
        """The names on all pages, in order."""
        found: list[str] = []
        after: str | None = None
        async with self.db.read() as reader:
            while True:
                page = await alert_lists.search(
                    reader, self.actor, wanted, limit=limit, sort=sort, after=after
                )
                found += [self.names[each.id] for each in page.items]
                after = page.next
                if after is None:
                    return found


@pytest.fixture
async def house(db: Database) -> House:
    """An empty one, on either database."""
    return House(db, await make.cast(db))


async def test_each_filter_narrows_by_what_it_says(house: House) -> None:
    """State, severity, service, team, integration, source, tag, person, title, words and time, alone."""
    first = await house.has("Disk", severity=Severity.CRITICAL, tags=["storage", "night"])
    await house.has("Load on db1", service_id="pay", integration_id="two", assignee_id=house.cast.alice.id)
    await house.has(
        "Heat", source="zabbix", status="acknowledged", assignee_id=house.cast.bob.id, tags=["nightly"]
    )
    last = await house.has("Over", status="resolved", team_id="elsewhere")
    assert await house.shows(AlertFilter(statuses=UNRESOLVED)) == ["Heat", "Load on db1", "Disk"]
    assert await house.shows(AlertFilter()) == ["Over", "Heat", "Load on db1", "Disk"]
    expected: dict[str, AlertFilter] = {
        "Heat": AlertFilter(statuses=("acknowledged",)),
        "Disk": AlertFilter(severities=("critical",)),
        "Over": AlertFilter(team_id="elsewhere"),
        "Load on db1": AlertFilter(text="ON lo"),
    }
    for name, wanted in expected.items():
        assert await house.shows(wanted) == [name], wanted
    assert await house.shows(AlertFilter(service_id="pay")) == ["Load on db1"]
    assert await house.shows(AlertFilter(integration_id="two")) == ["Load on db1"]
    assert await house.shows(AlertFilter(source="zabbix")) == ["Heat"]
    assert await house.shows(AlertFilter(tags=("night",))) == ["Disk"]
    assert await house.shows(AlertFilter(tags=("night", "storage"))) == ["Disk"]
    assert await house.shows(AlertFilter(tags=("night", "nightly"))) == []
    assert await house.shows(AlertFilter(assignee=ME)) == ["Load on db1"]
    assert await house.shows(AlertFilter(assignee=house.cast.bob.id)) == ["Heat"]
    assert await house.shows(AlertFilter(assignee=NOBODY)) == ["Over", "Disk"]
    assert await house.shows(AlertFilter(title="Disk")) == ["Disk"]
    assert await house.shows(AlertFilter(title="disk")) == []
    assert await house.shows(AlertFilter(until=first.fired_at + 1)) == ["Disk"]
    assert await house.shows(AlertFilter(since=last.fired_at)) == ["Over"]
    assert await house.shows(AlertFilter(span="1h")) == []


async def test_labels_match_exactly_whatever_is_in_them(house: House) -> None:
    """Names and values with quotes, commas and backslashes match themselves, and nothing that looks like them."""
    await house.has("plain", labels={"env": "prod", "host": "db1"})
    await house.has("longer", labels={"host": "db10", "my-env": "prod"})
    await house.has("quoted", labels={'a"env': "prod", "note": '"env":"prod"', "x": ',"env":"prod"'})
    await house.has("slashed", labels={"path": "C:\\tmp\\", "env": 'pr"od'})
    await house.has("foreign", labels={"Env": "prod", "straße": "grün {,}"})

    async def having(*texts: str) -> list[str]:
        matches = tuple(match for text in texts if (match := LabelMatch.read(text)))
        return sorted(await house.shows(AlertFilter(labels=matches)))

    assert await having("env=prod") == ["plain"]
    assert await having("host=db1") == ["plain"]
    assert await having("host") == ["longer", "plain"]
    assert await having('a"env=prod') == ["quoted"]
    assert await having("path=C:\\tmp\\") == ["slashed"]
    assert await having('env=pr"od') == ["slashed"]
    assert await having("straße=grün {,}") == ["foreign"]
    assert await having("env!=prod") == ["foreign", "longer", "quoted", "slashed"]
    assert await having("!env", "host") == ["longer"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NEWEST, ["e", "d", "c", "b", "a"]),
        (Sort.OLDEST, ["a", "b", "c", "d", "e"]),
        (Sort.SEVERITY, ["d", "b", "e", "c", "a"]),
        (Sort.SEEN, ["a", "e", "d", "c", "b"]),
        (Sort.TIMES, ["c", "e", "d", "b", "a"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_follow_each_other_in_every_order(
    house: House, sort: Sort, expected: list[str], limit: int
) -> None:
    """No alert is left out or shown twice, also where several are equal by what they are sorted by."""
    await house.has("a", last_seen_at=house.db.clock())
    await house.has("b", severity=Severity.CRITICAL)
    await house.has("c", count=7)
    await house.has("d", severity=Severity.CRITICAL)
    await house.has("e")
    assert await house.shows(AlertFilter(statuses=UNRESOLVED), sort=sort, limit=limit) == expected


async def test_a_cursor_that_nobody_gave_harms_nothing(house: House) -> None:
    """Forged cursors are answered with some page of the same list."""
    await house.has("a")
    async with house.db.read() as reader:
        for cursor in ("", "x", "9" * 17 + ".x", "-1.x", ".", "5", "’"):
            for sort in Sort:
                await alert_lists.search(
                    reader, house.actor, AlertFilter(statuses=UNRESOLVED), limit=5, sort=sort, after=cursor
                )


async def test_a_look_ends_with_its_window_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing matches among the newest, the page is empty, tells how far it looked, and leads on."""
    monkeypatch.setattr(alert_lists, "WINDOW", 3)
    old = await house.has("needle", status="resolved")
    for number in range(8):
        await house.has(f"hay{number}", status="resolved")
    wanted = AlertFilter(text="needle")
    async with house.db.read() as reader:
        page = await alert_lists.search(reader, house.actor, wanted, limit=5)
        assert page.items == []
        assert page.looked_back_to is not None
        assert page.looked_back_to > old.fired_at
        assert page.next is not None
    assert await house.shows(wanted) == ["needle"]
    assert await house.shows(wanted, sort=Sort.OLDEST) == ["needle"]
    assert len(await house.shows(AlertFilter(), limit=2)) == 9
    assert await house.shows(AlertFilter(text="needle", since=old.fired_at)) == ["needle"]


async def test_numbers_are_by_state_and_severity_of_what_is_open(house: House) -> None:
    """What is over is not counted; the other filters hold, state and severity do not."""
    await house.has("a", severity=Severity.HIGH)
    await house.has("b", severity=Severity.HIGH, status="acknowledged")
    await house.has("c", service_id="pay")
    await house.has("d", status="resolved")
    async with house.db.read() as reader:
        wanted = AlertFilter(statuses=("firing",), severities=("low",), service_id="shop")
        found = await alert_lists.counts(reader, house.actor, wanted)
    assert found == {
        (AlertStatus.FIRING, Severity.HIGH): 1,
        (AlertStatus.ACKNOWLEDGED, Severity.HIGH): 1,
    }


async def test_groups_are_the_largest_first_with_the_worst_of_each(house: House) -> None:
    """By service, title and label; those without the label are a group, what is over is in none."""
    await house.has("Disk", severity=Severity.HIGH, labels={"rack": "r1"})
    last = await house.has("Disk", labels={"rack": "r2"}, status="acknowledged")
    await house.has("Heat", severity=Severity.CRITICAL, labels={"rack": "r1"}, service_id="pay")
    await house.has("Disk", labels={"other": "x"}, status="resolved")
    await house.has("Load", severity=Severity.INFO)
    async with house.db.read() as reader:

        async def by(what: str) -> list[tuple[str | None, int, int, str]]:
            found = await alert_lists.groups(reader, house.actor, AlertFilter(statuses=UNRESOLVED), what)
            return [(each.key, each.count, each.firing, each.severity.value) for each in found]

        assert await by("service") == [("shop", 3, 2, "high"), ("pay", 1, 1, "critical")]
        assert await by("title") == [
            ("Disk", 2, 1, "high"),
            ("Load", 1, 1, "info"),
            ("Heat", 1, 1, "critical"),
        ]
        assert await by("label:rack") == [
            ("r1", 2, 2, "critical"), (None, 1, 1, "info"), ("r2", 1, 0, "low"),
        ]  # fmt: skip
        disk = (await alert_lists.groups(reader, house.actor, AlertFilter(title="Disk"), "title"))[0]
        assert disk.newest_at == last.fired_at


async def test_nobody_sees_alerts_of_teams_that_they_are_not_in(house: House) -> None:
    """Lists, numbers, groups, and rows asked for by id."""
    alert = await house.has("Secret")
    stranger = make.actor(house.cast.charlie)
    async with house.db.read() as reader:
        assert (await alert_lists.search(reader, stranger, AlertFilter(), limit=5)).items == []
        assert await alert_lists.counts(reader, stranger, AlertFilter()) == {}
        assert await alert_lists.groups(reader, stranger, AlertFilter(), "title") == []
        assert await alert_lists.these(reader, stranger, [alert.id]) == []
        assert await alert_lists.newer(reader, stranger, AlertFilter(), "0", at_most=9) == 0
        assert await alert_lists.newer(reader, house.actor, AlertFilter(), "0", at_most=9) == 1


async def test_rows_asked_for_come_in_the_order_asked_for(house: House) -> None:
    """Also those that do not match any more; unknown ids are left out."""
    one, two = await house.has("a"), await house.has("b", status="resolved")
    async with house.db.read() as reader:
        found = await alert_lists.these(reader, house.actor, [two.id, NEVER, one.id])
    assert [each.id for each in found] == [two.id, one.id]


class Explained:
    """A connection that asks how SQLite would answer, and answers with nothing."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.plans: list[str] = []

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Any]:
        """Note the plan."""
        _, rows = await self._real.fetch(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.plans.append("\n".join(row[3] for row in rows))
        return (), []


async def test_what_is_open_is_found_and_counted_in_one_index(sqlite_db: Database) -> None:
    """No list of open alerts, in any order, and no number reads the table from end to end or sorts whole alerts."""
    cast = await make.cast(sqlite_db)
    actor = make.actor(cast.alice, cast.team)
    wanted = AlertFilter(statuses=UNRESOLVED, severities=("high",), source="zabbix", text="disk")
    async with sqlite_db.read() as reader:
        explained = Explained(reader._connection)
        asking = Reader(explained, sqlite_db, reader.now)  # type: ignore[arg-type]  # only `fetch` is asked for
        for sort in Sort:
            for after in (None, NEVER):
                await alert_lists.search(asking, actor, wanted, limit=50, sort=sort, after=after)
        await alert_lists.counts(asking, actor, AlertFilter(statuses=UNRESOLVED, source="zabbix"))
        await alert_lists.groups(asking, actor, wanted, "title")
    of_alerts = [plan for plan in explained.plans if "alerts" in plan]
    assert of_alerts
    assert [
        plan for plan in of_alerts if "INDEX alerts_open" not in plan and "autoindex_alerts" not in plan
    ] == []
    assert [plan for plan in explained.plans if "SCAN alerts" in plan] == []
    counted = [
        plan for plan in explained.plans if "GROUP BY" in plan and "COVERING INDEX alerts_open" in plan
    ]
    assert counted, explained.plans


async def test_history_is_walked_in_the_order_of_its_index(sqlite_db: Database) -> None:
    """A list of what is over is never sorted after it was found."""
    cast = await make.cast(sqlite_db)
    actor = make.actor(cast.alice, cast.team)
    async with sqlite_db.read() as reader:
        explained = Explained(reader._connection)
        asking = Reader(explained, sqlite_db, reader.now)  # type: ignore[arg-type]  # only `fetch` is asked for
        for statuses in (None, ("resolved",)):
            for sort in Sort:
                for after in (None, NEVER):
                    await alert_lists.search(
                        asking, actor, AlertFilter(statuses=statuses), limit=50, sort=sort, after=after
                    )
    assert [plan for plan in explained.plans if "TEMP B-TREE" in plan] == []
