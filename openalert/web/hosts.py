"""Host headers: the names by which somebody asks for us, and which of them are ours."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from openalert.config import Config


class KnownHosts:
    """The names by which we are asked for. With `server.base_url` all others are refused: what a page of another
    name says is ours, its browser would believe (DNS rebinding). An address is no name: nobody can lend it to us.
    """

    def __init__(self, config: Config) -> None:
        self._names = own_names(config)

    def allow(self, host: str) -> bool:
        """Whether a request with this Host header is for us."""
        if not self._names:
            return True
        name = host_name(host)
        return name in self._names or is_own_name(name)

    def foreign(self, host: str) -> str:
        """The name in this Host header, if it is none of ours; empty for ours, and where we do not know ours."""
        if not self._names:
            return ""
        name = host_name(host)
        return "" if name in self._names or is_own_name(name) else name


def own_names(config: Config) -> frozenset[str]:
    """The names by which we are known, in lower case; empty where nobody has said."""
    urls = [config.server.base_url, *config.server.allowed_origins] if config.server.base_url else []
    named = [urlsplit(url).hostname or "" for url in urls]
    return frozenset(name for name in [*named, *map(str.lower, config.server.allowed_hosts)] if name)


def host_name(host: str) -> str:
    """A Host header without its port, in lower case and without the dot at its end."""
    bare = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return bare.lower().removesuffix(".")


@lru_cache(maxsize=256)
def is_own_name(name: str) -> bool:
    """Whether this names a machine without asking a name server that others may run: an address, or localhost."""
    if name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
