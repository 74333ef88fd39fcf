from collections import Counter

import pytest

from handful.core import jsonl
from handful.core.types import Example, Turn
from handful.desk import deeds
from handful.desk.files import content_of, write_decisions
from handful.desk.queue import Filters
from handful.recipe.curation import Select
from handful.recipe.values import InputPath
from handful.select.work import work

BETTER = (Turn("user", "How is a kettle kept?"), Turn("assistant", "A kettle is kept dry."))


@pytest.fixture
def decide(desk):
    def say(person, id, decision="accept", turns=None, reason="", tags=(), nonce=""):
        return deeds.decide(desk, person, desk.item(id), decision, reason, tags, turns, nonce)

    return say


def drawn_ids(folders):
    return [example.id for example in jsonl.read(folders[1] / "train.jsonl", Example)]


def test_what_is_drawn_comes_first_and_then_the_best_of_each_community_in_turn(desk, folders):
    queue = desk.queue(Filters(), "anna")
    drawn = drawn_ids(folders)
    assert queue[: len(drawn)] == drawn
    rest = queue[len(drawn) :]
    assert len(queue) == len(set(queue)) == 14
    left = {
        site: [n for n in range(5, -1, -1) if f"{site}/{n}" not in drawn] for site in ("cooking", "travel")
    }
    first_of_each = {f"{site}/{numbers[0]}" for site, numbers in left.items() if numbers}
    assert set(rest[: len(first_of_each)]) == first_of_each


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (Filters(source="mine"), 2),
        (Filters(community="travel"), 6),
        (Filters(tag="violin"), 2),
        (Filters(q="VIOLIN patience"), 2),
        (Filters(q="violin kettle"), 0),
        (Filters(q="title"), 0),  # the name of a field is no text
        (Filters(q='"'), 0),
        (Filters(source="other", community="cooking", q="harbour"), 1),
        (Filters(which="drawn"), 6),
    ],
)
def test_the_queue_narrows(desk, asked, count):
    assert len(desk.queue(asked, "anna")) == count


def test_one_decision_stands_and_moves_the_set(desk, decide, folders):
    drawn, other = drawn_ids(folders)[-1], next(c.id for c in desk.shelf.cards if c.drawn is None)
    assert desk.coverage().size == 6
    decide("anna", drawn, "reject")
    assert drawn not in desk.members()
    decide("anna", other)
    assert other in desk.members()
    assert desk.coverage().size == 6
    assert desk.coverage().reviewed == 1
    assert desk.item(drawn).standing.state == "one"


def test_a_reviewer_is_blind_until_both_have_decided(desk, decide):
    decide("anna", "cooking/1", "reject", reason="dull")
    found = desk.item("cooking/1").standing
    assert not found.shown_to("ben")
    assert not found.shown_to("anna")
    assert "cooking/1" not in desk.queue(Filters(which="rejected"), "ben")
    assert "cooking/1" in desk.queue(Filters(which="mine"), "ben")
    assert "cooking/1" not in desk.queue(Filters(which="mine"), "anna")
    decide("ben", "cooking/1", "reject")
    found = desk.item("cooking/1").standing
    assert found.shown_to("ben")
    assert found.shown_to("anna")
    assert not found.shown_to("carl")
    assert found.state == "agreed"
    assert "cooking/1" not in desk.queue(
        Filters(which="mine"), "carl"
    )  # two have decided: nothing is left to do


def test_who_has_seen_the_others_decision_cannot_change_their_own(desk, decide):
    decide("anna", "cooking/1", "reject")
    decide("ben", "cooking/1")
    assert decide("anna", "cooking/1", "accept") == "locked"
    row = desk.reviews.last_of("anna").id
    assert deeds.undo(desk, "anna", row) == ("cooking/1", "locked")
    assert desk.item("cooking/1").standing.state == "disputed"


def test_a_dispute_is_left_out_until_a_third_decision_which_names_all(desk, decide):
    decide("anna", "cooking/1", "edit", BETTER)
    decide("ben", "cooking/1", "reject", reason="dull")
    assert [found.candidate for found in desk.disputed()] == ["cooking/1"]
    assert desk.decisions() == []
    assert desk.agreement() == {"n": 1, "exact": 0.0, "kappa": -1.0}
    assert deeds.settle(desk, "carl", desk.item("cooking/1"), "edit:ben", "") == ""  # ben made no edit
    assert deeds.settle(desk, "carl", desk.item("cooking/1"), "edit:anna", "short") == "settled"
    (line,) = desk.decisions()
    assert (line.decision, line.by, line.turns) == ("edit", ("anna", "carl"), BETTER)
    assert line.blind == {"anna": "edit", "ben": "reject"}
    assert line.reason == "short"
    row = desk.reviews.last_of("carl").id
    assert deeds.undo(desk, "carl", row) == ("cooking/1", "undone")
    assert desk.item("cooking/1").standing.state == "disputed"


def test_an_edit_stands_beside_an_acceptance_and_two_edits_are_a_dispute(desk, decide):
    decide("anna", "cooking/1", "edit", BETTER)
    decide("ben", "cooking/1")
    assert desk.item("cooking/1").standing.state == "agreed"
    (line,) = desk.decisions()
    assert (line.decision, line.by) == ("edit", ("anna", "ben"))
    decide("anna", "cooking/2", "edit", BETTER)
    decide("ben", "cooking/2", "edit", (BETTER[0], Turn("assistant", "Kept otherwise.")))
    assert desk.item("cooking/2").standing.state == "disputed"


def test_an_edit_that_changes_nothing_is_an_acceptance(desk, decide):
    assert decide("anna", "cooking/1", "edit", desk.item("cooking/1").example.turns) == "same"
    assert desk.decisions()[0].decision == "accept"


def test_undo_takes_back_the_last_decision_alone(desk, decide):
    decide("anna", "cooking/1")
    first = desk.reviews.last_of("anna").id
    decide("anna", "cooking/2")
    assert deeds.undo(desk, "anna", first) == ("cooking/2", "")  # a page that is out of date
    assert deeds.undo(desk, "anna", desk.reviews.last_of("anna").id) == ("cooking/2", "undone")
    assert [line.id for line in desk.decisions()] == ["cooking/1"]


def test_what_is_sent_twice_is_stored_once(desk, decide, ledger):
    assert decide("anna", "cooking/1", nonce="n1") == decide("anna", "cooking/1", nonce="n1") == "accept"
    assert len(ledger.rows("reviews")) == 1


def test_a_desk_that_is_opened_again_knows_the_same(desk, decide, make_desk):
    decide("anna", "cooking/1", "edit", BETTER, tags=("calm",))
    decide("ben", "cooking/1", "reject")
    deeds.write(desk, "anna", BETTER, "Anna A.", "CC0", ("own",), (), "w1")
    again = make_desk()
    assert again.decisions() == desk.decisions()
    assert again.standings() == desk.standings()
    assert again.members() == desk.members()


def test_what_is_written_waits_for_others_and_joins_the_set(desk, decide):
    id = deeds.write(desk, "anna", BETTER, "Anna A.", "CC0", ("own", "tone"), ("short",), "w1")
    assert id.startswith("authored/how-is-a-kettle-kept-")
    assert deeds.write(desk, "anna", BETTER, "Anna A.", "CC0", (), (), "w1") == id
    assert desk.queue(Filters(which="mine"), "ben")[0] == id
    assert id in desk.members()
    (line,) = desk.decisions()
    assert (line.decision, line.author, line.license, line.checked) == (
        "write",
        "Anna A.",
        "CC0",
        ("own", "tone"),
    )
    improved = (BETTER[0], Turn("assistant", "A kettle is kept dry, and clean."))
    decide("ben", id, "edit", improved)
    (line,) = desk.decisions()
    assert (line.decision, line.turns, line.by) == ("write", improved, ("anna", "ben"))


def test_what_is_written_and_then_rejected_for_good_is_not_in_the_file(desk, decide):
    id = deeds.write(desk, "anna", BETTER, "", "CC0", (), (), "w1")
    decide("ben", id, "reject")
    assert desk.decisions() == []
    deeds.settle(desk, "carl", desk.item(id), "reject", "")
    assert desk.decisions() == []
    assert id not in desk.members()


def test_neighbours_are_of_the_set_and_the_nearest_first(desk, decide, folders):
    drawn = [id for id in drawn_ids(folders) if "/" in id and not id.startswith("e/")]
    own = desk.item(drawn[0])
    same_topic = [id for id in drawn[1:] if desk.item(id).example.tags[-1] == own.example.tags[-1]]
    near = desk.nearest(own.example.turns, own.id)
    assert own.id not in {n.id for n in near}
    assert {n.id for n in near} <= set(desk.members())
    assert [n.similarity for n in near] == sorted((n.similarity for n in near), reverse=True)
    if same_topic:
        assert near[0].id in same_topic
    decide("anna", near[0].id, "reject")
    assert near[0].id not in {n.id for n in desk.nearest(own.example.turns, own.id)}


def test_an_edited_text_is_found_by_its_new_words(desk, decide):
    id = next(iter(desk.members()))
    decide("anna", id, "edit", (Turn("user", "Zeppelin?"), Turn("assistant", "Zeppelin zeppelin.")))
    (near,) = desk.nearest((Turn("user", "A zeppelin"), Turn("assistant", "flies")), count=1)
    assert near.id == id
    assert near.title == "Zeppelin?"


def test_the_same_counts_as_the_set_itself(desk):
    found = desk.coverage()
    members = list(desk.members().values())
    assert found.communities == Counter((m.source, m.community) for m in members)
    assert found.size == len(members) == sum(found.lengths.values()) == sum(found.asks.values())


def test_decisions_about_a_text_that_changed_count_for_nothing(desk, decide, make_desk, folders):
    decide("anna", "cooking/1", "reject")
    path = folders[0] / "candidates.jsonl"
    path.write_text(path.read_text().replace("number 1?", "number one?"))
    again = make_desk()
    assert again.decisions() == []
    assert again.item("cooking/1").standing.state == "open"
    assert [review.candidate for review in again.stale()] == ["cooking/1"]


def test_the_file_of_decisions_goes_back_into_select(desk, decide, folders, tmp_path):
    rejected = drawn_ids(folders)[-1]
    kept = next(c.id for c in desk.shelf.cards if c.drawn is None)
    decide("anna", rejected, "reject", reason="dull")
    decide("ben", rejected, "reject")
    decide("anna", kept, "edit", BETTER, tags=("calm",))
    written = deeds.write(desk, "ben", BETTER, "", "CC0", (), (), "w")
    path = tmp_path / "kept" / "reviews.jsonl"
    write_decisions(path, desk.decisions())
    assert path.read_bytes() == content_of(desk.decisions())
    out = tmp_path / "again"
    out.mkdir()
    counts = work(Select(quota={"other": 4}, reviews=(InputPath(str(path)),)), {"clean": folders[0]}, out)
    train = {example.id: example for example in jsonl.read(out / "train.jsonl", Example)}
    assert rejected not in train
    assert train[kept].turns == BETTER
    assert {"calm", "edited_by=anna"} <= set(train[kept].tags)
    assert train[written].origin.author == "ben"
    assert {name: counts["reviews"][name] for name in ("accepted", "edited", "written", "rejected")} == {
        "accepted": 0,
        "edited": 1,
        "written": 1,
        "rejected": 1,
    }
