"""Templates to HTML: one environment, whole pages, and single blocks of them for live updates.

A part of a page that is updated in place is a `{% block %}` whose outermost element has the block's name
as its id; `block()` renders it alone. Every template is given `now` (an Instant) and `zone` (the reader's
time zone): the time filters read both. Times leave as `<time>` elements that `openalert.js` keeps ticking;
the words they begin with are made here and, in the same way, there.
"""

import functools
import re
import zlib
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from openalert.domain.failure import in_words
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant, rfc3339, to_datetime
from openalert.web import assets, markdown

_TIME = Markup('<time datetime="{}" title="{}" data-rel="{}">{}</time>')
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel"})


def page(template: str, /, **context: Any) -> str:
    """The whole document of `template`, e.g. `incidents/list.html`."""
    return _environment().get_template(template).render(context)


def block(template: str, name: str, /, **context: Any) -> str:
    """One block of `template` alone, given the same context as the page."""
    found = _environment().get_template(template)
    return "".join(found.blocks[name](found.new_context(context)))


def blocks(template: str) -> frozenset[str]:
    """The names of the blocks that `template` itself defines: what a live update may ask for."""
    return frozenset(_environment().get_template(template).blocks)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("openalert.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.url
    environment.filters.update(
        ago=_ago, countdown=_countdown, clock=_clock, moment=_moment, stamp=_stamp, lasted=lasted,
        initials=initials, tone=tone, web_address=web_address, amount=amount, listed=listed, failure=in_words,
        markdown=markdown.html,
    )  # fmt: skip
    for name in (
        "mark",
        "form",
        "rota",
        "doc",
        "pulse",
    ):  # the macro files, at hand in every template and every lone block
        environment.globals[name] = environment.get_template(f"macros/{name}s.html").module
    return environment


# --- time -----------------------------------------------------------------------------------------


def _local(context: Context, instant: Instant) -> datetime:
    zone: tzinfo = context["zone"]
    return to_datetime(instant).astimezone(zone)


def _full(context: Context, instant: Instant) -> str:
    """`Sat 21 Nov 2026, 03:07:12 Europe/Berlin`."""
    moment = _local(context, instant)
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M:%S} {context['zone']}"


def _element(context: Context, instant: Instant, kind: str, words: str) -> Markup:
    return _TIME.format(rfc3339(instant), _full(context, instant), kind, words)


@pass_context
def _ago(context: Context, instant: Instant) -> Markup:
    """`3 min ago`; the absolute time on hover."""
    return _element(context, instant, "ago", _ago_words(context, instant))


def _ago_words(context: Context, instant: Instant) -> str:
    past = context["now"] - instant
    if past < 45 * SECOND:
        return "just now"
    if past < HOUR:
        return f"{max(1, round(past / MINUTE))} min ago"
    if past < DAY:
        return f"{round(past / HOUR)} h ago"
    if past < 7 * DAY:
        days = round(past / DAY)
        return f"{days} day{'' if days == 1 else 's'} ago"
    return _date_words(context, instant)


@pass_context
def _countdown(context: Context, instant: Instant) -> Markup:
    """`in 3:12`, counting down in the browser; `now` once it has come."""
    left = instant - context["now"]
    if left <= 0:
        words = "now"
    elif left < HOUR:
        seconds = left // SECOND
        words = f"in {seconds // 60}:{seconds % 60:02d}"
    elif left < DAY:
        words = f"in {left // HOUR} h {left % HOUR // MINUTE:02d} min"
    else:
        words = f"on {_clock_words(context, instant)}"
    return _element(context, instant, "in", words)


@pass_context
def _clock(context: Context, instant: Instant) -> Markup:
    """`03:07` today, `Fri 03:07` within six days, else `12 Oct 03:07`, in the reader's zone."""
    return _element(context, instant, "clock", _clock_words(context, instant))


def _clock_words(context: Context, instant: Instant) -> str:
    moment, today = _local(context, instant), _local(context, context["now"])
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    if abs((moment.date() - today.date()).days) < 7:
        return f"{moment:%a %H:%M}"
    return f"{_date_words(context, instant)} {moment:%H:%M}"


def _date_words(context: Context, instant: Instant) -> str:
    moment = _local(context, instant)
    same_year = moment.year == _local(context, context["now"]).year
    return f"{moment.day} {moment:%b}" if same_year else f"{moment.day} {moment:%b %Y}"


@pass_context
def _moment(context: Context, instant: Instant) -> Markup:
    """`03:07:12`, for stories told to the second."""
    return _element(context, instant, "clock", f"{_local(context, instant):%H:%M:%S}")


@pass_context
def _stamp(context: Context, instant: Instant) -> str:
    """The absolute time in full, as plain text, zone named."""
    return _full(context, instant)


def lasted(milliseconds: int) -> str:
    """A length of time in at most two units: `42 s`, `24 min`, `3 h 05 min`, `2 days 4 h`."""
    if milliseconds < MINUTE:
        return f"{milliseconds // SECOND} s"
    if milliseconds < HOUR:
        return f"{milliseconds // MINUTE} min"
    if milliseconds < DAY:
        return f"{milliseconds // HOUR} h {milliseconds % HOUR // MINUTE:02d} min"
    days, hours = milliseconds // DAY, milliseconds % DAY // HOUR
    return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours else "")


# --- words ----------------------------------------------------------------------------------------


def initials(name: str) -> str:
    """`AS` for Ana Souza, `J` for jun; what stands in for a face."""
    words = re.findall(r"[^\W_]+", name.partition("@")[0])
    if not words:
        return "?"
    return str(words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def tone(name: str) -> int:
    """Which of eight colours stands for this name, the same on every page."""
    return zlib.crc32(name.casefold().encode()) % 8


def web_address(text: str) -> str:
    """`text` if a browser may be sent there (http, https, mailto, tel), else nothing."""
    try:
        scheme = urlsplit(text.strip()).scheme
    except ValueError:
        return ""
    return text.strip() if scheme in _SAFE_SCHEMES else ""


def amount(number: int, noun: str, plural: str | None = None) -> str:
    """`1 alert`, `3 alerts`; `plural` where adding an s is wrong."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}".replace(",", "\N{THIN SPACE}")


def listed(words: Iterable[str], joint: str = "and") -> str:
    """`Ana`, `Ana and Bea`, `Ana, Bea and Jun`."""
    every = list(words)
    if len(every) < 2:
        return "".join(every)
    return f"{', '.join(every[:-1])} {joint} {every[-1]}"
