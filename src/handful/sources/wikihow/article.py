"""One how-to article, whatever file it came from, and the answer that is made of it.

The shape of the answer is that of the 200 wikiHow answers LIMA released: the introduction, then each method or part
as a heading with its numbered steps. A step is its headline and its text in one paragraph; its own bullets follow,
set in.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Section:
    """A method, a part, or a list such as the ingredients."""

    heading: str = ""
    steps: list[str] = field(default_factory=list)
    numbered: bool = True
    kind: str = "steps"
    """"steps", or one of the other sections that a recipe may keep."""
    text: str = ""
    """What stands below the steps, where the file does not say which step it belongs to."""


@dataclass(slots=True)
class Article:
    title: str
    where: str
    """The file, and the row in it: for messages."""
    intro: str = ""
    sections: list[Section] = field(default_factory=list)
    category: str = ""
    """The top category, or "" where the file has none."""
    url: str = ""
    license: str = ""
    repeated: int = 0
    """Steps left out since the file has them twice."""

    def steps(self) -> int:
        return sum(len(section.steps) for section in self.sections if section.kind == "steps")

    def prose(self) -> str:
        """The sentences of the article, without its headings."""
        return "\n".join([self.intro, *(step for section in self.sections for step in section.steps)])


def add(sections: list[Section], kind: str, heading: str, text: str) -> None:
    """Put a step, or an item of another list, into its section."""
    if not text:
        return
    if kind != "steps":
        name = {"things": "Things You'll Need"}.get(kind, kind.capitalize())
        heading = f"{name}: {heading}" if heading else name
    if not sections or (sections[-1].kind, sections[-1].heading) != (kind, heading):
        sections.append(Section(heading, numbered=kind == "steps", kind=kind))
    sections[-1].steps.append(text)


def answer(article: Article) -> str:
    """The article as one text: blocks apart by a blank line, headings marked "## "."""
    blocks = [article.intro] if article.intro else []
    for section in article.sections:
        if section.heading:
            blocks.append(f"## {section.heading}")
        if section.steps:
            blocks.append(listed(section))
        if section.text:
            blocks.append(section.text)
    return "\n\n".join(blocks)


def listed(section: Section) -> str:
    """The steps as a list, their further lines set in below the first."""
    lines = []
    for number, step in enumerate(section.steps, start=1):
        opener = f"{number}. " if section.numbered else "- "
        if "\n" in step:
            indent = "\n" + " " * len(opener)
            step = step.replace("\n", indent).replace(indent + "\n", "\n\n")
        lines.append(opener + step)
    return "\n".join(lines)
