"""What the types of the sections cannot say: values that make no sense, alone or together."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from openalert.config.sections import (
    Backup,
    BucketSection,
    Config,
    Delivery,
    LastResort,
    MailIn,
    Oidc,
    SelfMonitor,
    Slack,
    StatusPages,
    Twilio,
    Watch,
    WebPush,
)
from openalert.domain.delivery import CHANNELS
from openalert.domain.errors import Invalid
from openalert.domain.single_sign_on import GOOGLE, is_trustworthy_url, serves_many_tenants
from openalert.domain.vault import SHORTEST_KEY
from openalert.domain.walltime import parse_time, zone_named

_BOT_TOKEN = re.compile(r"[0-9]{5,15}:[A-Za-z0-9_-]{20,80}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_MIRROR = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_REDIS = re.compile(r"(rediss?|valkeys?)://[^/\s]\S*|unix://\S*/\S+")
_PREFIX = re.compile(r"[^\s/]([^\n]*[^\s/])?")
_ADDRESS = r"https?://[^\s/@]+(/\S*)?$"
_PLACE = r"https?://[^\s/@]+(/\S*)?|[A-Za-z0-9.-]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}"
_VAPID_KEY = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?")


def problems(config: Config) -> Iterator[tuple[str, str]]:
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
    for section, names in (
        ("server", config.server.allowed_hosts),
        ("apprise", config.apprise.allowed_hosts),
    ):
        for name in names:
            if not _HOST_NAME.fullmatch(name):
                yield (
                    f"{section}.allowed_hosts",
                    f"holds {name!r}; it must be a name such as oncall.example.com.",
                )
    for field, values in networks.items():
        for value in values:
            try:
                ip_network(value, strict=False)
            except ValueError:
                yield field, f"holds {value!r}; it must be an address or a network such as 10.0.0.0/8."
    yield from _problems_of_secrets(config)
    if config.database.url and not re.match(r"(sqlite:///.|postgres(ql)?://.)", config.database.url):
        yield "database.url", "must begin with sqlite:/// or postgres://."
    if config.redis.url and not _REDIS.fullmatch(config.redis.url):
        yield (
            "redis.url",
            "must be redis://host, rediss://host (with TLS) or unix:///path of a Valkey or Redis server.",
        )
    yield from _mail_problems(config)
    yield from _mail_in_problems(config.mail_in)
    yield from _twilio_problems(config)
    yield from _web_push_problems(config.web_push)
    yield from _delivery_problems(config.delivery)
    yield from _slack_problems(config.slack)
    yield from _telegram_problems(config)
    yield from _mattermost_problems(config)
    yield from _oidc_problems(config.oidc)
    yield from _mirror_problems(config.status_pages)
    yield from _backup_problems(config.backup)
    yield from _self_monitor_problems(config.self_monitor)
    yield from _last_resort_problems(config.last_resort, has_mail=bool(config.smtp.host))
    yield from _watch_problems(config.watch)


def _self_monitor_problems(own: SelfMonitor) -> Iterator[tuple[str, str]]:
    if own.url and not re.match(_ADDRESS, own.url):
        yield (
            "self_monitor.url",
            "must be an address that begins with https:// or http://, without a user name.",
        )
    if own.fail and not re.fullmatch(r"/[\w./-]+|[\w]+=[\w-]+", own.fail):
        yield "self_monitor.fail", "must be a path such as /fail, a query such as status=down, or empty."


def _watch_problems(own: Watch) -> Iterator[tuple[str, str]]:
    if own.url and not _is_origin(own.url):
        yield "watch.url", f"is {own.url!r}; it must be http(s)://host or http(s)://host:port."
    if own.key and len(own.key) < SHORTEST_KEY:
        yield "watch.key", "is no API key: it begins with oak_."
    for place in own.references:
        if not re.fullmatch(_PLACE, place):
            yield (
                "watch.references",
                f"holds {place!r}; it must be like https://www.example.org or 192.0.2.1:53.",
            )


def _last_resort_problems(last: LastResort, *, has_mail: bool) -> Iterator[tuple[str, str]]:
    for address in last.mail_to:
        if address.count("@") != 1 or not address.strip("@") or re.search(r"\s", address):
            yield "last_resort.mail_to", f"holds {address!r}; it must be an e-mail address."
    if last.mail_to and not (last.host or has_mail):
        yield "last_resort.mail_to", "is given, but neither last_resort.host nor smtp.host is."
    if last.host and "@" not in last.sender:
        yield "last_resort.from", "must be an e-mail address when last_resort.host is given."
    if last.command and not last.command[0]:
        yield "last_resort.command", "has no program."
    if last.webhook and not re.match(_ADDRESS, last.webhook):
        yield (
            "last_resort.webhook",
            "must be an address that begins with https:// or http://, without a user name.",
        )


def _mail_in_problems(mail_in: MailIn) -> Iterator[tuple[str, str]]:
    if mail_in.port and not _HOST_NAME.fullmatch(mail_in.domain):
        yield "mail_in.domain", "must be a domain such as oncall.example.com when mail_in.port is given."
    for name in ("tls_certificate", "tls_key"):
        path = getattr(mail_in, name)
        if path and not Path(path).is_file():
            yield f"mail_in.{name}", f"is {path!r}, where there is no file."


def _web_push_problems(web_push: WebPush) -> Iterator[tuple[str, str]]:
    if web_push.private_key and not _VAPID_KEY.fullmatch(web_push.private_key):
        yield "web_push.private_key", "must be the private half of a VAPID key: 32 bytes as base64url."
    if web_push.subject and not web_push.subject.startswith(("mailto:", "https://")):
        yield "web_push.subject", "must begin with mailto: or https://."


def _mirror_problems(pages: StatusPages) -> Iterator[tuple[str, str]]:
    field, names, places = "status_pages.mirror", set[str](), set[tuple[str, ...]]()
    for mirror in pages.mirror:
        place = (mirror.folder.rstrip("/"), mirror.endpoint, mirror.bucket, mirror.prefix)
        if any(place) and place in places:
            yield (
                field,
                f"{mirror.name!r} lies where another one does: each would take the other's files away.",
            )
        places.add(place)
        if not _MIRROR.fullmatch(mirror.name) or mirror.name in names:
            yield (
                field,
                f"has the name {mirror.name!r}; each needs one of its own, of a-z, 0-9 and -, at most 32.",
            )
        names.add(mirror.name)
        if bool(mirror.bucket) is bool(mirror.folder or mirror.command):
            yield field, f"{mirror.name!r} needs a bucket, or a folder, a command or both of these."
        if mirror.folder and not Path(mirror.folder).is_absolute():
            yield field, f"{mirror.name!r} has the folder {mirror.folder!r}; it must begin with a slash."
        if mirror.command and not mirror.command[0]:
            yield field, f"{mirror.name!r} has a command without a program."
        if not mirror.bucket:
            continue
        for name, problem in _bucket_problems(mirror):
            yield f"{field}.{name}", f"of {mirror.name!r} {problem}"
        if not all(
            getattr(mirror, name) or getattr(pages, name) for name in ("access_key_id", "secret_access_key")
        ):
            yield field, f"{mirror.name!r} needs access_key_id and secret_access_key."


def _backup_problems(backup: Backup) -> Iterator[tuple[str, str]]:
    try:
        parse_time(backup.at)
    except ValueError:
        yield "backup.at", f"is {backup.at!r}; it must be a time such as 03:00."
    try:
        zone_named(backup.time_zone)
    except Invalid:
        yield "backup.time_zone", f"is {backup.time_zone!r}; it must be an IANA name such as Europe/Berlin."
    if backup.folder and not Path(backup.folder).is_absolute():
        yield "backup.folder", f"is {backup.folder!r}; it must begin with a slash."
    if backup.command and not backup.command[0]:
        yield "backup.command", "has no program."
    if not backup.bucket:
        return
    for name, problem in _bucket_problems(backup):
        yield f"backup.{name}", problem
    for name in ("access_key_id", "secret_access_key"):
        if not getattr(backup, name):
            yield f"backup.{name}", "is needed with backup.bucket."


def _bucket_problems(place: BucketSection) -> Iterator[tuple[str, str]]:
    """The key in its section, and what is wrong with it."""
    if not _BUCKET.fullmatch(place.bucket):
        yield "bucket", f"is {place.bucket!r}, which is no name of a bucket."
    if place.endpoint and not _is_origin(place.endpoint):
        yield "endpoint", f"is {place.endpoint!r}; it must be http(s)://host or http(s)://host:port."
    if not _REGION.fullmatch(place.region):
        yield "region", f"is {place.region!r}; it is a word such as eu-central-1 or auto."
    if place.prefix and not _PREFIX.fullmatch(place.prefix):
        yield "prefix", "begins or ends with a slash or a blank."


def _delivery_problems(delivery: Delivery) -> Iterator[tuple[str, str]]:
    for name in ("slots", "per_second"):
        for channel in getattr(delivery, name):
            if channel not in CHANNELS:
                yield f"delivery.{name}", f"names {channel!r}; channels are {', '.join(CHANNELS)}."


def _slack_problems(slack: Slack) -> Iterator[tuple[str, str]]:
    for name, begin in (("bot_token", "xoxb-"), ("app_token", "xapp-")):
        value = getattr(slack, name)
        if value and not value.startswith(begin):
            yield f"slack.{name}", f"must begin with {begin}; Slack has several kinds of token."
    for name in ("signing_secret", "app_token"):
        if getattr(slack, name) and not slack.bot_token:
            yield f"slack.{name}", "is given, but slack.bot_token is not."
    if not is_trustworthy_url(slack.base_url):
        yield "slack.base_url", "must begin with https:// (http:// only for localhost)."


def _mail_problems(config: Config) -> Iterator[tuple[str, str]]:
    for section, smtp in (("smtp", config.smtp), ("smtp_backup", config.smtp_backup)):
        if smtp.host and "@" not in smtp.sender:
            yield f"{section}.from", f"must be an e-mail address when {section}.host is given."
    if config.smtp_backup.host and not config.smtp.host:
        yield "smtp_backup.host", "is given, but smtp.host is not."


def _twilio_problems(config: Config) -> Iterator[tuple[str, str]]:
    for section, twilio in (("twilio", config.twilio), ("twilio_backup", config.twilio_backup)):
        yield from _account_problems(section, twilio)
    if config.twilio_backup.account_sid and not config.twilio.account_sid:
        yield "twilio_backup.account_sid", "is given, but twilio.account_sid is not."
    if config.twilio.account_sid and not config.server.base_url:
        yield (
            "server.base_url",
            "is needed as soon as twilio.account_sid is given: Twilio reports back there.",
        )


def _account_problems(section: str, twilio: Twilio) -> Iterator[tuple[str, str]]:
    if not _is_origin(twilio.base_url):
        yield (
            f"{section}.base_url",
            f"is {twilio.base_url!r}; it must be http(s)://host or http(s)://host:port.",
        )
    for name in ("from_number", "voice_number"):
        value = getattr(twilio, name)
        if value and not _NUMBER.fullmatch(value):
            yield (
                f"{section}.{name}",
                f"is {value!r}; it must be a number such as +15005550006, or a short code.",
            )
    if not twilio.account_sid:
        return
    if not _ACCOUNT.fullmatch(twilio.account_sid):
        yield (
            f"{section}.account_sid",
            "must be AC and 32 letters and digits, as the console of Twilio shows it.",
        )
    if not twilio.auth_token:
        yield f"{section}.auth_token", f"is needed as soon as {section}.account_sid is given."
    if not (twilio.from_number or twilio.messaging_service_sid or twilio.voice_number):
        yield f"{section}.from_number", f"is needed as soon as {section}.account_sid is given."


def _mattermost_problems(config: Config) -> Iterator[tuple[str, str]]:
    url, token = config.mattermost.url, config.mattermost.bot_token
    if bool(url) != bool(token):
        yield "mattermost.url", "and mattermost.bot_token are needed together."
    if url and (not re.match(r"https?://[^/]", url) or url.endswith("/")):
        yield "mattermost.url", "must begin with https:// or http://, without a slash at its end."


def _telegram_problems(config: Config) -> Iterator[tuple[str, str]]:
    telegram = config.telegram
    if telegram.bot_token and not _BOT_TOKEN.fullmatch(telegram.bot_token):
        yield "telegram.bot_token", "must be as @BotFather gave it: digits, a colon, and about 35 characters."
    if not is_trustworthy_url(telegram.base_url) or telegram.base_url.endswith("/"):
        yield (
            "telegram.base_url",
            "must begin with https:// (http:// only for localhost), without a slash at its end.",
        )
    if telegram.bot_token and telegram.updates == "webhook" and not config.is_https:
        yield "telegram.updates", "can be webhook only when server.base_url begins with https://."


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
