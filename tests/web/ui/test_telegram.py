"""Connecting Telegram from my own page."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Telegram
from openalert.domain.user import User
from openalert.storage import Database
from tests.cast import World
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/me/contact-methods/telegram"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram."""
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def openalert(sqlite_db: Database, telegram: FakeTelegram) -> OpenAlert:
    """A server with a bot."""
    return OpenAlert(
        Config(telegram=Telegram(bot_token=TOKEN, base_url=telegram.base_url)), sqlite_db, SECRET
    )


async def test_the_link_and_the_code_lead_to_the_bot(world: World, sign_in: SignIn) -> None:
    """One button opens the chat with the code in it; the same code can be typed. Making it is recorded."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/me"), PATH)
    assert page.status == 200
    found = re.search(r"https://t\.me/openalert_test_bot\?start=([A-Z2-9]{12})", page.html)
    assert found is not None
    assert " ".join(re.findall("....", found[1])) in page.text
    assert await world.value("SELECT count(*) FROM chat_codes WHERE user_id = :id", id=world.alice.id) == 1
    assert await world.value("SELECT hash FROM chat_codes") != found[1]
    assert await world.value("SELECT count(*) FROM audit_log WHERE act = 'contact_method.asked'") == 1


async def test_a_telegram_that_is_away_is_said(world: World, sign_in: SignIn, telegram: FakeTelegram) -> None:
    """The code is there all the same, for whoever knows the bot, with Telegram's own words."""
    telegram.answer(502, None, b"Bad Gateway")
    browser = await sign_in(world.alice)
    page = await browser.post(PATH)
    assert "cannot be asked for its name" in page.text
    assert "502 Bad Gateway" in page.text
    assert re.search(r"[A-Z2-9]{4} [A-Z2-9]{4} [A-Z2-9]{4}", page.text)


async def test_without_a_bot_nothing_is_offered(world: World, sqlite_db: Database, sign_in: SignIn) -> None:
    """No card on the page, and no such address."""
    plain = OpenAlert(Config(), sqlite_db, SECRET)
    browser = await sign_in(world.alice)
    browser.client._transport.app = plain.asgi  # type: ignore[attr-defined]  # another server for the same browser
    assert PATH not in (await browser.get("/me")).text
    assert (await browser.post(PATH)).status == 404
