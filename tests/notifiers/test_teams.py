"""Teams: what the channel shows, what a workflow's answers mean, and words that must not act."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openalert.domain.channel import channel_kind
from openalert.domain.errors import Invalid
from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.notifiers import teams
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import Action, Link, NotifierError, Reason
from openalert.notifiers.teams import TeamsNotifier
from tests.fakes.teams import FakeTeams
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW

pytestmark = pytest.mark.anyio

SETTINGS = OutgoingSettings(allowed_networks=["127.0.0.0/8"], deadline=30)


@pytest.fixture
async def workflow() -> AsyncIterator[FakeTeams]:
    """A workflow; a card that Teams would not show fails the test."""
    async with FakeTeams() as fake:
        yield fake
        assert fake.problems == []


@pytest.fixture
async def notifier() -> AsyncIterator[TeamsNotifier]:
    """The notifier."""
    made = TeamsNotifier(SETTINGS)
    yield made
    await made.close()


async def test_a_page_says_everything_that_matters(workflow: FakeTeams, notifier: TeamsNotifier) -> None:
    """How bad, what, where, what next and why are words of the card; colours only repeat them."""
    await notifier.send(messages.page(to=workflow.url), NOW)
    told = workflow.texts()
    for words in (
        "CRITICAL #42",
        "Disk almost full on db-1",
        "Service: Checkout database",
        "97 % full",
        "instance: db-1.example.com:9100",
        "Runbook (wiki.example.com)",
        "Ana is paged at 03:09 unless someone acknowledges.",
        "You are on call for Core",
    ):
        assert words in told
    assert workflow.cards[-1]["body"][0]["style"] == "attention"


async def test_buttons_are_links(workflow: FakeTeams, notifier: TeamsNotifier) -> None:
    """Each verb is a button with its link, the first of them stands out, and the incident itself is the last."""
    await notifier.send(messages.page(to=workflow.url), NOW)
    assert workflow.buttons() == {
        "Acknowledge": f"{BASE_URL}/a/tok3n-ack",
        "Resolve": f"{BASE_URL}/a/tok3n-resolve",
        "Open the incident": f"{BASE_URL}/incidents/42",
    }
    assert [each.get("style") for each in workflow.cards[-1]["actions"]] == ["positive", None, None]


async def test_no_more_buttons_than_teams_shows(workflow: FakeTeams, notifier: TeamsNotifier) -> None:
    """Of nine verbs the first five are shown, and the way to all of them."""
    verbs = [Action(verb=f"v{n}", label=f"Verb {n}", url=f"{BASE_URL}/a/{n}") for n in range(9)]
    await notifier.send(messages.page(to=workflow.url, actions=verbs), NOW)
    assert list(workflow.buttons()) == [*(f"Verb {n}" for n in range(5)), "Open the incident"]


@pytest.mark.parametrize(
    ("status", "headline", "style"),
    [
        (IncidentStatus.RESOLVED, "Resolved by Bea", "good"),
        (IncidentStatus.ACKNOWLEDGED, "Acknowledged by Bea", "accent"),
        (IncidentStatus.TRIGGERED, "Reopened by Bea", "attention"),
    ],
)
@pytest.mark.parametrize("kind", [NotificationKind.UPDATE, NotificationKind.FOLLOW])
async def test_news_is_a_card_that_says_what_happened(
    workflow: FakeTeams,
    notifier: TeamsNotifier,
    kind: NotificationKind,
    status: IncidentStatus,
    headline: str,
    style: str,
) -> None:
    """A workflow cannot change what it has posted, so the news names the incident and stands by itself."""
    news = messages.page(
        to=workflow.url,
        kind=kind,
        headline=headline,
        actions=[],
        replaces="an earlier card",
        incident=messages.incident(status=status),
    )
    await notifier.send(news, NOW)
    assert f"#42 {headline}" in workflow.texts()
    assert "Disk almost full on db-1" in workflow.texts()
    assert workflow.cards[-1]["body"][0]["style"] == style
    assert list(workflow.buttons()) == ["Open the incident"]


@pytest.mark.parametrize(
    "kind",
    [kind for kind in NotificationKind if kind not in (NotificationKind.PAGE, NotificationKind.UPDATE)],
)
async def test_every_kind_of_message_is_a_card(
    workflow: FakeTeams, notifier: TeamsNotifier, kind: NotificationKind
) -> None:
    """Notices, tests, handoffs and digests arrive with their subject and their words."""
    await notifier.send(messages.proof(to=workflow.url, kind=kind), NOW)
    assert "Test page from OpenAlert" in workflow.texts()
    assert "pages reach you here" in workflow.texts()


HOSTILE = [
    "<at>everyone</at> look",
    "<AT id='0'>all</AT>",
    "{{DATE(2026-01-01T00:00:00Z,SHORT)}} {{TIME(x)}}",
    "${title} $root @{body('x')}",
    "[click](https://evil.example) ![i](https://evil.example/i.png)",
    "**bold** _it_ `code` ~~gone~~ # head\n- item",
    '"}]}],"actions":[{"type":"Action.OpenUrl"}',
    "<script>alert(1)</script>",
    "half a pair \ud83d",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_words_from_outside_do_not_act(workflow: FakeTeams, notifier: TeamsNotifier, text: str) -> None:
    """Mentions, dates, Markdown and links in texts of an alert stay words: they stand in TextRuns, broken open."""
    incident = messages.incident(
        title=text,
        service_name=text,
        description=text,
        labels={text: text},
        links=[Link(label=text, href=text)],
    )
    await notifier.send(messages.page(to=workflow.url, incident=incident, bundle=[text]), NOW)
    card = workflow.cards[-1]
    assert "TextBlock" not in {block["type"] for block in card["body"]}
    assert [action["url"] for action in card["actions"]] == [
        f"{BASE_URL}/a/tok3n-ack",
        f"{BASE_URL}/a/tok3n-resolve",
        f"{BASE_URL}/incidents/42",
    ]


@pytest.mark.parametrize("letter", ["x", "é", "漢", "👩‍🚒", '"', "\\"])
async def test_the_largest_message_fits(workflow: FakeTeams, notifier: TeamsNotifier, letter: str) -> None:
    """28 KB is what Teams takes, in UTF-8 or in UTF-16: the least important goes, the title and buttons stay."""
    text = letter * 3_000
    incident = messages.incident(
        title=f"Disk {text}",
        description=text,
        labels={f"{n}{text}": text for n in range(30)},
        links=[Link(label=text, href="https://wiki.example.com/" + "x" * 900) for _ in range(9)],
    )
    await notifier.send(messages.page(to=workflow.url, incident=incident, bundle=[text] * 40), NOW)
    content = workflow.requests[-1].body
    assert max(len(content), 2 * len(content.decode())) <= 28_000
    assert "Disk" in workflow.texts()
    assert "Acknowledge" in workflow.buttons()


@pytest.mark.parametrize(
    ("status", "headers", "content", "reason", "permanent"),
    [
        (429, {"Retry-After": "7"}, b"", Reason.RATE_LIMITED, False),
        (200, {}, b"Webhook message delivery failed with error: HTTP error 429", Reason.RATE_LIMITED, False),
        (
            200,
            {},
            b"Webhook message delivery failed with error: Teams returned HTTP error 413 with ContextId x",
            Reason.REFUSED,
            True,
        ),
        (200, {}, b"Webhook message delivery failed with error: unknown", Reason.PROVIDER_FAILED, False),
        (200, {"Content-Type": "text/html"}, b"<html>Sign in</html>", Reason.BAD_RESPONSE, True),
        (400, {}, b'{"error":{"code":"TriggerInputSchemaMismatch"}}', Reason.REFUSED, True),
        (401, {}, b'{"error":{"code":"DirectApiAuthorizationRequired"}}', Reason.AUTH_FAILED, True),
        (403, {}, b"", Reason.AUTH_FAILED, True),
        (404, {}, b'{"error":{"code":"WorkflowNotFound"}}', Reason.GONE, True),
        (410, {}, b"", Reason.GONE, True),
        (413, {}, b"", Reason.REFUSED, True),
        (408, {}, b"", Reason.REFUSED, False),
        (302, {"Location": "http://127.0.0.1/"}, b"", Reason.BAD_RESPONSE, True),
        (500, {}, b"", Reason.PROVIDER_FAILED, False),
        (502, {}, b"", Reason.PROVIDER_FAILED, False),
        (503, {"Retry-After": "7"}, b"", Reason.PROVIDER_FAILED, False),
    ],
)
async def test_what_refusals_mean(
    workflow: FakeTeams,
    notifier: TeamsNotifier,
    status: int,
    headers: dict[str, str],
    content: bytes,
    reason: Reason,
    permanent: bool,
) -> None:
    """The documented table of docs/channels/teams.md; an error in the text of a 200 counts as that error."""
    workflow.answer(status, headers, content)
    with pytest.raises(NotifierError) as failure:
        await notifier.send(messages.page(to=workflow.url), NOW)
    assert (failure.value.reason, failure.value.permanent) == (reason, permanent)
    if "Retry-After" in headers:
        assert failure.value.retry_after == 7
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize(("status", "content"), [(202, b""), (200, b"1"), (200, b""), (204, b"")])
async def test_what_success_looks_like(
    workflow: FakeTeams, notifier: TeamsNotifier, status: int, content: bytes
) -> None:
    """A workflow says 202; relays and older connectors say 200, some with a 1."""
    workflow.answer(status, None, content)
    receipt = await notifier.send(messages.page(to=workflow.url), NOW)
    assert receipt.detail.startswith(str(status))


@pytest.mark.parametrize(
    "url", ["http://prod-1.westeurope.logic.azure.com/x", "ftp://x.example", "", "https://"]
)
def test_a_workflow_has_an_https_address(url: str) -> None:
    """The URL carries its own key, so it never travels in the clear."""
    with pytest.raises(Invalid):
        channel_kind("teams").check(url)


def test_the_address_is_a_secret() -> None:
    """Whoever knows the URL of a workflow can post there."""
    kind: Any = channel_kind("teams")
    url = "https://prod-1.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=x"
    assert kind.check(url) == url
    assert kind.is_secret


def test_the_bare_card_is_the_last_resort() -> None:
    """Even when nothing else fits, there is a card with a lead."""
    assert b"CRITICAL #42" in teams.body(messages.page())
