"""Settings and health: is everything able to wake somebody, which keys are in use, what is this server."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert import __version__
from openalert.config import Config
from openalert.domain.access import ORDINARY, Actor, Permission, Role, Scope, can, role_in
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant
from openalert.domain.notification import NotificationStatus
from openalert.domain.user import ApiKey
from openalert.notifiers.slack_socket import SlackSocket
from openalert.storage import notifications, organizations
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import api_keys
from openalert.usecases import organizations as acts
from openalert.usecases.slack import Slack
from openalert.web.ops import TICK_SECONDS, WRITE_SECONDS, Health
from openalert.web.ui import choices, warnings
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once, values_of, whole
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, sent_all, shell

_LOOKED_AT = 200
_WARNINGS_SHOWN = 5
_KEY_FIELDS = {
    "name": ("key_name", "The name"),
    "role": ("key_role", "The role"),
    "teamId": ("key_team", "The team"),
    "expiresAt": ("expires_days", "The end"),
}
SCOPES = {
    Scope.READ: ("Look", "part of every key"),
    Scope.RESPOND: ("Respond", "acknowledge, resolve, note, take over, test"),
    Scope.CONFIGURE: ("Set up", "services, integrations, schedules, policies, channels, members"),
    Scope.ADMIN: ("Run the organization", "people, teams, keys, settings, the audit log"),
}
"""What a key can be used for, in plain words."""
_ORGANIZATION_FIELDS = {"name": ("organization", "The name")}


@get("/settings", include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Each part of the server with its own sentence, the keys, the organization."""
    return await _page(request, db, actor, {}, {})


async def _page(
    request: Web,
    db: Database,
    actor: Actor,
    typed: Mapping[str, str],
    errors: Errors,
    scopes: Sequence[str] = (),
) -> Response[Any]:
    config: Config = request.app.state.config
    may_edit = can(actor, Permission.CONFIGURE, None)
    may_make = api_keys.manages_any(actor)
    outlook = await warnings.look(request, db, actor)
    async with db.read() as reader:
        organization = await organizations.get(reader, actor.organization_id or "")
        name = organization.name if organization else ""
        keys = await api_keys.page(reader, actor, limit=choices.MOST) if may_make else []
        team_names = await choices.names_of_teams(reader, actor)
        chosen = scopes or ()
        secrets = shown_once(request)
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            parts=[
                *await _parts(reader, actor, request.app.state.health, config),
                *await _slack(reader, actor, request.app.state.slack, request.app.state.slack_socket),
            ],
            organization={"name": name, "can_edit": can(actor, Permission.OWN, None)},
            keys=[_key(each, reader.now, team_names) for each in keys],
            can_make=may_make,
            key_teams=await _teams_of_keys(reader, actor, may_edit=may_edit),
            scopes=[
                (scope.value, *words, scope.value in chosen or not chosen) for scope, words in SCOPES.items()
            ],
            new_key=next(iter(secrets.values()), None),
            roles=[
                (role.value, role.value.capitalize())
                for role in reversed(Role)
                if role.rank <= _highest(actor)
            ],
            can_edit=may_edit,
            single_sign_on=sso.label if (sso := request.app.state.single_sign_on) is not None else None,
            server={
                "version": __version__,
                "database": _kind(config),
                "base_url": config.base_url,
                "data": str(config.data_dir) if may_edit else "",
            },
            errors=errors,
            values=values_of(
                typed,
                ("organization", "key_name", "key_role", "key_team", "expires_days"),
                organization=name,
                key_role="member",
            ),
        )
    context["outlook"] = warnings.drawn(outlook, context["zone"], _WARNINGS_SHOWN)
    return forget_shown(request, answer(request, "settings/show.html", context, 422 if errors else 200))


def _key(key: ApiKey, now: Instant, team_names: Mapping[str, str]) -> Values:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "scopes": [] if ORDINARY.issubset(key.scopes) else [scope.value for scope in key.scopes],
        "team": team_names.get(key.team_id, "a team") if key.team_id else "",
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "has_expired": key.expires_at is not None and key.expires_at <= now,
    }


async def _teams_of_keys(reader: Reader, actor: Actor, *, may_edit: bool) -> choices.Choices:
    """Where a key can act: everywhere for admins of the organization, in the teams one leads for others."""
    own = await choices.teams_to_configure(reader, actor)
    return [("", "Every team"), *own] if may_edit else own


def _highest(actor: Actor) -> int:
    """The rank of the highest role that the actor can give a key, somewhere."""
    ranks = [role.rank for team_id in (None, *actor.teams) if (role := role_in(actor, team_id)) is not None]
    return max(ranks, default=0)


def _kind(config: Config) -> str:
    return "SQLite" if urlsplit(config.database_url).scheme == "sqlite" else "PostgreSQL"


async def _parts(reader: Reader, actor: Actor, health: Health, config: Config) -> list[Values]:
    return [_database(health, config), _engine(health), await _mail(reader, actor, config), _links(config)]


def _part(name: str, ok: bool | None, words: str, proven_at: Instant | None = None) -> Values:
    return {"name": name, "ok": ok, "words": words, "proven_at": proven_at}


def _database(health: Health, config: Config) -> Values:
    age, kind = health.write_age, _kind(config)
    if age is None or age >= WRITE_SECONDS:
        return _part(
            "Database", False, f"{kind} has not stored anything lately. Look at the disk and at the log."
        )
    return _part("Database", True, f"{kind} stored a row of our own {_seconds(age)} ago.")


def _engine(health: Health) -> Values:
    age = health.tick_age
    if age >= TICK_SECONDS:
        words = f"It has not looked for due pages for {_seconds(age)}. Restart the server."
        return _part("Escalations", False, words)
    return _part(
        "Escalations", True, f"It looked for due pages {_seconds(age)} ago, as it does every second."
    )


async def _mail(reader: Reader, actor: Actor, config: Config) -> Values:
    """Whether mail can leave, proven by the newest message that did."""
    smtp = config.smtp
    if not smtp.host:
        words = (
            "Not set up, so no page leaves this server. Give smtp.host and smtp.from in openalert.toml, "
            "then restart."
        )
        return _part("E-mail", False, words)
    where = f"{smtp.host}, from {smtp.sender}" if can(actor, Permission.CONFIGURE, None) else "Set up"
    newest = [each for each in await _sent_lately(reader, actor) if each.channel == "email"]
    proven = next((each.sent_at for each in newest if each.sent_at is not None), None)
    if newest and newest[0].status is NotificationStatus.FAILED:
        return _part("E-mail", None, f"{where}. The last message failed: {newest[0].failure_reason}", proven)
    if proven is None:
        return _part("E-mail", True, f"{where}. Nothing was sent yet: send yourself a test on your own page.")
    return _part("E-mail", True, f"{where}. It takes what we send.", proven)


async def _slack(
    reader: Reader, actor: Actor, slack: Slack | None, socket: SlackSocket | None
) -> list[Values]:
    """Whether messages leave and answers come in, in Slack's own words; nothing where Slack is not set up."""
    if slack is None:
        return []
    newest = [each for each in await _sent_lately(reader, actor) if each.channel == "slack"]
    proven = next((each.sent_at for each in newest if each.sent_at is not None), None)
    if socket is not None and not socket.is_connected:
        why = socket.last_failure or "The connection is being made."
        return [_part("Slack", False, f"Answers do not come in. {why}", proven)]
    if newest and newest[0].status is NotificationStatus.FAILED:
        return [_part("Slack", None, f"The last message failed: {newest[0].failure_reason}", proven)]
    how = "by Socket Mode" if socket is not None else "signed by Slack"
    if socket is None and not slack.settings.signing_secret:
        words = "Nobody can answer there: give slack.app_token or slack.signing_secret in openalert.toml."
        return [_part("Slack", None, words, proven)]
    goes_out = "It takes what we send" if proven is not None else "Nothing was sent yet"
    return [_part("Slack", True, f"{goes_out}; answers come in {how}.", proven)]


async def _sent_lately(reader: Reader, actor: Actor) -> list[Any]:
    """The newest messages in view whose fate is known, the newest first."""
    rows = await notifications.search(reader, actor, {}, limit=_LOOKED_AT)
    known = (NotificationStatus.SENT, NotificationStatus.DELIVERED, NotificationStatus.FAILED)
    return [each for each in rows if each.status in known]


def _links(config: Config) -> Values:
    if config.server.base_url:
        return _part("Links in messages", True, f"They lead to {config.base_url}.")
    words = f"They lead to {config.base_url}, which only works on this machine. Give server.base_url in openalert.toml."
    return _part("Links in messages", None, words)


def _seconds(age: float) -> str:
    return f"{age:.0f} s" if age >= 1 else "less than a second"


@post("/settings/organization", include_in_schema=False)
async def rename(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Another name for the organization."""
    typed = await sent(request)
    name, errors = await attempt(
        db, actor, lambda tx: acts.rename(tx, typed.get("organization", "")), _ORGANIZATION_FIELDS
    )
    if name is None:
        return await _page(request, db, actor, typed, errors)
    return go("/settings", f"The organization is called {name} now.")


@post("/settings/api-keys", include_in_schema=False)
async def create_key(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A new key, shown this once."""
    typed, scopes = await sent(request), await sent_all(request, "key_scope")

    async def body(tx: Transaction) -> tuple[ApiKey, str]:
        days = typed.get("expires_days", "")
        until = tx.now + whole(days, "expires_days") * DAY if days else None
        return await api_keys.create(
            tx,
            name=typed.get("key_name", ""),
            role=_role(typed.get("key_role", "")),
            scopes=[Scope(each) for each in scopes if each in ORDINARY] or ORDINARY,
            team_id=typed.get("key_team") or None,
            expires_at=until,
        )

    made, errors = await attempt(db, actor, body, _KEY_FIELDS)
    if made is None:
        return await _page(request, db, actor, typed, errors, scopes)
    key, text = made
    return show_once(request, go("/settings#api-keys", f"The key {key.name} is made."), key.id, text)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose one of the roles.", field="key_role") from None


@post("/settings/api-keys/{key_id:str}/revoke", include_in_schema=False)
async def revoke_key(
    key_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """The key opens nothing any more."""

    async def body(tx: Transaction) -> str:
        await api_keys.revoke(tx, key_id)
        return "Revoked: whatever uses the key is refused from now on."

    return await act(db, actor, "/settings#api-keys", body)


ROUTES: Sequence[HTTPRouteHandler] = [show, rename, create_key, revoke_key]
