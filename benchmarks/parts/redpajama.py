"""The peer's way: what RedPajama-Data's data_prep/stack_exchange does with a Posts.xml, by its description.

    python -m parts.redpajama POSTS OUT

Our own code for the same steps with the same libraries, not theirs: count the lines; parse every line with ElementTree
and gather all answers in one dictionary, which goes to a file of JSON; parse every line again for the questions, and
write questions with their answers; read that back, and make text of every post with BeautifulSoup over lxml. Different
from theirs: no language identification (its model is not part of this), one process, and answers in the order of their
scores as numbers, not as strings. The last line is JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bs4 import BeautifulSoup

LISTS = (("<li>", "\n*"), ("</li>", ""), ("<ol>", "\n*"), ("</ol>", ""))


def rows(posts: Path, count: int) -> Iterator[dict[str, str]]:
    with posts.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file):
            if 1 < number < count - 1:
                yield ElementTree.fromstring(line).attrib


def filtered(posts: Path, out: Path) -> Path:
    """Two passes: all answers by their question, then questions with their answers."""
    with posts.open(encoding="utf-8") as file:
        count = sum(1 for _ in file)
    answers: dict[str, list[dict[str, str]]] = {}
    for row in rows(posts, count):
        if "ParentId" in row:
            answer = {"id": row["Id"], "text": row["Body"], "score": row["Score"]}
            answers.setdefault(row["ParentId"], []).append(answer)
    with (out / "parents.json").open("w") as file:
        json.dump(answers, file)
    pairs = []
    for row in rows(posts, count):
        if "ParentId" not in row and "Title" in row:
            question = {"id": row["Id"], "text": f"{row['Title']} {row['Body']}", "score": row["Score"]}
            pairs.append({"question": question, "answers": answers.get(row["Id"], [])})
    path = out / "pairs.jsonl"
    with path.open("w") as file:
        for pair in pairs:
            file.write(json.dumps(pair) + "\n")
    return path


def text(html: str) -> str:
    for mark, instead in LISTS:
        html = html.replace(mark, instead)
    return BeautifulSoup(html, "lxml").get_text()


def processed(pair: dict[str, Any]) -> dict[str, Any]:
    question = pair["question"]
    pair["answers"].sort(key=lambda answer: -int(answer["score"]))
    answers = "\nA: ".join(text(answer["text"]) for answer in pair["answers"])
    url = f"https://bench.stackexchange.com/questions/{question['id']}"
    return {
        "text": f"Q: {text(question['text'])}\nA: {answers}",
        "meta": {"url": url, "source": "stackexchange", "question_score": question["score"]},
    }


def main() -> None:
    posts, out = map(Path, sys.argv[1:])
    out.mkdir()
    path = filtered(posts, out)
    with path.open() as file:
        pairs = [json.loads(line) for line in file]
    with (out / "texts.jsonl").open("w") as file:
        for pair in pairs:
            file.write(json.dumps(processed(pair)) + "\n")
    print(json.dumps({"pairs": len(pairs)}))


if __name__ == "__main__":
    main()
