"""One message on its way: claim it, compose it, and settle what became of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.escalation import TargetType
from openalert.domain.event import Event
from openalert.domain.incident import Incident
from openalert.domain.instant import SECOND, Instant, to_datetime
from openalert.domain.links_back import LinksBack
from openalert.domain.mail_address import reply_address
from openalert.domain.notification import (
    OPENS,
    Notification,
    NotificationKind,
    NotificationStatus,
    retry_at,
)
from openalert.domain.team import Channel
from openalert.domain.walltime import zone_named
from openalert.notifiers.notifier import (
    EDITING,
    OPEN,
    Action,
    LostAnswer,
    Message,
    NotifierError,
    Reason,
    Receipt,
)
from openalert.storage import bundles as stored_bundles
from openalert.storage import (
    channels,
    contact_methods,
    incidents,
    notifications,
    organizations,
    recipients,
    reply_codes,
)
from openalert.storage import deliveries as sending
from openalert.storage.recipients import Person
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import (
    bundles,
    channel_troubles,
    digests,
    going_on,
    incident_facts,
    ladders,
    links,
    news,
    offers,
    push_subscriptions,
    reachability,
    responders,
    slo,
    test_pages,
    weekly_reports,
    words,
)
from openalert.usecases import contact_methods as ways
from openalert.usecases.notify import HIDDEN
from openalert.usecases.work import Work

UNKNOWN_WAIT = 10 * SECOND
"""How long after a lost answer the message is sent once more."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel goes on after an attempt."""

    tries: int = 5
    """How often a page is tried at one provider."""
    providers: int = 1
    elsewhere: int | None = None
    """Another provider that may try at once."""
    address: str = ""
    """The address, where every one is a provider of its own."""
    was_refused: bool = False
    """Our credentials were refused before."""


async def compose(
    reader: Reader, row: Notification, links_back: LinksBack, together: Sequence[Notification] = ()
) -> Message:
    """Everything a channel needs to tell this, from the facts as they are now; NotifierError: nobody wants it."""
    organization = await organizations.get(reader, row.organization_id)
    people = await recipients.people(reader, [row.user_id]) if row.user_id else []
    channel = await _channel(reader, row.channel_id) if row.channel_id else None
    secrets = await _secrets(reader, row, links_back)
    message = Message(
        notification_id=row.id,
        kind=row.kind,
        to=secrets.pop("address", row.address),
        recipient_name=people[0].name if people else channel.name if channel else "",
        organization=organization.name if organization else "OpenAlert",
        headline=str(row.content.get("headline", "")),
        body=str(row.content.get("body", "")),
        reason=row.reason,
        is_reminder=row.is_reminder,
        possible_repeat=row.possible_repeat,
        is_silent=row.is_silent,
        thread_key=row.incident_id or "",
        attempt=row.attempts,
        provider=row.provider,
        at=row.created_at,
        timezone=people[0].timezone if people else "UTC",
        channel_config=(channel.config if channel else {}) | secrets,
    )
    if opens := row.content.get(OPENS):
        message.actions = [Action(verb=OPEN, label=str(opens[0]), url=f"{links_back.base_url}{opens[1]}")]
    if row.kind is NotificationKind.LINK:
        await links.write(reader, row, message, links_back.base_url, links_back.secret)
    if test_pages.is_test_page(row):
        test_pages.write(row, message, links_back.base_url, links_back.secret)
    if row.kind is NotificationKind.DIGEST and row.held_until is not None:
        await digests.write(reader, row, message, links_back.base_url)
    if weekly_reports.is_weekly(row):
        weekly_reports.write(row, message, links_back.base_url)
    incident = await incidents.get(reader, row.incident_id) if row.incident_id else None
    if incident is not None:
        if row.user_id is not None:
            message.reply_code = await reply_codes.of(reader, row.user_id, incident.id)
            if row.channel == "email" and links_back.mail_domain:
                message.reply_to = reply_address(links_back.secret, row.id, links_back.mail_domain)
        await _add_incident(reader, message, row, incident, links_back)
        message.bundle = await bundles.titles(reader, together)
        if row.channel in EDITING:
            message.replaces = await notifications.first_taken(reader, row)
        if row.is_silent and not message.replaces:
            raise NotifierError(Reason.REFUSED, "There is no message that could change.", permanent=True)
        if row.kind is NotificationKind.UPDATE:
            await news.say_if_in_doubt(reader, row, message)
    await words.write(reader, row, message)
    return message


async def to_send(
    reader: Reader, row: Notification, links_back: LinksBack, together: Sequence[Notification] = ()
) -> Message:
    """The same when it is about to leave; NotifierError also when its reader, or their address, has gone."""
    if row.kind is NotificationKind.PAGE and row.user_id is not None:
        _check_still_theirs(row, await recipients.people(reader, [row.user_id]))
    return await compose(reader, row, links_back, together)


def _check_still_theirs(row: Notification, people: Sequence[Person]) -> None:
    """A page waits for minutes, or a night: meanwhile somebody may have left, or an address be theirs no more."""
    if not any(person.is_active for person in people):
        raise NotifierError(Reason.MISCONFIGURED, "They are deactivated.", permanent=True)
    ways = {person.contact_method_id for person in people}
    if row.contact_method_id is not None and row.contact_method_id not in ways:
        raise NotifierError(
            Reason.MISCONFIGURED, "The address was removed, or is not verified.", permanent=True
        )


async def _channel(reader: Reader, channel_id: str) -> Channel | None:
    found = await channels.by_ids(reader, [channel_id])
    return found[0] if found else None


async def _secrets(reader: Reader, row: Notification, links_back: LinksBack) -> dict[str, Any]:
    """What the notifier needs beside what may be seen: `address` is the address itself where that is a secret."""
    if row.channel_id is not None:
        return await channels.secrets(reader, row.channel_id)
    if row.contact_method_id is not None:
        kept = await contact_methods.secrets(reader, row.contact_method_id)
        return kept | (
            await push_subscriptions.keys(reader, row, links_back.secret) if row.channel == "push" else {}
        )
    return {}


async def _add_incident(
    reader: Reader, message: Message, row: Notification, incident: Incident, links_back: LinksBack
) -> None:
    message.incident = await incident_facts.of(reader, incident)
    message.incident_url = f"{links_back.base_url}/incidents/{incident.id}"
    message.hop = incident.hops
    if row.kind in (NotificationKind.PAGE, NotificationKind.NOTICE) and incident.is_open:
        message.escalation_note = await _what_is_next(reader, incident, message.timezone)
    if row.ask_id is not None:
        message.is_request, message.escalation_note = True, row.reason
        message.reason = "You were asked for help by name, not by an escalation policy."
    asked = row.ask_id is not None and await responders.is_asked(reader, incident, row.user_id)
    message.actions = offers.actions(
        row, incident, links_back.base_url, links_back.secret, reader.now, asked=asked
    )


async def _what_is_next(reader: Reader, incident: Incident, timezone: str) -> str:
    sentence = ladders.in_words(await ladders.ladder(reader, incident), incident)
    if not sentence or incident.escalation_next_at is None:
        return sentence
    at = to_datetime(incident.escalation_next_at).astimezone(zone_named(timezone))
    return sentence.replace(" next unless", f" at {at:%H:%M} unless")


async def claim(
    tx: Transaction, ids: Sequence[str], run_id: str, provider: int | None = None
) -> list[Notification]:
    """Take what is still wanted for sending; what nobody wants any more is cancelled."""
    claimed = await sending.claim(tx, ids, run_id, provider)
    if len(claimed) < len(ids):
        await sending.cancel_unwanted(tx, ids)
    await reply_codes.give(
        tx,
        (
            (row.user_id, row.incident_id)
            for row in claimed
            if row.user_id and row.incident_id and row.kind is NotificationKind.PAGE
        ),
    )
    return claimed


async def claim_all(
    tx: Transaction, wanted: Mapping[int, Sequence[Notification]], run_id: str
) -> list[Notification]:
    """The same for several at once, by the provider that is to try them; whoever is in a bundle brings all of it."""
    claimed = []
    for provider, rows in wanted.items():
        bundles = [row.bundle_id for row in rows if row.bundle_id is not None]
        joined = await stored_bundles.together_with(tx, bundles) if bundles else {}
        claimed += await claim(
            tx, list(dict.fromkeys([*(row.id for row in rows), *joined])), run_id, provider
        )
        if bundles:
            await stored_bundles.leave_behind(tx, bundles)
    return claimed


async def settle_all(
    tx: Transaction,
    rows: Sequence[Notification],
    result: Receipt | NotifierError | LostAnswer,
    terms: Terms,
) -> None:
    """Write what became of an attempt that told all of these; the first was its subject."""
    if isinstance(result, NotifierError) and (kind := channel_troubles.kind_of(result)):
        await channel_troubles.begin(tx, rows[0], terms.address, kind, result.detail)
    elif isinstance(result, Receipt) and terms.was_refused:
        await channel_troubles.end(tx, rows[0], terms.address)
    await settle(tx, rows[0], result, terms)
    if len(rows) == 1:
        return
    first = await incidents.get(tx, rows[0].incident_id or "")
    together = f"Told together with #{first.number}." if first else "Told together with another."
    if isinstance(result, Receipt):
        result = Receipt(provider_id="", detail=together)
    for row in rows[1:]:
        await settle(tx, row, result, terms)


async def settle(
    tx: Transaction,
    row: Notification,
    result: Receipt | NotifierError | LostAnswer,
    terms: Terms = Terms(),  # noqa: B008 - frozen
) -> None:
    """Write what became of an attempt, and let the escalation go on if nobody can be reached any more."""
    was_taken = row.sent_at is not None
    if isinstance(result, Receipt):
        outcome, detail = _accepted(row, result, tx.now)
    elif isinstance(result, LostAnswer):
        outcome, detail = _lost(row, result, tx.now)
    else:
        outcome, detail = _refused(row, result, tx.now, terms)
    if not await sending.settle(tx, row, outcome, detail):
        return
    if isinstance(result, NotifierError) and result.reason is Reason.GONE:
        await ways.lost(tx, row)
    await slo.page_ended(tx, row, was_taken=was_taken)
    await reachability.settled(tx, row, detail)
    await ended(tx, row, detail)


async def ended(tx: Transaction, row: Notification, detail: str) -> None:
    """Tell everybody who looks what became of it; a page that was not accepted makes the next one go."""
    # That followers heard of it is no news of the incident's; that they did not, somebody should know.
    quiet = row.is_silent or (row.kind is NotificationKind.FOLLOW and row.status is NotificationStatus.SENT)
    if row.incident_id is not None and row.due_at is None and not quiet:
        await _tell(tx, row, detail)
    if row.team_id is not None:
        # A code or a link is between us and one person: an event without a team is heard by everybody.
        tx.emit(
            Event(
                type="notification.updated",
                organization_id=row.organization_id,
                team_id=row.team_id,
                incident_id=row.incident_id,
                data={"id": row.id, "status": row.status, "channel": row.channel, "kind": row.kind},
            )
        )


def _accepted(row: Notification, receipt: Receipt, now: Instant) -> tuple[str, str]:
    row.status, row.due_at, row.sent_at = NotificationStatus.SENT, None, now
    row.provider_id, row.failure_reason = receipt.provider_id or None, None
    return "sent", receipt.detail


def _lost(row: Notification, lost: LostAnswer, now: Instant) -> tuple[str, str]:
    row.status = NotificationStatus.UNKNOWN
    row.due_at = None if row.possible_repeat else now + UNKNOWN_WAIT
    row.failure_reason = str(lost)
    return "unknown", str(lost)


_SOMEBODY_WAITS = (NotificationKind.PAGE, NotificationKind.TEST)
"""What has failed after the channel's tries; everything else is tried until its time is over."""


def _refused(row: Notification, error: NotifierError, now: Instant, terms: Terms) -> tuple[str, str]:
    row.failure_reason = str(error)
    # After a lost answer the message may have arrived, whatever this attempt says: it stays marked.
    row.status = NotificationStatus.UNKNOWN if error.is_in_doubt else NotificationStatus.PENDING
    if terms.elsewhere is not None:
        row.provider, row.due_at = terms.elsewhere, now
        return "retry", str(error)
    again = retry_at(-(-row.attempts // terms.providers), now, error.retry_after)
    is_page = row.kind is NotificationKind.PAGE
    # Credentials are mended within hours: news waits for it, a page does not.
    hopeless = error.permanent and (is_page or error.reason is not Reason.AUTH_FAILED)
    spent = (
        row.kind in _SOMEBODY_WAITS
        and row.attempts >= terms.tries * terms.providers
        and error.reason is not Reason.RATE_LIMITED
    )
    if hopeless or spent or again > row.give_up_at:
        row.status, row.due_at = NotificationStatus.FAILED, None
        return "failed", str(error)
    row.due_at = again
    if not (error.is_in_doubt or row.possible_repeat) and row.sent_at is None:
        row.provider = 0
    return "retry", str(error)


async def give_up(tx: Transaction, row: Notification, why: str) -> None:
    """It waited for a provider that did not come back, until its time was over."""
    row.failure_reason = f"Given up: the provider took nothing until then. {why}".rstrip()
    if not await sending.give_up(tx, row):
        return
    if row.status is NotificationStatus.PENDING:
        row.status = NotificationStatus.FAILED
    row.due_at = None
    await slo.page_ended(tx, row, was_taken=row.sent_at is not None)
    await ended(tx, row, why)


_WHAT = {
    NotificationKind.PAGE: "Page",
    NotificationKind.UPDATE: "Update",
    NotificationKind.NOTICE: "Notice",
    NotificationKind.TEST: "Test",
    NotificationKind.CODE: "Code",
    NotificationKind.LINK: "Link",
    NotificationKind.FOLLOW: "News",
    NotificationKind.HANDOFF: "Handoff",
    NotificationKind.DIGEST: "Digest",
}
_NOT_ACCEPTED = (NotificationStatus.FAILED, NotificationStatus.UNKNOWN)
_OUTCOME = {
    NotificationStatus.SENT: "sent",
    NotificationStatus.FAILED: "failed",
    NotificationStatus.UNKNOWN: "sent, but no answer came",
}


async def _tell(tx: Transaction, row: Notification, detail: str) -> None:
    """The end of a message in the incident's timeline; a page that failed may hurry the ladder on."""
    incident = await incidents.get(tx, row.incident_id or "")
    if incident is None:
        return
    work = Work(tx)
    failed = row.status is NotificationStatus.FAILED
    work.tell(
        incident,
        "notification",
        SYSTEM,
        what=_WHAT[row.kind],
        who=await _called(tx, row, incident),
        channel=row.channel,
        outcome=_OUTCOME.get(row.status, row.status) + (f" ({detail})" if failed and detail else ""),
        status=row.status,
        notificationId=row.id,
    )
    if row.kind is NotificationKind.PAGE and row.status in _NOT_ACCEPTED:
        await going_on.after(work, incident, row)
    await work.flush()


async def _called(tx: Transaction, row: Notification, incident: Incident) -> str:
    """Whom a message went to, as everybody in the incident's team may know: no address, and nothing of another team."""
    if row.channel_id is not None:
        found = await channels.by_ids(tx, [row.channel_id])
        if not found:
            return "a channel that is gone"
        return found[0].name if found[0].team_id == incident.team_id else HIDDEN[TargetType.CHANNEL]
    names = await recipients.names(tx, [row.user_id]) if row.user_id else {}
    return names.get(row.user_id or "", "a person who is gone")


async def give_back(tx: Transaction, rows: Sequence[Notification]) -> None:
    """These did not leave, as the claim was not sure any more: if they are wanted still, they are claimed anew."""
    for row in rows:
        await sending.give_back(tx, row)


async def recover(
    tx: Transaction, run_id: str, claimed_before: Instant, answered: Collection[str] = ()
) -> int:
    """Messages whose sender is gone: nobody knows whether they left, so they go out once more, marked.

    Not those in `answered`: what became of them is known here and about to be recorded.
    """
    found = await sending.abandoned(tx, run_id, claimed_before)
    lost = [row for row in found if row.id not in answered]
    for row in lost:
        if await sending.give_up_claim(tx, row) and sending.is_last_claim(row, tx.now):
            row.status, row.due_at = NotificationStatus.UNKNOWN, None
            await slo.page_ended(tx, row, was_taken=row.sent_at is not None)
            await ended(tx, row, "")
    return len(lost)
