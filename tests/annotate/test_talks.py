"""Live conversations in a real ledger: who may say what when, what stands after a restart, and what is made of them."""

from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.annotate import talk_files
from handful.annotate.ledger import open_ledger
from handful.annotate.talk_files import Plan
from handful.annotate.talk_order import arm_of, dealt, talk_prompts
from handful.annotate.talks import CUT, STALLED, OutOfTurn, Talks
from handful.core import jsonl
from handful.core.errors import DataError, RecipeError
from handful.core.types import (
    Comparison,
    Dialogue,
    Grade,
    Origin,
    Prompt,
    Seal,
    Signature,
    Submission,
    Turn,
    Verdict,
)
from handful.recipe.evaluation import Annotate
from handful.run.store import Manifest, write_manifest

ORIGIN = Origin("mine", "", "1")
PROMPTS = tuple(
    Prompt(f"p{n}", (Turn("user", f"Opening {n}?"),), ORIGIN, tags=("dialogue",) if n == 2 else ())
    for n in range(3)
)
ARMS = ("a" * 64, "b" * 64)
PLAN = Plan(PROMPTS, dict(zip(ARMS, ("tuned", "base"), strict=True)))


@pytest.fixture
def ledger(tmp_path):
    with closing(open_ledger(tmp_path / "people.sqlite")) as opened:
        opened.add_person("ann", "crowd")
        opened.add_person("bob")
        yield opened


@pytest.fixture
def talks(ledger):
    return Talks(ledger)


def held(talks, person, prompt, arm, grades):
    """A whole conversation with a reply a grade."""
    talk = talks.begin(person, prompt, arm)
    for turn, grade in enumerate(grades):
        talks.say(talk, 2 * turn, f"Opening {prompt[1:]}?" if turn == 0 else f"And then {turn}?")
        talks.reply(talk, 2 * turn + 1, f"Reply {turn} of {arm[0]}", "eot", 1200)
        talks.grade(talk, 2 * turn + 1, grade)
    talks.end(talk, "")
    return talk


def test_a_message_follows_a_graded_reply_and_nothing_else(talks):
    talk = talks.begin("ann", "p0", ARMS[0])
    with pytest.raises(OutOfTurn, match="not your turn"):
        talks.say(talk, 2, "too early")
    assert talks.say(talk, 0, "Hello")
    with pytest.raises(OutOfTurn, match="not your turn"):
        talks.say(talk, 1, "no reply yet")
    assert talks.reply(talk, 1, "Hi", "eot", 900)
    with pytest.raises(OutOfTurn, match="no grade yet"):
        talks.say(talk, 2, "before the grade")
    with pytest.raises(OutOfTurn, match="no grade yet"):
        talks.end(talk, "")
    with pytest.raises(OutOfTurn, match="fail, pass, excellent"):
        talks.grade(talk, 1, "good")
    assert talks.grade(talk, 1, "pass")
    assert talks.say(talk, 2, "Now")
    with pytest.raises(OutOfTurn, match="cannot be graded"):
        talks.grade(talk, 3, "pass")


@pytest.mark.parametrize("text", ["", " \n", "x" * 3_001])
def test_a_message_has_a_length(talks, text):
    talk = talks.begin("ann", "p0", ARMS[0])
    with pytest.raises(OutOfTurn, match="1 to 3,000"):
        talks.say(talk, 0, text)
    assert talk.said == []


def test_what_comes_twice_stands_once(talks, ledger):
    talk = talks.begin("ann", "p0", ARMS[0])
    assert talks.begin("ann", "p0", ARMS[0]) is talk
    assert talks.say(talk, 0, "Hello")
    assert not talks.say(talk, 0, "Hello again")
    assert talks.reply(talk, 1, "Hi", "eot", 900)
    assert not talks.reply(talk, 1, "Hi, made again", "eot", 900)
    assert talks.grade(talk, 1, "fail")
    assert not talks.grade(talk, 1, "pass")
    assert talks.end(talk, "done")
    assert not talks.end(talk, "done twice")
    assert [row.text for row in ledger.rows("said")] == ["Hello", "Hi", "done"]
    assert [row.grade for row in ledger.rows("turn_grades")] == ["fail"]
    assert len(ledger.rows("conversations")) == 1


def test_a_grade_can_be_taken_back_until_the_next_message(talks, ledger):
    talk = talks.begin("ann", "p0", ARMS[0])
    talks.say(talk, 0, "Hello")
    talks.reply(talk, 1, "Hi", "eot", 900)
    talks.grade(talk, 1, "fail")
    assert talks.undo(talk, 1)
    assert not talks.undo(talk, 1)
    assert talk.ungraded == 1
    assert talks.grade(talk, 1, "excellent")
    talks.say(talk, 2, "More")
    assert not talks.undo(talk, 1)
    assert [row.grade for row in ledger.rows("turn_grades")] == ["fail", None, "excellent"]


def test_a_restart_finds_every_conversation_as_it_was(talks, ledger):
    done = held(talks, "ann", "p0", ARMS[0], ["pass", "fail"])
    open_ = talks.begin("bob", "p1", ARMS[1])
    talks.say(open_, 0, "Hello")
    again = Talks(ledger)
    assert again.all() == [done, open_]
    assert [talk.ended for talk in again.all()] == ["person", None]
    assert again.find("bob", "p1", ARMS[1]).awaits_reply


def test_the_prompts_made_for_dialogues_come_first():
    assert [prompt.id for prompt in talk_prompts(PROMPTS, 2)] == ["p2", "p0"]
    assert [prompt.id for prompt in talk_prompts(PROMPTS, 9)] == ["p2", "p0", "p1"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.text(min_size=1, max_size=8), st.integers(1, 12), st.integers(1, 3))
def test_the_conversations_on_a_prompt_are_far_apart_and_first_turns_are_shared_out(
    seed, person, prompts, arms
):
    names, hashes = [f"p{n}" for n in range(prompts)], [f"arm{n}" for n in range(arms)]
    order = dealt(seed, person, names, hashes)
    assert sorted(order) == sorted((p, a) for p in names for a in hashes)
    places = {p: [i for i, (prompt, _) in enumerate(order) if prompt == p] for p in names}
    assert all(b - a == prompts for own in places.values() for a, b in pairwise(own))
    first = [order[own[0]][1] for own in places.values()]
    counts = [first.count(arm) for arm in hashes]
    assert max(counts) - min(counts) <= 1
    assert order == dealt(seed, person, names, hashes)


def test_an_arm_tells_the_system_from_others_and_from_itself_trained_again():
    arms = {arm_of(0, PROMPTS, name, what) for name in ("tuned", "base") for what in ("epoch 1", "epoch 2")}
    assert len(arms) == 4
    assert all(len(arm) == 64 and "tuned" not in arm for arm in arms)
    assert arm_of(1, PROMPTS, "tuned", "epoch 1") not in arms


# --- what the stage writes


@pytest.fixture
def inputs(tmp_path):
    """The folders of a data set and of two systems, as their manifests have them."""

    def make(kind="base", **more):
        (tmp_path / "dataset").mkdir(exist_ok=True)
        jsonl.write(tmp_path / "dataset" / "test.jsonl", PROMPTS)
        found = {"dataset": tmp_path / "dataset"}
        for name in ("tuned", "base"):
            folder = found[f"generate/{name}"] = tmp_path / f"generate-{name}"
            folder.mkdir(exist_ok=True)
            params = dict.fromkeys(talk_files.SAMPLING, 1) | {"systems": {name: {"kind": kind, **more}}}
            write_manifest(folder, Manifest(f"generate/{name}", 1, "k", params, {"train": "t1"}, {}, {}, {}))
        return found

    return make


PARAMS = Annotate(people=1, talk=("tuned", "base"), talk_prompts=2)


def test_only_systems_that_can_be_talked_with_are_taken(inputs):
    assert list(talk_files.plan_of(PARAMS, inputs()).arms.values()) == ["tuned", "base"]
    with pytest.raises(RecipeError, match=r"'tuned' is of kind 'fake'.*talk with a checkpoint"):
        talk_files.plan_of(PARAMS, inputs("fake"))
    with pytest.raises(RecipeError, match="no system is called 'gpt'; there are tuned, base"):
        talk_files.plan_of(Annotate(talk=("gpt",)), inputs())
    with pytest.raises(RecipeError, match="twice"):
        talk_files.plan_of(Annotate(talk=("base", "base")), inputs())
    found = inputs()
    (found["dataset"] / "test.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no prompt"):
        talk_files.plan_of(PARAMS, found)


def test_a_server_that_moved_is_the_same_arm_and_another_model_is_not(inputs):
    arms = [
        list(talk_files.plan_of(PARAMS, inputs("endpoint", base_url=url, model=model)).arms)
        for url, model in (("http://a/v1", "m"), ("http://b/v1", "m"), ("http://b/v1", "n"))
    ]
    assert arms[0] == arms[1]
    assert not set(arms[1]) & set(arms[2])


def test_the_stage_has_every_graded_reply_under_its_system(inputs, ledger, talks, tmp_path):
    given = inputs()
    plan = talk_files.plan_of(PARAMS, given)
    tuned, base = plan.arms
    assert talk_files.missing(ledger, PARAMS, given) == "0 of 4 conversations had"
    held(talks, "ann", "p2", tuned, ["excellent", "pass"])
    held(talks, "ann", "p0", tuned, ["pass"])
    held(talks, "ann", "p2", base, ["fail", "fail", "pass"])
    assert talk_files.missing(ledger, PARAMS, given).startswith("2 of 4 conversations had; 0 of 1 verdicts")
    late = held(talks, "ann", "p0", base, ["excellent"])
    talks.note(late, STALLED, "900 ms late")
    talks.note(late, CUT, "1")
    (first, second) = talk_files.pairs(plan, talks.all(), PARAMS.seed)
    for one, choice in ((first, "first"), (second, "neither")):
        ledger.answer(
            person="ann", item=one.item.key, round=0, task="dialogues", subject=one.comparison.id,
            shown="swapped", first=talk_files.held("dialogues", "", one.item.load("swapped"), subject="").first,
            choice=choice,
        )  # fmt: skip
    assert talk_files.missing(ledger, PARAMS, given) == ""
    out = tmp_path / "out"
    out.mkdir()
    counts = talk_files.write(ledger, PARAMS, given, out)
    assert counts["conversations"] == 4
    assert counts["live_turns"] == 7
    assert counts["live_comparisons"] == 2
    assert counts["incidents"] == {"base": {"cut": 1, "stalled": 1}}
    signatures = {s.submission_id: s for s in jsonl.read(out / "talks/sealed/signatures.jsonl", Signature)}
    marks = [
        (signatures[g.submission_id].system, signatures[g.submission_id].turn, g.grade, g.judge)
        for g in jsonl.read(out / "talks/grades.jsonl", Grade)
    ]
    assert sorted(marks) == sorted(
        [
            ("tuned", 0, "excellent", "crowd:ann"), ("tuned", 1, "pass", "crowd:ann"),
            ("tuned", 0, "pass", "crowd:ann"),
            ("base", 0, "fail", "crowd:ann"), ("base", 1, "fail", "crowd:ann"), ("base", 2, "pass", "crowd:ann"),
            ("base", 0, "excellent", "crowd:ann"),
        ]
    )  # fmt: skip
    shown = list(jsonl.read(out / "talks/submissions.jsonl", Submission))
    assert {s.id for s in shown} == signatures.keys()
    assert all(len(s.turns) == 2 * signatures[s.id].turn + 1 for s in shown)
    seals = {s.comparison_id: s for s in jsonl.read(out / "talks/sealed/key.jsonl", Seal)}
    sides = {c.id: (c.left, c.right) for c in jsonl.read(out / "talks/comparisons.jsonl", Comparison)}
    for id, seal in seals.items():
        for side, system in zip(sides[id], (seal.left, seal.right), strict=True):
            assert f"of {tuned[0] if system == 'tuned' else base[0]}" in side
    said = list(jsonl.read(out / "talks/verdicts.jsonl", Verdict))
    assert [(v.comparison_id, v.choice, v.order) for v in said] == [
        (first.comparison.id, "right", "swapped"), (second.comparison.id, "tie", "swapped"),
    ]  # fmt: skip
    dialogues = list(jsonl.read(out / "dialogues.jsonl", Dialogue))
    assert [(d.prompt_id, d.system, len(d.turns)) for d in dialogues] == [
        ("p2", "tuned", 4), ("p2", "base", 6), ("p0", "tuned", 2), ("p0", "base", 2),
    ]  # fmt: skip
    text = b"".join(p.read_bytes() for p in sorted(out.rglob("*.jsonl")))
    assert b"2026" not in text
    assert str(tmp_path).encode() not in text


def test_the_same_ledger_gives_the_same_bytes(inputs, ledger, talks, tmp_path):
    given = inputs()
    for arm in talk_files.plan_of(PARAMS, given).arms:
        held(talks, "ann", "p2", arm, ["pass"])
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        talk_files.write(ledger, PARAMS, given, tmp_path / name)
        made.append(
            {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.jsonl")}
        )
    assert made[0] == made[1]


def test_dropped_people_and_old_models_are_left_out_and_counted(inputs, ledger, talks, tmp_path):
    given = inputs()
    arms = list(talk_files.plan_of(PARAMS, given).arms)
    for person in ("ann", "bob"):
        for arm in (*arms, "of a model that was trained again"):
            held(talks, person, "p2", arm, ["pass"])
    ledger.event("dropped", person="ann", reason="did not read")
    out = tmp_path / "out"
    out.mkdir()
    counts = talk_files.write(ledger, PARAMS, given, out)
    assert counts["conversations"] == 2
    assert counts["left_out_with_people"] == 2
    assert {g.judge for g in jsonl.read(out / "talks/grades.jsonl", Grade)} == {"bob"}


def test_a_conversation_without_a_reply_is_compared_with_none(inputs, ledger, talks, tmp_path):
    plan = talk_files.plan_of(PARAMS, inputs())
    tuned, base = plan.arms
    held(talks, "ann", "p2", tuned, ["pass"])
    talk = talks.begin("ann", "p2", base)
    talks.say(talk, 0, "Opening 2?")
    talks.end(talk, "it could not answer")
    assert talk_files.pairs(plan, talks.all(), 0) == []
    (tmp_path / "out").mkdir()
    assert talk_files.write(ledger, PARAMS, inputs(), tmp_path / "out")["without_a_reply"] == 1
    assert [one.system for one in jsonl.read(tmp_path / "out/dialogues.jsonl", Dialogue)] == ["tuned"]
