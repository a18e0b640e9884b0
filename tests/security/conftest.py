"""One application for a whole file of tests: three estates, everybody who may come, and acts that leave no trace."""

import hashlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Oidc, Server
from openalert.config.sections import SelfMonitor
from openalert.domain.access import ORDINARY, SYSTEM, Actor, Role, Scope, program_of
from openalert.domain.user import User
from openalert.engine.engine import Health
from openalert.storage import Database, open_database
from openalert.storage.keyring import KeyRing
from openalert.usecases import api_keys, calendars, push_subscriptions, saved_views
from tests import make
from tests.conftest import KEY, StoppedClock
from tests.processes.conftest import smtp
from tests.security import estate
from tests.security.estate import Estate

__all__ = ["smtp"]
"""The mail server of the tests with whole processes."""

MARKS = {"own team": "ownmark", "other team": "othermark", "other organization": "foreignmark"}
"""What stands in every text of each estate."""
ABSENT = "01999999-0000-7000-8000-000000000000"
SECRET = b"a secret of thirty-two characters"
OWN, OTHER, FOREIGN = "own team", "other team", "other organization"


class _Undo(Exception):
    """Ends a transaction that must leave no trace."""


class Rehearsal:
    """Lets every transaction of a database do its work and then undoes it."""

    def __init__(self, db: Database) -> None:
        self.done = 0
        """How many would have been committed."""
        self._begin = db.transaction
        db.transaction = self._transaction  # type: ignore[method-assign]  # the point of it

    @asynccontextmanager
    async def _transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Any]:
        try:
            async with self._begin(actor) as tx:
                yield tx
                await tx.seal()
                raise _Undo  # noqa: TRY301 - where it stands is what undoes
        except _Undo:
            self.done += 1


class Caller(msgspec.Struct):
    """Somebody who asks, and what they are."""

    name: str
    headers: dict[str, str]
    own: Role | None
    """The role that counts in the team of the first estate."""
    other: Role | None
    """In another team of the organization."""
    organization: Role | None
    scopes: frozenset[Scope] = ORDINARY
    user: User | None = None
    """The person; None for keys and strangers."""
    ids: dict[str, str] = {}
    """What a person has of their own: `user_id`, `method_id`, `session_id`."""

    @property
    def is_known(self) -> bool:
        """Whether they show anything at all."""
        return bool(self.headers)

    def role_at(self, where: str) -> Role | None:
        """The role in the team that is asked about."""
        return {OWN: self.own, OTHER: self.other, FOREIGN: None}[where]


class EverLooking(Health):
    """Of an engine that looked for due pages just now, whenever it is asked: no loop of it runs in a scene.

    Settings say how long ago it was, by elapsed time that no stopped clock holds; and two answers are compared.
    """

    tick_age = property(lambda _: 0.0)
    write_age = property(lambda _: 0.0)


async def _no_tick() -> None:
    """What comes of waiting for a tick where nothing ticks: at once, and not once the route has waited for seconds."""
    raise TimeoutError


class Scene(msgspec.Struct):
    """The application, and all that is in it."""

    app: OpenAlert
    client: httpx2.AsyncClient
    rehearsal: Rehearsal
    estates: dict[str, Estate]
    callers: dict[str, Caller]
    handlers: dict[tuple[str, str], Any]
    """As `handlers_of` finds them."""

    async def ask(
        self, caller: Caller, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """One request as this caller would send it; a page when the path is one."""
        shown = dict(caller.headers) | headers
        is_page = not path.startswith(("/api/", "/auth/profile"))
        if is_page:
            shown["accept"] = "text/html"
        if method != "GET":
            shown |= {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
        if body is None or method == "GET":
            return await self.client.request(method, path, headers=shown)
        if is_page:
            return await self.client.request(method, path, headers=shown, data=body)
        return await self.client.request(method, path, headers=shown, json=body)


def handlers_of(app: OpenAlert) -> dict[tuple[str, str], Any]:
    """The handler of every route that the framework answers, by method and path."""
    from litestar.routes import HTTPRoute

    found: dict[tuple[str, str], Any] = {}
    litestar: Any = app.asgi.app
    litestar.compile_all()
    for route in litestar.routes:
        if isinstance(route, HTTPRoute):
            for method in route.methods - {"OPTIONS", "HEAD"}:
                handler = route.route_handler_map[method]
                found[(method, route.path_format)] = handler[0] if isinstance(handler, tuple) else handler
    return found


def leaked(answer: httpx2.Response, caller: Caller) -> list[str]:
    """The marks of what this caller may not know that are in the answer, anywhere in it."""
    hidden = [MARKS[where] for where in (OWN, OTHER, FOREIGN) if caller.role_at(where) is None]
    heard = f"{dict(answer.headers)} {answer.text}"
    return [mark for mark in hidden if mark in heard]


async def fingerprint(db: Database) -> str:
    """A hash of every row of every table but `calendar_revisions`.

    How often a calendar has changed is counted when somebody reads it: nothing of it is anybody's to hide or to change.
    """
    everything = hashlib.sha256()
    async with db.read() as reader:
        for (table,) in await reader.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'calendar_revisions' ORDER BY name"
        ):
            rows = await reader.rows(f"SELECT * FROM {table}")
            everything.update(repr((table, sorted(map(repr, map(tuple, rows))))).encode())
    return everything.hexdigest()


def normal(answer: httpx2.Response, *ids: str) -> str:
    """The answer's bytes without what differs from request to request: its id, and the ids asked for."""
    text = answer.text.replace(answer.headers.get("x-request-id", "-"), "REQUEST")
    for each in ids:
        text = text.replace(each, ABSENT)
    return re.sub(r"\d+ m?s ago", "", text)


@pytest.fixture(scope="module")
async def scene(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Scene]:
    """Three estates: of the callers' team, of another team, of another organization; nothing asked of it lasts."""
    async with staged(sqlite_template, tmp_path_factory.mktemp("scene")) as built:
        yield built


@asynccontextmanager
async def staged(template: Path, folder: Path, *, lasting: bool = False) -> AsyncIterator[Scene]:
    """The scene in a database of its own; `lasting`: what is done to it is done."""
    shutil.copyfile(template, folder / "openalert.db")
    clock = StoppedClock()
    db = await open_database(
        f"sqlite:///{folder / 'openalert.db'}", clock, migrated=False, keys=KeyRing([KEY])
    )
    try:
        acme, globex = await make.organization(db, "Acme"), await make.organization(db, "Globex")
        estates = {
            OWN: await estate.build(db, acme, MARKS[OWN], marked_people=False),
            OTHER: await estate.build(db, acme, MARKS[OTHER], marked_people=False),
            FOREIGN: await estate.build(db, globex, MARKS[FOREIGN]),
        }
        # A provider that is down: its pages are there, and nobody is asked.
        provider = Oidc(issuer="http://127.0.0.1:9/realms/acme", client_id="openalert")
        config = Config(
            server=Server(data_dir=str(folder), api_writes_per_minute=0),
            oidc=provider,
            self_monitor=SelfMonitor(url="http://127.0.0.1:9/ping"),
        )
        app = OpenAlert(config, db, SECRET)
        app.engine.health = app.asgi.app.state.health = EverLooking()
        app.engine.cycle = _no_tick  # type: ignore[method-assign]  # no loop of it runs here
        callers = await _callers(db, app, estates[OWN])
        # Their use was just noted, so that asking writes nothing.
        async with db.transaction() as tx:
            await tx.execute("UPDATE api_keys SET last_used_at = :now", now=tx.now)
        # The start of a server does it; this one only answers.
        await push_subscriptions.application_key(db, "")
        rehearsal = Rehearsal(db) if not lasting else None
        transport = httpx2.ASGITransport(app=app.asgi, client=("198.51.100.9", 5000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            stage = rehearsal or Rehearsal.__new__(Rehearsal)
            yield Scene(app, client, stage, estates, callers, handlers_of(app))
    finally:
        await db.close()


async def _callers(db: Database, app: OpenAlert, own: Estate) -> dict[str, Caller]:
    callers = [Caller("nobody", {}, None, None, None)]
    for role in Role:
        callers.append(
            await _person(db, app, own, f"team {role.value}", Role.MEMBER, role, (role, None, Role.MEMBER))
        )
        counted = (role, role, role) if role.rank >= Role.ADMIN.rank else (None, None, role)
        callers.append(await _person(db, app, own, f"organization {role.value}", role, None, counted))
    lowered = (Role.VIEWER, None, Role.VIEWER)
    callers.append(await _person(db, app, own, "team owner but viewer", Role.VIEWER, Role.OWNER, lowered))
    callers += [await _key(db, own, f"{role.value} key", role, (role, role, role)) for role in Role]
    for scope in (Scope.READ, Scope.RESPOND, Scope.CONFIGURE):
        every = (Role.OWNER, Role.OWNER, Role.OWNER)
        callers.append(await _key(db, own, f"{scope.value} key", Role.OWNER, every, scopes=[scope]))
    bound = (Role.ADMIN, None, Role.VIEWER)
    callers.append(await _key(db, own, "team key", Role.ADMIN, bound, team_id=own.team.id))
    watcher = await _key(
        db, own, "watch key", Role.ADMIN, (Role.ADMIN, Role.ADMIN, None), scopes=[Scope.WATCH]
    )
    callers.append(msgspec.structs.replace(watcher, scopes=frozenset({Scope.WATCH})))
    return {caller.name: caller for caller in callers}


async def _person(
    db: Database,
    app: OpenAlert,
    own: Estate,
    name: str,
    role: Role,
    team_role: Role | None,
    counted: tuple[Role | None, Role | None, Role],
) -> Caller:
    user = await make.user(db, own.organization, name.replace(" ", "-"), role)
    if team_role is not None:
        await make.member(db, own.team, user, team_role)
    token = await estate.session_of(db, user)
    await estate.session_of(db, user)
    async with db.read() as reader:
        sessions = await reader.rows("SELECT id FROM sessions WHERE user_id = :id ORDER BY id", id=user.id)
        method = await reader.value("SELECT id FROM contact_methods WHERE user_id = :id", id=user.id)
    rule = (await make.notification_rule(db, user, method)).id
    identities = [await make.identity(db, user, f"{user.id}-{number}") for number in (1, 2)]
    async with db.transaction(make.actor(user)) as tx:
        link, _ = await calendars.create_link(tx, name="phone")
        view = await saved_views.create(tx, name="Storage", query="q=disk")
    feed = await make.calendar_feed(db, user)
    ids = {
        "user_id": user.id,
        "feed_id": feed.id,
        "method_id": method,
        "link_id": link.id,
        "view_id": view.id,
        "rule_id": rule,
        "session_id": sessions[-1][0],
        "identity_id": identities[0].id,
    }
    cookie = {"cookie": f"{app.access.cookie}={token}"}
    return Caller(name, cookie, *counted, user=user, ids=ids)


async def _key(
    db: Database,
    own: Estate,
    name: str,
    role: Role,
    counted: tuple[Role | None, Role | None, Role | None],
    *,
    scopes: list[Scope] | None = None,
    team_id: str | None = None,
) -> Caller:
    async with db.transaction(program_of(own.organization.id)) as tx:
        _, text = await api_keys.create(tx, name=name, role=role, scopes=scopes or ORDINARY, team_id=team_id)
    kept = frozenset({Scope.READ, *scopes}) if scopes else ORDINARY
    return Caller(name, {"authorization": f"Bearer {text}"}, *counted, scopes=kept)
