"""A budget holds whatever comes back, and what was spent is known after a kill."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.errors import BudgetReached
from handful.run.spending import Account, Limits, account_of, current, limited, money


def asked(account, usd):
    return account.reserve(usd, "here:80", "m", "abc", "recipe")


def test_the_worst_case_is_reserved_and_what_is_left_of_it_comes_back():
    account = Account(limits=Limits(usd=1.0))
    ticket = asked(account, 0.9)
    account.settle(ticket, "answered", 0.1)
    asked(account, 0.9)
    assert account.spent == 0.1
    assert account.calls == 2


def test_a_request_that_might_pass_the_limit_is_not_sent():
    account = Account(limits=Limits(usd=1.0))
    account.settle(asked(account, 0.6), "answered", 0.6)
    with pytest.raises(BudgetReached, match=r"--max-usd 1 is reached \(the next request may cost \$0.50\)"):
        asked(account, 0.5)
    assert account.spent == 0.6


def test_exactly_the_limit_is_allowed_though_sums_are_rounded():
    account = Account(limits=Limits(usd=0.3))
    for _ in range(3):
        account.settle(asked(account, 0.1), "answered", 0.1)
    with pytest.raises(BudgetReached):
        asked(account, 0.1)


def test_who_cannot_be_sent_yet_waits_for_those_under_way():
    account = Account(limits=Limits(usd=1.0))
    first = asked(account, 0.9)
    threading.Timer(0.05, lambda: account.settle(first, "answered", 0.01)).start()
    assert asked(account, 0.9) is not None


def test_who_waits_may_be_stopped():
    account = Account(limits=Limits(usd=1.0))
    asked(account, 0.9)
    assert account.reserve(0.9, "", "", "", stopped=lambda: True) is None


def test_requests_are_counted_and_not_given_back():
    account = Account(limits=Limits(calls=2))
    for _ in range(2):
        account.settle(asked(account, None), "refused", 0.0)
    with pytest.raises(BudgetReached, match="--max-calls 2 is reached"):
        asked(account, None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40), st.floats(0, 5))
def test_no_order_of_costs_passes_the_limit(costs, limit):
    account = Account(limits=Limits(usd=limit))
    for worst, share in costs:
        try:
            ticket = asked(account, worst)
        except BudgetReached:
            continue
        account.settle(ticket, "answered", worst * share)
        assert account.spent <= limit + 1e-9


def test_the_ledger_is_written_before_and_after(tmp_path):
    with account_of(tmp_path, {"judge-g-1"}) as account:
        assert current() is account
        account.step = "judge-g-1"
        ticket = asked(account, 0.5)
        before = (tmp_path / "ledger.jsonl").read_text()
        account.settle(ticket, "answered", 0.25, 100, 20)
    assert json.loads(before) == {
        "id": 1,
        "step": "judge-g-1",
        "server": "here:80",
        "model": "m",
        "request": "abc",
        "usd": 0.5,
        "price": "recipe",
    }
    after = (tmp_path / "ledger.jsonl").read_text().splitlines()[1]
    assert json.loads(after) == {
        "id": 1,
        "outcome": "answered",
        "usd": 0.25,
        "input_tokens": 100,
        "output_tokens": 20,
    }
    assert current() is not account


def run(tmp_path, step, usd, settle=True):
    with account_of(tmp_path, {step}) as account:
        account.step = step
        ticket = asked(account, usd)
        if settle:
            account.settle(ticket, "answered", usd)


def test_earlier_runs_of_the_same_steps_count_and_those_of_others_do_not(tmp_path):
    run(tmp_path, "judge-g-1", 0.25)
    run(tmp_path, "judge-h-2", 4.0)
    with limited(Limits(usd=1.0)), account_of(tmp_path, {"judge-g-1"}) as account:
        assert (account.spent, account.calls) == (0.25, 1)
        assert asked(account, 0.75) == 3


def test_what_was_under_way_at_a_kill_counts_in_full(tmp_path):
    run(tmp_path, "judge-g-1", 0.5, settle=False)
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"id": 2, "ste')  # the kill came within a line
    with account_of(tmp_path, {"judge-g-1"}) as account:
        assert (account.spent, account.calls) == (0.5, 1)


def test_a_run_that_asks_nobody_leaves_no_ledger(tmp_path):
    with account_of(tmp_path, ()):
        pass
    assert list(tmp_path.iterdir()) == []


def test_requests_of_unknown_price_are_counted_as_such():
    account = Account()
    account.settle(asked(account, None), "answered", None)
    assert account.told() == "1 request was sent; what it cost is not known"
    account.settle(asked(account, 0.5), "answered", 0.25)
    assert account.told() == "2 requests were sent, for $0.25 and what 1 of them cost at unknown prices"


def test_what_the_server_refused_is_told_apart_and_has_no_unknown_price(tmp_path):
    with account_of(tmp_path, {"judge-g-1"}) as account:
        account.step = "judge-g-1"
        for _ in range(3):
            account.settle(asked(account, None), "refused", 0.0)
        account.settle(asked(account, None), "answered", None)
        account.settle(asked(account, None), "lost", None)
        told = "5 requests were sent (3 of them refused, at no cost); what the other 2 cost is not known"
        assert account.told() == account.told_now() == told
    with account_of(tmp_path, {"judge-g-1"}) as account:
        assert account.told() == told
        assert account.told_now() == ""


def test_a_run_tells_what_it_alone_has_spent_and_what_was_there_already(tmp_path):
    run(tmp_path, "judge-g-1", 0.25)
    with limited(Limits()) as opened, account_of(tmp_path, {"judge-g-1"}) as account:
        account.settle(asked(account, 1.0), "answered", 0.5)
        account.cached = 3
    assert opened == [account]
    assert account.told_now() == "1 request was sent, for $0.50; 3 replies were there already"
    assert account.told() == "2 requests were sent, for $0.75; 3 replies were there already"


def test_the_ledger_is_for_its_owner_alone(tmp_path):
    run(tmp_path, "judge-g-1", 0.25)
    assert (tmp_path / "ledger.jsonl").stat().st_mode & 0o777 == 0o600


def test_money_is_told_in_cents_and_less_to_two_digits():
    assert [money(usd) for usd in (0, 1234.5, 0.126, 0.0123, 0.0000456)] == [
        "0.00",
        "1,234.50",
        "0.13",
        "0.012",
        "0.000046",
    ]
