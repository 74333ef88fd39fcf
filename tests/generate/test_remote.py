"""Endpoints, asked over a real socket."""

from __future__ import annotations

import time

import pytest
from chat_server import completion, hang, refusal, serving

from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.types import Dropped, Response
from handful.generate.work import work
from handful.recipe.evaluation import EndpointSystem, Generate


@pytest.fixture
def server():
    """Echoes the question, but answers the first requests as `server.first` says."""

    def script(body, number):
        question = body["messages"][-1]["content"]
        if number <= len(running.first):
            return running.first[number - 1]()
        if "brick" in question and running.refuses_bricks:
            return refusal(400, "refused")
        return completion(f" You asked: {question}\n")

    with serving(script) as running:
        running.first, running.refuses_bricks = [], False
        yield running


def settings(url, **more):
    system = EndpointSystem(
        kind="endpoint", base_url=url, model="m", api_key_env="HANDFUL_TEST_KEY", concurrency=2, **more
    )
    return Generate(systems={"api": system}, max_tokens=99)


def responses(out):
    return list(jsonl.read(out / "responses.jsonl", Response))


def test_an_endpoint_is_asked_with_the_settings_of_the_recipe(server, dataset, out, monkeypatch):
    monkeypatch.setenv("HANDFUL_TEST_KEY", "sk-secret")
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    found = responses(out)
    assert [r.prompt_id for r in found] == ["p0", "p1", "p2", "p3", "p4"]
    assert found[2].text == "You asked: Name three uses of a brick."
    assert {(r.finish, r.tokens) for r in found} == {("eos", 7)}
    assert "repetition_penalty" in counts["not_applied"]
    request = server.asked[0]
    assert {k: request[k] for k in ("model", "temperature", "top_p", "max_tokens")} == {
        "model": "m",
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 99,
    }
    assert set(server.keys) == {"Bearer sk-secret"}
    assert all(b"sk-secret" not in path.read_bytes() for path in out.iterdir())


def test_refusals_that_pass_are_waited_out(server, dataset, out):
    server.first = [
        lambda: refusal(429, "slow down", Retry_After="1"),
        lambda: refusal(500, "oh"),
        lambda: refusal(503, "oh"),
    ]
    start = time.monotonic()
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    assert counts["finish"] == {"eos": 5}
    assert len(server.asked) == 8
    assert time.monotonic() - start >= 1, "Retry-After is honoured"


def test_a_server_that_hangs_is_asked_again(server, dataset, out):
    server.first = [lambda: hang(1.5)]
    counts = work(settings(server.base_url, timeout_seconds=0.3), {"dataset": dataset}, out)
    assert counts["finish"] == {"eos": 5}
    assert len(server.asked) == 6


def test_a_prompt_that_is_refused_for_good_is_recorded(server, dataset, out):
    server.refuses_bricks = True
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    assert counts["finish"] == {"eos": 4, "error": 1}
    assert [(r.prompt_id, r.text) for r in responses(out) if r.finish == "error"] == [("p2", "")]
    (line,) = jsonl.read(out / "errors.jsonl", Dropped)
    assert (line.id, line.rule) == ("p2", "endpoint_error")
    assert "refused" in line.detail


def test_an_interrupted_run_pays_for_nothing_twice(server, dataset, out):
    made = [
        Response("p0", "api", "kept", 0, finish="eos", tokens=1),
        Response("p1", "api", "", 0, finish="error", tokens=0),
    ]
    jsonl.write(out / "responses.partial.jsonl", made)
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    assert len(server.asked) == 4, "p1 had failed, and is asked once more"
    assert responses(out)[0].text == "kept"
    assert counts["finish"] == {"eos": 5}


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_model_stops_at_once_and_keeps_what_there_is(server, dataset, out, status):
    server.first = [lambda: refusal(status, "no")] * 20
    with pytest.raises(EndpointError, match=server.base_url):
        work(settings(server.base_url), {"dataset": dataset}, out)
    assert len(server.asked) <= 2
    assert not (out / "responses.jsonl").exists()
