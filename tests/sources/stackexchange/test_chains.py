"""Comments of asker and answerer under an answer become a dialogue, by rules that leave a reason for each thread."""

from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example
from handful.recipe.sources import CommentChains
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using
from handful.sources.work import work

ASKER, ANSWERER, THIRD = 11, 22, 33


def comment(id, text, by, post=2, day=None, **changed):
    """A row of Comments.xml; `by` is an account, or the name that is left of one."""
    row = {
        "Id": id,
        "PostId": post,
        "Score": 0,
        "Text": text,
        "CreationDate": f"2015-04-{day or id:02}T05:06:07.008",
        "UserId" if isinstance(by, int) else "UserDisplayName": by,
        **changed,
    }
    found = " ".join(f"{name}={quoteattr(str(value))}" for name, value in row.items() if value != "")
    return f"  <row {found} />\r\n"


def read(*paths, **options):
    """What the stage leaves: its counts, its dialogues, and what it dropped."""
    source = CommentChains(
        kind="comment_chains", paths=tuple(InputPath(str(path)) for path in paths[:-1]), **options
    )
    out = paths[-1]
    out.mkdir()
    counts = work({"chains": {"source": source, "rules": {}}}, {}, out)
    examples = list(jsonl.read(out / "examples.jsonl", Example))
    return counts, examples, list(jsonl.read(out / "dropped.jsonl", Dropped))


@pytest.fixture
def site(dump, tmp_path):
    """Write a site's two tables; `rows` are those of Posts.xml."""

    def write(rows, comments, name="tea.example.com"):
        folder = dump(*rows, site=name).parent
        text = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<comments>\r\n' + "".join(comments)
        (folder / "Comments.xml").write_bytes((text + "</comments>").encode())
        return folder

    return write


@pytest.fixture
def thread(site, question, answer, tmp_path):
    """Read one thread under one answer: what became of it."""

    def run(*comments, asked=None, answered=None, **options):
        rows = [question(1, **asked or {}), answer(2, 1, Body="<p>Rinse it.</p>", **answered or {})]
        counts, examples, dropped = read(site(rows, comments), tmp_path / "out", **options)
        return [*examples, *dropped], counts

    return run


ALTERNATE = (
    comment(1, "@Bob How often?", ASKER),
    comment(2, "Twice, see [here](https://a.org).", ANSWERER),
)


def turns(example):
    return [turn.text for turn in example.turns]


def test_a_thread_is_a_dialogue_with_question_and_answer_before_it(thread):
    (example,), counts = thread(
        *ALTERNATE, asked={"Body": "<p>It <b>sticks</b>.</p>", "Title": "Rice &amp; pots?"}
    )
    assert turns(example) == ["Rice & pots?\n\nIt sticks.", "Rinse it.", "How often?", "Twice, see here."]
    assert example.id == "tea.example.com/1/2"
    assert example.tags == ("kind=dialogue", "needs=editing")
    assert example.score == 10
    assert (counts["examples"], counts["threads"], counts["comments"], counts["posts"]) == (1, 1, 2, 2)
    assert counts["communities"] == {"tea.example.com": 1}


def test_everyone_is_credited_with_the_latest_licence_and_where_to_find_it(thread):
    stated = [comment(1, "Why?", ASKER), comment(2, "So.", ANSWERER, ContentLicense="CC BY-SA 4.0")]
    (example,), _ = thread(*stated)
    origin = example.origin
    assert (origin.source, origin.community, origin.title) == ("chains", "tea.example.com", "Title of 1?")
    assert origin.item == "q/1/a/2/c/2"
    assert origin.url == "https://tea.example.com/a/2#comment1_2"
    assert origin.author == (
        "user 22 (https://tea.example.com/users/22) (answer, comments), "
        "user 11 (https://tea.example.com/users/11) (question, comments)"
    )
    assert origin.license == "CC BY-SA 4.0"


def test_the_licence_of_an_old_dump_follows_from_the_dates(thread):
    (example,), _ = thread(*ALTERNATE)
    assert example.origin.license == "CC BY-SA 3.0"


def test_comments_in_a_row_by_one_person_are_one_turn(thread):
    (example,), _ = thread(
        comment(1, "How often?", ASKER),
        comment(2, "And how long?", ASKER),
        comment(3, "Twice.", ANSWERER),
        comment(4, "For a minute.", ANSWERER),
    )
    assert turns(example)[2:] == ["How often?\n\nAnd how long?", "Twice.\n\nFor a minute."]


def test_what_comes_before_the_asker_speaks_or_after_the_answerer_has_is_left_out(thread):
    (example,), _ = thread(
        comment(1, "I forgot to say: cold water.", ANSWERER),
        comment(2, "Why?", ASKER),
        comment(3, "Starch.", ANSWERER),
        comment(4, "Thanks!", ASKER),
    )
    assert turns(example)[2:] == ["Why?", "Starch."]


def test_comments_follow_their_dates_and_not_their_ids(thread):
    (example,), _ = thread(
        comment(9, "Why?", ASKER, day=1),
        comment(3, "Starch.", ANSWERER, day=2),
        comment(1, "Oh.", ASKER, day=3),
    )
    assert turns(example)[2:] == ["Why?", "Starch."]


FOUR_AND_A_GUEST = (
    comment(1, "Why?", ASKER),
    comment(2, "Starch.", ANSWERER),
    comment(3, "Not in mine.", THIRD),
    comment(4, "And salt?", ASKER),
    comment(5, "No.", ANSWERER),
)


def test_a_third_person_ends_the_dialogue_or_is_left_out(thread, tmp_path):
    (example,), _ = thread(*FOUR_AND_A_GUEST)
    assert turns(example)[2:] == ["Why?", "Starch."]
    (tmp_path / "out").rename(tmp_path / "first")
    (example,), _ = thread(*FOUR_AND_A_GUEST, third_person="skip")
    assert turns(example)[2:] == ["Why?", "Starch.", "And salt?", "No."]


@pytest.mark.parametrize(
    ("comments", "posts", "rule", "detail"),
    [
        ((comment(1, "Why?", ASKER), comment(2, "Thanks!", ASKER)), {}, "too_few_turns", "says nothing more"),
        (
            (comment(1, "No.", ANSWERER), comment(2, "Ok", ASKER)),
            {},
            "too_few_turns",
            "2 turns, fewer than 4",
        ),
        ((comment(1, "@Bob", ASKER), comment(2, "Ok", ANSWERER)), {}, "too_few_turns", "2 turns"),
        (FOUR_AND_A_GUEST[2:], {}, "third_person", "2 turns, fewer than 4, .* (comment 3)"),
        (ALTERNATE, {"answered": {"OwnerUserId": ASKER}}, "asker_is_answerer", "to oneself"),
        (ALTERNATE, {"asked": {"OwnerUserId": ""}}, "asker_unknown", "which are the asker's"),
        (ALTERNATE, {"asked": {"OwnerUserId": -1}}, "asker_unknown", "which are the asker's"),
        (ALTERNATE, {"answered": {"OwnerUserId": ""}}, "answerer_unknown", "whose answer"),
        (ALTERNATE, {"answered": {"ParentId": 5}}, "orphan_answer", "which are the asker's"),
        (ALTERNATE, {"asked": {"Title": "", "Body": "<p></p>"}}, "empty_post", "has no text"),
    ],
)
def test_a_thread_that_is_no_dialogue_has_a_reason(thread, comments, posts, rule, detail):
    (dropped,), counts = thread(*comments, **posts)
    assert dropped.rule == rule
    assert all(part in dropped.detail for part in detail.split(".*"))
    assert counts["dropped"] == {rule: 1}
    assert counts["threads"] == 1


@pytest.mark.parametrize(
    "comments",
    [
        (comment(1, "Nice.", THIRD), comment(2, "Thanks.", ANSWERER)),
        (comment(1, "Why?", ASKER, post=1), comment(2, "Why not?", ANSWERER, post=1)),
    ],
)
def test_where_the_asker_says_nothing_under_the_answer_there_is_no_thread(thread, comments):
    assert thread(*comments)[0] == []


def test_people_without_an_account_are_known_by_their_names(thread):
    gone = {"OwnerUserId": "", "OwnerDisplayName": "user5"}
    (example,), _ = thread(comment(1, "Why?", "user5"), comment(2, "Starch.", ANSWERER), asked=gone)
    assert turns(example)[2:] == ["Why?", "Starch."]
    assert example.origin.author.endswith("user5 (question, comments)")


def test_a_longer_dialogue_can_be_asked_for(thread):
    (dropped,), _ = thread(*ALTERNATE, min_turns=6)
    assert (dropped.rule, dropped.detail) == ("too_few_turns", "4 turns, fewer than 6")
    with pytest.raises(ValueError, match="at least 4"):
        CommentChains(kind="comment_chains", paths=(), min_turns=2)


def test_an_answer_whose_row_counts_too_few_comments_is_passed_over(thread, tmp_path):
    assert thread(*ALTERNATE, answered={"CommentCount": 1})[0] == []
    (tmp_path / "out").rename(tmp_path / "first")
    (example,), _ = thread(*ALTERNATE, answered={"CommentCount": 2})
    assert isinstance(example, Example)


def test_rows_that_cannot_be_used_are_dropped_with_a_reason(thread):
    (example, *dropped), counts = thread(
        '  <row Id="7" PostId="2" Score="0" Text="Half a ro\r\n', *ALTERNATE, comment("x", "Hm?", ASKER)
    )
    assert turns(example)[2:] == ["How often?", "Twice, see here."]
    assert {(d.id, d.rule) for d in dropped} == {
        ("tea.example.com/comment/7", "broken_row"),
        ("tea.example.com/comment/x", "missing_attribute"),
    }
    assert counts["comments"] == 4


def test_a_file_of_other_rows_is_refused(site, question, tmp_path):
    folder = site([question(1)], [f'<row Id="{n}" UserId="3" />' for n in range(30)])
    with pytest.raises(DataError, match=r"Comments\.xml: 30 of 30 rows cannot be read"):
        read(folder, tmp_path / "out")
    folder = site([comment(1, "Why?", ASKER)], [])
    with pytest.raises(DataError, match=r"Posts\.xml: holds no questions"):
        read(folder, tmp_path / "again")


def test_a_site_without_comments_is_a_drop_unless_none_has_any(site, dump, question, answer, tmp_path):
    rows = [question(1), answer(2, 1)]
    site(rows, ALTERNATE)
    dump(*rows, site="cha.example.com")
    counts, examples, dropped = read(tmp_path, tmp_path / "out")
    assert [example.id for example in examples] == ["tea.example.com/1/2"]
    assert [(d.id, d.rule) for d in dropped] == [("cha.example.com", "no_comments")]
    assert counts["dropped"] == {"no_comments": 1}
    with pytest.raises(DataError, match=r"no Comments\.xml for any of the 1 sites"):
        read(tmp_path / "cha.example.com", tmp_path / "again")


def test_a_site_that_holds_nothing_is_a_drop_unless_all_do(site, question, answer, tmp_path):
    rows = [question(1), answer(2, 1)]
    site(rows, ALTERNATE)
    no_talk, no_posts = site(rows, [], "cha.example.com"), site([], ALTERNATE, "mate.example.com")
    _, examples, dropped = read(tmp_path, tmp_path / "out")
    assert [example.id for example in examples] == ["tea.example.com/1/2"]
    assert [(d.id, d.rule) for d in dropped] == [
        ("cha.example.com", "no_comments"),
        ("mate.example.com", "no_questions"),
    ]
    with pytest.raises(DataError, match=r"cha\.example\.com/Comments\.xml: holds no comments$"):
        read(no_talk, tmp_path / "again")
    (no_posts / "Posts.xml").write_bytes(b"<!DOCTYPE html><html>404")
    with pytest.raises(
        DataError, match=r"mate\.example\.com/Posts\.xml: holds no questions; it is a web page"
    ):
        read(no_posts, tmp_path / "third")


def test_sites_are_chosen_as_those_of_questions_are(site, question, answer, tmp_path):
    for name in ("beer.stackexchange.com", "ai.stackexchange.com", "ai.meta.stackexchange.com"):
        site([question(1), answer(2, 1)], ALTERNATE, name)
    counts, examples, _ = read(tmp_path, tmp_path / "out", sites="stem")
    assert [example.origin.community for example in examples] == ["ai.stackexchange.com"]
    assert counts["passed_over"] == {"meta": 1, "other": 1}


def test_archives_and_plain_files_and_any_number_of_processes_give_the_same(
    site, pack, question, answer, tmp_path, monkeypatch
):
    monkeypatch.setattr("handful.sources.stackexchange.chains.WORTH_PROCESSES", 0)
    names = ("a.example.com", "b.example.com")
    posts = [answer(2, 1), answer(4, 3), question(3), question(1)]  # an answer may come before its question
    talk = [*ALTERNATE, comment(4, "What?", ASKER, post=4), comment(5, "That.", ANSWERER, post=4)]
    folders = [site(posts, talk, name) for name in names]
    tables = [{file.name: file.read_bytes() for file in sorted(folder.iterdir())} for folder in folders]
    whole = pack({"Badges.xml": b"<badges/>", **tables[0]}, "a.example.com.7z")
    halves = [
        pack({f"{t}.xml": tables[1][f"{t}.xml"]}, f"b.example.com-{t}.7z") for t in ("Posts", "Comments")
    ]
    plain = read(*folders, tmp_path / "plain")
    assert [example.id for example in plain[1]] == [f"{name}/{id}" for name in names for id in ("1/2", "3/4")]
    with using(Engine(workers=2)):
        assert read(*folders, tmp_path / "two")[1:] == plain[1:]
    assert read(whole, *halves, tmp_path / "packed") == plain
    assert not list((tmp_path / "packed").glob("shards*"))


REAL = {  # dialogues; found by another way below
    "ai.stackexchange.com": 43,
    "beer.stackexchange.com": 116,
    "bicycles.meta.stackexchange.com": 102,
    "cardano.stackexchange.com": 154,
    "history.meta.stackexchange.com": 126,
}


def conversations(folder):
    """How many turns each thread has, by lxml: whoever spoke before, between or after two people ends or cuts it."""
    posts = {row.get("Id"): row for row in etree.parse(folder / "Posts.xml").getroot()}
    threads = {}
    for row in etree.parse(folder / "Comments.xml").getroot():
        threads.setdefault(row.get("PostId"), []).append(row)
    found = {}
    for id, rows in threads.items():
        answer = posts[id]
        question = posts.get(answer.get("ParentId"))
        if answer.get("PostTypeId") != "2" or question is None:
            continue
        asker, answerer = (
            row.get("OwnerUserId") or row.get("OwnerDisplayName") for row in (question, answer)
        )
        said = ""
        for row in sorted(rows, key=lambda row: (row.get("CreationDate"), int(row.get("Id")))):
            by = row.get("UserId") or row.get("UserDisplayName")
            if by not in (asker, answerer):
                break
            said += "u" if by == asker else "a"
        merged = "".join(c for n, c in enumerate(said) if n == 0 or said[n - 1] != c)
        if asker != answerer and "ua" in merged:
            found[f"{folder.name}/{question.get('Id')}/{id}"] = 2 + 2 * merged.count("ua")
    return found


@pytest.mark.parametrize("name", REAL)
def test_real_threads_are_found_as_lxml_finds_them(shared_data, tmp_path, name):
    folder = shared_data / "stackexchange" / name
    counts, examples, dropped = read(folder.with_name(f"{name}.7z"), tmp_path / "out")
    assert {example.id: len(example.turns) for example in examples} == conversations(folder)
    assert counts["communities"] == {name: REAL[name]}
    assert counts["threads"] == len(examples) + len(dropped)
    assert not any("](" in turn.text and "://" in turn.text for e in examples for turn in e.turns[2:])
