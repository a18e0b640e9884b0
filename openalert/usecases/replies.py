"""What comes back from a message: one verb about one incident, as the person it was sent to, by whatever way.

A link, a button, a text message, a key on the telephone: each finds out who answers and about what, and then all of
them come through `answer`, so that they have the same rights, the same effect and the same words.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from openalert.domain import action
from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.action import ActionClaims, Verb
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.errors import Conflict, Forbidden, NotFound
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.domain.walltime import zone_named
from openalert.storage import bundles, incidents, notifications, recipients, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import reachability, responders, standing
from openalert.usecases.access import acting
from openalert.usecases.incidents import acknowledge, escalate, hand_on, resolve, see, snooze
from openalert.usecases.standing import Standing, State

SNOOZE_FOR = HOUR
"""How long an answer snoozes that does not say it."""


class LinkOffer(msgspec.Struct, frozen=True):
    """What a signed link offers: to whom, about what."""

    claims: ActionClaims
    incident: Incident
    others: list[Incident]
    """What the same message told of."""
    person_name: str
    has_expired: bool


class Reply(msgspec.Struct, frozen=True):
    """What became of an answer."""

    incident: Incident
    changed: bool
    """False: it was so already, by whomever `said` names."""
    said: str
    """What to tell whoever answered, one or two sentences."""


async def link_offer(reader: Reader, secret: bytes, token: str) -> LinkOffer:
    """What the link offers; NotFound for what we did not sign, or whose person or incident is gone."""
    claims = action.read(secret, token)
    incident = await incidents.get(reader, claims.incident_id) if claims else None
    if claims is None or incident is None:
        raise NotFound("action link")
    people = await recipients.people(reader, [claims.user_id])
    if not people or not people[0].is_active:
        raise NotFound("action link")
    others = await _told_with(reader, claims)
    return LinkOffer(claims, incident, others, people[0].name, action.has_expired(claims, reader.now))


async def _told_with(reader: Reader, claims: ActionClaims) -> list[Incident]:
    row = await notifications.get(reader, claims.message) if claims.message else None
    others = await bundles.told_with(reader, row) if row and row.user_id == claims.user_id else []
    return [found for other in others if (found := await incidents.get(reader, other)) is not None]


async def accept(tx: Transaction, secret: bytes, token: str, *, snooze_for: Instant = SNOOZE_FOR) -> Reply:
    """Do what the link offers; pressing twice is harmless. Conflict once it has expired."""
    offered = await link_offer(tx, secret, token)
    if offered.has_expired:
        raise Conflict("The link has expired; open the incident and sign in.", code="ACTION_EXPIRED")
    claims = offered.claims
    tx.actor = await paged_person(tx, claims.user_id, offered.incident)
    await reachability.answered_by_link(tx, claims.incident_id, claims.user_id, claims.channel)
    via = _link_from(claims.channel)
    reply = await answer(tx, claims.incident_id, claims.verb, via=via, snooze_for=snooze_for)
    return await _and_the_others(tx, reply, offered.others, claims.verb, via, snooze_for, claims.user_id)


async def _and_the_others(
    tx: Transaction,
    reply: Reply,
    others: Sequence[Incident],
    verb: Verb,
    via: str,
    snooze_for: Instant,
    paged_id: str | None,
) -> Reply:
    """One message, one button: it means all that the message told. What no longer can be answered is left as it is."""
    numbers = []
    for other in others:
        if paged_id is not None:
            tx.actor = await paged_person(tx, paged_id, other)
        with suppress(Conflict, Forbidden, NotFound):
            done = await answer(tx, other.id, verb, via=via, snooze_for=snooze_for)
            numbers.append(f"#{done.incident.number}")
    if not numbers:
        return reply
    return msgspec.structs.replace(reply, said=f"{reply.said} The same for {', '.join(numbers)}.")


def _link_from(channel: str) -> str:
    """What the timeline calls a link that was sent by this channel."""
    if channel in ("", "email"):
        return "e-mail link" if channel else "link"
    kind = CONTACT_KINDS.get(channel)
    return f"{kind.words} link" if kind else "link"


async def by_message(
    tx: Transaction,
    notification_id: str,
    verb: Verb,
    *,
    via: str,
    user_id: str | None = None,
    snooze_for: Instant = SNOOZE_FOR,
) -> Reply:
    """Answer a message by its own button or key; the caller has proven that the provider said so.

    `user_id` is who pressed, where a message goes to several people; they act with their own rights. Without it the
    person acts to whom the message went. NotFound for a message that asks nobody to act.
    """
    row = await notifications.get(tx, notification_id)
    incident = await incidents.get(tx, row.incident_id) if row and row.incident_id else None
    who = user_id or (row.user_id if row else None)
    if row is None or incident is None or who is None:
        raise NotFound("message")
    is_theirs = who == row.user_id
    if is_theirs:
        tx.actor = await paged_person(tx, who, incident)
        await reachability.answered(tx, row)
    else:
        tx.actor = await person(tx, who)
    reply = await answer(tx, incident.id, verb, via=via, snooze_for=snooze_for)
    told = [await incidents.get(tx, other) for other in await bundles.told_with(tx, row)]
    others = [other for other in told if other is not None]
    return await _and_the_others(tx, reply, others, verb, via, snooze_for, who if is_theirs else None)


async def person(tx: Transaction, user_id: str) -> Actor:
    """Somebody who answers from outside, with the rights they have; Forbidden for an account that is switched off."""
    actor = await acting(tx, user_id)
    if actor is None:
        raise Forbidden("Your account here is switched off.")
    return actor.by_way_of(tx.actor)


async def paged_person(tx: Transaction, user_id: str, incident: Incident) -> Actor:
    """The same for an incident that pages them: that is the right to answer it, whatever their role.

    Any other message about it gives no rights, and an old page none once the incident has been opened again.
    """
    actor = await person(tx, user_id)
    if not await notifications.was_paged(tx, incident.id, incident.episode, user_id):
        return actor
    role = actor.teams.get(incident.team_id, Role.VIEWER)
    return msgspec.structs.replace(
        actor, teams=actor.teams | {incident.team_id: role if role is not Role.VIEWER else Role.MEMBER}
    )


async def answer(
    tx: Transaction, incident_id: str, verb: Verb, *, via: str, snooze_for: Instant = SNOOZE_FOR
) -> Reply:
    """Do it as `tx.actor`. Too late is no error: the reply says who was first, and when.

    `via` names the way: `e-mail link`, `SMS`, `Slack`. `snooze_for` in milliseconds.
    """
    before = await incidents.get(tx, incident_id)
    if before is None:
        raise NotFound("incident")
    verb = await _meant(tx, before, verb)
    stands = await standing.of(tx, before, verb, tx.actor.user_id, until=tx.now + snooze_for)
    if stands.state in (State.DONE, State.ALREADY):
        await see(tx, tx.actor, incident_id)
        return Reply(before, changed=False, said=await _too_late(tx, before, verb, stands))
    match verb:
        case Verb.ACKNOWLEDGE:
            done = (await acknowledge(tx, incident_id, via=via)).incident
        case Verb.RESOLVE:
            done = (await resolve(tx, incident_id, via=via)).incident
        case Verb.ESCALATE:
            done = await escalate(tx, incident_id, via=via)
        case Verb.HAND_ON:
            done = await hand_on(tx, incident_id, via=via)
        case Verb.JOIN:
            await responders.come(tx, incident_id, via=via)
            done = before
        case Verb.DECLINE:
            await responders.decline(tx, incident_id, via=via)
            done = before
        case _:
            done = (await snooze(tx, incident_id, until=tx.now + snooze_for, via=via)).incident
    return Reply(done, changed=True, said=await _done(tx, done, verb, tx.now + snooze_for))


async def _meant(tx: Transaction, incident: Incident, verb: Verb) -> Verb:
    """Digits and words know no answers of their own for whoever was asked for help: theirs are those that come next.

    Taking what somebody has already is coming to help them; handing on what was never theirs is not coming.
    """
    if verb not in (Verb.ACKNOWLEDGE, Verb.HAND_ON) or not incident.is_open:
        return verb
    if not await responders.is_asked(tx, incident, tx.actor.user_id):
        return verb
    if verb is Verb.HAND_ON:
        return Verb.DECLINE
    return Verb.JOIN if incident.status is IncidentStatus.ACKNOWLEDGED else verb


async def _done(tx: Transaction, incident: Incident, verb: Verb, until: Instant) -> str:
    number = f"#{incident.number}"
    match verb:
        case Verb.ACKNOWLEDGE:
            return f"{number} is yours. Nobody else is paged."
        case Verb.RESOLVE:
            return f"{number} is resolved."
        case Verb.SNOOZE:
            return f"{number} is silent until {await _time(tx, until)}."
        case Verb.HAND_ON:
            return f"You are out of {number}. The next one is paged now."
        case Verb.ESCALATE:
            return f"{number} goes to the next level now."
        case Verb.JOIN:
            return f"You are coming to help with {number}. Whoever works on it sees that."
        case Verb.DECLINE:
            return f"You are not coming to help with {number}. Whoever asked you sees that."


async def _too_late(tx: Transaction, incident: Incident, verb: Verb, stands: Standing) -> str:
    """Who was first, and when, on the clock of whoever answered."""
    if verb in (Verb.JOIN, Verb.DECLINE) and incident.is_open:
        if stands.state is State.DONE:
            return f"You {stands.past} #{incident.number} already. {await _so(tx, verb, stands)}"
        return f"Nobody asks you to help with #{incident.number} any more. You need not do anything."
    named = await users.named(tx, SYSTEM, [stands.by_id]) if stands.by_id else {}
    who = f" by {named[stands.by_id].name}" if stands.by_id in named else ""
    if stands.by_id is not None and stands.by_id == tx.actor.user_id:
        who = " by you"
    when = f" at {await _time(tx, stands.at)}" if stands.at else ""
    return f"#{incident.number} was {stands.past}{who}{when}. {await _so(tx, verb, stands)}"


async def _so(tx: Transaction, verb: Verb, stands: Standing) -> str:
    """What that means for whoever answered."""
    if stands.until is not None:
        return f"It is silent until {await _time(tx, stands.until)}."
    if stands.past == "acknowledged" and verb is not Verb.ACKNOWLEDGE and stands.state is State.DONE:
        return "Nobody else is paged while you have it; reopen it to page again."
    return "You need not do anything."


async def _time(tx: Transaction, at: Instant) -> str:
    me = await users.get(tx, SYSTEM, tx.actor.user_id) if tx.actor.user_id else None
    return f"{to_datetime(at).astimezone(zone_named(me.timezone if me else 'UTC')):%H:%M}"
