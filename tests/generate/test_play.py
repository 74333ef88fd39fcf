"""Dialogues that a system plays: its own answers between the user's turns, turn after turn, and again after a kill."""

from __future__ import annotations

import pytest
from chat_server import completion, refusal, serving

from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.types import Dialogue, Dropped, Example, Origin, Prompt, Response, Turn
from handful.generate import local
from handful.generate.work import work
from handful.recipe.systems import (
    BaseSystem,
    CheckpointSystem,
    EndpointSystem,
    FakeSystem,
    FewShotSystem,
    Generate,
)
from handful.recipe.values import ModelRef

ORIGIN = Origin("authored", "", "made for the tests")


def dialogue_prompt(id, *asked):
    turns = []
    for text in asked:
        turns += [Turn("user", text), Turn("assistant", "(written by the author)")]
    return Prompt(id, tuple(turns[:-1]), ORIGIN)


@pytest.fixture
def dataset(tmp_path):
    """Three turns, one, and two."""
    (folder := tmp_path / "dataset").mkdir()
    prompts = [
        dialogue_prompt("three", "Tea or coffee?", "Why?", "And at night?"),
        dialogue_prompt("one", "Name a colour."),
        dialogue_prompt("two", "Count to three.", "Go on."),
    ]
    jsonl.write(folder / "test.jsonl", prompts)
    shown = (Turn("user", "Hm?"), Turn("assistant", "Yes."))
    jsonl.write(folder / "train.jsonl", [Example("e", shown, ORIGIN)])
    return folder


def params(system, **more):
    plain = {"max_tokens": 12, "limit": "new", "batch_size": 2, "device": "cpu", "precision": "float32"}
    return Generate(**{**plain, "dialogues": True, **more}, systems={"it": system})


def read(out):
    responses = list(jsonl.read(out / "responses.jsonl", Response))
    return responses, list(jsonl.read(out / "dialogues.jsonl", Dialogue))


def test_the_system_answers_each_of_the_users_turns_after_its_own_answers(dataset, out):
    counts = work(params(FakeSystem(kind="fake", text="<{prompt}>")), {"dataset": dataset}, out)
    responses, dialogues = read(out)
    assert [(r.prompt_id, r.text) for r in responses] == [
        ("three", "<And at night?>"),
        ("one", "<Name a colour.>"),
        ("two", "<Go on.>"),
    ]
    assert [(d.prompt_id, [turn.text for turn in d.turns]) for d in dialogues] == [
        (
            "three",
            ["Tea or coffee?", "<Tea or coffee?>", "Why?", "<Why?>", "And at night?", "<And at night?>"],
        ),
        ("two", ["Count to three.", "<Count to three.>", "Go on.", "<Go on.>"]),
    ]
    assert {(d.system, d.sample, d.finish) for d in dialogues} == {("it", 0, "eot")}
    assert (counts["prompts"], counts["responses"]) == (3, 3)


def test_without_the_setting_the_last_turn_alone_is_answered(dataset, out):
    work(params(FakeSystem(kind="fake"), dialogues=False), {"dataset": dataset}, out)
    assert not (out / "dialogues.jsonl").exists()


@pytest.mark.parametrize("kind", ["checkpoint", "base", "few_shot"])
def test_local_models_play(dataset, checkpoints, tiny_model, out, kind, monkeypatch):
    """What the model reads holds what it said: the contexts are those of its own answers."""
    system = {
        "checkpoint": CheckpointSystem(kind="checkpoint"),
        "base": BaseSystem(kind="base", model=ModelRef(str(tiny_model))),
        "few_shot": FewShotSystem(kind="few_shot", model=ModelRef(str(tiny_model))),
    }[kind]
    shown = []

    def spying(asks, encode, *rest):
        shown.extend(ask.prompt.turns for ask in asks)
        return fit(asks, encode, *rest)

    fit = local._fit
    monkeypatch.setattr(local, "_fit", spying)
    work(params(system, samples=2), {"dataset": dataset, "train": checkpoints}, out)
    responses, dialogues = read(out)
    assert [(d.prompt_id, d.sample) for d in dialogues] == [
        ("three", 0),
        ("three", 1),
        ("two", 0),
        ("two", 1),
    ]
    for dialogue in dialogues:
        assert dialogue.turns[:-1] in shown
        assert "(written by the author)" not in [turn.text for turn in dialogue.turns]
        last = next(r for r in responses if (r.prompt_id, r.sample) == (dialogue.prompt_id, dialogue.sample))
        assert dialogue.turns[-1] == Turn("assistant", last.text)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("batch", [2, 4, 6])
def test_a_killed_run_goes_on_to_the_same_bytes(dataset, checkpoints, tmp_path, monkeypatch, batch):
    settings = params(CheckpointSystem(kind="checkpoint"), samples=2)
    inputs = {"dataset": dataset, "train": checkpoints}
    (whole := tmp_path / "whole").mkdir()
    (broken := tmp_path / "broken").mkdir()
    counts = work(settings, inputs, whole)
    made = []

    def killed(*arguments, **more):
        made.append(1)
        if len(made) == batch:
            raise Killed
        return sample(*arguments, **more)

    sample = local.sample
    monkeypatch.setattr(local, "sample", killed)
    with pytest.raises(Killed):
        work(settings, inputs, broken)
    assert work(settings, inputs, broken) == counts
    assert len(made) == 1 + 3 + 2 + 1, (
        "three batches, then two, then one: all once, but for the one that was lost"
    )
    assert {path.name: path.read_bytes() for path in broken.iterdir()} == {
        path.name: path.read_bytes() for path in whole.iterdir()
    }


def test_a_dialogue_that_outgrows_the_model_is_cut_on_record(dataset, checkpoints, out):
    """Its window is 120 tokens here, which its own answers fill."""
    settings = params(
        CheckpointSystem(kind="checkpoint"),
        max_tokens=120,
        limit="total",
        temperature=1.0,
        repetition_penalty=1.0,
    )
    counts = work(settings, {"dataset": dataset, "train": checkpoints}, out)
    cut = list(jsonl.read(out / "truncated.jsonl", Dropped))
    assert counts["truncated"] == len(cut) > 0
    assert {one.rule for one in cut} == {"too_long_for_model"}
    assert all(one.detail.startswith("turn ") for one in cut)


@pytest.fixture
def server(monkeypatch):
    """Says how many turns it has seen, but fails as `server.fails` says of the last question."""
    monkeypatch.setenv("HANDFUL_REPLIES", "off")

    def script(body, number):
        question = body["messages"][-1]["content"]
        status = running.fails.get(question)
        return refusal(status, "no") if status else completion(f"{len(body['messages'])}: {question}")

    with serving(script) as running:
        running.fails = {}
        yield running


def endpoint(url):
    return EndpointSystem(kind="endpoint", base_url=url, model="m", concurrency=2)


def test_an_endpoint_is_shown_its_own_answers(dataset, out, server):
    work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    _, (three, _) = read(out)
    assert [turn.text for turn in three.turns[1::2]] == ["1: Tea or coffee?", "3: Why?", "5: And at night?"]
    last = next(body for body in server.asked if len(body["messages"]) == 5)
    assert [message["role"] for message in last["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert last["messages"][3]["content"] == "3: Why?"


def test_a_turn_that_fails_ends_its_dialogue_on_record(dataset, out, server):
    server.fails = {"Why?": 400}
    work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    responses, dialogues = read(out)
    assert [d.prompt_id for d in dialogues] == ["two"]
    assert [(r.prompt_id, r.finish) for r in responses] == [
        ("three", "error"),
        ("one", "eos"),
        ("two", "eos"),
    ]
    (line,) = jsonl.read(out / "errors.jsonl", Dropped)
    assert (line.id, line.rule) == ("three", "endpoint_error")
    assert line.detail.startswith("turn 2 of 3, sample 0: ")


def test_what_failed_for_the_time_being_is_asked_again_and_nothing_else(dataset, out, server, monkeypatch):
    monkeypatch.setattr("handful.models.endpoint.TRIES", 1)
    server.fails = {"Why?": 500}
    with pytest.raises(EndpointError, match=r"1 answers failed for the time being.*run again"):
        work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    assert not (out / "responses.jsonl").exists()
    server.fails = {}
    asked = len(server.asked)
    work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    assert [body["messages"][-1]["content"] for body in server.asked[asked:]] == ["Why?", "And at night?"]
    assert len(read(out)[1]) == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "dialogues.jsonl",
        "errors.jsonl",
        "responses.jsonl",
        "truncated.jsonl",
    ]


def test_what_fails_twice_is_recorded(dataset, out, server, monkeypatch):
    monkeypatch.setattr("handful.models.endpoint.TRIES", 1)
    server.fails = {"Name a colour.": 503}
    with pytest.raises(EndpointError, match="to one"):
        work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    counts = work(params(endpoint(server.base_url)), {"dataset": dataset}, out)
    assert counts["finish"] == {"eos": 2, "error": 1}
    assert counts["errors"] == {"endpoint_error": 1}
