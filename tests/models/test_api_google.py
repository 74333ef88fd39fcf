"""Google's protocol, spoken by its own SDK to a real server on this machine."""

from __future__ import annotations

import json
import time

import pytest
from provider_server import candidate, google_error, serving

from handful.models.api.google import connect
from handful.models.api.provider import Failure, Request
from handful.recipe.systems import EndpointSystem

KEY = "AIza-secret"
ASKED = [{"role": "user", "content": "Hm?"}]
SAMPLING = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 99, "seed": 2**31 + 3, "stop": ["END"]}


@pytest.fixture(scope="module")
def running():
    with serving(lambda asked, number: running.answer()) as running:
        yield running


@pytest.fixture
def server(running):
    running.answer = candidate
    running.asked.clear()
    return running


def system(url, seconds=5.0):
    return EndpointSystem(kind="endpoint", api="google", base_url=url, model="m", timeout_seconds=seconds)


@pytest.fixture(scope="module")
def ask(running):
    provider = connect(system(running.base_url), KEY)
    yield lambda messages=ASKED, **more: provider.ask(
        Request("gemini-x", messages, more.pop("sampling", SAMPLING), **more)
    )
    provider.close()


def test_settings_and_turns_are_sent_in_the_protocols_words(server, ask):
    ask([*ASKED, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "So?"}])
    (asked,) = server.asked
    assert asked.path.endswith("/models/gemini-x:generateContent")
    assert asked.headers["x-goog-api-key"] == KEY
    assert [(turn["role"], turn["parts"]) for turn in asked.body["contents"]] == [
        ("user", [{"text": "Hm?"}]),
        ("model", [{"text": "Yes."}]),
        ("user", [{"text": "So?"}]),
    ]
    assert asked.body["generationConfig"] == {
        "temperature": 0.7,
        "topP": 0.9,
        "maxOutputTokens": 99,
        "stopSequences": ["END"],
        "seed": 3,
    }
    assert "systemInstruction" not in asked.body


def test_an_answer_is_its_text_without_thoughts_which_are_paid_for(server, ask):
    completion = ask()
    assert (completion.text, completion.finish) == ("Hello.", "stop")
    assert (completion.input_tokens, completion.output_tokens) == (5, 10)
    assert completion.model == "gemini-x-001"


def test_a_system_message_has_a_field_of_its_own(server, ask):
    ask([{"role": "system", "content": "Be brief."}, *ASKED], sampling={})
    assert server.asked[0].body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert len(server.asked[0].body["contents"]) == 1


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "other"),
    ],
)
def test_why_it_stopped_is_told_in_our_words(server, ask, reason, finish):
    server.answer = lambda: candidate("So far", reason)
    assert (ask().finish, ask().text) == (finish, "So far")


def test_an_answer_that_might_go_on_is_one_request(server, ask):
    """The SDK would follow the token, and pay, for as long as the server gives another."""
    server.answer = lambda: candidate("So far", "CONTINUATION", continuationToken="YQ==")
    assert (ask().finish, ask().text) == ("length", "So far")
    assert len(server.asked) == 2


def test_a_prompt_that_a_filter_takes_is_a_result(server, ask):
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}}
    server.answer = lambda: (200, {}, json.dumps(body).encode())
    assert (ask().finish, ask().text, ask().input_tokens) == ("content_filter", "", 5)


def test_an_answer_that_ends_without_text_is_empty(server, ask):
    server.answer = lambda: candidate(None, "MAX_TOKENS")
    assert (ask().finish, ask().text) == ("length", "")


def test_a_schema_is_held_to_by_the_server(server, ask):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    ask(schema=schema, rung="json_schema", sampling={})
    ask(schema=schema, rung="json_object", sampling={})
    assert [asked.body["generationConfig"] for asked in server.asked] == [
        {"responseMimeType": "application/json", "responseJsonSchema": schema},
        {"responseMimeType": "application/json"},
    ]


BAD_KEY = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
WAIT = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]


@pytest.mark.parametrize(
    ("status", "word", "details", "means", "wait"),
    [
        (400, "INVALID_ARGUMENT", BAD_KEY, "fatal", None),
        (403, "PERMISSION_DENIED", [], "fatal", None),
        (404, "NOT_FOUND", [], "fatal", None),
        (400, "INVALID_ARGUMENT", [], "refused", None),
        (429, "RESOURCE_EXHAUSTED", WAIT, "passing", 34.5),
        (429, "RESOURCE_EXHAUSTED", [], "passing", None),
        (500, "INTERNAL", [], "passing", None),
        (503, "UNAVAILABLE", [], "passing", None),
    ],
)
def test_an_error_says_what_the_next_request_would_meet(server, ask, status, word, details, means, wait):
    server.answer = lambda: google_error(status, word, f"it says so ({KEY})", details)
    with pytest.raises(Failure, match="it says so") as caught:
        ask()
    assert (caught.value.kind, caught.value.status, caught.value.retry_after) == (means, status, wait)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1, "the SDK does not try again"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"candidates": 3}'])
def test_an_answer_that_cannot_be_read_may_be_another_next_time(server, ask, body):
    server.answer = lambda: (200, {}, body)
    with pytest.raises(Failure, match=r"cannot be read|no candidates") as caught:
        ask()
    assert (caught.value.kind, caught.value.may_cost) == ("passing", True)


def test_a_web_page_in_place_of_an_error_is_one_line(server, ask):
    server.answer = lambda: (502, {}, b"<html>\n<body>Bad\nGateway</body></html>")
    with pytest.raises(Failure) as caught:
        ask()
    assert (caught.value.kind, "\n" in str(caught.value)) == ("passing", False)


def test_a_server_that_hangs_and_one_that_is_not_there(server):
    server.answer = lambda: time.sleep(1) or candidate()
    with pytest.raises(Failure, match="timed out") as caught:
        connect(system(server.base_url, seconds=0.2), KEY).ask(Request("m", ASKED))
    assert (caught.value.kind, caught.value.may_cost) == ("passing", True)
    with pytest.raises(Failure) as caught:
        connect(system("http://127.0.0.1:9"), KEY).ask(Request("m", ASKED))
    assert (caught.value.kind, caught.value.may_cost) == ("passing", False)


def test_an_answer_of_ten_megabytes_is_not_read(server, ask):
    server.answer = lambda: candidate("x" * 10_000_000)
    with pytest.raises(Failure, match="too large"):
        ask()


@pytest.mark.parametrize(("ending", "path"), [("/v1beta", "/v1beta/"), ("/v1/", "/v1/"), ("", "/v1")])
def test_the_address_may_name_the_version(server, ending, path):
    connect(system(server.base_url + ending), KEY).ask(Request("m", ASKED))
    assert server.asked[0].path.startswith(path)


def test_the_environment_names_neither_key_nor_service(server, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    connect(system(server.base_url), "").ask(Request("m", ASKED))
    assert server.asked[0].headers["x-goog-api-key"] != "another"
