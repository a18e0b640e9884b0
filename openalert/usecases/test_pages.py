"""Test pages: somebody's real rules, run on purpose; whoever presses "I got it" has proven the way it came by."""

from collections.abc import Sequence

import msgspec

from openalert.domain import link
from openalert.domain.access import SYSTEM, Permission
from openalert.domain.chat import GOT
from openalert.domain.errors import Forbidden, NotFound, RateLimited
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, MINUTE, SECOND
from openalert.domain.link import LinkClaims, Purpose
from openalert.domain.notification import Notification, NotificationKind, give_up_at, priority_of
from openalert.domain.notification_plan import Callee, plan
from openalert.domain.severity import Severity
from openalert.domain.user import ContactMethod, User
from openalert.notifiers.notifier import CALLING, Action, Message
from openalert.storage import contact_methods, drills, notifications, recipients, schedules, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import schedules as duty
from openalert.usecases.access import found, require, see_team
from openalert.usecases.contact_methods import to_see

WAIT = MINUTE
"""Between two test pages to the same person."""
MOST_A_DAY = 20
"""To the same person: telephone calls cost money, and nerves."""
GOT_IT = "Thank you. This way works."
"""What whoever presses "I got it" is told."""
PROVES, DRILL = "proves", "drill"
"""Members of the content: it asks for "I got it"; the id of the fire drill that it belongs to."""


class TestPage(msgspec.Struct, kw_only=True):
    """What was planned for one person; without messages, `silent` says why there are none."""

    __test__ = False  # it is no test, whatever pytest makes of its name

    user_id: str
    name: str
    messages: list[Notification] = []
    silent: str = ""


async def to_user(tx: Transaction, user_id: str, severity: Severity = Severity.HIGH) -> TestPage:
    """A test page to one person, as for an incident this severe; for the person and for admins."""
    user = await to_see(tx, tx.actor, user_id)
    audit.record(tx, "user.tested", kind="user", id=user.id, name=user.name)
    (sent,) = await send(tx, await recipients.callees(tx, [user.id]), user.organization_id, severity, _by(tx))
    if sent.silent == _TOO_SOON:
        raise RateLimited(f"{user.name} {_TOO_SOON}. Try again later.", retry_after=WAIT // SECOND)
    return sent


async def to_schedule(
    tx: Transaction, schedule_id: str, severity: Severity = Severity.HIGH
) -> list[TestPage]:
    """A test page to whoever is on call now; for everybody who may respond in its team."""
    schedule = found(await schedules.get(tx, tx.actor, schedule_id), "schedule")
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    answer = (await duty.who_is_on_call(tx, [schedule.id], tx.now)).get(schedule.id)
    people = [person.user_id for person in answer.people] if answer else []
    audit.record(
        tx, "schedule.tested", kind="schedule", id=schedule.id, name=schedule.name, team_id=schedule.team_id
    )
    callees = await recipients.callees(tx, people)
    return await send(tx, callees, schedule.organization_id, severity, _by(tx))


async def to_team(tx: Transaction, team_id: str, severity: Severity = Severity.HIGH) -> list[TestPage]:
    """A test page to every member; for everybody who may respond in the team."""
    team = await see_team(tx, tx.actor, team_id)
    require(tx.actor, Permission.RESPOND, team.id)
    people = (await recipients.members(tx, [team.id])).get(team.id, [])
    audit.record(tx, "team.tested", kind="team", id=team.id, name=team.name, team_id=team.id)
    return await send(tx, await recipients.callees(tx, people), team.organization_id, severity, _by(tx))


def _by(tx: Transaction) -> str:
    return f"{tx.actor.name} sent a test page."


async def send(
    tx: Transaction, callees: Sequence[Callee], organization_id: str, severity: Severity, reason: str
) -> list[TestPage]:
    """Run the rules of these people as for an incident this severe; not of somebody who was tested a moment ago."""
    ids = [callee.user_id for callee in callees]
    lately = await notifications.tested_since(tx, ids, tx.now - WAIT)
    today = await notifications.tested_since(tx, ids, tx.now - DAY)
    sent = []
    for callee in callees:
        if callee.user_id in lately or today.get(callee.user_id, 0) >= MOST_A_DAY:
            sent.append(TestPage(user_id=callee.user_id, name=callee.name, silent=_TOO_SOON))
            continue
        planned = plan(callee, severity, tx.now)
        messages = [
            Notification(
                id=new_id(tx.now),
                effect_key=f"test:{callee.user_id}:{tx.now}:{step.number}:{step.way.id}",
                organization_id=organization_id,
                team_id=None,
                incident_id=None,
                step=step.number,
                kind=NotificationKind.TEST,
                priority=priority_of(NotificationKind.TEST),
                user_id=callee.user_id,
                contact_method_id=step.way.id,
                channel=step.way.type,
                address=step.way.address,
                reason=reason,
                content={PROVES: True},
                due_at=step.due_at,
                held_until=step.held_until,
                give_up_at=give_up_at(NotificationKind.TEST, step.due_at),
                created_at=tx.now,
                updated_at=tx.now,
            )
            for step in planned.steps
        ]
        await notifications.enqueue(tx, messages)
        sent.append(
            TestPage(user_id=callee.user_id, name=callee.name, messages=messages, silent=planned.silent)
        )
    return sent


_TOO_SOON = "was sent a test page a moment ago, or many today"


def effects(drill_id: str) -> tuple[str, str]:
    """The effects of a fire drill's message and of its reminder."""
    return f"drill:{drill_id}:0", f"drill:{drill_id}:1"


def is_test_page(row: Notification) -> bool:
    """Whether it asks for "I got it", unlike the plain test of one address."""
    return row.kind is NotificationKind.TEST and bool(row.content.get(PROVES))


def write(row: Notification, message: Message, base_url: str, secret: bytes) -> None:
    """Put the words and the button into the message; a telephone has keys, and says itself which one to press."""
    message.headline, what = (
        "Test page",
        "This is a test, nothing is wrong. A real page would come to you like this.",
    )
    how = "Press “I got it”: then we know that it reaches you, and the rest of the test is not sent."
    when = ""
    if row.content.get(DRILL):
        again = "This is the only reminder. " if row.content.get("reminder") else ""
        message.headline = "Fire drill"
        what = f"Nothing is wrong and nothing is urgent. {again}Now and then we ask whether messages still reach you."
        how, when = "Press “I got it”: then we know that this way works.", " when you have a moment"
    message.body = what
    if row.channel == "sms":
        # Paid by segment: its last line is the link, and what it is for stands in the first.
        message.headline += f": open the link below{when}"
        message.body = "Nothing is wrong. It shows us that text messages reach you."
    elif row.channel not in CALLING:
        message.headline += f": press “I got it”{when}"
        message.body = f"{what}\n\n{how}"
    token = link.sign(secret, claims(row))
    message.actions = [Action(verb=GOT, label="I got it", url=f"{base_url}/{Purpose.PROOF}/{token}")]


def claims(row: Notification) -> LinkClaims:
    """What the link of a test page proves: that this message reached its person."""
    return LinkClaims(Purpose.PROOF, row.id, row.user_id or "", "", row.created_at + Purpose.PROOF.lasts)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the link of a test page is about."""

    row: Notification
    user: User
    method: ContactMethod
    is_proven: bool
    """It was pressed already."""


async def opened(reader: Reader, secret: bytes, token: str) -> Proof:
    """What the link is about; NotFound for one that we did not write, that is over, or whose address is gone."""
    row = await notifications.get(reader, link.row_of(token))
    if row is None or not is_test_page(row) or not link.is_good(secret, token, claims(row), reader.now):
        raise NotFound("test page")
    return await _proof(reader, row)


async def _proof(reader: Reader, row: Notification) -> Proof:
    user = await users.get(reader, SYSTEM, row.user_id or "")
    method = await contact_methods.get(reader, row.user_id or "", row.contact_method_id or "")
    if user is None or not user.is_active or method is None:
        raise NotFound("test page")
    return Proof(row=row, user=user, method=method, is_proven=(method.last_proven_at or 0) >= row.created_at)


async def prove(tx: Transaction, secret: bytes, token: str) -> Proof:
    """It arrived: the address is proven, and what is left of the test is not sent. Pressing twice is harmless."""
    proof = await opened(tx, secret, token)
    await _prove(tx, proof)
    return proof


async def by_key(tx: Transaction, row: Notification) -> None:
    """The same by a key or button of the message; the caller has proven that its provider said so."""
    await _prove(tx, await _proof(tx, row))


async def by_button(tx: Transaction, row: Notification, user_id: str) -> str:
    """The same by a button in a chat, pressed by this person; what to tell them. Forbidden: it is somebody else's."""
    if not is_test_page(row):
        raise NotFound("message")
    if row.user_id != user_id:
        raise Forbidden("This test page is for somebody else; nothing was changed.")
    await by_key(tx, row)
    return GOT_IT


async def _prove(tx: Transaction, proof: Proof) -> None:
    tx.actor = msgspec.structs.replace(
        tx.actor,
        kind="user",
        id=proof.user.id,
        name=proof.user.name,
        organization_id=proof.user.organization_id,
    )
    if drill_id := str(proof.row.content.get(DRILL, "")):
        await drills.answer(tx, drill_id)
        for effect in effects(drill_id):
            await notifications.cancel_effect(tx, effect, "The drill was answered.")
    if not proof.is_proven:
        await got(tx, proof.row, proof.user, proof.method)


async def got(tx: Transaction, row: Notification, user: User, method: ContactMethod) -> None:
    """Somebody has proven that this test page reached them, by its link or by a button of its provider."""
    proven = msgspec.structs.replace(method, last_proven_at=tx.now, failing_since=None, last_failure=None)
    await contact_methods.update(tx, proven)
    await notifications.cancel_tests(tx, user.id, row.created_at, "The test was answered.")
    audit.record(
        tx,
        "contact_method.proven",
        kind="contact_method",
        id=method.id,
        name=f"{method.address} of {user.name}",
        before={"lastProvenAt": method.last_proven_at},
        after={"lastProvenAt": tx.now},
    )
