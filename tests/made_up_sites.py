"""Sites in the form of the dump, of any size and always the same, for tests that need more than a few rows."""

from __future__ import annotations

import random
from pathlib import Path
from xml.sax.saxutils import quoteattr

TEXT = "water copper seven rice the of a is light slow root with pot heat why because old key small turn"
WORDS = TEXT.split()


def write_site(folder: Path, name: str, questions: int) -> Path:
    """A site's Posts.xml: some 4 kB a question, with up to three answers, a third of them good and long enough."""
    draw = random.Random(name)
    path = folder / name / "Posts.xml"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n')
        for question in range(1, 4 * questions, 4):
            title = f"Why {' '.join(draw.choices(WORDS, k=6))}?"
            file.write(
                row(question, 1, draw.randrange(40), text(draw, 40), f'Title="{title}" Tags="&lt;rice&gt;"')
            )
            for id in range(question + 1, question + 1 + draw.randrange(4)):
                score, words = draw.choice((1, 5, 9, 12, 30)), draw.randrange(100, 600)
                file.write(row(id, 2, score, text(draw, words), "", f' ParentId="{question}"'))
        file.write("</posts>")
    return path


def text(draw: random.Random, words: int) -> str:
    return f"<p>{' '.join(draw.choices(WORDS, k=words))}.</p>"


def row(id: int, kind: int, score: int, body: str, more: str, parent: str = "") -> str:
    return (
        f'  <row Id="{id}" PostTypeId="{kind}"{parent} CreationDate="2015-03-04T05:06:07.008" Score="{score}" '
        f'Body={quoteattr(body)} OwnerUserId="5" {more} ContentLicense="CC BY-SA 3.0" />\r\n'
    )
