"""What customers should not read: names of machines, addresses and labels of ours, found in words meant for them.

A hint for whoever publishes, never a judgement: it knows shapes, and the values of labels that it is given.
"""

import re
from collections.abc import Iterable

_ADDRESS = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?:/\d{1,2})?(?![\w.])"
_ADDRESS_6 = r"(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}(?![\w:])"
_INTERNAL = (
    r"\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\."
    r"(?:internal|local|localdomain|lan|corp|intra|intranet|private|svc|cluster|home\.arpa|compute)\b(?:\.[a-z0-9.-]+)?"
)
_MACHINE = r"\b[a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d{1,4}[a-z]?\b(?:\.[a-z0-9-]+)*"
_LABEL = r"\b[a-z_][\w./-]*=(?:\"[^\"\n]{1,100}\"|[^\s,;{}\"]{1,100})"
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE) for shape in (_ADDRESS, _ADDRESS_6, _INTERNAL, _LABEL, _MACHINE)
)
_WORD = re.compile(r"\S+")
_LINK = re.compile(r"https?://\S+")
LONGEST_WORD = 253
"""A longer one is no name; the shapes cost the square of its length."""
SHORTEST = 4
"""Values of labels that are shorter are words such as `api`, which say nothing."""
MOST = 8


def found(text: str, labels: Iterable[str] = ()) -> list[str]:
    """What of this text looks like ours, each once, in the order of the text; `labels`: values that are ours."""
    plain = _LINK.sub(" ", text[:25_000])
    hits = [
        (word.start() + each.start(), each.group())
        for word in _WORD.finditer(plain)
        if len(word.group()) <= LONGEST_WORD
        for shape in _SHAPES
        for each in shape.finditer(word.group())
    ]
    for value in labels:
        if len(value) >= SHORTEST:
            at = plain.lower().find(value.lower())
            if at >= 0:
                hits.append((at, plain[at : at + len(value)]))
    kept: list[tuple[int, str]] = []
    for at, words in sorted(hits, key=lambda hit: (hit[0], -len(hit[1]))):
        if not any(start <= at < start + len(other) for start, other in kept):
            kept.append((at, words))
    return list(dict.fromkeys(words for _, words in kept))[:MOST]
