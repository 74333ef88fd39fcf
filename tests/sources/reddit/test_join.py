"""Submissions and comments, joined: which comment answers, what is dropped and by which rule, in any order of rows."""

import itertools
import json
import random

import pytest

from handful.core.errors import DataError
from handful.core.types import Turn
from handful.recipe.sources import Reddit
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using

STORY = "The sea left on a Tuesday. " * 12


def pairs(found):
    return [example.origin.item for example in found.examples]


def test_a_prompt_is_joined_with_its_top_story(dump, curate, submission, comment):
    asked = dump(submission("abc"), submission("abd"), name="RS.zst")
    told = dump(
        comment("c1", "abc"), comment("c2", "abc", score=900), comment("c3", "abd", score=12), name="RC.zst"
    )
    found = curate(asked, told)
    first, second = found.examples
    assert first.turns == (Turn("user", "The sea has left abc."), Turn("assistant", f"{STORY}(c2)"))
    assert (first.id, first.tags, first.score) == ("WritingPrompts/abc", ("WP",), 900)
    assert (second.id, second.score) == ("WritingPrompts/abd", 12)
    origin = first.origin
    assert (origin.source, origin.community) == ("writing_prompts", "WritingPrompts")
    assert origin.url == "https://www.reddit.com/comments/abc/_/c2/"
    assert origin.author == "u/bob (answer), u/ann (question)"
    assert origin.license == "Reddit user content, no open licence stated"
    assert origin.title == "[WP] The sea has left abc."
    assert found.counts["questions"] == 2
    assert found.counts["communities"] == {"WritingPrompts": 2}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"score": 9}, "few_votes"),
        ({"score": "9"}, "few_votes"),
        ({"score": -3}, "few_votes"),
        ({"score": None}, "no_score"),
        ({"score": "missing"}, "no_score"),
        ({"removed_by_category": "moderator"}, "removed"),
        ({"banned_by": "ann"}, "removed"),
        ({"removal_reason": "legal"}, "removed"),
        ({"_meta": {"removal_type": "deleted"}}, "removed"),
        ({"_meta": {"was_deleted_later": True}}, "removed"),
        ({"selftext": "[removed]"}, "removed"),
        ({"selftext": "[deleted]"}, "deleted"),
        ({"title": "[deleted by user]"}, "deleted"),
        ({"title": "[ Removed by Reddit ]"}, "removed"),
        ({"author": "[deleted]"}, "deleted"),
        ({"stickied": True}, "stickied"),
        ({"distinguished": "moderator"}, "moderator"),
        ({"author": "AutoModerator"}, "bot"),
        ({"author": "WritingPromptsBot"}, "bot"),
        ({"over_18": True}, "nsfw"),
        ({"title": "[WP] The sea is gone. (nsfw)"}, "nsfw"),
        ({"is_self": False, "domain": "imgur.com"}, "link_post"),
        ({"is_self": "missing", "domain": "i.redd.it"}, "link_post"),
        ({"title": "[IP] A worn-out lighthouse"}, "tag"),
        ({"title": "[WP/IP] A worn-out lighthouse"}, "tag"),
        ({"title": "[WP]"}, "no_prompt"),
        ({"selftext": "x" * 1000}, "long_prompt"),
        ({"id": ""}, "bad_row"),
        ({"id": "missing"}, "bad_row"),
        ({"title": "missing"}, "bad_row"),
    ],
)
def test_each_rule_drops_a_submission_by_its_own_name(dump, curate, submission, comment, changed, rule):
    asked = dump(submission("abc"), submission("bad", **changed), name="RS.zst")
    found = curate(asked, dump(comment(), comment("c2", "bad"), name="RC.zst"))
    assert pairs(found) == ["t3_abc/t1_c1"]
    assert found.counts["dropped"] == {rule: 1}
    (dropped,) = found.dropped
    assert dropped.id == ("writing_prompts/RS.zst:2" if rule == "bad_row" else "WritingPrompts/bad")
    assert dropped.detail


@pytest.mark.parametrize(
    "changed",
    [
        {"score": "50"},
        {"score": 50.0},
        {"id": "t3_abc"},
        {"id": "missing", "name": "t3_abc"},
        {"is_self": "missing", "domain": "missing"},
        {"over_18": None, "stickied": None, "author": "missing", "num_comments": None},
        {"edited": 1353372579.0, "created_utc": "1376577414", "banned_by": None},
        {"subreddit": "writingprompts"},
        {"removed_by_category": "", "_meta": {"is_edited": True, "retrieved_2nd_on": 1}},
    ],
)
def test_types_that_changed_over_the_years_are_read(dump, curate, submission, comment, changed):
    asked = dump(submission("abc", **changed), name="RS.zst")
    found = curate(asked, dump(comment(), name="RC.zst"), subreddits=("WritingPrompts",))
    assert pairs(found) == ["t3_abc/t1_c1"]


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"score": 9}, None),
        ({"score": -12}, None),
        ({"score": None}, None),
        ({"body": "[deleted]"}, "deleted"),
        ({"body": "[removed]", "author": "[deleted]"}, "removed"),
        ({"author": "[deleted]"}, "deleted"),
        ({"removed": True}, "removed"),
        ({"stickied": True, "author": "AutoModerator"}, "stickied"),
        ({"distinguished": "admin"}, "moderator"),
        ({"author": "haiku_BOT"}, "bot"),
        ({"parent_id": "t1_c0"}, "reply"),
        ({"parent_id": 12}, "reply"),
        ({"body": "Nice prompt!"}, "too_short"),
        ({"body": "long " * 900}, "too_long"),
    ],
)
def test_a_comment_that_is_no_answer_is_passed_over_and_the_submission_says_why(
    dump, curate, submission, comment, changed, seen
):
    asked = dump(submission("abc"), submission("abd"), name="RS.zst")
    told = dump(comment("c2", "abd"), comment("c1", **changed), name="RC.zst")
    found = curate(asked, told)
    assert pairs(found) == ["t3_abd/t1_c2"]
    assert found.reasons == {"WritingPrompts/abc": "no_answer"}
    detail = found.dropped[0].detail
    assert (f"c1, is refused: {seen}" if seen else "of the 3 that it says it has") in detail


@pytest.mark.parametrize(
    "changed",
    [
        {"score": "20"},
        {"score": 20.0},
        {"link_id": "abc"},
        {"link_id": 13368, "parent_id": 13368},  # "abc" to the base of 36
        {"parent_id": "missing"},
        {"parent_id": None},
        {"id": "t1_c1"},
        {"id": "missing", "name": "t1_c1"},
        {"author": "missing", "stickied": "missing", "distinguished": "missing"},
    ],
)
def test_comments_of_other_years_are_read(dump, curate, submission, comment, changed):
    found = curate(dump(submission(), name="RS.zst"), dump(comment("c1", **changed), name="RC.zst"))
    assert pairs(found) == ["t3_abc/t1_c1"]
    assert found.counts["comments"]["unparented"] == int(changed.get("parent_id", 0) in (None, "missing"))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " :  ")])
@pytest.mark.parametrize("least", [-5, 0, 1, 5, 10, 11, 100, 1000])
def test_no_comment_is_lost_to_the_look_at_its_bytes(
    tmp_path, curate, submission, comment, separators, least
):
    """Against the plain way: every row decoded, whatever its spacing, and compared as numbers."""
    scores = [-100, -5, -1, 0, 1, 4, 5, 9, 10, 11, 99, 100, 999, 1000, 12345]
    asked = tmp_path / "asked"
    asked.write_text("\n".join(json.dumps(submission(f"a{n}")) for n in range(len(scores))))
    told = tmp_path / "told"
    rows = [comment(f"c{n}", f"a{n}", score=score) for n, score in enumerate(scores)]
    told.write_text("\n".join(json.dumps(row, separators=separators) for row in rows))
    found = curate(asked, told, min_answer_score=least)
    assert [example.score for example in found.examples] == [score for score in scores if score >= least]
    assert found.counts["comments"]["rows"] == len(scores)


def test_words_that_look_like_fields_deceive_nobody(dump, curate, submission, comment):
    body = STORY + ' "score":1,"link_id":"t3_zzz" \\"score\\":3}'
    title = '[WP] He said "subreddit":"pics" and left.'
    found = curate(
        dump(submission("abc", title=title), name="RS.zst"),
        dump(comment("c1", body=body), name="RC.zst"),
        subreddits=("WritingPrompts",),
    )
    assert found.examples[0].turns[1].text.endswith('"score\\":3}')


def test_of_equal_stories_the_older_wins_and_ids_are_numbers(dump, curate, submission, comment):
    rows = [comment(id, score=20) for id in ("zz", "100", "zy")]
    for order in itertools.permutations(rows):
        found = curate(dump(submission(), name="RS.zst"), dump(*order, name="RC.zst"))
        assert pairs(found) == ["t3_abc/t1_zy"]


def test_neither_the_order_of_rows_nor_that_of_files_decides(dump, curate, submission, comment):
    draw = random.Random(0)
    asked = [submission(f"{n:x}", score=draw.randrange(100)) for n in range(60)]
    told = [
        comment(
            f"c{n:x}",
            f"{draw.randrange(60):x}",
            score=draw.choice((5, 20, 30)),
            body=STORY * draw.choice((0, 1, 1, 9)),
        )
        for n in range(150)
    ]
    expected = None
    for _ in range(4):
        draw.shuffle(asked)
        draw.shuffle(told)
        cut, seam = draw.randrange(1, 59), draw.randrange(1, 149)
        parts = [dump(*asked[:cut], name="RS_1.zst"), dump(*asked[cut:], name="RS_2.json")]
        found = curate(
            draw.sample(parts, 2), [dump(*told[:seam], name="a"), dump(*told[seam:], name="b.zst")]
        )
        what = found.examples, found.counts, sorted(found.dropped, key=lambda dropped: dropped.id)
        expected = expected or what
        assert what == expected
    assert 20 < len(found.examples) < 55


def test_a_submission_that_stands_in_two_files_counts_once(dump, curate, submission, comment):
    files = [dump(submission("abc", score=score), name=f"RS_{score}.zst") for score in (70, 50)]
    files.append(dump(submission("abc", score=60), submission("abc", score=65), name="RS_60.zst"))
    for order in itertools.permutations(files):
        found = curate(order, dump(comment(), name="RC.zst"))
        assert pairs(found) == ["t3_abc/t1_c1"]
        assert found.counts["dropped"] == {"repeated_post": 3}


def test_a_folder_of_both_kinds_is_sorted_by_what_the_files_hold(tmp_path, dump, curate, submission, comment):
    dump(submission(), name="dumps/a")
    dump(comment(), name="dumps/b")
    (tmp_path / "dumps" / "README.md").write_text("Dumps of October.\n")
    (tmp_path / "dumps" / ".a.partial").write_bytes(b"\x28\xb5\x2f\xfd")
    found = curate(tmp_path / "dumps", tmp_path / "dumps")
    assert pairs(found) == ["t3_abc/t1_c1"]


def test_a_linked_folder_is_looked_into(tmp_path, dump, curate, submission, comment):
    dump(submission(), name="elsewhere/a")
    dump(comment(), name="elsewhere/b")
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "month").symlink_to(tmp_path / "elsewhere")
    assert pairs(curate(tmp_path / "dumps", tmp_path / "dumps")) == ["t3_abc/t1_c1"]


def test_monthly_files_give_the_named_subreddits_only(dump, curate, submission, comment):
    rows = [
        submission("abc"),
        submission("abd", subreddit="pics"),
        submission("abe", subreddit="WritingPrompts2"),
    ]
    found = curate(
        dump(*rows, name="RS.zst"),
        dump(*(comment(f"c{n}", row["id"]) for n, row in enumerate(rows)), name="RC.zst"),
        subreddits=("writingPROMPTS",),
    )
    assert pairs(found) == ["t3_abc/t1_c0"]
    assert found.counts["communities"] == {"WritingPrompts": 1}
    assert found.dropped == []


def test_splits_and_settings(dump, curate, submission, comment):
    asked = dump(submission(over_18=True, author="catbot"), name="RS.zst")
    told = dump(comment(body="Short."), name="RC.zst")
    found = curate(asked, told, split="dev", nsfw=True, bots=(), min_chars=1)
    assert [example.turns[1].text for example in found.dev] == ["Short."]
    assert found.examples == []


def test_the_text_of_a_submission_belongs_to_its_prompt(dump, curate, submission, comment):
    text = "In [150 words](https://x.y/z), no more.&#x200B;"
    found = curate(dump(submission(selftext=text), name="RS.zst"), dump(comment(), name="RC.zst"))
    assert found.examples[0].turns[0].text == "The sea has left abc.\n\nIn 150 words, no more."


def question(submission, id, **changed):
    row = {"subreddit": "AskReddit", "title": f"What is {id}?", "domain": "self.AskReddit", **changed}
    return submission(id, **row)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"selftext": "I ask since …"}, "has_text"),
        ({"title": "Twins, what are the best switches you've pulled."}, "not_a_question"),
        ({"title": "Reddit, what is love?"}, "not_self_contained"),
        ({"title": "What is love? [Serious]"}, "not_a_question"),
        ({"title": "[Serious] What is love?"}, "tag"),
        ({"title": "What is in this picture?"}, "not_self_contained"),
        ({"title": "What is your worst date (story in the comments), and why?"}, "not_self_contained"),
    ],
)
def test_a_test_prompt_is_a_question_that_can_be_asked_alone(dump, curate, submission, changed, rule):
    asked = dump(question(submission, "abc"), question(submission, "bad", **changed))
    found = curate(asked, split="test")
    assert [prompt.turns for prompt in found.test] == [(Turn("user", "What is abc?"),)]
    assert found.reasons == {"AskReddit/bad": rule}
    origin = found.test[0].origin
    assert (origin.url, origin.author) == ("https://www.reddit.com/comments/abc/", "u/ann")


def test_of_test_prompts_those_with_the_most_votes_are_kept(dump, curate, submission):
    scores = {"a": 50, "b": 80, "c": 50, "d": 70}
    asked = dump(*(question(submission, id, score=score) for id, score in scores.items()))
    found = curate(asked, split="test", max_prompts=3)
    assert [prompt.id for prompt in found.test] == ["AskReddit/a", "AskReddit/b", "AskReddit/d"]
    assert found.reasons == {"AskReddit/c": "not_among_top"}


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, "comments: must name the files with the answers"),
        ({"comments": ("x",), "max_prompts": 3}, r"max_prompts: is for split"),
        ({"comments": ("x",), "min_chars": 9, "max_chars": 8}, "max_chars: must be at least 9"),
        ({"split": "test", "max_prompts": -1}, "max_prompts: must be at least 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, error):
    with pytest.raises(ValueError, match=error):
        Reddit(kind="reddit", submissions=(InputPath("x"),), **settings)


def test_a_source_that_gives_nothing_says_what_took_all(dump, curate, submission, comment):
    asked = dump(submission("a", score=3), submission("b", score=2), submission("c"), name="RS.zst")
    told = dump(comment("c1", "zzz"), name="RC.zst")
    with pytest.raises(DataError, match="few_votes took 2, no_answer took 1; lower min_score"):
        curate(asked, told)
    with pytest.raises(DataError, match="no submission of r/pics"):
        curate(asked, told, subreddits=("pics",))


def test_the_files_may_be_read_by_several_processes(dump, curate, submission, comment, monkeypatch):
    monkeypatch.setattr("handful.sources.reddit.read.WORTH_PROCESSES", 0)
    asked = [dump(submission(f"a{n}"), name=f"RS_{n}.zst") for n in range(2)]
    told = [dump(comment(f"c{n}", f"a{n}"), name=f"RC_{n}.zst") for n in range(2)]
    with using(Engine(workers=2)):
        found = curate(asked, told)
    assert pairs(found) == ["t3_a0/t1_c0", "t3_a1/t1_c1"]


def test_no_more_files_are_open_than_their_windows_fit_into_memory(
    dump, curate, submission, comment, monkeypatch
):
    """Two files with a window of 2 GiB, and memory for one."""
    monkeypatch.setattr("handful.sources.reddit.read.WORTH_PROCESSES", 0)
    monkeypatch.setattr("handful.sources.reddit.read.memory", lambda: 7 << 30)
    monkeypatch.setattr("handful.run.processes.Worker", None)
    told = [dump(comment(f"c{n}"), name=f"RC_{n}.zst") for n in range(2)]
    with using(Engine(workers=8)):
        assert pairs(curate(dump(submission(), name="RS.zst"), told)) == ["t3_abc/t1_c0"]


def test_a_comment_that_is_nested_without_end_is_a_bad_row(dump, curate, submission, comment):
    deep = '{"link_id": "t3_abc", "body": ' + "[" * 100_000 + "]" * 100_000 + "}"
    more = [comment(f"c{n}") for n in range(3)]
    found = curate(dump(submission(), name="RS.zst"), dump(*more[:1], deep, *more[1:], name="RC.zst"))
    assert len(pairs(found)) == 1
