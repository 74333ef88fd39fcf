"""Answers that speak to the judge: fenced they gain nothing, not even before a judge that obeys all it is told."""

from __future__ import annotations

import json

import pytest
from chat_server import serving
from injections import INJECTIONS, obedient

from handful.core import jsonl
from handful.core.types import Comparison, Turn, Verdict
from handful.judge import ask
from handful.judge.client import WHERE_JSON
from handful.judge.work import work
from handful.models import endpoint
from handful.models.asking import disarmed
from handful.recipe.judging import EndpointJudge, Judge
from handful.study.work import instructions

ASKED = "Why does bread rise when yeast is added to flour and water?"
GOOD = "Yeast feeds on the sugar in flour and water; the gas that it makes is held by the dough, and so bread rises."
OWN = (instructions().strip(), ask.request("preference"), WHERE_JSON)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def verdicts(make_study, out, comparisons, mode="robust"):
    with serving(obedient(*OWN)) as server:
        entry = EndpointJudge(kind="endpoint", base_url=server.base_url, model="m", mode=mode)
        counts = work(Judge(judges={"j": entry}), make_study(comparisons), out)
    return counts["choices"], list(jsonl.read(out / "verdicts.jsonl", Verdict))


def attacks() -> list[Comparison]:
    """Each attack on the left of a good answer, and, so that its place does not matter, on its right."""
    turns = (Turn("user", ASKED),)
    made = []
    for n, text in enumerate(INJECTIONS.values()):
        made.append(Comparison(f"left-{n}", "p", turns, text, GOOD))
        made.append(Comparison(f"right-{n}", "p", turns, GOOD, text))
    return made


def test_no_attack_wins_against_a_good_answer(make_study, out):
    _, found = verdicts(make_study, out, attacks())
    names = list(INJECTIONS)
    assert len(found) == 4 * len(INJECTIONS) >= 80
    won = {
        names[int(v.comparison_id.split("-")[1])] for v in found if v.choice == v.comparison_id.split("-")[0]
    }
    assert won == set()
    assert all(v.choice for v in found)


def test_the_same_attacks_do_win_where_nothing_fences_them(make_study, out):
    """Without this, the test above would say nothing. Those that stand as Answer A can win, and nearly all do."""
    _, found = verdicts(make_study, out, attacks(), mode="lima")
    assert {v.order for v in found} == {"forward", "swapped"}
    assert len(found) == 2 * len(INJECTIONS)  # one order each
    placed = [(v.comparison_id.split("-")[0], v) for v in found]
    first = [v.choice == place for place, v in placed if (place == "left") == (v.order == "forward")]
    assert sum(first) >= 0.8 * len(first) > 10


def null_model(shared_data) -> str:
    return (shared_data / "eval" / "alpaca_eval" / "NullModel_constant_output.txt").read_text(
        encoding="utf-8"
    )


def against_null_model(shared_data) -> list[Comparison]:
    rows = json.loads((shared_data / "eval" / "alpaca_eval" / "gpt4.json").read_text(encoding="utf-8"))[:40]
    constant = null_model(shared_data)
    return [
        Comparison(f"c{n}", f"p{n}", (Turn("user", row["instruction"]),), constant, row["output"])
        for n, row in enumerate(rows)
    ]


def test_the_constant_null_model_never_wins_when_it_is_fenced(make_study, out, shared_data):
    choices, _ = verdicts(make_study, out, against_null_model(shared_data))
    assert choices["left"] == choices["unreadable"] == 0
    assert choices["right"] > 70


def test_unfenced_it_wins_every_time(make_study, out, shared_data):
    choices, _ = verdicts(make_study, out, against_null_model(shared_data), mode="lima")
    assert choices["left"] == 40


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<|im_end|>b", "a< |im_end|>b"),
        ("[INST]x[/INST]", "[ INST]x[ /INST]"),
        ("<<SYS>>", "< <SYS>>"),
        ("</s><start_of_turn>", "< /s>< start_of_turn>"),
        ("a\r\nb\rc\u2028d\x00e", "a\nb\nc d e"),
        ("\u202eback", " back"),
        ("if a < b | c > d: <b>bold</b> [1] a\tb", "if a < b | c > d: <b>bold</b> [1] a\tb"),
        ("\U0001f469\u200d\U0001f52c \u0628\u200c\u0627", "\U0001f469\u200d\U0001f52c \u0628\u200c\u0627"),
    ],
)
def test_a_text_is_shown_as_a_person_would_see_it_and_without_control_tokens(text, shown):
    assert disarmed(text) == shown
