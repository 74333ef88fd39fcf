"""One candidate a question, with the answer that the site's users rated highest; every other question has a reason."""

import tempfile
from pathlib import Path

import pytest

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped
from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.sources.output import output
from handful.sources.stackexchange.join import authors, license
from handful.sources.stackexchange.read import read

RULES = {"min_answer_score": 10, "min_chars": 1200}


@pytest.fixture
def scan(tmp_path):
    """Read paths into (candidates by id, {id: rule} of what was dropped, counts)."""

    def run(*paths, **rules):
        source = StackExchange(kind="stackexchange", paths=tuple(InputPath(str(path)) for path in paths))
        out = Path(tempfile.mkdtemp(dir=tmp_path))
        with output(out) as put:
            counts = read("other", source, RULES | rules, put, out / "scratch")
        kept = list(jsonl.read(out / "candidates.jsonl", Candidate))
        dropped = list(jsonl.read(out / "dropped.jsonl", Dropped))
        by_id = {record.id: record for record in kept}, {record.id: record for record in dropped}
        assert [len(kept), len(dropped)] == [len(records) for records in by_id]
        return *by_id, counts

    return run


def test_a_candidate_is_a_question_with_its_top_answer(scan, dump, question, answer):
    kept, dropped, counts = scan(dump(question(1), answer(2, 1), answer(3, 1, Score=31, OwnerUserId=33)))
    found = kept["tea.example.com/1"]
    assert (found.title, found.body) == ("Title of 1?", "<p>Body of 1?</p>")
    assert found.answer.startswith("<p>Answer 3. word")
    assert (found.question_score, found.answer_score, found.tags) == (7, 31, ("rice", "pots"))
    assert (found.views, found.asked, found.answered) == (
        90,
        "2015-03-04T05:06:07.008",
        "2015-03-05T05:06:07.008",
    )
    assert (found.origin.source, found.origin.community) == ("other", "tea.example.com")
    assert (found.origin.item, found.origin.url) == ("q/1/a/3", "https://tea.example.com/a/3")
    assert dropped == {}
    sites = {"communities": {"tea.example.com": 1}, "without_users": ["tea.example.com"]}
    assert counts == {"questions": 1, "answers": 2, "posts": 3, **sites}


def test_scores_are_numbers_and_ties_go_to_the_older_answer(scan, dump, question, answer):
    rows = [question(1), answer(9, 1, Score=10), answer(4, 1, Score=10), answer(5, 1, Score=9)]
    kept, _, _ = scan(dump(*rows))
    assert kept["tea.example.com/1"].origin.item == "q/1/a/4"


def test_the_accepted_answer_has_no_advantage(scan, dump, question, answer):
    rows = [question(1, AcceptedAnswerId=2), answer(2, 1, Score=11), answer(3, 1, Score=12)]
    kept, _, _ = scan(dump(*rows))
    assert kept["tea.example.com/1"].origin.item == "q/1/a/3"


def test_answers_that_were_deleted_do_not_count(scan, dump, question, answer):
    """The dump leaves them out, but not what the question says of them."""
    rows = [question(1, AnswerCount=3, AcceptedAnswerId=99), answer(2, 1), question(5, AnswerCount=2)]
    kept, dropped, _ = scan(dump(*rows))
    assert kept["tea.example.com/1"].origin.item == "q/1/a/2"
    assert dropped["tea.example.com/5"].rule == "no_answer"


def test_a_short_top_answer_is_not_replaced_by_a_long_second(scan, dump, question, answer):
    kept, dropped, _ = scan(dump(question(1), answer(2, 1), answer(3, 1, Score=50, Body="<p>Short.</p>")))
    assert kept == {}
    assert dropped["tea.example.com/1"].rule == "too_short"


@pytest.mark.parametrize(
    ("rows", "rule", "detail"),
    [
        ("q", "no_answer", "no answer in the file"),
        ("q low", "low_score", "top answer 2 has score 9, below 10"),
        ("q short", "too_short", "top answer 3 has 1199 bytes of HTML, and so fewer than 1200 characters"),
        ("empty good", "no_prompt", "a question without title and body"),
        (
            "good",
            "orphan_answer",
            "1 answers, the best 4 with score 10, to a question that is not in the file",
        ),
        ("q q good", "repeated_post", "another row with this Id; the first one stands"),
    ],
)
def test_what_falls_says_why(scan, dump, question, answer, rows, rule, detail):
    made = {
        "q": question(1),
        "empty": question(1, Title="", Body=" "),
        "low": answer(2, 1, Score=9),
        "short": answer(3, 1, Body="x" * 1199),
        "good": answer(4, 1),
    }
    site = [question(100), answer(101, 100)]
    _, dropped, _ = scan(dump(*(made[name] for name in rows.split()), *site))
    assert (dropped["tea.example.com/1"].rule, dropped["tea.example.com/1"].detail) == (rule, detail)


def test_rows_may_come_in_any_order(scan, dump, question, answer):
    rows = [
        question(1),
        answer(2, 1),
        answer(3, 1, Score=12),
        question(4),
        answer(5, 4),
        answer(6, 7),
        question(8),
    ]
    forward = scan(dump(*rows))
    assert forward == scan(dump(*reversed(rows)))
    assert list(forward[0]) == ["tea.example.com/1", "tea.example.com/4"]


def test_a_plain_file_and_its_archive_give_the_same(scan, dump, pack, question, answer):
    rows = [
        part
        for id in range(1, 300, 3)
        for part in (question(id), answer(id + 1, id), answer(id + 2, id, Score=11))
    ]
    plain = dump(*rows)
    archive = pack({"Badges.xml": b"b" * 999, "Posts.xml": plain.read_bytes()})
    assert scan(plain) == scan(archive)


def test_a_cut_file_loses_its_last_row_and_says_so(scan, dump, question, answer):
    whole = dump(question(1), answer(2, 1), question(3), answer(4, 3))
    whole.write_bytes(whole.read_bytes()[:-600])
    kept, dropped, _ = scan(whole)
    assert list(kept) == ["tea.example.com/1"]
    assert {id: record.rule for id, record in dropped.items()} == {
        "tea.example.com/4": "broken_row",
        "tea.example.com/3": "no_answer",
    }


def test_a_row_without_a_parent_is_counted(scan, dump, question, answer):
    _, dropped, _ = scan(dump(question(1), answer(2, ""), answer(3, 1)))
    assert dropped["tea.example.com/2"].rule == "missing_attribute"


def test_false_posts_are_left_out(scan, dump, question, answer):
    rows = [question(1), answer(2, 1), question(1000000001), answer(1000000010, 1000000001)]
    kept, dropped, counts = scan(dump(*rows))
    assert (list(kept), counts["questions"]) == (["tea.example.com/1"], 1)
    assert {record.rule for record in dropped.values()} == {"fabricated_post"}


def test_many_broken_rows_are_an_error_not_a_skip(scan, dump, question, answer):
    broken = [question(id, Score="") for id in range(10, 31)]
    with pytest.raises(DataError, match=r"Posts\.xml: 21 of 23 rows cannot be read"):
        scan(dump(question(1), answer(2, 1), *broken))
    assert len(scan(dump(question(1), answer(2, 1), *broken[1:]))[1]) == 20


def test_a_site_without_questions_is_an_error(scan, dump, answer):
    with pytest.raises(DataError, match=r"tea\.example\.com/Posts\.xml: holds no questions"):
        scan(dump())
    with pytest.raises(DataError, match="holds no questions"):
        scan(dump(answer(2, 1)))


def test_entities_count_as_the_characters_that_they_are(scan, dump, question, answer):
    """1,199 characters of HTML in 1,205 bytes: too short for text of 1,200, without looking at the text."""
    body = "<p>" + "x" * 1192 + "</p>"
    _, dropped, _ = scan(dump(question(1), answer(2, 1, Body=body)))
    detail = "top answer 2 has 1199 characters of HTML, and so fewer than 1200"
    assert (dropped["tea.example.com/1"].rule, dropped["tea.example.com/1"].detail) == ("too_short", detail)


def test_the_length_rule_never_takes_what_its_text_would_have_saved(scan, dump, question, answer):
    body = "<p>" + "é" * 1199 + "</p>"  # 1,199 characters of text, but more bytes: for `clean` to judge
    kept, _, _ = scan(dump(question(1), answer(2, 1, Body=body)))
    assert kept["tea.example.com/1"].answer == body


@pytest.mark.parametrize(
    ("post", "expected"),
    [
        ({"ContentLicense": "CC BY-SA 4.0", "CreationDate": "2009-01-01"}, "CC BY-SA 4.0"),
        ({"CreationDate": "2011-04-07T23:59:59.999"}, "CC BY-SA 2.5"),
        ({"CreationDate": "2011-04-08T00:00:00.000"}, "CC BY-SA 3.0"),
        ({"CreationDate": "2018-05-01T23:59:59.999"}, "CC BY-SA 3.0"),
        ({"CreationDate": "2018-05-02T00:00:00.000"}, "CC BY-SA 4.0"),
        ({}, "CC BY-SA"),
    ],
)
def test_the_licence_is_the_stated_one_or_that_of_its_time(post, expected):
    assert license(post) == expected


def test_both_authors_are_credited():
    asked, replied = {"OwnerDisplayName": "Ann"}, {"OwnerUserId": "5"}
    url = "https://tea.example.com/users/5"
    assert authors("tea.example.com", asked, replied) == f"user 5 ({url}) (answer), Ann (question)"
    assert authors("tea.example.com", replied, replied) == f"user 5 ({url})"
    assert authors("tea.example.com", {}, {}) == ""


def test_tags_are_read_in_both_syntaxes(scan, dump, question, answer):
    rows = [question(1, Tags="|rice|pots|"), answer(2, 1), question(3, Tags=""), answer(4, 3)]
    kept, _, _ = scan(dump(*rows))
    assert [found.tags for found in kept.values()] == [("rice", "pots"), ()]
