"""The script of public pages: one small file below each page's own address, so that it is there on every domain."""

import hashlib
import re
from importlib.resources import files

from openalert.domain.public_page import PublicPage
from openalert.web.status.answers import Answer, answer

TYPE = "text/javascript; charset=utf-8"


def source(name: str) -> bytes:
    """A script as it is sent: without its comments and the spaces that lines begin with."""
    text = (files("openalert.web") / "templates/status" / name).read_text()
    return re.sub(r"^\s*(//.*\n)?|\n\s*(//.*(?=\n))?", "\n", text, flags=re.M).strip().encode()


_LIVE = source("live.js")
VERSION = hashlib.sha256(_LIVE).hexdigest()[:8]
"""Ends the address of the script, so that a new one is fetched at once."""


def live(page: PublicPage) -> Answer:
    """What keeps a page fresh, lets its bars be read by keyboard and adds the reader's own time."""
    return answer(page, _LIVE, TYPE)
