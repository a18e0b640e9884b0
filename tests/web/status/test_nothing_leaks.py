"""Nothing crosses to the public by itself: words planted in everything internal, looked for in every public answer."""

import re
from html.parser import HTMLParser
from itertools import product
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest

from openalert.domain.severity import Severity
from openalert.domain.status_page import Automation, ComponentStatus, PublicStatus
from openalert.usecases import (
    incidents,
    status_automation,
    status_postmortems,
    status_subscribers,
    status_templates,
)
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.web.status.renderings import names
from tests import make
from tests.web.status.conftest import Told
from tests.web.test_markdown import CORPUS

pytestmark = pytest.mark.anyio

PLANTED = "Canary"
JSON_PATHS = ("", "/components", "/incidents", "/incidents?includeResolved=false", "/incidents?limit=1")


def every_address(acme: Told, slug: str = "acme") -> list[str]:
    """All that is answered below a page, as the program itself lists it, and what is asked for by query or form."""
    shown = acme.app.board.of_slug("acme")
    assert shown is not None
    below = [*names(shown.page), "embed", "embed?theme=dark", "badge.svg?label=x", "feed.atom?granularity=update",
             "subscribe", "confirm/x", "unsubscribe/x", "subscription/x"]  # fmt: skip
    told_of = [f"/incidents/{each.id}" for each in shown.page.incidents]
    return [
        *(f"/status/{slug}/{name}".rstrip("/") for name in below),
        *(f"/public/status/{slug}{path}" for path in (*JSON_PATHS, *told_of)),
    ]


async def _plant(acme: Told) -> list[str]:
    """Something of every internal kind that touches the page; the ids that no reader may learn."""
    db, cast = acme.app.database, acme.cast
    service = await make.service(db, cast.team, name=f"{PLANTED} service")
    acme.api = await acme.does(
        components.change_component, acme.api.id, service_id=service.id, automation=Automation.PROPOSE
    )
    ours = await acme.does(
        incidents.open_by_hand,
        service_id=service.id,
        title=f"{PLANTED} db-7.internal",
        severity=Severity.CRITICAL,
    )
    await acme.does(incidents.note, ours.id, body=f"{PLANTED} note")
    proposed = await acme.does(status_automation.propose, acme.page.id, ours.id)
    made = await acme.tells("Public words", "Said aloud.", internal_incident_id=ours.id)
    draft = await acme.does(
        told.post,
        made.incident.id,
        status=PublicStatus.IDENTIFIED,
        message=f"{PLANTED} guess",
        is_draft=True,
    )
    hidden = await acme.tells(f"{PLANTED} draft", f"{PLANTED} words", is_draft=True)
    gone = await acme.tells(f"{PLANTED} deleted", f"{PLANTED} words")
    await acme.does(told.delete, gone.incident.id)
    part = await acme.does(components.add_component, acme.page.id, name=f"{PLANTED} part")
    await acme.does(told.post, made.incident.id, status=PublicStatus.IDENTIFIED, message="It is known.",
                    components={part.id: ComponentStatus.MAJOR_OUTAGE})  # fmt: skip
    await acme.does(components.delete_component, part.id)
    await acme.does(
        status_templates.create, acme.page.id, name=f"{PLANTED} template", message=f"{PLANTED} words"
    )
    await acme.does(status_subscribers.add, acme.page.id, email=f"{PLANTED.lower()}@example.org")
    drafts = [each.id for each in draft.updates if each.published_at is None]
    return [
        acme.page.organization_id, cast.team.id, cast.alice.id, cast.bob.id, service.id, ours.id, part.id,
        hidden.incident.id, hidden.incident.public_id, gone.incident.id, gone.incident.public_id,
        proposed.incident.id, proposed.incident.public_id, *drafts,
    ]  # fmt: skip


async def test_what_is_internal_is_in_no_public_answer(acme: Told) -> None:
    """Incidents, notes, services, people, drafts, templates, subscribers, what was deleted: no word and no id of it."""
    secrets = await _plant(acme)
    seen = 0
    for path in every_address(acme):
        answer = await acme.client.get(path)
        everything = answer.text + str(answer.headers)
        assert answer.status_code in (200, 404), path
        seen += "Said aloud." in everything
        assert PLANTED.lower() not in everything.lower(), path
        assert [
            each for each in (*secrets, "db-7", "Alice", "example.org/team") if each in everything
        ] == [], path
    assert seen >= 6, "what is public was looked at"


async def test_the_copy_on_disk_and_the_events_say_no_more(acme: Told) -> None:
    """What is kept for a restart, and what may be copied to another machine, has only what readers see."""
    await _plant(acme)
    shown = acme.app.board.of_slug("acme")
    assert shown is not None
    assert PLANTED not in repr(shown.page)


async def test_ids_cannot_be_counted(acme: Told) -> None:
    """Twelve characters that say nothing: no order, no date, no overlap of two that were made one after the other."""
    made = [(await acme.tells(f"Number {number}")).incident.public_id for number in range(30)]
    assert len(set(made)) == 30
    assert all(re.fullmatch("[a-z0-9]{12}", each) for each in made)
    assert made not in (sorted(made), sorted(made, reverse=True))
    assert len({each[:3] for each in made}) > 20


def alike(answer: httpx2.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Everything that leaves the server."""
    return answer.status_code, sorted(answer.headers.items()), answer.content


async def test_private_and_deleted_are_like_unknown_at_every_address(acme: Told) -> None:
    """HTML, JSON, Statuspage's shapes, feeds, badges, calendar, embeds, permalinks, forms and links, by each method."""
    await _plant(acme)
    addresses = every_address(acme)
    gone = await acme.does(pages.create, team_id=acme.cast.team.id, name="Gone", slug="gone")
    await acme.does(pages.delete, gone.id)
    await acme.does(pages.update, acme.page.id, is_public=False)
    same = {"x-request-id": "the-same"}
    for path, method in product(addresses, ("GET", "HEAD", "POST")):
        sent: dict[str, Any] = {"data": {"email": "x@example.org"}} if method == "POST" else {}
        found = [
            alike(await acme.client.request(method, path.replace("/acme", f"/{slug}"), headers=same, **sent))
            for slug in ("acme", "nope", "gone")
        ]
        assert found[0] == found[1] == found[2], (method, path)
        assert found[0][0] in (404, 405, 200, 400, 410), (method, path)
        assert b"Acme" not in found[0][2], (method, path)


async def test_a_private_page_s_parts_are_in_no_other_answer(acme: Told) -> None:
    """Its component and incident by their ids below a page that is public."""
    made = await acme.tells()
    await acme.does(pages.create, team_id=acme.cast.team.id, name="Open", slug="open")
    for each in (made.incident.id, made.incident.public_id):
        for path in (f"/status/open/incidents/{each}", f"/public/status/open/incidents/{each}"):
            await acme.gets(path, 404)
    await acme.gets(f"/status/open/badge/component/{acme.api.public_id}.svg", 404)


HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe srcdoc='x'>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)", "![x](https://evil.example/x.png)", "![x](javascript:alert(1))", "[a[b](https://a.example)](b)",
    "[x](https://a.example\" onmouseover=\"alert(1))", "<a href='javascript:x'>x</a>", "<style>*{display:none}</style>",
    "</p></article></main><form action=//evil.example>", "<!--", "]]>", "{{7*7}}{% include 'x' %}", "\u202egnp.exe",
    "&lt;script&gt;", "<math><mi//xlink:href='data:x'>", "`<script>`", "```\n</code></pre><script>\n```",
    "<b hx-get=/x hx-trigger=load>", "https://a.example/<script>", "[x](//evil.example)", "[x](\\\\evil.example)",
)  # fmt: skip
OURS = re.compile(
    r"/[a-z0-9/._?&=%-]*|#[a-z0-9_-]*|data:image/svg\+xml,[^<>]*|data:,|https?://[^\s<>]*", re.IGNORECASE
)


class Acting(HTMLParser):
    """What in a document would do something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, object]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Foreign tags, handlers, styles, and addresses of any but the known kinds."""
        given = dict(attrs)
        source = given.get("src") or ""
        if tag in ("img", "iframe", "math", "object", "base") or (
            tag == "script" and "live.js" not in source
        ):
            self.found.append((tag, attrs))
        for name, value in attrs:
            acts = name.startswith(("on", "hx", "style", "srcdoc"))
            if acts or (name in ("href", "src", "action") and not OURS.fullmatch(value or "")):
                self.found.append((tag, (name, value)))


def acting(document: str) -> list[tuple[str, object]]:
    """As `Acting`, of one document."""
    parser = Acting()
    parser.feed(document)
    return parser.found


async def test_hostile_words_do_nothing_on_any_page(acme: Told) -> None:
    """Each of the corpus in title, message, postmortem, names and texts: shown as words, in every document."""
    for number, text in enumerate(HOSTILE):
        title = "".join(each for each in text if each.isprintable()) or "x"
        made = await acme.tells(f"{number} {title}"[:255], text)
        await acme.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message=text)
        await acme.does(status_postmortems.publish, made.incident.id, text=text)
    await acme.does(pages.update, acme.page.id, header_text="\n\n".join(HOSTILE), footer_text=HOSTILE[0])
    looked_at = 0
    for path in every_address(acme):
        answer = await acme.client.get(path)
        if answer.status_code != 200:
            continue
        kind = answer.headers["content-type"].partition(";")[0]
        if kind == "text/html":
            assert acting(answer.text) == [], path
            looked_at += 1
        elif kind in ("application/atom+xml", "application/rss+xml"):
            words = [each.text or "" for each in ET.fromstring(answer.content).iter()]
            assert acting("".join(each for each in words if each.startswith("<"))) == [], path
            looked_at += 1
        elif kind == "image/svg+xml":
            tags = {each.tag.rpartition("}")[2] for each in ET.fromstring(answer.content).iter()}
            assert tags <= {"svg", "title", "rect", "g", "text", "path", "defs", "clipPath", "linearGradient", "stop",
                            "style", "circle"}, path  # fmt: skip
    assert looked_at > len(HOSTILE)


async def test_the_longest_words_keep_no_page_from_being_made(acme: Told) -> None:
    """Every text that expressions dislike, as long as may be said, as the message of an incident of one page."""
    for number, text in enumerate(CORPUS):
        await acme.tells(f"Number {number}", text[:25_000])
    assert "Number 3" in (await acme.gets()).text
    await acme.gets("feed.atom")
