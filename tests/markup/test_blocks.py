"""Blocks as plain lines: what is set in, what is set apart, and two ways to an item."""

from hypothesis import given
from hypothesis import strategies as st

from handful.markup.blocks import Blocks

TEXTS = st.sampled_from(["", "a", "b  c", "|", "| |", "|\xa0", "| d |", "e\nf", "\n", "g\n\n\n\nh"])


@given(st.lists(TEXTS), st.booleans(), st.sampled_from([None, 1, 9]), st.integers(0, 18), st.booleans())
def test_an_item_at_once_is_as_one_that_is_opened_filled_and_closed(texts, loose, first, depth, begun):
    def page(at_once):
        blocks = Blocks()
        for _ in range(depth):
            blocks.open_quote()
        if begun:
            blocks.paragraph("begun")
        blocks.open_list(first, loose)
        for text in texts:
            if at_once:
                blocks.item(text)
            else:
                blocks.open_item(None)
                blocks.paragraph(text)
                blocks.close()
        blocks.close()
        return blocks.text()

    assert page(at_once=True) == page(at_once=False)


def test_the_lines_of_a_block_are_set_in_and_its_blank_ones_have_no_blanks_at_their_ends():
    blocks = Blocks()
    blocks.open_quote()
    blocks.open_list(9, loose=True)
    blocks.open_item(None)
    blocks.code("a\n\n  b\n")
    blocks.paragraph("c\n\nd")
    assert blocks.text() == "> 9. ```\n>    a\n>\n>      b\n>    ```\n>\n>    c\n>\n>    d"


def test_rows_stand_together_and_empty_ones_are_left_out():
    blocks = Blocks()
    for cells in ("ab", ["", ""], "cd"):
        for cell in cells:
            blocks.next_cell()
            blocks.write(cell)
        blocks.end_paragraph("row")
    blocks.paragraph("e")
    assert blocks.text() == "a | b\nc | d\n\ne"
