"""The text of posts: what is taken off, and what stays although it looks like it."""

import csv
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.reddit.text import line, markdown, not_self_contained, plain, split_tags, story

TAGS = ("WP", "CW", "EU")
TALE = "\n\n".join(f"Paragraph {n} of the tale, in which {'nothing ' * 20}happens." for n in range(6))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("&gt; so &amp; so &lt;3", "> so & so <3"),
        ("&amp;lt;", "&lt;"),  # once, and not twice
        ("a&#x200B;b\u200b\ufeff", "ab"),
        ("AT&T, R&D; &notanentity; ?a=1&copy=2", "AT&T, R&D; &notanentity; ?a=1&copy=2"),
        ("&#0;&#55296;x", "\ufffd\ufffdx"),
        ("a\x00b\r\nc\rd\te", "ab\nc\nd\te"),
        ("a\ud800b", "ab"),
        ("&nbsp;&eacute;&#8217;", "é\u2019"),
    ],
)
def test_text_becomes_what_was_typed(typed, text):
    assert plain(typed) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("see [this](https://a.b/c_(d)) now", "see this now"),
        ('see [this](https://a.b "title") now', "see this now"),
        ("![gif](giphy|abc) ha", "ha"),
        ("he >!dies!< here", "he dies here"),
        (r"a\_b \- c\. \*not bold\* \# one", r"a_b - c. \*not bold\* \# one"),
        ("*he* **said** `x[1](2)`", "*he* **said** `x1`"),
        ("[a] (b) and [c]", "[a] (b) and [c]"),
        ("> quoted\n\n1. one\n2. two", "> quoted\n\n1. one\n2. two"),
    ],
)
def test_markdown_stays_but_for_links_images_and_spoilers(source, text):
    assert markdown(source) == text


@pytest.mark.parametrize(
    ("title", "tags", "rest", "other"),
    [
        ("[WP] The sea is gone.", ("WP",), "The sea is gone.", ""),
        ("[wp]The sea", ("WP",), "The sea", ""),
        ("(WP) The sea", ("WP",), "The sea", ""),
        ("{WP}: The sea", ("WP",), "The sea", ""),
        ("[WP][CW] - The sea", ("WP", "CW"), "The sea", ""),
        ("[WP/CW] The sea", ("WP", "CW"), "The sea", ""),
        ("The sea [WP]", ("WP",), "The sea", ""),
        ("[WP] The sea [EU]", ("WP", "EU"), "The sea", ""),
        ("[WP] The sea [IP]", ("WP",), "The sea [IP]", ""),
        ("[IP] The sea", (), "[IP] The sea", "IP"),
        ("[WP][MODPOST] The sea", ("WP",), "[MODPOST] The sea", "MODPOST"),
        ("(In a world of salt) the sea", (), "(In a world of salt) the sea", ""),
        ("[Hi,] she wrote, [bye]", (), "[Hi,] she wrote, [bye]", ""),
        ("The sea (50 words)", (), "The sea (50 words)", ""),
        ("", (), "", ""),
    ],
)
def test_tags_are_taken_off_a_title(title, tags, rest, other):
    assert split_tags(title, TAGS) == (tags, rest, other)


@pytest.mark.parametrize(
    "note",
    [
        "EDIT: thanks for the gold, kind stranger!",
        "Edit 2: typos",
        "**edit** - spelling: fixed",
        "*****\n\nCheck out r/mysub for more",
        "---\n\n^If ^you ^enjoyed ^this, ^see ^/r/mysub",
        "_____\n\nThat is the best I could do.\n\nMore stories at /r/mysub",
        "Thanks for reading! Part 2 below.",
        "(Sorry for the formatting, I'm on mobile.)",
        "[My subreddit](https://www.reddit.com/r/mysub)",
        "***",
        "Feedback is always appreciated!",
    ],
)
def test_notes_behind_a_story_are_taken_off(note):
    assert story(f"{TALE}\n\n{note}", "The sea") == TALE


@pytest.mark.parametrize(
    "end",
    [
        "The end.",
        "\u201cThanks for reading my letters,\u201d she said.",
        '"Edit the tape," he said, "and show it to the subreddit."',
        "***\n\nYears later, the sea came back.",
        "......-...-.. ---.. --..",
        "Sincerely,\n\nS. B. Lucifer, Esq.",
        "He thanked me for the gold:"
        + " it was a great deal of gold, and heavy, and I was on mobile feet." * 8,
    ],
)
def test_what_only_looks_like_a_note_stays(end):
    assert story(f"{TALE}\n\n{end}", "The sea") == f"{TALE}\n\n{end}"


@pytest.mark.parametrize(
    "head", ["> The sea has left.", "&gt;  the sea has LEFT!", "Edit: wow, first page!", "---"]
)
def test_the_quoted_prompt_and_edits_before_a_story_are_taken_off(head):
    assert story(f"{head}\n\n{TALE}", "The sea has left.") == TALE


def test_another_quotation_before_a_story_stays():
    assert story(f"> Call me Ishmael.\n\n{TALE}", "The sea has left.") == f"> Call me Ishmael.\n\n{TALE}"


@given(
    st.lists(
        st.sampled_from(["One day.", "***", "Edit: x", "> a", "r/abc rules", "", "\u201cNo!\u201d"]),
        max_size=9,
    )
)
def test_a_story_that_was_cleaned_is_clean(paragraphs):
    once = story("\n\n".join(paragraphs), "a")
    assert story(once, "a") == once


@given(st.text(max_size=300))
def test_any_text_is_read(text):
    for read in (plain, markdown, line):
        assert not re.search("[\x00\ud800-\udfff\u200b]", read(text))
    story(text, text)
    split_tags(line(text), TAGS)
    not_self_contained(line(text))


@pytest.mark.parametrize(
    "piece", ["[", "[a](", ">!", "* ", "* \n\n", "\n \n", "Edit: \n\n", "r/a \n\n***\n\n", "&#"]
)
def test_a_million_characters_take_a_moment(piece):
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    story(text, "a")
    split_tags(text, TAGS)
    not_self_contained(text + "?")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "title",
    [
        "What is a medical myth you are tired of hearing?",
        "I'm buying a car for the first time, any advice?",
        'What is your best "then it gets worse"?',
        "What would you do (if you could)?",
        "Is 2 + 2 always 4?)",
        "What do you read in bed?",
    ],
)
def test_a_question_that_can_be_asked_alone(title):
    assert not_self_contained(title) is None


@pytest.mark.parametrize(
    ("title", "rule", "seen"),
    [
        ("What is it.", "not_a_question", "What is it."),
        ("What is it? I'll go first.", "not_a_question", "go first"),
        ("Reddit, what is it?", "not_self_contained", "Reddit"),
        ("Redditors, what is it?", "not_self_contained", "Redditors"),
        ("What does r/pics think of it?", "not_self_contained", "r/p"),
        ("Why was I downvoted?", "not_self_contained", "downvoted"),
        ("[UPDATE] Did it work?", "not_self_contained", "[UPDATE]"),
        ("What is http://x.y about?", "not_self_contained", "http://"),
        ("What is this picture of?", "not_self_contained", "this picture"),
        ("What happened here (details inside)?", "not_self_contained", "details inside"),
        ("What happened, as told in the comments?", "not_self_contained", "in the comments"),
        ("What is this, part 2?", "not_self_contained", "part 2"),
    ],
)
def test_a_question_that_cannot_says_why(title, rule, seen):
    found = not_self_contained(title)
    assert found is not None
    assert found[0] == rule
    assert seen in found[1]


def test_of_real_stories_little_but_notes_is_cut(shared_data):
    """500 stories of r/WritingPrompts: at most an eighth is cut anywhere, and only at their ends."""
    csv.field_size_limit(1 << 30)
    with (shared_data / "reddit" / "csv" / "writing_prompts_train_subset.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    changed = 0
    for row in rows:
        before = re.sub(r"\s+", " ", markdown(row["story"])).strip()
        after = re.sub(r"\s+", " ", story(row["story"], row["prompt"])).strip()
        assert after in before
        changed += after != before
        assert len(after) > 0.7 * len(before)
    assert len(rows) == 500
    assert 30 < changed < 100
