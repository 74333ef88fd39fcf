"""Sites in the form of the dump, of any size and always the same, for tests that need more than a few rows."""

from __future__ import annotations

import random
from pathlib import Path

TEXT = "water copper seven rice the of a is light slow root with pot heat why because old key small turn"


def write_site(folder: Path, name: str, questions: int, good: float = 0.2) -> Path:
    """A site's Posts.xml: some 4 kB a question, with up to three answers, of which a share is `good`."""
    draw = random.Random(name)
    text = " ".join(draw.choices(TEXT.split(), k=20_000))
    path = folder / name / "Posts.xml"
    path.parent.mkdir(parents=True)

    def some(least: int, most: int) -> str:
        start = draw.randrange(len(text) - most)
        return text[start : start + draw.randrange(least, most)]

    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n')
        for question in range(1, 4 * questions, 4):
            title = f'Title="Why {some(20, 60)}?" Tags="&lt;rice&gt;"'
            file.write(row(question, 1, draw.randrange(40), some(50, 400), title))
            for id in range(question + 1, question + 1 + draw.randrange(4)):
                score = 12 if draw.random() < good else draw.randrange(10)
                file.write(row(id, 2, score, some(600, 4000), "", f' ParentId="{question}"'))
        file.write("</posts>")
    return path


def row(id: int, kind: int, score: int, body: str, more: str, parent: str = "") -> str:
    return (
        f'  <row Id="{id}" PostTypeId="{kind}"{parent} CreationDate="2015-03-04T05:06:07.008" Score="{score}" '
        f'Body="&lt;p&gt;{body}&lt;/p&gt;" OwnerUserId="5" {more} ContentLicense="CC BY-SA 3.0" />\r\n'
    )
