"""A judge behind a server: every task, both modes, cut texts, and replies that say nothing of use."""

from __future__ import annotations

import json

import pytest
from chat_server import completion, refusal, serving
from msgspec.structs import replace

from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.types import Dropped, Grade, Verdict
from handful.judge.tasks import WORDINGS
from handful.judge.work import work
from handful.models import endpoint
from handful.recipe.judging import EndpointJudge, Judge
from handful.run.store import content_hashes
from handful.study.work import instructions


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def judge(inputs, out, server, **changes):
    entry = EndpointJudge(kind="endpoint", base_url=server.base_url, model="m", **changes)
    return work(Judge(judges={"j": entry}), inputs, out)


def task_of(body) -> str:
    text = body["messages"][0]["content"]
    return next(task for task in WORDINGS if text.startswith(instructions(task).strip()))


def best(body, number):
    """A model that finds everything as good as can be, and answers in the form that it is held to."""
    word = WORDINGS[task_of(body)].options[-1].word
    if "response_format" in body:
        return completion(json.dumps({"reason": "It is so.", "verdict": word}))
    return completion(f"It is so.\nVerdict: {word}")


def test_every_task_is_asked_with_its_own_text_and_kept_in_the_studys_order(
    make_study, comparisons, submissions, out
):
    whole = [replace(c, id=f"d-{c.id}", task="dialogues") for c in comparisons[:2]]
    with serving(best) as server:
        counts = judge(make_study([*comparisons, *whole], submissions), out, server)
    assert counts["choices"] == {"left": 0, "right": 0, "tie": 16, "unreadable": 0}
    assert {task: {g: n for g, n in found.items() if n} for task, found in counts["grades"].items()} == {
        "helpfulness": {"6": 2},
        "quality": {"excellent": 2},
        "safety": {"safe": 2},
        "turns": {"excellent": 2},
    }
    assert [g.submission_id for g in jsonl.read(out / "grades.jsonl", Grade)] == [s.id for s in submissions]
    assert sorted({task_of(body) for body in server.asked}) == sorted(WORDINGS)
    assert len(server.asked) == 24


def test_a_server_that_can_is_held_to_what_is_offered(make_study, comparisons, submissions, out):
    with serving(best) as server:
        judge(make_study(comparisons[:1], submissions[:2]), out, server)
    offered = {}
    for body in server.asked:
        schema = body["response_format"]["json_schema"]["schema"]
        offered[task_of(body)] = schema["properties"]["verdict"]["enum"]
        assert list(schema["properties"]) == ["reason", "verdict"]
    assert offered == {"preference": ["A", "B", "tie"], "helpfulness": list("123456")}


def test_in_lima_mode_each_is_asked_once_in_the_peoples_words_and_nothing_is_demanded(
    make_study, comparisons, submissions, out
):
    def people(body, number):
        task = task_of(body)
        return completion("Answer B is significantly better." if task == "preference" else "So:\n5\n5")

    with serving(people) as server:
        counts = judge(make_study(comparisons, submissions[:2]), out, server, mode="lima")
    assert len(server.asked) == 8
    assert counts["mode"] == "lima"
    assert counts["grades"]["helpfulness"]["5"] == 2
    found = list(jsonl.read(out / "verdicts.jsonl", Verdict))
    assert len(found) == 6
    assert all(v.choice == ("right" if v.order == "forward" else "left") for v in found)
    assert not any("response_format" in body or "Verdict" in str(body["messages"]) for body in server.asked)


def test_a_judge_that_always_says_a_contradicts_itself_on_every_comparison(make_study, comparisons, out):
    with serving(lambda body, n: completion("Verdict: A")) as server:
        counts = judge(make_study(comparisons), out, server)
    assert counts["choices"] == {"left": 6, "right": 6, "tie": 0, "unreadable": 0}


@pytest.mark.parametrize("text", ["", None, "No.", "{", "Verdict: 7", "5\n" * 2 + "or 4?" * 3])
def test_grades_that_cannot_be_read_are_asked_for_once_more_and_are_then_none(
    make_study, submissions, out, text
):
    with serving(lambda body, n: completion(text)) as server:
        counts = judge(make_study([], submissions[2:3]), out, server)
    assert counts["grades"] == {"quality": {"fail": 0, "pass": 0, "excellent": 0, "unreadable": 1}}
    assert (counts["verdicts"], len(server.asked)) == (0, 2)


def test_both_answers_are_cut_at_the_same_place_and_the_cut_is_told(make_study, comparisons, out):
    long = replace(comparisons[0], left="left " * 100, right="right " * 200)
    one_long = replace(comparisons[1], left="x" * 501, right="short")
    with serving(best) as server:
        counts = judge(make_study([long, one_long, comparisons[2]]), out, server, max_chars=300)
    assert counts["truncated"] == 2
    assert list(jsonl.read(out / "truncated.jsonl", Dropped)) == [
        Dropped("c0", "too_long_for_judge", "left 500, right 1200 characters: cut at 300"),
        Dropped("c1", "too_long_for_judge", "left 501, right 5 characters: cut at 300"),
    ]
    texts = [body["messages"][0]["content"] for body in server.asked]
    assert sorted(text.count("[The rest is not shown.]") for text in texts) == [0, 0, 1, 1, 2, 2]
    assert max(text.count("left ") for text in texts) == 60


def test_no_limit_cuts_nothing(make_study, comparisons, out):
    long = replace(comparisons[0], left="left " * 20_000)
    with serving(best) as server:
        assert judge(make_study([long]), out, server, max_chars=0)["truncated"] == 0


def test_a_failure_that_may_pass_stops_the_run_and_is_recorded_when_it_comes_again(
    make_study, comparisons, out, monkeypatch
):
    monkeypatch.setattr(endpoint, "TRIES", 2)

    def flaky(body, number):
        return refusal(500, "busy") if "What is 3?" in str(body) else best(body, number)

    inputs = make_study(comparisons)
    with serving(flaky) as server:
        with pytest.raises(
            EndpointError, match=r"judge.judges.j: 2 questions failed for the time being.*run again"
        ):
            judge(inputs, out, server)
        assert not (out / "verdicts.jsonl").exists()
        asked = len(server.asked)
        counts = judge(inputs, out, server)
    assert len(server.asked) == asked + 4  # two questions, two tries each
    assert counts["choices"]["unreadable"] == 2


def test_one_comparison_alone_is_judged(make_study, comparisons, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        with serving(best) as server:
            assert judge(make_study(comparisons[:1]), folder, server)["verdicts"] == 2
    assert content_hashes(folders[0]) == content_hashes(folders[1])
