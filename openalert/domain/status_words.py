"""Sentences that nobody wrote by hand: how a status page tells of a step, in the language of the page."""

from openalert.domain.languages import words_of
from openalert.domain.status_page import PublicStatus


def sentence(language: str, status: PublicStatus, parts: str = "") -> str:
    """What is said of a step when nobody says it otherwise; `parts`: the names of components, empty: of the whole."""
    told = words_of(language).told
    return told.steps.get(status, "").format(parts=parts or told.whole)
