"""A browser that walks through the fake provider and back."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec

from openalert.app import OpenAlert
from openalert.config import Config, Oidc, Outgoing, Server
from tests.fakes.identity_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider

PAGE = {"accept": "text/html", "sec-fetch-site": "none"}


def config(provider: FakeProvider, data_dir: str, *, base_url: str = "", **rules: Any) -> Config:
    """The appliance with this provider; `rules` are further keys of [auth.oidc]."""
    oidc = msgspec.convert(
        {
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "label": "Acme",
            "default_role": "viewer",
            **rules,
        },
        Oidc,
    )
    return Config(
        server=Server(data_dir=data_dir, base_url=base_url, api_writes_per_minute=0),
        outgoing=Outgoing(allowed_networks=("127.0.0.0/8",)),
        oidc=oidc,
    )


class Walker:
    """One browser."""

    def __init__(self, openalert: OpenAlert, provider: FakeProvider) -> None:
        self.openalert = openalert
        self.provider = provider
        transport = httpx2.ASGITransport(app=openalert.asgi, client=("127.0.0.1", 5000))
        self.client = httpx2.AsyncClient(transport=transport, base_url=openalert.config.base_url)

    async def leave(self, target: str = "/incidents") -> str:
        """Press the button: the address at the provider."""
        answer = await self.client.get("/auth/login", params={"next": target}, headers=PAGE)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def come_back(self, back: str, accept: str = "text/html") -> httpx2.Response:
        """Follow the provider's redirect."""
        parts = urlsplit(back)
        return await self.client.get(f"{parts.path}?{parts.query}", headers=PAGE | {"accept": accept})

    async def sign_in(self, target: str = "/incidents") -> httpx2.Response:
        """The whole way."""
        return await self.come_back(self.provider.authorize(await self.leave(target)))

    async def me(self) -> dict[str, Any] | None:
        """Who is signed in."""
        answer = await self.client.get("/api/v1/users/me")
        return answer.json() if answer.status_code == 200 else None


def query(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def asked(provider: FakeProvider, path: str) -> int:
    """How often the provider was asked for this path."""
    return sum(each.endswith(path) for each in provider.requests)


__all__: Sequence[str] = ("Walker", "asked", "config", "query")
