"""The OpenAI adapter against a real server: what it sends, what it reads, and what it makes of each fault."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from contextlib import ExitStack
from email.utils import formatdate

import pytest
from chat_server import completion, cut, drip, drip_head, flood, hang, refusal, reset, serving

from handful.models.api import openai, wire
from handful.models.api.provider import Completion, Failure, Request, key_env, kind_of, retry_after, without
from handful.recipe.systems import EndpointSystem

SECRET = "sk-very-secret"
ASKED = Request("m", [{"role": "user", "content": "Hello?"}], {"max_tokens": 9, "temperature": 0.0})
SCHEMA = {"type": "object", "properties": {"choice": {"type": "string"}}, "additionalProperties": False}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def chat_to():
    """A connection to a server that answers as the script says, and the server."""
    with ExitStack() as stack:

        def open_one(script, seconds=5.0):
            server = stack.enter_context(serving(script))
            provider = openai.Chat(server.base_url, SECRET, seconds)
            stack.callback(provider.close)
            return provider, server

        yield open_one


def failure(provider, request=ASKED) -> Failure:
    with pytest.raises(Failure) as caught:
        provider.ask(request)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_text_finish_tokens_and_the_model_that_answered_are_read(chat_to):
    provider, _ = chat_to(lambda body, n: completion("Yes.", "length"))
    assert provider.ask(ASKED) == Completion("Yes.", "length", 5, 7, "m")


def test_the_request_is_what_was_asked_for_and_nothing_more(chat_to):
    provider, server = chat_to(lambda body, n: completion("Yes."))
    provider.ask(ASKED)
    assert server.asked == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Hello?"}],
            "max_tokens": 9,
            "temperature": 0.0,
        }
    ]
    assert server.keys == [f"Bearer {SECRET}"]


@pytest.mark.parametrize(
    ("rung", "sent"),
    [
        (
            "json_schema",
            {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA}},
        ),
        ("json_object", {"type": "json_object"}),
        ("text", None),
    ],
)
def test_a_schema_is_asked_for_as_the_rung_says(chat_to, rung, sent):
    provider, server = chat_to(lambda body, n: completion("{}"))
    provider.ask(Request("m", ASKED.messages, {}, SCHEMA, rung))
    assert server.asked[0].get("response_format") == sent


def test_a_model_that_knows_max_tokens_by_its_newer_name_is_asked_so_from_then_on(chat_to):
    told = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    provider, server = chat_to(
        lambda body, n: refusal(400, told) if "max_tokens" in body else completion("Yes.")
    )
    assert provider.ask(ASKED).text == provider.ask(ASKED).text == "Yes."
    assert [("max_tokens" in body, body.get("max_completion_tokens")) for body in server.asked] == [
        (True, None),
        (False, 9),
        (False, 9),
    ]


def test_the_models_own_refusal_is_what_it_said(chat_to):
    answer = json.loads(completion(None)[2])
    answer["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I would rather not."}
    provider, _ = chat_to(lambda body, n: (200, {}, json.dumps(answer).encode()))
    said = provider.ask(ASKED)
    assert (said.text, said.finish) == ("I would rather not.", "refusal")


def test_a_filter_that_takes_the_prompt_is_a_result(chat_to):
    provider, _ = chat_to(lambda body, n: refusal(400, "filtered", code="content_filter"))
    assert provider.ask(ASKED).finish == "content_filter"


def test_nothing_said_is_a_result(chat_to):
    provider, _ = chat_to(lambda body, n: completion(None))
    assert (provider.ask(ASKED).text, provider.ask(ASKED).finish) == ("", "stop")


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "1", "choi',
        b'{"id": "1", "choices": []}',
        b'{"choices": "none"}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"finish_reason": "stop"}]}',
        b"[1, 2]",
        b"<html>proxy</html>",
        b"\xff\xfe",
        b"",
    ],
    ids=[
        "cut",
        "no choices",
        "text for a list",
        "a number",
        "no message",
        "a list",
        "a page",
        "bytes",
        "empty",
    ],
)
def test_an_answer_of_another_shape_is_said_may_pass_and_may_cost(chat_to, body):
    provider, _ = chat_to(lambda asked, n: (200, {}, body))
    failed = failure(provider)
    assert (failed.kind, failed.status, failed.may_cost) == ("passing", 200, True)
    assert "the server's answer" in str(failed)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "refused"), (401, "fatal"), (404, "fatal"), (422, "refused"), (429, "passing"), (529, "passing")],
)
def test_an_error_of_the_server_costs_nothing(chat_to, status, kind):
    provider, _ = chat_to(lambda body, n: refusal(status, f"no, {SECRET}", retry_after="7"))
    failed = failure(provider)
    assert (failed.kind, failed.status, failed.retry_after, failed.may_cost) == (kind, status, 7.0, False)
    assert "no, ***" in str(failed)


@pytest.mark.parametrize("fault", [reset, cut(b'{"choices"', 500)], ids=["reset", "cut off"])
def test_a_connection_that_breaks_may_pass_and_may_cost(chat_to, fault):
    provider, _ = chat_to(lambda body, n: fault)
    failed = failure(provider)
    assert (failed.kind, failed.status, failed.may_cost) == ("passing", 0, True)


@pytest.mark.parametrize(
    "late",
    [lambda: hang(1.5), lambda: drip(0.05), lambda: drip_head(0.05)],
    ids=["silent", "a byte now and then", "a byte of its headers now and then"],
)
def test_a_server_that_stalls_is_left_in_time(chat_to, late):
    provider, _ = chat_to(lambda body, n: late(), seconds=0.3)
    start = time.monotonic()
    failed = failure(provider)
    assert time.monotonic() - start < 1.2
    assert (str(failed), failed.kind, failed.may_cost) == ("timed out", "passing", True)


def test_a_connection_that_was_kept_has_as_long_as_a_new_one(chat_to):
    """Each request counts its own time, and a later one is bounded as the first was."""
    provider, _ = chat_to(lambda body, n: completion("Yes.") if n < 3 else drip_head(0.05), seconds=0.4)
    for _ in range(2):
        time.sleep(0.25)
        assert provider.ask(ASKED).text == "Yes."
    start = time.monotonic()
    assert str(failure(provider)) == "timed out"
    assert time.monotonic() - start < 1.2


def test_a_body_of_ten_megabytes_is_an_error_in_words(chat_to):
    provider, _ = chat_to(lambda body, n: completion("x" * 10_000_000))
    failed = failure(provider)
    assert failed.kind == "refused"
    assert f"too large: {len(completion('x' * 10_000_000)[2]):,} bytes" in str(failed)
    assert failed.may_cost


def test_a_body_that_does_not_say_how_long_it_is_is_left_at_the_limit(chat_to):
    provider, _ = chat_to(lambda body, n: flood(64))
    assert re.search(r"too large: 4,\d{3},\d{3} bytes or more", str(failure(provider)))


def test_a_small_body_that_would_grow_a_thousand_times_is_not_unpacked(chat_to):
    packed = gzip.compress(b" " * 80_000_000, compresslevel=1)
    assert wire.LARGEST_ENCODED < len(packed) < wire.LARGEST_BODY
    provider, _ = chat_to(lambda body, n: (200, {"Content-Encoding": "gzip"}, packed))
    assert "too large" in str(failure(provider))


def test_a_small_packed_body_is_read(chat_to):
    provider, _ = chat_to(
        lambda body, n: (200, {"Content-Encoding": "gzip"}, gzip.compress(completion("Yes.")[2]))
    )
    assert provider.ask(ASKED).text == "Yes."


def test_nobody_there_costs_nothing():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        provider = openai.Chat(f"http://127.0.0.1:{unused.getsockname()[1]}/v1", "", 5)
        failed = failure(provider)
        provider.close()
    assert (failed.kind, failed.status, failed.sent, failed.may_cost) == ("passing", 0, False, False)
    assert "Connection refused" in str(failed)


def test_no_credit_is_fatal_though_its_status_is_429():
    assert kind_of(429, "insufficient_quota") == "fatal"
    assert kind_of(429, None) == "passing"


def test_retry_after_is_seconds_or_a_date():
    assert retry_after("2.5") == 2.5
    assert retry_after("-3") == 0.0
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after("soon") is retry_after("") is retry_after(None) is None


def test_each_protocol_has_a_place_for_its_key_unless_the_recipe_names_one():
    entry = {"kind": "endpoint", "base_url": "http://here", "model": "m"}
    assert key_env(EndpointSystem(**entry)) == "OPENAI_API_KEY"
    assert key_env(EndpointSystem(**entry, api="anthropic")) == "ANTHROPIC_API_KEY"
    assert key_env(EndpointSystem(**entry, api="google")) == "GEMINI_API_KEY"
    assert key_env(EndpointSystem(**entry, api="google", api_key_env="MINE")) == "MINE"


def test_a_placeholder_is_no_key_to_hide():
    assert without("none", "nonesuch") == "nonesuch"
    assert without("", "text") == "text"
