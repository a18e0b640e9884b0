"""Things that tests need, with sensible defaults: `await make.service(db)` is ready to receive alerts."""

import hashlib

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.calendar_feed import CalendarFeed, FeedKind, Period
from openalert.domain.escalation import EscalationPolicy, Level, PolicyVersion, Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification_plan import NotificationRule
from openalert.domain.schedule import Schedule
from openalert.domain.service import Integration, IntegrationConfig, Service
from openalert.domain.severity import Severity
from openalert.domain.single_sign_on import Identity, LinkRequest
from openalert.domain.team import Channel, Team, TeamMember, slugify
from openalert.domain.user import ContactMethod, Organization, User, email_key
from openalert.storage import Database, calendar_feeds, channels
from openalert.usecases import users


class Cast(msgspec.Struct):
    """A standing cast: Alice owns the team, Bob is a member of it, Charlie is a stranger in the organization."""

    organization: Organization
    team: Team
    alice: User
    bob: User
    charlie: User


def actor(user: User, *teams: Team, team_role: Role = Role.OWNER) -> Actor:
    """The actor that this person is."""
    return Actor(
        kind="user",
        id=user.id,
        name=user.name,
        organization_id=user.organization_id,
        role=user.role,
        teams={team.id: team_role for team in teams},
    )


async def organization(db: Database, name: str = "Acme") -> Organization:
    """An organization."""
    async with db.transaction() as tx:
        made = Organization(id=new_id(tx.now), name=name, created_at=tx.now)
        await tx.insert("organizations", made)
    return made


async def user(
    db: Database, org: Organization, name: str, role: Role = Role.MEMBER, *, reachable: bool = True
) -> User:
    """A person whose address, name@example.org, is verified unless told otherwise."""
    address = f"{name.lower()}@example.org"
    async with db.transaction() as tx:
        made = User(
            id=new_id(tx.now),
            organization_id=org.id,
            email=address,
            email_key=email_key(address),
            name=name,
            role=role,
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("users", made)
        method = ContactMethod(
            id=new_id(tx.now),
            user_id=made.id,
            type="email",
            address=address,
            verified_at=tx.now if reachable else None,
            created_at=tx.now,
        )
        await tx.insert("contact_methods", method)
    return made


async def contact_method(
    db: Database, of: User, kind: str, address: str, *, verified: bool = True
) -> ContactMethod:
    """A further way to reach the person."""
    async with db.transaction() as tx:
        made = ContactMethod(
            id=new_id(tx.now),
            user_id=of.id,
            type=kind,
            address=address,
            verified_at=tx.now if verified else None,
            created_at=tx.now,
        )
        await tx.insert("contact_methods", made)
    return made


async def notification_rule(
    db: Database, of: User, method_id: str, *, minutes: float = 0, severity: Severity = Severity.INFO
) -> NotificationRule:
    """A rule for pages by this contact method of the person."""
    async with db.transaction() as tx:
        made = NotificationRule(
            id=new_id(tx.now),
            user_id=of.id,
            min_severity=severity,
            delay=int(minutes * MINUTE),
            contact_method_id=method_id,
            created_at=tx.now,
        )
        await tx.insert("notification_rules", made)
    return made


async def identity(db: Database, of: User, subject: str, issuer: str = "https://id.example") -> Identity:
    """By what the person comes in from a provider."""
    async with db.transaction() as tx:
        made = Identity(
            id=new_id(tx.now),
            user_id=of.id,
            issuer=issuer,
            tenant="",
            subject=subject,
            email=of.email,
            created_at=tx.now,
            last_used_at=tx.now,
        )
        await tx.insert("identities", made)
    return made


async def calendar_feed(
    db: Database, of: User, *, name: str = "Outlook", hours: tuple[int, int] = (-24, 72)
) -> CalendarFeed:
    """A calendar of the person's with one absence, between so many hours from now; it is not read again."""
    async with db.transaction() as tx:
        made = CalendarFeed(
            id=new_id(tx.now),
            organization_id=of.organization_id,
            kind=FeedKind.ABSENCES,
            user_id=of.id,
            name=name,
            origin="https://calendar.example",
            created_at=tx.now,
            entries=1,
            missing=("Nobody",),
            notes=("A note.",),
        )
        await calendar_feeds.insert(tx, made, "https://calendar.example/secret.ics")
        start, end = (tx.now + each * HOUR for each in hours)
        await calendar_feeds.put_absences(
            tx, made.id, [Period(user_id=of.id, start_at=start, end_at=end, summary=f"{name}: surgery")]
        )
    return made


async def shift_calendar(db: Database, of: Schedule, who: User, *, name: str = "Plan") -> CalendarFeed:
    """A calendar that has the person on call for a day, in the highest layer, ten days from now."""
    async with db.transaction() as tx:
        made = CalendarFeed(
            id=new_id(tx.now),
            organization_id=of.organization_id,
            kind=FeedKind.SHIFTS,
            schedule_id=of.id,
            name=name,
            origin="https://calendar.example",
            created_at=tx.now,
            entries=1,
        )
        await calendar_feeds.insert(tx, made, "https://calendar.example/secret.ics")
        start = tx.now + 10 * DAY
        turn = Period(user_id=who.id, start_at=start, end_at=start + DAY, layer=1_000)
        await calendar_feeds.change_turns(tx, made, [], [turn])
    return made


async def link_request(db: Database, of: User, subject: str) -> LinkRequest:
    """Somebody unknown came with the person's address."""
    async with db.transaction() as tx:
        made = LinkRequest(
            id=new_id(tx.now),
            user_id=of.id,
            issuer="https://id.example",
            tenant="",
            subject=subject,
            email=of.email,
            name=of.name,
            created_at=tx.now,
        )
        await tx.insert("link_requests", made)
    return made


async def team(db: Database, org: Organization, name: str, **members: Role) -> Team:
    """A team; members come by `member`."""
    async with db.transaction() as tx:
        made = Team(
            id=new_id(tx.now),
            organization_id=org.id,
            name=name,
            slug=slugify(name),
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("teams", made)
    return made


async def member(db: Database, of: Team, who: User, role: Role = Role.MEMBER) -> None:
    """`who` belongs to the team."""
    async with db.transaction() as tx:
        await tx.insert(
            "team_members", TeamMember(team_id=of.id, user_id=who.id, role=role, created_at=tx.now)
        )


async def cast(db: Database) -> Cast:
    """The standing cast in its organization."""
    org = await organization(db)
    alice, bob = await user(db, org, "Alice", Role.OWNER), await user(db, org, "Bob")
    charlie = await user(db, org, "Charlie")
    core = await team(db, org, "Core")
    await member(db, core, alice, Role.OWNER)
    await member(db, core, bob)
    return Cast(org, core, alice, bob, charlie)


async def password(db: Database, text: str, *people: User) -> None:
    """All of these people have this password."""
    hashed = await users.new_password_hash(text)
    for person in people:
        async with db.transaction(actor(person)) as tx:
            await users.set_password(tx, person.id, hashed)


def level(number: int, *targets: User | Team | Channel, minutes: float = 0) -> Level:
    """A level that pages these, `minutes` after the one before."""
    kinds = {User: TargetType.USER, Team: TargetType.TEAM, Channel: TargetType.CHANNEL}
    return Level(
        level=number,
        delay=int(minutes * MINUTE),
        targets=tuple(Target(type=kinds[type(target)], id=target.id) for target in targets),
    )


async def policy(
    db: Database,
    of: Team,
    *levels: Level,
    name: str = "Core policy",
    repeats: int = 0,
    repeat_minutes: float = 0,
) -> EscalationPolicy:
    """An escalation policy with these levels."""
    async with db.transaction() as tx:
        policy_id, version_id = new_id(tx.now), new_id(tx.now)
        made = EscalationPolicy(
            id=policy_id,
            organization_id=of.organization_id,
            team_id=of.id,
            name=name,
            version_id=version_id,
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("escalation_policies", made)
        await tx.insert(
            "escalation_policy_versions",
            PolicyVersion(
                id=version_id,
                policy_id=policy_id,
                repeat_count=repeats,
                repeat_delay=int(repeat_minutes * MINUTE),
                levels=levels,
                created_at=tx.now,
            ),
        )
    return made


async def service(
    db: Database, of: Team, by: EscalationPolicy | None = None, name: str = "Database"
) -> Service:
    """A service of the team."""
    async with db.transaction() as tx:
        made = Service(
            id=new_id(tx.now),
            organization_id=of.organization_id,
            team_id=of.id,
            name=name,
            slug=slugify(name),
            escalation_policy_id=by.id if by else None,
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("services", made)
    return made


async def integration(db: Database, of: Service, key: str = "key", kind: str = "prometheus") -> Integration:
    """An integration of the service that is reached by `key`."""
    async with db.transaction() as tx:
        made = Integration(
            id=new_id(tx.now),
            service_id=of.id,
            name="Alertmanager",
            type=kind,
            key_hash=hashlib.sha256(key.encode()).hexdigest(),
            key_hint=key[-4:],
            config=IntegrationConfig(),
            created_at=tx.now,
            updated_at=tx.now,
        )
        await tx.insert("integrations", made)
    return made


async def channel(db: Database, of: Team, kind: str, name: str = "Ops", **config: object) -> Channel:
    """A channel of the team; a `secret` is sealed."""
    secret = config.pop("secret", None)
    async with db.transaction() as tx:
        made = Channel(
            id=new_id(tx.now),
            organization_id=of.organization_id,
            team_id=of.id,
            name=name,
            type=kind,
            config=dict(config),
            created_at=tx.now,
            updated_at=tx.now,
        )
        await channels.insert(tx, made)
        if secret is not None:
            await channels.put_secrets(tx, made.id, {"secret": secret})
    return made
