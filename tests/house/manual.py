"""What the manual says of the program, taken out of its pages so that tests can hold it against the program."""

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from openalert import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^([ \t]*)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_PLACEHOLDER = re.compile(r"[A-Z]+…?|…")


@dataclass(frozen=True)
class Said:
    """A piece of a page: `text` as it stands there, `kind` the language of its fence or "span" for `code` in a line."""

    page: str
    kind: str
    text: str


@functools.cache
def pieces(page: Path) -> tuple[Said, ...]:
    """All code of a page of the manual, fences first."""
    text = page.read_text()
    name = str(page.relative_to(ROOT))
    fences = [
        Said(name, found[2] or "text", _dedented(found[3], found[1])) for found in _FENCE.finditer(text)
    ]
    spans = [Said(name, "span", " ".join(found[1].split())) for found in _SPAN.finditer(_FENCE.sub("", text))]
    return (*fences, *spans)


def _dedented(text: str, indent: str) -> str:
    return "\n".join(line.removeprefix(indent) for line in text.splitlines())


def command_lines() -> Iterator[tuple[str, str, bool]]:
    """Where a command line of `openalert` is said, its arguments, and whether it is there to be copied."""
    for page in PAGES:
        for piece in pieces(page):
            if piece.kind == "span":
                found = re.fullmatch(r"(?:sudo )?(?:[\w./]*/)?openalert (?!is )([a-z-].*)", piece.text)
                lines = [found[1]] if found else []
            else:
                joined = piece.text.replace("\\\n", " ")
                lines = re.findall(
                    r"^(?:sudo |\$ )?(?:[\w./]*/)?openalert ([a-z-][^|;&>\n]*)", joined, re.MULTILINE
                )
            for line in lines:
                yield piece.page, line, piece.kind != "span"
    for unit in sorted((ROOT / "docs/deploy").glob("*.service")):
        for line in re.findall(r"^Exec\w+=\S+/openalert (.*)$", unit.read_text(), re.MULTILINE):
            yield str(unit.relative_to(ROOT)), line, True


def own_command_lines() -> Iterator[tuple[str, str]]:
    """Where the program itself tells somebody to type a command, and its arguments as far as they stand in the text."""
    for path in sorted((ROOT / "openalert").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for line in _typed(" ".join(node.value.split())):
                    yield str(path.relative_to(ROOT)), line
    for path in sorted((ROOT / "openalert/web/templates").rglob("*.html")):
        for line in re.findall(r"<code>openalert ([^<]+)</code>", path.read_text()):
            yield str(path.relative_to(ROOT)), line


def _typed(text: str) -> list[str]:
    """In `backticks`, or after a colon as the end of a sentence has it; not the name of a receiver in YAML."""
    backticked = re.findall(r"`openalert ([a-z-][^`]*)(?:`|$)", text)
    plain = re.findall(
        r"(?:(?<!name|iver): |\brun )openalert ([a-z-]+(?: (?:--[a-z-]+|[a-z]+(?=[. ]|$)))*)", text
    )
    return [line.rstrip(".,") for line in backticked + plain]


def refused(line: str, *, whole: bool) -> str | None:
    """Why the program would not take these arguments; None when it would.

    Alternatives (`list|add`), what may be left out (`[--all]`) and what stands for something (`FILE`, `…`) are
    understood. With `whole` nothing that is needed may be missing.
    """
    bare = _OPTIONAL.sub(lambda found: "" if whole else found[1], line.replace("\\|", "|"))
    try:
        words = shlex.split(bare, comments=True)
    except ValueError as error:
        return str(error)
    return _refused_by(cli.openalert, words, whole=whole)


def leaves(name: str) -> list[str]:
    """The command and, where it has some, each of those below it: `token create`."""
    command = cli.openalert.get_command(click.Context(cli.openalert), name)
    if isinstance(command, click.Group):
        return [f"{name} {below}" for below in command.commands]
    return [name]


def _refused_by(command: click.Command, words: list[str], *, whole: bool) -> str | None:
    context = click.Context(command, info_name=command.name)
    if isinstance(command, click.Group):
        if not words or _PLACEHOLDER.fullmatch(words[0]):
            return None
        if words[0].startswith("-"):
            return None if words[0] in _options(command, context) else f"has no option {words[0]}"
        for name in words[0].split("|"):
            below = command.get_command(context, name)
            if below is None:
                return f"has no command {name}"
            why = _refused_by(below, words[1:], whole=whole)
            if why is not None:
                return f"{name}: {why}"
        return None
    return _arguments_refused(command, context, words, whole=whole)


def _options(command: click.Command, context: click.Context) -> dict[str, click.Option]:
    return {
        name: option
        for option in command.get_params(context)
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }


def _arguments_refused(
    command: click.Command, context: click.Context, words: list[str], *, whole: bool
) -> str | None:
    options = _options(command, context)
    rest, given = list(words), 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            given += 1
            continue
        name, value = "", ""
        for alternative in word.split("|"):
            name, _, value = alternative.partition("=")
            if name not in options:
                return f"has no option {name}"
        option = options[name]
        if not option.is_flag and not option.count:
            if not value:
                if not rest:
                    return f"{name} wants a value" if whole else None
                value = rest.pop(0)
            if not _PLACEHOLDER.search(value) and isinstance(option.type, click.Choice | click.IntRange):
                try:
                    option.type_cast_value(context, [value] if option.multiple else value)
                except click.BadParameter as error:
                    return error.format_message()
    arguments = [each for each in command.get_params(context) if isinstance(each, click.Argument)]
    if all(each.nargs == 1 for each in arguments) and given > len(arguments):
        return f"takes {len(arguments)} arguments, not {given}"
    if whole and given < sum(each.required for each in arguments):
        return f"wants {sum(each.required for each in arguments)} arguments, not {given}"
    return None


_OUR_HOSTS = r"https?://(?:127\.0\.0\.1:8080|(?:oncall|alerts|openalert)\.example\.(?:com|org))"
_PATH = re.compile(r"(?:(GET|POST|PUT|PATCH|DELETE) )?(/[a-z][\w\-./{}<>…:$]*)")


def paths() -> Iterator[tuple[str, str | None, str]]:
    """Where a path of ours is said, its method where one stands before it, and the path without its query."""
    for page in PAGES:
        for piece in pieces(page):
            if piece.kind == "span":
                found = _PATH.match(piece.text)
                if found and not re.match(r"\S* [^{]", piece.text[found.end() :]):
                    yield piece.page, found[1], found[2]
            else:
                for path in re.findall(rf"{_OUR_HOSTS}(/[\w\-./{{}}<>…$]*)", piece.text):
                    yield piece.page, None, path


def fits(path: str, route: str, *, ends: bool = False) -> bool:
    """Whether a path of the manual is this route; with `ends`, or what stands at the end of it.

    One that breaks off (`/webhooks/…`, `/callbacks/twilio/`) is where routes begin. A word may stand for a parameter
    that is no id.
    """
    said, parts = path.removesuffix("…").strip("/").split("/"), route.strip("/").split("/")
    if path.endswith(("/", "…")):
        parts = parts[: len(said)]
    elif ends and len(said) < len(parts):
        parts = parts[-len(said) :]
    return len(said) == len(parts) and all(
        part == word
        or (part.startswith("{") and not (part.endswith("_id}") and re.fullmatch("[a-z-]+", word)))
        for word, part in zip(said, parts, strict=True)
    )


def anchors(page: Path) -> set[str]:
    """What a link into the page may name: its headings as forges write them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", _FENCE.sub("", page.read_text()), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = plain = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while slug in found:
            number += 1
            slug = f"{plain}-{number}"
        found.add(slug)
    return found
