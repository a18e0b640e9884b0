"""JSON of the ways to reach a person: contact methods, and whether a page would arrive by them."""

from datetime import datetime

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.reachability import MethodState, Reachability, ReachState
from openalert.domain.user import ContactMethod
from openalert.storage.database import Database
from openalert.usecases import contact_methods, reachability
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import Page


class ContactMethodOut(Output):
    """A way to reach a person; until it is verified it gets nothing but its code."""

    id: str
    user_id: str
    type: str
    address: str
    label: str
    verified_at: datetime | None
    created_at: datetime


class MethodReachOut(Output):
    """One way to reach a person, and how it stands."""

    contact_method_id: str
    type: str
    address: str
    label: str
    state: MethodState
    proven_at: datetime | None
    failing_since: datetime | None
    last_failure: str | None


class ReachabilityOut(Output):
    """Whether a page would arrive; `methods` is filled for the person and for admins."""

    user_id: str
    state: ReachState
    ways: int
    weakest_point: str
    methods: list[MethodReachOut]


class ContactMethodIn(Input):
    """A new way to reach a person."""

    type: str
    address: str


class VerifyIn(Input):
    """The code that came by the contact method; without it a new one is sent."""

    code: str | None = None


class TestOut(Output):
    """The notification that carries a test; `/notifications` tells what becomes of it."""

    notification_id: str


def show_method(method: ContactMethod) -> ContactMethodOut:
    """A contact method as it is answered."""
    return ContactMethodOut(
        id=method.id,
        user_id=method.user_id,
        type=method.type,
        address=method.address,
        label=method.label,
        verified_at=moment_or_none(method.verified_at),
        created_at=moment(method.created_at),
    )


def show_reach(user_id: str, reach: Reachability) -> ReachabilityOut:
    """How somebody stands, as it is answered."""
    return ReachabilityOut(
        user_id=user_id,
        state=reach.state,
        ways=reach.ways,
        weakest_point=reach.weakest,
        methods=[
            MethodReachOut(
                contact_method_id=each.id,
                type=each.type,
                address=each.address,
                label=each.label,
                state=each.state,
                proven_at=moment_or_none(each.proven_at),
                failing_since=moment_or_none(each.failing_since),
                last_failure=each.last_failure,
            )
            for each in reach.methods
        ],
    )


@get("/{user_id:str}/reachability", responses=READS)
async def get_reachability(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> ReachabilityOut:
    """Whether a page would arrive at a person, by how many independent ways, and what the weakest point is."""
    async with db.read() as reader:
        return show_reach(user_id, await reachability.of_user(reader, actor, user_id))


@get("/{user_id:str}/contact-methods", responses=READS)
async def list_contact_methods(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> Page[ContactMethodOut]:
    """How a person is reached, in one page; for the person and for admins."""
    async with db.read() as reader:
        return Page(
            items=[show_method(each) for each in await contact_methods.of_user(reader, actor, user_id)]
        )


@post("/{user_id:str}/contact-methods", responses=WRITES)
async def create_contact_method(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[ContactMethodIn],
) -> ContactMethodOut:
    """Add a way to reach a person; unless it is the address of the sign-in, a code is sent to it."""
    async with db.transaction(actor) as tx:
        return show_method(await contact_methods.create(tx, user_id, kind=data.type, address=data.address))


@get("/{user_id:str}/contact-methods/{method_id:str}", responses=READS)
async def get_contact_method(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    method_id: FromPath[str],
) -> ContactMethodOut:
    """One way to reach a person; for the person and for admins."""
    async with db.read() as reader:
        return show_method(await contact_methods.get(reader, actor, user_id, method_id))


@delete("/{user_id:str}/contact-methods/{method_id:str}", responses=WRITES)
async def delete_contact_method(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    method_id: FromPath[str],
) -> None:
    """Forget a way to reach a person; the last verified one stays."""
    async with db.transaction(actor) as tx:
        await contact_methods.delete(tx, user_id, method_id)


@post("/{user_id:str}/contact-methods/{method_id:str}/verify", status_code=200, responses=WRITES)
async def verify_contact_method(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    method_id: FromPath[str],
    data: JSONBody[VerifyIn],
) -> ContactMethodOut:
    """Prove an address by its code; with an empty object a new code is sent, at most one a minute."""
    async with db.transaction(actor) as tx:
        method = await contact_methods.verify(tx, user_id, method_id, data.code)
    if method is None:
        raise contact_methods.wrong_code()
    return show_method(method)


@post("/{user_id:str}/contact-methods/{method_id:str}/test", status_code=202, responses=WRITES)
async def test_contact_method(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    method_id: FromPath[str],
) -> TestOut:
    """Send a test message by a verified contact method."""
    async with db.transaction(actor) as tx:
        return TestOut(notification_id=(await contact_methods.send_test(tx, user_id, method_id)).id)


handlers = [
    get_reachability,
    list_contact_methods,
    create_contact_method,
    get_contact_method,
    delete_contact_method,
    verify_contact_method,
    test_contact_method,
]
