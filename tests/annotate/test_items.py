"""What was shown names an item, and an answer is read back as one on the study's own comparison."""

import hashlib
import json

import msgspec
import pytest

from handful.annotate.items import content_of, key_of, order_seen, read_study, same_texts, side_of, verdict_of
from handful.annotate.said import said_of
from handful.core.errors import DataError
from handful.core.types import Turn, Verdict


@pytest.fixture
def target(made_target):
    return made_target


def key(comparison, told="Which is better?"):
    return key_of(comparison.task, told, content_of(comparison))


def test_the_sides_do_not_name_an_item_and_everything_else_shown_does(make_comparison):
    one = make_comparison(1)
    assert key(one.swapped()) == key(one)
    assert key(msgspec.structs.replace(one, id="other", prompt_id="other")) == key(one)
    others = [
        key(one, "Which is worse?"),
        key(msgspec.structs.replace(one, left="left 2")),
        key(msgspec.structs.replace(one, turns=(Turn("user", "Question 2?"),))),
        key(msgspec.structs.replace(one, task="dialogues")),
    ]
    assert len({key(one), *others}) == 5


def test_the_name_of_a_preference_is_that_of_earlier_versions(make_comparison):
    """Answers given before there were other tasks are found again: the sha256 of what is written here."""
    facts = ["preference 1", "Which?", [["user", "Question 1?"]], ["left 1", "right 1"]]
    assert key(make_comparison(1), "Which?") == hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def test_an_item_reads_its_texts_when_it_is_shown_and_knows_no_system(
    make_folder, make_comparison, make_submission
):
    odd = make_comparison(1, "Grüße\u2028\n```\x0b", '"quoted" \\ 漢字 🎉')
    study = read_study(make_folder([make_comparison(0), odd], [make_submission(2)]))
    items = {item.subject: item for item in study.items.values()}
    assert items["c1"].load().texts == (odd.left, odd.right)
    assert items["c1"].load("swapped").texts == (odd.right, odd.left)
    assert items["s2"].load().texts == ("text 2",)
    assert items["s2"].load().turns == (Turn("user", "Request 2"),)


def test_tasks_are_asked_block_by_block_in_the_order_of_the_recipe(
    make_folder, make_comparison, make_submission
):
    folder = make_folder(
        [make_comparison(0), make_comparison(1, task="dialogues"), make_comparison(2)],
        [make_submission(3, "safety"), make_submission(4, "helpfulness")],
    )
    everything = read_study(folder)
    assert [item.task for item in everything.items.values()] == [
        "preference",
        "preference",
        "helpfulness",
        "safety",
        "dialogues",
    ]
    some = read_study(folder, ("safety", "preference"))
    assert [item.subject for item in some.items.values()] == ["s3", "c0", "c2"]
    assert some.tasks == ("safety", "preference")
    assert some.instructions == {"safety": "On safety.", "preference": "Which is better?"}


def test_a_task_that_the_study_does_not_ask_is_refused(folder):
    with pytest.raises(DataError, match="does not ask 'quality'; it asks preference"):
        read_study(folder, ("quality",))


def test_a_line_that_cannot_be_read_is_named(folder):
    path = folder / "comparisons.jsonl"
    path.write_bytes(path.read_bytes() + b'{"id": 1}\n')
    with pytest.raises(DataError, match=r"comparisons\.jsonl:7: "):
        read_study(folder)


@pytest.mark.parametrize("name", ["comparisons.jsonl", "instructions/preference.md"])
def test_a_study_without_its_files_is_named(folder, name):
    (folder / name).unlink()
    (folder / "instructions.md").unlink()
    with pytest.raises(DataError, match=r"comparisons\.jsonl|does not ask|instructions"):
        read_study(folder, ("preference",))


def test_a_study_that_changes_while_it_is_served_is_noticed(folder, make_comparison):
    item = next(iter(read_study(folder).items.values()))
    path = folder / "comparisons.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[::-1]))
    with pytest.raises(DataError, match="changed while the study was served"):
        item.load()
    path.unlink()
    with pytest.raises(DataError, match="changed or gone"):
        item.load()


@pytest.mark.parametrize(
    ("order", "choice", "read"),
    [
        ("forward", "first", "left"),
        ("forward", "second", "right"),
        ("forward", "neither", "tie"),
        ("swapped", "first", "right"),
        ("swapped", "second", "left"),
        ("swapped", "neither", "tie"),
    ],
)
def test_a_choice_among_a_and_b_is_said_of_left_and_right(study, ledger, give, order, choice, read):
    item = next(iter(study.items.values()))
    answer = give(ledger, "ann", item, choice, order)
    letter = {"first": "A", "second": "B", "neither": "neither"}[choice]
    assert verdict_of(item, "ann", answer) == Verdict("c0", "ann", read, order, raw=letter)
    texts = dict(zip(("first", "second"), item.load(order).texts, strict=True))
    assert texts.get(choice) == dict(zip(("left", "right"), item.load().texts, strict=True)).get(read)


@pytest.mark.parametrize("order", ["forward", "swapped"])
def test_an_answer_holds_in_a_study_that_draws_the_other_sides(
    study, make_folder, ledger, give, comparisons, order
):
    """The person chose a text. Whichever side another study puts it on, the verdict is for that text."""
    asked = next(iter(study.items.values()))
    give(ledger, "ann", asked, "first", order)
    chosen = asked.load(order).texts[0]
    turned = msgspec.structs.replace(comparisons[0].swapped(), id="d9")
    later = read_study(make_folder([turned], name="study-later"))
    (verdict,) = said_of(later, ledger.answers(), []).verdicts()
    assert verdict.comparison_id == "d9"
    assert getattr(turned, verdict.choice) == chosen
    assert (verdict.order == "forward") == (turned.left == chosen)


def test_one_answer_counts_for_comparisons_that_look_the_same(make_folder, make_comparison, ledger, give):
    one = make_comparison(1)
    twin = msgspec.structs.replace(one.swapped(), id="twin")
    study = read_study(make_folder([one, twin]))
    (item,) = study.items.values()
    give(ledger, "ann", item, "first")
    said = said_of(study, ledger.answers(), [])
    assert [(v.comparison_id, v.choice) for v in said.verdicts()] == [("c1", "left"), ("twin", "right")]
    assert said.given(1) == {"preference": (2, 2)}


def test_equal_texts_keep_the_order_that_was_shown(make_folder, make_comparison, ledger, give):
    (item,) = read_study(make_folder([make_comparison(1, "same", "same")])).items.values()
    answer = give(ledger, "ann", item, "first", "swapped")
    assert same_texts(item)
    assert order_seen(item, answer.shown, answer.first) == "swapped"
    assert side_of(item, answer.shown, answer.first, "first") == "right"
