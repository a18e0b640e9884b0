"""What the commands on the machine itself do, beside a running server or without one.

Whoever can open the database file, or the socket beside it, may do everything; the organization is made when
there is none yet. Each command gives the lines that are printed.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from openalert.domain.access import ORDINARY, SYSTEM, Role, Scope, command, program_of
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.instant import DAY, Instant, rfc3339
from openalert.domain.user import email_key
from openalert.domain.walltime import zone_named
from openalert.domain.warning import Finding, when
from openalert.storage import organizations as stored_organizations
from openalert.storage import services, teams, users
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import (
    api_keys,
    audit,
    console_incidents,
    console_oncall,
    console_responders,
    console_self_monitor,
    integrations,
    organizations,
    setup,
    vault,
    warnings,
)
from openalert.usecases import users as people
from openalert.usecases.access import found

Lines = list[str]
Command = Callable[..., Awaitable[Lines]]

MOST = 1000
MOST_NAMED = 20
TEST_INTEGRATION = "openalert send-test"


async def user_add(
    database: Database,
    *,
    email: str,
    name: str,
    role: str,
    password: str | None = None,
    organization: str | None = None,
) -> Lines:
    """A new person; without a password they cannot sign in yet."""
    hashed = await people.new_password_hash(password, about=(email, name)) if password else None
    async with database.transaction(command("user add")) as tx:
        await _enter(tx, organization)
        user = await people.create(tx, email=email, name=name, role=Role(role), password_hash=hashed)
    hint = "" if hashed else " No password yet: set one with `openalert user passwd`."
    return [f"{user.email} is {_article(user.role)} now.{hint}"]


async def user_list(database: Database, *, organization: str | None = None) -> Lines:
    """Everybody: address, role, name."""
    async with database.read() as reader:
        actor = await organizations.program_in(reader, organization)
        listed = await people.page(reader, actor, limit=MOST) if actor else []
    return [
        f"{user.email}\t{user.role}\t{user.name}{'' if user.is_active else ' (deactivated)'}"
        for user in listed
    ]


async def user_passwd(database: Database, *, email: str, password: str) -> Lines:
    """A new password; every session of the person ends."""
    async with database.read() as reader:
        user = found(
            await users.by_email_key(reader, email_key(email)),
            "user",
            given=email,
            look=console_oncall.PEOPLE,
        )
    hashed = await people.new_password_hash(password, about=(user.email, user.name))
    async with database.transaction(command("user passwd")) as tx:
        tx.actor = program_of(user.organization_id, tx.actor)
        await people.set_password(tx, user.id, hashed)
    return [f"The password of {user.email} is changed; all their sessions are over."]


async def token_create(
    database: Database,
    *,
    name: str,
    role: str,
    expires_days: int | None = None,
    scopes: Sequence[str] = (),
    team: str | None = None,
    organization: str | None = None,
) -> Lines:
    """A new API key, alone on the last line; `team` is a slug, no `scopes` are all of them."""
    async with database.transaction(command("token create")) as tx:
        await _enter(tx, organization)
        _, text = await api_keys.create(
            tx,
            name=name,
            role=Role(role),
            scopes=[Scope(scope) for scope in scopes] or ORDINARY,
            team_id=await _team_id(tx, team) if team else None,
            expires_at=tx.now + expires_days * DAY if expires_days is not None else None,
        )
    return [text]


async def token_list(database: Database, *, organization: str | None = None) -> Lines:
    """Every key that is not revoked: id, role, name, end, scopes, last use."""
    async with database.read() as reader:
        actor = await organizations.program_in(reader, organization)
        listed = await api_keys.page(reader, actor, limit=MOST) if actor else []
    return [
        "\t".join(
            (
                key.id,
                key.role,
                key.name,
                rfc3339(key.expires_at) if key.expires_at else "never expires",
                ",".join(key.scopes),
                f"last used {rfc3339(key.last_used_at)}" if key.last_used_at else "never used",
            )
        )
        for key in listed
    ]


async def token_revoke(database: Database, *, key_id: str) -> Lines:
    """The key opens nothing any more, of whatever organization it is."""
    async with database.transaction(command("token revoke")) as tx:
        await api_keys.revoke(tx, key_id)
    return [f"The key {key_id} is revoked."]


async def organization_add(database: Database, *, name: str, owner: str, owner_name: str) -> Lines:
    """A further organization, whose owner still needs a password."""
    async with database.transaction(command("org add")) as tx:
        made, user = await organizations.add(tx, name=name, owner_email=owner, owner_name=owner_name)
    return [
        f"{made.name} is there, and {user.email} owns it.",
        f"Set a password with `openalert user passwd {user.email}`.",
    ]


async def organization_list(database: Database) -> Lines:
    """Every organization: id and name."""
    async with database.read() as reader:
        return [f"{each.id}\t{each.name}" for each in await stored_organizations.every(reader)]


async def warned(database: Database, *, unset: dict[str, str] | None = None) -> Lines:
    """What would keep a page from arriving, in all organizations: severity, and what is wrong from when in UTC."""
    outlook = await warnings.look(database, SYSTEM, unset or {})
    return [f"{each.severity}\t{_warning(each, outlook.at)}" for each in outlook.findings]


def _warning(finding: Finding, now: Instant) -> str:
    times = when(finding, zone_named("UTC"), now)
    return finding.words + (f", {times} UTC" if finding.at is not None and times != "from now on" else "")


async def test_key(database: Database, *, service: str, organization: str | None) -> Lines:
    """A fresh key of the integration that test alerts of this service come in by."""
    async with database.transaction(command("send-test")) as tx:
        await _enter(tx, organization)
        monitored = await services.by_slug(tx, tx.actor, service)
        if monitored is None:
            known = await services.page(tx, tx.actor, limit=MOST_NAMED)
            raise NotFound("service", given=service, look=_slugs(each.slug for each in known))
        listed = await integrations.page(tx, tx.actor, service_id=monitored.id, limit=MOST)
        own = next((one for one in listed if one.name == TEST_INTEGRATION), None)
        if own is None:
            _, key = await integrations.create(
                tx, service_id=monitored.id, name=TEST_INTEGRATION, kind="generic"
            )
        else:
            _, key = await integrations.rotate_key(tx, own.id)
    return [key]


async def setup_token(database: Database) -> Lines:
    """A fresh token for the set-up page; nothing once somebody is there."""
    async with database.transaction(command("serve")) as tx:
        token = await setup.issue_token(tx)
    return [token] if token else []


async def rotate_key(database: Database) -> Lines:
    """Seal every stored secret with a fresh key."""
    done = await vault.change_key(database)
    async with database.transaction(command("rotate-key")) as tx:
        await audit.record_installation(
            tx, "encryption_key.rotated", kind="installation", name="this installation", after=done
        )
    lines = [f"{done.sealed_anew} stored secret(s) are sealed with the new key."]
    if done.unreadable:
        lines.append(f"{done.unreadable} could not be read, because their key is lost: give them anew.")
    if done.forgot_old:
        lines.append(f"The old key is gone from {database.keys.where}: keep a copy of that file, apart.")
        return [
            *lines,
            "Backups made until now still need the old key: make a new one, or keep your copy of that too.",
        ]
    return [*lines, "The older lines of server.encryption_key are not needed any more."]


async def backup_made(database: Database, *, file: str) -> Lines:
    """Note in the audit log that the database was copied to this file."""
    async with database.transaction(command("backup")) as tx:
        await audit.record_installation(
            tx, "database.backed_up", kind="database", name="the database", after={"file": file}
        )
    return []


async def data_moved(database: Database, *, source: str, target: str) -> Lines:
    """Note in the audit log of the new database where its data came from."""
    async with database.transaction(command("migrate")) as tx:
        await audit.record_installation(
            tx,
            "database.moved",
            kind="database",
            name="the database",
            before={"from": source},
            after={"to": target},
        )
    return []


COMMANDS: dict[str, Command] = {
    "user add": user_add,
    "user list": user_list,
    "user passwd": user_passwd,
    "token create": token_create,
    "token list": token_list,
    "token revoke": token_revoke,
    "organization add": organization_add,
    "organization list": organization_list,
    "oncall": console_oncall.on_call,
    "oncall user": console_oncall.turns,
    "oncall load": console_oncall.carried,
    "warnings": warned,
    "incident list": console_incidents.listed,
    "incident answer": console_incidents.answered,
    "incident responders": console_responders.listed,
    "incident ask": console_responders.asked,
    "incident merge": console_responders.merged,
    "incident unmerge": console_responders.unmerged,
    "self-monitor prove": console_self_monitor.prove,
    "self-monitor answer": console_self_monitor.answer,
    "self-monitor state": console_self_monitor.state,
    "self-monitor status": console_self_monitor.status,
    "test key": test_key,
    "rotate key": rotate_key,
    "backup made": backup_made,
}
"""What the server does when it is asked by the socket beside its database."""


async def run(database: Database, command: str, arguments: dict[str, Any]) -> Lines:
    """One command by its name."""
    if command not in COMMANDS:
        raise Invalid(f"This OpenAlert does not know the command {command[:40]!r}.")
    return await COMMANDS[command](database, **arguments)


async def _enter(tx: Transaction, wanted: str | None) -> None:
    """Act inside the organization that the command means, made when there is none yet."""
    chosen = await organizations.choose(tx, wanted)
    if chosen is None:
        await setup.ensure_organization(tx)
    else:
        tx.actor = program_of(chosen.id, tx.actor)


async def _team_id(tx: Transaction, slug: str) -> str:
    team = await teams.by_slug(tx, tx.actor, slug)
    if team is None:
        known = await teams.page(tx, tx.actor, limit=MOST_NAMED)
        raise NotFound("team", given=slug, look=_slugs(each.slug for each in known))
    return team.id


def _slugs(known: Iterable[str]) -> str:
    """Which there are, for somebody who mistyped one."""
    listed = ", ".join(sorted(known))
    return f"There are: {listed}." if listed else "There is none yet."


def _article(role: Role) -> str:
    return f"an {role}" if role in (Role.OWNER, Role.ADMIN) else f"a {role}"
