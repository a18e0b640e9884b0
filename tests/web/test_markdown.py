"""The Markdown that people write: what it knows is drawn, and nothing that somebody types acts."""

import re

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


def test_a_long_text_does_not_make_the_page_wait() -> None:
    """Fifty thousand signs of what regular expressions dislike are read in one go."""
    for text in ("*" * 50_000, "[" * 50_000, "`" * 50_000, "**a" * 16_000, "_a " * 16_000, "http://" * 7_000):
        assert html(text)
