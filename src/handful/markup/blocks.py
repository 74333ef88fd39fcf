"""The blocks of a text (paragraphs, code, lists, quotations) set one below the other as plain lines.

Knows nothing of HTML: `html.py` walks a tree and says what comes. Blank lines are put between blocks only, never
taken out of one: a code block keeps its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from handful.markup.line import one_line

Kind = Literal["page", "paragraph", "row", "code", "list", "item", "quote"]

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
    indent: str = ""
    """The prefixes of all containers that it is in, and its own."""


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
        """Go on with the paragraph. "\\n" is a line break in it; there are no other control characters."""
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
        self.cells = False
        if self.inline:
            text = "".join(self.inline)
            self.inline.clear()
            self.paragraph(text, kind)

    def paragraph(self, text: str, kind: Kind = "paragraph") -> None:
        """Set `text` as a block, if there is anything to read in it. "\n" is a line break."""
        if "\n" not in text:
            lines = one_line(text)
        else:
            several = "\n".join(map(one_line, text.split("\n")))
            lines = re.sub(r"\n{3,}", "\n\n", several).strip("\n")
        if lines and (lines[0] != "|" or has_words(text)):
            self.put(lines, kind)

    def code(self, code: str) -> None:
        """A code block, verbatim, within a fence that is longer than any run of backticks in it."""
        self.end_paragraph()
        code = code.removesuffix("\n")
        if code.strip():
            longest = max(map(len, re.findall("`{3,}", code)), default=2) if "```" in code else 2
            fence = "`" * (longest + 1)
            self.put(f"{fence}\n{code}\n{fence}", "code")

    def open_list(self, first: int | None, loose: bool) -> None:
        """Begin a list, numbered from `first`, or with dashes where that is None."""
        self.end_paragraph()
        directly_in_a_list = self.containers[-1].kind == "list"
        self.open(Container("list", *(("  ", "  ") if directly_in_a_list else ("", "")), loose, first))

    def open_item(self, number: int | None) -> None:
        """Begin an item of the list that is open. `number` overrides the count."""
        self.end_paragraph()
        owner = self.containers[-1]
        opener = self.opener(number)
        self.open(Container("item", opener, " " * len(opener), owner.loose or owner.kind != "list"))

    def opener(self, number: int | None = None) -> str:
        """What the next item of the list that is open begins with; counts it."""
        owner = self.containers[-1]
        if owner.next_number is None:
            return "- "
        number = owner.next_number if number is None else number
        owner.next_number = number + 1
        return f"{number}. "

    def item(self, text: str) -> None:
        """An item that is one paragraph: as open_item, paragraph and close, in less time."""
        if "\n" in text:
            self.open_item(None)
            self.paragraph(text)
            self.close()
            return
        owner = self.containers[-1]
        opener, line = self.opener(), one_line(text)
        if len(self.containers) > INDENTED_LEVELS:
            opener = ""
        if line and (line[0] != "|" or has_words(text)):
            before = owner.indent
            if owner.last is None:
                before = self.begin("item")
            elif owner.loose:
                self.lines.append(before.rstrip())
            self.lines.append(before + opener + line)

    def open_quote(self) -> None:
        self.end_paragraph()
        self.open(Container("quote", "> ", "> "))

    def open(self, container: Container) -> None:
        if len(self.containers) > INDENTED_LEVELS:
            container.opener = container.prefix = ""
        container.indent = self.containers[-1].indent + container.prefix
        self.containers.append(container)

    def loosen(self) -> bool:
        """Make the list of the open item a loose one. False where it is too late: it was begun as a tight one."""
        owner, item = self.containers[-2:]
        if not owner.loose:
            owner.loose = item.loose = owner.last is None
        return owner.loose

    def close(self) -> None:
        """End the list, item or quotation that was opened last."""
        self.end_paragraph()
        self.containers.pop()

    def put(self, text: str, kind: Kind) -> None:
        """Add a block of one line or more to the innermost container, set apart from what stands before it."""
        inner = self.containers[-1]
        indent = first = inner.indent
        if inner.last is None:
            first = self.begin(kind)
        else:
            if (inner.loose and kind != "row") or needs_blank_line(inner, kind):
                self.lines.append(indent.rstrip())
            inner.last = kind
        if indent and "\n" in text:
            lines = text.split("\n")
            text = "\n".join([lines[0], *(indent + line if line else indent.rstrip() for line in lines[1:])])
        self.lines.append(first + text)

    def begin(self, kind: Kind) -> str:
        """Set the containers that are still empty in place. Returns what goes before their first line."""
        depth = len(self.containers) - 1
        openers, coming = "", kind
        while depth and self.containers[depth].last is None:
            container = self.containers[depth]
            container.last = coming
            openers, coming = container.opener + openers, container.kind
            depth -= 1
        parent = self.containers[depth]
        if needs_blank_line(parent, coming):
            self.lines.append(parent.indent.rstrip())
        parent.last = coming
        return parent.indent + openers


def needs_blank_line(parent: Container, coming: Kind) -> bool:
    """Whether a block is set apart from the one before it in `parent`."""
    if parent.last is None or (parent.last == coming == "row"):
        return False
    return parent.loose or (parent.kind == "item" and not (parent.last == "paragraph" and coming == "list"))


def has_words(text: str) -> bool:
    """Whether there is more in a row than the bars between its empty cells."""
    return bool(text.strip(" |\n\t"))
