"""An OpenID Connect provider on loopback that checks what it is sent, rotates its keys, and lies as told.

async with FakeProvider(clock) as provider:
    provider.person = {"sub": "alice-1", "email": "alice@example.org"}
    back = provider.authorize(url)      # what its page would redirect the browser to
    provider.forge = lambda header, claims: "…"   # or sign something else than it should
"""

import asyncio
import base64
import hashlib
import json
import secrets
import warnings
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import msgspec
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.ports import Place

TENANT = "7f3a8f52-1111-4222-8333-444455556666"
OTHER_TENANT = "99999999-1111-4222-8333-444455556666"
CLIENT_ID = "openalert-client"
CLIENT_SECRET = "s3cret of the client"
Json = dict[str, Any]


class Mood(StrEnum):
    """How the provider behaves; may be changed at any time."""

    WELL = "well"
    HTML = "html"
    """Discovery answers with a page, as a captive portal does."""
    BROKEN = "broken"
    """Everything is answered with 503."""
    SLOW = "slow"
    """Every answer takes `delay` seconds."""
    OTHER_ISSUER = "other issuer"
    """It calls itself something else than it is reached by."""


class Code(msgspec.Struct):
    """A code that was given out, and what it is bound to."""

    redirect_uri: str
    nonce: str
    challenge: str
    used: bool = False


@lru_cache(maxsize=8)
def key(kind: str, number: int) -> Any:
    """The provider's signing key of this kind and generation; made once for the whole run."""
    options = {"kid": f"{kind}-{number}", "use": "sig"}
    if kind == "RSA":
        return RSAKey.generate_key(2048, options)
    return ECKey.generate_key("P-256", options) if kind == "EC" else OKPKey.generate_key("Ed25519", options)


class FakeProvider:
    """The provider. `requests` is what it was asked, in order, as `METHOD /path`."""

    def __init__(self, clock: Callable[[], int], *, path: str = "/realms/acme") -> None:
        """`path` makes the issuer: `/<tenant>/v2.0` imitates Entra. `clock` in milliseconds."""
        self.clock = clock
        self.path = path
        self.mood = Mood.WELL
        self.delay = 1.0
        self.port = 0
        self._place = Place()
        self.person: Json = {
            "sub": "alice-1",
            "email": "alice@example.org",
            "email_verified": True,
            "name": "Alice",
        }
        self.changes: Json = {}
        """Members of every ID token that differ from what is right; None leaves one out."""
        self.header: Json = {}
        self.forge: Callable[[Json, Json], Any] | None = None
        """Header and claims to what stands as the ID token instead."""
        self.algorithm = "RS256"
        self.generation = 1
        self.published: list[Json] | None = None
        """Keys to publish instead of the right ones."""
        self.metadata: Json = {}
        """Members of discovery that differ."""
        self.codes: dict[str, Code] = {}
        self.requests: list[str] = []
        self.exchanges = 0
        self.refusals: list[str] = []
        """Why codes were not exchanged."""
        self.signed_out = 0
        self.told: Json | None = None
        """What the address for details of a person answers; None: there is no such address."""
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        """What it is configured by."""
        return self.origin + self.path

    @property
    def key(self) -> Any:
        """The key that it signs with now."""
        return key(
            {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}[self.algorithm], self.generation
        )

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish it instead of the old one."""
        self.generation += 1

    def authorize(self, url: str) -> str:
        """Sign the person in at once: the address to which the browser is sent back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(query["redirect_uri"], query["nonce"], query["code_challenge"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def claims(self, nonce: str) -> Json:
        """What an ID token says, after `changes`."""
        now = self.clock() // 1000
        right = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nbf": now,
            "nonce": nonce,
            **self.person,
            **self.changes,
        }
        return {name: value for name, value in right.items() if value is not None}

    def sign(self, header: Json, claims: Json) -> str:
        """An ID token by the present key."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # EdDSA is to be called Ed25519 by RFC 9864
            return jws.serialize_compact(header, json.dumps(claims), self.key, algorithms=[header["alg"]])

    def token(self, nonce: str) -> Any:
        """The ID token of this sign-in, or what stands in its place."""
        header = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **self.header}
        claims = self.claims(nonce)
        return self.forge(header, claims) if self.forge else self.sign(header, claims)

    def discovery(self) -> Json:
        """What it says about itself."""
        many = "common" in self.path or "organizations" in self.path
        right = {
            "issuer": f"{self.origin}/{{tenantid}}/v2.0" if many else self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        if self.told is not None:
            right["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        if self.mood is Mood.OTHER_ISSUER:
            right["issuer"] = "https://accounts.evil.example"
        return {name: value for name, value in {**right, **self.metadata}.items() if value is not None}

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends everything."""
        await self.down()
        self._place.leave()

    async def up(self) -> None:
        """Takes connections, on the port it had before if it had one."""
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]
        self._place.leave()

    async def down(self) -> None:
        """Refuses connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._place.keep("127.0.0.1", self.port)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            request_line, *lines = head.rstrip("\r\n").split("\r\n")
            method, target, _ = request_line.split(" ")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append(f"{method} {urlsplit(target).path}")
            if self.mood is Mood.SLOW:
                await asyncio.sleep(self.delay)
            status, extra, content = self._answer(method, target, headers, body)
            fields = {"Content-Length": str(len(content)), "Connection": "close", **extra}
            answer = f"HTTP/1.1 {status} Something\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields.items())
            writer.write(answer.encode("latin-1") + b"\r\n" + content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _answer(self, method: str, target: str, headers: Json, body: bytes) -> tuple[int, Json, bytes]:
        path = urlsplit(target).path.removeprefix(self.path)
        if self.mood is Mood.BROKEN:
            return 503, {"Content-Type": "text/html"}, b"<h1>maintenance</h1>"
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                if self.mood is Mood.HTML:
                    return 200, {"Content-Type": "text/html"}, b"<!doctype html><h1>Welcome to the hotel</h1>"
                return _json(200, self.discovery())
            case "GET", "/keys":
                keys = self.published if self.published is not None else [self.key.as_dict(private=False)]
                return _json(200, {"keys": keys})
            case "GET", "/authorize":
                return self._page(target)
            case "GET", "/userinfo":
                known = headers.get("authorization") == "Bearer opaque"
                return _json(200, self.told) if known else _json(401, {"error": "invalid_token"})
            case "GET", "/logout":
                self.signed_out += 1
                return (
                    200,
                    {"Content-Type": "text/html"},
                    b"<title>Signed out</title><h1>Signed out of Acme</h1>",
                )
            case "POST", "/token":
                return self._exchange(headers, {n: v[0] for n, v in parse_qs(body.decode()).items()})
        return 404, {"Content-Type": "text/plain"}, b"no such page"

    def _page(self, target: str) -> tuple[int, Json, bytes]:
        """The page on which a person signs in at the provider: one link."""
        back = self.authorize(self.origin + target).replace("&", "&amp;")
        head = "<!doctype html><link rel=icon href=data:,><title>Acme</title><h1>Acme accounts</h1>"
        page = f'{head}<a id="yes" href="{back}">I am Alice</a>'
        return 200, {"Content-Type": "text/html"}, page.encode()

    def _exchange(self, headers: Json, form: Json) -> tuple[int, Json, bytes]:
        """A code for tokens: once, by the right client, with the verifier of its challenge."""
        self.exchanges += 1
        problem = self._problem(headers, form)
        if problem:
            self.refusals.append(problem)
            return _json(401 if problem == "invalid_client" else 400, {"error": problem.partition(":")[0]})
        code = self.codes[form["code"]]
        code.used = True
        return _json(
            200,
            {
                "access_token": "opaque",
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self.token(code.nonce),
            },
        )

    def _problem(self, headers: Json, form: Json) -> str:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, secret = (unquote(part) for part in base64.b64decode(encoded).decode().partition(":"))
        if (client, secret) != (CLIENT_ID, CLIENT_SECRET):
            return "invalid_client"
        code = self.codes.get(form.get("code", ""))
        if form.get("grant_type") != "authorization_code" or code is None or code.used:
            return "invalid_grant: unknown or used code"
        if form.get("redirect_uri") != code.redirect_uri:
            return "invalid_grant: another redirect_uri"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return "invalid_grant: the verifier is not that of the challenge"
        return ""


def _json(status: int, value: Any) -> tuple[int, Json, bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
