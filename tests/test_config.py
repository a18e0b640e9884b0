"""Configuration: what is understood wins in the right order, what is not stops the start with its name."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from openalert.config import ConfigError, load, make_data_dir, redacted
from openalert.storage.keyring import signing_key


def write(folder: Path, text: str) -> Path:
    """A configuration file with this text."""
    path = folder / "openalert.toml"
    path.write_text(text)
    return path


def refusal(path: Path | None = None, environ: dict[str, str] | None = None) -> str:
    """The sentence with which this configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return caught.value.message


def test_nothing_configured_is_a_local_appliance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a file and without variables it listens on loopback and keeps SQLite in ./openalert-data."""
    monkeypatch.chdir(tmp_path)
    config = load(None, {})
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)
    assert config.database_url == f"sqlite:///{tmp_path}/openalert-data/openalert.db"
    assert config.base_url == "http://127.0.0.1:8080"


def test_the_later_source_wins(tmp_path: Path) -> None:
    """Command line over environment over file, key by key."""
    path = write(tmp_path, '[server]\nport = 1001\nhost = "10.0.0.1"\ndata_dir = "/f"\n')
    config = load(
        path, {"OPENALERT_SERVER_PORT": "1002", "OPENALERT_SERVER_HOST": "h"}, {"server.port": 1003}
    )
    assert (config.server.port, config.server.host, config.server.data_dir) == (1003, "h", "/f")


def test_a_second_provider_is_set_by_the_environment_too() -> None:
    """Its section's name begins with that of the first, which does not take its keys away."""
    first = {"OPENALERT_SMTP_HOST": "a.example", "OPENALERT_SMTP_FROM": "a@example.org"}
    second = {"OPENALERT_SMTP_BACKUP_HOST": "b.example", "OPENALERT_SMTP_BACKUP_FROM": "b@example.org"}
    config = load(None, first | second)
    assert (config.smtp.host, config.smtp_backup.host) == ("a.example", "b.example")


def test_environment_values_take_the_type_of_their_key() -> None:
    """Numbers, booleans and comma-separated lists are read as such."""
    config = load(
        None,
        {
            "OPENALERT_SERVER_API_WRITES_PER_MINUTE": "0",
            "OPENALERT_OUTGOING_ALLOW_PRIVATE_NETWORKS": "true",
            "OPENALERT_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "OPENALERT_SMTP_PASSWORD": "12345",
        },
    )
    assert config.server.api_writes_per_minute == 0
    assert config.outgoing.allow_private_networks is True
    assert config.server.trusted_proxies == ("10.0.0.0/8", "::1")
    assert config.smtp.password == "12345"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[smtp]\nhots = 'a'", ["smtp.hots", "host, port", "password_file"]),
        ("[stmp]\nhost = 'a'", ["[stmp]", "server, database, redis, smtp"]),
        ("port = 1", ["port", "section"]),
        ("[server]\nport = '80'", ["server.port", '"80"', "whole number"]),
        ("[server]\nport = 70000", ["server.port", "70000", "65535"]),
        ("[smtp]\nsecurity = 'ssl'", ["smtp.security", '"ssl"', "none, starttls, tls"]),
        ("[server]\nbase_url = 'oncall.example.com'", ["server.base_url", "http(s)://host"]),
        ("[server]\nbase_url = 'https://a.example/x'", ["server.base_url"]),
        ("[server]\nbase_url = 'https://a.example:99999999'", ["server.base_url"]),
        ("[server]\ntrusted_proxies = ['everyone']", ["server.trusted_proxies", "everyone", "10.0.0.0/8"]),
        ("[database]\nurl = 'mysql://x/y'", ["database.url", "postgres://"]),
        ("[smtp]\nhost = 'mail'", ["smtp.from"]),
        ("[twilio]\naccount_sid = 'SK12'", ["twilio.account_sid", "AC and 32"]),
        (
            "[twilio_backup]\naccount_sid = 'SK12'",
            ["twilio_backup.account_sid", "AC and 32"],
        ),
        ("[twilio]\nfrom_number = '0151 123'", ["twilio.from_number", "+15005550006"]),
        ("[twilio]\nbase_url = 'api.twilio.com'", ["twilio.base_url", "http(s)://host"]),
        ("[server]\nsecret_key = 'short'", ["server.secret_key", "16"]),
        ("[server\n", ["not TOML", "line 1"]),
        ("server = 3", ["server"]),
        ("[delivery.slots]\nfax = 3", ["delivery.slots", "'fax'", "sms"]),
        ("[delivery.per_second]\npigeon = 1", ["delivery.per_second", "'pigeon'", "email"]),
        ("[[status_pages.mirror]]\nname = 'a'\nfold = '/x'", ["status_pages.mirror", "fold"]),
        ("[[status_pages.mirror]]\nname = 'A b'\nfolder = '/x'", ["status_pages.mirror", "'A b'", "a-z"]),
        ("[[status_pages.mirror]]\nname = 'a'", ["status_pages.mirror", "'a'", "bucket, or a folder"]),
        ("[[status_pages.mirror]]\nname = 'a'\nfolder = 'x'", ["status_pages.mirror", "'x'", "slash"]),
        ("[[status_pages.mirror]]\nname = 'a'\nfolder = '/x'\nbucket = 'abc'", ["status_pages.mirror"]),
        ("[[status_pages.mirror]]\nname = 'a'\nbucket = 'abc'", ["status_pages.mirror", "secret_access_key"]),
        (
            "[[status_pages.mirror]]\nname = 'a'\nbucket = 'A/b'\naccess_key_id = 'k'\nsecret_access_key = 's'",
            ["status_pages.mirror", "'A/b'"],
        ),
        (
            "[[status_pages.mirror]]\nname = 'a'\nbucket = 'abc'\nendpoint = 's3'\naccess_key_id = 'k'\n"
            "secret_access_key = 's'",
            ["status_pages.mirror", "http(s)://host"],
        ),
        ("[status_pages]\nmirror = 'x'", ["status_pages.mirror"]),
        ("[server]\nport = 'x'", ["server.port", "Expected a whole number, got text."]),
        ("[server]\nport = 70000", ["server.port", "Expected a whole number of at most 65535."]),
        ("[last_resort]\nmail_to = 'a@b.c'", ["last_resort.mail_to", "Expected a list, got text."]),
        (
            "[[status_pages.mirror]]\nname = 'a'\nfolder = '/x/'\n[[status_pages.mirror]]\nname = 'b'\nfolder = '/x'",
            ["status_pages.mirror", "'b'", "another"],
        ),
        (
            "[[status_pages.mirror]]\nname = 'a'\nfolder = '/x'\n[[status_pages.mirror]]\nname = 'a'\nfolder = '/y'",
            ["status_pages.mirror", "'a'", "of its own"],
        ),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    """Each refusal names the file, the key and what is allowed."""
    message = refusal(write(tmp_path, text))
    assert str(tmp_path / "openalert.toml") in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("OPENALERT_SMTP_HOTS", ["OPENALERT_SMTP_HOTS", "OPENALERT_SMTP_HOST"]),
        ("OPENALERT_STMP_HOST", ["OPENALERT_STMP_HOST", "SMTP"]),
        ("OPENALERT_SERVER_PORT", ["server.port"]),
    ],
)
def test_a_mistaken_variable_is_named(variable: str, words: list[str]) -> None:
    """A variable with our prefix is ours: misspelt or unusable, it stops the start."""
    message = refusal(None, {variable: "x"})
    assert "environment" in message
    for word in words:
        assert word in message


def test_variables_that_kubernetes_sets_are_not_ours() -> None:
    """A service called openalert brings variables with our prefix; they mean nothing."""
    config = load(
        None, {"OPENALERT_SERVICE_HOST": "10.0.0.1", "OPENALERT_PORT_8080_TCP": "tcp://10.0.0.1:8080"}
    )
    assert config.server.host == "127.0.0.1"


def test_a_secret_can_be_kept_in_a_file(tmp_path: Path) -> None:
    """`password_file` is read relative to the configuration file, without its newline."""
    (tmp_path / "pw").write_text("hush\n")
    path = write(tmp_path, "[smtp]\npassword_file = 'pw'\n")
    assert load(path, {}).smtp.password == "hush"
    assert load(None, {"OPENALERT_SMTP_PASSWORD_FILE": str(tmp_path / "pw")}).smtp.password == "hush"


def test_a_secret_file_that_is_missing_or_doubled_is_named(tmp_path: Path) -> None:
    """The key and the path are in the sentence."""
    assert "smtp.password_file" in refusal(write(tmp_path, "[smtp]\npassword_file = 'no-such'\n"))
    assert "not both" in refusal(write(tmp_path, "[smtp]\npassword = 'a'\npassword_file = 'b'\n"))


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """Neither the printed configuration, nor its repr, nor a refusal holds one."""
    canary = "canary-3f1c-secret"
    config = load(
        None,
        {
            "OPENALERT_SMTP_PASSWORD": canary,
            "OPENALERT_SERVER_SECRET_KEY": canary,
            "OPENALERT_DATABASE_URL": f"postgres://u:{canary}@h/d",
        },
    )
    assert canary not in redacted(config) + repr(config)
    assert redacted(config).count('"***"') == 3
    assert canary not in refusal(write(tmp_path, f"[smtp]\npassword = ['{canary}']\n"))


def test_the_signing_key_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    """The second start reads what the first one wrote, from a file that nobody else may read."""
    config = load(None, {"OPENALERT_SERVER_DATA_DIR": str(tmp_path / "data")})
    make_data_dir(config)
    first = signing_key(config)
    assert signing_key(config) == first
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The sentence names the path and the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--data-dir"):
        make_data_dir(load(None, {"OPENALERT_SERVER_DATA_DIR": str(tmp_path / "file" / "x")}))


def test_the_usual_file_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """./openalert.toml is read without being named, OPENALERT_CONFIG before it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "[server]\nport = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("[server]\nport = 2\n")
    assert load(None, {}).server.port == 1
    assert load(None, {"OPENALERT_CONFIG": str(other)}).server.port == 2
    assert os.environ.get("OPENALERT_CONFIG") is None


SSO = "[auth.oidc]\nissuer = 'https://id.example'\nclient_id = 'oa'\n"


def test_single_sign_on_is_a_section_inside_another(tmp_path: Path) -> None:
    """`[auth.oidc]` in the file and OPENALERT_AUTH_OIDC_… in the environment; tables are JSON there."""
    (tmp_path / "secret").write_text("hush\n")
    path = write(tmp_path, SSO + "client_secret_file = 'secret'\nteam_roles = { sre = { core = 'admin' } }\n")
    environ = {
        "OPENALERT_AUTH_OIDC_ORGANIZATION_ROLES": '{"Admins": "admin"}',
        "OPENALERT_AUTH_OIDC_SCOPES": "openid, groups",
        "OPENALERT_AUTH_OIDC_ONLY": "true",
    }
    oidc = load(path, environ).oidc
    assert (oidc.client_secret, oidc.scopes, oidc.only) == ("hush", ("openid", "groups"), True)
    assert (oidc.organization_roles, oidc.team_roles) == ({"Admins": "admin"}, {"sre": {"core": "admin"}})
    shown = redacted(load(path, environ))
    assert "hush" not in shown
    assert '[auth.oidc]\nissuer = "https://id.example"' in shown
    assert 'team_roles = { "sre" = { "core" = "admin" } }' in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[auth]\noidc = 1", ["[auth]"]),
        ("[auth]\nissuer = 'x'", ["[auth]", "auth.oidc"]),
        ("[auth.oidc]\nisuer = 'x'", ["auth.oidc.isuer", "issuer, client_id", "client_secret_file"]),
        ("[auth.oidc]\nclient_id = 'x'", ["auth.oidc.client_id", "auth.oidc.issuer"]),
        ("[auth.oidc]\nonly = true", ["auth.oidc.only"]),
        ("[auth.oidc]\nissuer = 'https://id.example'", ["auth.oidc.client_id"]),
        ("[auth.oidc]\nissuer = 'http://id.example'\nclient_id = 'x'", ["auth.oidc.issuer", "https://"]),
        ("[auth.oidc]\nissuer = 'https://id.example?x=1'\nclient_id = 'x'", ["auth.oidc.issuer", "query"]),
        (SSO + "scopes = ['email']", ["auth.oidc.scopes", "openid"]),
        (SSO + "default_role = 'admin'", ["auth.oidc.default_role", "none, viewer, member"]),
        (SSO + "organization_roles = { a = 'boss' }", ["auth.oidc.organization_roles", "boss"]),
        (SSO + "team_roles = { a = 'admin' }", ["auth.oidc.team_roles"]),
        (SSO + "break_glass = ['a@b.example']", ["auth.oidc.break_glass", "only = true"]),
        (SSO + "only = true\nbreak_glass = ['ana']", ["auth.oidc.break_glass", "'ana'", "e-mail"]),
        (SSO + "allowed_domains = ['a@b.example']", ["auth.oidc.allowed_domains", "example.com"]),
        (
            "[auth.oidc]\nissuer = 'https://login.microsoftonline.com/common/v2.0'\nclient_id = 'x'",
            ["auth.oidc.allowed_tenants", "every company"],
        ),
        (
            "[auth.oidc]\nissuer = 'https://accounts.google.com'\nclient_id = 'x'",
            ["auth.oidc.allowed_domains"],
        ),
    ],
)
def test_single_sign_on_that_cannot_be_meant_stops_the_start(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    """The key is named, and what it must be."""
    message = refusal(write(tmp_path, text))
    for word in words:
        assert word in message


MIRRORS = """
[status_pages]
access_key_id = "AKID"
secret_access_key = "shared secret"

[[status_pages.mirror]]
name = "bucket"
pages = ["acme"]
bucket = "copies"
secret_access_key_file = "key"

[[status_pages.mirror]]
name = "folder"
folder = "/srv/status"
command = ["rsync", "-a"]
"""


def test_mirrors_are_tables_in_a_list_with_secrets_of_their_own(tmp_path: Path) -> None:
    """A secret inside of one may lie in a file, and is shown nowhere: not whole, not in a mistake."""
    (tmp_path / "key").write_text("own secret\n")
    path = write(tmp_path, MIRRORS)
    config = load(path, {})
    first, second = config.status_pages.mirror
    assert (first.bucket, first.secret_access_key, first.region) == ("copies", "own secret", "us-east-1")
    assert second.command == ("rsync", "-a")
    shown = redacted(config)
    assert "own secret" not in shown
    assert "shared secret" not in shown
    assert tomllib.loads(shown)["status_pages"]["mirror"][0]["secret_access_key"] == "***"
    message = refusal(write(tmp_path, MIRRORS.replace('command = ["rsync", "-a"]', "command = 5")))
    assert "own secret" not in message
    assert "shared secret" not in message
    message = refusal(write(tmp_path, MIRRORS.replace('"key"', '"nothing"')))
    assert "status_pages.mirror.secret_access_key_file names nothing" in message


def test_mirrors_by_the_environment_are_json() -> None:
    """For containers: the list as JSON, the keys beside it."""
    config = load(
        None,
        {
            "OPENALERT_STATUS_PAGES_MIRROR": '[{"name": "a", "bucket": "copies"}]',
            "OPENALERT_STATUS_PAGES_ACCESS_KEY_ID": "AKID",
            "OPENALERT_STATUS_PAGES_SECRET_ACCESS_KEY": "hidden",
        },
    )
    assert [each.bucket for each in config.status_pages.mirror] == ["copies"]
    assert "hidden" not in redacted(config)
    with pytest.raises(ConfigError) as refused:
        load(None, {"OPENALERT_STATUS_PAGES_MIRROR": "[{"})
    assert "status_pages.mirror" in refused.value.message
