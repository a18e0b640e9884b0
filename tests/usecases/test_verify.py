"""`openalert verify` finds whatever somebody with the database's password did to the audit log, and broken promises."""

import hashlib
import json
import random
from contextlib import suppress

import msgspec
import pytest

from openalert.domain.audit import AuditEntry, Head, link
from openalert.domain.errors import Invalid
from openalert.domain.instant import HOUR
from openalert.storage import Database, Transaction, audit, invariants
from openalert.usecases import incidents, silences, verify
from openalert.usecases.audit import record
from openalert.usecases.verify import Finding
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

ENTRIES = 7


@pytest.fixture
async def log(db: Database) -> Database:
    """A log of seven entries, whose triggers an intruder has switched off."""
    async with db.transaction() as tx:
        for number in range(ENTRIES):
            record(tx, "thing.made", kind="thing", id=f"{number}", name="n", team_id="t", organization_id="o")
    await _without_triggers(db)
    assert (await verify.chain(db)).holds
    return db


async def _without_triggers(db: Database) -> None:
    async with db.transaction() as tx:
        if db.dialect == "postgres":
            for table in ("audit_log", "audit_head"):
                await tx.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            return
        for (name,) in await tx.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            await tx.execute(f"DROP TRIGGER {name}")


async def _run(db: Database, *statements: str) -> None:
    async with db.transaction() as tx:
        for statement in statements:
            await tx.execute(statement)


async def _all(db: Database, expected: str | None = None) -> dict[str, Finding]:
    return {finding.about: finding async for finding in verify.verify(db, expected)}


@pytest.mark.parametrize("column", AuditEntry.__struct_fields__)
@pytest.mark.parametrize("seq", [1, 4, ENTRIES])
async def test_any_altered_column_of_any_entry_is_found(log: Database, column: str, seq: int) -> None:
    """The first, one in the middle, the last: whatever is written into whichever column."""
    value = "seq + 1000" if column == "seq" else "at + 1" if column == "at" else "'f'"
    await _run(log, f"UPDATE audit_log SET {column} = {value} WHERE seq = {seq}")
    assert not (await verify.chain(log)).holds


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DELETE FROM audit_log WHERE seq = 1"], "entry 1 is missing"),
        (["DELETE FROM audit_log WHERE seq IN (3, 4)"], "entry 3 to 4 is missing"),
        (["DELETE FROM audit_log WHERE seq = 7"], "cut off"),
        (["DELETE FROM audit_log"], "cut off"),
        (["DELETE FROM audit_log WHERE seq > 5", "UPDATE audit_head SET seq = 5"], "cut off"),
        (["DELETE FROM audit_head"], "there are 7"),
        (["UPDATE audit_head SET hash = 'f'"], "cut off or added"),
        (
            [
                "UPDATE audit_log SET seq = -1 WHERE seq = 2",
                "UPDATE audit_log SET seq = 2 WHERE seq = 3",
                "UPDATE audit_log SET seq = 3 WHERE seq = -1",
            ],
            "entry 2 does not follow entry 1",
        ),
        (
            [
                "UPDATE audit_log SET previous_hash = (SELECT hash FROM audit_log WHERE seq = 3) WHERE seq = 5",
            ],
            "entry 5 does not follow entry 4",
        ),
    ],
)
async def test_deleted_swapped_and_cut_entries_are_found(
    log: Database, statements: list[str], words: str
) -> None:
    """Head, middle, tail and all of it; rows that change places; a head that is pulled back or gone."""
    await _run(log, *statements)
    found = await verify.chain(log)
    assert (found.holds, words in found.words) == (False, True), found.words


@pytest.mark.parametrize("seq", [0, -5, 8, 1_000])
async def test_a_forged_entry_is_found_wherever_it_is_put(log: Database, seq: int) -> None:
    """Even with a right hash of its own: it follows nobody, or nobody follows it."""
    async with log.read() as reader:
        (last,) = [each async for each in audit.walk(log.read, ENTRIES) if each.seq == ENTRIES]
        assert await audit.head(reader) == Head(last.seq, last.hash)
    forged = msgspec.structs.replace(last, target_name="forged")
    link([forged], Head(seq - 1, last.hash))
    async with log.transaction() as tx:
        await tx.insert("audit_log", forged)
    assert not (await verify.chain(log)).holds


async def test_what_a_chain_cannot_prove_is_proven_by_a_noted_hash(log: Database) -> None:
    """Whoever writes the whole log anew gets a whole chain: only a hash that was kept elsewhere tells."""
    noted = (await verify.extent(log)).head
    assert (await _all(log, noted.hash.upper()))["noted hash"].holds
    async with log.transaction() as tx:
        entries = [each async for each in audit.walk(log.read, ENTRIES)]
        await tx.execute("DELETE FROM audit_log")
        entries[2].actor_name = "Somebody else"
        head = link(entries, Head())
        await tx.insert("audit_log", *entries)
        await tx.execute("UPDATE audit_head SET seq = :seq, hash = :hash", seq=head.seq, hash=head.hash)
    assert (await verify.chain(log)).holds
    found = (await _all(log, noted.hash))["noted hash"]
    assert (found.holds, "not in the chain" in found.words) == (False, True)
    with pytest.raises(Invalid):
        await _all(log, "7")


async def test_what_is_written_meanwhile_is_neither_proven_nor_held_against_it(log: Database) -> None:
    """The head that is printed is the one that was proven, also beside a server at work."""
    proven = await verify.extent(log)
    async with log.transaction() as tx:
        record(tx, "thing.made", kind="thing", id="8", name="n")
        await tx.execute("UPDATE audit_head SET seq = 8")
    assert (await verify.chain(log, proven)).holds
    assert not (await verify.chain(log)).holds


async def test_missing_triggers_are_found(log: Database, db: Database) -> None:
    """Switching off what refuses changes is itself seen."""
    found = (await _all(log))["audit log is append-only"]
    assert (found.holds, "audit_log_keeps" in found.words) == (False, True)


async def test_an_auditor_needs_nothing_of_ours(log: Database) -> None:
    """The rule of the manual, in plain Python over plain rows, gives every hash."""
    async with log.read() as reader:
        rows = [tuple(row) for row in await reader.rows("SELECT * FROM audit_log ORDER BY seq")]
    previous = "0" * 64
    for row in rows:
        values = ["openalert-audit-1", *row[:-1]]
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        assert (row[-2], row[-1]) == (previous, hashlib.sha256(text.encode()).hexdigest())
        previous = row[-1]


async def test_a_long_chain_is_walked_in_batches(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No entry is lost or read twice where one batch ends and the next begins."""
    monkeypatch.setattr(audit, "BATCH", 5)
    for count in (4, 1, 5, 6):

        async def several(tx: Transaction, count: int = count) -> None:
            for _ in range(count):
                record(tx, "thing.made", kind="thing", id=None, name="n")

        await db.act(several)
        assert (await verify.chain(db)).holds
    async with db.read() as reader:
        seqs = [entry.seq async for entry in audit.walk(db.read, (await audit.head(reader)).seq)]
    assert seqs == list(range(1, 17))


async def test_random_damage_is_always_found(log: Database) -> None:
    """A hundred random single changes of a random cell, each undone again: none goes unseen."""
    chance = random.Random(1)
    for _ in range(100):
        seq = chance.randint(1, ENTRIES)
        column = chance.choice(["actor_name", "address", "act", "target_name", "before", "after", "hash"])
        async with log.read() as reader:
            before = await reader.value(f"SELECT {column} FROM audit_log WHERE seq = {seq}")
        changed = before[:-1] + chance.choice([sign for sign in "xyz" if not before.endswith(sign)])
        for value, holds in ((changed, False), (before, True)):
            async with log.transaction() as tx:
                await tx.execute(f"UPDATE audit_log SET {column} = :value WHERE seq = {seq}", value=value)
            assert (await verify.chain(log)).holds is holds


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ("UPDATE incidents SET firing_count = 5", "incident counts"),
        ("DELETE FROM timeline WHERE seq = 1", "timelines"),
        ("DELETE FROM timers", "live reasons"),
        ("UPDATE timers SET episode = 9", "live reasons"),
        ("UPDATE incidents SET escalation_state = 'stopped'", "live reasons"),
        ("UPDATE incidents SET open_key = 'other'", "open keys"),
        ("UPDATE alerts SET latest_key = NULL", "identities"),
        ("UPDATE incidents SET number = 3", "incident numbers"),
        ("UPDATE counters SET value = value + 1 WHERE name = 'event'", "events"),
        ("UPDATE notifications SET status = 'pending', due_at = NULL", "messages"),
        ("UPDATE notifications SET status = 'failed', due_at = 1", "messages"),
        ("DELETE FROM events WHERE seq = 2", "events"),
    ],
)
async def test_a_broken_promise_is_found(world: World, statement: str, about: str) -> None:
    """Each rule holds while an incident runs, and is seen when it does not."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    assert [found.words for found in (await _all(world.db)).values() if not found.holds] == []
    await _run(world.db, statement)
    broken = [found.about for found in (await _all(world.db)).values() if not found.holds]
    assert broken == [about]


class _TakenBack(Exception):
    """What was broken was only looked at."""


BROKEN = {
    "incident counts": (
        "UPDATE incidents SET firing_count = firing_count + 1 WHERE number = 1",
        "UPDATE incidents SET alert_count = alert_count + 1 WHERE number = 1",
    ),
    "timelines": (
        "DELETE FROM timeline WHERE seq = 2",
        "UPDATE timeline SET seq = seq + 1000",
        "UPDATE timeline SET seq = 0 WHERE seq = 1",
        "UPDATE timeline SET seq = 1000 WHERE seq = 2",
    ),
    "live reasons": (
        "UPDATE incidents SET episode = episode + 1 WHERE number = 1",
        "UPDATE incidents SET escalation_next_at = escalation_next_at + 1 WHERE number = 1",
        "UPDATE timers SET due_at = due_at + 1 WHERE kind = 'escalate'",
        "UPDATE incidents SET escalation_state = 'none' WHERE number = 1",
        "UPDATE incidents SET escalation_state = 'running' WHERE number = 5",
        "UPDATE incidents SET escalation_state = 'stopped' WHERE number = 5",
        "UPDATE incidents SET escalation_next_at = 1 WHERE number = 2",
        "UPDATE incidents SET escalation_next_at = 1 WHERE number = 3",
        "UPDATE incidents SET escalation_next_at = 1 WHERE number = 4",
        "UPDATE incidents SET escalation_next_at = 1 WHERE number = 5",
        "UPDATE incidents SET snoozed_until = snoozed_until + 1 WHERE number = 4",
        "UPDATE incidents SET snoozed_until = NULL WHERE number = 4",
        "UPDATE timers SET due_at = due_at + 1 WHERE kind = 'unsnooze'",
        "DELETE FROM timers WHERE kind = 'unsnooze'",
        "DELETE FROM timers WHERE kind = 'escalate'",
        *(
            "INSERT INTO timers (incident_id, kind, due_at, episode, cycle, level, failures) "
            f"SELECT id, '{kind}', 1, episode, 0, 0, 0 FROM incidents WHERE number = {number}"
            for kind, numbers in (("escalate", (2, 3, 4, 5)), ("unsnooze", (1, 2, 3, 5)))
            for number in numbers
        ),
    ),
    "open keys": (
        "UPDATE incidents SET open_key = 'other' WHERE number = 1",
        "UPDATE incidents SET open_key = NULL WHERE number = 1",
        "UPDATE incidents SET open_key = 'kept' WHERE number = 3",
    ),
    "identities": (
        "UPDATE alerts SET latest_key = NULL WHERE title = 'Resolved'",
        "UPDATE alerts SET fingerprint = (SELECT fingerprint FROM alerts WHERE title = 'Open') "
        "WHERE title = 'Resolved'",
        "UPDATE alerts SET fingerprint = (SELECT fingerprint FROM alerts WHERE title = 'Open'), latest_key = NULL "
        "WHERE title = 'Taken'",
    ),
    "firing alerts": (
        "UPDATE alerts SET status = 'suppressed' WHERE title = 'Open'",
        "DELETE FROM alert_holds",
        "UPDATE alert_holds SET released_at = 1",
        "UPDATE alerts SET status = 'firing' WHERE title = 'Held'",
    ),
    "incident numbers": (
        "UPDATE incidents SET number = 9 WHERE number = 5",
        "UPDATE incidents SET number = 9 WHERE number = 1",
        "UPDATE incidents SET number = 0 WHERE number = 1",
    ),
    "events": (
        "UPDATE counters SET value = value + 1 WHERE name = 'event'",
        "UPDATE counters SET value = value - 1 WHERE name = 'event'",
        "DELETE FROM events WHERE seq = 2",
    ),
    "messages": (
        *(
            f"UPDATE notifications SET status = '{status}', due_at = NULL"
            for status in ("pending", "sending")
        ),
        *(
            f"UPDATE notifications SET status = '{status}', due_at = 1"
            for status in ("sent", "delivered", "failed", "cancelled")
        ),
    ),
}


async def test_whatever_breaks_a_promise_is_found(world: World) -> None:
    """Every rule sees each way in which it can be broken, one after the other, each taken back again."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=60))
    for title in ("Open", "Taken", "Resolved", "Asleep"):
        await world.fires(title)
    await world.does(incidents.acknowledge, (await world.incident(2)).id)
    await world.resolves("Resolved")
    asleep = (await world.incident(4)).id
    await world.does(incidents.snooze, asleep, until=world.clock() + HOUR)
    unguarded = await make.service(world.db, world.core, None, "Unguarded")
    await make.integration(world.db, unguarded, "C")
    await world.posts(world.group(world.alert("Nobody")), "C")
    await world.does(silences.create, team_id=world.core.id, ends_at=world.clock() + HOUR)
    await world.fires("Held")
    assert BROKEN.keys() == {rule.name for rule in invariants.RULES}
    async with world.db.read() as reader:
        assert [line for rule in invariants.RULES for line in await invariants.breaks(reader, rule)] == []
    unseen = []
    for rule in invariants.RULES:
        for statement in BROKEN[rule.name]:
            found: list[str] = []
            with suppress(_TakenBack):
                async with world.db.transaction() as tx:
                    await tx.execute(statement)
                    found = await invariants.breaks(tx, rule)
                    raise _TakenBack
            if not found:
                unseen.append(statement)
    assert unseen == []


@pytest.mark.proves("F-20")
async def test_a_clock_that_was_set_back_breaks_no_promise(world: World) -> None:
    """What happens after it has an earlier id than what was before; an older occurrence that is open is still found."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.resolves("DiskFull")
    world.clock.advance(-HOUR)
    await world.fires("DiskFull", since=60)
    assert [found.words for found in (await _all(world.db)).values() if not found.holds] == []
    await _run(
        world.db,
        "UPDATE alerts SET latest_key = CASE WHEN latest_key IS NULL THEN 'another' END, status = 'firing'",
    )
    broken = [found.about for found in (await _all(world.db)).values() if not found.holds]
    assert "identities" in broken
