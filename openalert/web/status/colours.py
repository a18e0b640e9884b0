"""A team's own colour on its page: on the line on top as it is, on words and frames as far as it can be read."""

import msgspec

from openalert.domain.status_page import COLOUR

DARKEST, LIGHTEST = "#000000", "#ffffff"
GROUNDS = (("#f6f7f9", "#ffffff"), ("#0b0d11", "#13161c"))
"""What words stand on, in the light and in the dark theme: as in page.css."""
ENOUGH = 4.5
"""Contrast of words (WCAG 2.2 AA, 1.4.3)."""
SEEN = 3.0
"""Contrast from which lines and shapes are seen (WCAG 2.2, 1.4.11)."""
_STEPS = 20


class Contrasts(msgspec.Struct, frozen=True):
    """Contrast of a colour with the grounds of the page, 1 to 21."""

    light: float
    dark: float

    @property
    def weak(self) -> str:
        """The themes in which its line is hardly seen, in words; empty: in none."""
        weak = [name for name, value in (("light", self.light), ("dark", self.dark)) if value < SEEN]
        return " and ".join(weak)


def contrasts(colour: str) -> Contrasts | None:
    """How a colour `#rrggbb` stands out from either ground; None for what is no colour."""
    if not COLOUR.fullmatch(colour):
        return None
    light, dark = (contrast(colour, grounds[0]) for grounds in GROUNDS)
    return Contrasts(light, dark)


def branded(accent: str) -> str:
    """The rule that gives the page its colour, `#rrggbb`."""
    light, dark = readable(accent, DARKEST, GROUNDS[0]), readable(accent, LIGHTEST, GROUNDS[1])
    return f":root{{--brand:{accent};--link:light-dark({light},{dark})}}"


def readable(colour: str, towards: str, grounds: tuple[str, ...]) -> str:
    """The colour, moved towards black or white just as far as words in it can be read on all these grounds."""
    for step in range(_STEPS):
        found = _mixed(colour, towards, step / _STEPS)
        if min(contrast(found, ground) for ground in grounds) >= ENOUGH:
            return found
    return towards


def contrast(one: str, other: str) -> float:
    """1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
