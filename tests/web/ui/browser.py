"""A browser without script: it keeps cookies, follows redirects, reads forms and presses their buttons."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx2


class Page(HTMLParser):
    """A page as far as a test asks: its text, its forms, its links."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.path = str(answer.url.raw_path, "ascii")
        self.html = answer.text
        self.headers = answer.headers
        self.forms: list[dict[str, Any]] = []
        self.links: dict[str, str] = {}
        self._link: str | None = None
        self._area: str | None = None
        self._words: list[str] = []
        self._skip = 0
        self.feed(self.html)

    @property
    def text(self) -> str:
        """What is to be read, with single spaces."""
        return re.sub(r"\s+", " ", " ".join(self._words))

    def form(self, action: str) -> dict[str, Any]:
        """The form that posts to `action`."""
        found = [form for form in self.forms if form["action"] == action]
        assert found, f"no form for {action}; there are {[form['action'] for form in self.forms]}"
        return found[0]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Forms with their fields, links by their words."""
        given = {name: value or "" for name, value in attributes}
        if tag in ("script", "style", "svg"):
            self._skip += 1
        if tag == "form":
            self.forms.append(
                {"action": given.get("action", ""), "method": given.get("method", "get"), "fields": {}}
            )
        if tag == "input" and self.forms and "name" in given and "form" not in given:
            is_choice = given.get("type") in ("radio", "checkbox")
            if not is_choice or any(name == "checked" for name, _ in attributes):
                self.forms[-1]["fields"][given["name"]] = given.get("value", "")
        if tag == "textarea" and self.forms:
            self._area = given.get("name", "")
            self.forms[-1]["fields"][self._area] = ""
        if tag == "a":
            self._link = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        """Closes what `handle_starttag` opened."""
        if tag in ("script", "style", "svg"):
            self._skip -= 1
        if tag == "a":
            self._link = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        """Words, and the content of text areas."""
        if self._area is not None and self.forms:
            self.forms[-1]["fields"][self._area] += data
        if self._skip or not data.strip():
            return
        self._words.append(data.strip())
        if self._link is not None:
            self.links.setdefault(data.strip(), self._link)


class Browser:
    """One person's browser."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> Page:
        """Go to a page, along redirects."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(
            await self.client.get(path, headers={"accept": "text/html"} | named, follow_redirects=True)
        )

    async def post(self, path: str, **fields: Any) -> Page:
        """Send a form as a browser does, then follow where it leads."""
        headers = {"accept": "text/html", "origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
        answer = await self.client.post(path, data=fields, headers=headers)
        if answer.status_code == 303:
            return await self.get(urljoin(path, answer.headers["location"]))
        return Page(answer)

    async def press(self, page: Page, action: str, **typed: Any) -> Page:
        """Press the button of the form that posts to `action`, with these fields typed in."""
        form = page.form(action)
        return await self.post(form["action"] or page.path, **(form["fields"] | typed))
