"""A Mattermost server on loopback, as its API version 4 has it: one bot, some accounts and channels.

It checks every request, holds the posts as they now read, and gives what an integration is posted when somebody presses
a button. A request that the real one would refuse for its form is named in `problems`.
"""

import re
from typing import Any

import msgspec

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

TOKEN = "q1w2e3r4t5y6u7i8o9p0a1s2d3"
BOT = "botbotbotbotbotbotbotbotbo"
_POST = {"id", "channel_id", "message", "props", "root_id"}
_ATTACHMENT = {"fallback", "color", "text", "fields", "actions"}


class FakeMattermost(FakeWebhook):
    """The server. `posts` are in order, each as it reads now."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.problems: list[str] = []
        self.posts: list[dict[str, Any]] = []
        self.accounts: dict[str, str] = {}
        """E-mail addresses and user names to ids."""
        self.channels: set[str] = set()
        self._counter = 0

    @property
    def base_url(self) -> str:
        """What mattermost.url is to be."""
        return f"http://{self.host}:{self.port}"

    async def respond(self, request: Received) -> bytes:
        """The answer to one request."""
        if not self._answer.startswith(b"HTTP/1.1 200"):
            return self._answer
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "Invalid or expired session, please login again.")
        path = request.path.removeprefix("/api/v4")
        try:
            return self._route(request, path)
        except AssertionError as error:
            self.problems.append(str(error))
            return _refusal(400, str(error))

    def _route(self, request: Received, path: str) -> bytes:
        if (request.method, path) == ("GET", "/users/me"):
            return _object(200, {"id": BOT, "username": "openalert"})
        if request.method == "GET" and path.startswith(("/users/email/", "/users/username/")):
            name = path.rpartition("/")[2].replace("%40", "@")
            found = self.accounts.get(name)
            if found is None:
                return _refusal(404, "Unable to find an existing account matching your email address.")
            return _object(200, {"id": found, "username": "somebody"})
        if (request.method, path) == ("POST", "/channels/direct"):
            one, other = request.json
            assert one == BOT
            if other not in self.accounts.values():
                return _refusal(404, "Unable to find the user.")
            self.channels.add(_direct(other))
            return _object(201, {"id": _direct(other)})
        if (request.method, path) == ("POST", "/posts"):
            return self._create(request.json)
        assert request.method == "PUT", f"{request.method} {path} is not known"
        return self._update(path.rpartition("/")[2], request.json)

    def _create(self, given: dict[str, Any]) -> bytes:
        _check(given)
        if given["channel_id"] not in self.channels:
            return _refusal(403, "You do not have the appropriate permissions.")
        if given.get("root_id") and given["root_id"] not in {post["id"] for post in self.posts}:
            return _refusal(400, "Invalid RootId parameter.")
        self._counter += 1
        post = {**given, "id": f"post{self._counter:022d}", "edits": 0}
        self.posts.append(post)
        return _object(201, {"id": post["id"]})

    def _update(self, post_id: str, given: dict[str, Any]) -> bytes:
        _check(given)
        assert given["id"] == post_id, "the id in the path is another"
        post = next((each for each in self.posts if each["id"] == post_id), None)
        if post is None:
            return _refusal(404, "Unable to get the post.")
        post.update(given, edits=post["edits"] + 1)
        return _object(200, {"id": post_id})

    def words(self, post: dict[str, Any]) -> str:
        """Everything that a post shows."""
        parts = [post["message"]]
        for each in post.get("props", {}).get("attachments", []):
            parts += [
                each["text"],
                *(f"{field['title']}: {field['value']}" for field in each.get("fields", [])),
            ]
        return "\n".join(parts)

    def buttons(self, post: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The buttons of a post by their words."""
        attachments = post.get("props", {}).get("attachments", [])
        return {action["name"]: action for each in attachments for action in each["actions"]}

    def press(self, post: dict[str, Any], name: str, user_id: str) -> dict[str, Any]:
        """What the integration is posted when this account presses the button."""
        self._counter += 1
        return {
            "user_id": user_id,
            "user_name": "somebody",
            "channel_id": post["channel_id"],
            "post_id": post["id"],
            "trigger_id": f"trigger{self._counter}",
            "type": "button",
            "context": self.buttons(post)[name]["integration"]["context"],
        }


def _direct(user_id: str) -> str:
    return "dm" + user_id[2:]


def _check(given: dict[str, Any]) -> None:
    assert given.keys() <= _POST, given.keys() - _POST
    assert len(given["message"]) <= 16_383
    props = given.get("props", {})
    assert len(msgspec.json.encode(props).decode()) <= 8_000, "props are too long"
    for each in props.get("attachments", []):
        assert each.keys() <= _ATTACHMENT, each.keys() - _ATTACHMENT
        for action in each["actions"]:
            assert re.fullmatch(r"[A-Za-z0-9]+", action["id"]), "an action's id has letters and digits alone"
            assert action["integration"]["url"].startswith("http")
    shown = [given["message"], *(each["text"] for each in props.get("attachments", []))]
    for text in shown:
        assert not re.search(r"@\w", text), f"a mention: {text}"
        assert not re.search(r"(?<!\\)!\[", text), f"a picture: {text}"


def _object(status: int, content: dict[str, Any]) -> bytes:
    return whole_answer(status, None, msgspec.json.encode(content))


def _refusal(status: int, words: str) -> bytes:
    return _object(status, {"message": words, "status_code": status})
