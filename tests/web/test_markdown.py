"""The Markdown that people write: what it knows is drawn, and nothing that somebody types acts."""

import re
import signal

import pytest

from openalert.web.markdown import html
from tests.security.pages import PAYLOAD


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Why", "<h4>Why</h4>"),
        ("###### Deep", "<h6>Deep</h6>"),
        ("#no heading", "<p>#no heading</p>"),
        ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
        ("1. one\n2) two", "<ol><li>one</li><li>two</li></ol>"),
        ("- [ ] later", "<ul><li class='box'>\N{BALLOT BOX} later</li></ul>"),
        ("- [x] done", "<ul><li class='box'>\N{BALLOT BOX WITH CHECK} done</li></ul>"),
        ("> said\n> so", "<blockquote>said so</blockquote>"),
        ("a\nb\n\nc", "<p>a<br>b</p>\n<p>c</p>"),
        ("```sh\nrm *x* <a>\n```", "<pre><code>rm *x* &lt;a&gt;</code></pre>"),
        ("```\nnever closed", "<pre><code>never closed</code></pre>"),
        ("`**a**` and **b** and *c*", "<p><code>**a**</code> and <strong>b</strong> and <em>c</em></p>"),
        ("snake_case_name and 2*3*4", "<p>snake_case_name and 2*3*4</p>"),
        (
            "[graph](https://g.example/a_b?x&y)",
            '<p><a class="link" href="https://g.example/a_b?x&amp;y" rel="noopener noreferrer nofollow">graph</a></p>',
        ),
        (
            "see https://g.example/x.",
            '<p>see <a class="link" href="https://g.example/x" rel="noopener noreferrer nofollow">https://g.example/x</a>.</p>',
        ),
    ],
)
def test_what_is_known_is_drawn(text: str, shown: str) -> None:
    """Each kind of block and mark as one line of HTML."""
    assert html(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        PAYLOAD,
        f"# {PAYLOAD}\n- {PAYLOAD}\n> {PAYLOAD}\n```\n{PAYLOAD}\n```\n`{PAYLOAD}`",
        "[x](javascript:alert(1)) [y](data:text/html,<script>) [z](//evil.example)",
        '[x](https://a.example/"onclick="alert(1)) https://a.example/"onmouseover="alert(1)',
        "[**a](https://b.example) **c**](https://d.example)",
        "<https://a.example> <script>alert(1)</script>",
    ],
)
def test_nothing_that_somebody_types_acts(text: str) -> None:
    """The only tags are ours, the only attributes are ours, and links lead to http and https alone."""
    shown = html(text)
    tags = re.findall(r"<([^>]*)>", shown)
    link = r'a class="link" href="https?://[^"]*" rel="noopener noreferrer nofollow"'
    known = rf"/?(?:h[3-6]|ul|ol|li|p|br|pre|code|strong|em|blockquote|a)|li class='box'|{link}"
    assert [tag for tag in tags if not re.fullmatch(known, tag)] == []
    assert shown.count("<a ") == shown.count("</a>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Why #", "Why"),
        ("# Why ##  ", "Why"),
        ("# C#", "C"),
        ("# a # #", "a #"),
        ("# #", "#"),
        ("#   x", "x"),
    ],
)
def test_a_heading_may_be_closed(text: str, shown: str) -> None:
    """Signs at its end are not part of its words, unless there are no others."""
    assert html(text) == f"<h3>{shown}</h3>"


LONGEST = 25_000
CPU_SECONDS = 2.0
SLOW = (
    "*", "_", "`", "[", "]", "(", "#", ">", "- ", "1. ", "\n", " ", "\t", "\r", "**a", "_a ", "*_", "**_`", "[a](",
    "[](", "![](", "http://", "[x](http://a ", "```\n", "> > ", "- [ ] ", "# a ", "a  #", "\u2028", "<a ", "&amp;",
)  # fmt: skip
"""What expressions that look again and again are slow at, each repeated to the longest text."""
LINES = (
    "# a" + " " * LONGEST + "x",
    "# a" + "#" * LONGEST + "x",
    "#" + " " * LONGEST + "x",
    "- " + " " * LONGEST + "x",
    " " * LONGEST + "- x",
    "1" * LONGEST + ". x",
    "`" + "a" * LONGEST,
    "**" + "a " * (LONGEST // 2),
    "[" + "a" * LONGEST + "](http://a.example)",
    "[a](http://" + "a" * LONGEST,
    "http://" + "." * LONGEST,
)


CORPUS = [*LINES, *(each * (LONGEST // len(each)) for each in SLOW)]


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_a_long_text_does_not_make_the_page_wait(text: str) -> None:
    """The longest message, made of what expressions dislike, is read in one go: counted is the work of this process."""

    def too_much(*_: object) -> None:
        raise AssertionError(f"{text[:20]!r}… takes more than {CPU_SECONDS} s of work")

    before = signal.signal(signal.SIGVTALRM, too_much)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        html(text)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
