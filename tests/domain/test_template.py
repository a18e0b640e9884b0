"""Templates: what they fill in, what they refuse, and that they can do nothing else (requirement S-48)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain import template
from openalert.domain.errors import Invalid

FACTS: dict[str, Any] = {
    "incident": {
        "number": 42,
        "title": "Disk full on db-1",
        "severity": "critical",
        "status": "triggered",
        "description": "",
        "alerts": 3,
    },
    "service": {"name": "Checkout"},
    "labels": {"instance": "db-1:9100", "app.kubernetes.io/name": "shop"},
    "organization": {"name": "Example"},
    "recipient": {"name": "Bea"},
    "next": "Ana is next.",
}


def rendered(text: str) -> str:
    """The template with the facts."""
    return template.render(template.parse(text), FACTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{incident.title}}", "Disk full on db-1"),
        ("#{{ incident.number }} {{ service.name | upper }}", "#42 CHECKOUT"),
        ("{{ labels.instance | before: ':' }}", "db-1"),
        ('{{ labels.app.kubernetes.io/name | prefix: "in " }}', "in shop"),
        ("{{ labels.zone | prefix: 'in ' }}{{ labels.zone | default: \"everywhere\" }}", "everywhere"),
        ("{{ incident.title | truncate: 6 }}", "Disk…"),
        ('{{ incident.title | remove: "Disk " | capitalize }}', "Full on db-1"),
        (
            '{{ incident.title | replace: "db-1", "the database" | suffix: "!" }}',
            "Disk full on the database!",
        ),
        ("{{ next }} {{ recipient.name | lower }}", "Ana is next. bea"),
        ("{% for x in y %}${x} #{x} %s%n }} { {", "{% for x in y %}${x} #{x} %s%n }} { {"),
    ],
)
def test_places_are_filled_and_all_else_stands(text: str, said: str) -> None:
    """Names and filters are filled in; what other languages would run is text."""
    assert rendered(text) == said


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("a {{ incident.title", 3, "never closed"),
        ("{{}}", 3, "nothing is not known; there is incident.number"),
        ("{{ 7*7 }}", 4, "not known"),
        ("{{ ''.__class__ }}", 4, "not known"),
        ("{{ incident.__class__ }}", 4, "incident.__class__ is not known"),
        ("{{ incident.title.__class__.__mro__ }}", 4, "is not known"),
        ("{{ 0.__class__ }}", 4, "not known"),
        ("{{ incident }}", 4, "not known"),
        ("{{ incident.title() }}", 18, "only | and a filter"),
        ("{{ incident.title | shout }}", 21, "there is no filter shout; there is upper"),
        ("{{ incident.title | }}", 21, "without a name"),
        ("{{ incident.title | truncate }}", 30, "written like"),
        ('{{ incident.title | truncate: "x" }}', 31, "written like"),
        ("{{ incident.title | truncate: incident.number }}", 31, "written like"),
        ('{{ incident.title | replace: "a" }}', 34, "written like"),
        ('{{ incident.title | prefix: "' + "x" * 101 + '" }}', 29, "at most 100"),
        ("{{ {{ incident.title }} }}", 4, "not known"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, position: int, why: str) -> None:
    """A refusal says where it is, what is wrong and what there is."""
    with pytest.raises(Invalid) as refusal:
        template.parse(text)
    assert refusal.value.message.startswith(f"At character {position}: "), refusal.value.message
    assert why in refusal.value.message


def test_sizes_are_bounded() -> None:
    """Templates, places and output have ends, whatever is multiplied with whatever."""
    for text in ("{{ next" + " " * 4_000 + "}}", "{{ " + "|" * 4_000 + "}}"):
        with pytest.raises(Invalid, match="At character 3: at most 400 characters"):
            template.parse(text)
    for text in ("x" * 4_097, "{{next}}" * 500, "{{ next" + "|upper" * 9 + " }}"):
        with pytest.raises(Invalid):
            template.parse(text)
    big = FACTS | {"next": "a" * 1_000_000}
    grown = template.parse("{{ next | replace: 'a', '" + "b" * 100 + "' }}" * 20)
    assert len(template.render(grown, big)) <= template.LONGEST_OUTPUT


class Trap(dict[str, Any]):
    """Something that looks like a dictionary and tells when anything of it is touched."""

    def __getattribute__(self, name: str) -> Any:
        """Nobody may ask."""
        raise AssertionError(f"{name} was asked for")


def test_nothing_but_plain_dictionaries_is_looked_into() -> None:
    """An object in place of the facts is neither called nor asked for an attribute."""
    assert template.render(template.parse("{{ incident.title }}!"), {"incident": Trap()}) == "!"
    assert template.render(template.parse("{{ next }}!"), {"next": Trap()}) == "!"


@given(st.text(alphabet=st.sampled_from("{}| .:,'\"aincdet_%#$0123é\u202e\n"), max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever somebody types, it is a template or a refusal, and what comes out is bounded text."""
    try:
        read = template.parse(text)
    except Invalid:
        return
    assert len(template.render(read, FACTS)) <= template.LONGEST_OUTPUT


@given(st.lists(st.sampled_from([*template.NAMES, "labels.x", "a.b"]), max_size=8), st.text(max_size=50))
def test_facts_never_become_templates(names: list[str], hostile: str) -> None:
    """What a title holds is filled in once and never read as a template itself."""
    facts = FACTS | {"incident": FACTS["incident"] | {"title": "{{ service.name }}" + hostile}}
    try:
        read = template.parse(" ".join(f"{{{{ {name} }}}}" for name in names))
    except Invalid:
        return
    assert ("{{ service.name }}" in template.render(read, facts)) == ("incident.title" in names)
