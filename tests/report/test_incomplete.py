"""Half a study has a mark and no headline; what merely could not be read does not make it half."""

import json

import pytest

from handful.core import jsonl
from handful.core.types import Dropped, Verdict
from handful.report.facts import Facts, StepFacts
from handful.report.incomplete import incomplete
from handful.report.work import work
from handful.stats.work import work as stats_work


@pytest.fixture
def cut_short(build, tmp_path):
    """A run with only the first so many verdicts of the judge `local`; returns the page and its numbers."""

    def make(kept, **arguments):
        recipe, inputs = build(**arguments)
        path = inputs["judge/local"] / "verdicts.jsonl"
        verdicts = list(jsonl.read(path, Verdict))
        jsonl.write(path, verdicts[: int(kept * len(verdicts))])
        stats_work(recipe.stats, inputs, inputs["stats"])
        work(recipe, inputs, tmp_path)
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        return page, json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))

    return make


def test_a_judge_that_was_cut_short_takes_the_headline_away(cut_short):
    page, numbers = cut_short(0.5)
    assert '<p class="mark">INCOMPLETE</p>' in page
    assert not numbers["complete"]
    assert numbers["incomplete"] == ["local has no verdict on 24 of 48 comparisons (more than 5%)."]
    assert "at least as good as" not in " ".join(numbers["sections"]["headline"]["text"])


def test_a_few_missing_verdicts_do_not(cut_short):
    page, numbers = cut_short(0.98)
    assert numbers["complete"]
    assert "INCOMPLETE" not in page


def test_unreadable_is_not_missing(cut_short):
    _, numbers = cut_short(1, judges={"local": lambda *_: None}, people={})
    assert numbers["complete"]


def test_a_budget_that_ran_out_is_named(recipe):
    facts = Facts(recipe=recipe, steps={"judge/gpt": StepFacts("k", {"verdicts": 5, "capped": 120})})
    assert incomplete(facts) == ["judge/gpt reached its budget and stopped: 120 questions were never asked."]


def test_prompts_without_an_answer_are_counted(recipe):
    stats = {
        "losses": {"unpaired": {"no_response": 10}},
        "pairs": [{"comparisons": 90, "prompts": 90, "subject": "a", "baseline": "b"}],
    }
    assert incomplete(Facts(recipe=recipe, stats=stats)) == [
        "10 of 100 comparisons could not be made, a system having no answer (more than 5%)."
    ]


def test_a_constant_text_is_a_warning_beside_the_headline(build, tmp_path):
    recipe, inputs = build()
    flag = Dropped("other", "same_text", "24 of 24 prompts: 'I choose M.'")
    jsonl.write(inputs["study"] / "flags.jsonl", [flag])
    work(recipe, inputs, tmp_path)
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "other gave the same text to 24 of 24 prompts" in numbers["sections"]["headline"]["text"][0]


def test_grades_that_are_owed_are_missing_and_the_parts_of_a_split_count_once(recipe):
    row = {"judge": "gpt", "kind": "model", "responses": 50, "missing": 10}
    shares = [row | {"split": split} for split in ("all", "in_distribution", "out_of_distribution")]
    facts = Facts(recipe=recipe, stats={"grades": {"shares": shares}})
    assert incomplete(facts) == ["gpt has no grade for 10 of 50 answers (more than 5%)."]
