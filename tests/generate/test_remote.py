"""Endpoints, asked over a real socket."""

from __future__ import annotations

import time

import provider_server
import pytest
from chat_server import completion, hang, refusal, serving
from provider_server import candidate, message

from handful.core import jsonl
from handful.core.errors import EndpointError
from handful.core.types import Dropped, Response
from handful.generate.work import work
from handful.recipe.systems import EndpointSystem, Generate


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
    assert counts["models"] == ["m"], "as the server names it"
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
    (out / "models.partial.json").write_text('["m-of-yesterday"]')
    told = [
        Dropped("p0", "empty_response", "sample 0: length"),
        Dropped("p1", "endpoint_error", "sample 0: 500"),
    ]
    jsonl.write(out / "errors.partial.jsonl", told)
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    assert counts["models"] == ["m", "m-of-yesterday"]
    assert list(jsonl.read(out / "errors.jsonl", Dropped)) == told[:1], "what was asked again went well"
    assert sorted(path.name for path in out.iterdir()) == [
        "errors.jsonl",
        "responses.jsonl",
        "truncated.jsonl",
    ]
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


def answered_by(api, script, dataset, out, monkeypatch, **more):
    """(counts, responses, rules in errors.jsonl, what was asked) of a system behind a maker's own protocol."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-secret")
    with provider_server.serving(script) as running:
        system = EndpointSystem(kind="endpoint", api=api, base_url=running.base_url, model="m", **more)
        params = Generate(systems={"api": system}, max_tokens=99, samples=2, seed=1)
        counts = work(params, {"dataset": dataset}, out)
    assert all(b"-secret" not in path.read_bytes() for path in out.iterdir())
    rules = [line.rule for line in jsonl.read(out / "errors.jsonl", Dropped)]
    return counts, responses(out), rules, running.asked


def test_anthropics_protocol_is_spoken_with_the_key_of_its_own(dataset, out, monkeypatch):
    def script(asked, number):
        question = asked.body["messages"][-1]["content"]
        if "brick" in question:
            return message(None, "refusal")
        return (
            message("I cannot help.", "refusal")
            if "sky" in question
            else message(f" {question} ", "max_tokens")
        )

    counts, found, rules, asked = answered_by("anthropic", script, dataset, out, monkeypatch)
    assert [(r.prompt_id, r.finish, r.text) for r in found[::2]][1:3] == [
        ("p1", "stop", "I cannot help."),
        ("p2", "stop", ""),
    ]
    assert found[0].finish == "length"
    assert rules == ["refusal", "refusal"], "the two samples without a word; what has words is an answer"
    assert len(asked) == 10
    assert {"temperature", "top_p", "seed"} <= set(counts["not_applied"])
    assert any("sk-ant-secret" in value for value in asked[0].headers.values())


def test_googles_protocol_is_spoken_and_a_filter_is_a_result(dataset, out, monkeypatch):
    def script(asked, number):
        text = asked.body["contents"][-1]["parts"][0]["text"]
        return candidate(None, "SAFETY") if "brick" in text else candidate(text)

    counts, found, rules, asked = answered_by("google", script, dataset, out, monkeypatch)
    assert counts["finish"] == {"eos": 8, "stop": 2}
    assert [r.text for r in found if r.prompt_id == "p2"] == ["", ""]
    assert rules == ["content_filter", "content_filter"]
    assert "temperature" not in counts["not_applied"]
    assert {one.headers["x-goog-api-key"] for one in asked} == {"AIza-secret"}
    settings = [one.body["generationConfig"] for one in asked]
    assert {one["temperature"] for one in settings} == {0.7}
    assert len({one["seed"] for one in settings}) == 10, "each sample of each prompt is a request of its own"


def test_an_empty_answer_is_an_answer_and_counted(server, dataset, out):
    server.first = [lambda: completion("", finish="length")]
    counts = work(settings(server.base_url), {"dataset": dataset}, out)
    assert counts["finish"] == {"eos": 4, "length": 1}
    assert counts["errors"] == {"empty_response": 1}


def test_seeds_are_sent_and_differ_by_prompt(server, dataset, out):
    work(settings(server.base_url), {"dataset": dataset}, out)
    seeds = [request["seed"] for request in server.asked]
    assert len(set(seeds)) == 5
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(("api", "name"), [("anthropic", "ANTHROPIC_API_KEY"), ("google", "GEMINI_API_KEY")])
def test_a_refused_key_names_its_variable(dataset, out, monkeypatch, api, name):
    monkeypatch.delenv(name, raising=False)
    refuse = {
        "anthropic": provider_server.anthropic_error(401, "authentication_error", "no key"),
        "google": provider_server.google_error(403, "PERMISSION_DENIED", "no key"),
    }[api]
    with provider_server.serving(lambda asked, number: refuse) as running:
        system = EndpointSystem(kind="endpoint", api=api, base_url=running.base_url, model="m")
        with pytest.raises(EndpointError, match=f"{name}, which is not set"):
            work(Generate(systems={"api": system}), {"dataset": dataset}, out)
