"""Who may do what, read from `matrix.txt`: the specification of every route's rights, and the page that shows it."""

import re
from functools import lru_cache
from importlib import resources

import msgspec

NEEDS = (
    "anyone",
    "signed in",
    "self",
    "self or admin",
    "team viewer",
    "team member or paged",
    "team member",
    "team admin",
    "team owner",
    "key admin",
    "watch key",
    "organization admin",
    "organization owner",
)
"""The least that one must be, as the file words it; its head says what each means."""

_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
_VALUE = re.compile(r"\{(\w+)=([\w-]+)\}")


class Route(msgspec.Struct, frozen=True):
    """A line of the matrix that names a route."""

    method: str
    path: str
    """With its parameters in braces, as the program has them: `/incidents/{incident_id}/{verb}`."""
    needs: str
    values: tuple[tuple[str, str], ...] = ()
    """What some of the parameters stand for in this line: `(("verb", "resolve"),)`."""


class Act(msgspec.Struct, frozen=True):
    """What one does, in plain words."""

    words: str
    needs: str
    routes: tuple[Route, ...]


class Section(msgspec.Struct, frozen=True):
    """Acts that belong together."""

    name: str
    acts: tuple[Act, ...]


@lru_cache(maxsize=1)
def sections() -> tuple[Section, ...]:
    """The whole matrix; ValueError names the first line that cannot be read."""
    return parse(resources.files("openalert.web").joinpath("matrix.txt").read_text(encoding="utf-8"))


def routes() -> list[Route]:
    """Every route of it."""
    return [route for section in sections() for act in section.acts for route in act.routes]


def parse(text: str) -> tuple[Section, ...]:
    """Sections from the text of such a file."""
    found: list[tuple[str, list[tuple[str, str, list[Route]]]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if content.startswith("["):
            found.append((content.strip("[]"), []))
        elif line.startswith(" "):
            _, needs, listed = found[-1][1][-1]
            listed.append(_route(content, needs, number))
        else:
            needs, _, words = content.partition(": ")
            if needs not in NEEDS or not words:
                raise ValueError(f"line {number}: {needs!r} is not one of {', '.join(NEEDS)}")
            found[-1][1].append((words, needs, []))
    return tuple(
        Section(name, tuple(Act(words, needs, tuple(listed)) for words, needs, listed in acts))
        for name, acts in found
    )


def _route(text: str, needs: str, number: int) -> Route:
    match = _ROUTE.fullmatch(text)
    if match is None:
        raise ValueError(f"line {number}: {text!r} is no route")
    values = tuple(_VALUE.findall(match.group(2)))
    return Route(match.group(1), _VALUE.sub(r"{\1}", match.group(2)), needs, values)
