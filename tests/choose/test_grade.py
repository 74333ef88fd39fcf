"""Grades by fakes, by a model on this machine and by a real server; stopped and gone on from."""

import math
import re

import pytest
import torch
from chat_server import completion, refusal, serving

from handful.choose import ask, local
from handful.choose.grade import grades, misplaced
from handful.choose.local import Grader, expected
from handful.choose.records import Grade, Sample
from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.types import Turn
from handful.models import endpoint
from handful.models.load import load_model, load_tokenizer
from handful.recipe.judging import EndpointJudge, FakeJudge, LocalJudge
from handful.recipe.values import ModelRef

ASKED = {f"p{n}": (Turn("user", f"How is rice cooked, {n}?"),) for n in range(3)}
SAMPLES = [
    Sample(epoch, id, "Rinse it. " * (epoch + n), "eot") for epoch in (5, 6) for n, id in enumerate(ASKED)
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "grades.jsonl"


def at(server):
    return EndpointJudge(kind="endpoint", base_url=server.base_url, model="m", concurrency=2)


def test_a_fake_that_prefers_longer_answers_grades_by_length(path):
    samples = [Sample(5, f"p{n}", "x" * length, "eot") for n, length in enumerate((0, 500, 2000))]
    found = grades(FakeJudge(kind="fake", prefers="longer"), samples, ASKED, path)
    assert [grade.grade for grade in found] == [1.0, 3.5, 6.0]
    assert list(jsonl.read(path, Grade)) == found
    path.unlink()
    found = grades(FakeJudge(kind="fake", prefers="shorter"), samples, ASKED, path)
    assert [grade.grade for grade in found] == [6.0, 3.5, 1.0]


# --- a model on this machine


def test_the_expected_grade_is_the_mean_weighted_by_likelihood():
    likelihoods = [0.1, 0.0, 0.2, 0.1, 0.0, 0.1]
    grade, raw = expected([math.log(value) if value else -1e9 for value in likelihoods])
    assert grade == pytest.approx((0.1 * 1 + 0.2 * 3 + 0.1 * 4 + 0.1 * 6) / 0.5)
    assert raw == "1: 0.200, 2: 0.000, 3: 0.400, 4: 0.200, 5: 0.000, 6: 0.200 (of 0.500)"


def test_local_grades_equal_those_of_each_answer_alone(tiny_model, path):
    params = LocalJudge(kind="local", model=ModelRef(str(tiny_model)), batch_size=4)
    found = grades(params, SAMPLES, ASKED, path)
    model, tokenizer = load_model(params.model), load_tokenizer(params.model)
    assert (
        len(tokenizer(" 1", add_special_tokens=False).input_ids) == 1
    )  # but " 5" is two: so a line break it is
    assert len(tokenizer(" 5", add_special_tokens=False).input_ids) == 2
    for sample, grade in zip(SAMPLES, found, strict=True):
        text = f"{ask.question(ASKED[sample.prompt_id], sample.text)}\n\n{ask.BARE}\n\nGrade:"
        written = [tokenizer(f"{text}\n{level}", add_special_tokens=False).input_ids for level in ask.LEVELS]
        ids = [tokenizer.bos_token_id, *written[0][:-1]]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1].double()
        shares = logits[[ids[-1] for ids in written]].softmax(0)
        by_hand = sum(level * float(share) for level, share in zip(ask.LEVELS, shares, strict=True))
        assert (grade.epoch, grade.prompt_id) == (sample.epoch, sample.prompt_id)
        assert grade.grade == pytest.approx(by_hand, abs=2e-3)


def test_a_killed_local_judge_goes_on_to_the_same_bytes(tiny_model, path, monkeypatch):
    params = LocalJudge(kind="local", model=ModelRef(str(tiny_model)), batch_size=2)
    grades(params, SAMPLES, ASKED, path)
    whole = path.read_bytes()
    path.unlink()
    passes = []
    own = Grader.grades

    def killed(self, questions):
        passes.append(len(questions))
        if len(passes) == 3:
            raise KeyboardInterrupt
        return own(self, questions)

    monkeypatch.setattr(Grader, "grades", killed)
    with pytest.raises(KeyboardInterrupt):
        grades(params, SAMPLES, ASKED, path)
    growing = path.with_suffix(".partial.jsonl")
    assert len(growing.read_bytes().splitlines()) == 4
    with growing.open("ab") as file:
        file.write(b'{"epoch":5,"pro')  # half a line, as a kill leaves it
    grades(params, SAMPLES, ASKED, path)
    assert path.read_bytes() == whole
    assert len(passes) == 4  # one batch was left
    assert not growing.exists()


def test_an_answer_too_long_for_the_judge_loses_its_tail_and_says_so(tiny_model):
    params = LocalJudge(kind="local", model=ModelRef(str(tiny_model)))
    grader = Grader(params)
    room = len(grader.tokens(ASKED["p0"], local.CUT))
    grader.limit = room + 40
    long = [
        Sample(epoch, "p0", "Rinse it, then wait. " * times, "length") for epoch, times in ((5, 50), (6, 90))
    ]
    questions = [grader.ask(ASKED["p0"], sample) for sample in long]
    assert all(room < len(question.ids) <= grader.limit for question in questions)
    assert all(question.note.startswith("cut: ") for question in questions)
    shown = [grader.tokenizer.decode(q.ids).split("[Answer ")[1].split(local.CUT)[0][10:] for q in questions]
    assert shown[0] == shown[1]  # every epoch's answer ends at the same place
    grader.limit = room - 1
    assert grader.grades([grader.ask(ASKED["p0"], long[0])])[0].grade is None


# --- a model behind a server


def by_length(body, number):
    """A server whose model grades by length, and thinks aloud."""
    answer = re.findall(r"\[Answer \w+\]\n(.*?)\n\[End", body["messages"][0]["content"], re.DOTALL)[-1]
    return completion(f"1 would be too little.\n{min(6, 1 + len(answer) // 20)}")


def test_an_endpoints_grades_stand_in_the_order_of_the_answers(path):
    with serving(by_length) as server:
        found = grades(at(server), SAMPLES, ASKED, path)
    assert [(grade.epoch, grade.prompt_id) for grade in found] == [(s.epoch, s.prompt_id) for s in SAMPLES]
    assert [grade.grade for grade in found] == [min(6, 1 + len(s.text.strip()) // 20) for s in SAMPLES]
    assert len(server.asked) == 6
    assert "do not begin with the grade" in server.asked[0]["messages"][0]["content"]


def test_a_grade_that_cannot_be_read_is_asked_for_once_more_and_then_counted(path):
    def evasive(body, number):
        again = len(body["messages"]) == 3
        return completion(
            "2" if again and "cooked, 0" in body["messages"][0]["content"] else "It is fine, 3 or 4"
        )

    with serving(evasive) as server:
        found = grades(at(server), SAMPLES, ASKED, path)
    assert [grade.grade for grade in found] == [2, None, None, 2, None, None]
    assert len(server.asked) == 12
    assert any(ask.AGAIN in body["messages"][-1]["content"] for body in server.asked)


def test_a_reply_that_was_cut_off_is_not_read(path):
    with serving(lambda body, number: completion("Step 1", finish="length")) as server:
        found = grades(at(server), SAMPLES[:1], ASKED, path)
    assert found[0].grade is None


def test_what_an_outage_left_is_not_asked_again(path):
    def fails_later(body, number):
        return by_length(body, number) if number <= 3 else refusal(401, "no such key")

    with serving(fails_later) as server, pytest.raises(EndpointError, match="key is refused"):
        grades(at(server), SAMPLES, ASKED, path)
    kept = path.with_suffix(".partial.jsonl").read_bytes().splitlines()
    assert kept
    with serving(by_length) as server:
        found = grades(at(server), SAMPLES, ASKED, path)
        assert len(server.asked) == 6 - len(kept)
    assert all(grade.grade for grade in found)


def test_misplaced_answers_stand_at_other_prompts_each_once():
    found = misplaced(SAMPLES[:3])
    assert [(s.epoch, s.prompt_id) for s in found] == [(0, "p0"), (0, "p1"), (0, "p2")]
    assert [s.text for s in found] == [SAMPLES[1].text, SAMPLES[2].text, SAMPLES[0].text]
    assert misplaced(SAMPLES[:1]) == []  # there is no other prompt
