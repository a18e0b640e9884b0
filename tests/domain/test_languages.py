"""The catalogues of our words: complete, the same placeholders in all, and the forms that numbers ask for."""

import re
import string
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.languages import (
    KNOWN,
    USUAL,
    Plural,
    Words,
    counted,
    length_words,
    listed,
    month_words,
    percent_words,
    span_words,
    words_of,
)
from openalert.domain.status_page import ComponentStatus, Impact, OverallStatus, PublicStatus
from openalert.domain.status_subscriber import MailingKind
from openalert.domain.status_words import sentence

FORMS = {"none": {"other"}, "one": {"one", "other"}, "zero_and_one": {"one", "other"},
         "polish": {"one", "few", "many", "other"}}  # fmt: skip


def phrases(words: msgspec.Struct, of: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a catalogue, by where it stands; the forms of a plural stand at one place."""
    for field in msgspec.structs.fields(words):
        yield from _within(of + field.name, getattr(words, field.name))


def _within(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Plural):
        yield from ((place, each) for each in msgspec.structs.astuple(value) if each is not None)
    elif isinstance(value, msgspec.Struct):
        yield from phrases(value, f"{place}.")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _within(f"{place}.{key}", each)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _within(f"{place}.{number}", each)
    else:
        yield place, value


def named(phrase: str) -> set[str]:
    """What is put into the phrase."""
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_there_are_these_languages() -> None:
    """Those that the documentation promises."""
    assert set(KNOWN) == {"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh"}


@pytest.mark.parametrize("language", KNOWN)
def test_a_catalogue_lacks_nothing(language: str) -> None:
    """Every key and every member has words; what is put in is what English has put in, in each form."""
    words, usual = words_of(language), words_of(USUAL)
    assert (len(words.months), len(words.months_short), len(words.weekdays)) == (12, 12, 7)
    assert set(words.component_status) == set(words.headline) == set(ComponentStatus)
    assert set(words.incident_status) == set(PublicStatus)
    assert set(words.impact) == set(Impact)
    assert set(words.badge) == set(OverallStatus)
    assert set(words.mail.letters) == set(MailingKind) - {MailingKind.UPDATE}
    assert set(words.told.steps) == set(usual.told.steps)
    assert words.language == language
    wanted = {place: named(phrase) for place, phrase in phrases(usual)}
    assert {place for place, _ in phrases(words)} == set(wanted)
    for place, phrase in phrases(words):
        assert phrase.strip(), place
        assert not re.search(r"[<>\"]", phrase), place
        assert named(phrase) == wanted[place], place


@pytest.mark.parametrize("section", ["", "forms", "hooks", "mail", "told"])
@pytest.mark.parametrize("mark", ["lacks", "adds"])
def test_a_section_with_other_keys_is_refused(section: str, mark: str) -> None:
    """A word that is missing or that nobody reads is found when the catalogue is read, not on a customer's screen."""
    catalogue = msgspec.to_builtins(words_of("pl"))
    table = catalogue[section] if section else catalogue
    if mark == "lacks":
        del table[next(iter(table))]
    else:
        table["nobody_reads_this"] = "słowo"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(catalogue, Words)


@pytest.mark.parametrize("language", [each for each in KNOWN if each != USUAL])
def test_nothing_for_subscribers_is_left_in_english(language: str) -> None:
    """A new key is put into words of the language, not copied from the catalogue that others are compared with."""
    usual = dict(phrases(words_of(USUAL)))
    same = {
        place
        for place, phrase in phrases(words_of(language))
        if place.partition(".")[0] in {"forms", "hooks", "mail", "told"} and phrase == usual[place]
    }
    assert same <= {"hooks.webhook"}


@pytest.mark.parametrize("language", KNOWN)
def test_a_plural_has_the_forms_of_its_language(language: str) -> None:
    """As many as the rule of the language tells apart, no more and no fewer."""
    words = words_of(language)
    for field in msgspec.structs.fields(words):
        value = getattr(words, field.name)
        if isinstance(value, Plural):
            given = {name for name in ("one", "few", "many", "other") if getattr(value, name) is not None}
            assert given == FORMS[words.plural], field.name


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["1 update", "2 updates", "5 updates", "22 updates"]),
        ("fr", ["1 message", "2 messages", "5 messages", "22 messages"]),
        ("pl", ["1 komunikat", "2 komunikaty", "5 komunikatów", "22 komunikaty"]),
        ("ja", ["更新1件", "更新2件", "更新5件", "更新22件"]),
    ],
)
def test_numbers_choose_their_form(language: str, said: list[str]) -> None:
    """One, few and many are different words in some languages and the same in others."""
    words = words_of(language)
    assert [counted(words, words.updates_count, number) for number in (1, 2, 5, 22)] == said


def test_twelve_to_fourteen_are_many_in_polish() -> None:
    """The teens are an exception of the rule about last digits."""
    words = words_of("pl")
    for number in (12, 13, 14, 112):
        assert counted(words, words.updates_count, number).endswith("komunikatów")


@pytest.mark.parametrize("language", [each for each in KNOWN if each != USUAL])
def test_steps_are_told_in_every_language(language: str) -> None:
    """What nobody wrote by hand is in the language of the page, too."""
    for status in (PublicStatus.INVESTIGATING, PublicStatus.RESOLVED, PublicStatus.COMPLETED):
        said = sentence(language, status)
        assert said
        assert said != sentence(USUAL, status)
        assert "{" not in said
    assert "A {x} B" in sentence(language, PublicStatus.INVESTIGATING, "A {x} B")


def test_an_unknown_language_is_english() -> None:
    """A page that was saved with another one still speaks."""
    assert words_of("tlh") is words_of(USUAL)


def test_dates_lengths_and_lists_follow_the_language() -> None:
    """Their order, their signs and their words."""
    first, last = date(2026, 2, 27), date(2026, 3, 1)
    assert span_words(words_of("en"), first, last) == "27 Feb to 1 Mar 2026"
    assert span_words(words_of("en"), date(2025, 12, 31), last) == "31 Dec 2025 to 1 Mar 2026"
    assert span_words(words_of("de"), first, last) == "27. Feb. bis 1. März 2026"
    assert span_words(words_of("ja"), last, last) == "2026年3月1日"
    assert month_words(words_of("es"), last) == "marzo de 2026"
    lengths = [42_000, 24 * MINUTE, 3 * HOUR + 5 * MINUTE, DAY, 2 * DAY + 4 * HOUR]
    assert [length_words(words_of("en"), each) for each in lengths] == [
        "42 s", "24 min", "3 h 05 min", "1 day", "2 days 4 h",
    ]  # fmt: skip
    assert length_words(words_of("pl"), 2 * DAY + 4 * HOUR) == "2 dni 4 godz."
    assert listed(words_of("de"), ["API", "Web", "Mail"]) == "API, Web und Mail"
    assert listed(words_of("de"), ["API"]) == "API"


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "no data"), (100.0, "100 %"), (99.9999, "99.99 %"), (0.0, "0.00 %"), (33.339, "33.33 %")],
)
def test_a_percentage_is_never_rounded_up(value: float | None, said: str) -> None:
    """What was down for a second was not up for all of the time."""
    assert percent_words(words_of("en"), value) == said
    assert percent_words(words_of("fr"), 99.5) == "99,50 %"
