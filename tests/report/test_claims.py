"""Who may make the headline: people, and judges that were put to a test and did not fail it."""

from dataclasses import replace

import pytest

from handful.recipe.judging import EndpointJudge, FakeJudge, Judge, LocalJudge
from handful.report.claims import can_bear, why_not
from handful.report.facts import Facts

HERE = "http://localhost:1/v1"


def endpoint(mode="robust", model="m", base_url=HERE):
    return EndpointJudge(kind="endpoint", base_url=base_url, model=model, mode=mode)


@pytest.fixture
def study(recipe):
    """Facts of a study with these judges. `grades` is each judge's standing, `gates` whether it passed its gate."""

    def make(judges, grades, gates=None, panels=None):
        rows = [{"judge": name, "grade": grade} for name, grade in grades.items()]
        gate_rows = [{"judge": name, "passed": passed} for name, passed in (gates or {}).items()]
        asked = replace(recipe, judge=Judge(judges=judges, panels=panels or {}))
        return Facts(recipe=asked, stats={"trust": rows, "gates": gate_rows})

    return make


def test_a_judge_asked_in_both_orders_that_did_not_fail_may(study):
    facts = study({"gpt": endpoint()}, {"gpt": "unproven"})
    assert can_bear(facts, "gpt")


def test_one_that_failed_or_was_never_tested_may_not(study):
    facts = study({"gpt": endpoint(), "new": endpoint(model="n")}, {"gpt": "no"})
    assert why_not(facts, "gpt").startswith("gpt failed its tests")
    assert why_not(facts, "new") == "new was not put to any test"


def test_a_rule_may_not_however_steady(study):
    facts = study({"rule": FakeJudge(kind="fake", prefers="longer")}, {"rule": "validated"})
    assert why_not(facts, "rule") == "rule is a rule, not an opinion: it prefers the longer answer"


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        ({}, "gpt was asked in one order only, and there is no gate (judge.gate)"),
        ({"gpt": False}, "gpt was asked in one order only, and did not pass its gate"),
        ({"gpt": True}, ""),
    ],
)
def test_one_order_alone_needs_a_gate_that_was_passed(study, gates, reason):
    assert why_not(study({"gpt": endpoint("lima")}, {"gpt": "unproven"}, gates), "gpt") == reason


def test_a_model_that_failed_in_one_mode_is_no_better_in_the_other(study):
    judges = {"gpt": endpoint(), "gpt_lima": endpoint("lima")}
    facts = study(judges, {"gpt": "no", "gpt_lima": "validated"}, {"gpt_lima": True})
    assert why_not(facts, "gpt_lima").startswith("gpt_lima is the model that failed its tests as gpt")


@pytest.mark.parametrize("other", [{"model": "n"}, {"base_url": "http://localhost:2/v1"}])
def test_another_model_or_another_server_is_another_judge(study, other):
    judges = {"gpt": endpoint(), "gpt_lima": endpoint("lima", **other)}
    facts = study(judges, {"gpt": "no", "gpt_lima": "unproven"}, {"gpt_lima": True})
    assert can_bear(facts, "gpt_lima")


def test_a_panel_may_where_all_of_its_judges_may(study):
    judges = {"one": endpoint(), "two": endpoint(model="n"), "bad": LocalJudge(kind="local")}
    panels = {"good": ("one", "two"), "mixed": ("one", "bad")}
    facts = study(judges, {"one": "unproven", "two": "validated", "bad": "no"}, panels=panels)
    assert can_bear(facts, "good")
    assert why_not(facts, "mixed") == "of the panel mixed, bad cannot bear a claim"
