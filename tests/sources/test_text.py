"""Foreign text made fit to show and to store."""

from typing import Any

import pytest

from openalert.sources import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Disk full", "Disk full"),
        ("  Disk\r\n  full\t ", "Disk full"),
        ("Subject: x\r\nBcc: y", "Subject: x Bcc: y"),
        ("a\u2028b\u00a0c", "a b c"),
        ("pay\u202egnp.exe", "paygnp.exe"),
        ("\u2066a\u2069\u200b\ufeff\x1b[31mb\x00", "a[31mb"),
        ("pa\u200dypal", "paypal"),
        ("👩\u200d🔧 می\u200cخواهم", "👩\u200d🔧 می\u200cخواهم"),
        ("\u200b\u202e", ""),
        ("None", ""),
        (" null ", ""),
        ("<no value>", ""),
        ("none of the nodes answer", "none of the nodes answer"),
        (5, ""),
        (None, ""),
        (["x"], ""),
    ],
)
def test_titles(value: Any, shown: str) -> None:
    """One line, nothing invisible, nothing that could start a header; joiners stay where writing needs them."""
    assert text.line(value) == shown


def test_long_titles_are_cut() -> None:
    """A title of any length comes out with at most 255 characters and says that it was cut."""
    assert text.line("x" * 255) == "x" * 255
    assert text.line("x" * 100_000) == "x" * 254 + "…"
    assert text.line("xy\n" * 100_000) == "xy " * 84 + "xy…"


def test_descriptions_keep_their_lines() -> None:
    """Line breaks and tabs stay, what cannot be seen goes."""
    assert text.paragraphs(" a\r\nb\r\tc\u202e\x07 ") == "a\nb\n\tc"
    assert len(text.paragraphs("x" * 100_000)) == text.DESCRIPTION


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (
            {"a": "x", "b": 1, "c": True, "d": 1.5, "e": 2.0, "f": None},
            {"a": "x", "b": "1", "c": "true", "d": "1.5", "e": "2"},
        ),
        ({"a": {"z": 1, "b": []}, "c": [1]}, {"a": '{"b":[],"z":1}', "c": "[1]"}),
        ({"a": {"b": 2**70}}, {"a": '{"b":1180591620717411303424}'}),
        (["host:web-1", "env=prod", "urgent"], {"host": "web-1", "env": "prod", "urgent": "true"}),
        ("host:web-1,env:prod,", {"host": "web-1", "env": "prod"}),
        ([{"key": "a", "value": 1}, {"name": "b", "value": "x"}, {"x": 1}, 5], {"a": "1", "b": "x"}),
        ([{"key": "host", "value": {"stringValue": "web-1"}}], {"host": "web-1"}),
        ({"__proto__": "x", "": "y", "🔥": "z"}, {"__proto__": "x", "": "y", "🔥": "z"}),
        (None, {}),
        (5, {}),
        ([], {}),
    ],
)
def test_label_shapes(value: Any, labels: dict[str, str]) -> None:
    """Labels arrive as objects, lists of pairs, lists of tags and text; odd names are only data."""
    assert text.texts(value) == labels


def test_label_limits() -> None:
    """At most 64 labels of 1024 characters reach the columns."""
    kept = text.kept({f"{n}" + "k" * 2_000: "v" * 2_000 for n in range(100)})
    assert len(kept) == 64
    assert {len(name) for name in kept} == {len(value) for value in kept.values()} == {1_024}


@pytest.mark.parametrize(
    ("href", "good"),
    [
        ("https://example.com/a?b=c#d", True),
        ("HTTP://example.com", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("/relative", False),
        ("http://a b", False),
        ("http://a\nb", False),
        ("http://" + "x" * 3_000, False),
        ("", False),
        (5, False),
        (None, False),
    ],
)
def test_links(href: Any, good: bool) -> None:
    """Only absolute http and https addresses become links."""
    assert text.link("Source", href) == ({"label": "Source", "href": href} if good else None)


def test_storable_text() -> None:
    """Neither U+0000 nor a lone surrogate survives; pairs and everything else do."""
    assert text.storable("a\x00b\ud83dc😀") == "ab\ufffdc😀"
