"""How long a text message is: the alphabet of GSM 03.38 or UCS-2, and the segments that are paid for.

Sources: 3GPP TS 23.038 section 6.2.1 (alphabet and extension), TS 23.040 section 9.2.3.24 (joined messages).
"""

from openalert.notifiers.text import one_line

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Each takes two places."""
_FANCY = "‘’‚“”„–—‐‑•→×`´\u00a0\u202f\t…"
_TYPEWRITER = [
    "'",
    "'",
    ",",
    '"',
    '"',
    '"',
    "-",
    "-",
    "-",
    "-",
    "-",
    ">",
    "x",
    "'",
    "'",
    " ",
    " ",
    " ",
    "...",
]
_PLAIN = str.maketrans(dict(zip(_FANCY, _TYPEWRITER, strict=True)))


def plain(text: str) -> str:
    """Typographic signs as those of a typewriter, which every telephone's alphabet has."""
    return text.translate(_PLAIN)


def segments(text: str) -> int:
    """How many messages it is sent and paid as: 160 places alone or 153 joined; with any other letter 70 or 67."""
    places = _places(text)
    alone, joined = (160, 153) if places is not None else (70, 67)
    length = places if places is not None else len(text.encode("utf-16-le", "replace")) // 2
    return 1 if length <= alone else -(-length // joined)


def strange(text: str) -> list[str]:
    """The letters outside the GSM alphabet, each once: one of them makes the whole message one of 70 places."""
    return list(dict.fromkeys(letter for letter in text if letter not in _BASIC and letter not in _EXTENDED))


def fit(text: str, most: int) -> str:
    """The text in a typewriter's signs, cut to at most so many segments."""
    text = plain(text)
    while segments(text) > most:
        text = plain(one_line(text, max(len(text) - 20, 20)))
    return text


def _places(text: str) -> int | None:
    """Places in the GSM alphabet; None when a letter is not in it."""
    if strange(text):
        return None
    return len(text) + sum(letter in _EXTENDED for letter in text)
