"""openalert.toml, OPENALERT_SECTION_KEY, `*_file` secrets and command-line options become one frozen Config.

Later wins: defaults, file, environment, command line. What is not understood stops the start, naming the
place, the key and what is allowed: a setting that is silently ignored is found out at three in the morning.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from openalert.config import rules, sections
from openalert.config.sections import (
    Config,
    ConfigError,
    DatabaseSection,
    Log,
    Mattermost,
    Oidc,
    Outgoing,
    Retention,
    Secret,
    Section,
    Server,
    Smtp,
    Telegram,
    WebPush,
    is_secret,
    keys_of,
    secret_keys,
)

__all__ = [
    "Config",
    "ConfigError",
    "DatabaseSection",
    "Log",
    "Mattermost",
    "Oidc",
    "Outgoing",
    "Retention",
    "Secret",
    "Section",
    "Server",
    "Smtp",
    "Telegram",
    "WebPush",
    "is_secret",
    "load",
    "make_data_dir",
    "redacted",
]

PREFIX = "OPENALERT_"
_NOT_OURS = re.compile(r"OPENALERT_(CONFIG$|SERVICE_|PORT$|PORT_)")
"""The path of the file itself, and what Kubernetes sets for a service that is called openalert."""
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
_BOUNDS = {">=": " of at least", "<=": " of at most"}


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
    try:
        config = _convert(tables, str(path) if path else "configuration")
    except ConfigError as error:
        raise _with_line(error, path) from None
    _overlay(tables, _from_environment(environ))
    config = _convert(tables, "environment")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if given:
        for name, value in given.items():
            section, _, key = name.rpartition(".")
            _overlay(tables, {section: {key: value}})
        config = _convert(tables, "command line")
    return config


def _with_line(error: ConfigError, path: Path | None) -> ConfigError:
    """The same words with the line of the file that they are about, where that can be told."""
    section, _, key = str(error.details.get("field") or "").rpartition(".")
    if path is None or not section:
        return error
    inside = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if header := re.fullmatch(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?", line):
            inside = header[1].replace('"', "").replace(" ", "")
        elif inside == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            words = error.message.removeprefix(f"{path}:")
            return ConfigError(f"{path}:{number}:{words}", **error.details)
    return error


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
        lines += [f"{key} = {_toml(shown)}" for key, shown in _shown(table).items()]
        lines.append("")
    return "\n".join(lines).rstrip()


def _shown(table: Section) -> dict[str, Any]:
    """The keys of a section with their values, secrets as `***`; tables in a list as the keys that were set."""
    shown: dict[str, Any] = {}
    for field in msgspec.structs.fields(type(table)):
        value = getattr(table, field.name)
        if is_secret(type(table), field.name):
            value = "***" if value else value
        elif sections.tables_in(field.type) is not None:
            value = [{key: each for key, each in _shown(inner).items() if each} for inner in value]
        shown[field.encode_name] = value
    return shown


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, dict):
        members = ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items())
        return f"{{ {members} }}" if members else "{}"
    return msgspec.json.encode(value).decode()


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
            raise ConfigError(
                f"{path}: {name} stands outside a section. Sections: {_listed(sections.by_name())}."
            )
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
            if f"{name}.{key}" in sections.by_name() and isinstance(value, dict)
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
    # The longest name first: TWILIO_BACKUP_… begins with the name of [twilio] too.
    for section, kind in sorted(sections.by_name().items(), key=lambda each: -len(each[0])):
        prefix = section.replace(".", "_") + "_"
        if rest.startswith(prefix):
            key = rest.removeprefix(prefix)
            if key in keys_of(kind):
                return section, key
            raise ConfigError(
                f"environment: {variable} is not known. "
                f"Known for [{section}]: {', '.join(f'{PREFIX}{prefix}{name}'.upper() for name in keys_of(kind))}."
            )
    raise ConfigError(
        f"environment: {variable} is not known. Names are {PREFIX}SECTION_KEY; "
        f"sections: {_listed(name.upper().replace('.', '_') for name in sections.by_name())}."
    )


def _parsed(section: str, key: str, text: str) -> Any:
    """A value from the environment in the type its key has; lists are separated by commas, tables are JSON."""
    hint = keys_of(sections.by_name()[section]).get(key, str)
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if sections.tables_in(hint) is not None:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(text or "[]")
        return text
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
    kind = sections.by_name().get(section)
    if kind is not None:
        _read_secrets_of(kind, table, section, source, folder)


def _read_secrets_of(
    kind: type[Section], table: dict[str, Any], section: str, source: str, folder: Path
) -> None:
    for field in msgspec.structs.fields(kind):
        inner = sections.tables_in(field.type)
        listed = table.get(field.encode_name) if inner is not None else None
        for each in listed if isinstance(listed, list) else ():
            if inner is not None and isinstance(each, dict):
                _read_secrets_of(inner, each, f"{section}.{field.encode_name}", source, folder)
    for key in [key for key in table if key.endswith("_file") and key in keys_of(kind)]:
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
        kind = sections.by_name().get(section)
        if kind is None:
            raise ConfigError(
                f"{source}: there is no section [{section}]. Sections: {_listed(sections.by_name())}."
            )
        for key in table:
            if key not in keys_of(kind):
                raise ConfigError(
                    f"{source}: {section}.{key} is not known. Known in [{section}]: {_listed(keys_of(kind))}.",
                    field=f"{section}.{key}",
                )
            _convert_one(kind, section, key, table[key], source)
    config = msgspec.convert(tables, Config)
    for field, problem in rules.problems(config):
        raise ConfigError(f"{source}: {field} {problem}", field=field)
    return config


def _convert_one(kind: type[Section], section: str, key: str, value: Any, source: str) -> None:
    hint = keys_of(kind)[key]
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        shown = "" if key in secret_keys(kind) else f" is {msgspec.json.encode(value).decode()}, which"
        allowed = (
            f"Allowed: {_listed(map(str, get_args(hint)))}."
            if get_origin(hint) is Literal
            else f"{_plain(str(error))}."
        )
        raise ConfigError(
            f"{source}: {section}.{key}{shown} cannot be used. {allowed}", field=f"{section}.{key}"
        ) from None


def _plain(words: str) -> str:
    """What msgspec says of a value, in words of people who write no Python."""
    words = re.sub(r"`(\w+)`", lambda found: _TYPES.get(found[1], found[1]), words)
    return re.sub(r" (>=|<=) (\S+)", lambda found: f"{_BOUNDS[found[1]]} {found[2].rstrip('.')}", words)


def _listed(names: Any) -> str:
    return ", ".join(names)
