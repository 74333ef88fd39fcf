from __future__ import annotations

import pytest

from handful.core.errors import DataError
from handful.study.design import gives_away, pairs

SYSTEMS = ["tuned", "base", "few"]


@pytest.mark.parametrize(
    ("subject", "against", "expected"),
    [
        ("", (), [("tuned", "base"), ("tuned", "few")]),
        ("few", (), [("few", "tuned"), ("few", "base")]),
        ("", ("few",), [("tuned", "few")]),
        ("base", ("few", "tuned"), [("base", "few"), ("base", "tuned")]),
        ("", ("few", "few"), [("tuned", "few")]),
    ],
)
def test_the_subject_meets_each_baseline_in_the_order_of_the_recipe(subject, against, expected):
    assert pairs(SYSTEMS, subject, against) == expected


@pytest.mark.parametrize(
    ("systems", "subject", "against", "message"),
    [
        (SYSTEMS, "tunned", (), "study.subject: no system is called 'tunned'; did you mean 'tuned'"),
        (SYSTEMS, "", ("bse",), "study.against: no system is called 'bse'; did you mean 'base'"),
        (SYSTEMS, "", ("gpt-4",), "there are tuned, base, few"),
        (SYSTEMS, "base", ("base",), "cannot be compared with itself"),
        (["tuned"], "", (), "needs two systems to compare, found tuned; add a"),
        ([], "", (), "found none"),
    ],
)
def test_a_name_that_does_not_fit_is_an_error_that_says_what_does(systems, subject, against, message):
    with pytest.raises(DataError) as caught:
        pairs(systems, subject, against)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "given_away"),
    [
        ("As an AI language model developed by Example Labs, I cannot.", True),
        ("I'm ChatGPT, and I can help.", True),
        ("gpt-4 wrote this", True),
        ("GPT-4: yes", True),
        ("gpt-40 is another", False),
        ("The base of the tower is wide.", False),
        ("As an AI, I have no feelings.", False),
        ("Put the kettle on.", False),
    ],
)
def test_what_names_its_author_is_flagged_and_plain_words_are_not(text, given_away):
    assert gives_away(text, ["base", "gpt-4"]) is given_away
