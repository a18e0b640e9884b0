"""Names and labels: what somebody who does not see the page hears of its fields and buttons."""

from collections import Counter
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser

import pytest

from openalert.domain.user import User
from tests import make
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
UNTYPED = ("hidden", "submit", "button")


class Heard(HTMLParser):
    """Ids, the fields with what names them, and the buttons with their words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.labelled: set[str] = set()
        self.fields: list[tuple[str, str]] = []
        """The id and how to find it, of fields that carry no name of their own."""
        self.nameless: list[str] = []
        self.headings = 0
        self._in_label = 0
        self._button: tuple[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Notes what the element is called, and by whom."""
        given = {name: value or "" for name, value in attributes}
        if "id" in given:
            self.ids[given["id"]] += 1
        self.headings += tag == "h1"
        if tag == "label":
            self._in_label += 1
            self.labelled.add(given.get("for", ""))
        is_typed = tag in ("input", "select", "textarea") and given.get("type") not in UNTYPED
        if is_typed and not self._in_label and not given.get("aria-label"):
            self.fields.append((given.get("id", ""), f"{tag} {given.get('name')}"))
        if tag == "button":
            self._button = (str(given), given.get("aria-label", ""))

    def handle_endtag(self, tag: str) -> None:
        """Closes labels and buttons."""
        if tag == "label":
            self._in_label -= 1
        if tag == "button" and self._button is not None:
            where, words = self._button
            if not words.strip():
                self.nameless.append(where)
            self._button = None

    def handle_data(self, data: str) -> None:
        """The words on a button."""
        if self._button is not None:
            self._button = (self._button[0], self._button[1] + data)


async def test_every_field_and_button_has_a_name(world: World, sign_in: SignIn) -> None:
    """On the pages about reaching people; and no id stands twice, which would take a label to the wrong place."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    await make.contact_method(world.db, world.bob, "sms", "+4915112345678", verified=False)
    policy = await world.value("SELECT id FROM escalation_policies")
    incident = await world.incident()
    browser = await sign_in(world.alice)
    for path in (
        "/me",
        "/me/rules",
        "/users",
        f"/users/{world.bob.id}",
        f"/users/{world.bob.id}/rules",
        f"/teams/{world.core.id}",
        f"/escalation-policies/{policy}",
        f"/incidents/{incident.id}",
        "/deliveries",
        "/settings/channels",
        "/settings/words",
    ):
        page = await browser.get(path)
        assert page.status == 200, path
        heard = Heard(page.html)
        assert [one for one, count in heard.ids.items() if count > 1] == [], path
        assert [where for one, where in heard.fields if one not in heard.labelled] == [], path
        assert heard.nameless == [], path
        assert heard.headings == 1, path
