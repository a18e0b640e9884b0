"""How well a colour is seen on the grounds of a public page."""

import msgspec

from openalert.domain.status_page import COLOUR

_LIGHT, _DARK = "#f6f7f9", "#0b0d11"
"""The grounds of `templates/status/page.css`."""
SEEN = 3.0
"""From this contrast on shapes and lines are seen (WCAG 2.2, 1.4.11)."""


class Contrasts(msgspec.Struct, frozen=True):
    """Contrast ratios of a colour, 1 to 21."""

    light: float
    dark: float

    @property
    def weak(self) -> str:
        """The themes in which it is hardly seen, in words; empty: in none."""
        weak = [name for name, value in (("light", self.light), ("dark", self.dark)) if value < SEEN]
        return " and ".join(weak)


def contrasts(colour: str) -> Contrasts | None:
    """Of a colour `#rrggbb` on the light and the dark ground; None for what is no colour."""
    if not COLOUR.fullmatch(colour):
        return None
    return Contrasts(_contrast(colour, _LIGHT), _contrast(colour, _DARK))


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
