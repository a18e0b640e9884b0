"""The first minutes in the browser: five steps from the one-time link to a page in the owner's hand.

Step 1 needs the link; the others are for a signed-in owner or admin and can be left and come back to. What step 2
asked travels to step 3 inside the form, because one act sets up all of it. The key of the new address is
remembered for an hour in a cookie of this path, so that a reload still shows what is to be copied.
"""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.domain.access import Actor, Permission
from openalert.domain.alert_filter import AlertFilter
from openalert.domain.errors import Conflict, Invalid, NotFound, Unauthenticated
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.service import Integration
from openalert.domain.severity import Severity
from openalert.domain.user import SignInMethod, check_email, email_key
from openalert.domain.walltime import zone_named
from openalert.storage import (
    alert_lists,
    contact_methods,
    incidents,
    integrations,
    notifications,
    services,
    users,
)
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import incidents as acts
from openalert.usecases import password_resets, presets, setup, signin
from openalert.usecases import services as watched
from openalert.usecases import users as people
from openalert.usecases.access import require
from openalert.web.cookies import browser_of, entered
from openalert.web.guards import Access, stranger
from openalert.web.ui.frame import Values, Web, answer, go, plain, sent

TEST_TITLE = "Test page: can you hear me?"
_KEY_COOKIE = "openalert_new_key"
_KEY_SECONDS = 3600
_FIELDS = ("name", "email", "organization", "timezone", "team", "preset", "people", "service", "runbook")
_DEFAULTS = {"timezone": "UTC", "team": "Operations", "preset": "one_team_weekly"}

PRESETS = [
    {
        "key": "one_team_weekly",
        "title": "One team, weekly",
        "text": "Each week somebody else, from Monday 09:00. After five minutes without an answer, everybody.",
        "rota": [[(0, 56, 0), (56, 56, 1), (112, 56, 2), (168, 56, 3), (224, 56, 0)]],
    },
    {
        "key": "follow_the_sun",
        "title": "Follow the sun",
        "text": "Three shifts of eight hours a day, for people in different parts of the world.",
        "rota": [[(x + 20 * line, 20, line) for x in range(0, 240, 60)] for line in range(3)],
    },
    {
        "key": "business_hours_backup",
        "title": "Business hours and backup",
        "text": "By day somebody answers at once; at night, at weekends and in silence it goes straight to the backup.",
        "rota": [[(x + 12, 24, 0) for x in range(0, 200, 40)], [(0, 140, 2), (140, 140, 3)]],
    },
]


@get("/setup", opt={"public": True}, include_in_schema=False)
async def show(
    request: Web,
    db: NamedDependency[Database],
    step: FromQuery[int] = 0,
    token: FromQuery[str] = "",
) -> Response[Any]:
    """The step asked for, or the first that is left to do."""
    actor: Actor | None = request.scope.get("actor")  # type: ignore[assignment]  # put there by the guard
    if actor is None:
        return await _before(request, db, token)
    async with db.read() as reader:
        require(actor, Permission.CONFIGURE, None)
        done = await _done(reader, request, actor)
        step = min(max(step, 2), 5) if step else min(done + 1, 5)
        if step >= 4 and done < 3:
            step = 2
        context = await _context(reader, request, actor, step, done)
    return answer(request, "setup/wizard.html", context)


async def _before(request: Web, db: Database, token: str) -> Response[Any]:
    """Nobody is signed in: the first step if the link is right, an explanation if nobody is there yet."""
    async with db.read() as reader:
        if await users.exists(reader):
            raise Unauthenticated("Sign in to go on with the set-up.")
        right = await setup.is_open(reader, token)
    return answer(request, "setup/wizard.html", _page(request, db.clock(), 1 if right else 0, 0, token=token))


@post("/setup", opt={"public": True}, include_in_schema=False)
async def do(request: Web, db: NamedDependency[Database], step: FromQuery[int] = 1) -> Response[Any]:
    """Finish a step; what was wrong is said beside its field."""
    fields = await sent(request)
    actor: Actor | None = request.scope.get("actor")  # type: ignore[assignment]  # put there by the guard
    try:
        if step == 1:
            return await _found(request, db, fields)
        if actor is None:
            raise Unauthenticated("Sign in to go on with the set-up.")
        require(actor, Permission.CONFIGURE, None)
        if step == 2:
            _colleagues(fields.get("people", ""))
            return answer(request, "setup/wizard.html", _page(request, db.clock(), 3, 2, values=fields))
        if step == 3:
            return await _build(request, db, actor, fields)
        return await _test(request, db, actor)
    except (Invalid, Conflict) as error:
        where = str(error.details.get("field", ""))
        back = 2 if step == 3 and where in ("people", "team", "preset") else step
        said = {_field(where): error.message}
        context = _page(
            request, db.clock(), back, back - 1, token=fields.get("token", ""), values=fields, errors=said
        )
        return answer(request, "setup/wizard.html", context, 422)


def _field(name: str) -> str:
    """The form's name for what a use case calls `name`; errors of other fields stand above the form."""
    known = {"runbookUrl": "runbook", "runbook_url": "runbook", "memberIds": "people"}
    name = known.get(name, name)
    return name if name in (*_FIELDS, "password") else ""


async def _found(request: Web, db: Database, fields: dict[str, str]) -> Response[Any]:
    """Step 1: the organization, its owner, and a session for them."""
    about = (fields.get("name", ""), fields.get("email", ""))
    form = await request.form()
    hashed = await people.new_password_hash(str(form.get("password", "")), about=about)
    async with db.transaction(stranger(request)) as tx:
        owner = await setup.complete(
            tx,
            fields.get("token", ""),
            organization=fields.get("organization", ""),
            owner_name=about[0],
            email=about[1],
            password_hash=hashed,
            timezone=fields.get("timezone") or "UTC",
        )
        outcome = await signin.enter(tx, owner, browser_of(request), SignInMethod.PASSWORD)
    return entered(request, go("/setup?step=2"), outcome)


def _colleagues(text: str) -> list[tuple[str, str]]:
    """(name, address) of each line; Invalid names the line that cannot be read."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, address = parseaddr(line.strip().replace(",", " ").replace(";", " "))
        try:
            check_email(address)
        except Invalid:
            raise Invalid(
                f"Line {number} has no e-mail address. Write: Jun Ito <jun@example.com>", field="people"
            ) from None
        found.append((name or address.partition("@")[0].replace(".", " ").title(), address))
    return found


async def _build(request: Web, db: Database, actor: Actor, fields: dict[str, str]) -> Response[Any]:
    """Steps 2 and 3 together: people, team, schedules, policy, service and its address."""
    colleagues = _colleagues(fields.get("people", ""))
    async with db.transaction(actor) as tx:
        me = await people.me(tx, actor)
        by_mail = request.app.state.config.sends_mail and not request.app.state.config.oidc.only
        members = [me.id]
        for name, address in colleagues:
            members.append(await _person(tx, name, address, me.timezone, by_mail=by_mail))
        made = await presets.apply(
            tx,
            fields.get("preset", ""),
            team_name=fields.get("team", ""),
            service_name=fields.get("service", ""),
            member_ids=list(dict.fromkeys(members)),
            timezone=me.timezone,
        )
        if fields.get("runbook"):
            await watched.update(tx, made.service.id, runbook_url=fields["runbook"])
    response = go("/setup?step=4")
    access: Access = request.app.state.access
    response.set_cookie(
        Cookie(
            key=_KEY_COOKIE,
            value=f"{made.integration.id}.{made.key}",
            max_age=_KEY_SECONDS,
            httponly=True,
            secure=access.is_https,
            samesite="lax",
            path="/setup",
        )
    )
    return response


async def _person(tx: Transaction, name: str, address: str, timezone: str, *, by_mail: bool) -> str:
    """The id of the person with this address, made when there is none; a mail says how to choose a password."""
    known = await users.by_email_key(tx, email_key(address))
    if known is not None and known.organization_id == tx.actor.organization_id:
        return known.id
    made = await people.create(tx, email=address, name=name, timezone=timezone)
    if by_mail:
        await password_resets.send(tx, made.id, by_mail=True)
    return made.id


async def _test(request: Web, db: Database, actor: Actor) -> Response[Any]:
    """Step 5: an incident by hand, which escalates like any other; never two at a time."""
    async with db.transaction(actor) as tx:
        integration, _ = await _made(tx, request, actor)
        if integration is None:
            raise NotFound("service")
        running = await _test_incident(tx, actor, integration.service_id)
        if running is None or not running.is_open:
            await acts.open_by_hand(
                tx,
                service_id=integration.service_id,
                title=TEST_TITLE,
                severity=Severity.HIGH,
                description="Somebody set up OpenAlert and wants to see a page arrive.",
            )
    return go("/setup?step=5")


async def _made(reader: Reader, request: Web, actor: Actor) -> tuple[Integration | None, str]:
    """The address that this set-up made and its key if it is still remembered; else the first there is."""
    integration_id, _, key = request.cookies.get(_KEY_COOKIE, "").partition(".")
    found = await integrations.get(reader, actor, integration_id) if integration_id else None
    if found is not None and key.endswith(found.key_hint):
        return found, key
    first = await integrations.page(reader, actor, after="", limit=1)
    return (first[0] if first else None), ""


async def _test_incident(reader: Reader, actor: Actor, service_id: str) -> Incident | None:
    wanted = IncidentFilter(service_id=service_id, text=TEST_TITLE)
    found = await incidents.search(reader, actor, wanted, limit=1)
    return found[0] if found else None


async def _done(reader: Reader, request: Web, actor: Actor) -> int:
    """The highest step that is finished."""
    integration, _ = await _made(reader, request, actor)
    if integration is None:
        return 1
    test = await _test_incident(reader, actor, integration.service_id)
    if test is not None and test.acknowledged_at is not None:
        return 5
    return 3 if integration.last_received_at is None else 4


def _page(
    request: Web,
    now: Instant,
    step: int,
    done: int,
    *,
    token: str = "",
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Values:
    """The context of a step with nothing known but what was typed."""
    typed = _DEFAULTS | (values or {})
    return plain(
        request,
        now,
        step=step,
        done=done,
        token=token,
        errors=errors or {},
        values={name: typed.get(name, "") for name in _FIELDS},
        presets=PRESETS,
        snippet="",
        curl="",
        service_href="",
        first=None,
        test=None,
        reach=None,
    )


async def _context(reader: Reader, request: Web, actor: Actor, step: int, done: int) -> Values:
    """The context of a step of somebody who is signed in."""
    context = _page(request, reader.now, step, done)
    me = await people.me(reader, actor)
    context["zone"] = zone_named(me.timezone)
    integration, key = await _made(reader, request, actor)
    if integration is None:
        return context
    base = _base_url(request)
    context["service_href"] = f"/services/{integration.service_id}"
    if step == 4:
        context |= {
            "snippet": alertmanager(f"{base}/webhooks/prometheus/{key}") if key else "",
            "curl": curl(f"{base}/webhooks/generic/{key}") if key else "",
            "first": await _first(reader, actor, integration),
        }
    if step == 5:
        context |= {
            "reach": await _reach(request, reader, me.id, me.email),
            "test": await _told(reader, actor, integration, me.id),
        }
    return context


def _base_url(request: Web) -> str:
    """Where senders reach us: as configured, else as this browser does."""
    configured: str = request.app.state.config.base_url
    return configured or str(request.base_url).rstrip("/")


def alertmanager(url: str) -> str:
    """The part of alertmanager.yml that sends everything to this address."""
    return f"""route:
  receiver: openalert

receivers:
  - name: openalert
    webhook_configs:
      - url: {url}
        send_resolved: true"""


def curl(url: str) -> str:
    """A command that raises one alert at this address."""
    body = '{"title":"Disk almost full","severity":"high"}'
    return f"curl -X POST {url} -H 'Content-Type: application/json' -d '{body}'"


async def _first(reader: Reader, actor: Actor, integration: Integration) -> Values | None:
    wanted = AlertFilter(service_id=integration.service_id)
    found = await alert_lists.search(reader, actor, wanted, limit=1)
    if not found.items:
        return None
    alert = found.items[0]
    return {
        "title": alert.title,
        "severity": alert.severity.value,
        "at": alert.last_seen_at,
        "incident_href": f"/incidents/{alert.incident_id}" if alert.incident_id else None,
    }


async def _reach(request: Web, reader: Reader, user_id: str, address: str) -> Values:
    """Whether a page can arrive at all, in a sentence."""
    if not request.app.state.config.smtp.host:
        text = "No mail server is set up yet: put its address under [smtp] in openalert.toml and restart."
        return {"ok": False, "text": f"{text} Until then the page can only be seen here."}
    methods = await contact_methods.of_user(reader, user_id)
    if all(method.verified_at is None for method in methods):
        return {"ok": False, "text": "You have no verified address, so the page can only be seen here."}
    return {"ok": True, "text": f"The page goes to {address}, with a button that acknowledges it."}


async def _told(reader: Reader, actor: Actor, integration: Integration, user_id: str) -> Values | None:
    """What became of the newest test page."""
    incident = await _test_incident(reader, actor, integration.service_id)
    if incident is None:
        return None
    rows = await notifications.of_incident(reader, incident.id, limit=20)
    pages = [row for row in rows if row.kind is NotificationKind.PAGE]
    mine = next((row for row in pages if row.user_id == user_id), pages[0] if pages else None)
    named = await users.named(
        reader, actor, {incident.acknowledged_by_id or "", mine.user_id or "" if mine else ""}
    )
    service = (await services.named(reader, actor, [integration.service_id])).get(integration.service_id)
    by = named.get(incident.acknowledged_by_id or "")
    ended = "Somebody" if incident.acknowledged_at or not incident.is_open else None
    who = named.get(mine.user_id or "") if mine else None
    return {
        "incident_href": f"/incidents/{incident.id}",
        "number": incident.number,
        "name": who.name if who else service.name if service else "nobody yet",
        "address": mine.address if mine else "…",
        "status": mine.status.value if mine else "waits to be sent",
        "failure": mine.failure_reason if mine else None,
        "acknowledged_by": by.name if by else ended,
    }


ROUTES: Sequence[HTTPRouteHandler] = [show, do]
