"""Titles as prompts: every form gives the one question, and names keep their capitals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.wikihow.titles import question, sentence_case


@pytest.mark.parametrize(
    "title",
    [
        "Cook an Omelette",
        "How to Cook an Omelette",
        "How To Cook an Omelette?",
        "  How to  Cook an Omelette ",
        "How to Cook an Omelette - wikiHow",
        "How to Cook an Omelette (with Pictures) - wikiHow",
        "How to Cook an Omelette: 9 Steps (with Pictures)",
        "How to Cook an Omelette: A Quick & Easy Guide",
        "3 Ways to Cook an Omelette - wikiHow",
        "3 Simple Ways to Cook an Omelette",
        "12 Safe & Easy Methods to Cook an Omelette",
        "Easy Ways to Cook an Omelette",
        "Expert Advice on How to Cook an Omelette",
    ],
)
def test_every_form_of_a_title_is_the_same_question(title):
    assert question(title) == "How to Cook an Omelette?"


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Why Is Life So Hard? 13 Reasons & How to Cope with Them", "Why Is Life So Hard?"),
        ("What Does a Blue Heart Mean: 5 Examples", "What Does a Blue Heart Mean?"),
        ("Properly Kill a Weed", "How to Properly Kill a Weed?"),
        ("How to Call 9-1-1: Stay Calm", "How to Call 9-1-1: Stay Calm?"),
        ("How to Use Windows 7", "How to Use Windows 7?"),
    ],
)
def test_other_titles(title, asked):
    assert question(title) == asked


@pytest.mark.parametrize(
    "title", ["Angel Number 333: Meaning in Love", "Bumps on the Scalp", "", "?", "How to"]
)
def test_a_topic_is_no_question(title):
    assert question(title) is None


@given(st.text(max_size=60))
def test_a_question_ends_as_one_whatever_the_title(title):
    asked = question(title)
    assert asked is None or asked.endswith("?")


@pytest.mark.parametrize(
    ("asked", "prose", "wanted"),
    [
        ("How to Cook an Omelette?", "Cook an omelette. You need eggs.", "How to cook an omelette?"),
        ("How to Draw Homer Simpson?", "Now draw Homer. Give Simpson hair.", "How to draw Homer Simpson?"),
        ("How to Verify Your YouTube Account?", "Open your account.", "How to verify your YouTube account?"),
        ("How to Visit New York?", "A new hat for New York, and a new coat.", "How to visit New York?"),
        ("How to Be a Do-It-Yourself Fan?", "", "How to be a do-it-yourself fan?"),
        ("How to Treat COVID-19 in a Dog?", "", "How to treat COVID-19 in a dog?"),
        ("How to Follow Dr. Atkins' Diet?", "", "How to follow Dr. atkins' diet?"),
        ("Why Do I Sleep?", "", "Why do I sleep?"),
        ("How to Polish a Table?", "1. Polish it. - Polish more. Then polish.", "How to polish a table?"),
    ],
)
def test_names_are_known_by_how_the_article_writes_them(asked, prose, wanted):
    assert sentence_case(asked, prose) == wanted
