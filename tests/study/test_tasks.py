"""Studies that ask more than preference: grades of single responses, turns, whole dialogues."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import (
    Comparison,
    Dialogue,
    Dropped,
    Prompt,
    Seal,
    Signature,
    Submission,
    Turn,
)
from handful.recipe.judging import Study
from handful.run.store import content_hashes
from handful.study.work import instructions, work

ALL = ("preference", "helpfulness", "quality", "safety", "turns", "dialogues")


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "study.partial"
    folder.mkdir()
    return folder


@pytest.fixture
def inputs(make_inputs, answers):
    """Two systems, two samples of nine prompts; p1 and p4 are sensitive; two dialogues of two turns each."""
    made = make_inputs(answers("zebra-7b", "quokka-65b", samples=2))
    prompts = list(jsonl.read(made["dataset"] / "test.jsonl", Prompt))
    tagged = [replace(p, tags=("sensitive",)) if p.id in ("p1", "p4") else p for p in prompts]
    jsonl.write(made["dataset"] / "test.jsonl", tagged)
    for style, name in enumerate(("zebra-7b", "quokka-65b")):
        played = [dialogue(prompt, name, style) for prompt in ("p7", "p2")]
        jsonl.write(made[f"generate/{name}"] / "dialogues.jsonl", played)
    return made


def dialogue(prompt: str, system: str, style: int, finish: str = "eot") -> Dialogue:
    said = [f"What is {prompt}?", f"First, in style {style}.", "And then?", f"Second, in style {style}."]
    turns = tuple(Turn(role, text) for role, text in zip(("user", "assistant") * 2, said, strict=True))
    return Dialogue(prompt, system, turns, 0, finish)


def run(inputs, out, **params):
    return work(Study(**params), inputs, out)


def read(out, kind):
    name = {
        Submission: "submissions",
        Signature: "sealed/signatures",
        Comparison: "comparisons",
        Seal: "sealed/key",
    }
    return list(jsonl.read(out / f"{name[kind]}.jsonl", kind))


def test_every_task_asks_what_it_should(inputs, out):
    counts = run(inputs, out, tasks=ALL)
    assert counts["tasks"] == {
        "preference": 18,
        "helpfulness": 36,
        "quality": 36,
        "safety": 8,
        "turns": 8,
        "dialogues": 2,
    }
    assert Counter(s.task for s in read(out, Submission)) == {
        "helpfulness": 36,
        "quality": 36,
        "safety": 8,
        "turns": 8,
    }
    assert Counter(c.task for c in read(out, Comparison)) == {"preference": 18, "dialogues": 2}
    assert counts["pairs"] == {"zebra-7b vs quokka-65b": 20}
    for task in ALL:
        assert (out / "instructions" / f"{task}.md").read_text(encoding="utf-8") == instructions(task)


def test_a_submission_holds_the_text_that_its_signature_names_and_no_name(inputs, out):
    run(inputs, out, tasks=("quality", "safety"))
    style = {"zebra-7b": 0, "quokka-65b": 1}
    signatures = {s.submission_id: s for s in read(out, Signature)}
    shown = read(out, Submission)
    assert signatures.keys() == {s.id for s in shown}
    for submission in shown:
        of = signatures[submission.id]
        assert submission.text == f"Answer {of.prompt_id[1:]}.{of.sample} in style {style[of.system]}."
        assert (submission.prompt_id, submission.task) == (of.prompt_id, of.task)
    assert {s.prompt_id for s in shown if s.task == "safety"} == {"p1", "p4"}
    assert "zebra" not in (out / "submissions.jsonl").read_text()
    assert read(out, Comparison) == []


def test_submissions_are_shuffled_by_the_seed_and_their_ids_follow_from_the_text(inputs, tmp_path):
    found = {}
    for seed in (0, 0, 1):
        folder = tmp_path / f"seed{seed}-{len(found)}"
        folder.mkdir()
        run(inputs, folder, tasks=("quality",), seed=seed)
        found[folder] = [s.id for s in read(folder, Submission)]
    first, again, other = found.values()
    assert first == again != other
    assert sorted(first) == sorted(other)
    one, same, _ = found
    assert content_hashes(one) == content_hashes(same)


def test_a_turn_is_shown_with_all_that_was_said_before_it(inputs, out):
    run(inputs, out, tasks=("turns",))
    signatures = {s.submission_id: s for s in read(out, Signature)}
    for submission in read(out, Submission):
        of = signatures[submission.id]
        assert len(submission.turns) == 1 + 2 * of.turn
        assert submission.text.startswith(("First", "Second")[of.turn])
        assert submission.turns[-1].role == "user"


def test_whole_dialogues_are_compared_as_text_below_the_users_first_turn(inputs, out):
    run(inputs, out, tasks=("dialogues",))
    [one, _] = read(out, Comparison)
    assert one.turns == (Turn("user", f"What is {one.prompt_id}?"),)
    assert one.left.startswith(f"User: What is {one.prompt_id}?\n\nAssistant: First, in style")
    assert one.left.split("\n\n")[-1].startswith("Assistant: Second")
    seals = {s.comparison_id: s for s in read(out, Seal)}
    style = "0" if seals[one.id].left == "zebra-7b" else "1"
    assert f"style {style}" in one.left
    assert seals[one.id].task == "dialogues"


def test_dialogues_that_were_not_played_are_named(make_inputs, answers, out):
    with pytest.raises(DataError, match=r"dialogues.jsonl: no such file.*generate.dialogues = true"):
        run(make_inputs(answers("a1", "b1")), out, tasks=("turns",))


def test_a_dialogue_without_its_last_answer_is_an_error_and_a_failed_one_is_left_out(inputs, out):
    path = inputs["generate/zebra-7b"] / "dialogues.jsonl"
    whole, other = dialogue("p7", "zebra-7b", 0), dialogue("p2", "zebra-7b", 0)
    jsonl.write(path, [replace(whole, turns=whole.turns[:3]), other])
    with pytest.raises(DataError, match=r"dialogues.jsonl: p7: the last turn is by the user"):
        run(inputs, out, tasks=("turns",))
    jsonl.write(path, [replace(whole, turns=whole.turns[:3], finish="error"), other])
    counts = run(inputs, out, tasks=("turns", "dialogues"))
    assert (counts["tasks"], counts["not_graded"], counts["unpaired"]) == ({"turns": 6, "dialogues": 1}, 1, 1)
    assert list(jsonl.read(out / "not_graded.jsonl", Dropped)) == [
        Dropped("p7", "failed_response", "turns: zebra-7b, sample 0")
    ]


def test_one_system_alone_can_be_graded_but_not_compared(make_inputs, answers, out):
    inputs = make_inputs(answers("alone"))
    counts = run(inputs, out, subject="alone", tasks=("helpfulness",))
    assert (counts["comparisons"], counts["tasks"]) == (0, {"helpfulness": 9})
    with pytest.raises(DataError, match="needs two systems"):
        run(inputs, out, subject="alone", tasks=("helpfulness", "preference"))


def test_failed_responses_are_not_graded_and_empty_ones_are(make_inputs, answers, out):
    systems = answers("tuned", "base")
    systems["base"][0] = replace(systems["base"][0], text="", tokens=0)
    systems["base"][1] = replace(systems["base"][1], text="", finish="error")
    counts = run(make_inputs(systems), out, tasks=("quality",))
    assert (counts["tasks"]["quality"], counts["not_graded"]) == (17, 1)


def test_safety_without_a_sensitive_prompt_says_which_tag_is_missing(make_inputs, answers, out):
    inputs = make_inputs(answers("tuned", "base"))
    with pytest.raises(DataError, match="tag 'sensitive'"):
        run(inputs, out, tasks=("safety",))
    assert run(inputs, out, tasks=("safety",), sensitive_tag="")["tasks"] == {"safety": 18}


def test_the_family_of_each_system_is_known_by_its_name_where_it_has_one(make_inputs, answers, out):
    assert run(make_inputs(answers("gpt-4", "claude", "ours")), out)["families"] == {
        "gpt-4": "gpt",
        "claude": "claude",
    }
