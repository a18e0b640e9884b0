"""What has no business in this program: code made of text, shells, further ways out (S-75, S-76)."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "openalert"
FILES = sorted(PACKAGE.rglob("*.py"))
CALLS = {"eval", "exec", "compile", "__import__", "from_string", "system", "popen", "mktemp"}
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "yaml",
    "xmlrpc",
    "telnetlib",
    "ftplib",
    "aiohttp",
    "dill",
}
TALKERS = {"httpx2", "httpcore2", "requests", "aiosmtplib", "urllib.request", "http.client", "smtplib"}
MAY_TALK = {
    "notifiers/http.py",  # the one guarded way out
    "notifiers/email.py",  # to the mail server of the configuration file, which the operator alone writes
    "notifiers/certificates.py",  # a handshake and nothing more, with servers of the configuration file
    "cli/demo.py", "cli/send_test.py",  # to our own server, from a terminal on its machine
    "notifiers/apprise_transport.py",  # to nowhere: it hands what `requests` would send to the guarded way out
}  # fmt: skip
MAY_MARK_UP = {"web/ui/security.py"}  # a picture that segno draws of a text of ours
SECRETS = re.compile(
    r"-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bxox[abpr]-[0-9A-Za-z-]{20,}"
)


def called(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Every call by the last part of its name; `re.compile` is not `compile`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.append((node.func.id, node))
            elif isinstance(node.func, ast.Attribute) and node.func.attr != "compile":
                found.append((node.func.attr, node))
    return found


def imported(tree: ast.AST) -> set[str]:
    """Every module that is imported, with its parents."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names | {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_becomes_code_and_nobody_else_speaks_to_the_network(path: Path) -> None:
    """No eval, no pickle, no shell, no unescaped markup, no switched-off certificates, no further HTTP client."""
    tree = ast.parse(path.read_text())
    wrong = [name for name, _ in called(tree) if name in CALLS]
    for name, call in called(tree):
        fixed = bool(call.args) and isinstance(call.args[0], ast.Constant)
        if name == "Markup" and not fixed and str(path.relative_to(PACKAGE)) not in MAY_MARK_UP:
            wrong.append("Markup of what is not fixed")
        for word in call.keywords:
            value = word.value.value if isinstance(word.value, ast.Constant) else None
            if (word.arg, value) in (
                ("shell", True),
                ("verify", False),
                ("verify_mode", 0),
                ("autoescape", False),
            ):
                wrong.append(f"{name}({word.arg}={value})")
    modules = imported(tree)
    wrong += sorted(modules & MODULES)
    if str(path.relative_to(PACKAGE)) not in MAY_TALK:
        wrong += sorted(modules & TALKERS)
    assert wrong == []


def _is_ours(folder: str) -> bool:
    """Whether people put something there; what programs do, comes and goes while others run beside this one."""
    return folder not in {".git", ".venv", ".hypothesis", "__pycache__"} and not folder.endswith("_cache")


def _kept() -> Iterator[Path]:
    """Every file of the project."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = filter(_is_ours, folders)
        yield from (Path(folder, name) for name in names)


def test_no_key_of_anything_is_in_the_project() -> None:
    """Private keys and tokens of well-known forms; those of the tests are made when they run."""
    found = [
        str(path.relative_to(ROOT))
        for path in _kept()
        if path.suffix not in {".pyc", ".woff2", ".png", ".db"}
        and SECRETS.search(path.read_text(errors="ignore"))
    ]
    assert found == []
