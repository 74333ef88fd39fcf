"""Six real sites, against counts that others made and top answers that lxml finds."""

import pytest
from lxml import etree

from handful.core import jsonl
from handful.core.types import Candidate
from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.sources.work import work

SITES = {  # questions, answers, questions with an answer scored >= 10, as counted by those who gathered the data
    "ai.stackexchange.com": (421, 749, 17),
    "beer.stackexchange.com": (1029, 2277, 133),
    "bicycles.meta.stackexchange.com": (453, 971, 27),
    "cardano.stackexchange.com": (1042, 1496, 38),
    "history.meta.stackexchange.com": (556, 1095, 55),
    "matheducators.stackexchange.com": (397, 1507, 143),
}


def top_answers(path):
    """(question, answer) of each question whose best answer has 10 points or more, by lxml."""
    best = {}
    for row in etree.parse(path).getroot():
        if row.get("PostTypeId") == "2":
            answer = (-int(row.get("Score")), int(row.get("Id")), row.get("Body"))
            best[row.get("ParentId")] = min(best.get(row.get("ParentId"), answer), answer)
    return {question: (id, body) for question, (score, id, body) in best.items() if score <= -10}


@pytest.mark.parametrize("site", SITES)
def test_a_real_site_is_read_as_lxml_and_its_keepers_read_it(shared_data, tmp_path, site):
    folder = shared_data / "stackexchange"
    source = StackExchange(kind="stackexchange", paths=(InputPath(str(folder / f"{site}.7z")),))
    rules = {"min_answer_score": 10, "min_chars": 0}
    counts = work({"stem": {"source": source, "rules": rules}}, {}, tmp_path)
    assert (counts["questions"], counts["answers"], counts["candidates"]) == SITES[site]
    assert counts["candidates"] + sum(counts["dropped"].values()) == counts["questions"]

    expected = {
        f"{site}/{question}": (f"q/{question}/a/{id}", body)
        for question, (id, body) in top_answers(folder / site / "Posts.xml").items()
    }
    found = jsonl.read(tmp_path / "candidates.jsonl", Candidate)
    assert {record.id: (record.origin.item, record.answer) for record in found} == expected
