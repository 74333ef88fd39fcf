"""The stage waits for people, and writes the same bytes for the same ledger."""

import pytest

from handful.annotate.items import read_study
from handful.annotate.practice import checks_of
from handful.annotate.said import Skip
from handful.annotate.work import work
from handful.core import jsonl
from handful.core.errors import DataError, Waiting
from handful.core.types import Check, Grade, Respondent, Verdict
from handful.recipe.evaluation import Annotate


@pytest.fixture
def target(made_target):
    return made_target


@pytest.fixture
def inputs(folder):
    return {"study": folder}


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "annotate-0123456789ab.partial"
    folder.mkdir()
    return folder


@pytest.fixture
def items(study):
    return list(study.items.values())


def read(out, name, kind=Verdict):
    return list(jsonl.read(out / f"{name}.jsonl", kind))


def test_a_recipe_without_people_passes_through(inputs, out, tmp_path):
    assert work(Annotate(), inputs, out) == {"people": 0, "verdicts": 0, "wanted": 0}
    assert (out / "verdicts.jsonl").read_bytes() == b""
    assert not (tmp_path / "people.sqlite").exists()


def test_looking_for_answers_makes_no_ledger(inputs, out, tmp_path):
    with pytest.raises(Waiting, match="0 of 6"):
        work(Annotate(people=1), inputs, out)
    assert not (tmp_path / "people.sqlite").exists()


def test_it_waits_and_says_how_far_people_are(inputs, out, items, ledger, give):
    with pytest.raises(
        Waiting, match=r"^0 of 12 answers given; people answer at: handful serve study RECIPE$"
    ):
        work(Annotate(people=2), inputs, out)
    for item in items:
        give(ledger, "ann", item)
    with pytest.raises(Waiting, match=r"^6 of 12 answers given"):
        work(Annotate(people=2), inputs, out)
    assert list(out.iterdir()) == []


def test_of_several_tasks_each_is_told(make_folder, make_comparison, make_submission, out, ledger, give):
    folder = make_folder([make_comparison(0)], [make_submission(1), make_submission(2)])
    study = read_study(folder)
    give(ledger, "ann", study.of("quality")[0], "pass")
    with pytest.raises(Waiting, match=r"1 of 3 answers given \(preference 0 of 1, quality 1 of 2\)"):
        work(Annotate(people=1), {"study": folder}, out)
    give(ledger, "ann", study.of("quality")[1], "excellent")
    assert work(Annotate(people=1, tasks=("quality",)), {"study": folder}, out)["grades"] == 2
    assert read(out, "grades", Grade) == [
        Grade("s1", "ann", "pass", "pass"),
        Grade("s2", "ann", "excellent", "excellent"),
    ]
    assert read(out, "verdicts") == []


def test_enough_answers_become_verdicts(inputs, out, items, ledger, give):
    ledger.add_person("ben", "authors")
    for item in items:
        give(ledger, "ann", item, "first", "swapped", ms=3000)
        give(ledger, "ben", item, "neither", ms=1000)
    counts = work(Annotate(people=2), inputs, out)
    assert counts == {
        "people": 2,
        "verdicts": 12,
        "grades": 0,
        "repeats": 0,
        "skipped": 0,
        "checks": {"passed": 0, "answered": 0},
        "dropped": {"people": 0, "answers": 0},
        "wanted": 12,
    }
    assert read(out, "verdicts")[:2] == [
        Verdict("c0", "ann", "right", "swapped", raw="A"),
        Verdict("c0", "authors:ben", "tie", "forward", raw="neither"),
    ]
    assert read(out, "people", Respondent) == [
        Respondent("ann", "ann", "", 6, 0, 3.0),
        Respondent("authors:ben", "ben", "authors", 6, 0, 1.0),
    ]


def test_what_goes_beyond_on_one_item_does_not_make_up_for_another(inputs, out, items, ledger, give):
    for person in ("ann", "ben", "cleo"):
        give(ledger, person, items[0])
    give(ledger, "ann", items[1])
    with pytest.raises(Waiting, match=r"^3 of 12"):
        work(Annotate(people=2), inputs, out)


def test_what_dropped_people_said_is_left_out_and_counted(inputs, out, items, ledger, give, enter):
    enter(ledger, "ann", "ben")
    for item in items:
        give(ledger, "ann", item)
        give(ledger, "ben", item)
    ledger.event("dropped", "ben", "always the first")
    with pytest.raises(Waiting, match="6 of 12"):
        work(Annotate(people=2), inputs, out)
    counts = work(Annotate(people=1), inputs, out)
    assert counts["dropped"] == {"people": 1, "answers": 6}
    assert {verdict.judge for verdict in read(out, "verdicts")} == {"ann"}
    (_, ben) = read(out, "people", Respondent)
    assert (ben.name, ben.dropped, ben.reason, ben.answered) == ("ben", True, "always the first", 6)
    ledger.event("kept", "ben")
    assert work(Annotate(people=2), inputs, out)["verdicts"] == 12


def test_an_undone_answer_and_a_skip_are_missing(inputs, out, items, ledger, give):
    given = [give(ledger, "ann", item) for item in items]
    ledger.undo("ann", given[0].id)
    with pytest.raises(Waiting, match=r"^5 of 6"):
        work(Annotate(people=1), inputs, out)
    give(ledger, "ann", items[0], "skip", reason="offensive")
    with pytest.raises(Waiting, match=r"^5 of 6"):
        work(Annotate(people=1), inputs, out)
    give(ledger, "ben", items[0])
    assert work(Annotate(people=1), inputs, out)["skipped"] == 1
    assert read(out, "skipped", Skip) == [Skip("c0", "preference", "ann", "offensive")]


def test_repeats_and_checks_have_files_of_their_own(inputs, out, items, study, ledger, give, tmp_path):
    (tmp_path / "checks.csv").write_text("id,prompt,left,right,choice\nk1,1+1?,2,3,left\n")
    params = Annotate(people=1, repeats=1, checks=(str(tmp_path / "checks.csv"),))
    (check,) = checks_of(params, study)
    for item in items:
        give(ledger, "ann", item, "first", "forward")
    give(ledger, "ann", items[3], "first", "swapped", round=1)
    give(ledger, "ann", check, "first", "swapped")
    counts = work(params, inputs, out)
    assert (counts["verdicts"], counts["repeats"], counts["checks"]) == (6, 1, {"passed": 0, "answered": 1})
    assert read(out, "repeats") == [Verdict("c3", "ann", "right", "swapped", raw="A")]
    assert read(out, "checks", Check) == [Check("k1", "ann", "left", "right", False)]
    give(ledger, "zoe", items[0], "first", "forward")
    give(ledger, "zoe", items[0], "second", "swapped", round=1)
    give(ledger, "zoe", check, "first", "forward")
    ledger.add_person("zoe")
    ledger.event("dropped", "zoe", "asleep")
    work(params, inputs, out)
    assert len(read(out, "checks", Check)) == 1  # what a dropped person said is there as counts alone
    figures = [
        (one.checks, one.checks_passed, one.repeats, one.repeats_same)
        for one in read(out, "people", Respondent)
    ]
    assert figures == [(1, 0, 1, 0), (1, 1, 1, 1)]


def test_the_order_of_answering_does_not_show(inputs, out, items, tmp_path, blank, give):
    import shutil

    from handful.annotate.ledger import open_ledger

    made = []
    for number, order in enumerate([items, items[::-1]]):
        root = tmp_path / str(number)
        (root / "out").mkdir(parents=True)
        ledger = open_ledger(shutil.copy(blank, root / "people.sqlite"))
        for item in order:
            for person in ("ann", "ben")[:: 1 - 2 * number]:
                give(ledger, person, item, ms=number + 5 if person == "cleo" else 7)
        ledger.close()
        work(Annotate(people=1), inputs, root / "out")
        made.append({path.name: path.read_bytes() for path in (root / "out").iterdir()})
    assert made[0] == made[1]
    assert {
        "verdicts.jsonl",
        "grades.jsonl",
        "repeats.jsonl",
        "checks.jsonl",
        "skipped.jsonl",
        "people.jsonl",
    } <= made[0].keys()
    assert not any(
        b"20" in content and b"T" in content and b":" in content and b"+00:00" in content
        for content in made[0].values()
    )


def test_a_study_that_asks_nothing_of_people_is_an_error(make_folder, out):
    folder = make_folder(tasks=("preference",), name="empty")
    with pytest.raises(DataError, match="asks nothing of people"):
        work(Annotate(people=1), {"study": folder}, out)
