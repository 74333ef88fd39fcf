"""What a prompt asks for: by its tag, else by its words."""

from pathlib import Path

import pytest

from handful.dataset.forms import FORMS, by_words, form_of
from handful.sources.authored import SHIPPED, parse


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("How do I descale a kettle?", "advise"),
        ("Why is the sky dark at night?", "explain"),
        ("Who was the first woman to fly over the Atlantic?", "explain"),
        ("Write a poem about rust.", "poem"),
        ("Write a letter to my landlord about the boiler.", "letter"),
        ("[WP] The last lighthouse keeper gets a visitor.", "write"),
        ("Tell me a story about a goat.", "story"),
        ("Fix this:\n\n```python\nprint(1\n```", "code"),
        ("Translate this into French: good morning.", "translate"),
        ("Summarise the article below.", "summarise"),
        ("Rewrite this paragraph so that it is shorter.", "rewrite"),
        ("Plan a three-day trip to Riga.", "plan"),
        ("What is the difference between jam and jelly?", "compare"),
        ("You are a pirate. Sell me a boat.", "roleplay"),
        ("Classify each review as good or bad.", "classify"),
        ("Write a joke about fruit.", "joke"),
        ("Can you order me a large pizza?", "act"),
        ("Solve for x: 3x + 1 = 7", "compute"),
        ("Blue.", "other"),
    ],
)
def test_the_form_of_a_prompt(text, form, make_example):
    assert form_of(make_example("x", text)) == form


def test_the_tag_of_the_authored_set_wins(make_example):
    assert form_of(make_example("x", "Why is the sky dark?", tags=("form:argue",))) == "argue"


def test_what_is_written_is_parted_by_the_piece_that_is_named_first(make_example):
    def of(text):
        return form_of(make_example("x", text, tags=("form:write",)))

    assert of("A sonnet in a letter to a snail") == "poem"
    assert of("An e-mail that asks for a poem") == "letter"
    assert of("Three labels for our museum") == "write"


def test_of_a_long_prompt_both_ends_are_read():
    article = "Mangroves grow on the coast. " * 200
    assert by_words(f"{article}\nSummarise this.") == "summarise"


def test_rules_and_the_tags_of_the_shipped_set_agree_as_the_page_says():
    """docs/statistics.md: 63% of train and dev, which the rules were written on, and 46% of test, which they were not.
    The most frequent form, guessed always, would agree on 13%."""
    for folders, at_least in ((SHIPPED[:2], 0.6), (SHIPPED[2:], 0.43)):
        files = [path for folder in folders for path in sorted(Path(folder).glob("*.md"))]
        records = [parse(path.read_text(encoding="utf-8"), str(path), "authored")[1] for path in files]
        tagged = [(tag[5:], r) for r in records for tag in r.tags if tag.startswith("form:")]
        assert {form for form, _ in tagged} <= {*FORMS}
        assert sum(by_words(r.turns[0].text) == form for form, r in tagged) > at_least * len(tagged)
