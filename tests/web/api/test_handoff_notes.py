"""`/schedules/{id}/handoff-notes` over HTTP; the clock stands at Monday 2026-01-05, 09:00 UTC."""

import pytest

from openalert.domain.instant import DAY
from openalert.engine import escalate
from openalert.storage import Database
from tests.conftest import StoppedClock
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def schedule(alice: Client, cast: Cast, db: Database) -> str:
    """The path of a schedule in which Alice and Bob take turns by the day, Alice being on now."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    path = f"/schedules/{made.json()['id']}"
    rotation = {
        "name": "Daily",
        "rotationType": "daily",
        "handoffTime": "09:00",
        "effectiveFrom": "2026-01-05T09:00:00Z",
        "memberIds": [cast.alice.id, cast.bob.id],
    }
    assert (await alice.post(f"{path}/rotations", json=rotation)).status_code == 201
    await escalate.tell_handoffs(db)
    return path


async def test_a_note_is_written_for_the_running_shift_and_mended_after_it(
    alice: Client, bob: Client, schedule: str, cast: Cast, db: Database, clock: StoppedClock
) -> None:
    """The draft comes first; after the handoff it is the newest note, which takes words until the next handoff."""
    path = f"{schedule}/handoff-notes"
    written = await bob.put(path, json={"words": "Watch db-1"})
    assert (written.status_code, written.json()["handedAt"]) == (200, None)
    [draft] = (await alice.get(path)).json()["items"]
    assert (draft["words"], draft["wordsById"], draft["userIds"]) == (
        "Watch db-1",
        cast.bob.id,
        [cast.alice.id],
    )
    clock.advance(DAY // 3)
    body = {"userId": cast.bob.id, "startTime": "2026-01-05T17:00:00Z", "endTime": "2026-01-06T09:00:00Z"}
    assert (await alice.post(f"{schedule}/overrides", json=body)).status_code == 201
    await escalate.tell_handoffs(db)
    running, handed = (await alice.get(path)).json()["items"]
    assert (running["handedAt"], running["words"], running["userIds"]) == (None, "", [cast.bob.id])
    assert (handed["words"], handed["handedAt"]) == ("Watch db-1", "2026-01-05T17:00:00Z")
    mended = await alice.put(path, json={"words": "", "noteId": handed["id"]})
    assert mended.json()["words"] == ""
    assert (await alice.put(path, json={"words": "x", "noteId": "nothing"})).status_code == 404
    long = await alice.put(path, json={"words": "x" * 4001})
    assert (long.status_code, long.json()["details"]["field"]) == (400, "words")
