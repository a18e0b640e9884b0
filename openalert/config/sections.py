"""The sections of openalert.toml with every key, its type and its default."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import msgspec

from openalert.domain.access import Role
from openalert.domain.errors import OpenAlertError

Secret: TypeAlias = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""Text that is never shown; it may also be given as `<name>_file`, the path of a file that holds it."""


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
    drain_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0
    """After the stop was asked for it serves on for so long, and /ready says already that it is going."""
    node_name: str = ""
    """What this node is called where several share a database; empty: its host name and port."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    metrics_token: Secret = ""
    """Opens /metrics to a scraper on another machine."""
    secret_key: Secret = ""
    """Signs the links in messages; empty: made once and kept in the data folder."""
    encryption_key: Secret = ""
    """Seals stored secrets; several lines: the first seals, all open. Empty: made once, kept in the data folder."""
    file_access: Literal["owner", "group", "anyone"] = "owner"
    """Who may read the files of the data folder; what others may do with them is taken away at the start."""
    loop_guard: bool = True
    """End the process when its event loop has not turned for a minute; off for whoever stops it in a debugger."""


class DatabaseSection(Section, frozen=True):
    """Where everything is stored."""

    url: Secret = ""
    """`sqlite:///path` or `postgres://…`; empty: openalert.db in the data folder."""
    lease_seconds: Annotated[int, msgspec.Meta(ge=3, le=60)] = 15
    """A node on Postgres of which nothing was heard for so long: others take over what it was sending."""
    reserve_mib: Annotated[int, msgspec.Meta(ge=0, le=4096)] = 64
    """Disk space that is put aside for the day on which the disk is full; 0: none. Not with Postgres."""


class RedisSection(Section, frozen=True):
    """What several nodes share beside the database; without a url they share nothing more."""

    url: Secret = ""
    """`redis://…`, `rediss://…` with TLS, or `unix:///path`: a Valkey or Redis server."""


class MailServer(Section, frozen=True):
    """A server that takes mails from us."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """0: the usual one, 587 for starttls, 465 for tls, 25 for none."""
    username: str = ""
    password: Secret = ""
    security: Literal["none", "starttls", "tls"] = "starttls"
    sender: str = msgspec.field(default="", name="from")


class Smtp(MailServer, frozen=True):
    """The mail server; without a host no mail is sent."""


class BucketSection(Section, frozen=True):
    """A bucket in a store that speaks the protocol of S3; without its name there is none."""

    bucket: str = ""
    endpoint: str = ""
    """Empty: that of AWS for the region."""
    region: str = "us-east-1"
    prefix: str = ""
    """Begins every key."""
    path_style: bool = True
    """Whether the bucket stands in the path of requests; false: in the name of the host."""
    access_key_id: str = ""
    secret_access_key: Secret = ""


class Slack(Section, frozen=True):
    """The Slack app; without a bot token nothing goes to Slack."""

    bot_token: Secret = ""
    """Begins with `xoxb-`."""
    signing_secret: Secret = ""
    """Proves that buttons and answers that reach /callbacks/slack come from Slack."""
    app_token: Secret = ""
    """Begins with `xapp-`: buttons and answers come by a WebSocket that this server opens (Socket Mode)."""
    base_url: str = "https://slack.com/api"


class MailIn(Section, frozen=True):
    """Answers by mail: an SMTP listener for addresses below `domain`; off without a port."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """0: mail is not taken in, and pages say no address for answers."""
    domain: str = ""
    """Whose mail a mail server hands to this listener: `oncall.example.com`."""
    tls_certificate: str = ""
    """A PEM file, with which STARTTLS is offered."""
    tls_key: str = ""
    """A PEM file; empty: it is in that of the certificate."""


class Twilio(Section, frozen=True):
    """The account at Twilio for text messages and calls; without an account_sid there are none."""

    account_sid: str = ""
    auth_token: Secret = ""
    """Signs in at Twilio, and proves what comes from there."""
    from_number: str = ""
    """Where text messages and calls come from, `+15005550006`."""
    messaging_service_sid: str = ""
    """Chooses the number of a text message, in place of from_number."""
    voice_number: str = ""
    """Where calls come from; empty: from_number."""
    base_url: str = "https://api.twilio.com"


class Mattermost(Section, frozen=True):
    """The Mattermost server; without a URL and a token nothing goes there."""

    url: str = ""
    """Where people open it, without a slash at its end."""
    bot_token: Secret = ""
    """Of a bot account."""


class Telegram(Section, frozen=True):
    """The Telegram bot; without a token there is none."""

    bot_token: Secret = ""
    """As @BotFather gave it."""
    base_url: str = "https://api.telegram.org"
    """Another one for a Bot API server of your own."""
    updates: Literal["polling", "webhook"] = "polling"
    """How answers come in: asked for by this server, or posted by Telegram to /callbacks/telegram."""


class Outgoing(Section, frozen=True):
    """Where webhooks and other outgoing HTTP may go."""

    allow_private_networks: bool = False
    allowed_networks: tuple[str, ...] = ()


class WebPush(Section, frozen=True):
    """Pages to browsers and installed apps; they work without a line of it."""

    private_key: Secret = ""
    """Ours, which push services know us by: base64url of 32 bytes. Empty: made once, sealed in the database."""
    subject: str = ""
    """A mailto: or https: URL for the people of a push service; empty: server.base_url."""


class Delivery(Section, frozen=True):
    """How fast messages leave, by the channel's name; what is not named has the defaults of docs/deliveries.md."""

    slots: dict[str, Annotated[int, msgspec.Meta(ge=2, le=256)]] = {}
    """How many are on their way at a time."""
    per_second: dict[str, Annotated[float, msgspec.Meta(ge=0, le=1000)]] = {}
    """How many a provider is given each second; 0: no limit."""


class Mirror(BucketSection, frozen=True):
    """A static copy of public status pages in another place: a folder, what a command makes of one, or a bucket.

    Where it names no access key, that of [status_pages] is taken.
    """

    name: str = ""
    """What it is called; its state is kept under it."""
    pages: tuple[str, ...] = ()
    """Slugs; empty: every public page, each in a folder of its slug."""
    folder: str = ""
    """Where the files are written."""
    command: tuple[str, ...] = ()
    """A program and its arguments, run with the folder as its last one; without a folder it gets one of ours."""
    command_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 120
    every_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 15
    """How often it is made anew where nothing has changed: so often its time moves on."""


class StatusPages(Section, frozen=True):
    """How subscribers of status pages are told (mails leave by the server in [smtp]), and copies of the pages."""

    mails_per_second: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 10
    """0: as fast as the mail server takes them."""
    mails_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    reply_to: str = ""
    """Where answers to these mails go; empty: to the sender."""
    access_key_id: str = ""
    """Of mirrors in buckets that name none."""
    secret_access_key: Secret = ""
    mirror: tuple[Mirror, ...] = ()
    """Each begins with [[status_pages.mirror]]."""


class Apprise(Section, frozen=True):
    """Services that are reached through Apprise."""

    allowed_hosts: tuple[str, ...] = ()
    """Servers of ours, such as an ntfy or Gotify at home, that may lie in a private network."""


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


class SelfMonitor(Section, frozen=True):
    """How the server watches itself, and whom it tells that it is well."""

    canary: bool = True
    """Whether it sends itself an alert every minute over the whole way of a real one."""
    through_base_url: bool = False
    """Canaries go through server.base_url, its proxy and TLS; false: by the loopback address."""
    url: Secret = ""
    """A dead-man's switch elsewhere, asked for with GET while an alert arriving now would page."""
    fail: str = "/fail"
    """What tells it otherwise: a path after the URL's, `status=down` in its query, or empty: silence alone."""
    every_seconds: Annotated[int, msgspec.Meta(ge=2, le=600)] = 60
    """How often: canaries, the look at what is late, and word to the switch."""


class LastResort(MailServer, frozen=True):
    """Who hears that nobody can be reached, by ways that need no database; nobody does without an entry.

    Without a host mails leave by the server of [smtp], all of it.
    """

    mail_to: tuple[str, ...] = ()
    """Addresses."""
    command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell; it reads one JSON document from its standard input."""
    command_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 30
    webhook: Secret = ""
    """An address that the same document is posted to."""
    after_seconds: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 120
    """How long an alert arriving now would have to page nobody, as seen by [self_monitor], before it is said."""


class Watch(Section, frozen=True):
    """Of `openalert watch`, on a host of its own: what it watches, and when it calls people."""

    url: str = ""
    """Where people reach the server that is watched."""
    key: Secret = ""
    """An API key of that server with the scope watch."""
    every_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 15
    after_seconds: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 180
    """How long it has to be silent on end before people are called."""
    escalate_after_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 900
    """After those who are called first, until the other levels and the owners are called too; 0: never."""
    repeat_after_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    """After which somebody who was told is told again; 0: nobody is told twice."""
    references: tuple[str, ...] = ()
    """Other places, such as https://www.example.org or 192.0.2.1:53; empty: the mail server."""
    teams: tuple[str, ...] = ()
    """Slugs of the teams whose people are called; empty: all that the key shows."""


class Retention(Section, frozen=True):
    """How long things are kept that nobody needs for ever."""

    payload_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30


class Backup(BucketSection, frozen=True):
    """The copy of an SQLite database that is made every night; Postgres has programs of its own for this.

    Each new file is carried elsewhere by the command, and to the bucket.
    """

    enabled: bool = True
    at: str = "03:00"
    """By the clocks of `time_zone`."""
    time_zone: str = "UTC"
    folder: str = ""
    """Empty: `backups` in the data folder."""
    keep: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 7
    command: tuple[str, ...] = ()
    """A program and its arguments that carries each new file elsewhere; the file is its last argument."""
    command_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3600


class Config(Section, frozen=True):
    """Everything that is configured, with the file it came from."""

    server: Server = Server()
    database: DatabaseSection = DatabaseSection()
    redis: RedisSection = RedisSection()
    smtp: Smtp = Smtp()
    smtp_backup: Smtp = Smtp()
    slack: Slack = Slack()
    mail_in: MailIn = MailIn()
    twilio: Twilio = Twilio()
    twilio_backup: Twilio = Twilio()
    telegram: Telegram = Telegram()
    mattermost: Mattermost = Mattermost()
    outgoing: Outgoing = Outgoing()
    apprise: Apprise = Apprise()
    web_push: WebPush = WebPush()
    delivery: Delivery = Delivery()
    status_pages: StatusPages = StatusPages()
    oidc: Oidc = msgspec.field(default=Oidc(), name="auth.oidc")
    log: Log = Log()
    retention: Retention = Retention()
    self_monitor: SelfMonitor = SelfMonitor()
    last_resort: LastResort = LastResort()
    watch: Watch = Watch()
    backup: Backup = Backup()

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
    def sends_mail(self) -> bool:
        """Whether there is a mail server, so that links go out by mail and are not handed over."""
        return bool(self.smtp.host)

    @property
    def is_https(self) -> bool:
        """Whether people reach it by TLS, so that cookies must not travel without."""
        return self.base_url.startswith("https://")


def is_secret(kind: type[Section], name: str) -> bool:
    """Whether the field is never to be shown."""
    hint = get_type_hints(kind, include_extras=True)[name]
    return any((getattr(meta, "extra", None) or {}).get("secret") for meta in get_args(hint)[1:])


def by_name() -> dict[str, type[Section]]:
    """The sections by their whole names, `auth.oidc` among them."""
    return {field.encode_name: type(field.default) for field in msgspec.structs.fields(Config)}


def keys_of(kind: type[Section]) -> dict[str, Any]:
    """The keys of a section as they are written, `*_file` of secrets among them, with their types."""
    hints = get_type_hints(kind, include_extras=True)
    keys: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        keys[field.encode_name] = hints[field.name]
        if is_secret(kind, field.name):
            keys[field.encode_name + "_file"] = str
    return keys


def secret_keys(kind: type[Section]) -> set[str]:
    """The keys of a section whose values are never shown, or hold some that are not."""
    return {
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if is_secret(kind, field.name) or tables_in(field.type) is not None
    }


def tables_in(hint: Any) -> type[Section] | None:
    """What the tables of a list such as [[status_pages.mirror]] are; None for anything else."""
    inner = get_args(hint)[:1] if get_origin(hint) is tuple else ()
    return inner[0] if inner and isinstance(inner[0], type) and issubclass(inner[0], Section) else None
