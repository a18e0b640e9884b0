"""Organizations: the tenants of one installation, which know nothing of each other."""

from openalert.domain.access import Actor, Permission, Role, program_of
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.team import check_name
from openalert.domain.user import Organization, User
from openalert.storage import organizations
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import users as people
from openalert.usecases.access import found, home, require


async def mine(reader: Reader, actor: Actor) -> Organization:
    """The actor's own organization; everybody in it may know it."""
    return found(await organizations.get(reader, home(actor)), "organization")


def may_change(actor: Actor) -> None:
    """Pass for owners of the organization, or raise Forbidden."""
    require(actor, Permission.OWN, None)


async def rename(tx: Transaction, name: str) -> str:
    """Another name for the organization, by one of its owners; answers the name as it is kept."""
    may_change(tx.actor)
    name = check_name(name)
    before = await mine(tx, tx.actor)
    await organizations.rename(tx, before.id, name)
    audit.record(
        tx,
        "organization.renamed",
        kind="organization",
        id=before.id,
        name=name,
        before={"name": before.name},
        after={"name": name},
    )
    return name


async def add(tx: Transaction, *, name: str, owner_email: str, owner_name: str) -> tuple[Organization, User]:
    """A further organization and its first owner, by a command on the machine, which then acts inside of it."""
    name = check_name(name)
    if any(each.name.casefold() == name.casefold() for each in await organizations.every(tx)):
        raise Conflict(f"There is an organization {name!r} already; choose another name.", field="name")
    made = Organization(id=new_id(tx.now), name=name, created_at=tx.now)
    await organizations.insert(tx, made)
    tx.actor = program_of(made.id, tx.actor)
    audit.record(tx, "organization.created", kind="organization", id=made.id, name=name, after={"name": name})
    owner = await people.create(tx, email=owner_email, name=owner_name, role=Role.OWNER)
    return made, owner


async def choose(reader: Reader, wanted: str | None) -> Organization | None:
    """The organization that a command means, by its name or id; without `wanted` the only one, if any is there.

    Invalid when there are several and none was named, or when there is none of that name.
    """
    every = await organizations.every(reader)
    names = ", ".join(each.name for each in every)
    if wanted is not None:
        for each in every:
            if wanted == each.id or wanted.casefold() == each.name.casefold():
                return each
        raise Invalid(
            f"There is no organization {wanted[:64]!r}; there is: {names or 'none yet'}.",
            field="organization",
        )
    if len(every) > 1:
        raise Invalid(
            f"There are several organizations; say which by --organization: {names}.", field="organization"
        )
    return every[0] if every else None


async def program_in(reader: Reader, wanted: str | None) -> Actor | None:
    """The program inside the organization that a command means; None before there is one."""
    chosen = await choose(reader, wanted)
    return program_of(chosen.id) if chosen else None
