"""Anthropic's protocol, spoken by its own SDK to a real server on this machine."""

from __future__ import annotations

import time

import pytest
from provider_server import anthropic_error, message, serving

from handful.models.api.anthropic import connect
from handful.models.api.provider import Failure, Request
from handful.recipe.systems import EndpointSystem

KEY = "sk-ant-secret"
ASKED = [{"role": "user", "content": "Hm?"}]
SAMPLING = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 99, "seed": 3, "stop": "END"}


@pytest.fixture(scope="module")
def running():
    with serving(lambda asked, number: running.answer()) as running:
        yield running


@pytest.fixture
def server(running):
    running.answer = message
    running.asked.clear()
    return running


def system(url, seconds=5.0):
    return EndpointSystem(kind="endpoint", api="anthropic", base_url=url, model="m", timeout_seconds=seconds)


@pytest.fixture(scope="module")
def ask(running):
    provider = connect(system(running.base_url), KEY)
    yield lambda messages=ASKED, **more: provider.ask(
        Request("claude-x", messages, more.pop("sampling", SAMPLING), **more)
    )
    provider.close()


def test_what_the_protocol_lacks_is_left_out_and_the_rest_is_sent(server, ask):
    dialogue = [*ASKED, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "So?"}]
    ask(dialogue)
    (asked,) = server.asked
    assert asked.body == {
        "model": "claude-x",
        "messages": dialogue,
        "max_tokens": 99,
        "stop_sequences": ["END"],
    }
    assert KEY in (asked.headers.get("authorization", "") + asked.headers.get("x-api-key", ""))


def test_an_answer_is_its_text_without_thoughts_and_all_that_was_read_is_counted(server, ask):
    completion = ask()
    assert (completion.text, completion.finish) == ("Hello.", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (11, 7)
    assert completion.model == "claude-x-20260101"


def test_a_system_message_has_a_field_of_its_own(server, ask):
    ask([{"role": "system", "content": "Be brief."}, *ASKED], sampling={})
    assert server.asked[0].body["system"] == "Be brief."
    assert server.asked[0].body["messages"] == ASKED
    assert server.asked[0].body["max_tokens"] > 0, "the protocol demands it"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "refusal"),
    ],
)
def test_why_it_stopped_is_told_in_our_words(server, ask, reason, finish):
    server.answer = lambda: message("So far", reason)
    assert (ask().finish, ask().text) == (finish, "So far")


def test_a_refusal_without_words_is_a_result(server, ask):
    server.answer = lambda: message(None, "refusal", stop_details={"type": "refusal", "category": "bio"})
    assert (ask().finish, ask().text) == ("refusal", "")


def test_a_schema_is_held_to_by_the_server_and_no_json_mode_is_there(server, ask):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    ask(schema=schema, rung="json_schema")
    assert server.asked[0].body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    with pytest.raises(Failure, match="no JSON mode") as caught:
        ask(schema=schema, rung="json_object")
    assert caught.value.kind == "refused"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind", "text", "means"),
    [
        (401, "authentication_error", "invalid x-api-key", "fatal"),
        (403, "permission_error", "no", "fatal"),
        (404, "not_found_error", "model: claude-x", "fatal"),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", "fatal"),
        (402, "billing_error", "no", "fatal"),
        (400, "invalid_request_error", "prompt is too long: 300000 tokens", "refused"),
        (413, "request_too_large", "no", "refused"),
        (429, "rate_limit_error", "slow down", "passing"),
        (500, "api_error", "oh", "passing"),
        (529, "overloaded_error", "Overloaded", "passing"),
    ],
)
def test_an_error_says_what_the_next_request_would_meet(server, ask, status, kind, text, means):
    server.answer = lambda: anthropic_error(status, kind, f"{text} ({KEY})", Retry_After="7")
    with pytest.raises(Failure) as caught:
        ask()
    assert (caught.value.kind, caught.value.status, caught.value.retry_after) == (means, status, 7)
    assert text in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1, "the SDK does not try again"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type": "message"}', b'{"content": [{"text": "x"}]}'])
def test_an_answer_that_cannot_be_read_may_be_another_next_time(server, ask, body):
    server.answer = lambda: (200, {}, body)
    with pytest.raises(Failure, match="cannot be read") as caught:
        ask()
    assert (caught.value.kind, caught.value.may_cost) == ("passing", True)


def test_a_server_that_hangs_and_one_that_is_not_there(server):
    server.answer = lambda: time.sleep(1) or message()
    with pytest.raises(Failure, match="timed out") as caught:
        connect(system(server.base_url, seconds=0.2), KEY).ask(Request("m", ASKED))
    assert (caught.value.kind, caught.value.may_cost) == ("passing", True)
    with pytest.raises(Failure) as caught:
        connect(system("http://127.0.0.1:9"), KEY).ask(Request("m", ASKED))
    assert (caught.value.kind, caught.value.may_cost) == ("passing", False)


def test_an_answer_of_ten_megabytes_is_not_read(server, ask):
    server.answer = lambda: message("x" * 10_000_000)
    with pytest.raises(Failure, match="too large"):
        ask()


def test_the_environment_names_neither_key_nor_address(server, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-another")
    connect(system(server.base_url + "/v1"), "").ask(Request("m", ASKED))
    assert "sk-another" not in str(server.asked[0].headers)
