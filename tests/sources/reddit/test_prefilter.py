"""Rows are passed over by their bytes only where json.loads, too, says that they are not wanted, however spelled."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handful.recipe.sources import Reddit
from handful.recipe.values import InputPath
from handful.sources.reddit import answers, files, submissions
from handful.sources.reddit.rows import bare, low_score

WANTED = {"abc": "Why?", "9zz": "How?", "12": "Who?"}
TEXTS = st.sampled_from(
    [
        "",
        "A story.",
        'he said "score":3,',
        '"link_id":"t3_zzz"',
        '"subreddit":"Other"',
        "é\n\\",
        '\\"score\\": 1,',
    ]
)
SCORES = st.one_of(
    st.integers(-30, 30), st.sampled_from([None, "5", "12", "-1", 3.0, 12.5, -0.5, True, 10**6, "missing"])
)
THREADS = st.sampled_from(
    [
        "t3_abc",
        "t3_ABC",
        "T3_abc",
        "abc",
        "t3_9zz",
        "t3_12",
        "t3_zzz",
        "t3_",
        "zzz",
        13368,
        5,
        None,
        "missing",
    ]
)
NAMES = st.sampled_from(
    ["WritingPrompts", "writingprompts", "Writing", "WritingPrompts2", "Other", "w", "", None, "missing"]
)


def spell(text, random):
    """A JSON string, some of whose characters are escaped without need."""
    parts = [rf"\u{ord(c):04x}" if random.random() < 0.06 else json.dumps(c)[1:-1] for c in text]
    return f'"{"".join(parts)}"'


@st.composite
def line(draw, fields):
    """A row as one line: its keys in any order, with spaces or without, strings with escapes or without."""
    row = {key: value for key, value in draw(st.fixed_dictionaries(fields)).items() if value != "missing"}
    before, gap = draw(st.sampled_from(["", "", " "])), draw(st.sampled_from(["", " ", "  ", "\t"]))
    random = Random(draw(st.integers(0, 1 << 32)))
    items = random.sample(sorted(row.items()), len(row))
    parts = [
        f"{spell(key, random)}{before}:{gap}"
        + (spell(value, random) if isinstance(value, str) else json.dumps(value))
        for key, value in items
    ]
    content = f",{gap}".join(parts)
    return f"{before}{{{content}}}".encode()


COMMENTS = st.lists(
    line({"id": st.just("c1"), "body": TEXTS, "score": SCORES, "link_id": THREADS, "subreddit": NAMES}),
    min_size=1,
    max_size=12,
)
SUBMISSIONS = st.lists(
    line({"id": st.just("abc"), "title": TEXTS, "score": SCORES, "selftext": TEXTS, "subreddit": NAMES}),
    min_size=1,
    max_size=12,
)


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """Write lines, and tell the numbers of those that a filter lets pass, and how many rows it counted."""
    path = tmp_path / "dump"

    def run(lines, block, candidates, *arguments):
        path.write_bytes(b"".join(row + b"\n" for row in [b"{}", b"", *lines]))
        monkeypatch.setattr(files, "BLOCK", block)
        seen = submissions.Seen() if candidates is submissions.candidates else answers.Seen()
        found = dict(candidates(path, *arguments, seen))
        assert seen.rows == 1 + len(lines)  # the blank line is none
        assert all(row.strip() == [b"{}", b"", *lines][number - 1].strip() for number, row in found.items())
        return set(found)

    return run


def source(**changed):
    file = (InputPath("dump"),)
    return Reddit(kind="reddit", submissions=file, comments=file, **changed)


quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(lines=COMMENTS, block=st.sampled_from([64, 1 << 17]), least=st.sampled_from([-5, 0, 1, 2, 10, 11]))
def test_no_comment_is_lost_that_json_loads_finds(numbers, lines, block, least):
    passed = numbers(lines, block, answers.candidates, WANTED, source(min_answer_score=least))
    for number, text in enumerate(lines, start=3):
        row = json.loads(text)
        if bare(row.get("link_id")) in WANTED and not low_score(row.get("score"), least):
            assert number in passed, text


@quick
@given(lines=SUBMISSIONS, block=st.sampled_from([64, 1 << 17]))
def test_no_submission_is_lost_that_json_loads_finds(numbers, lines, block):
    passed = numbers(lines, block, submissions.candidates, source(subreddits=("WritingPrompts",)))
    for number, text in enumerate(lines, start=3):
        name = json.loads(text).get("subreddit")
        if name is None or name.lower() == "writingprompts":
            assert number in passed, text


def test_with_no_subreddit_named_every_submission_is_read(numbers):
    lines = [b'{"subreddit":"a"}', b'{"subreddit": "b"}', b"{}"]
    assert numbers(lines, 1 << 17, submissions.candidates, source(subreddits=())) == {1, 3, 4, 5}


def test_what_its_bytes_show_is_not_wanted_is_not_decoded(numbers):
    """Else the filter would be of no use. The first row, {}, shows nothing."""
    compact = [
        b'{"link_id":"t3_abc","score":3,"x":1}',
        b'{"link_id":"t3_abc","score":-12,"x":1}',
        b'{"link_id":"t3_zzz","score":30,"x":1}',
        b'{"link_id":"t3_abc","score":30,"x":1}',
    ]
    for lines in (compact, [row.replace(b":", b": ").replace(b",", b", ") for row in compact]):
        assert numbers(lines, 1 << 17, answers.candidates, WANTED, source(min_answer_score=10)) == {1, 6}
    compact = [b'{"subreddit":"Other"}', b'{"subreddit":"Writing"}', b'{"subreddit":"WRITINGprompts"}']
    for lines in (compact, [row.replace(b":", b": ") for row in compact]):
        settings = source(subreddits=("WritingPrompts",))
        assert numbers(lines, 1 << 17, submissions.candidates, settings) == {1, 5}
