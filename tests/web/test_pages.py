"""Instructions as the page shows them."""

import pytest

from handful.web.pages import TEMPLATES, blocks


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("# Which?", [("heading", ["Which?"])]),
        ("One line\nand another.", [("paragraph", ["One line and another."])]),
        ("- one\n- two,\n  which goes on\n", [("list", ["one", "two, which goes on"])]),
        ("# A\n\nB\n\n\n- c - d", [("heading", ["A"]), ("paragraph", ["B"]), ("list", ["c - d"])]),
        (" \n\n ", []),
    ],
)
def test_blocks(markdown, found):
    assert blocks(markdown) == found


def test_instructions_are_escaped_in_every_kind_of_block():
    hostile = "<script>x</script>"
    text = f"# {hostile}\n\n{hostile}\n\n- {hostile}"
    page = TEMPLATES.get_template("instructions.html").render(instructions=blocks(text))
    assert page.count("&lt;script&gt;x&lt;/script&gt;") == 3
    assert "<script" not in page
