"""The blocks of a text (paragraphs, code, lists, quotations) set one below the other as plain lines.

Knows nothing of HTML: `html.py` walks a tree and says what comes. Blank lines are put between blocks only, never
taken out of one: a code block keeps its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["page", "paragraph", "row", "code", "list", "item", "quote"]

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
INVISIBLE = str.maketrans("", "", "\u200b\ufeff")

INDENTED_LEVELS = 16
"""Deeper containers are no longer set in: a page of ten thousand open quotations has no use for all of them."""


@dataclass(slots=True)
class Container:
    """Something that holds blocks: the page, a list, an item or a quotation."""

    kind: Kind
    opener: str
    """Stands before its first line ("- "); `prefix` before all others."""
    prefix: str
    loose: bool = True
    """Whether a blank line stands between its items, and within them."""
    next_number: int | None = None
    last: Kind | None = None
    """The kind of the block last put in; None while it is empty."""


class Blocks:
    """Collects a page from top to bottom."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.containers = [Container("page", "", "")]
        self.inline: list[str] = []
        self.cells = False

    def text(self) -> str:
        """All that was put in. Call once, at the end."""
        self.end_paragraph()
        return "\n".join(self.lines).strip("\n")

    def write(self, text: str) -> None:
        """Go on with the paragraph. "\\n" is a line break in it."""
        if text:
            self.inline.append(text)

    def written(self) -> str:
        """The last words of the paragraph so far."""
        return self.inline[-1] if self.inline else ""

    def next_cell(self) -> None:
        """Set the next cell of a table's row apart from the one before."""
        if self.cells:
            self.inline.append(" | ")
        self.cells = True

    def end_paragraph(self, kind: Kind = "paragraph") -> None:
        """Set what was written as a block. `kind` is "row" for the cells of a table's row."""
        text = CONTROL.sub("", "".join(self.inline))
        self.inline.clear()
        self.cells = False
        if not text.strip(" |\n\t"):
            return
        lines = [one_line(line) for line in text.split("\n")]
        if len(lines) > 1:
            lines = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").split("\n")
        if any(lines):
            self.put(lines, kind)

    def code(self, code: str) -> None:
        """A code block, verbatim, within a fence that is longer than any run of backticks in it."""
        self.end_paragraph()
        code = code.removesuffix("\n")
        if code.strip():
            longest = max((len(run) for run in re.findall("`{3,}", code)), default=2)
            fence = "`" * (longest + 1)
            self.put([fence, *code.split("\n"), fence], "code")

    def open_list(self, first: int | None, loose: bool) -> None:
        """Begin a list, numbered from `first`, or with dashes where that is None."""
        self.end_paragraph()
        directly_in_a_list = self.containers[-1].kind == "list"
        self.open(Container("list", *(("  ", "  ") if directly_in_a_list else ("", "")), loose, first))

    def open_item(self, number: int | None) -> None:
        """Begin an item of the list that is open. `number` overrides the count."""
        self.end_paragraph()
        owner = self.containers[-1]
        opener, loose = "- ", True
        if owner.kind == "list":
            loose = owner.loose
            if owner.next_number is not None:
                number = owner.next_number if number is None else number
                opener = f"{number}. "
                owner.next_number = number + 1
        self.open(Container("item", opener, " " * len(opener), loose))

    def open_quote(self) -> None:
        self.end_paragraph()
        self.open(Container("quote", "> ", "> "))

    def open(self, container: Container) -> None:
        if len(self.containers) > INDENTED_LEVELS:
            container.opener = container.prefix = ""
        self.containers.append(container)

    def close(self) -> None:
        """End the list, item or quotation that was opened last."""
        self.end_paragraph()
        self.containers.pop()

    def put(self, lines: list[str], kind: Kind) -> None:
        """Add a block to the innermost container, set apart from what stands before it."""
        chain = self.containers
        empty = next((n for n, container in enumerate(chain) if n and container.last is None), len(chain))
        parent = chain[empty - 1]
        coming = chain[empty].kind if empty < len(chain) else kind
        if needs_blank_line(parent, coming):
            self.lines.append("".join(container.prefix for container in chain[:empty]).rstrip())
        first = "".join(c.prefix if c.last is not None else c.opener for c in chain)
        rest = "".join(c.prefix for c in chain)
        self.lines += [
            f"{rest if n else first}{line}" if line else (rest if n else first).rstrip()
            for n, line in enumerate(lines)
        ]
        for container, inner in pairwise(chain):
            container.last = inner.kind
        chain[-1].last = kind


def needs_blank_line(parent: Container, coming: str) -> bool:
    """Whether a block is set apart from the one before it in `parent`."""
    if parent.last is None or (parent.last == coming == "row"):
        return False
    if parent.kind == "list" and not parent.loose:
        return False
    return not (
        parent.kind == "item" and not parent.loose and parent.last == "paragraph" and coming == "list"
    )


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank, and without characters of no width."""
    return " ".join(text.translate(INVISIBLE).split())
