"""Apprise: one channel for ntfy, Pushover, Gotify, Discord, Matrix, Signal and a hundred more.

The library words the request of each service; it never connects anywhere itself (see `apprise_transport`). It is slow
to load and works in threads, so it is loaded with the first message and given a few threads of its own.
"""

import asyncio
import functools
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from openalert.domain.apprise import FOR_PEOPLE, OF_THE_MACHINE, OURS, scheme_of, secrets_in
from openalert.domain.instant import Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.notifiers import chat, wording
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings
from openalert.notifiers.notifier import (
    OPEN,
    Action,
    LostAnswer,
    Message,
    NotifierError,
    Reason,
    Receipt,
    in_doubt,
)
from openalert.notifiers.text import one_line, paragraphs
from openalert.notifiers.webhook import judge

if TYPE_CHECKING:
    from openalert.notifiers.apprise_transport import Call

THREADS = 16
LONGEST_BODY = 1_500
"""Characters: Discord takes 2,000, ntfy 4,096 bytes."""
MOST_BUTTONS = 3
"""ntfy shows so many."""

_NTFY = {"critical": "5", "high": "4", "medium": "3", "low": "2", "info": "2"}
_PUSHOVER = {"critical": "1", "high": "1", "medium": "0", "low": "-1", "info": "-1"}
_GOTIFY = {"critical": "10", "high": "8", "medium": "5", "low": "3", "info": "1"}
_QUIET = {"ntfy": "2", "pover": "-1", "gotify": "1"}
"""News, digests and the like, which wake nobody."""
_JSON_ONLY = {"ntfy", "gotify", "pover"}
"""They answer in JSON alone: a web page in its place comes from something in between."""
_CHATS_WITH_MARKUP = re.compile(r"([\\*_~`|\[\]()<>#])")


class AppriseNotifier:
    """The channel `apprise`; a message's `to` is an address of Apprise, which is a secret as a whole."""

    channel = "apprise"

    def __init__(
        self,
        settings: OutgoingSettings | None = None,
        *,
        allowed_hosts: tuple[str, ...] = (),
        base_url: str,
        resolver: Resolver | None = None,
    ) -> None:
        """`allowed_hosts`: servers of services that may lie in a private network."""
        settings = msgspec.structs.replace(settings or OutgoingSettings(), named_hosts=allowed_hosts)
        self._deadline = settings.deadline
        self._base_url = base_url
        self._http = HttpClient(settings, resolver=resolver)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Lets Apprise word the requests and sends them, all within one deadline."""
        scheme = usable_scheme(message.to)
        from openalert.notifiers.apprise_transport import Call

        loop = asyncio.get_running_loop()
        call = Call(self._http, loop, self._deadline)
        work = self._threads.submit(_run, call, message, scheme, self._base_url)
        try:
            async with asyncio.timeout(self._deadline + 1):
                taken = await asyncio.wrap_future(work)
        except TimeoutError:
            if work.cancel():
                raise NotifierError(Reason.TIMEOUT, "Too many messages wait for slow services.") from None
            taken = False
            call.outcomes.append(_late(call))
        finally:
            call.end()
        return _judged(call, message, taken=taken, now=now)

    async def probe(self) -> str:
        """There are a hundred services and no way to ask one without sending."""
        return "Each address is a service of its own; send a test there to see it arrive."

    async def close(self) -> None:
        """Ends what is open; a thread that still waits ends with its request."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._http.close()


def usable_scheme(address: str) -> str:
    """The service of an address, without the letter that says by TLS; NotifierError for what must not be used."""
    scheme = scheme_of(address)
    if not scheme or scheme in OF_THE_MACHINE or scheme in OURS or scheme in ("http", "https"):
        raise NotifierError(
            Reason.MISCONFIGURED, "This is no address that Apprise may send to.", permanent=True
        )
    return scheme


def _late(call: "Call") -> NotifierError | LostAnswer:
    """The deadline passed while Apprise was at work: in doubt the message has arrived."""
    if any(isinstance(outcome, Answer) for outcome in call.outcomes):
        return LostAnswer("The service answered in part, and then the time was over.")
    return NotifierError(Reason.TIMEOUT, "The service did not answer in time.")


def _run(call: "Call", message: Message, scheme: str, base_url: str) -> bool:
    """In a thread: whether Apprise takes the message for delivered."""
    from apprise import Apprise, NotifyFormat

    from openalert.notifiers.apprise_transport import CURRENT

    service = _service(message, scheme, base_url)
    call.targets = max(len(service), 1)
    service.throttle = call.pause
    sender = Apprise(asset=_asset(base_url))
    sender.add(service)
    title, body = words(message, scheme)
    token = CURRENT.set(call)
    try:
        return bool(sender.notify(title=title, body=body, body_format=NotifyFormat.TEXT))
    finally:
        CURRENT.reset(token)


def _service(message: Message, scheme: str, base_url: str) -> Any:
    """Apprise's own object for the address, told how urgent it is; NotifierError for an address it cannot read."""
    from apprise import Apprise, AppriseAttachment
    from apprise.plugins import N_MGR

    try:
        parsed = N_MGR[scheme].parse_url(message.to)
        service = (
            Apprise.instantiate(parsed | looks(message, scheme, parsed), asset=_asset(base_url))
            if parsed
            else None
        )
    except (KeyError, TypeError, ValueError):
        service = None
    if service is None:
        raise NotifierError(
            Reason.MISCONFIGURED,
            f"Apprise cannot read this address of {scheme}; compare it with its page at appriseit.com.",
            permanent=True,
        )
    if any(isinstance(part, AppriseAttachment) and len(part) for part in vars(service).values()):
        raise NotifierError(
            Reason.MISCONFIGURED,
            "The address names a file of this machine (template=); no file is sent.",
            permanent=True,
        )
    return service


@functools.cache
def _asset(base_url: str) -> Any:
    """How Apprise behaves here: no pictures from elsewhere, nothing kept on disk, nothing followed, no second try."""
    from apprise import AppriseAsset

    logging.getLogger("apprise").disabled = True  # it would tell addresses and texts to the log
    return AppriseAsset(
        app_id="OpenAlert",
        app_desc="OpenAlert",
        app_url=base_url,
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        async_mode=False,
        http_redirects=False,
        interpret_emojis=False,
        storage_mode="memory",
        service_timeout=0,
        allow_templates=False,
        language="en",
        timezone="UTC",
    )


def words(message: Message, scheme: str) -> tuple[str, str]:
    """Title and text; without markup that a chat would act on, and with links where the service has no buttons."""
    told = chat.parts(message)
    lines = [f"{name}: {value}" for name, value in told.facts]
    lines += [paragraphs(told.text, 500)] if told.text else []
    lines += [f"Also: {title}" for title in told.bundle]
    lines += [f"and {told.more_bundled} more"] if told.more_bundled else []
    lines += [line for line in (told.what_is_next, told.reason) if line]
    links = [] if _base(scheme) == "ntfy" else [f"{chat.label(each)}: {each.url}" for each in message.actions]
    if message.incident_url and _base(scheme) not in ("ntfy", "pover"):
        links.append(f"Open: {message.incident_url}")
    title = wording.headline(message, 120)
    mark = "(possible repeat) " if message.possible_repeat else ""
    room = LONGEST_BODY - sum(len(link) + 1 for link in links)
    text = paragraphs("\n".join(lines), max(room, 200))
    if _base(scheme) not in _QUIET:
        title, text = _without_markup(title, scheme), _without_markup(text, scheme)
    return mark + title, "\n".join([each for each in (text, *links) if each]) or title


def _without_markup(text: str, scheme: str) -> str:
    """Words that call nobody and format nothing: `@everyone` and `[here](…)` act in chats."""
    if scheme == "discord":
        text = _CHATS_WITH_MARKUP.sub(r"\\\1", text)
    return text.replace("@", "@\u2060")


def looks(message: Message, scheme: str, parsed: Mapping[str, Any]) -> dict[str, Any]:
    """What of the address is set by the message: urgency, and where a touch or a button leads.

    For a page a priority in the address stands, so that `pover://…?priority=emergency` rings until somebody answers.
    """
    base = _base(scheme)
    asked = (
        {} if "priority" in (parsed.get("qsd") or {}) and _is_urgent(message) else _priority(message, base)
    )
    opens = message.incident_url
    match base:
        case "ntfy":
            # A delay in the address would hold back a page, and a mail would carry it elsewhere.
            plain: dict[str, Any] = {"delay": None, "email": None, "attach": None, "include_image": False}
            plain |= {"actions": ntfy_buttons(message)} if message.actions else {}
            return asked | plain | ({"click": opens} if opens else {})
        case "pover" if opens:
            return asked | {"supplemental_url": opens, "supplemental_url_title": "Open the incident"}
        case _:
            return asked


def ntfy_buttons(message: Message) -> str:
    """Buttons of ntfy: a touch does it, without opening a page; the notification goes when that worked.

    Form: https://docs.ntfy.sh/publish/#action-buttons.
    """
    shown = message.actions
    if len(shown) > MOST_BUTTONS:
        # The page behind any link of a message offers everything that can be done, without signing in.
        more = Action(verb=OPEN, label="More", url=shown[MOST_BUTTONS - 1].url)
        shown = [*shown[: MOST_BUTTONS - 1], more]
    return "; ".join(map(_ntfy_button, shown))


def _ntfy_button(action: Action) -> str:
    label = re.sub(r"[^A-Za-z0-9 ]", "", chat.label(action))
    if action.verb == OPEN:
        return f"view, {label}, {action.url}"
    return f"http, {label}, {action.url}, method=POST, clear=true"


def _is_urgent(message: Message) -> bool:
    return message.kind is NotificationKind.PAGE


def _priority(message: Message, base: str) -> dict[str, Any]:
    scale = {"ntfy": _NTFY, "pover": _PUSHOVER, "gotify": _GOTIFY}.get(base)
    if scale is None:
        return {}
    if message.kind in (NotificationKind.CODE, NotificationKind.TEST, NotificationKind.NOTICE):
        return {"priority": scale["medium"]}
    # A page about no incident is a watcher's: the server itself is gone.
    severity = message.incident.severity if message.incident else Severity.CRITICAL
    return {"priority": scale[severity.value] if _is_urgent(message) else _QUIET[base]}


def _base(scheme: str) -> str:
    """The service without the letter that says by TLS: `ntfys` is `ntfy`."""
    return scheme[:-1] if scheme.endswith("s") and scheme[:-1] in FOR_PEOPLE else scheme


def _judged(call: "Call", message: Message, *, taken: bool, now: Instant) -> Receipt:
    """What became of it, by the answers to the requests and by what Apprise makes of them."""
    scheme = scheme_of(message.to)
    answers = [outcome for outcome in call.outcomes if isinstance(outcome, Answer)]
    if taken and answers and not (_is_a_page(answers[-1], scheme) or _says_no(answers[-1], scheme)):
        return Receipt(
            provider_id=message.notification_id, detail=f"{scheme} answered {_excerpt(answers[-1], message)}"
        )
    failure = _failure(call, message, scheme, now)
    if call.targets > 1 and any(answer.status < 300 for answer in answers):
        raise LostAnswer(f"Only some of the {call.targets} receivers have it: {failure.detail}")
    raise failure


def _failure(call: "Call", message: Message, scheme: str, now: Instant) -> NotifierError | LostAnswer:
    for outcome in call.outcomes:
        if isinstance(outcome, LostAnswer | NotifierError):
            return outcome
        if found := judge(outcome, now):
            return NotifierError(
                found.reason,
                f"{scheme} answered {_excerpt(outcome, message)}",
                permanent=found.permanent,
                retry_after=found.retry_after,
                is_in_doubt=in_doubt(outcome.status),
            )
        if _is_a_page(outcome, scheme):
            return NotifierError(
                Reason.BAD_RESPONSE,
                f"{scheme} answered with a web page: is the server's name right?",
                permanent=True,
            )
    if call.outcomes:
        return NotifierError(
            Reason.REFUSED, f"{scheme} did not take it: {_excerpt(call.outcomes[-1], message)}"
        )
    return NotifierError(
        Reason.MISCONFIGURED, f"Apprise found nobody to send to in this address of {scheme}.", permanent=True
    )


def _is_a_page(answer: Answer, scheme: str) -> bool:
    return _base(scheme) in _JSON_ONLY and "text/html" in answer.headers.get("content-type", "")


def _says_no(answer: Answer, scheme: str) -> bool:
    """An error that something on the way has given a good status: Apprise looks at the status alone."""
    if _base(scheme) not in _JSON_ONLY:
        return False
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(found, dict) and not {"error", "errors"}.isdisjoint(found)


def _excerpt(answer: Answer | NotifierError | LostAnswer, message: Message) -> str:
    """The service's own words, without anything that the address keeps secret."""
    text = answer.excerpt() if isinstance(answer, Answer) else answer.detail
    for secret in secrets_in(message.to):
        text = text.replace(secret, "…")
    return one_line(text, 256)
