"""`/organization`, and the reset of a colleague's second factor, over HTTP."""

import pyotp
import pytest

from openalert.domain.second_factor import SecondFactorRule
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import second_factors
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


async def enrol(db: Database, user: User) -> None:
    """Give the person an authenticator app."""
    async with db.transaction() as tx:
        begun = await second_factors.begin_totp(tx, user)
        code = pyotp.TOTP(begun.secret).at(tx.now // 1000)
        assert await second_factors.confirm_totp(tx, user, code)


async def test_everybody_knows_the_organization_and_owners_rename_it(
    alice: Client, bob: Client, cast: Cast
) -> None:
    """With its id and its rule; a member is refused, and so is a name that is none."""
    known = (await bob.get("/organization")).json()
    assert (known["id"], known["secondFactor"]) == (cast.organization.id, "optional")
    assert (await bob.patch("/organization", json={"name": "Bobs"})).status_code == 403
    assert (await bob.patch("/organization", json={})).status_code == 403
    assert (await alice.patch("/organization", json={"name": " "})).status_code == 400
    assert (await alice.patch("/organization", json={"name": "Initech"})).json()["name"] == "Initech"
    assert (await bob.get("/organization")).json() == known | {"name": "Initech"}


async def test_a_rule_that_would_lock_its_owner_out_changes_nothing(
    alice: Client, bob: Client, cast: Cast, db: Database
) -> None:
    """Not even the name beside it; with a factor of one's own it holds, and signs those without one out."""
    both = {"name": "Initech", "secondFactor": "everyone"}
    refused = await alice.patch("/organization", json=both)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert (await alice.get("/organization")).json()["name"] == cast.organization.name
    await enrol(db, cast.alice)
    assert (await alice.patch("/organization", json={"secondFactor": "nobody"})).status_code == 400
    answer = await alice.patch("/organization", json=both)
    assert (answer.json()["name"], answer.json()["secondFactor"]) == ("Initech", SecondFactorRule.EVERYONE)
    assert (await bob.get("/organization")).status_code == 401


async def test_an_admin_resets_the_second_factor_of_a_colleague(
    alice: Client, bob: Client, charlie: Client, cast: Cast, db: Database
) -> None:
    """Gone, with every session of the person; not by other members, and not one's own."""
    await enrol(db, cast.bob)
    where = f"/users/{cast.bob.id}/second-factor"
    assert (await charlie.delete(where)).status_code == 403
    assert (await alice.delete(f"/users/{cast.alice.id}/second-factor")).status_code == 409
    assert (await alice.delete(where)).status_code == 204
    async with db.read() as reader:
        assert not (await second_factors.of(reader, cast.bob.id)).any
    assert (await bob.get("/users/me")).status_code == 401
