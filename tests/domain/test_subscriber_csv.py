"""Lists of subscribers as spreadsheets, Statuspage and people write them: each line is read, or refused and why."""

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.status_page import Component
from openalert.domain.status_subscriber import SubscriberKind, SubscriberState
from openalert.domain.subscriber_csv import LARGEST, MOST_LINES, Entry, Reading, read

API, WEB = "0199e000-0000-7000-8000-000000000010", "0199e000-0000-7000-8000-000000000011"
SLACK = "https://hooks.slack.com/services/T0/B0/XX"


def _component(component_id: str, name: str, public_id: str) -> Component:
    return Component(
        id=component_id,
        page_id="p",
        public_id=public_id,
        name=name,
        position=1,
        began_at=0,
        created_at=0,
        updated_at=0,
    )


PARTS = [_component(API, "API", "b13yz5g2cw10"), _component(WEB, "Web, Größe; S", "aaaaaaaaaaaa")]


def _read(text: str | bytes) -> Reading:
    return read(text.encode() if isinstance(text, str) else text, PARTS)


def _only(text: str | bytes) -> Entry:
    reading = _read(text)
    assert reading.problems == ()
    (entry,) = reading.entries
    return entry


def test_an_export_of_statuspage_is_read() -> None:
    """Members of its API as columns: confirmed ones stay so, left and quarantined ones are known as such."""
    reading = _read(
        "id,mode,email,endpoint,phone_number,components,quarantined_at,state,created_at\n"
        "1,email,ana@x.example,,,,,active,2024-01-01\n"
        '2,email,ben@x.example,,,"b13yz5g2cw10",,active,2024-01-01\n'
        "3,webhook,ops@x.example,https://hook.example/a,,,,active,2024-01-01\n"
        "4,email,cat@x.example,,,,2025-05-05T00:00:00Z,active,2024-01-01\n"
        "5,email,dan@x.example,,,,,unsubscribed,2024-01-01\n"
        "6,email,eve@x.example,,,,,unconfirmed,2024-01-01\n"
        "7,sms,,,5551234,,,active,2024-01-01\n"
        "8,slack,,,,,,active,2024-01-01\n"
    )
    assert [(each.line, each.address, each.state.value) for each in reading.entries] == [
        (2, "ana@x.example", "active"),
        (3, "ben@x.example", "active"),
        (4, "https://hook.example/a", "active"),
        (5, "cat@x.example", "quarantined"),
        (6, "dan@x.example", "unsubscribed"),
        (7, "eve@x.example", "pending"),
    ]
    assert reading.entries[0].component_ids is None
    assert reading.entries[1].component_ids == (API,)
    assert (reading.entries[2].kind, reading.entries[2].contact) == (SubscriberKind.WEBHOOK, "ops@x.example")
    assert [(each.line, each.why) for each in reading.problems] == [
        (8, "OpenAlert sends no text messages to subscribers"),
        (9, "has no address to post to"),
    ]


def test_the_form_in_which_statuspage_imports_needs_no_header() -> None:
    """Kind, address, and for a webhook its contact."""
    reading = _read("email,ana@x.example,yes\nwebhook,https://hook.example/a,ops@x.example\nsms,5551234,US\n")
    assert [(each.kind.value, each.address) for each in reading.entries] == [
        ("email", "ana@x.example"),
        ("webhook", "https://hook.example/a"),
    ]
    assert reading.entries[1].contact == "ops@x.example"
    assert [each.line for each in reading.problems] == [3]


@pytest.mark.parametrize(
    "content",
    [
        "ana@x.example\n",
        "ana@x.example",
        "\n\nana@x.example\n\n",
        "E-Mail\nana@x.example\n",
        "\ufeffemail,state\r\nana@x.example,Active\r\n",
        "email\tname\nana@x.example\tAna\n",
        "sep=;\nName;EMAIL ADDRESS\nAna;ana@x.example\n",
        '"Email";"Full name"\n"ana@x.example";"Ana; the first, of\nher name"\n',
        "Email\rana@x.example\r",
        "name,email\nAna, ana@x.example \n",
        "email,email\nana@x.example,\n",
    ],
)
def test_spreadsheets_of_all_kinds_are_read(content: str) -> None:
    """Delimiters, line ends, quotation marks, blanks, a byte order mark, columns that nobody needs, or no header."""
    for encoded in (content.encode(), content.encode("utf-16")):
        assert _only(encoded).address == "ana@x.example"


def test_old_encodings_are_read() -> None:
    """What Excel writes without asking."""
    entry = _only('email,components\nana@x.example,"Web, Größe; S"\n'.encode("cp1252"))
    assert entry.component_ids == (WEB,)


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("", None),
        ("all", None),
        ("[]", None),
        ("api", (API,)),
        (" API ", (API,)),
        (API, (API,)),
        ("b13yz5g2cw10", (API,)),
        ("Web, Größe; S", (WEB,)),
        ("b13yz5g2cw10;aaaaaaaaaaaa", (API, WEB)),
        ("b13yz5g2cw10,aaaaaaaaaaaa,b13yz5g2cw10", (API, WEB)),
        ('["b13yz5g2cw10", "Web, Größe; S"]', (API, WEB)),
        ("[b13yz5g2cw10]", (API,)),
    ],
)
def test_components_are_known_by_name_and_id(cell: str, ids: tuple[str, ...] | None) -> None:
    """Alone, listed in any of the usual ways, and also with the signs of lists in their names."""
    quoted = cell.replace('"', '""')
    assert _only(f'email,components\nana@x.example,"{quoted}"\n').component_ids == ids


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("email,nobody,,,", "“nobody” is not an e-mail address"),
        ("email,,,,", "has no e-mail address"),
        ("email,a@x.example,,,Billing", "the component “Billing” is not on this page"),
        ("email,a@x.example,,sleeping,", "the state “sleeping” is not known"),
        ("fax,a@x.example,,,", "the kind “fax” is not known"),
        ("slack,https://evil.example/services/T0/B0/X,,,", "the address is no webhook of Slack"),
        ("teams,https://hooks.slack.com/services/T0/B0/X,,,", "the address is no webhook of Microsoft Teams"),
        ("webhook,ftp://x.example,o@x.example,,", "the address must begin with https:// or http://"),
        ("webhook,https://u:p@x.example,o@x.example,,", "the address must begin with https:// or http://"),
        ("webhook,https://x.example/a,,,", "has no e-mail address"),
        ("email,a@x.example,,,,more", "has 6 cells, but the first line names 5"),
    ],
)
def test_what_cannot_be_read_is_said_by_line(line: str, why: str) -> None:
    """The line is left out, those around it are not."""
    reading = _read(
        f"kind,address,contact,state,components\nemail,ana@x.example,,,\n{line}\nemail,b@x.example,,,\n"
    )
    assert [each.address for each in reading.entries] == ["ana@x.example", "b@x.example"]
    (problem,) = reading.problems
    assert problem.line == 3
    assert problem.why.startswith(why)


def test_hostile_words_stay_out_of_sentences() -> None:
    """What somebody wrote is shown shortened and on one line."""
    (problem,) = _read('email\n"a\x07b\n' + "x" * 500 + '"\n').problems
    assert len(problem.why) < 100
    assert problem.why.isprintable()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"\n \n,,\n", "The file is empty"),
        (b"PK\x03\x04\x14\x00\x00\x00", "no text"),
        ("ana".encode("utf-16-le"), "no text"),
        (b"name,city\nAna,Rome\n", "names no column that we know"),
        (b'email\n"ana@x.example\nben@x.example\n', "Line 2 opens a quotation mark"),
        (b"x" * (LARGEST + 1), "larger than 4 MB"),
        (b"a@x.example\n" * (MOST_LINES + 2), "more than 50000 lines"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(content: bytes, words: str) -> None:
    """With what to do about it."""
    with pytest.raises(Invalid, match=words):
        _read(content)


def test_somebody_who_stands_there_twice_is_written_to_once_or_never() -> None:
    """Spellings of one mailbox are one; if any of its lines says that they left, they left."""
    reading = _read(
        "email,state\nAna@X.example,active\nana@x.example,unsubscribed\nana@x.example,active\nben@x.example,active\n"
    )
    assert [(each.address, each.state) for each in reading.entries] == [
        ("ana@x.example", SubscriberState.UNSUBSCRIBED),
        ("ben@x.example", SubscriberState.ACTIVE),
    ]
    assert reading.repeated == 2


def test_cells_that_were_made_harmless_for_spreadsheets_are_read_as_they_were() -> None:
    """An address may begin with a sign that a spreadsheet would compute; our export puts a mark before it."""
    assert _only("email\n'+ana@x.example\n").address == "+ana@x.example"
    assert _only("email\n'ana@x.example\n").address == "'ana@x.example"


def test_ten_thousand_lines_are_one_list() -> None:
    """All of them, each once."""
    content = "kind,address,components\n" + "".join(f"email,n{n}@x.example,API\n" for n in range(10_000))
    reading = _read(content)
    assert len(reading.entries) == 10_000
    assert reading.entries[-1].line == 10_001
    assert not reading.problems


def test_a_channel_of_slack_is_read_by_its_webhook() -> None:
    """Where a list has it."""
    entry = _only(f"kind,address\nslack,{SLACK}\n")
    assert (entry.kind, entry.address, entry.contact) == (SubscriberKind.SLACK, SLACK, "")
