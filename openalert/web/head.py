"""The head of an answer: header fields, checked and joined in one go.

uvicorn looks through each field of each answer with two regular expressions: with the fields that all of ours have,
a third of what a status page costs.
"""

import re
from collections.abc import Iterable

Fields = Iterable[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = bytes({*range(0x20), 0x7F} - {ord("\t")})


class _Names(dict[bytes, bytes]):
    """Names in lower case, by how they are given. They are the program's own, so there are not many."""

    def __missing__(self, given: bytes) -> bytes:
        if not _TOKEN.fullmatch(given):
            raise RuntimeError(f"{given!r} is no name of a header field")
        self[given] = name = given.lower()
        return name


_names = _Names()


def named(fields: Fields) -> dict[bytes, bytes]:
    """The values by name in lower case; of several with one name the last."""
    return {_names[name]: value for name, value in fields}


def joined(fields: Fields) -> bytes:
    """Lines as they leave the server. RuntimeError for what would be a line more, or a control character."""
    lines = [b"%b: %b\r\n" % (_names[name], value) for name, value in fields]
    text = b"".join(lines)
    if len(text) - len(text.translate(None, _CONTROLS)) != 2 * len(lines):
        raise RuntimeError("a header field has a control character")
    return text
