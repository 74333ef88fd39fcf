"""Each rule of the style guide sees what breaks it, and leaves alone what does not."""

import pytest

from handful.core.errors import DataError
from handful.experiments.style import first_sentence, piece, problems, shared_stems

FILLER = " ".join(["Dough rests in a bowl under a cloth."] * 10)
GOOD = f"""---
split: train
kind: plain
topic: baking
form: explain
author: A. Writer
license: CC BY 4.0
---
## User

Why does bread dough rise in a warm kitchen?

## Assistant

Bread dough rises because yeast makes gas in it. {FILLER}
"""


def broken(folder, text, name="why-dough-rises"):
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return dict(problems(piece(path)))


def test_a_good_file_breaks_no_rule(tmp_path):
    assert broken(tmp_path, GOOD) == {}


@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        ("form: explain\n", "", "header", "the keys are split, kind, topic, author, license, and should be"),
        ("topic: baking\nform: explain", "form: explain\ntopic: baking", "header", "the keys are"),
        ("form: explain", "form: expound", "header", "form 'expound' is none of explain, advise"),
        ("kind: plain", "kind: hard", "header", "kind 'hard' is none of plain"),
        ("topic: baking", "topic: Bread, dough", "header", "one or two words in small letters"),
        ("author: A. Writer", "author:", "header", "author is empty"),
        ("form: explain", "form: explain\nintent: benign", "header", "the keys are"),
        ("kind: plain", "kind: dialogue", "dialogue", "the user speaks 1 times, and should 3 to 6"),
        ("bread dough rise in a warm kitchen", "it", "prompt_length", "the prompt has 3 words"),
        ("kitchen?", "kitchen?" + " So?" * 120, "prompt_length", "the prompt has 129 words"),
        (FILLER, "", "answer_length", "an answer has 9 words, and should have 50 to 520"),
        (FILLER, FILLER * 8, "answer_length", "words, and should have 50 to 520"),
        (
            "Bread dough rises",
            "# Bread\n\nBread dough rises",
            "opens_with_sentence",
            "begins with no sentence",
        ),
        ("Bread dough rises", "1. Bread dough rises", "opens_with_sentence", "begins with no sentence"),
        ("Bread dough rises", "Sure, bread dough rises", "opens_with_sentence", "begins with a greeting"),
        ("Bread dough rises", "Here is why bread rises", "opens_with_sentence", "begins with a greeting"),
        (
            "Bread dough rises",
            "Yes. Bread dough rises",
            "opens_with_sentence",
            "the first sentence is short: 'Yes.'",
        ),
        (
            "Bread dough rises because yeast makes gas in it",
            "That is what yeast has to do",
            "takes_up",
            "speaks of",
        ),
        ("because yeast", "because, as I know, yeast", "speaks_of_itself", "says 'I'"),
        ("because yeast", "since our yeast", "speaks_of_itself", "says 'our'"),
        ("because yeast", "because, it's important to note, yeast", "tics", "it's important to note"),
        ("gas in it.", "gas in it. Let me know how it went.", "tics", "Let me know"),
        ("gas in it.", "gas in it (https://bread.net/rise).", "complete", "has a link or a picture"),
        ("gas in it.", "gas in it, as mentioned.", "complete", "points to something else"),
        ("because yeast", "because\tyeast", "plain_text", "has a tab"),
        ("gas in it.", "gas in it, says ann.lee@bread.net.", "plain_text", "email"),
    ],
)
def test_what_breaks_a_rule_is_named_by_it(tmp_path, old, new, rule, words):
    assert old in GOOD
    found = broken(tmp_path, GOOD.replace(old, new, 1))
    assert words in found[rule]


def test_a_quoted_speaker_or_one_in_code_is_not_the_answers_own(tmp_path):
    quoted = 'gas in it. "I rest my dough," says the baker; `for I in range(3)` runs.'
    assert broken(tmp_path, GOOD.replace("gas in it.", quoted)) == {}


def test_a_story_may_have_a_narrator_but_begins_in_the_common_voice(tmp_path):
    told = GOOD.replace("form: explain", "form: write")
    assert broken(tmp_path, told.replace("gas in it.", "gas in it. I saw it rise, and my cat did too.")) == {}
    assert "speaks_of_itself" in broken(tmp_path, told.replace("because yeast", "because my yeast"))


def test_name_and_folder_are_checked(tmp_path):
    assert "joined by hyphens" in broken(tmp_path, GOOD, "Why_dough")["place"]
    (tmp_path / "dev").mkdir()
    assert "split 'train' stands in the folder 'dev'" in broken(tmp_path / "dev", GOOD)["place"]


def test_a_test_prompt_needs_no_answer(tmp_path):
    asked = GOOD.partition("## Assistant")[0].replace("split: train", "split: test")
    assert broken(tmp_path, asked) == {}


def test_a_header_that_cannot_be_read_is_one_error_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"why-dough-rises\.md:5: no key 'from'; did you mean 'form'\?"):
        broken(tmp_path, GOOD.replace("form:", "from:"))


def test_all_that_is_wrong_with_a_header_is_said_with_its_lines(tmp_path):
    text = GOOD.replace("kind: plain", "kind: wild").replace("form: explain\n", "").replace("A. Writer", "")
    said = broken(tmp_path, text)["header"]
    assert said.startswith("the keys are split, kind, topic, author, license, and should be")
    assert "; line 3: kind 'wild' is none of plain" in said
    assert said.endswith("; line 5: author is empty")


def test_a_sensitive_example_to_train_on_is_refused_as_a_run_refuses_it(tmp_path):
    text = GOOD.replace("kind: plain", "kind: sensitive")
    with pytest.raises(DataError, match=r"why-dough-rises\.md:3: kind sensitive is for test prompts"):
        broken(tmp_path, text)


def test_words_are_taken_up_whatever_their_ending():
    assert shared_stems("Why is my kitchen so cold?", "Kitchens on a north side stay cool.") == {b"kitc"}
    assert shared_stems("What is it that you do?", "It is what it is that you have.") == set()
    assert shared_stems("Is 91 a prime?", "91 is 7 times 13.") == {b"91"}


def test_the_first_sentence_ends_at_its_mark_or_at_a_blank_line():
    assert first_sentence('He said "no." Then he left.') == 'He said "no.'
    assert first_sentence("Version 3.5 is out. Take it.") == "Version 3.5 is out."
    assert first_sentence("The list follows:\n\n- one") == "The list follows:"
