"""openalert.toml, OPENALERT_SECTION_KEY, `*_file` secrets and command-line options become one frozen Config.

Later wins: defaults, file, environment, command line. What is not understood stops the start, naming the
place, the key and what is allowed: a setting that is silently ignored is found out at three in the morning.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from openalert.domain.access import Role
from openalert.domain.errors import OpenAlertError
from openalert.domain.single_sign_on import GOOGLE, is_trustworthy_url, serves_many_tenants
from openalert.domain.vault import SHORTEST_KEY

Secret: TypeAlias = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""Text that is never shown; it may also be given as `<name>_file`, the path of a file that holds it."""

PREFIX = "OPENALERT_"
_NOT_OURS = re.compile(r"OPENALERT_(CONFIG$|SERVICE_|PORT$|PORT_)")
"""The path of the file itself, and what Kubernetes sets for a service that is called openalert."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


class ConfigError(OpenAlertError):
    """The configuration cannot be used; the program does not start (exit code 3)."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of openalert.toml."""

    def __repr__(self) -> str:
        """Never the values: they end up in logs."""
        return f"<{type(self).__name__}>"


class Server(Section, frozen=True):
    """Where it listens, keeps its data, and how it is reached."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    data_dir: str = "./openalert-data"
    base_url: str = ""
    """How people and senders reach it; empty: http://host:port."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    allowed_origins: tuple[str, ...] = ()
    """Further origins whose pages may act with the session cookie."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names by which it may be asked for."""
    api_writes_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 100
    """For each user or key; 0: no limit. Never applies to ingestion."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    metrics_token: Secret = ""
    """Opens /metrics to a scraper on another machine."""
    secret_key: Secret = ""
    """Signs the links in messages; empty: made once and kept in the data folder."""
    encryption_key: Secret = ""
    """Seals stored secrets; several lines: the first seals, all open. Empty: made once, kept in the data folder."""


class DatabaseSection(Section, frozen=True):
    """Where everything is stored."""

    url: Secret = ""
    """`sqlite:///path` or `postgres://…`; empty: openalert.db in the data folder."""


class Smtp(Section, frozen=True):
    """The mail server; without a host no mail is sent."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """0: the usual one, 587 for starttls, 465 for tls, 25 for none."""
    username: str = ""
    password: Secret = ""
    security: Literal["none", "starttls", "tls"] = "starttls"
    sender: str = msgspec.field(default="", name="from")


class Outgoing(Section, frozen=True):
    """Where webhooks and other outgoing HTTP may go."""

    allow_private_networks: bool = False
    allowed_networks: tuple[str, ...] = ()


class Oidc(Section, frozen=True):
    """Single sign-on by OpenID Connect; without an issuer there is none."""

    issuer: str = ""
    """As the provider writes it: `https://login.microsoftonline.com/<tenant>/v2.0`."""
    client_id: str = ""
    client_secret: Secret = ""
    """Empty: a public client, which PKCE alone protects."""
    label: str = ""
    """What the button says after "Sign in with"; empty: the provider's name or host."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    allowed_tenants: tuple[str, ...] = ()
    """Entra tenant ids whose people may come in; needed when the issuer serves more than one."""
    allowed_domains: tuple[str, ...] = ()
    """E-mail domains of people who may be taken in; empty: all."""
    role_claims: tuple[str, ...] = ("roles", "groups")
    """Members of the ID token that hold roles or groups; `a.b` reaches into a nested one."""
    organization_roles: dict[str, Role] = {}
    """Value of such a claim to the role in the organization."""
    team_roles: dict[str, dict[str, Role]] = {}
    """Value of such a claim to roles in teams, by the team's slug."""
    default_role: Literal["none", "viewer", "member"] = "none"
    """Of people whom no value gives a role; none: they are not let in."""
    only: bool = False
    """Nobody signs in with a password, except break_glass."""
    break_glass: tuple[str, ...] = ()
    """E-mail addresses that may still use their password."""


class Log(Section, frozen=True):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """auto: console on a terminal, else JSON."""


class Retention(Section, frozen=True):
    """How long things are kept that nobody needs for ever."""

    payload_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30


class Config(Section, frozen=True):
    """Everything that is configured, with the file it came from."""

    server: Server = Server()
    database: DatabaseSection = DatabaseSection()
    smtp: Smtp = Smtp()
    outgoing: Outgoing = Outgoing()
    oidc: Oidc = msgspec.field(default=Oidc(), name="auth.oidc")
    log: Log = Log()
    retention: Retention = Retention()

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return Path(self.server.data_dir).expanduser().absolute()

    @property
    def database_url(self) -> str:
        """The database in use."""
        return self.database.url or f"sqlite:///{self.data_dir / 'openalert.db'}"

    @property
    def base_url(self) -> str:
        """Scheme, host and port under which links are made, without a slash at the end."""
        if self.server.base_url:
            return self.server.base_url
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.server.host, self.server.host)  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.server.port}"

    @property
    def is_https(self) -> bool:
        """Whether people reach it by TLS, so that cookies must not travel without."""
        return self.base_url.startswith("https://")


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, str | int | None] | None = None,
) -> Config:
    """The Config of a file, the environment and `section.key` options (None: not given).

    Without `path`, OPENALERT_CONFIG or ./openalert.toml is read if there is one.
    """
    environ = os.environ if environ is None else environ
    path = path or _usual_file(environ)
    tables = _read_file(path) if path else {}
    config = _convert(tables, str(path) if path else "configuration")
    _overlay(tables, _from_environment(environ))
    config = _convert(tables, "environment")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if given:
        for name, value in given.items():
            section, _, key = name.rpartition(".")
            _overlay(tables, {section: {key: value}})
        config = _convert(tables, "command line")
    return config


def make_data_dir(config: Config) -> None:
    """The data folder exists and is ours alone; ConfigError when that cannot be."""
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data folder {config.data_dir} cannot be made: {error.strerror}. "
            "Choose another with --data-dir or server.data_dir.",
            field="server.data_dir",
        ) from error


def redacted(config: Config) -> str:
    """The configuration as TOML with every secret replaced by `***`; what `openalert check` shows."""
    lines: list[str] = []
    for section in msgspec.structs.fields(Config):
        lines.append(f"[{section.encode_name}]")
        table = getattr(config, section.name)
        for field in msgspec.structs.fields(type(table)):
            value = getattr(table, field.name)
            shown = "***" if value and is_secret(type(table), field.name) else value
            lines.append(f"{field.encode_name} = {_toml(shown)}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        members = ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items())
        return f"{{ {members} }}" if members else "{}"
    return msgspec.json.encode(value).decode()


def is_secret(kind: type[Section], name: str) -> bool:
    """Whether the field is never to be shown."""
    hint = get_type_hints(kind, include_extras=True)[name]
    return any((getattr(meta, "extra", None) or {}).get("secret") for meta in get_args(hint)[1:])


def _usual_file(environ: Mapping[str, str]) -> Path | None:
    if environ.get(f"{PREFIX}CONFIG"):
        return Path(environ[f"{PREFIX}CONFIG"])
    usual = Path("openalert.toml")
    return usual if usual.is_file() else None


def _read_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"The configuration file {path} cannot be read: {reason}.") from error
    try:
        tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {name} stands outside a section. Sections: {_listed(_sections())}.")
    tables = _flattened(tables)
    for name, table in tables.items():
        _read_secrets(table, name, str(path), path.parent)
    return tables


def _flattened(tables: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`[auth.oidc]` is a table inside a table to TOML; here each section stands by itself, under its whole name."""
    flat: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        inner = {
            key: value
            for key, value in table.items()
            if f"{name}.{key}" in _sections() and isinstance(value, dict)
        }
        flat |= {f"{name}.{key}": value for key, value in inner.items()}
        if len(inner) < len(table) or not inner:
            flat[name] = {key: value for key, value in table.items() if key not in inner}
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or _NOT_OURS.match(variable):
            continue
        section, key = _place(variable)
        tables.setdefault(section, {})[key] = _parsed(section, key, environ[variable])
    for section, table in tables.items():
        _read_secrets(table, section, "environment", Path())
    return tables


def _place(variable: str) -> tuple[str, str]:
    rest = variable.removeprefix(PREFIX).lower()
    for section, kind in _sections().items():
        prefix = section.replace(".", "_") + "_"
        if rest.startswith(prefix):
            key = rest.removeprefix(prefix)
            if key in _keys(kind):
                return section, key
            raise ConfigError(
                f"environment: {variable} is not known. "
                f"Known for [{section}]: {', '.join(f'{PREFIX}{prefix}{name}'.upper() for name in _keys(kind))}."
            )
    raise ConfigError(
        f"environment: {variable} is not known. Names are {PREFIX}SECTION_KEY; "
        f"sections: {_listed(name.upper().replace('.', '_') for name in _sections())}."
    )


def _parsed(section: str, key: str, text: str) -> Any:
    """A value from the environment in the type its key has; lists are separated by commas, tables are JSON."""
    hint = _keys(_sections()[section]).get(key, str)
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(hint) is dict:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(text or "{}")
    if hint is bool:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            text.lower(), text
        )
    if hint is int and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return text


def _read_secrets(table: dict[str, Any], section: str, source: str, folder: Path) -> None:
    """Replace each `<secret>_file` by what the file holds, without the newline at its end."""
    kind = _sections().get(section)
    for key in [key for key in table if kind and key.endswith("_file") and key in _keys(kind)]:
        name, path = key.removesuffix("_file"), table.pop(key)
        if not path:
            continue
        if table.get(name):
            raise ConfigError(f"{source}: give {section}.{name} or {section}.{key}, not both.")
        try:
            table[name] = (folder / str(path)).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ConfigError(
                f"{source}: {section}.{key} names {path}, which cannot be read: {reason}."
            ) from error


def _overlay(tables: dict[str, dict[str, Any]], further: Mapping[str, Mapping[str, Any]]) -> None:
    for section, table in further.items():
        tables.setdefault(section, {}).update(table)


def _convert(tables: Mapping[str, Mapping[str, Any]], source: str) -> Config:
    for section, table in tables.items():
        kind = _sections().get(section)
        if kind is None:
            raise ConfigError(f"{source}: there is no section [{section}]. Sections: {_listed(_sections())}.")
        for key in table:
            if key not in _keys(kind):
                raise ConfigError(
                    f"{source}: {section}.{key} is not known. Known in [{section}]: {_listed(_keys(kind))}.",
                    field=f"{section}.{key}",
                )
            _convert_one(kind, section, key, table[key], source)
    config = msgspec.convert(tables, Config)
    for field, problem in _problems(config):
        raise ConfigError(f"{source}: {field} {problem}", field=field)
    return config


def _convert_one(kind: type[Section], section: str, key: str, value: Any, source: str) -> None:
    hint = _keys(kind)[key]
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        shown = "" if key in _secret_keys(kind) else f" is {msgspec.json.encode(value).decode()}, which"
        allowed = (
            f"Allowed: {_listed(map(str, get_args(hint)))}." if get_origin(hint) is Literal else f"{error}."
        )
        raise ConfigError(
            f"{source}: {section}.{key}{shown} cannot be used. {allowed}", field=f"{section}.{key}"
        ) from None


def _problems(config: Config) -> Iterator[tuple[str, str]]:
    """What types cannot say: (key, what is wrong and what is allowed)."""
    for name in ("base_url", "allowed_origins"):
        value = getattr(config.server, name)
        for url in [value] if isinstance(value, str) else value:
            if url and not _is_origin(url):
                yield f"server.{name}", f"is {url!r}; it must be http(s)://host or http(s)://host:port."
    networks = {
        "server.trusted_proxies": config.server.trusted_proxies,
        "outgoing.allowed_networks": config.outgoing.allowed_networks,
    }
    for name in config.server.allowed_hosts:
        if not _HOST_NAME.fullmatch(name):
            yield "server.allowed_hosts", f"holds {name!r}; it must be a name such as oncall.example.com."
    for field, values in networks.items():
        for value in values:
            try:
                ip_network(value, strict=False)
            except ValueError:
                yield field, f"holds {value!r}; it must be an address or a network such as 10.0.0.0/8."
    yield from _problems_of_secrets(config)
    if config.database.url and not re.match(r"(sqlite:///.|postgres(ql)?://.)", config.database.url):
        yield "database.url", "must begin with sqlite:/// or postgres://."
    if config.smtp.host and "@" not in config.smtp.sender:
        yield "smtp.from", "must be an e-mail address when smtp.host is given."
    yield from _oidc_problems(config.oidc)


def _oidc_problems(oidc: Oidc) -> Iterator[tuple[str, str]]:
    if not oidc.issuer:
        for name in ("client_id", "client_secret", "only"):
            if getattr(oidc, name):
                yield f"auth.oidc.{name}", "is given, but auth.oidc.issuer is not."
        return
    if not is_trustworthy_url(oidc.issuer) or "?" in oidc.issuer or "#" in oidc.issuer:
        yield "auth.oidc.issuer", "must begin with https:// (http:// only for localhost) and have no query."
    if not oidc.client_id:
        yield "auth.oidc.client_id", "is needed as soon as auth.oidc.issuer is given."
    if "openid" not in oidc.scopes:
        yield "auth.oidc.scopes", 'must hold "openid".'
    if serves_many_tenants(oidc.issuer) and not oidc.allowed_tenants:
        yield (
            "auth.oidc.allowed_tenants",
            (
                "must name the tenants that may come in, because this issuer serves every company. "
                "Or write your own tenant's id into auth.oidc.issuer."
            ),
        )
    if oidc.issuer.rstrip("/") == GOOGLE and not oidc.allowed_domains:
        yield (
            "auth.oidc.allowed_domains",
            "must name your domains, because everybody has an account at Google.",
        )
    if oidc.break_glass and not oidc.only:
        yield "auth.oidc.break_glass", "has a meaning only with auth.oidc.only = true."
    yield from _listed_wrongly(
        "allowed_domains", "a domain such as example.com", oidc.allowed_domains, signs=0
    )
    yield from _listed_wrongly("break_glass", "an e-mail address", oidc.break_glass, signs=1)


def _listed_wrongly(key: str, wanted: str, values: tuple[str, ...], signs: int) -> Iterator[tuple[str, str]]:
    for value in values:
        if value.count("@") != signs or not value.strip("@"):
            yield f"auth.oidc.{key}", f"holds {value!r}; it must be {wanted}."


def _problems_of_secrets(config: Config) -> Iterator[tuple[str, str]]:
    for name in ("metrics_token", "secret_key"):
        if 0 < len(getattr(config.server, name)) < 16:
            yield f"server.{name}", "must have at least 16 characters."
    if any(len(key) < SHORTEST_KEY for key in config.server.encryption_key.split()):
        yield "server.encryption_key", f"must have at least {SHORTEST_KEY} characters a line, without blanks."


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(
            parts.scheme in ("http", "https")
            and parts.hostname
            and (parts.port is None or parts.port > 0)
            and url == f"{parts.scheme}://{parts.netloc}"
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _sections() -> dict[str, type[Section]]:
    """The sections by their whole names, `auth.oidc` among them."""
    return {field.encode_name: type(field.default) for field in msgspec.structs.fields(Config)}


def _keys(kind: type[Section]) -> dict[str, Any]:
    """The keys of a section as they are written, `*_file` of secrets among them, with their types."""
    hints = get_type_hints(kind, include_extras=True)
    keys: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        keys[field.encode_name] = hints[field.name]
        if is_secret(kind, field.name):
            keys[field.encode_name + "_file"] = str
    return keys


def _secret_keys(kind: type[Section]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind) if is_secret(kind, field.name)}


def _listed(names: Any) -> str:
    return ", ".join(names)
