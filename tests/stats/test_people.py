"""What people say when asked again, and who they were, reach stats.json; groups are compared with each other."""

import json

import pytest

from handful.core import jsonl
from handful.core.types import Check, Comparison, Grade, Respondent, Seal, Signature, Turn, Verdict
from handful.recipe.evaluation import Stats
from handful.stats.bootstrap import Bootstrap
from handful.stats.people import of_grades, of_pairs, place_of
from handful.stats.work import work

QUICK = Bootstrap(draws=200)
PROMPTS = {f"c{n}": f"p{n}" for n in range(12)}


def said(judge, choices, order="forward"):
    return [Verdict(f"c{n}", judge, choice, order) for n, choice in enumerate(choices)]


def test_the_same_text_chosen_on_both_sides_is_the_same_answer():
    first = said("ann", ["left"] * 6 + ["tie"] * 6)
    again = said("ann", ["left"] * 3 + ["right"] * 3 + ["left"] * 3 + ["tie"] * 3, "swapped")
    everybody, ann = of_pairs("preference", {"ann": first}, again, PROMPTS, QUICK)
    assert (everybody.judge, everybody.kind, ann.judge, ann.kind) == ("all people", "people", "ann", "person")
    assert ann.repeats == 12
    assert ann.same.estimate == pytest.approx(6 / 12)
    assert ann.same_tie_discounted.estimate == pytest.approx((3 + 0 + 3 * 0.5 + 3) / 12)
    assert ann.same == everybody.same
    assert (ann.same.n, ann.same.unit) == (12, "prompts")


def test_who_goes_by_the_place_contradicts_themselves():
    first = said("ann", ["left"] * 12)
    again = said("ann", ["right"] * 12, "swapped")  # the first shown, each time
    _, ann = of_pairs("preference", {"ann": first}, again, PROMPTS, QUICK)
    assert (ann.same.estimate, ann.first_position.estimate) == (0, 1)
    assert place_of(again[0]) == "left"


def test_an_interval_takes_the_prompt_as_its_unit():
    """Two repetitions on each of six prompts, alike within a prompt: six observations, not twelve."""
    prompts = {id: f"p{n // 2}" for n, id in enumerate(PROMPTS)}
    first = said("ann", ["left"] * 12)
    again = said("ann", ["left", "left", "right", "right"] * 3, "swapped")
    _, ann = of_pairs("preference", {"ann": first}, again, prompts, QUICK)
    assert (ann.repeats, ann.same.n) == (12, 6)


def test_repetitions_without_a_first_answer_are_passed_over():
    assert of_pairs("preference", {"ann": said("ann", ["left"])}, said("ben", ["left"]), PROMPTS, QUICK) == []
    assert of_pairs("preference", {}, [], PROMPTS, QUICK) == []


def test_grades_are_repeated_too():
    first = [Grade(f"c{n}", "ann", "pass") for n in range(4)]
    again = [Grade(f"c{n}", "ann", grade) for n, grade in enumerate(["pass", "fail", "pass", "pass"])]
    everybody, ann = of_grades("quality", {"ann": first}, again, PROMPTS, QUICK)
    assert (ann.task, ann.repeats, ann.same.estimate) == ("quality", 4, 0.75)
    assert ann.same_tie_discounted is None
    assert everybody.judge == "all people"


@pytest.fixture
def inputs(tmp_path):
    """20 prompts; two of the crowd and two authors. The crowd says left; the authors too, but for a tie each."""
    ids = [f"c{n}" for n in range(20)]
    study, people = tmp_path / "study", tmp_path / "annotate"
    (study / "sealed").mkdir(parents=True)
    people.mkdir()
    jsonl.write(
        study / "comparisons.jsonl", (Comparison(i, f"p{i}", (Turn("user", i),), "a", "b") for i in ids)
    )
    jsonl.write(study / "sealed" / "key.jsonl", (Seal(i, f"p{i}", "tuned", "base") for i in ids))
    jsonl.write(study / "sealed" / "signatures.jsonl", [Signature("s0", "pc0", "tuned", 0, "quality")])
    verdicts = [Verdict(i, who, "left") for who in ("crowd:a", "crowd:b") for i in ids]
    for number, who in enumerate(("author:x", "author:y")):
        verdicts += [Verdict(i, who, "tie" if n == number else "left") for n, i in enumerate(ids)]
    jsonl.write(people / "verdicts.jsonl", verdicts)
    jsonl.write(people / "repeats.jsonl", [Verdict(i, "crowd:a", "left", "swapped") for i in ids[:10]])
    jsonl.write(people / "grades.jsonl", [Grade("s0", "author:x", "pass")])
    jsonl.write(people / "repeated_grades.jsonl", [Grade("s0", "author:x", "fail")])
    checks = [Check("k1", "crowd:a", "left", "left", True), Check("k2", "crowd:a", "left", "tie", False)]
    jsonl.write(people / "checks.jsonl", checks)
    jsonl.write(
        people / "people.jsonl",
        [
            Respondent("crowd:a", "a", "crowd", 20, 1, 12.5),
            Respondent("z", "z", "", 3, 0, 1.0, True, "too fast", 4, 1, 3, 2),
        ],
    )
    return {"study": study, "annotate": people}


def test_what_annotate_leaves_reaches_stats(inputs, tmp_path):
    (tmp_path / "out").mkdir()
    work(Stats(draws=200), inputs, tmp_path / "out")
    stats = json.loads((tmp_path / "out" / "stats.json").read_text())
    found = [(r["judge"], r["task"], r["repeats"], r["same"]["estimate"]) for r in stats["self_consistency"]]
    assert found == [
        ("all people", "preference", 10, 1),
        ("crowd:a", "preference", 10, 1),
        ("all people", "quality", 1, 0),
        ("author:x", "quality", 1, 0),
    ]
    a, z = stats["participants"]
    assert (a["checks_passed"], a["checks"], a["seconds"], a["dropped"]) == (1, 2, 12.5, False)
    assert (z["dropped"], z["reason"]) == (True, "too fast")
    assert (z["checks_passed"], z["checks"], z["repeats_same"], z["repeats"]) == (1, 4, 2, 3)


def test_the_table_of_section_4_2_crowd_and_authors_among_and_with_each_other(inputs, tmp_path):
    (tmp_path / "out").mkdir()
    work(Stats(draws=200), inputs, tmp_path / "out")
    stats = json.loads((tmp_path / "out" / "stats.json").read_text())
    found = {(row["first"], row["second"]): row for row in stats["groups"]}
    figures = {pair: row["tie_discounted"]["estimate"] for pair, row in found.items()}
    assert figures[("crowd", "crowd")] == 1
    assert figures[("author", "author")] == pytest.approx(1 - 2 * 0.5 / 20)
    assert figures[("author", "crowd")] == pytest.approx(1 - 0.5 / 20)
    assert found["author", "crowd"]["comparisons"] == 4 * 20
    assert [row["annotator"] for row in stats["leave_one_out"]] == [
        "author:x",
        "author:y",
        "crowd:a",
        "crowd:b",
    ]
