"""The funnel on the card: every rule's count, over all sources and for each."""

import msgspec

from handful.dataset.funnel import RULE_IN_WORDS, funnel, meaning
from handful.recipe.curation import Clean

COUNTS = {
    "candidates": 120,
    "kept": 8,
    "dropped": {"label_task": 2, "low_score": 100, "secret": 10},
    "sources": {
        "stem": {"candidates": 110, "kept": 6, "dropped": {"low_score": 100, "secret": 4}},
        "tasks": {"candidates": 10, "kept": 2, "dropped": {"label_task": 2, "secret": 6}},
    },
}
PARAMS = msgspec.to_builtins(Clean())


def test_each_rule_takes_from_what_the_one_before_left():
    lines = funnel(COUNTS, PARAMS, {"drawn": {"stem": 5, "tasks": 2}}).splitlines()
    assert lines[2:6] == [
        "| came in |  |  | 120 |",
        "| label_task | a task whose answers are labels | 2 | 118 |",
        "| low_score | the answer's score is below 10 | 100 | 18 |",
        "| too_short | the answer is shorter than 1,200 characters | 0 | 18 |",
    ]
    assert "| secret | the text holds a private key, an access token or a password | 10 | 8 |" in lines
    assert "| not_drawn | more than the quota | 1 | 7 |" in lines


def test_each_source_has_a_column_that_adds_up():
    lines = funnel(COUNTS, PARAMS, {"drawn": {"stem": 5, "tasks": 2}}).splitlines()
    assert lines[lines.index("") + 1 :] == [
        "| rule | stem | tasks |",
        "| --- | --- | --- |",
        "| came in | 110 | 10 |",
        "| label_task | 0 | 2 |",
        "| low_score | 100 | 0 |",
        "| secret | 4 | 6 |",
        "| left | 6 | 2 |",
        "| drawn | 5 | 2 |",
    ]


def test_what_was_masked_is_said():
    text = funnel({**COUNTS, "masked": {"email": 3, "phone": 0, "iban": 1200}}, PARAMS)
    assert text.endswith(
        'Masked in the texts, as "&lt;KIND>": email 3, iban 1,200. Looked for to be masked, and not found: phone.'
    )
    assert "asked" not in funnel({**COUNTS, "masked": {}}, PARAMS)


def test_a_rule_that_is_off_says_so():
    assert meaning("duplicate", {"drop_duplicates": False}) == "switched off"
    unfiltered = msgspec.to_builtins(Clean(filtered=False))
    assert meaning("low_score", unfiltered) == meaning("first_person", unfiltered) == "switched off"
    assert meaning("duplicate", unfiltered) == "the same prompt stands elsewhere"


def test_an_unknown_rule_or_setting_is_shown_gracefully():
    assert meaning("nsfw_post", PARAMS) == "nsfw post"
    assert meaning("x|<b>", PARAMS) == "x\\|&lt;b>"
    assert meaning("too_long", {}) == "the answer is longer than the limit characters"


def test_every_rule_has_a_sentence_with_the_settings_of_today():
    for rule in RULE_IN_WORDS:
        assert "the limit" not in meaning(rule, PARAMS)
