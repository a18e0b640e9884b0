"""Apprise: what each service shows, how urgent it is, what answers mean, and that nothing leaves past our client."""

import asyncio
import inspect
import pkgutil
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openalert.domain.apprise import OF_THE_MACHINE, OURS, check_team_address
from openalert.domain.errors import Invalid
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import apprise
from openalert.notifiers.apprise import AppriseNotifier
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import OPEN, Action, LostAnswer, NotifierError, Reason
from tests.fakes.apprise import FakeServices, refusal
from tests.fakes.webhook import Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

PATIENCE = 30.0
HURRY = 1.0
"""Seconds until a send is given up that nothing else ends."""


@pytest.fixture
async def services(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeServices]:
    """The services; what one of them would not take fails the test."""
    from apprise.plugins.discord import NotifyDiscord

    async with FakeServices() as fake:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://{fake.host}:{fake.port}/api/webhooks")
        yield fake
        assert fake.problems == []


@pytest.fixture
async def notifier() -> AsyncIterator[AppriseNotifier]:
    """The notifier, for which loopback is a server of ours."""
    made = AppriseNotifier(
        OutgoingSettings(deadline=PATIENCE), allowed_hosts=("127.0.0.1",), base_url=BASE_URL
    )
    yield made
    await made.close()


@pytest.fixture
async def hurried() -> AsyncIterator[AppriseNotifier]:
    """As `notifier`, for services that hang."""
    made = AppriseNotifier(OutgoingSettings(deadline=HURRY), allowed_hosts=("127.0.0.1",), base_url=BASE_URL)
    yield made
    await made.close()


async def test_ntfy_is_answered_by_a_touch(services: FakeServices, notifier: AppriseNotifier) -> None:
    """A page comes with the highest priority, opens the incident, and carries a button for each verb."""
    await notifier.send(messages.page(to=services.ntfy), NOW)
    (_, shown) = services.shown[0]
    assert shown["title"] == "CRITICAL #42 Disk almost full on db-1 (Checkout database)"
    assert "Ana is paged at 03:09 unless someone acknowledges." in shown["message"]
    assert (shown["priority"], shown["click"]) == ("max", f"{BASE_URL}/incidents/42")
    assert shown["buttons"] == [
        f"http, Acknowledge, {BASE_URL}/a/tok3n-ack, method=POST, clear=true",
        f"http, Resolve, {BASE_URL}/a/tok3n-resolve, method=POST, clear=true",
    ]


async def test_ntfy_has_three_buttons_and_everything_behind_the_last(
    services: FakeServices, notifier: AppriseNotifier
) -> None:
    """ntfy shows three: with five verbs, the third opens the page that offers them all."""
    verbs = ("acknowledge", "resolve", "snooze", "escalate", "hand_on")
    offers = [Action(verb=verb, label=verb, url=f"{BASE_URL}/a/tok3n-{verb}") for verb in verbs]
    await notifier.send(messages.page(to=services.ntfy, actions=offers), NOW)
    assert services.shown[0][1]["buttons"] == [
        f"http, acknowledge, {BASE_URL}/a/tok3n-acknowledge, method=POST, clear=true",
        f"http, resolve, {BASE_URL}/a/tok3n-resolve, method=POST, clear=true",
        f"view, More, {BASE_URL}/a/tok3n-snooze",
    ]


async def test_ntfy_opens_a_page_that_is_only_to_be_read(
    services: FakeServices, notifier: AppriseNotifier
) -> None:
    """A link that answers nothing is opened by a touch, and not posted to."""
    opens = Action(verb=OPEN, label="Open the schedule", url=f"{BASE_URL}/schedules/1")
    await notifier.send(messages.proof(to=services.ntfy, actions=[opens]), NOW)
    assert services.shown[0][1]["buttons"] == [f"view, Open the schedule, {BASE_URL}/schedules/1"]


async def test_other_services_carry_links(services: FakeServices, notifier: AppriseNotifier) -> None:
    """Where there are no buttons, the ways to answer stand in the text, whole."""
    await notifier.send(messages.page(to=services.gotify), NOW)
    await notifier.send(messages.page(to=services.discord), NOW)
    for _, shown in services.shown:
        text = shown.get("message") or shown["content"]
        assert f"Acknowledge: {BASE_URL}/a/tok3n-ack" in text
        assert f"Open: {BASE_URL}/incidents/42" in text


@pytest.mark.parametrize(
    ("severity", "ntfy", "gotify"),
    [
        (Severity.CRITICAL, "max", 10),
        (Severity.HIGH, "high", 8),
        (Severity.MEDIUM, "default", 5),
        (Severity.LOW, "low", 3),
    ],
)
async def test_severity_is_priority(
    services: FakeServices, notifier: AppriseNotifier, severity: Severity, ntfy: str, gotify: int
) -> None:
    """How bad it is decides how loud it is; news of the same incident is quiet."""
    incident = messages.incident(severity=severity)
    await notifier.send(messages.page(to=services.ntfy, incident=incident), NOW)
    await notifier.send(messages.page(to=services.gotify, incident=incident), NOW)
    await notifier.send(
        messages.page(to=services.ntfy, incident=incident, kind=NotificationKind.UPDATE, headline="Resolved"),
        NOW,
    )
    assert [shown["priority"] for _, shown in services.shown] == [ntfy, gotify, "low"]


async def test_an_address_may_ask_for_more(services: FakeServices, notifier: AppriseNotifier) -> None:
    """A priority in the address stands for pages alone; a delay in it never holds one back."""
    address = services.ntfy + "?priority=min&delay=1h"
    await notifier.send(messages.page(to=address), NOW)
    await notifier.send(messages.page(to=address, kind=NotificationKind.UPDATE, headline="Resolved"), NOW)
    assert [shown["priority"] for _, shown in services.shown] == ["min", "low"]


def test_pushover_rings_until_answered_where_asked() -> None:
    """`?priority=emergency` is kept for a page; without it a critical page is high; both open the incident."""
    page = messages.page(to="pover://u@t")
    plain = apprise.looks(page, "pover", {"qsd": {}})
    asked = apprise.looks(page, "pover", {"qsd": {"priority": "emergency"}, "priority": "emergency"})
    assert plain["priority"] == "1"
    assert "priority" not in asked
    assert plain["supplemental_url"] == f"{BASE_URL}/incidents/42"


async def test_words_act_nowhere(services: FakeServices, notifier: AppriseNotifier) -> None:
    """A title can neither call everybody in Discord nor hide a link behind words."""
    incident = messages.incident(title="@everyone [here](https://evil.example) <@1> **x**")
    await notifier.send(messages.page(to=services.discord, incident=incident), NOW)
    content = services.shown[0][1]["content"]
    assert "@everyone" not in content
    assert "<@1>" not in content
    assert "[here](" not in content


@pytest.mark.parametrize(
    ("status", "headers", "reason", "permanent", "wait"),
    [
        (429, {"Retry-After": "7"}, Reason.RATE_LIMITED, False, 7.0),
        (429, {}, Reason.RATE_LIMITED, False, None),
        (500, {}, Reason.PROVIDER_FAILED, False, None),
        (503, {"Retry-After": "-5"}, Reason.PROVIDER_FAILED, False, None),
        (401, {}, Reason.AUTH_FAILED, True, None),
        (403, {}, Reason.AUTH_FAILED, True, None),
        (404, {}, Reason.REFUSED, True, None),
        (410, {}, Reason.GONE, True, None),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, Reason.BAD_RESPONSE, True, None),
        (200, {"Content-Type": "text/html"}, Reason.BAD_RESPONSE, True, None),
    ],
)
async def test_answers_mean_what_they_say(
    services: FakeServices,
    notifier: AppriseNotifier,
    status: int,
    headers: dict[str, str],
    reason: Reason,
    permanent: bool,
    wait: float | None,
) -> None:
    """The fault table: each answer is a reason, tried again or not; a redirect is not followed."""
    services.answer(status, headers, refusal(status * 100 + 1, "no: topic s3cret-topic"))
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.page(to=services.ntfy), NOW)
    assert (failure.value.reason, failure.value.permanent, failure.value.retry_after) == (
        reason,
        permanent,
        wait,
    )
    assert "s3cret" not in failure.value.detail
    assert len(services.requests) == 1


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.HALF_RESPONSE, Fault.HANG])
async def test_a_lost_answer_is_told_as_one(
    services: FakeServices, notifier: AppriseNotifier, hurried: AppriseNotifier, fault: Fault
) -> None:
    """A request that went out and was not answered may have arrived, whatever the library makes of it."""
    services.fault = fault
    with pytest.raises(LostAnswer):
        await (hurried if fault is Fault.HANG else notifier).send(messages.page(to=services.ntfy), NOW)


async def test_slow_services_do_not_use_up_the_threads(
    services: FakeServices, hurried: AppriseNotifier
) -> None:
    """After more sends have hung than there are threads, the next one goes through."""
    services.fault = Fault.HANG
    hanging = [hurried.send(messages.page(to=services.ntfy), NOW) for _ in range(2 * apprise.THREADS)]
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(outcome, NotifierError | LostAnswer) for outcome in outcomes)
    services.fault = Fault.NONE
    receipt = await hurried.send(messages.page(to=services.ntfy), NOW)
    assert receipt.detail.startswith("ntfy answered 200")


async def test_private_networks_are_closed_unless_opened(services: FakeServices) -> None:
    """An address in a private network is refused before anything is sent, unless the operator named its host."""
    closed = AppriseNotifier(OutgoingSettings(deadline=PATIENCE), base_url=BASE_URL)
    with pytest.raises(NotifierError) as failure:
        await closed.send(messages.page(to=services.ntfy), NOW)
    await closed.close()
    assert (failure.value.reason, failure.value.permanent) == (Reason.BLOCKED_ADDRESS, True)
    assert services.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "syslog://local0",
        "dbus://x",
        "mqtt://h/t",
        "json://127.0.0.1/",
        "nothing://x",
        "",
        "ntfy://",
        "pover://x",
    ],
)
async def test_addresses_that_cannot_be_used_are_told(notifier: AppriseNotifier, address: str) -> None:
    """What must not or cannot be sent to is a permanent failure with a sentence, also if it got past the check."""
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.page(to=address), NOW)
    assert (failure.value.reason, failure.value.permanent) == (Reason.MISCONFIGURED, True)


@pytest.mark.parametrize(
    "address",
    [
        "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "workflows://hooks.example.com/workflow/signature/",
    ],
)
@pytest.mark.parametrize("name", ["template", "TEMPLATE", "%74emplate", "format=text&template"])
async def test_no_address_reads_a_file_of_this_machine(
    notifier: AppriseNotifier, tmp_path: Path, address: str, name: str
) -> None:
    """Apprise would fill a template from the disk and send it: refused when it is entered, and when it is sent."""
    secret = tmp_path / "secret.json"
    secret.write_text('{"text": "the key of this installation"}')
    asked = f"{address}?{name}={secret}"
    with pytest.raises(Invalid, match="template="):
        check_team_address(asked)
    with pytest.raises(NotifierError, match="file of this machine") as refused:
        await notifier.send(messages.page(to=asked), NOW)
    assert (refused.value.reason, refused.value.permanent) == (Reason.MISCONFIGURED, True)


def test_every_service_that_is_let_through_speaks_by_requests_alone() -> None:
    """A plugin that dials, starts programs or reads key files by itself is on the list of those refused."""
    import apprise.plugins

    own_ways = re.compile(
        r"^\s*(?:import|from) (?:socket|subprocess|smtplib|ctypes|websocket|http\.client|urllib\.request|slixmpp|paho"
        r"|gntp|dbus|ftplib|telnetlib|asyncio|imaplib)\b|os\.system|keyfile",
        re.MULTILINE,
    )
    for schema, plugin in apprise.plugins.N_MGR._schema_map.items():
        if schema in OF_THE_MACHINE or schema in OURS:
            continue
        package = inspect.getmodule(plugin)
        sources = [inspect.getsource(package)]
        if hasattr(package, "__path__"):
            sources += [
                inspect.getsource(each.module_finder.find_spec(each.name).loader.load_module(each.name))  # type: ignore[union-attr]
                for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
            ]
        assert not own_ways.search("\n".join(sources)), f"{schema} has ways of its own"


async def test_no_socket_but_ours_is_opened(
    services: FakeServices, notifier: AppriseNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks no name server and dials nobody: with its ways out broken the message still arrives."""

    def broken(*_: Any, **__: Any) -> Any:
        raise AssertionError("the library dialled by itself")

    monkeypatch.setattr("urllib3.util.connection.create_connection", broken)
    monkeypatch.setattr(socket, "create_connection", broken)
    await notifier.send(messages.page(to=services.ntfy), NOW)
    assert len(services.shown) == 1
