"""The dead-man's switch: what each kind of watcher elsewhere is told, in the words of its own documentation."""

from urllib.parse import parse_qs, urlsplit

import pytest

from openalert.notifiers.dead_man import DeadMansSwitch, Unheard
from openalert.notifiers.http import OutgoingSettings
from tests.fakes.webhook import FakeWebhook, Fault

pytestmark = pytest.mark.anyio


async def test_healthchecks_hears_well_by_get_and_ill_by_post_with_the_reason() -> None:
    """GET /ping/<uuid>, and POST /ping/<uuid>/fail whose body is kept there."""
    async with FakeWebhook() as watcher:
        switch = DeadMansSwitch(f"http://127.0.0.1:{watcher.port}/ping/uuid", "/fail", OutgoingSettings())
        await switch.well()
        assert await switch.ill("No canary has come through for 3 min.")
        await switch.close()
    said = [(each.method, each.path, each.body) for each in watcher.requests]
    assert said == [
        ("GET", "/ping/uuid", b""),
        ("POST", "/ping/uuid/fail", b"No canary has come through for 3 min."),
    ]


async def test_uptime_kuma_hears_status_down_in_place_of_status_up() -> None:
    """A push monitor's address says status=up itself; the bad word replaces it and brings the reason as msg."""
    async with FakeWebhook() as watcher:
        url = f"http://127.0.0.1:{watcher.port}/api/push/token?status=up&msg=OK&ping="
        switch = DeadMansSwitch(url, "status=down", OutgoingSettings())
        assert await switch.ill("Disk full & late")
        await switch.close()
    parts = urlsplit(watcher.requests[0].path)
    assert watcher.requests[0].method == "GET"
    assert parse_qs(parts.query) == {"status": ["down"], "msg": ["Disk full & late"]}


async def test_a_switch_that_knows_only_silence_is_told_nothing_bad() -> None:
    """Dead Man's Snitch would take any request for a sign of life."""
    async with FakeWebhook() as watcher:
        switch = DeadMansSwitch(f"http://127.0.0.1:{watcher.port}/snitch", "", OutgoingSettings())
        assert not await switch.ill("late")
        await switch.close()
    assert watcher.requests == []


@pytest.mark.parametrize("broken", ["refused", "lost", "away"])
async def test_a_switch_that_does_not_take_the_word_is_no_success(broken: str) -> None:
    """An answer beside 2xx, none, or no connection: the word counts as not said; the address is in no error."""
    async with FakeWebhook() as watcher:
        switch = DeadMansSwitch(f"http://127.0.0.1:{watcher.port}/ping/s3cret", "/fail", OutgoingSettings())
        if broken == "refused":
            watcher.answer(404)
        elif broken == "lost":
            watcher.fault = Fault.LOST_ANSWER
        else:
            await watcher.down()
        with pytest.raises(Unheard) as refused:
            await switch.well()
        await switch.close()
    assert "s3cret" not in str(refused.value)
