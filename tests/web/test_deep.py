"""/health/deep and the System page: one verdict, for those who may look inside, and a banner on every page."""

from pathlib import Path

import httpx2
import pytest

from openalert.app import OpenAlert, self_watch
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.canary import CanaryRun
from openalert.domain.certificate import Certificate
from openalert.domain.instant import DAY, MINUTE
from openalert.domain.outage import Ending, Outage
from openalert.domain.self_watch import Standing, Trouble, TroubleKind
from openalert.engine.probes import Probe
from openalert.storage import backup_jobs, outages, runs
from openalert.storage.memory import LOW, MIB, SHORT, Room
from openalert.usecases import certificates
from openalert.web.ui.system import _hops
from tests.processes.server import until
from tests.web.test_guards import session

pytestmark = pytest.mark.anyio
BAD = Trouble(TroubleKind.TIMERS, "A step of an escalation is 2 min late.")


def _watching(app: OpenAlert, *troubles: Trouble) -> None:
    app.self_watch = self_watch(app.config, app.database, app.engine, b"secret", "http://127.0.0.1:1")
    app.self_watch.standing = Standing(app.database.clock(), troubles)


@pytest.mark.proves("SM-1")
async def test_deep_says_503_and_why_while_pages_might_not_arrive(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """200 when well; 503 with every trouble otherwise, while /health and /ready do not change."""
    _watching(app)
    answer = await client.get("/health/deep")
    assert (answer.status_code, answer.json()["wouldPage"]) == (200, True)
    _watching(app, BAD)
    answer = await client.get("/health/deep")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == [{"kind": "timers", "message": BAD.words}]

    async def others_are_as_they_were() -> bool:
        return [(await client.get(path)).status_code for path in ("/health", "/ready")] == [200, 200]

    # A busy machine may leave the engine without a turn for some seconds.
    await until(others_are_as_they_were)


async def test_deep_is_for_those_who_may_read_metrics(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """Strangers from elsewhere are told nothing, by neither address."""
    away = {"x-forwarded-for": "203.0.113.9"}
    assert (await client.get("/health/deep", headers=away)).status_code == 401
    assert (await client.post("/health/engine/cycle", headers=away)).status_code == 401


async def test_a_cycle_is_answered_by_a_tick_that_began_later(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """What was committed before the question has been looked at when the answer comes."""
    before = app.engine.ticks_begun

    async def is_answered() -> bool:
        return (await client.post("/health/engine/cycle")).status_code == 200

    await until(is_answered)  # 503 where a busy machine leaves the engine without a turn for some seconds
    assert app.engine.ticks_ended > before


async def test_the_page_says_the_verdict_and_every_page_warns(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """Green on the System page alone; red there with the reasons, and as a banner on all others."""
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    _watching(app)
    assert "An alert arriving now would page." in (await client.get("/settings/system")).text
    assert "might page nobody" not in (await client.get("/incidents")).text
    _watching(app, BAD)
    page = (await client.get("/settings/system")).text
    assert BAD.words in page
    assert "might page nobody" in (await client.get("/incidents")).text


async def test_deep_tells_what_else_stands_in_the_way_and_turns_for_none_of_it(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """Backups, times away, nodes, the clock, the disk, providers: each as it is, on the page too, and still 200."""
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    _watching(app)
    assert app.self_watch is not None
    now = app.database.clock()
    async with app.database.transaction() as tx:
        await tx.execute("UPDATE runs SET started_at = :then", then=now - 40 * DAY)
        await outages.note(
            tx,
            "r",
            Outage(
                since=now - 3 * DAY, until=now - 3 * DAY + 52 * MINUTE, ending=Ending.DIED, clock_step=-95_000
            ),
        )
        await outages.note(tx, "r", Outage(since=now - DAY, until=now - DAY + MINUTE, ending=Ending.STOPPED))
        await backup_jobs.put(
            tx,
            BackupJob(
                name=JobName.BACKUP,
                since=now - 9 * DAY,
                due_at=now + DAY,
                done_at=now - DAY,
                failing_since=now - MINUTE,
                error="<b>no room</b>",
            ),
        )
        living = [each.node for each in await runs.living(tx)]
    app.database.disk.damage = "page 7 is broken"
    app.self_watch.probes.last["slack"] = Probe(
        channel="slack", at=now, since=now, is_well=False, words="<i>invalid_auth</i>", took_ms=3
    )
    app.self_watch.probes._providers = {"slack": app.notifiers["slack"]}
    try:
        answer = await client.get("/health/deep")
        page = (await client.get("/settings/system")).text
    finally:
        app.database.disk.damage = ""
    told = answer.json()
    assert (answer.status_code, told["wouldPage"]) == (200, True)
    assert told["backup"] == {
        "on": True,
        "ageSeconds": pytest.approx(DAY / 1000, abs=60),
        "verified": False,
        "failing": ["backup"],
    }
    assert [each["ending"] for each in told["outages"]] == ["stopped", "died"]
    assert told["outages"][1]["clockSetBySeconds"] == -95
    assert [each["name"] for each in told["nodes"]] == living
    assert told["providers"][0]["message"] == "<i>invalid_auth</i>"
    assert (told["disk"]["damage"], told["degraded"]) == ("page 7 is broken", [])
    for words in ("&lt;i&gt;invalid_auth", "&lt;b&gt;no room", "page 7 is broken", "52 min", "set by -95 s"):
        assert words in page
    assert page.count("<title>not running") == 2, "two gaps are drawn"


async def test_a_standstill_is_named_at_once_wherever_somebody_looks(
    app: OpenAlert, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The top of every page, *System* and /health/deep have the cause, before the next look of the self-watch."""
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    _watching(app)
    words = "Postgres waits for its <b>standby</b>"
    before = (await client.get("/health/deep")).json()
    app.database.standstill.found(words)
    with monkeypatch.context() as held:
        # The engine goes on committing here, and each commit would end it.
        held.setattr(app.database.standstill, "found", lambda _: None)
        answer = await client.get("/health/deep")
        pages = [(await client.get(path)).text for path in ("/incidents", "/settings/system")]
        metrics = (await client.get("/metrics")).text
    app.database.standstill.found("")
    told = answer.json()
    assert (before["database"], before["standstill"]) == ("ok", {"cause": None, "seconds": 0.0})
    assert (answer.status_code, told["wouldPage"], told["database"]) == (503, False, "standing still")
    assert told["standstill"]["cause"] == words
    assert [page.count("Postgres waits for its &lt;b&gt;standby") for page in pages] == [1, 2]
    assert "openalert_database_standstill 1.0" in metrics


def test_the_way_of_a_canary_reads_as_one_sequence() -> None:
    """By time, as an incident is there before its sender is answered; then where it stood still; then the rest."""
    run = CanaryRun(
        id="c", run_id="r", started_at=0, accepted_ms=35, opened_ms=21, paged_ms=1_044, claimed_ms=1_050
    )
    run.failed("No.")
    assert [(each["name"], each["at"], each["state"]) for each in _hops(run)] == [
        ("Incident", "21 ms", "good"),
        ("Answered", "35 ms", "good"),
        ("Escalated", "1.04 s", "good"),
        ("Claimed", "1.05 s", "good"),
        ("Handed over", "", "bad"),
        ("Resolved", "", "off"),
    ]
    refused = CanaryRun(id="c", run_id="r", started_at=0)
    refused.failed("No.")
    assert [each["state"] for each in _hops(refused)] == ["bad", "off", "off", "off", "off", "off"]


async def test_a_data_folder_that_is_gone_is_said_and_breaks_no_page(
    app: OpenAlert, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted under a running server is found by the people who look, on a page that still comes."""
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    _watching(app)
    page = (await client.get("/settings/system")).text
    assert "Room on the disk" in page
    assert "It is gone" not in page
    monkeypatch.setattr(type(app.config), "data_dir", Path("/nowhere/at/all"))
    page = (await client.get("/settings/system")).text
    assert "It is gone, or cannot be read." in page
    assert "Room on the disk" not in page
    assert (await client.get("/health/deep")).json()["disk"]["freeBytes"] is None


async def test_certificates_and_memory_are_shown(app: OpenAlert, client: httpx2.AsyncClient) -> None:
    """How long each lasts, and whose; one that was never seen says why. What is left of which limit, and when that is
    little.
    """
    _, token = await session(app)
    client.cookies.set(app.access.cookie, token)
    now = app.database.clock()
    common = {"looked_at": now, "starts_at": now - 80 * DAY}
    seen = [
        Certificate(use="base_url", words="the address", where="a:443", ends_at=now + 2 * DAY, **common),
        Certificate(use="smtp", words="the mail server", where="m:587", ends_at=now - DAY, **common),
        Certificate(use="oidc", words="single sign-on", where="i:443", looked_at=now, problem="<b>refused"),
    ]
    async with app.database.transaction() as tx:
        await certificates.keep(tx, seen)
    told = (await client.get("/health/deep")).json()
    assert [(each["use"], each["state"]) for each in told["certificates"]] == [
        ("base_url", "very_soon"),
        ("smtp", "ended"),
        ("oidc", "unknown"),
    ]
    page = (await client.get("/settings/system")).text
    assert "<b>ended" in page
    assert "&lt;b&gt;refused" in page
    assert "of the address" not in page, "the name stands at the beginning of a line"
    memory = app.intake.memory
    memory._look, memory._looked_at = lambda: Room(LOW - 1, 512 * MIB, "cgroup"), 0.0
    page = (await client.get("/settings/system")).text
    assert "96 MiB left of 512 MiB, the limit of its container or unit" in page
    assert "That is little" in page
    memory._look, memory._looked_at = lambda: Room(SHORT - 1, 512 * MIB, "cgroup"), 0.0
    assert "Memory is short" in (await client.get("/settings/system")).text
