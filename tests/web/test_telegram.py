"""/callbacks/telegram: what Telegram posts is believed only with the secret that Telegram was told."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server, Telegram
from openalert.storage import Database
from openalert.web.callbacks.telegram import PATH, secret_token
from tests import make
from tests.fakes.telegram import TOKEN, FakeTelegram

pytestmark = pytest.mark.anyio

BASE_URL = "https://oncall.example.org"
SECRET = b"a key that signs links in tests"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
GOOD = {HEADER: secret_token(SECRET, TOKEN)}


def configured(telegram: FakeTelegram, **changes: Any) -> Config:
    """A server that Telegram posts to."""
    wanted = Telegram(**({"bot_token": TOKEN, "base_url": telegram.base_url, "updates": "webhook"} | changes))
    return Config(server=Server(base_url=BASE_URL), telegram=wanted)


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram."""
    async with FakeTelegram() as fake:
        yield fake
        assert fake.problems == []


async def post(app: OpenAlert, content: bytes | dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
    """Telegram, or somebody else, posts this."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    transport = httpx2.ASGITransport(app=app.asgi, client=("149.154.160.1", 443))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        return await client.post(PATH, content=body, headers={"content-type": "application/json", **headers})


async def test_the_answer_says_what_the_bot_says(sqlite_db: Database, telegram: FakeTelegram) -> None:
    """A method of the Bot API in the answer itself: Telegram does it, and nothing has to be sent out."""
    app = OpenAlert(configured(telegram), sqlite_db, SECRET)
    answer = await post(app, telegram.write("hello", 4711), GOOD)
    assert answer.status_code == 200
    call = answer.json()
    assert (call["method"], call["chat_id"]) == ("sendMessage", 4711)
    assert f"{BASE_URL}/me" in call["text"]
    assert telegram.requests == []


async def test_what_was_posted_already_is_confirmed_and_not_done(
    sqlite_db: Database, telegram: FakeTelegram
) -> None:
    """Telegram posts again what was not confirmed; whoever recorded it may, too."""
    app = OpenAlert(configured(telegram), sqlite_db, SECRET)
    update = telegram.write("hello", 4711)
    assert (await post(app, update, GOOD)).json() is not None
    again = await post(app, update, GOOD)
    assert (again.status_code, again.content) in ((200, b""), (200, b"null"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: secret_token(SECRET, TOKEN)[:-1]},
        {HEADER: secret_token(b"another key", TOKEN)},
        {HEADER: secret_token(SECRET, "another bot")},
    ],
)
async def test_without_the_secret_nothing_is_believed(
    sqlite_db: Database, telegram: FakeTelegram, headers: dict[str, str]
) -> None:
    """Refused before the body is read, which may be no update at all."""
    app = OpenAlert(configured(telegram), sqlite_db, SECRET)
    for content in (telegram.write("hello", 4711), b"{"):
        answer = await post(app, content, headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "BAD_SIGNATURE"


@pytest.mark.parametrize("changes", [{"updates": "polling"}, {"bot_token": ""}])
async def test_where_telegram_is_not_to_post_it_is_refused(
    sqlite_db: Database, telegram: FakeTelegram, changes: dict[str, str]
) -> None:
    """Also with a secret that would be right: a server without a bot has none that anybody could know."""
    app = OpenAlert(configured(telegram, **changes), sqlite_db, SECRET)
    bot_token = changes.get("bot_token", TOKEN)
    answer = await post(app, telegram.write("hello", 4711), {HEADER: secret_token(SECRET, bot_token)})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"update_id": "x"}',
        b'{"update_id": 1, "message": []}',
        b"\xff",
        b"{}" * 9,
    ],
)
async def test_what_is_no_update_is_refused(
    sqlite_db: Database, telegram: FakeTelegram, content: bytes
) -> None:
    """400, never an error of ours."""
    app = OpenAlert(configured(telegram), sqlite_db, SECRET)
    assert (await post(app, content, GOOD)).status_code in (400, 422)


async def test_telegram_is_told_where_to_post(sqlite_db: Database, telegram: FakeTelegram) -> None:
    """When the server starts; the secret is the one it then wants to see."""
    app = OpenAlert(configured(telegram), sqlite_db, SECRET)
    async with app.running():
        await telegram.received()
    assert telegram.hook == {
        "url": f"{BASE_URL}{PATH}",
        "secret_token": GOOD[HEADER],
        "allowed_updates": ["message", "callback_query"],
    }


async def test_a_server_that_asks_takes_the_webhook_away_and_answers(
    sqlite_db: Database, telegram: FakeTelegram
) -> None:
    """Polling, as the whole program does it: what somebody writes is answered, and confirmed."""
    telegram.hook = {"url": "https://elsewhere.example"}
    app = OpenAlert(configured(telegram, updates="polling"), sqlite_db, SECRET)
    telegram.write("hello", 4711)
    async with app.running():
        while telegram.unseen:  # each turn waits for another request
            await telegram.received(len(telegram.requests) + 1)
    assert telegram.hook is None
    assert "I do not know you yet" in telegram.last(4711).text
    assert len(telegram.shown) == 1


async def test_a_telegram_that_is_away_does_not_hold_the_server_up(
    sqlite_db: Database, telegram: FakeTelegram
) -> None:
    """It starts and stops without it, and goes on asking."""
    telegram.answer(502, None, b"<html>")
    app = OpenAlert(configured(telegram, updates="polling"), sqlite_db, SECRET)
    async with app.running():
        await telegram.received()
        assert (await make.organization(app.database)).id


async def test_one_update_that_breaks_does_not_stop_the_next(
    sqlite_db: Database, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours in one message costs that message its answer, and nobody else theirs."""
    from openalert.usecases import telegram as usecase

    take = usecase.take

    async def broken(database: Any, update: usecase.Update, *rest: Any) -> Any:
        if update.message and update.message.text == "poison":
            raise RuntimeError("a fault of ours")
        return await take(database, update, *rest)

    monkeypatch.setattr(usecase, "take", broken)
    app = OpenAlert(configured(telegram, updates="polling"), sqlite_db, SECRET)
    telegram.write("poison", 4711)
    telegram.write("hello", 4712)
    async with app.running():
        while telegram.unseen:
            await telegram.received(len(telegram.requests) + 1)
    assert [each.chat for each in telegram.shown] == [4712]
