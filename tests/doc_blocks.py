"""What the tests of the documents read in them: code blocks, commands, links and the anchors of headings."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("data/**/README.md"),
        *ROOT.glob("benchmarks/*.md"),
        ROOT / "src/handful/authored/README.md",
    ]
)
DOCUMENTS = [path for path in DOCUMENTS if path.exists()]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=indent)```", re.S | re.M)
PROMPT = "$ "


def fences(path: Path) -> list[tuple[str, str]]:
    """(language, text) of each fenced block; one inside a list is moved to the margin."""
    text = path.read_text(encoding="utf-8")
    return [(found["language"], textwrap.dedent(found["text"])) for found in FENCE.finditer(text)]


def without_fences(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def lines_of_shell(text: str) -> Iterator[str]:
    """What a block would run, a line a command line; in a block with prompts, only what follows one."""
    lines = text.replace("\\\n", " ").splitlines()
    prompted = any(line.startswith(PROMPT) for line in lines)
    for line in lines:
        if prompted and not line.startswith(PROMPT):
            continue
        if words := line.removeprefix(PROMPT).strip():
            yield words


def commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line of shell, without comments, redirections and what a loop puts around it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;<>&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    skip = False
    for word in [*lexer, ";"]:
        if skip:
            skip = False
        elif set(word) <= set("<>&") and set(word) & set("<>"):
            skip = True  # the file of a redirection
        elif set(word) <= set("|;&"):
            words = words[1:] if words[:1] == ["do"] else words
            if words and words[0] not in ("for", "done"):
                yield words
            words = []
        else:
            words.append(word)


def targets(path: Path) -> Iterator[tuple[str, str]]:
    """(file, anchor) of each link that leads somewhere in the repository; either may be empty."""
    for target in re.findall(r"\]\(([^)\s]+)\)", without_fences(path)):
        if not target.startswith(("http://", "https://", "mailto:")):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as code hosts and our site name them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", without_fences(path), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found


def spans(path: Path) -> Iterator[str]:
    """What stands in backticks in running text, on one line or two."""
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", without_fences(path)):
        yield " ".join(span.split())
