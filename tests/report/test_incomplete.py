"""Half a study has a mark and no headline; what merely could not be read does not make it half."""

import json
from dataclasses import replace

import pytest

from handful.core import jsonl
from handful.core.types import Dropped, Response, Verdict
from handful.recipe.systems import EndpointSystem, ResponsesSystem
from handful.recipe.values import InputPath
from handful.report.facts import Facts, StepFacts, Taken
from handful.report.headline import constant_texts
from handful.report.incomplete import incomplete, remedies
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


def lacking(recipe, system, **facts):
    """A study whose system "b" failed on 10 of 100 prompts."""
    stats = {
        "losses": {"unpaired": {"failed_response": 10}},
        "pairs": [{"comparisons": 90, "prompts": 90, "subject": "a", "baseline": "b"}],
    }
    answers = [Response(f"p{n}", "b", "", 0, "error" if n < 10 else "eos", 0) for n in range(100)]
    asked = replace(recipe, generate=replace(recipe.generate, systems={"b": system}))
    return Facts(recipe=asked, stats=stats, responses={"b": answers}, **facts)


def test_answers_that_a_file_lacks_are_to_be_put_there(recipe):
    file = ResponsesSystem(kind="responses", path=InputPath("/somewhere/part.json"))
    taken = {"generate/b": {"unknown_prompt": Taken(7, "zzz", "part.json: row 31: answers no prompt")}}
    (words,) = remedies(lacking(recipe, file, taken=taken))
    assert words == (
        "part.json has no answer of b to 10 prompts, and 7 of its rows answer none (see “What was lost”): "
        "complete the file, or leave these prompts out, and run again."
    )


def test_answers_that_a_server_failed_to_give_are_asked_for_again(recipe):
    server = EndpointSystem(kind="endpoint", base_url="http://localhost:1/v1", model="m")
    (words,) = remedies(lacking(recipe, server, steps={"generate/b": StepFacts("abc")}))
    assert words.startswith("Delete the folder generate-b-abc and run again")


def test_a_mark_never_says_that_the_same_command_goes_on(cut_short):
    page, _ = cut_short(0.5)
    assert "The same command goes on" not in page
    assert "Delete the folder judge-local-" in page


def graded(missing, unreadable):
    row = {"judge": "gpt", "kind": "model", "responses": 80, "missing": missing, "unreadable": unreadable}
    return {"grades": {"helpfulness": [row]}}


@pytest.mark.parametrize(
    ("missing", "unreadable", "words"),
    [
        (0, 32, "gpt gave no grade that can be read to 32 of 80 answers (more than 5%)."),
        (3, 32, "gpt has no grade for 3, and none that can be read for 32, of 80 answers (more than 5%)."),
        (5, 0, "gpt has no grade for 5 of 80 answers (more than 5%)."),
    ],
)
def test_grades_that_cannot_be_read_are_not_there(recipe, missing, unreadable, words):
    facts = Facts(recipe=recipe, stats=graded(missing, unreadable))
    assert incomplete(facts) == [words]
    assert ("browse.html" in " ".join(remedies(facts))) == bool(unreadable)


def test_a_few_grades_that_cannot_be_read_are_no_lack(recipe):
    assert incomplete(Facts(recipe=recipe, stats=graded(1, 3))) == []


def test_a_constant_text_is_a_warning_beside_the_headline(build, tmp_path):
    recipe, inputs = build()
    flag = Dropped("other", "same_text", "24 of 24 prompts: 'I choose M.'")
    jsonl.write(inputs["study"] / "flags.jsonl", [flag])
    work(recipe, inputs, tmp_path)
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    said = numbers["sections"]["headline"]["text"][0]
    assert "other gave the same text to 24 of 24 prompts" in said
    assert said.endswith("Its results say nothing of answers.")


def test_a_text_that_is_constant_on_some_prompts_takes_nothing_from_the_others(recipe):
    flags = [Dropped("other", "same_text", "11 of 20 prompts: '7 of 7 prompts: yes.'")]
    (warning,) = constant_texts(Facts(recipe=recipe, flags=flags))
    assert "On these 11 prompts its results say nothing of answers" in warning.lines[0]
    assert "Its results" not in warning.lines[0]


def test_grades_that_are_owed_are_missing_and_the_parts_of_a_split_count_once(recipe):
    row = {"judge": "gpt", "kind": "model", "responses": 50, "missing": 10}
    shares = [row | {"split": split} for split in ("all", "in_distribution", "out_of_distribution")]
    facts = Facts(recipe=recipe, stats={"grades": {"shares": shares}})
    assert incomplete(facts) == ["gpt has no grade for 10 of 50 answers (more than 5%)."]
