"""The peer's way: what EleutherAI/stackexchange-dataset (its state of 2020) does with a Posts.xml, by its description.

    python -m parts.eleutherai POSTS OUT

Our own code for the same steps with the same libraries, not theirs: ElementTree's iterparse; a dictionary of questions,
each held until as many answers came as it says to have; accepted answers and those with 10 votes; the text of title,
question and the best answer with BeautifulSoup; an entry of a zip file each. Different from theirs: no progress bar,
one best answer (max_responses = 1), no rows where no answer qualified (as in 2020; later versions write more, and take
longer), and a list of what was kept, for the comparison. The last line is JSON.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bs4 import BeautifulSoup

MIN_SCORE = 10
KEPT_OF_QUESTION = ("Id", "Body", "Title", "Tags", "AnswerCount", "AcceptedAnswerId")
KEPT_OF_ANSWER = ("Id", "Body", "Score")

Post = dict[str, Any]


def text(html: str) -> str:
    return BeautifulSoup(html, "html.parser").get_text()


def pair(posts: Path, archive: zipfile.ZipFile) -> list[tuple[int, int, int, int]]:
    """Write every complete question; returns (question, answer, score, bytes of the answer's HTML) of each."""
    waiting: dict[str, Post] = {}
    kept = []
    for _, element in ElementTree.iterparse(posts, events=("end",)):
        if element.tag != "row":
            continue
        row = element.attrib
        if row["PostTypeId"] == "1":
            if not int(row.get("AnswerCount", 0)):
                continue
            waiting[row["Id"]] = {name: row.get(name) for name in KEPT_OF_QUESTION} | {"seen": 0, "good": []}
        elif row["PostTypeId"] == "2" and (question := waiting.get(row["ParentId"])):
            answer = {name: row.get(name) for name in KEPT_OF_ANSWER}
            if row["Id"] == question["AcceptedAnswerId"] or int(row["Score"]) >= MIN_SCORE:
                question["good"].append(answer)
            question["seen"] += 1
            if question["seen"] == int(question["AnswerCount"]):
                del waiting[row["ParentId"]]
                if question["good"]:
                    kept.append(write(question, archive))
        element.clear()
    return kept


def write(question: Post, archive: zipfile.ZipFile) -> tuple[int, int, int, int]:
    best = max(question["good"], key=lambda answer: int(answer["Score"]))
    asked = f"Q:\n\n{text(question['Title'])}\n\n{text(question['Body'])}\n\n"
    written = f"{asked}A:\n\n{text(best['Body'])}\n\n"
    archive.writestr(f"{question['Id']:0>10}.txt", re.sub(r"\n{3,}", "\n\n", written))
    return int(question["Id"]), int(best["Id"]), int(best["Score"]), len(best["Body"].encode())


def main() -> None:
    posts, out = map(Path, sys.argv[1:])
    with zipfile.ZipFile(out, "w") as archive:
        kept = pair(posts, archive)
    print(json.dumps({"kept": kept}))


if __name__ == "__main__":
    main()
