import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Origin, Turn
from handful.recipe.curation import Select
from handful.recipe.values import InputPath
from handful.select.reviews import Decided, agreement, read_reviews, text_hash
from handful.select.work import work


@pytest.fixture
def candidates(make_candidate):
    return [
        make_candidate(
            id=f"cooking/{n}",
            title=f"Rice {n}?",
            question_score=n,
            origin=Origin("other", "cooking", str(n), "u", "Ann", "CC BY-SA 4.0"),
        )
        for n in range(10)
    ]


@pytest.fixture
def inputs(make_clean, make_example, candidates):
    folder = make_clean(
        candidates=candidates,
        examples=[make_example(f"e/{n}") for n in range(3)],
        sources={"other": {"dropped": {}}, "authored": {}},
    )
    jsonl.write(folder["clean"] / "dropped.jsonl", [Dropped("cooking/99", "too_short", "3 characters")])
    return folder


@pytest.fixture
def run(inputs, tmp_path):
    """Select with these decisions; returns counts and the folder."""

    def select(*lines, quota=None, seed=0):
        path, out = tmp_path / "reviews.jsonl", tmp_path / "out"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        out.mkdir(exist_ok=True)
        params = Select(quota=quota or {"other": 4}, reviews=(InputPath(str(path)),), seed=seed)
        return work(params, inputs, out), out

    return select


def line(candidate, decision="accept", **more):
    return {"id": candidate.id, "decision": decision, "by": ["anna"], "original": text_hash(candidate)} | more


def turns(prompt="A better question?", answer="A better answer."):
    return [{"role": "user", "text": prompt}, {"role": "assistant", "text": answer}]


def train_of(out):
    return {example.id: example for example in jsonl.read(out / "train.jsonl", Example)}


def test_the_hash_is_of_all_that_the_text_says(candidates, make_example):
    first = candidates[0]
    said = json.dumps([first.title, first.body, first.answer])
    assert text_hash(first) == hashlib.sha256(said.encode()).hexdigest()
    assert text_hash(first) == text_hash(msgspec.structs.replace(first, question_score=99))
    assert text_hash(first) != text_hash(msgspec.structs.replace(first, body="x"))
    said = json.dumps([["user", "ask e"], ["assistant", "yes"]])
    assert text_hash(make_example("e")) == hashlib.sha256(said.encode()).hexdigest()


def test_what_is_rejected_is_not_drawn_and_says_who_and_why(run, candidates):
    counts, out = run(line(candidates[9], "reject", reason="out of date"), quota={"other": 9})
    assert "cooking/9" not in train_of(out)
    left = {d.id: d for d in jsonl.read(out / "not_drawn.jsonl", Dropped)}
    assert left["cooking/9"] == Dropped("cooking/9", "rejected", "anna: out of date")
    assert counts["available"] == {"authored": 3, "other": 9}
    assert counts["drawn"]["other"] == 9


def test_what_is_kept_is_drawn_before_better_ones(run, candidates):
    _, out = run(line(candidates[0]), line(candidates[1], tags=["calm"]))
    drawn = train_of(out)
    other = [id for id in drawn if id.startswith("cooking")]
    assert set(other) == {"cooking/0", "cooking/1", "cooking/9", "cooking/8"}
    assert "calm" in drawn["cooking/1"].tags


def test_more_than_the_quota_may_be_kept_and_the_quota_holds(run, candidates):
    _, out = run(*map(line, candidates[:6]))
    drawn = [id for id in train_of(out) if id.startswith("cooking")]
    assert sorted(drawn) == ["cooking/2", "cooking/3", "cooking/4", "cooking/5"]  # the best of those kept


def test_an_edit_replaces_the_text_and_keeps_the_credit(run, candidates):
    counts, out = run(line(candidates[3], "edit", turns=turns(), by=["anna", "ben"]))
    edited = train_of(out)["cooking/3"]
    assert edited.turns == (Turn("user", "A better question?"), Turn("assistant", "A better answer."))
    assert edited.tags[-1] == "edited_by=anna, ben"
    assert (edited.origin.author, edited.origin.license, edited.origin.url) == ("Ann", "CC BY-SA 4.0", "u")
    assert counts["reviews"]["edited"] == 1


def test_what_people_wrote_is_added_to_its_source_beyond_the_quota(run):
    written = {"id": "authored/new-1", "decision": "write", "by": ["ben"], "turns": turns()}
    written |= {"author": "Ben B.", "license": "CC0"}
    counts, out = run(written, quota={"other": 4, "authored": 2})
    drawn = train_of(out)
    assert len([id for id in drawn if id.startswith("e/")]) == 2
    assert drawn["authored/new-1"].origin == Origin(
        "authored", "authored", "authored/new-1", author="Ben B.", license="CC0"
    )
    assert "written_by=ben" in drawn["authored/new-1"].tags
    assert counts["available"]["authored"] == 4
    assert counts["drawn"]["authored"] == 3


def test_a_written_example_makes_a_source_where_there_is_none(make_clean, candidates, tmp_path):
    inputs = make_clean(candidates=candidates, sources={"other": {}})
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"id": "authored/x", "decision": "write", "by": ["ben"], "turns": turns()}))
    counts = work(Select(quota={"other": 1}, reviews=(InputPath(str(path)),)), inputs, tmp_path)
    assert counts["drawn"] == {"other": 1, "authored": 1}


def test_a_decision_about_a_text_that_changed_is_passed_over_and_named(run, candidates):
    counts, out = run(line(candidates[9], "reject", original="0" * 64), line(candidates[0]))
    assert "cooking/9" in train_of(out)
    (unused,) = jsonl.read(out / "reviews_unused.jsonl", Dropped)
    assert (unused.id, unused.rule) == ("cooking/9", "changed_since_review")
    assert counts["reviews"]["changed_since_review"] == 1
    assert counts["reviews"]["rejected"] == 0


def test_a_decision_about_a_text_that_clean_drops_now_is_passed_over(run):
    gone = {"id": "cooking/99", "decision": "accept", "by": ["anna"], "original": "0" * 64}
    counts, out = run(gone)
    (unused,) = jsonl.read(out / "reviews_unused.jsonl", Dropped)
    assert unused.rule == "dropped_since_review"
    assert unused.detail == "accept by anna; clean drops it by too_short"
    assert counts["reviews"]["dropped_since_review"] == 1


def test_without_reviews_nothing_is_other_than_before(inputs, tmp_path):
    counts = work(Select(quota={"other": 4}), inputs, tmp_path)
    assert "reviews" not in counts
    assert not (tmp_path / "reviews_unused.jsonl").exists()


def test_the_same_decisions_in_another_order_make_the_same_bytes(run, candidates):
    lines = [line(candidates[0]), line(candidates[3], "edit", turns=turns()), line(candidates[9], "reject")]
    lines += [
        {"id": f"authored/{n}", "decision": "write", "by": ["b"], "turns": turns(f"{n}?")} for n in (2, 1)
    ]

    def made(given):
        counts, out = run(*given)
        return counts, {path.name: path.read_bytes() for path in out.iterdir()}

    assert made(lines) == made(lines[::-1])


def test_too_few_are_left_says_that_reviewers_took_some(run, candidates):
    with pytest.raises(
        DataError, match=r"select\.quota\.other: asked for 9, but the rules left 8 \(rejected took 2\)"
    ):
        run(line(candidates[0], "reject"), line(candidates[1], "reject"), quota={"other": 9})


GOOD = {"id": "a", "decision": "accept", "by": ["anna"], "original": "0" * 64}


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("{", r"r\.jsonl:2: is no decision of the desk: "),
        (
            GOOD | {"decision": "maybe"},
            r"r\.jsonl:2: .*maybe.*; a decision is one of accept, reject, edit, write",
        ),
        (GOOD | {"id": "b", "colour": "red"}, r"r\.jsonl:2: .*unknown field `colour`"),
        (GOOD, r"r\.jsonl:2: a is decided twice, first at .*r\.jsonl:1"),
        (GOOD | {"id": ""}, r"r\.jsonl:2: a line without an id: needs an id"),
        (GOOD | {"id": "b", "by": []}, r"r\.jsonl:2: b: needs an id, and in `by`"),
        (GOOD | {"id": "b", "original": "xyz"}, r"r\.jsonl:2: b: `original` must be the sha256"),
        (GOOD | {"id": "b", "turns": turns()}, r'r\.jsonl:2: b: "accept" leaves the text as it is'),
        (GOOD | {"id": "b", "decision": "edit"}, r"r\.jsonl:2: b: has no turns"),
        (GOOD | {"id": "b", "decision": "edit", "turns": turns()[:1]}, r"b: the last turn is by the user"),
        (GOOD | {"id": "b", "decision": "edit", "turns": turns(answer=" ")}, r"b: a turn has no text"),
        (GOOD | {"id": "b", "decision": "write", "turns": turns()}, r'b: "write" adds a text of its own'),
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path, second, told):
    path = tmp_path / "r.jsonl"
    path.write_text(
        json.dumps(GOOD) + "\n" + (second if isinstance(second, str) else json.dumps(second)) + "\n"
    )
    with pytest.raises(DataError, match=told) as error:
        read_reviews([str(path)])
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.jsonl: No such file"):
        read_reviews([str(tmp_path / "none.jsonl")])
    with pytest.raises(DataError, match="is a folder"):
        read_reviews([str(tmp_path)])
    (tmp_path / "empty.jsonl").write_text("\n\n")
    assert read_reviews([str(tmp_path / "empty.jsonl")]) == {}


def test_an_id_that_nobody_has_heard_of_is_an_error_with_the_nearest(run, candidates):
    with pytest.raises(
        DataError, match=r"select\.reviews: there is no text 'cooking/12'.*did you mean 'cooking/1'\?"
    ):
        run(line(candidates[1]), GOOD | {"id": "cooking/12"})


def test_what_is_written_may_not_take_the_id_of_a_text(run):
    with pytest.raises(DataError, match="cooking/1 is written as new, but there is a text of that id"):
        run({"id": "cooking/1", "decision": "write", "by": ["ben"], "turns": turns()})


def test_agreement_is_counted_and_set_against_chance():
    # 20 pairs: 12 keep-keep, 4 reject-reject, 4 apart. Shares 0.7 and 0.3, chance 0.58, exact 0.8.
    pairs = (
        [("keep", "keep")] * 12 + [("reject", "reject")] * 4 + [("keep", "reject")] * 3 + [("reject", "keep")]
    )
    assert agreement(pairs) == {"n": 20, "exact": 0.8, "kappa": round((0.8 - 0.58) / 0.42, 4)}
    assert agreement([("keep", "keep")]) == {"n": 1, "exact": 1.0, "kappa": None}
    assert agreement([]) == {"n": 0, "exact": None, "kappa": None}


@given(
    st.lists(st.tuples(st.sampled_from(["keep", "reject"]), st.sampled_from(["keep", "reject"])), min_size=1)
)
def test_who_is_named_first_does_not_change_agreement(pairs):
    found = agreement(pairs)
    assert found == agreement([(b, a) for a, b in pairs])
    assert 0 <= found["exact"] <= 1
    assert found["kappa"] is None or -1 <= found["kappa"] <= 1


def test_agreement_of_blind_decisions_is_in_the_manifest(run, candidates):
    counts, _ = run(
        line(candidates[0], blind={"anna": "accept", "ben": "edit"}),
        line(candidates[1], "reject", blind={"anna": "reject", "ben": "reject"}),
        line(candidates[2], blind={"anna": "accept"}),
    )
    assert counts["reviews"]["agreement"] == {"n": 2, "exact": 1.0, "kappa": 1.0}


def test_a_line_survives_writing_and_reading(tmp_path):
    decided = Decided(
        "a", "edit", ("anna",), original="1" * 64, turns=(Turn("user", "é\n?"), Turn("assistant", "!"))
    )
    jsonl.write(tmp_path / "r.jsonl", [decided])
    assert read_reviews([str(tmp_path / "r.jsonl")]) == {"a": decided}
