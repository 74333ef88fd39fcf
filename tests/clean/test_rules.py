import pytest

from handful.clean.rules import PAPERS_RULES, RULES, reason_to_drop, rules_of
from handful.recipe.curation import Clean

WORDS = "word " * 300
BROKEN = {
    "low_score": ({"answer_score": 9}, "score 9 < 10"),
    "too_short": ({"answer": "x" * 1187}, "1,187 characters < 1,200"),
    "too_long": ({"answer": "x" * 4097}, "4,097 characters > 4,096"),
    "first_person": ({"answer": "So I have heard. " + WORDS}, 'says "I"'),
    "cross_reference": ({"answer": "As mentioned above, no. " + WORDS}, 'says "As mentioned above"'),
    "empty_answer": ({"answer": ""}, "the answer has no text"),
    "empty_prompt": ({"title": "", "body": ""}, "neither title nor body has text"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_drops_what_breaks_it_and_says_what_it_saw(make_candidate, rule):
    changes, seen = BROKEN[rule]
    params = Clean(min_chars=0) if rule == "empty_answer" else Clean()
    assert reason_to_drop(make_candidate(**changes), params) == (rule, seen)


def test_every_rule_has_a_case_and_the_papers_order():
    assert list(BROKEN) == list(RULES)


@pytest.mark.parametrize("rule", BROKEN)
def test_unfiltered_only_what_is_empty_goes(make_candidate, rule):
    changes, seen = BROKEN[rule]
    found = reason_to_drop(make_candidate(**changes), Clean(filtered=False))
    assert found == (None if rule in PAPERS_RULES else (rule, seen))
    assert list(rules_of(Clean(filtered=False))) == ["empty_answer", "empty_prompt"]


@pytest.mark.parametrize(
    "kept",
    [{}, {"answer_score": 10}, {"answer": "x" * 1200}, {"answer": "x" * 4096}, {"title": ""}, {"body": ""}],
)
def test_bounds_are_kept(make_candidate, kept):
    assert reason_to_drop(make_candidate(**kept), Clean()) is None


def test_rules_about_wording_can_be_switched_off(make_candidate):
    candidate = make_candidate(answer="I agree with the other answers. " + WORDS)
    assert reason_to_drop(candidate, Clean()) is not None
    assert reason_to_drop(candidate, Clean(drop_first_person=False, drop_cross_references=False)) is None
