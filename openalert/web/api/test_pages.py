"""JSON `…/test-page`: run somebody's real rules on purpose, as for an incident."""

from datetime import datetime

from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.notification import Notification
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.usecases import test_pages
from openalert.usecases.test_pages import TestPage
from openalert.web.api.wire import WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import Page


class TestPageIn(Input):
    """As for an incident how severe."""

    severity: Severity = Severity.HIGH


class TestMessage(Output):
    """One message of a test page; `/notifications` tells what becomes of it."""

    notification_id: str
    step: int
    channel: str
    contact_method_id: str | None
    due_at: datetime
    held_until: datetime | None


class TestPageOut(Output):
    """What one person gets; without messages, `silent` says why."""

    user_id: str
    name: str
    silent: str | None
    messages: list[TestMessage]


def show(page: TestPage) -> TestPageOut:
    """A test page as it is answered."""
    return TestPageOut(
        user_id=page.user_id,
        name=page.name,
        silent=page.silent or None,
        messages=[_message(each) for each in page.messages],
    )


def _message(row: Notification) -> TestMessage:
    return TestMessage(
        notification_id=row.id,
        step=row.step,
        channel=row.channel,
        contact_method_id=row.contact_method_id,
        due_at=moment(row.due_at or row.created_at),
        held_until=moment_or_none(row.held_until),
    )


def _severity(data: TestPageIn | None) -> Severity:
    return data.severity if data is not None else Severity.HIGH


@post("/users/{user_id:str}/test-page", status_code=202, responses=WRITES, tags=["users"])
async def send_test_page_to_user(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[TestPageIn | None] = None,
) -> TestPageOut:
    """Send a person a test page by their real rules; pressing "I got it" in it proves the way it came by."""
    async with db.transaction(actor) as tx:
        return show(await test_pages.to_user(tx, user_id, _severity(data)))


@post("/schedules/{schedule_id:str}/test-page", status_code=202, responses=WRITES, tags=["schedules"])
async def send_test_page_to_schedule(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[TestPageIn | None] = None,
) -> Page[TestPageOut]:
    """Send a test page to whoever is on call now; nobody: an empty list."""
    async with db.transaction(actor) as tx:
        return Page(
            items=[show(each) for each in await test_pages.to_schedule(tx, schedule_id, _severity(data))]
        )


@post("/teams/{team_id:str}/test-page", status_code=202, responses=WRITES, tags=["teams"])
async def send_test_page_to_team(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    data: JSONBody[TestPageIn | None] = None,
) -> Page[TestPageOut]:
    """Send a test page to every member of the team."""
    async with db.transaction(actor) as tx:
        return Page(items=[show(each) for each in await test_pages.to_team(tx, team_id, _severity(data))])


routes = Router(
    path="/", route_handlers=[send_test_page_to_user, send_test_page_to_schedule, send_test_page_to_team]
)
