"""Front-end files: what others made is unchanged, and what we made keeps the content policy."""

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "openalert" / "web"
STATIC = WEB / "static"
VENDOR = STATIC / "vendor"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
FORBIDDEN = (
    r"<script(?![^>]*\ssrc=)", r"<style", r"\sstyle\s*=", r"\son[a-z]+\s*=", r"hx-on", r"hx-vals\s*=\s*.js:",
    r"hx-trigger=\"[^\"]*\[", r"\|\s*safe\b", r"autoescape\s+false", r"javascript:", r"(src|href)=\"(https?:)?//",
)  # fmt: skip
COLOURS = (STATIC / "css" / "1-tokens.css").read_text()


def test_vendored_files_are_what_their_list_says() -> None:
    """Every file made by others has one line in VENDOR.md with its checksum, and no line is left over."""
    listed = dict(
        re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text(), re.M)
    )
    there = {path.name for path in VENDOR.iterdir()} - {"VENDOR.md"}
    assert set(listed) == there
    for name, checksum in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == checksum, name


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_templates_need_no_exception_from_the_content_policy(path: Path) -> None:
    """No inline script, style or handler, nothing that needs eval, no unescaped value."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)
    for forbidden in FORBIDDEN:
        assert not re.search(forbidden, text, re.I), forbidden


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_every_drawing_named_in_a_template_exists(path: Path) -> None:
    """An icon that is not in the sprite would be an empty square."""
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))
    assert set(re.findall(r'icon\("([a-z0-9-]+)"', path.read_text())) <= drawn


def test_every_template_says_what_it_is() -> None:
    """The first line of a template is a comment: what it shows and what it must be given."""
    assert [path.name for path in TEMPLATES if not path.read_text().startswith("{#")] == []


def _colours(theme: int) -> dict[str, str]:
    """Token name -> #rrggbb of the light (0) or dark (1) theme."""
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", COLOURS)
    plain = re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", COLOURS)
    return {name: both[theme] for name, *both in pairs} | dict(plain)


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21, WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_every_ground(theme: int) -> None:
    """Each text colour has 4.5:1 on each ground it may stand on, in both themes (WCAG 2.2 AA, 1.4.3)."""
    colours = _colours(theme)
    grounds = ["ground", "surface", "raised", "sunken", "hover"]
    washes = ["wash-critical", "wash-high", "wash-medium", "wash-good", "wash-accent"]
    inks = ["text", "muted", "accent", "critical", "high", "medium", "low", "info", "good"]
    weak = [
        f"{ink} on {ground}: {_contrast(colours[ink], colours[ground]):.2f}"
        for ink in inks
        for ground in (grounds + washes if ink in {"text", "muted", "critical", "accent"} else grounds)
        if _contrast(colours[ink], colours[ground]) < 4.5
    ]
    weak += [
        fill
        for fill in ("accent-fill", "danger-fill", "good-fill")
        if _contrast("#ffffff", colours[fill]) < 4.5
    ]
    assert weak == []


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_controls_are_visible_on_every_ground(theme: int) -> None:
    """The outline of a field has 3:1 on its ground, in both themes (WCAG 2.2 AA, 1.4.11)."""
    colours = _colours(theme)
    assert min(_contrast(colours["control"], colours[g]) for g in ("ground", "surface", "raised")) >= 3


def test_initials_are_readable_on_every_face() -> None:
    """White letters have 4.5:1 on each of the eight colours of people."""
    faces = re.findall(r"--face: (#[0-9a-f]{6})", (STATIC / "css" / "4-parts.css").read_text())
    assert len(faces) == 8
    assert min(_contrast("#ffffff", face) for face in faces) >= 4.5
