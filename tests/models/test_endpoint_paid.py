"""What `chat` sends at all: nothing twice, nothing past the budget, and nothing unknown after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from chat_server import completion, cut, refusal, reset, serving

from handful.core.errors import BudgetReached, EndpointError, RecipeError
from handful.models import endpoint
from handful.models.endpoint import Question, chat
from handful.recipe.judging import EndpointJudge
from handful.run.spending import Limits, account_of, limited

SECRET = "sk-very-secret"
PRICES = {"input_price": 1e6, "output_price": 1e6}
"""A dollar a token. The server counts 5 read and 7 written: 12 dollars a reply."""
SCHEMA = {"type": "object", "properties": {"choice": {"enum": ["A", "B"]}}, "required": ["choice"]}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("TEST_KEY", SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def chat_server():
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(serving(script))


def at(server, **changes) -> EndpointJudge:
    given = {"model": "m", "api_key_env": "TEST_KEY", "concurrency": 4, "timeout_seconds": 5, **changes}
    return EndpointJudge(kind="endpoint", base_url=server.base_url, **given)


def questions(count):
    return [(n, [{"role": "user", "content": f"question {n}"}]) for n in range(count)]


def echo(body, number):
    return completion(body["messages"][-1]["content"].upper())


def told(server):
    """How often each question was put to the server."""
    return Counter(body["messages"][-1]["content"] for body in server.asked)


def test_a_request_that_was_answered_is_not_sent_again_and_its_reply_says_so(chat_server):
    server = chat_server(echo)
    first = sorted(chat(at(server), questions(20), max_tokens=9), key=lambda r: r.index)
    again = sorted(chat(at(server), questions(20), max_tokens=9), key=lambda r: r.index)
    assert [r.text for r in first] == [r.text for r in again]
    assert {r.cached for r in first} == {False}
    assert {r.cached for r in again} == {True}
    assert len(server.asked) == 20


def test_another_setting_is_another_request(chat_server):
    server = chat_server(echo)
    list(chat(at(server), questions(1), temperature=0.0))
    list(chat(at(server), questions(1), temperature=0.5))
    assert len(server.asked) == 2


def test_each_sample_of_a_dialogue_is_a_request_of_its_own_with_its_own_seed(chat_server):
    server = chat_server(echo)
    messages = questions(1)[0][1]
    samples = [Question(n, messages, sample=n, sampling={"seed": n}) for n in range(3)]
    list(chat(at(server), samples))
    list(chat(at(server), samples))
    assert sorted(body["seed"] for body in server.asked) == [0, 1, 2]


def test_failures_and_what_a_filter_took_are_asked_again(chat_server, monkeypatch):
    monkeypatch.setattr(endpoint, "TRIES", 1)
    bad = [refusal(500, "oops"), completion(None, "content_filter"), refusal(400, "too long")]
    for answer in bad:
        server = chat_server(lambda body, n, answer=answer: answer if n == 1 else echo(body, n))
        assert [r.error != "" for _ in range(2) for r in chat(at(server), questions(1))] == [True, False]


def test_the_key_is_in_no_file(chat_server, tmp_path):
    server = chat_server(lambda body, n: refusal(500, f"bad {SECRET}") if n == 1 else echo(body, n))
    with account_of(tmp_path, ()):
        list(chat(at(server), questions(3), max_tokens=9))
    files = [
        p for p in [*tmp_path.rglob("*"), *Path(os.environ["HANDFUL_REPLIES"]).rglob("*")] if p.is_file()
    ]
    assert len(files) == 2
    assert not [p for p in files if SECRET in p.read_text()]


def test_a_password_in_the_address_is_in_no_message_and_no_ledger(chat_server, tmp_path):
    server = chat_server(lambda body, n: refusal(404, "no such model"))
    server.base_url = server.base_url.replace("http://", f"http://me:{SECRET}@")
    with account_of(tmp_path, ()), pytest.raises(EndpointError) as caught:
        list(chat(at(server), questions(3), max_tokens=9))
    assert SECRET not in str(caught.value) + (tmp_path / "ledger.jsonl").read_text()


def test_the_budget_holds_says_what_is_left_and_more_money_goes_on(chat_server, tmp_path):
    """A reply costs 12 dollars and may cost 10 + 11 + 16 + 256 + 9."""
    server, replies = chat_server(echo), []

    def ask(limit):
        with limited(Limits(usd=limit)), account_of(tmp_path, {"judge-m"}) as account:
            account.step = "judge-m"
            for reply in chat(at(server, **PRICES), questions(60), max_tokens=9):
                replies.append(reply)
            return account.spent

    with pytest.raises(
        BudgetReached, match=r"--max-usd 500 is reached .*: \d+ requests.* questions to m are left"
    ) as caught:
        ask(500)
    paid = len(server.asked)
    assert 10 < paid < 500 / 12
    assert len(replies) == paid
    assert f"{60 - paid} questions to m are left" in str(caught.value)
    with pytest.raises(BudgetReached):
        ask(500)
    assert len(server.asked) == paid
    assert ask(2000) == 60 * 12
    assert set(told(server).values()) == {1}


def test_what_may_have_been_paid_for_in_vain_counts_in_full(chat_server, tmp_path):
    server = chat_server(lambda body, n: [cut(b"{", 50), reset, refusal(500, "x"), echo(body, n)][n - 1])
    with account_of(tmp_path, ()) as account:
        list(chat(at(server, **PRICES), questions(1), max_tokens=9))
        worst = len("question 0") + 16 + 256 + 9
        assert account.spent == 2 * worst + 0 + 12
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines if "outcome" in line] == ["lost", "lost", "refused", "answered"]
    assert {line["price"] for line in lines if "price" in line} == {"recipe"}


def test_a_server_that_does_not_count_is_paid_the_worst_case(chat_server, tmp_path):
    server = chat_server(lambda body, n: completion("Yes.", usage=None))
    with account_of(tmp_path, ()) as account:
        list(chat(at(server, **PRICES), questions(1), max_tokens=9))
        assert account.spent == len("question 0") + 16 + 256 + 9


def test_a_budget_without_a_price_or_without_an_end_is_refused_before_anything_is_sent(chat_server, tmp_path):
    server = chat_server(echo)
    with limited(Limits(usd=5)), account_of(tmp_path, ()):
        with pytest.raises(
            RecipeError, match=r"needs to know what 'm' costs; set its input_price and output_price"
        ):
            list(chat(at(server), questions(1), max_tokens=9))
        with pytest.raises(RecipeError, match="needs max_tokens"):
            list(chat(at(server, **PRICES), questions(1)))
    assert server.asked == []


def test_requests_that_are_tried_again_count_as_calls(chat_server, tmp_path):
    server = chat_server(lambda body, n: refusal(500, "down"))
    with (
        limited(Limits(calls=5)),
        account_of(tmp_path, ()),
        pytest.raises(BudgetReached, match="--max-calls 5"),
    ):
        list(chat(at(server), questions(3), max_tokens=9))
    assert len(server.asked) == 5


def test_too_many_at_a_time_are_asked_fewer_at_a_time(chat_server):
    """A server that bears 3: everything is answered, and most of it without being refused."""

    def script(body, number):
        if server.busy > 3:
            return refusal(429, "slow down")
        time.sleep(0.01)
        return echo(body, number)

    server = chat_server(script)
    replies = list(chat(at(server, concurrency=16), questions(150)))
    assert {r.error for r in replies} == {""}
    assert len(replies) == 150
    assert len(server.asked) < 300


def test_a_server_that_asks_to_wait_for_a_day_is_left(chat_server):
    server = chat_server(lambda body, n: refusal(429, "daily quota", retry_after="86400"))
    with pytest.raises(EndpointError, match=r"asks to wait for 86,400 seconds.*run again then"):
        list(chat(at(server), questions(5)))


@pytest.mark.parametrize(
    ("known", "rung", "sent"),
    [({"json_schema"}, "json_schema", 6), ({"json_object"}, "json_object", 7), (set(), "text", 8)],
)
def test_the_first_way_to_a_schema_that_a_server_knows_is_kept_to(chat_server, known, rung, sent):
    def script(body, number):
        form = body.get("response_format", {"type": "text"})["type"]
        return completion('{"choice": "A"}') if form in {*known, "text"} else refusal(400, "what format?")

    server = chat_server(script)
    replies = list(chat(at(server, concurrency=1), questions(6), schema=SCHEMA))
    assert {(r.text, r.rung) for r in replies} == {('{"choice": "A"}', rung)}
    assert len(server.asked) == sent


def knows(*forms, seconds=0.01):
    """A server that refuses every response_format but these, after a while."""

    def script(body, number):
        form = body.get("response_format", {"type": "text"})["type"]
        time.sleep(seconds)
        return completion('{"choice": "A"}') if form in {*forms, "text"} else refusal(400, "what format?")

    return script


def formats(server):
    return Counter(body.get("response_format", {"type": "text"})["type"] for body in server.asked)


def test_many_at_a_time_waste_two_requests_on_what_a_server_does_not_know_and_never_again(chat_server):
    server = chat_server(knows(seconds=0.2))  # long enough for 16 threads to start on a slow machine
    replies = list(chat(at(server, concurrency=16), questions(40), schema=SCHEMA))
    assert {(r.text, r.rung) for r in replies} == {('{"choice": "A"}', "text")}
    assert formats(server) == {"json_schema": 1, "json_object": 1, "text": 40}
    assert server.busiest > 8
    other = {**SCHEMA, "required": []}
    list(chat(at(server, concurrency=16), questions(40), schema=other))
    assert formats(server) == {"json_schema": 1, "json_object": 1, "text": 80}


def test_a_server_that_has_forgotten_what_it_knew_is_still_answered_by(chat_server):
    server = chat_server(knows("json_schema"))
    list(chat(at(server), questions(4), schema=SCHEMA))
    server.script = knows("json_object")
    replies = list(chat(at(server), questions(20), schema=SCHEMA, temperature=1.0))
    assert {(r.error, r.rung) for r in replies} == {("", "json_object")}
    list(chat(at(server), questions(4), schema=SCHEMA, temperature=0.5))
    assert formats(server)["json_schema"] <= 4 + at(server).concurrency


def test_who_finds_out_holds_up_the_others_for_one_request_not_for_all_its_tries(chat_server, monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 60.0)

    def script(body, number):
        return refusal(503, "starting", retry_after="0.2") if number == 1 else knows()(body, number)

    server = chat_server(script)
    start = time.monotonic()
    assert len(list(chat(at(server), questions(12), schema=SCHEMA))) == 12
    assert time.monotonic() - start < 3


def test_what_is_left_counts_what_the_caller_has_yet_to_ask(chat_server, tmp_path):
    server = chat_server(echo)
    with (
        limited(Limits(calls=3)),
        account_of(tmp_path, ()),
        pytest.raises(BudgetReached, match="7 questions to m are left"),
    ):
        list(chat(at(server, concurrency=1), questions(6), later=4, max_tokens=9))


def test_a_request_that_is_wrong_however_it_is_put_is_the_requests_own_fault(chat_server):
    def script(body, number):
        if body["messages"][0]["content"] == "question 0":
            return refusal(400, "maximum context length")
        return completion("{}")

    server = chat_server(script)
    replies = sorted(chat(at(server, concurrency=1), questions(3), schema=SCHEMA), key=lambda r: r.index)
    assert "maximum context" in replies[0].error
    assert [r.rung for r in replies[1:]] == ["json_schema"] * 2


@pytest.mark.parametrize("address", ["http://[", "localhost:8000/v1", "", "http://", "http://here:port/v1"])
def test_an_address_that_is_none_is_said_in_a_line(address):
    judge = EndpointJudge(kind="endpoint", base_url=address, model="m")
    with pytest.raises(EndpointError, match="base_url of m is no address"):
        list(chat(judge, questions(1)))


def test_a_kill_repeats_at_most_what_was_under_way_and_loses_nothing(chat_server, tmp_path):
    """Killed within 300 requests, at concurrency 8; then the ledger knows what was spent."""

    def script(body, number):
        time.sleep(0.005)
        return echo(body, number)

    server = chat_server(script)
    command = [sys.executable, Path(__file__).with_name("ask_many.py"), server.base_url, tmp_path, "300", "8"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while len(server.asked) < 150:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    last = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(map(int, last)) == list(range(300))
    counts = told(server)
    assert len(counts) == 300
    assert sum(counts.values()) - 300 <= 8
    with account_of(tmp_path, {"judge-m"}) as account:
        assert account.calls >= sum(counts.values())
        assert account.spent >= 300 * (5 * 1e-6 + 7 * 2e-6) - 1e-9
