"""`chat` against a real server on this machine that refuses, stalls, breaks and recovers."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from email.utils import formatdate

import pytest
from chat_server import completion, hang, refusal, serving

from handful.core.errors import EndpointError
from handful.models import endpoint
from handful.models.endpoint import chat, retry_after
from handful.recipe.judging import EndpointJudge
from handful.recipe.systems import EndpointSystem

SECRET = "sk-very-secret"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("TEST_KEY", SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def chat_server():
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(serving(script))


def server_at(base_url: str, **changes) -> EndpointJudge:
    known = {
        "kind": "endpoint",
        "model": "m",
        "api_key_env": "TEST_KEY",
        "concurrency": 4,
        "timeout_seconds": 5,
    }
    return EndpointJudge(base_url=base_url, **{**known, **changes})


def questions(count: int):
    return [(n, [{"role": "user", "content": f"question {n}"}]) for n in range(count)]


def echo(body, number):
    return completion(body["messages"][-1]["content"].upper())


def ask(server, count=1, **changes):
    return sorted(chat(server_at(server.base_url, **changes), questions(count)), key=lambda r: r.index)


def test_every_dialogue_gets_its_own_reply(chat_server):
    server = chat_server(echo)
    replies = ask(server, 40)
    assert [(r.index, r.text) for r in replies] == [(n, f"QUESTION {n}") for n in range(40)]
    assert {(r.finish, r.tokens, r.error) for r in replies} == {("stop", 7, "")}
    assert len(server.asked) == 40


def test_sampling_model_and_key_reach_the_server(chat_server):
    server = chat_server(echo)
    list(chat(server_at(server.base_url), questions(1), temperature=0.7, top_p=0.9, max_tokens=33))
    asked = server.asked[0]
    assert (asked["model"], asked["temperature"], asked["top_p"], asked["max_tokens"]) == ("m", 0.7, 0.9, 33)
    assert server.keys == [f"Bearer {SECRET}"]


def test_a_server_without_keys_needs_none(chat_server, monkeypatch):
    monkeypatch.delenv("TEST_KEY")
    server = chat_server(echo)
    assert ask(server)[0].text == "QUESTION 0"
    assert server.keys == ["Bearer none"]


def test_a_system_and_a_judge_are_asked_alike(chat_server):
    server = chat_server(echo)
    system = EndpointSystem(kind="endpoint", base_url=server.base_url, model="m")
    assert [r.text for r in chat(system, questions(1))] == ["QUESTION 0"]


def test_no_more_are_asked_at_a_time_than_agreed(chat_server):
    def slow(body, number):
        time.sleep(0.02)
        return echo(body, number)

    server = chat_server(slow)
    ask(server, 24, concurrency=3)
    assert server.busiest == 3


def test_retry_after_is_honoured(chat_server, monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 60.0)  # its own wait would outlast the test
    server = chat_server(
        lambda body, n: refusal(429, "slow down", retry_after="0.3") if n == 1 else echo(body, n)
    )
    start = time.monotonic()
    assert ask(server, concurrency=1)[0].text == "QUESTION 0"
    assert 0.3 <= time.monotonic() - start < 3


@pytest.mark.parametrize(
    "broken",
    [
        refusal(500, "oops"),
        refusal(503, "overloaded"),
        refusal(429, "slow down"),
        (200, {}, b'{"id": "1", "choi'),
        (200, {}, b'{"id": "1", "choices": []}'),
        (200, {"Content-Type": "text/html"}, b"<html>proxy</html>"),
    ],
    ids=["500", "503", "429", "cut JSON", "no choices", "a page"],
)
def test_what_may_pass_is_tried_again(chat_server, broken):
    server = chat_server(lambda body, n: broken if n <= 2 else echo(body, n))
    assert ask(server, concurrency=1)[0].text == "QUESTION 0"
    assert len(server.asked) == 3


def test_what_never_passes_is_recorded_and_the_others_go_on(chat_server, monkeypatch):
    monkeypatch.setattr(endpoint, "TRIES", 3)

    def script(body, number):
        return refusal(500, "cursed") if "question 2" in str(body) else echo(body, number)

    server = chat_server(script)
    replies = ask(server, 5)
    assert [r.text for r in replies if not r.error] == [
        "QUESTION 0",
        "QUESTION 1",
        "QUESTION 3",
        "QUESTION 4",
    ]
    assert "cursed" in replies[2].error
    assert (replies[2].text, len(server.asked)) == ("", 4 + 3)


def test_a_request_that_the_server_finds_wrong_is_not_repeated(chat_server):
    server = chat_server(lambda body, n: refusal(400, "maximum context length is 4096 tokens"))
    assert "maximum context length" in ask(server)[0].error
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_left_and_asked_again(chat_server):
    server = chat_server(lambda body, n: hang(1.0) if n == 1 else echo(body, n))
    assert ask(server, timeout_seconds=0.2)[0].text == "QUESTION 0"


def test_a_filtered_reply_is_an_error_and_no_text(chat_server):
    server = chat_server(lambda body, n: completion("half an ans", "content_filter"))
    reply = ask(server)[0]
    assert (reply.text, reply.finish) == ("", "content_filter")
    assert "filter" in reply.error


def test_a_refused_key_stops_everything_and_says_where_the_key_is_read(chat_server):
    server = chat_server(lambda body, n: refusal(401, f"Incorrect API key provided: {SECRET}"))
    with pytest.raises(EndpointError, match="TEST_KEY, which is set") as caught:
        ask(server, 100)
    assert SECRET not in str(caught.value)
    assert len(server.asked) <= 4


def test_an_unknown_model_stops_everything_and_names_it(chat_server):
    server = chat_server(lambda body, n: refusal(404, "no such model"))
    with pytest.raises(EndpointError, match="no model 'm' there"):
        ask(server, 100)


def test_no_credit_is_not_waited_for(chat_server):
    server = chat_server(lambda body, n: refusal(429, "You exceeded your quota", code="insufficient_quota"))
    with pytest.raises(EndpointError, match="exceeded your quota"):
        ask(server, 100)
    assert len(server.asked) <= 4


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_nobody_there_is_said_soon_and_not_recorded_and_meanwhile_that_it_is_tried(monkeypatch, capsys):
    monkeypatch.setattr(endpoint, "NOBODY_SECONDS", 0.4)
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 60.0)  # its own waits would outlast the test
    address = f"http://127.0.0.1:{free_port()}/v1"
    start = time.monotonic()
    with pytest.raises(EndpointError, match=r"nobody answers.*is the server running"):
        list(chat(server_at(address), questions(50)))
    assert 0.4 <= time.monotonic() - start < 3
    told = f"  {address}: nobody takes the connection; trying for 0.4 seconds\n"
    assert capsys.readouterr().err.count(told) == 1


def test_a_server_that_starts_meanwhile_is_waited_for():
    port, asked = free_port(), []

    def start_late():
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", port)) as listening:
            connection, _ = listening.accept()
            with connection:
                asked.append(connection.recv(65536))
                _, _, body = completion("There.")
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
                connection.sendall(head + body)

    thread = threading.Thread(target=start_late, daemon=True)
    thread.start()
    [reply] = chat(server_at(f"http://127.0.0.1:{port}/v1"), questions(1))
    thread.join(5)
    assert (reply.text, reply.error) == ("There.", "")


def test_an_outage_stops_the_run_rather_than_fill_it_with_failures(chat_server, monkeypatch):
    monkeypatch.setattr(endpoint, "TRIES", 2)
    server = chat_server(lambda body, n: echo(body, n) if n <= 5 else refusal(500, "down"))
    replies = []
    with pytest.raises(EndpointError, match=r"10 dialogues in a row failed.*down.*run again"):
        replies.extend(chat(server_at(server.base_url), questions(200)))
    assert len([r for r in replies if not r.error]) == 5
    assert len(server.asked) < 50


def test_prompts_that_a_filter_refuses_do_not_stop_the_run(chat_server):
    server = chat_server(lambda body, n: completion(None, "content_filter"))
    assert len(ask(server, 30)) == 30


def test_a_setting_that_every_dialogue_breaks_stops_the_run(chat_server):
    server = chat_server(lambda body, n: refusal(400, "Unsupported parameter: 'max_tokens'"))
    with pytest.raises(EndpointError, match="Unsupported parameter"):
        ask(server, 100)


def test_one_more_question_is_put_where_a_reply_will_not_do(chat_server):
    def follow_up(messages, reply):
        if reply.text.endswith("1"):
            return [
                *messages,
                {"role": "assistant", "content": reply.text},
                {"role": "user", "content": "sure?"},
            ]
        return None

    server = chat_server(echo)
    replies = sorted(chat(server_at(server.base_url), questions(3), follow_up), key=lambda r: r.index)
    assert [r.text for r in replies] == ["QUESTION 0", "SURE?", "QUESTION 2"]
    assert len(server.asked) == 4


def test_a_reader_that_stops_early_stops_the_asking(chat_server):
    server = chat_server(echo)
    for _ in chat(server_at(server.base_url, concurrency=2), questions(1000)):
        break
    time.sleep(0.1)
    seen = len(server.asked)
    time.sleep(0.2)
    assert len(server.asked) == seen < 1000


def test_a_storm_of_refusals_loses_nothing(chat_server):
    """Each question fails twice, with two of 429, 500 and a broken body; all 120 replies come."""
    broken = [refusal(429, "slow", retry_after="0.01"), refusal(500, "oops"), (200, {}, b"{")]
    tries = Counter()

    def script(body, number):
        question = body["messages"][0]["content"]
        tries[question] += 1
        return broken[number % 3] if tries[question] <= 2 else echo(body, number)

    replies = ask(chat_server(script), 120, concurrency=16)
    assert [(r.index, r.text) for r in replies] == [(n, f"QUESTION {n}") for n in range(120)]
    assert set(tries.values()) == {3}


def test_retry_after_is_seconds_or_a_date():
    assert retry_after("2.5") == 2.5
    assert retry_after("-3") == 0.0
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after("soon") is None
    assert retry_after("") is None


@pytest.mark.parametrize("key", ["sk-1234\n", "sk 1234", "schlüssel"])
def test_what_can_be_no_key_is_told_before_anything_is_sent(chat_server, monkeypatch, key):
    server = chat_server(echo)
    monkeypatch.setenv("TEST_KEY", key)
    with pytest.raises(EndpointError, match="TEST_KEY: holds what no key does") as caught:
        ask(server)
    assert key.strip() not in str(caught.value)
    assert server.asked == []
