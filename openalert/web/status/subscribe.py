"""Subscribing to a status page, confirming, choosing and leaving: the only addresses of a page that take a POST.

Looking at a link does nothing, because mail programs look at every link they are sent; a button does. No cookie is set
or needed: whoever holds a link of a mail may do what it is for, and nobody else.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from openalert.domain.access import stranger
from openalert.domain.errors import Invalid, NotFound, OpenAlertError, RateLimited, TooLarge, Unavailable
from openalert.domain.languages import Words
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_letter import page_url
from openalert.domain.status_page import Component
from openalert.domain.status_subscriber import SubscriberKind
from openalert.notifiers.status_webhook import secret_of
from openalert.storage import status_incidents, status_pages
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import status_subscribers as acts
from openalert.usecases.status_subscribers import Choice, Known
from openalert.usecases.status_targets import Target, hook, mailbox
from openalert.web.asgi import Receive, Scope, header
from openalert.web.door import body_of
from openalert.web.problems import Refused
from openalert.web.status import subscribe_html as html
from openalert.web.status.answers import JSON, Headers
from openalert.web.status.subscribe_html import Given, Where

FORM, CONFIRM, UNSUBSCRIBE, SUBSCRIPTION = "subscribe", "confirm", "unsubscribe", "subscription"
API = "api/v2/subscribers.json"
_LINKS = frozenset({CONFIRM, UNSUBSCRIBE, SUBSCRIPTION})
LARGEST = 64 * 1024
_MOST_FIELDS = 1_000
_ENCODED = "application/x-www-form-urlencoded"
Sent = tuple[int, Headers, bytes]


class Wanted(msgspec.Struct, frozen=True):
    """What a stranger asks for, by the public ids that they read on the page."""

    email: str
    """Of a webhook the mailbox that answers for it."""
    chosen: tuple[str, ...] = ()
    is_selective: bool = False
    kind: str = SubscriberKind.EMAIL
    url: str = ""

    @property
    def is_channel(self) -> bool:
        """Whether it is asked by a post, and by no mail."""
        return self.kind in (SubscriberKind.SLACK, SubscriberKind.TEAMS)

    @property
    def target(self) -> Target:
        """Where they want to be told; Invalid names the field."""
        if self.kind == SubscriberKind.EMAIL:
            return mailbox(self.email)
        if self.kind not in list(SubscriberKind):
            raise Invalid("There is no such way.", field="kind")
        return hook(SubscriberKind(self.kind), self.url, self.email)


class Forms:
    """What subscribers send us."""

    def __init__(self, database: Database, secret: bytes, *, base_url: str, sends_mail: bool) -> None:
        self._database = database
        self._secret = secret
        self._base_url = base_url
        self._sends_mail = sends_mail

    @staticmethod
    def is_link(name: str) -> bool:
        """Whether this is the path of a link in a mail, which needs no further right."""
        folder, _, token = name.partition("/")
        return folder in _LINKS and bool(token)

    @staticmethod
    def is_sign_up(method: str, name: str) -> bool:
        """Whether somebody asks to be told by what they send here."""
        return method == "POST" and (name.partition("/")[0] == FORM or name == API)

    async def sign_up(self, scope: Scope, receive: Receive, page: PublicPage, name: str, base: str) -> Sent:
        """Somebody typed an address into the form, or a program sent one."""
        body = await _read(receive)
        if name == API:
            return await self._sign_up_by_api(scope, page, body)
        incident = _incident(page, name.partition("/")[2])
        fields = _fields(body)
        wanted = Wanted(
            _one(fields, "email") or _one(fields, "contact"),
            tuple(fields.get("component", ())),
            is_selective=_one(fields, "what") == "some",
            kind=_one(fields, "kind") or SubscriberKind.EMAIL,
            url=_one(fields, "url"),
        )
        where = html.of_picture(page, base)
        words, hooks = where.words.forms, where.words.hooks
        done = (200, *html.said(where, words.check, words.check_lead))
        if wanted.is_channel:
            done = (200, *html.said(where, hooks.asked, hooks.asked_lead))
        if _one(fields, "website"):
            return done
        try:
            if not wanted.is_channel:
                self._check_mail(words.no_mail)
            await self._subscribe(scope, page, wanted, incident, origin="form")
        except Unavailable as error:
            return _later(where, error)
        except OpenAlertError as error:
            again = Given(
                wanted.email[:254],
                wanted.kind,
                wanted.url[:2_000],
                wanted.chosen if wanted.is_selective else (),
            )
            status, complaint = _complaint(error, where.words)
            headers, text = html.form_again(page, base, incident, complaint, again)
            return status, [*headers, *_retry(error)], text
        return done

    async def _sign_up_by_api(self, scope: Scope, page: PublicPage, body: bytes) -> Sent:
        """Statuspage's `POST /api/v2/subscribers.json`: answered alike for every address, so without an id."""
        wanted = _as_statuspage(header(scope, b"content-type"), body)
        self._check_mail("This server sends no mails at the moment.")
        await self._subscribe(scope, page, wanted, None, origin="api")
        shown = {
            "subscriber": {
                "mode": wanted.kind,
                "email": wanted.email.strip(),
                **({"endpoint": wanted.url.strip()} if wanted.url else {}),
                "components": list(wanted.chosen),
                "skip_confirmation_notification": False,
            }
        }
        text = msgspec.json.encode(shown)
        headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(text)).encode())]
        if page.is_public:
            headers.append((b"access-control-allow-origin", b"*"))
        return 201, headers, text

    def _check_mail(self, words: str) -> None:
        if not self._sends_mail:
            raise Unavailable(words, retry_after=3_600)

    async def _subscribe(
        self, scope: Scope, page: PublicPage, wanted: Wanted, incident: PublicIncident | None, *, origin: str
    ) -> None:
        by_public = {each.public_id: each.id for each in page.components}
        for each in wanted.chosen:
            if each not in by_public:
                raise Invalid("There is no such component on this page.", field="component")
        if wanted.is_selective and not wanted.chosen:
            raise Invalid("Choose at least one component.", field="component")
        choice = Choice(
            component_ids=tuple(by_public[each] for each in wanted.chosen) if wanted.is_selective else None,
            incident_id=incident.id if incident else None,
        )
        async with self._database.transaction(_asker(scope)) as tx:
            await acts.sign_up(tx, page.id, target=wanted.target, choice=choice, origin=origin)

    async def by_link(
        self, scope: Scope, receive: Receive, page: PublicPage | None, name: str, base: str
    ) -> Sent:
        """Somebody follows a link of a mail; `page` is the one at this address, if everybody may see it."""
        folder, _, token = name.partition("/")
        where = html.of_picture(page, base) if page is not None else Where()
        acting = scope["method"] == "POST"
        act: Callable[..., Awaitable[Sent]] = {
            CONFIRM: self._confirm,
            UNSUBSCRIBE: self._leave,
            SUBSCRIPTION: self._choose,
        }[folder]
        body = await _read(receive) if acting else None
        try:
            return await act(scope, where, base, token, body)
        except NotFound:
            return 404, *html.said(where, where.words.forms.gone, where.words.forms.gone_lead)
        except Unavailable as error:
            return _later(where, error)

    async def _confirm(self, scope: Scope, where: Where, base: str, token: str, body: bytes | None) -> Sent:
        words = where.words.forms
        if body is None:
            return 200, *html.button(where, words.confirm, words.confirm_lead, words.confirm_button)
        async with self._database.transaction(_asker(scope)) as tx:
            page, subscriber = await acts.confirm(tx, self._secret, token)
        where = html.of_row(page, base)
        manage = (
            f"{page_url(page, self._base_url)}/{SUBSCRIPTION}/{acts.manage_token(self._secret, subscriber)}"
        )
        return 200, *html.said(where, where.words.forms.confirmed, where.words.forms.confirmed_lead, manage)

    async def _leave(self, scope: Scope, where: Where, base: str, token: str, body: bytes | None) -> Sent:  # noqa: ARG002 - all acts are called alike
        words = where.words.forms
        if not acts.is_way_out(self._secret, token, self._database.clock()):
            raise NotFound("subscription")
        if body is None:
            return 200, *html.button(where, words.leave, words.leave_lead, words.leave)
        async with self._database.transaction(_asker(scope)) as tx:
            await acts.leave(tx, self._secret, token)
        return 200, *html.said(where, words.left, words.left_lead)

    async def _choose(self, scope: Scope, where: Where, base: str, token: str, body: bytes | None) -> Sent:
        async with self._database.read() as reader:
            page, known = await acts.by_link(reader, self._secret, token)
            components = await status_pages.components(reader, page.id)
        where, saved, error = html.of_row(page, base), False, ""
        if body is not None:
            fields = _fields(body)
            by_public = {each.public_id: each.id for each in components}
            some = _one(fields, "what") == "some"
            chosen = tuple(by_public[each] for each in fields.get("component", ()) if each in by_public)
            if some and not chosen:
                error = where.words.forms.choose_some
            else:
                choice = Choice(
                    component_ids=chosen if some else None, incident_id=known.subscriber.incident_id
                )
                async with self._database.transaction(_asker(scope)) as tx:
                    page, known = await acts.choose_by_link(tx, self._secret, token, choice)
                saved = True
        async with self._database.read() as reader:
            title = await _title(reader, known)
        given = Given(chosen=_public(components, known))
        leave = f"{base}/{UNSUBSCRIBE}/{token}"
        is_webhook = known.subscriber.kind is SubscriberKind.WEBHOOK
        secret = secret_of(self._secret, known.subscriber.id) if is_webhook else ""
        headers, text = html.subscription(
            where,
            tuple(components),
            given,
            address=known.subscriber.address,
            incident_title=title,
            leave=leave,
            secret=secret,
            saved=saved,
            error=error,
        )
        return 400 if error else 200, headers, text


async def _title(reader: Reader, known: Known) -> str:
    incident = await status_incidents.get(reader, known.subscriber.incident_id or "")
    return incident.title if incident is not None else ""


def _public(components: list[Component], known: Known) -> tuple[str, ...]:
    return tuple(each.public_id for each in components if each.id in known.component_ids)


def _incident(page: PublicPage, public_id: str) -> PublicIncident | None:
    """The incident that alone is meant; NotFound for one that is over, or none."""
    if not public_id:
        return None
    for each in page.incidents:
        if each.public_id == public_id and not each.status.is_over:
            return each
    raise NotFound("status incident")


def _asker(scope: Scope) -> Any:
    return stranger(scope["client"][0] if scope["client"] else "", str(scope.get("request_id", "")))


async def _read(receive: Receive) -> bytes:
    body = await body_of(receive)
    if len(body) > LARGEST:
        raise TooLarge(f"At most {LARGEST} bytes are read here.", limit=LARGEST)
    return body


def _fields(body: bytes) -> dict[str, list[str]]:
    """The fields of a form; Invalid for what is none."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Invalid("That is not a form.") from None


def _one(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def _as_statuspage(content_type: str, body: bytes) -> Wanted:
    """`subscriber[email]` and `subscriber[component_ids][]` of a form, or the same as JSON."""
    if content_type.partition(";")[0].strip().lower() == JSON:
        try:
            sent = msgspec.json.decode(body, type=_Statuspage).subscriber
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"That is not a subscriber: {error}") from None
        return _wanted_there(sent.email, sent.endpoint, sent.component_ids)
    if content_type and not content_type.lower().startswith(_ENCODED):
        raise Refused(415, f"Send {_ENCODED} or {JSON}.", code="UNSUPPORTED_MEDIA_TYPE")
    fields = _fields(body)
    chosen = tuple(fields.get("subscriber[component_ids][]", ()))
    return _wanted_there(_one(fields, "subscriber[email]"), _one(fields, "subscriber[endpoint]"), chosen)


def _wanted_there(email: str, endpoint: str, chosen: tuple[str, ...]) -> Wanted:
    """A mailbox, or with an `endpoint` a webhook for which the mailbox answers."""
    kind = SubscriberKind.WEBHOOK if endpoint else SubscriberKind.EMAIL
    return Wanted(email, chosen, is_selective=bool(chosen), kind=kind.value, url=endpoint)


class _StatuspageSubscriber(msgspec.Struct):
    """As Statuspage takes it; what else is sent is for ways that we do not have here."""

    email: str = ""
    endpoint: str = ""
    component_ids: tuple[str, ...] = ()


class _Statuspage(msgspec.Struct):
    """The body around it."""

    subscriber: _StatuspageSubscriber


def _complaint(error: OpenAlertError, words: Words) -> tuple[int, str]:
    """What was wrong, in the words of the page."""
    forms, hooks = words.forms, words.hooks
    if isinstance(error, RateLimited):
        return 429, forms.too_many
    if error.code == "TOO_MANY_SUBSCRIBERS":
        return 409, forms.full
    if isinstance(error, Invalid):
        said = {
            "email": forms.bad_address,
            "url": hooks.bad_url,
            "contact": hooks.bad_contact,
            "kind": hooks.off,
        }
        return 400, said.get(str(error.details.get("field")), forms.choose_some)
    raise error


def _later(where: Where, error: Unavailable) -> Sent:
    """It cannot be done now: said in words, and to programs by the status."""
    words = where.words.forms
    headers, text = html.said(where, words.later, words.later_lead)
    return 503, [*headers, *_retry(error)], text


def _retry(error: OpenAlertError) -> Headers:
    seconds = error.details.get("retry_after")
    return [(b"retry-after", str(seconds).encode())] if seconds else []
