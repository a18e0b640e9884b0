"""`/audit-log`: for admins, of their organization alone, narrowed by what they ask; and the same as a file."""

import csv
import hashlib
import io
import json
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.storage import Database
from openalert.usecases import audit
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio

FORMULA = '=HYPERLINK("https://evil.example","x")'


@pytest.fixture
async def service(alice: Client, cast: Cast) -> str:
    """A service that was made, renamed and deleted; its second name would be a formula."""
    made = (await alice.post("/services", json={"name": "Shop", "teamId": cast.team.id})).json()["id"]
    await alice.patch(f"/services/{made}", json={"name": FORMULA})
    await alice.delete(f"/services/{made}")
    return str(made)


async def _acts(client: Client, query: str = "") -> list[str]:
    return [entry["act"] for entry in (await client.get(f"/audit-log{query}")).json()["items"]]


async def test_an_admin_reads_who_did_what(alice: Client, cast: Cast, service: str) -> None:
    """The newest first, whole, with the sentence."""
    items = (await alice.get("/audit-log")).json()["items"]
    assert [entry["act"] for entry in items] == ["service.deleted", "service.updated", "service.created"]
    updated = items[1]
    assert updated["actor"] == {"kind": "user", "id": cast.alice.id, "name": "Alice"}
    assert updated["target"] == {"kind": "service", "id": service, "name": FORMULA}
    assert (updated["before"], updated["after"]) == ({"name": "Shop"}, {"name": FORMULA})
    assert updated["teamId"] == cast.team.id
    assert updated["sentence"] == f"Alice changed the service {FORMULA}: name Shop → {FORMULA}"
    assert updated["previousHash"] == items[2]["hash"]
    assert updated["address"] == "127.0.0.1"


async def test_filters_narrow_and_pages_follow(alice: Client, cast: Cast, service: str) -> None:
    """Each filter by itself, and a cursor that goes on where the page ended."""
    assert await _acts(alice, "?act=service.updated") == ["service.updated"]
    assert len(await _acts(alice, f"?act=service&targetId={service}")) == 3
    assert await _acts(alice, f"?actorId={cast.bob.id}") == []
    assert len(await _acts(alice, f"?teamId={cast.team.id}&from=2020-01-01T00:00:00Z")) == 3
    assert await _acts(alice, "?to=2020-01-01T00:00:00Z") == []
    first = (await alice.get("/audit-log?limit=2")).json()
    rest = (await alice.get(f"/audit-log?limit=2&cursor={first['nextCursor']}")).json()
    assert [len(first["items"]), len(rest["items"]), rest["nextCursor"]] == [2, 1, None]


@pytest.mark.parametrize(
    "query",
    ["?cursor=x", "?cursor=-1", "?cursor=%C2%B2", "?cursor=" + "9" * 30, "?from=2026-01-01T00:00:00",
     "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "?limit=0"],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(alice: Client, query: str) -> None:
    """By a sentence and 400, never a fault."""
    assert (await alice.get(f"/audit-log{query}")).status_code == 400


async def test_only_admins_read_and_only_their_organization(
    callers: Callers, alice: Client, bob: Client, db: Database, service: str
) -> None:
    """A member is refused, an owner elsewhere sees none of it, also not as a file; nobody can write or delete."""
    zoe = await callers.signed_in(
        await make.user(db, await make.organization(db, "Other"), "Zoe", Role.OWNER)
    )
    for path in ("/audit-log", "/audit-log/export?format=csv", "/audit-log/export?format=ndjson"):
        assert (await bob.get(path)).status_code == 403
        answer = await zoe.get(path)
        assert (answer.status_code, "Shop" in answer.text) == (200, False)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await alice.request(method, "/audit-log", json={})).status_code == 405
        assert (await alice.request(method, "/audit-log/1", json={})).status_code in (404, 405)


async def test_the_csv_is_text_and_nothing_else(alice: Client, service: str) -> None:
    """S-62: a name that is a formula comes as text; the file has a head, and a name of its own."""
    answer = await alice.get("/audit-log/export?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="openalert-audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))
    assert [row["act"] for row in rows] == ["service.deleted", "service.updated", "service.created"]
    assert rows[0]["target_name"] == f"'{FORMULA}"


async def test_every_hash_of_the_ndjson_can_be_computed(alice: Client, service: str) -> None:
    """One row of the table a line, by the rule of docs/audit.md."""
    answer = await alice.get("/audit-log/export?format=ndjson&act=service")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 3
    for line in lines:
        values: list[Any] = ["openalert-audit-1", *list(line.values())[:-1]]
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        assert line["hash"] == hashlib.sha256(text.encode()).hexdigest()


async def test_an_export_is_bounded_and_read_in_batches(
    alice: Client, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry twice or lost between batches, and none beyond the bound."""
    monkeypatch.setattr(audit, "_BATCH", 1)
    assert len((await alice.get("/audit-log/export?format=ndjson")).text.splitlines()) == 3
    monkeypatch.setattr(audit, "MOST_EXPORTED", 2)
    assert len((await alice.get("/audit-log/export?format=ndjson")).text.splitlines()) == 2
