"""Inviting people, and links to new passwords: as they are meant, and as they are not."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from openalert.domain import link
from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.invitation import Invitation
from openalert.domain.notification import NotificationKind
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import Database, contact_methods, teams, users
from openalert.usecases import invitations, links, passwords, signin
from openalert.usecases import password_resets as resets
from openalert.usecases import users as people
from openalert.usecases.signin import Browser, Opened
from tests import make
from tests.cast import LINKS_BACK, World

pytestmark = pytest.mark.anyio
SECRET = b"a secret of thirty-two characters"
BROWSER = Browser(address="192.0.2.1", user_agent="test")
PASSWORD = "four unrelated plain words"


@pytest.fixture
async def world(db: Database, clock: Any) -> World:
    """The small world, on both databases."""
    return await World.build(db, clock)


async def invited(world: World, by: User | None = None, **options: Any) -> Invitation:
    """An invitation of Kim, by Alice unless told otherwise."""
    chosen = {"email": "kim@example.org", "by_mail": False} | options
    async with world.db.transaction(world.as_(by or world.alice)) as tx:
        return await invitations.create(tx, **chosen)


def token_of(invitation: Invitation) -> str:
    """What its link ends in."""
    return link.sign(SECRET, links.of_invitation(invitation))


async def accept(world: World, token: str, password: str = PASSWORD) -> Any:
    """What pressing the button does."""
    return await invitations.accept(
        world.db, SECRET, token, name="Kim Lee", timezone="Asia/Seoul", password=password, browser=BROWSER
    )


async def test_an_invited_person_joins_with_role_team_and_address(world: World) -> None:
    """They choose name, zone and password, are signed in, reachable, in their team; the link is used up."""
    made = await invited(world, role=Role.VIEWER, team_roles={world.core.id: Role.MEMBER})
    opened = await accept(world, token_of(made))
    assert isinstance(opened, Opened)
    assert (opened.actor.name, opened.actor.role) == ("Kim Lee", Role.VIEWER)
    assert opened.actor.teams == {world.core.id: Role.MEMBER}
    async with world.db.read() as reader:
        kim = await users.by_email_key(reader, "kim@example.org")
        assert kim is not None
        [method] = await contact_methods.of_user(reader, kim.id)
        assert await invitations.page(reader, world.as_(world.alice), limit=10) == []
    assert kim.timezone == "Asia/Seoul"
    assert method.verified_at is not None
    assert await passwords.verify(kim.password_hash, PASSWORD)
    with pytest.raises(NotFound):
        await accept(world, token_of(made))


async def test_the_mail_carries_the_link_and_nothing_else_does(world: World) -> None:
    """One button below the configured address; the row that waits in the database cannot be used to get in."""
    made = await invited(world, by_mail=True)
    async with world.db.read() as reader:
        stored = str([tuple(row) for row in await reader.rows("SELECT * FROM notifications")])
        stored += str([tuple(row) for row in await reader.rows("SELECT * FROM invitations")])
    token = link.sign(LINKS_BACK.secret, links.of_invitation(made))
    assert token.partition(".")[2] not in stored
    await world.advance(seconds=1)
    [message] = world.email.received
    world.email.received.clear()
    assert (message.kind, message.to) == (NotificationKind.LINK, "kim@example.org")
    assert [action.url for action in message.actions] == [f"{LINKS_BACK.base_url}/invitation/{token}"]


async def test_a_failing_mail_server_delays_an_invitation(world: World) -> None:
    """It is tried again for as long as the link holds, and arrives hours later."""
    await invited(world, by_mail=True)
    refusals = [NotifierError(Reason.UNREACHABLE, "no route") for _ in range(20)]

    def behave(message: Message) -> Receipt:
        if refusals:
            raise refusals.pop()
        return Receipt(provider_id="delivered")

    world.email.behave = behave
    await world.advance(minutes=8 * 60)
    assert len(world.email.received) == 1
    world.email.received.clear()


async def test_a_withdrawn_invitation_is_neither_sent_nor_accepted(world: World) -> None:
    """Withdrawn before the mail left; sending again makes the link before void."""
    made = await invited(world, by_mail=True)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await invitations.withdraw(tx, made.id)
    await world.advance(minutes=1)
    assert world.email.received == []
    with pytest.raises(NotFound):
        await accept(world, token_of(made))
    first = await invited(world)
    world.clock.advance(MINUTE)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        second = await invitations.resend(tx, first.id, by_mail=False)
    with pytest.raises(NotFound):
        await accept(world, token_of(first))
    await accept(world, token_of(second))


async def test_an_invitation_lasts_three_days(world: World) -> None:
    """To the second; then it opens nothing."""
    made = await invited(world)
    world.clock.advance(72 * HOUR - 1)
    async with world.db.read() as reader:
        await invitations.opened(reader, SECRET, token_of(made))
    world.clock.advance(1)
    with pytest.raises(NotFound):
        await accept(world, token_of(made))


async def test_a_link_cannot_be_made_up(world: World) -> None:
    """Another secret, another row, another purpose, a bent tag, nonsense: all the same answer."""
    made = await invited(world)
    other = await invited(world, email="other@example.org")
    good = token_of(made)
    claims = links.of_invitation(made)
    for token in (
        link.sign(b"another secret", claims),
        f"{other.id}.{good.partition('.')[2]}",
        link.sign(SECRET, msgspec.structs.replace(claims, purpose=link.Purpose.RESET)),
        link.sign(SECRET, msgspec.structs.replace(claims, expires_at=claims.expires_at + 1)),
        good[:-1],
        good + "A",
        made.id,
        f"{made.id}.",
        "",
        ".",
        "\ud800.\ud800",
        "x" * 5000,
    ):
        with pytest.raises(NotFound):
            await accept(world, token)
    async with world.db.read() as reader:
        with pytest.raises(NotFound):
            await resets.opened(reader, SECRET, good)


async def test_of_two_who_accept_at_once_one_joins(world: World) -> None:
    """The other finds no invitation, and nobody is there twice."""
    token = token_of(await invited(world))
    outcomes = await asyncio.gather(*(accept(world, token) for _ in range(3)), return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {Opened: 1, NotFound: 2}
    async with world.db.read() as reader:
        assert await reader.value("SELECT count(*) FROM users WHERE email_key = 'kim@example.org'") == 1


async def test_a_weak_password_does_not_use_the_link_up(world: World) -> None:
    """The person tries again with a better one; their own name or address is refused too."""
    token = token_of(await invited(world))
    for weak in ("short", "kim@example.org1", "password1234", "Kim Lee Kim Lee"):
        with pytest.raises(Invalid):
            await accept(world, token, weak)
    await accept(world, token)


async def test_only_those_may_invite_who_may_give_what_they_give(world: World) -> None:
    """Members invite nobody, admins make no owners, no team of strangers, no known address, none twice."""
    with pytest.raises(Forbidden):
        await invited(world, by=world.bob)
    dora = await make.user(world.db, world.cast.organization, "Dora", Role.ADMIN)
    with pytest.raises(Forbidden):
        await invited(world, by=dora, role=Role.OWNER)
    with pytest.raises(Conflict):
        await invited(world, email="BOB@example.org")
    with pytest.raises(Invalid):
        await invited(world, team_roles={"unknown": Role.MEMBER})
    elsewhere = await make.organization(world.db, "Elsewhere")
    foreign = await make.team(world.db, elsewhere, "Foreign")
    with pytest.raises(Invalid):
        await invited(world, team_roles={foreign.id: Role.MEMBER})
    made = await invited(world)
    with pytest.raises(Conflict):
        await invited(world, email="KIM@example.org")
    eve = await make.user(world.db, elsewhere, "Eve", Role.OWNER)
    for act in (invitations.withdraw, lambda tx, one: invitations.resend(tx, one, by_mail=False)):
        for actor, error in ((make.actor(eve), NotFound), (world.as_(world.bob), Forbidden)):
            with pytest.raises(error):
                async with world.db.transaction(actor) as tx:
                    await act(tx, made.id)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.MEMBER}])
async def test_whoever_left_lets_nobody_in(world: World, change: dict[str, Any]) -> None:
    """An admin's invitation ends with the admin's rights; a colleague sends it again."""
    dora = await make.user(world.db, world.cast.organization, "Dora", Role.ADMIN)
    made = await invited(world, by=dora)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await people.update(tx, dora.id, **change)
    with pytest.raises(NotFound):
        await accept(world, token_of(made))
    async with world.db.transaction(world.as_(world.alice)) as tx:
        again = await invitations.resend(tx, made.id, by_mail=False)
    await accept(world, token_of(again))


async def test_a_team_that_is_gone_does_not_keep_anybody_out(world: World) -> None:
    """They join the others, and the organization."""
    gone = await make.team(world.db, world.cast.organization, "Gone")
    made = await invited(world, team_roles={gone.id: Role.MEMBER, world.core.id: Role.MEMBER})
    async with world.db.transaction() as tx:
        await teams.delete(tx, gone.id)
    assert (await accept(world, token_of(made))).actor.teams == {world.core.id: Role.MEMBER}


async def test_everything_about_an_invitation_is_audited(world: World) -> None:
    """Who invited, sent again, withdrew, and who came by it; never what the link holds."""
    made = await invited(world)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        again = await invitations.resend(tx, made.id, by_mail=False)
    token = token_of(again)
    await accept(world, token)
    async with world.db.read() as reader:
        rows = await reader.rows("SELECT act, actor_name, address FROM audit_log ORDER BY seq")
        everything = str([tuple(row) for row in await reader.rows("SELECT * FROM audit_log")])
    told = [tuple(row) for row in rows]
    assert ("invitation.created", "Alice", "") in told
    assert ("invitation.sent_again", "Alice", "") in told
    assert ("invitation.accepted", "Kim Lee", "192.0.2.1") in told
    assert ("user.signed_in", "Kim Lee", "192.0.2.1") in told
    assert token.partition(".")[2] not in everything


async def reset_token(world: World, user: User) -> str:
    """The token of a fresh link to a new password, made by Alice."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await resets.send(tx, user.id, by_mail=False)
    return link.sign(SECRET, links.of_reset(made, user))


async def finish(world: World, token: str, password: str = PASSWORD) -> User:
    """What pressing the button does."""
    return await resets.finish(world.db, SECRET, token, password=password, browser=BROWSER)


async def test_a_forgotten_password_comes_back_by_mail(world: World) -> None:
    """The link sets a new password once, ends every session, and every other such link."""
    async with world.db.transaction() as tx:
        session = await signin.open_session(tx, world.bob.id, address="", user_agent="")
    other = await reset_token(world, world.bob)
    await resets.request(world.db, email=" BOB@example.org", browser=BROWSER)
    await world.advance(seconds=1)
    [message] = world.email.received
    world.email.received.clear()
    token = message.actions[0].url.rpartition("/")[2]
    assert message.actions[0].url.startswith(f"{LINKS_BACK.base_url}/reset/")
    user = await resets.finish(world.db, LINKS_BACK.secret, token, password=PASSWORD, browser=BROWSER)
    assert user.id == world.bob.id
    async with world.db.read() as reader:
        assert await signin.actor_for_session(reader, session) is None
    for used in (token, other):
        with pytest.raises(NotFound):
            await finish(world, used)
    opened = await signin.sign_in(world.db, email="bob@example.org", password=PASSWORD, browser=BROWSER)
    assert isinstance(opened, Opened)


async def test_nobody_learns_who_is_here(world: World) -> None:
    """An unknown address, one switched off and a known one: no error, no mail but to the known one."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await people.deactivate(tx, world.charlie.id)
    for email in ("nobody@example.org", "charlie@example.org", "not an address", ""):
        await resets.request(world.db, email=email, browser=BROWSER)
    await world.advance(minutes=1)
    assert world.email.received == []


async def test_colleagues_do_not_hear_of_a_link_that_is_sent(world: World) -> None:
    """A forgotten password and an invitation are mailed; live listeners of the organization are told of neither."""
    await invited(world, by_mail=True)
    await resets.request(world.db, email="bob@example.org", browser=BROWSER)
    await world.advance(minutes=1)
    assert len(world.email.received) == 2
    assert await world.value("SELECT count(*) FROM events") == 0


async def test_a_link_to_a_new_password_ends_early(world: World) -> None:
    """After half an hour, with another address, with another password, for somebody switched off."""
    alice = world.as_(world.alice)
    hashed = await passwords.hash_password(PASSWORD)
    async with world.db.transaction(alice) as tx:
        await people.set_password(tx, world.bob.id, hashed)
    token = await reset_token(world, world.bob)
    world.clock.advance(30 * MINUTE)
    with pytest.raises(NotFound):
        await finish(world, token)
    for change in ("address", "password", "off"):
        async with world.db.read() as reader:
            bob = await people.get(reader, alice, world.bob.id)
        token = await reset_token(world, bob)
        async with world.db.transaction(alice) as tx:
            if change == "address":
                await people.update(tx, bob.id, email="robert@example.org")
            elif change == "password":
                await people.set_password(tx, bob.id, hashed)
            else:
                await people.deactivate(tx, bob.id)
        with pytest.raises(NotFound):
            await finish(world, token)


async def test_of_two_new_passwords_at_once_one_counts(world: World) -> None:
    """The other finds no link."""
    token = await reset_token(world, world.bob)
    outcomes = await asyncio.gather(
        finish(world, token, "first unrelated words"),
        finish(world, token, "second unrelated words"),
        return_exceptions=True,
    )
    assert Counter(type(outcome) for outcome in outcomes) == {User: 1, NotFound: 1}


async def test_only_managers_make_links_for_others(world: World) -> None:
    """Not a colleague, not for somebody above, not for somebody switched off."""
    dora = await make.user(world.db, world.cast.organization, "Dora", Role.ADMIN)
    for who, whom in ((world.bob, world.charlie), (dora, world.alice)):
        with pytest.raises(Forbidden):
            async with world.db.transaction(world.as_(who)) as tx:
                await resets.send(tx, whom.id, by_mail=False)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await people.deactivate(tx, world.charlie.id)
    with pytest.raises(Conflict):
        await reset_token(world, world.charlie)


async def test_an_invitation_is_void_once_its_address_is_here(world: World) -> None:
    """Made by an admin or by single sign-on meanwhile: nobody joins twice, and the list does not wait for them."""
    made = await invited(world)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await people.create(tx, email="KIM@example.org", name="Kim")
        assert await invitations.page(tx, tx.actor, limit=10) == []
    with pytest.raises(NotFound):
        await accept(world, token_of(made))


async def test_a_first_password_has_three_days(world: World) -> None:
    """Whoever was added without one gets a welcome; whoever has one, half an hour."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await resets.send(tx, world.bob.id, by_mail=True)
    await world.advance(seconds=1)
    message = world.email.received.pop()
    assert message.headline == "Welcome to Acme on OpenAlert"
    token = message.actions[0].url.rpartition("/")[2]
    world.clock.advance(71 * HOUR)
    await resets.finish(world.db, LINKS_BACK.secret, token, password=PASSWORD, browser=BROWSER)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made = await resets.send(tx, world.bob.id, by_mail=False)
    assert made.expires_at - made.created_at == 30 * MINUTE


@pytest.mark.parametrize(
    "address",
    [
        "bob@example.org",
        "BOB@Example.ORG",
        " bob@example.org ",
        "\uff42ob@example.org",
        "bob@example\uff0eorg",
    ],
)
async def test_one_address_is_one_person(world: World, address: str) -> None:
    """However it is spelt: capitals, wide letters, another kind of dot."""
    with pytest.raises(Conflict):
        async with world.db.transaction(world.as_(world.alice)) as tx:
            await people.create(tx, email=address, name="Not Bob")
