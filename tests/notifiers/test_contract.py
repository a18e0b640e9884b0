"""What every channel must do: the engine treats them all alike."""

import asyncio

import pytest

from openalert.notifiers import NOTIFIERS, NotifierSettings, build
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW
from tests.notifiers.rigs import HURRY, Rig, TwilioRig

pytestmark = pytest.mark.anyio

HOSTILE = [
    "line one\r\nBcc: everybody@example.com\r\n\r\nbody",
    "NUL \x00 bell \x07 escape \x1b[31m",
    "\u202egnp.exe \u2066isolate\u2069 \u200b\ufeffzero",
    "half a pair \ud83d and \udc00",
    "<script>alert(1)</script><img src=x onerror=alert(1)>'\"`",
    "{{ 7 * 7 }} {% for x in y %} ${x} %s %(a)s",
    "emoji 🔥👩‍🚒 \u0600 العربية 漢字 é́́́",
    "x" * 70_000,
    "=?utf-8?B?SGFjaw==?= .\n.\n..",
    "a" * 200 + "\u2028" + "é" * 300,
    "",
    " \n\t ",
]


async def test_success_gives_a_receipt(rig: Rig) -> None:
    """A message that arrives is settled by a receipt that names it to the provider."""
    receipt = await rig.notifier.send(rig.message(), NOW)
    assert receipt.provider_id
    if not getattr(rig, "names_its_own", False):
        assert rig.message().notification_id in receipt.provider_id
    assert any(status in receipt.detail for status in ("200", "201", "202", "250", "queued"))
    assert rig.arrived() == 1


async def test_a_retry_names_the_same_thing(rig: Rig) -> None:
    """The provider's key does not change between attempts, so that it can tell a repeat from a new message.

    Where the provider cannot be asked what it has, only the words of the second say that it may be a repeat.
    """
    first = await rig.notifier.send(rig.message(), NOW)
    second = await rig.notifier.send(rig.message(attempt=2, possible_repeat=True), NOW + 30_000)
    if isinstance(rig, TwilioRig):  # which has no keys: a repeat is known by where it is reported to
        assert len(rig.reported_to()) == 1
    else:
        assert (first.provider_id == second.provider_id) is getattr(rig, "knows_repeats", True)


async def test_down_may_be_tried_again(rig: Rig) -> None:
    """A provider that is not there certainly has nothing, and may have it later."""
    await rig.down()
    with pytest.raises(NotifierError) as failure:
        await rig.notifier.send(rig.message(), NOW)
    assert (failure.value.reason, failure.value.permanent) == (Reason.UNREACHABLE, False)


async def test_lost_answer_is_neither_success_nor_failure(rig: Rig) -> None:
    """The provider has the message and never says so."""
    rig.lose_answers()
    with pytest.raises(LostAnswer):
        await rig.notifier.send(rig.message(), NOW)
    assert rig.arrived() == 1


async def test_hanging_ends_at_the_deadline(hurried: Rig) -> None:
    """A provider that never answers costs one deadline and no more."""
    hurried.hang()
    async with asyncio.timeout(30):
        with pytest.raises((NotifierError, LostAnswer)):
            await hurried.notifier.send(hurried.message(), NOW)


async def test_hanging_sends_do_not_hold_one_another_up(hurried: Rig) -> None:
    """Sixty sends that hang do not wait for one another."""
    hurried.hang()
    sends = [hurried.notifier.send(hurried.message(), NOW) for _ in range(60)]
    async with asyncio.timeout(40 * HURRY):
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(outcome, NotifierError | LostAnswer) for outcome in outcomes)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_go_out(rig: Rig, text: str) -> None:
    """No words of an alert, a person or a team can stop the message that carries them."""
    incident = messages.incident(
        title=text, service_name=text, description=text, labels={text: text, "b": text}
    )
    message = rig.message(
        incident=incident,
        organization=text,
        recipient_name=text,
        headline=text,
        body=text,
        reason=text,
        escalation_note=text,
        bundle=[text, text],
    )
    await rig.notifier.send(message, NOW)
    assert rig.arrived() == 1


async def test_cancelling_a_send_leaves_nothing_behind(rig: Rig) -> None:
    """A send that is cancelled when the program stops says so, and the channel can be closed."""
    rig.hang()
    task = asyncio.create_task(rig.notifier.send(rig.message(), NOW))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_probe_answers_in_one_sentence(rig: Rig) -> None:
    """`openalert check` prints it as it is."""
    sentence = await rig.notifier.probe()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert rig.arrived() == 0


async def test_every_channel_is_built() -> None:
    """The registry makes every notifier under its own name from one set of settings."""
    built = build(NotifierSettings(base_url=BASE_URL))
    assert {name: notifier.channel for name, notifier in built.items()} == {name: name for name in NOTIFIERS}
    for notifier in built.values():
        await notifier.close()
