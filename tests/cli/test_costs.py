"""What servers will cost, said before; a budget that holds, said at the end: as a user runs it."""

from __future__ import annotations

import json
import re

import pytest
from chat_server import completion, serving
from click.testing import CliRunner

from handful.cli import costs
from handful.cli.main import cli

RECIPE = """
name = "paid"
[sources.mine]
kind = "messages"
paths = ["rows.jsonl"]
split = "dev"
[generate]
split = "dev"
max_tokens = 20
[generate.systems.one]
kind = "endpoint"
base_url = "{url}"
model = "m"
{prices}
[generate.systems.two]
kind = "fake"
"""
PRICES = "input_price = 1e6\noutput_price = 1e6"
"""A dollar a token; the server counts 12 tokens a request."""
QUESTIONS = 8


@pytest.fixture
def handful(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    rows = [
        {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": "So."}]}
        for n in range(QUESTIONS)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def handful(command, *arguments, url, prices=PRICES):
        (tmp_path / "recipe.toml").write_text(RECIPE.format(url=url, prices=prices))
        paths = [str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work")]
        return CliRunner().invoke(cli, [command, *paths, *arguments])

    return handful


@pytest.fixture
def server():
    with serving(lambda body, number: completion(body["messages"][-1]["content"])) as server:
        yield server


def test_a_run_stops_at_its_budget_says_what_is_left_and_goes_on_with_more(handful, server, tmp_path):
    stopped = handful("run", "--to", "generate", "--max-calls", "3", url=server.base_url)
    assert stopped.exit_code == 1
    assert stopped.output.splitlines()[-1] == (
        "error: --max-calls 3 is reached: 3 requests were sent, for $36.00; 5 questions to m are left; not done: "
        "generate/one, generate/two; what was answered is kept: the same command with a higher limit goes on"
    )
    assert len(server.asked) == 3
    assert not [f for f in (tmp_path / "work").glob("generate-one-*") if not f.name.endswith(".partial")]

    assert handful("run", "--to", "generate", "--max-usd", "36", url=server.base_url).exit_code == 1
    assert len(server.asked) == 3, "earlier runs count"

    done = handful("run", "--to", "generate", "--max-usd", "2000", url=server.base_url)
    assert done.exit_code == 0, done.output
    assert len(server.asked) == QUESTIONS, "nothing was asked twice"
    again = handful("run", "--to", "generate", "--max-usd", "0", url=server.base_url)
    assert again.exit_code == 0, "what is done costs nothing"


def test_a_budget_is_refused_where_a_price_is_not_known_before_anything_runs(handful, server, tmp_path):
    refused = handful("run", "--to", "generate", "--max-usd", "1", url=server.base_url, prices="")
    assert refused.exit_code == 2
    assert "generate/one: --max-usd needs to know what 'm' costs" in refused.output
    assert not list((tmp_path / "work").glob("*-*"))
    free = handful(
        "run",
        "--to",
        "generate",
        "--max-usd",
        "0",
        url=server.base_url,
        prices="input_price = 0\noutput_price = 0",
    )
    assert free.exit_code == 0, free.output


def estimate(output):
    return {row["step"]: row["estimate"] for row in json.loads(output) if "estimate" in row}


def test_a_plan_says_what_servers_cost_as_soon_as_the_prompts_are_known(handful, server):
    url = server.base_url
    before = handful("plan", "--to", "generate", url=url).output
    assert "generate/one, estimated: m: the prompts are not known before `dataset` is done" in before
    handful("run", "--to", "dataset", url=url)
    told = estimate(handful("plan", "--to", "generate", "--json", url=url).output)
    assert list(told) == ["generate/one"]
    length = len("Question 0?") * QUESTIONS
    assert told["generate/one"] == {
        "step": "generate/one",
        "model": "m",
        "requests": {"low": 8, "high": 8},
        "input_tokens": {"low": round(length / 5), "high": round(length / 3)},
        "output_tokens": {"low": 160, "high": 160},
        "usd": {"low": length // 5 + 160.0, "high": length // 3 + 160.0},
        "price": "recipe",
        "note": "",
        "answered": 0,
        "cached": 0,
    }
    lines = handful("plan", "--to", "generate", url=url).output.splitlines()
    assert lines[-4:] == [
        "generate/one, estimated: m",
        "  requests   8",
        "  tokens     18 to 29 read, 160 written",
        "  cost       $177.00 to $189.00, by the prices of the recipe",
    ]
    assert server.asked == []


def test_what_is_spent_lies_within_the_estimate(handful, server, tmp_path):
    url = server.base_url
    handful("run", "--to", "dataset", url=url)
    told = estimate(handful("plan", "--to", "generate", "--json", url=url).output)["generate/one"]
    handful("run", "--to", "generate", url=url)
    lines = [json.loads(line) for line in (tmp_path / "work" / "ledger.jsonl").read_text().splitlines()]
    assert sum(line["usd"] for line in lines if "outcome" in line) == QUESTIONS * 12 <= told["usd"]["high"]
    assert len(lines) == 2 * QUESTIONS


def test_an_unknown_price_is_said_with_the_remedy(handful, server):
    url = server.base_url
    handful("run", "--to", "dataset", url=url, prices="")
    output = handful("plan", "--to", "generate", url=url, prices="").output
    assert re.search(r"cost +unknown: no price of m at its address; set input_price and output_price", output)


@pytest.mark.parametrize("arguments", [("--max-usd", "-1"), ("--max-usd", "much"), ("--max-calls", "1.5")])
def test_a_limit_that_is_none_is_refused(handful, arguments):
    assert handful("run", *arguments, url="http://127.0.0.1:1/v1").exit_code == 2


JUDGE = """
[judge.judges.g]
kind = "endpoint"
base_url = "http://127.0.0.1:1/v1"
model = "g"
max_tokens = 100
mode = "{mode}"
"""


@pytest.mark.parametrize(("mode", "low"), [("robust", 2 * QUESTIONS), ("lima", QUESTIONS)])
def test_a_judge_is_asked_in_one_order_or_in_both_and_perhaps_once_more(handful, server, tmp_path, mode, low):
    from handful import STAGES, load, plan

    handful("run", "--to", "dataset", url=server.base_url)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe.read_text() + JUDGE.format(mode=mode))
    loaded = load(recipe, ())
    found = {cost.step: cost for cost in costs.costs(plan(STAGES, loaded, tmp_path / "work"), loaded)}
    assert found["judge/g"].requests == (low, 2 * low)
    assert found["judge/g"].output_tokens == (50 * low, 100 * 2 * low)
    assert found["judge/g"].usd is None


GATE = """
[judge]
gate = ["gate.jsonl"]
"""


@pytest.mark.parametrize(("mode", "low"), [("robust", 2 * QUESTIONS), ("lima", QUESTIONS)])
def test_the_gates_pairs_are_counted_in_both_orders_whatever_the_mode(handful, server, tmp_path, mode, low):
    from handful import STAGES, load, plan

    pairs = [{"prompt": f"Why {n}?", "left": "So.", "right": "Thus.", "choice": "tie"} for n in range(3)]
    (tmp_path / "gate.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    handful("run", "--to", "dataset", url=server.base_url)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe.read_text() + GATE + JUDGE.format(mode=mode))
    loaded = load(recipe, ())
    [found] = [c for c in costs.costs(plan(STAGES, loaded, tmp_path / "work"), loaded) if c.step == "judge/g"]
    assert found.requests == (low + 6, 2 * (low + 6))


def test_a_plan_subtracts_what_an_earlier_run_has_kept_and_what_the_cache_holds(handful, server, tmp_path):
    handful("run", "--to", "generate", "--max-calls", "3", url=server.base_url)
    told = estimate(handful("plan", "--to", "generate", "--json", url=server.base_url).output)["generate/one"]
    assert (told["requests"], told["answered"], told["cached"]) == ({"low": 5, "high": 5}, 3, 0)
    [partial] = (tmp_path / "work").glob("generate-one-*.partial")
    (partial / "responses.partial.jsonl").unlink()
    output = handful("plan", "--to", "generate", url=server.base_url).output
    assert "  requests   5; beside them 3 in the cache of replies" in output.splitlines()


def test_a_run_ends_with_what_servers_cost_in_it(handful, server):
    first = handful("run", "--to", "generate", url=server.base_url)
    assert "servers: 8 requests were sent, for $96.00" in first.output.splitlines()
    again = handful("run", "--to", "generate", url=server.base_url)
    assert "servers:" not in again.output
