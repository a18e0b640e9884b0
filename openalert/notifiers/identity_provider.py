"""The identity provider: what it publishes about itself, its keys, and the one exchange of a code for an ID token.

Everything goes through the guarded client: checked addresses, a deadline, a bounded answer, no redirects. What was
read is kept; a provider that is down is asked again only after some seconds, so that its absence costs nobody time.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import structlog

from openalert.domain.errors import Unauthenticated, Unavailable
from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant
from openalert.domain.single_sign_on import GOOGLE, is_entra, is_issuer, is_trustworthy_url, refused
from openalert.notifiers import id_token
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, parse_url
from openalert.notifiers.id_token import ALGORITHMS, Claims, UnknownKey
from openalert.notifiers.notifier import LostAnswer, NotifierError

log = structlog.get_logger(__name__)

METADATA_LASTS = HOUR
KEYS_LAST = 24 * HOUR
KEYS_REST = MINUTE
"""How long after asking for keys an unknown one makes us ask again."""
FAILURE_LASTS = 10 * SECOND
_MOST_KEYS = 100
_PROFILE = ("email", "email_verified", "name", "given_name", "family_name", "preferred_username")
_MOST_ANSWER = 512 * 1024


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider knows us by."""

    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    redirect_uri: str
    label: str = ""
    role_claims: tuple[str, ...] = ()


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says about itself (OpenID Connect Discovery 1.0); members that we do not use are ignored."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Those that we allow and the provider names."""
        return tuple(each for each in ALGORITHMS if each in self.id_token_signing_alg_values_supported)


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Tokens(msgspec.Struct):
    id_token: str
    access_token: str = ""


class IdentityProvider:
    """One provider, reached over the network; safe to use from many requests at once."""

    def __init__(self, settings: ProviderSettings, outgoing: OutgoingSettings | None = None) -> None:
        """`outgoing` says into which networks we may go."""
        self.settings = settings
        self.label = settings.label or _usual_label(settings.issuer)
        """What people call it: "Microsoft", or its host."""
        self._outgoing = msgspec.structs.replace(outgoing or OutgoingSettings(), max_answer=_MOST_ANSWER)
        self._client: HttpClient | None = None
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._metadata_at: Instant = 0
        self._keys: list[dict[str, Any]] = []
        self._keys_at: Instant = 0
        self._keys_asked_at: Instant = 0
        self._failure: Unavailable | None = None
        self._failed_at: Instant = 0

    async def metadata(self, now: Instant, *, fresh: bool = False) -> Metadata:
        """What the provider says about itself; Unavailable says what is wrong with it, in a sentence."""
        async with self._lock:
            if self._metadata is not None and now - self._metadata_at < METADATA_LASTS and not fresh:
                return self._metadata
            if self._failure is not None and now - self._failed_at < FAILURE_LASTS and not fresh:
                raise self._failure
            try:
                found = _read_metadata(await self._get(self.discovery_url), self.settings.issuer, self.label)
            except Unavailable as error:
                self._failure, self._failed_at = error, now
                log.warning("the identity provider is not usable", reason=error.message)
                raise
            self._metadata, self._metadata_at, self._failure = found, now, None
            return found

    @property
    def discovery_url(self) -> str:
        """Where it describes itself."""
        return f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"

    async def authorization_url(self, now: Instant, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in; `verifier` stays here, only its hash goes along (PKCE, S256)."""
        metadata = await self.metadata(now)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        sign = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{sign}{urlencode(parameters)}"

    def check_issuer(self, metadata: Metadata, claimed: str | None) -> None:
        """Pass unless the way back names another issuer than ours (RFC 9207): two providers were mixed up."""
        if claimed is None and metadata.authorization_response_iss_parameter_supported:
            raise refused("it does not say which provider it comes from (iss).")
        if claimed is not None and not is_issuer(claimed, self.settings.issuer):
            raise refused("it comes from another provider (iss).")

    async def claims(self, now: Instant, *, code: str, nonce: str, verifier: str) -> Claims:
        """Who signed in, by a code that is good once; Unauthenticated when anything about the answer is wrong."""
        metadata = await self.metadata(now)
        tokens = await self._exchange(metadata, code, verifier)
        token = tokens.id_token
        header = id_token.read_header(token, metadata.algorithms)
        try:
            key = id_token.choose_key(header, await self.keys(now))
        except UnknownKey:
            key = id_token.choose_key(header, await self.keys(now, for_unknown=True))
        claims = id_token.verify(token, header, key)
        published_for = key.get("issuer")
        if isinstance(published_for, str) and claims.get("iss") != published_for.replace(
            "{tenantid}", str(claims.get("tid"))
        ):
            # Entra publishes the keys of all tenants together, and says of each whose it is.
            raise refused("it is signed with the key of another tenant.")
        id_token.check(claims, client_id=self.settings.client_id, nonce=nonce, now=now)
        return await self._completed(claims, metadata, tokens.access_token)

    async def _completed(self, claims: Claims, metadata: Metadata, access_token: str) -> Claims:
        """The claims with what some providers (Okta) only tell when asked: address, name, roles; never who it is."""
        roles = {name for each in self.settings.role_claims for name in (each, each.partition(".")[0])}
        wanted = {*_PROFILE, *roles}
        complete = "email" in claims and not roles.isdisjoint(claims)
        url = metadata.userinfo_endpoint
        if (
            complete
            or is_entra(self.settings.issuer)
            or not access_token
            or url is None
            or not _is_usable(url)
        ):
            return claims
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access_token}"}
        try:
            answer = await self._request("GET", url, headers)
            told = msgspec.json.decode(answer.body, type=Claims) if answer.status == 200 else {}
        except (Unavailable, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            log.warning("the identity provider tells nothing about the person", reason=str(error))
            return claims
        if told and told.get("sub") != claims.get("sub"):
            raise refused("what it tells about the person is about another one (sub).")
        return {name: value for name, value in told.items() if name in wanted} | claims

    async def keys(self, now: Instant, *, for_unknown: bool = False) -> Sequence[Mapping[str, Any]]:
        """The published keys; asked for again once a day, or for an unknown one at most once a minute."""
        metadata = await self.metadata(now)
        async with self._lock:
            due = for_unknown or now - self._keys_at >= KEYS_LAST
            if self._keys and (not due or now - self._keys_asked_at < KEYS_REST):
                return self._keys
            self._keys_asked_at = now
            try:
                answer = await self._get(metadata.jwks_uri)
                found = msgspec.json.decode(answer.body, type=_Keys).keys
            except (Unavailable, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                if self._keys:
                    return self._keys
                raise Unavailable(f"{self.label} does not give out its keys.", retry_after=30) from error
            self._keys, self._keys_at = found[:_MOST_KEYS], now
            return self._keys

    def sign_out_url(self, back: str) -> str | None:
        """Where one also leaves the provider, and comes back to `back`; None when it offers no such place."""
        if self._metadata is None or not self._metadata.end_session_endpoint:
            return None
        parameters = urlencode({"client_id": self.settings.client_id, "post_logout_redirect_uri": back})
        sign = "&" if urlsplit(self._metadata.end_session_endpoint).query else "?"
        return f"{self._metadata.end_session_endpoint}{sign}{parameters}"

    async def close(self) -> None:
        """Ends what is open."""
        if self._client is not None:
            await self._client.close()

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> _Tokens:
        """The tokens for a code, which is sent once: an exchange without an answer is not repeated."""
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        methods = metadata.token_endpoint_auth_methods_supported
        if settings.client_secret and "client_secret_post" not in methods:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        answer = await self._request("POST", metadata.token_endpoint, headers, urlencode(form).encode())
        if answer.status != 200:
            raise self._not_exchanged(answer)
        try:
            return msgspec.json.decode(answer.body, type=_Tokens)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise refused("there is no ID token in it.") from None

    def _not_exchanged(self, answer: Answer) -> Exception:
        """Why the provider gives nothing for the code: its fault, that of our credentials, or that of the code."""
        if answer.status >= 500 or answer.status == 429:
            return Unavailable(f"{self.label} answers with {answer.status}.", retry_after=30)
        said = answer.excerpt()
        log.warning("the identity provider refused the code", status=answer.status, answer=said)
        if "invalid_client" in said or answer.status == 401:
            words = (
                "it does not know this application. Compare auth.oidc.client_id and auth.oidc.client_secret."
            )
        elif "invalid_grant" in said:
            words = "the code has run out or was used before."
        else:
            words = f"it gave nothing for the code ({answer.status}). The log of this server has its answer."
        return Unauthenticated(f"{self.label} refused: {words}", code="ID_TOKEN_REFUSED")

    async def _get(self, url: str) -> Answer:
        answer = await self._request("GET", url, {"Accept": "application/json"})
        if answer.status != 200 or not answer.complete:
            raise Unavailable(f"{self.label} answers {url} with {answer.status}.", retry_after=30)
        return answer

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        if self._client is None:
            self._client = HttpClient(self._outgoing)
        try:
            return await self._client.request(method, url, headers=headers, body=body)
        except NotifierError as error:
            raise Unavailable(f"{self.label} cannot be reached. {error.detail}", retry_after=30) from error
        except LostAnswer as error:
            raise Unavailable(f"{self.label} did not answer in time.", retry_after=30) from error


def _read_metadata(answer: Answer, issuer: str, label: str) -> Metadata:
    """What discovery said, if it is of this provider and can be used; Unavailable otherwise."""
    try:
        found = msgspec.json.decode(answer.body, type=Metadata)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        kind = answer.headers.get("content-type", "nothing").partition(";")[0][:40]
        raise Unavailable(
            f"{label} does not describe itself at {issuer}: it answers with {kind} instead. Compare auth.oidc.issuer.",
            retry_after=30,
        ) from None
    if not is_issuer(found.issuer, issuer):
        raise Unavailable(
            f"{label} calls itself {found.issuer[:200]}, and auth.oidc.issuer is {issuer}. They must be equal, "
            "to the last slash.",
            retry_after=30,
        )
    for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
        if not _is_usable(url):
            raise Unavailable(f"{label} names an address that cannot be used: {url[:200]!r}.", retry_after=30)
    if not found.algorithms:
        raise Unavailable(
            f"{label} signs with none of {', '.join(ALGORITHMS)}. Choose one of them in its settings.",
            retry_after=30,
        )
    if found.end_session_endpoint and not _is_usable(found.end_session_endpoint):
        return msgspec.structs.replace(found, end_session_endpoint=None)
    return found


def _is_usable(url: str) -> bool:
    """Whether it may be asked, or put into a header: https, and nothing in it that ends a line."""
    try:
        parse_url(url)
    except NotifierError:
        return False
    return is_trustworthy_url(url)


def _usual_label(issuer: str) -> str:
    host = urlsplit(issuer).hostname or ""
    if is_entra(issuer) and host.startswith("login.microsoftonline."):
        return "Microsoft"
    return "Google" if issuer.rstrip("/") == GOOGLE else host
