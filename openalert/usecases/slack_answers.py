"""What a Slack account says, done as the person whose account it is: transactions, without a word to Slack.

Whoever calls has proven that Slack itself said who pressed or wrote.
"""

import msgspec

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.action import Verb
from openalert.domain.chat import GOT
from openalert.domain.errors import NotFound, RateLimited
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import DAY, HOUR, SECOND, to_datetime
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.user import User
from openalert.domain.walltime import zone_named
from openalert.notifiers.text import one_line
from openalert.storage import contact_methods as stored_methods
from openalert.storage import notifications, organizations, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, contact_methods, replies, schedules, test_pages, text_replies
from openalert.usecases.contact_methods import MOST_CODES_A_DAY
from openalert.usecases.notify import Recipient, send_to

VIA = "Slack"
QUESTION_LASTS = HOUR
"""How long the button "It is me" connects an account."""
SCHEDULES_TOLD = 20
HOW_TO_CONNECT = (
    "Your Slack account is not connected to OpenAlert, so nothing was changed. "
    "Sign in to OpenAlert, open your own page and press Connect Slack: {url}/me"
)


class Press(msgspec.Struct, frozen=True):
    """A button of ours that was pressed, where, and by which Slack account."""

    member: str
    channel: str
    ts: str
    thread_ts: str
    notification_id: str
    verb: str


async def answer(tx: Transaction, press: Press, base_url: str) -> tuple[str, bool]:
    """Do what a button says as the person whose Slack account pressed it: what to tell them, and whether it changed."""
    row = await notifications.get(tx, press.notification_id)
    if row is None or row.channel != "slack":
        raise NotFound("message")
    user = await _person(tx, press.member, row)
    if user is None:
        return HOW_TO_CONNECT.format(url=base_url), False
    if press.verb == GOT:
        return await test_pages.by_button(tx, row, user.id), True
    reply = await replies.by_message(tx, row.id, Verb(press.verb), via=VIA, user_id=user.id)
    return reply.said, reply.changed


async def words(tx: Transaction, member: str, text: str, base_url: str) -> str:
    """Do what somebody wrote, and what to tell them: an answer to a page, or who is on call."""
    user = await _person(tx, member)
    if user is None:
        return HOW_TO_CONNECT.format(url=base_url)
    if " ".join(text.lower().split()) in ("oncall", "on call", "on-call", "who", "who is on call"):
        return await on_call(tx, await replies.person(tx, user.id))
    return await text_replies.answer_text(tx, user_id=user.id, text=text, via=VIA)


async def on_call(reader: Reader, actor: Actor) -> str:
    """Who is on call for each schedule that this person may see, a line each."""
    asked = await schedules.page(reader, actor, limit=SCHEDULES_TOLD)
    answers = await schedules.on_call_of(reader, asked)
    people = await users.named(reader, actor, schedules.people_of(found for _, found in answers))
    zone = zone_named(next(iter((await users.named(reader, actor, [actor.id or ""])).values())).timezone)
    lines = []
    for schedule, found in answers:
        names = [people[each.user_id].name for each in found.people if each.user_id in people]
        until = f" until {to_datetime(found.until).astimezone(zone):%a %H:%M %Z}" if found.until else ""
        lines.append(f"{one_line(schedule.name, 80)}: {one_line(', '.join(names), 200) or 'nobody'}{until}")
    return "\n".join(lines) or "There is no schedule that you may see."


async def ask(tx: Transaction, user_id: str, member: str) -> Notification:
    """Send the question "Is it you?" to a Slack account, at most as often as codes."""
    user = await users.get(tx, SYSTEM, user_id)
    if user is None or not user.is_active:
        raise NotFound("user")
    if await notifications.codes_since(tx, user.id, tx.now - DAY) >= MOST_CODES_A_DAY:
        raise RateLimited(
            f"{MOST_CODES_A_DAY} codes were sent in a day. Try again tomorrow.", retry_after=HOUR // SECOND
        )
    organization = await organizations.get(tx, user.organization_id)
    audit.record(tx, "contact_method.asked", kind="user", id=user.id, name=f"{member} of {user.name}")
    return await send_to(
        tx,
        Recipient(
            who=user.name,
            user_id=user.id,
            contact_method_id=None,
            channel_id=None,
            channel="slack",
            address=member,
            reason="Somebody wants to be reached here",
        ),
        NotificationKind.CODE,
        organization_id=user.organization_id,
        team_id=None,
        headline="Is it you?",
        body=(
            f"{one_line(user.name, 80)} ({one_line(user.email, 120)}) of "
            f"{one_line(organization.name if organization else 'OpenAlert', 80)} wants pages to come here.\n\n"
            "If that is you, press the button within an hour. If it is not, do nothing."
        ),
        reason="Somebody signed in to OpenAlert asked for it.",
    )


async def connect(tx: Transaction, press: Press) -> str:
    """The account says that it is the person's: pages go there from now on. What then stands in the message."""
    row = await notifications.get(tx, press.notification_id)
    if row is None or row.kind is not NotificationKind.CODE or row.channel != "slack" or row.user_id is None:
        raise NotFound("message")
    if row.address != press.member:
        raise NotFound("message")
    if tx.now >= row.created_at + QUESTION_LASTS:
        return "The hour is over. Press Connect Slack on your page in OpenAlert again."
    user = await users.get(tx, SYSTEM, row.user_id)
    if user is None or not user.is_active:
        return "The account in OpenAlert is switched off; nothing was connected."
    for other in await _connected(tx, press.member):
        if other.id != user.id and other.organization_id == user.organization_id:
            return "This Slack account belongs to somebody else in OpenAlert already; nothing was connected."
    tx.actor = await replies.person(tx, user.id)
    await contact_methods.link(tx, user, kind="slack", address=press.member, label="Slack")
    return f"Connected: pages for {one_line(user.name, 80)} come here from now on."


async def standing(reader: Reader, incident: Incident) -> str:
    """How it stands, in a few words: `Acknowledged by Bea`; empty while it waits for an answer."""
    by_id = None
    if incident.status is IncidentStatus.RESOLVED:
        by_id = incident.resolved_by_id
    elif incident.status is IncidentStatus.ACKNOWLEDGED:
        by_id = incident.acknowledged_by_id
    elif incident.snoozed_until is not None and incident.snoozed_until > reader.now:
        return "Snoozed"
    else:
        return ""
    named = await users.named(reader, SYSTEM, [by_id]) if by_id else {}
    who = f" by {named[by_id].name}" if by_id in named else ""
    return incident.status.value.capitalize() + who


async def _connected(reader: Reader, member: str) -> list[User]:
    """The active people whose account this is, one for each organization."""
    methods = await stored_methods.by_address(reader, "slack", member)
    found = await users.named(reader, SYSTEM, [method.user_id for method in methods])
    return [found[method.user_id] for method in methods if method.user_id in found]


async def _person(reader: Reader, member: str, row: Notification | None = None) -> User | None:
    """Whose account it is: to whom the message went, else somebody of its organization; None for a stranger."""
    people = await _connected(reader, member)
    if row is None:
        return people[0] if people else None
    own = [each for each in people if each.id == row.user_id]
    same = [each for each in people if each.organization_id == row.organization_id]
    return next(iter([*own, *same]), None)
