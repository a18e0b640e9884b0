"""Our own words for customers in the languages of status pages: one catalogue file each, the same keys in all.

What people write stays as they wrote it; this is what stands around it: on the page and its badges, in the forms of
subscribers, in mails and posts to them, and in updates that nobody wrote by hand.
A new language is one more file: `KNOWN` finds it, and tests/domain/test_languages.py says what it lacks.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from importlib.resources import files

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.status_page import ComponentStatus, Impact, OverallStatus, PublicStatus
from openalert.domain.status_subscriber import MailingKind

USUAL = "en"
"""Spoken where a page asks for a language that is not known."""
KNOWN: tuple[str, ...] = tuple(
    sorted(
        each.name.removesuffix(".toml") for each in files(__name__).iterdir() if each.name.endswith(".toml")
    )
)


class Plural(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase with `{count}` in the forms that numbers ask for (CLDR's categories)."""

    other: str
    one: str | None = None
    few: str | None = None
    many: str | None = None


class Forms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where readers subscribe, confirm, choose and leave."""

    back: str
    lead: str
    lead_incident: str
    """The same of one incident alone."""
    email: str
    trap: str
    """The field that only programs fill in."""
    what: str
    all: str
    some: str
    subscribe_button: str
    promise: str
    others: str
    calendar: str
    check: str
    """The heading after the form was sent."""
    check_lead: str
    confirm: str
    confirm_lead: str
    confirm_button: str
    confirmed: str
    confirmed_lead: str
    choose: str
    subscription: str
    only_incident: str
    save: str
    saved: str
    leave: str
    leave_lead: str
    left: str
    left_lead: str
    gone: str
    gone_lead: str
    later: str
    later_lead: str
    no_mail: str
    bad_address: str
    choose_some: str
    too_many: str
    full: str


class Hooks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where webhooks and channels are subscribed."""

    heading: str
    lead: str
    way: str
    webhook: str
    url: str
    contact: str
    promise: str
    bad_url: str
    bad_contact: str
    off: str
    asked: str
    """The heading after a channel was named."""
    asked_lead: str
    signed_with: str
    """In front of what signs for a webhook."""


class LetterWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A letter that tells no update. `{page}` stands for the name of the page."""

    subject: str
    heading: str
    body: str


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in mails and posts to subscribers."""

    confirm: str
    not_you: str
    """Below the button that confirms."""
    open_incident: str
    affected: str
    planned: str
    """In front of the time of a maintenance."""
    chosen: str
    """In front of the components that somebody chose."""
    why: str
    manage: str
    unsubscribe: str
    repeat: str
    """Of what may have arrived before."""
    letters: Mapping[MailingKind, LetterWords]
    """Of every kind but the update, which has the words of people."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a page tells where nobody wrote it by hand."""

    whole: str
    """In place of `{parts}` where no components are named."""
    steps: Mapping[PublicStatus, str]
    """What is said of a step; none of those that only people take."""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A catalogue. Braces name what is put in; the same in every language."""

    language: str
    """Its tag, as in HTML's `lang` (RFC 5646)."""
    name: str
    """What the language calls itself."""
    direction: str
    """`ltr` or `rtl`."""
    plural: str
    """Which rule chooses a form: a key of `_RULES`."""

    months: tuple[str, ...]
    months_short: tuple[str, ...]
    weekdays: tuple[str, ...]
    """Two letters or so, from Monday on."""
    date: str
    date_short: str
    """Without the year."""
    month_year: str
    moment: str
    span: str
    """From one time to another."""
    decimal: str
    percent: str
    separator: str
    """Between the members of a list."""
    joint: str
    """Before the last of them."""

    length_seconds: str
    length_minutes: str
    length_hours: str
    length_days: Plural
    length_days_hours: str

    component_status: Mapping[ComponentStatus, str]
    incident_status: Mapping[PublicStatus, str]
    impact: Mapping[Impact, str]
    headline: Mapping[ComponentStatus, str]
    headline_all_down: str
    headline_incident: str
    """Every component is well, but an incident is open."""
    badge: Mapping[OverallStatus, str]
    badge_incident: str
    badge_label: str

    since: str
    as_of: str
    stale: str
    copy: str
    affected: Plural
    open_incidents_count: Plural
    maintenances_count: Plural
    updates_count: Plural
    disruptions_count: Plural

    skip: str
    status: str
    contact_support: str
    subscribe: str
    open_incidents: str
    maintenance: str
    components: str
    past_incidents: str
    no_incidents: str
    no_incidents_in: str
    no_components: str
    all_history: str
    history: str
    months_label: str
    more: str
    updates: str
    what_happened: str
    affects: str
    lasted: str
    so_far: str
    edited: str
    times_in: str
    your_time: str
    calendar: str

    uptime: str
    uptime_of: str
    uptime_in: Plural
    bars: Plural
    days_ago: Plural
    today: str
    no_disruptions: str
    no_data: str
    earlier: str
    later: str
    feed_title: str
    open_page: str
    close: str

    forms: Forms
    hooks: Hooks
    mail: Mail
    told: Told


def words_of(language: str) -> Words:
    """The catalogue of this language, or of `USUAL` if there is none."""
    return _catalogue(language if language in KNOWN else USUAL)


@functools.cache
def _catalogue(language: str) -> Words:
    """Read when somebody first asks for it: most installations speak one or two."""
    return msgspec.toml.decode((files(__name__) / f"{language}.toml").read_text(encoding="utf-8"), type=Words)


def counted(words: Words, phrase: Plural, count: int, **values: object) -> str:
    """The phrase in the form that the number asks for."""
    form = _RULES[words.plural](count)
    chosen = {"one": phrase.one, "few": phrase.few, "many": phrase.many}.get(form) or phrase.other
    return chosen.format(count=count, **values)


def day_words(words: Words, day: date) -> str:
    """`21 Nov 2026`."""
    return words.date.format(day=day.day, month=words.months_short[day.month - 1], year=day.year)


def span_words(words: Words, first: date, last: date) -> str:
    """`19 to 21 Nov 2026` in as few words as are clear; one day is that day."""
    if first == last:
        return day_words(words, last)
    begin = (
        words.date_short.format(day=first.day, month=words.months_short[first.month - 1])
        if first.year == last.year
        else day_words(words, first)
    )
    return words.span.format(start=begin, end=day_words(words, last))


def month_words(words: Words, day: date) -> str:
    """`November 2026`."""
    return words.month_year.format(month=words.months[day.month - 1], year=day.year)


def length_words(words: Words, milliseconds: int) -> str:
    """A length of time in at most two units: `42 s`, `24 min`, `3 h 05 min`, `2 days 4 h`."""
    if milliseconds < MINUTE:
        return words.length_seconds.format(count=milliseconds // SECOND)
    if milliseconds < HOUR:
        return words.length_minutes.format(count=milliseconds // MINUTE)
    if milliseconds < DAY:
        minutes = milliseconds % HOUR // MINUTE
        return words.length_hours.format(hours=milliseconds // HOUR, minutes=f"{minutes:02d}")
    days = counted(words, words.length_days, milliseconds // DAY)
    hours = milliseconds % DAY // HOUR
    return words.length_days_hours.format(days=days, hours=hours) if hours else days


def percent_words(words: Words, value: float | None) -> str:
    """`99.98 %`: never rounded up to a hundred that it was not."""
    if value is None:
        return words.no_data
    number = "100" if value == 100 else f"{int(value * 100) / 100:.2f}".replace(".", words.decimal)
    return words.percent.format(number=number)


def listed(words: Words, some: Iterable[str]) -> str:
    """`API, Web and Mail`."""
    every = list(some)
    if len(every) < 2:
        return "".join(every)
    return f"{words.separator.join(every[:-1])}{words.joint}{every[-1]}"


def _polish(count: int) -> str:
    if count == 1:
        return "one"
    return "few" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "many"


_RULES: Mapping[str, Callable[[int], str]] = {
    "none": lambda _: "other",
    "one": lambda count: "one" if count == 1 else "other",
    "zero_and_one": lambda count: "one" if count in (0, 1) else "other",
    "polish": _polish,
}
"""CLDR's rules for whole numbers, by the name that catalogues use."""

words_of(USUAL)  # at once: what all others fall back on is whole, or nothing starts
