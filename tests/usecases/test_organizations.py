"""Several organizations on one installation, as the commands on the machine make and use them."""

import pytest

from openalert.domain.errors import Conflict, Invalid
from openalert.storage import Database
from openalert.usecases import console

pytestmark = pytest.mark.anyio


async def test_with_one_organization_no_command_asks_for_it(db: Database) -> None:
    """It is made with the first person, and every command means it."""
    await console.user_add(db, email="ana@acme.example", name="Ana", role="owner")
    await console.token_create(db, name="ci", role="admin")
    assert len(await console.organization_list(db)) == 1
    assert len(await console.user_list(db)) == 1


async def test_a_second_organization_is_a_world_of_its_own(db: Database) -> None:
    """Commands then want to know which; people, keys and services of one are not there for the other."""
    await console.user_add(db, email="ana@acme.example", name="Ana", role="owner")
    await console.organization_add(db, name="Globex", owner="zoe@globex.example", owner_name="Zoe")
    with pytest.raises(Invalid, match="--organization: My organization, Globex"):
        await console.user_list(db)
    assert await console.user_list(db, organization="globex") == ["zoe@globex.example\towner\tZoe"]
    await console.token_create(db, name="theirs", role="admin", organization="Globex")
    assert await console.token_list(db, organization="My organization") == []
    (key,) = await console.token_list(db, organization="Globex")
    assert await console.token_revoke(db, key_id=key.split("\t")[0])
    assert await console.token_list(db, organization="Globex") == []
    assert (
        "changed"
        in (await console.user_passwd(db, email="zoe@globex.example", password="a long password 7"))[0]
    )
    with pytest.raises(Conflict):
        await console.organization_add(db, name="GLOBEX", owner="b@globex.example", owner_name="B")
    with pytest.raises(Invalid, match="no organization"):
        await console.user_list(db, organization="Initech")
