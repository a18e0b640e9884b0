"""The status page of `openalert demo`: three months of a shop's history, and a morning on which something is wrong."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from openalert.cli import demo_readers
from openalert.domain.incident import Phase
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.domain.status_page import Automation, ComponentStatus, PublicStatus, Theme
from openalert.storage.transaction import Transaction
from openalert.usecases import (
    access,
    incidents,
    manual_alerts,
    status_automation,
    status_components,
    status_incidents,
    status_pages,
    status_postmortems,
    status_updates,
)

INVESTIGATING, IDENTIFIED = PublicStatus.INVESTIGATING, PublicStatus.IDENTIFIED
MONITORING, RESOLVED = PublicStatus.MONITORING, PublicStatus.RESOLVED
OPERATIONAL, DEGRADED = ComponentStatus.OPERATIONAL, ComponentStatus.DEGRADED_PERFORMANCE
PARTIAL, MAJOR = ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.MAJOR_OUTAGE

SLUG = "acme"
SINCE_DAYS = 94
"""The page is older than its bars, so that they are full."""
ALONE = ""
"""The group of components in none."""


class Part(NamedTuple):
    """A component, in its group, with how many days there has been such a thing."""

    group: str
    name: str
    description: str = ""
    days: int = SINCE_DAYS


class Said(NamedTuple):
    """One update, so many minutes after the beginning, with how components were from then on."""

    after: int
    status: PublicStatus
    message: str
    components: Mapping[str, ComponentStatus] = {}


class Told(NamedTuple):
    """An incident that is over: so many days ago, at this minute of the day."""

    days: int
    minute: int
    title: str
    said: Sequence[Said]
    postmortem: str = ""


class Planned(NamedTuple):
    """A maintenance: announced some days before it begins. Negative `days` lie ahead."""

    days: int
    minute: int
    lasts: int
    title: str
    message: str
    components: Sequence[str]
    announced: int = 5


PARTS = (
    Part(ALONE, "Website", "What visitors see: catalogue, articles, help pages."),
    Part("Shop", "Search", "Finding products by words and filters."),
    Part("Shop", "Checkout", "Carts and orders."),
    Part("Shop", "Payments", "Cards, wallets and bank transfers."),
    Part("For developers", "REST API", "Orders, products and customers for your own programs."),
    Part("For developers", "Webhooks", "What we tell your systems when an order changes.", 52),
    Part("Back office", "Reports"),
    Part("Back office", "Exports", "Files for bookkeeping, every night."),
)

PAST = (
    Told(
        86,
        8 * 60 + 40,
        "Search results come late",
        (
            Said(
                0,
                INVESTIGATING,
                "Searches take several seconds. We are looking for the cause.",
                {"Search": DEGRADED},
            ),
            Said(35, IDENTIFIED, "An index is being rebuilt on too few machines. We are adding more."),
            Said(118, RESOLVED, "The index is complete and searches are as fast as before."),
        ),
    ),
    Told(
        63,
        17 * 60 + 12,
        "Card payments are declined",
        (
            Said(
                0,
                INVESTIGATING,
                "Most card payments fail. Wallets and bank transfers work.",
                {"Payments": MAJOR},
            ),
            Said(
                14,
                IDENTIFIED,
                "Our connection to the card processor was cut by an expired certificate. We are replacing it.",
            ),
            Said(
                41,
                MONITORING,
                "Cards are taken again. Some banks may still refuse a second attempt; these pass within the hour.",
                {"Payments": PARTIAL},
            ),
            Said(
                96, RESOLVED, "All payments work. **No card was charged twice.**", {"Payments": OPERATIONAL}
            ),
        ),
        "The certificate with which we sign in at the card processor ended at 17:10 UTC. "
        "Our reminder went to the mailbox of a team that no longer exists.\n\n"
        "## What we changed\n\n- Certificates are renewed by a job thirty days before they end.\n"
        "- Its failure pages the team that is on call.\n- Cards fall back to a second processor within a minute.",
    ),
    Told(
        47,
        3 * 60 + 5,
        "Webhooks arrive late",
        (
            Said(
                0,
                INVESTIGATING,
                "Webhooks are sent with a delay of up to 20 minutes.",
                {"Webhooks": DEGRADED},
            ),
            Said(
                22,
                IDENTIFIED,
                "A queue has stopped in one region; its share is not sent at all.",
                {"Webhooks": PARTIAL},
            ),
            Said(84, MONITORING, "The queue runs and works through what has waited.", {"Webhooks": DEGRADED}),
            Said(133, RESOLVED, "Everything that waited was sent, in its order.", {"Webhooks": OPERATIONAL}),
        ),
    ),
    Told(
        31,
        11 * 60 + 51,
        "Website and checkout cannot be reached",
        (
            Said(
                0,
                INVESTIGATING,
                "Our site does not answer. We are on it.",
                {"Website": MAJOR, "Checkout": MAJOR, "REST API": PARTIAL},
            ),
            Said(9, IDENTIFIED, "A change of our load balancer was wrong. We are taking it back."),
            Said(
                17,
                MONITORING,
                "The change is taken back and the site answers again.",
                {"Website": OPERATIONAL, "Checkout": DEGRADED, "REST API": OPERATIONAL},
            ),
            Said(
                52,
                RESOLVED,
                "Carts from before the outage are there again. We are sorry.",
                {"Checkout": OPERATIONAL},
            ),
        ),
    ),
    Told(
        19,
        5 * 60 + 30,
        "Nightly exports are incomplete",
        (
            Said(
                0,
                IDENTIFIED,
                "Last night's exports end at 02:00. We are writing them anew.",
                {"Exports": DEGRADED},
            ),
            Said(245, RESOLVED, "All files are complete; please download those of last night again."),
        ),
    ),
    Told(
        6,
        13 * 60 + 22,
        "Errors in the REST API",
        (
            Said(0, INVESTIGATING, "About one request in ten fails with `503`.", {"REST API": PARTIAL}),
            Said(16, IDENTIFIED, "One of our database replicas answers too slowly. We are taking it out."),
            Said(
                38,
                RESOLVED,
                "The replica is replaced. Requests that failed may be sent again.",
                {"REST API": OPERATIONAL},
            ),
        ),
    ),
)

MAINTENANCES = (
    Planned(
        74,
        2 * 60,
        90,
        "New machines for the database",
        "Orders can be placed all the time; reports pause for a moment.",
        ("Reports", "Exports"),
    ),
    Planned(
        12,
        4 * 60,
        45,
        "Upgrade of the payment gateway",
        "Payments are taken by a second gateway meanwhile and may be confirmed a little later.",
        ("Payments",),
    ),
    Planned(
        -3,
        3 * 60,
        120,
        "Move to a larger search cluster",
        "Searches work all the time; new products may take up to ten minutes to be found.",
        ("Search",),
    ),
)

STARTED = 47 * MINUTE
"""How long the incident that is open has been so when the demo begins."""


async def set_up(tx: Transaction, *, team_id: str, service_id: str, user_id: str) -> None:
    """The page of this team, told by this person as it happened: the transaction's time goes along the story.

    Checkout belongs to the service, whose incident is what customers are being told of; one update waits as a draft.
    """
    now, program = tx.now, tx.actor
    tx.actor = await access.acting(tx, user_id) or program
    tx.now = now - SINCE_DAYS * DAY
    page = await status_pages.create(
        tx,
        team_id=team_id,
        name="Acme Shop",
        slug=SLUG,
        description="How the shop and its interfaces are, from those who run them.",
        header_text="Orders that you have placed are safe, whatever is written below.",
        support_url="https://help.demo.example",
        theme=Theme(accent="#0f766e"),
    )
    parts = await _parts(tx, page.id, service_id, now)
    stories: list[Told | Planned] = [*PAST, *MAINTENANCES]
    for each in sorted(stories, key=lambda each: each.days, reverse=True):
        if isinstance(each, Told):
            await _tell(tx, page.id, parts, each, now)
        else:
            await _plan(tx, page.id, parts, each, now)
    await _begin(tx, page.id, service_id, parts, now)
    await demo_readers.set_up(tx, page.id, parts, now)
    tx.now, tx.actor = now, program


async def _parts(tx: Transaction, page_id: str, service_id: str, now: Instant) -> dict[str, str]:
    """The components; the id of each by its name."""
    groups: dict[str, str | None] = {ALONE: None}
    made: dict[str, str] = {}
    for part in PARTS:
        if part.group not in groups:
            groups[part.group] = (await status_components.add_group(tx, page_id, name=part.group)).id
    for part in sorted(PARTS, key=lambda part: -part.days):
        tx.now = now - part.days * DAY
        follows = part.name == "Checkout"
        component = await status_components.add_component(
            tx,
            page_id,
            name=part.name,
            position=PARTS.index(part) + 1,
            description=part.description,
            group_id=groups[part.group],
            service_id=service_id if follows else None,
            automation=Automation.PROPOSE if follows else Automation.OFF,
        )
        made[part.name] = component.id
    return made


async def _tell(tx: Transaction, page_id: str, parts: Mapping[str, str], story: Told, now: Instant) -> None:
    """An incident from its first update to its last, and what was learned a day later."""
    began = _day(now, story.days) + story.minute * MINUTE
    incident_id = ""
    for said in story.said:
        tx.now = began + said.after * MINUTE
        about = _named(parts, said.components)
        if incident_id:
            await status_incidents.post(
                tx, incident_id, status=said.status, message=said.message, components=about
            )
        else:
            made = await status_incidents.create(
                tx, page_id, title=story.title, message=said.message, status=said.status, components=about
            )
            incident_id = made.incident.id
    if story.postmortem:
        tx.now += DAY
        await status_postmortems.publish(tx, incident_id, text=story.postmortem)


async def _plan(tx: Transaction, page_id: str, parts: Mapping[str, str], plan: Planned, now: Instant) -> None:
    """A maintenance as it was announced; one that lies behind has begun and ended by itself."""
    begins = _day(now, plan.days) + plan.minute * MINUTE
    ends = begins + plan.lasts * MINUTE
    tx.now = begins - plan.announced * DAY
    made = await status_incidents.create(
        tx,
        page_id,
        title=plan.title,
        message=plan.message,
        components=dict.fromkeys(parts[name] for name in plan.components),
        scheduled_for=begins,
        scheduled_until=ends,
    )
    for at in (begins, ends):
        if at < now:
            tx.now = at
            await status_incidents.advance(tx, made.incident.id)


async def _begin(
    tx: Transaction, page_id: str, service_id: str, parts: Mapping[str, str], now: Instant
) -> None:
    """What is wrong now: inside an incident of the service, outside what customers are told of it."""
    tx.now = now - STARTED
    alert = await manual_alerts.create(
        tx,
        service_id=service_id,
        title="Orders wait for payment-db-2",
        severity=Severity.MEDIUM,
        description="p95 of POST /orders is above 4 s; payment-db-2 has 380 waiting connections.",
    )
    internal_id = str(alert.incident_id)
    tx.now += 2 * MINUTE
    await incidents.acknowledge(tx, internal_id)
    told = await status_automation.propose(tx, page_id, internal_id)
    tx.now += 3 * MINUTE
    await status_incidents.change(
        tx,
        told.incident.id,
        title="Checkout is slow",
        components=_named(parts, {"Checkout": DEGRADED, "Payments": DEGRADED}),
    )
    await status_updates.publish(
        tx,
        told.updates[0].id,
        message="Placing an order takes up to ten seconds. Orders go through; **please do not send them twice**.",
    )
    tx.now += 16 * MINUTE
    await incidents.edit(tx, internal_id, phase=Phase.IDENTIFIED)
    await status_incidents.post(
        tx,
        told.incident.id,
        status=IDENTIFIED,
        message="One of our databases has too many connections waiting. We are moving orders to another one.",
        components=_named(parts, {"Payments": OPERATIONAL}),
    )
    tx.now += 20 * MINUTE
    await incidents.edit(tx, internal_id, phase=Phase.MONITORING)
    await status_automation.carry_on(tx, page_id, internal_id)


def _named(parts: Mapping[str, str], statuses: Mapping[str, ComponentStatus]) -> dict[str, ComponentStatus]:
    return {parts[name]: status for name, status in statuses.items()}


def _day(now: Instant, days: int) -> Instant:
    """Midnight in UTC, so many days ago."""
    return now - now % DAY - days * DAY
