"""The stage: folders in, stats.json out."""

import json

import msgspec
import pytest

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Comparison, Dropped, Grade, Response, Seal, Signature, Turn, Verdict
from handful.recipe.evaluation import Stats, StatsOfPanels
from handful.run.store import Manifest, write_manifest
from handful.stats.work import work

PARAMS = Stats(draws=200)
COUNTS = {"comparisons": 4, "verdicts": 0, "unreadable": 0, "missing": 0, "grades": 0} | {
    "unreadable_grades": 0,
    "missing_grades": 0,
}


@pytest.fixture
def inputs(tmp_path):
    """Four prompts, "tuned" against "base", two judges, one person, one prompt without a pair."""
    folders = {
        name: tmp_path / name for name in ("study", "judge/j", "judge/k", "annotate", "generate/tuned")
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["study"] / "sealed").mkdir()
    ids = [f"c{n}" for n in range(4)]
    jsonl.write(
        folders["study"] / "comparisons.jsonl",
        [Comparison(id, f"p{id}", (Turn("user", "?"),), "a longer one", "short") for id in ids],
    )
    jsonl.write(folders["study"] / "sealed/key.jsonl", [Seal(id, f"p{id}", "tuned", "base") for id in ids])
    counts = {"pairs": {"tuned vs base": 4}}
    write_manifest(folders["study"], Manifest("study", 1, "k", {}, {}, counts, {}, {}))
    jsonl.write(folders["study"] / "unpaired.jsonl", [Dropped("p9", "no_response", "base")])
    said = {"c0": ("left", "left"), "c1": ("left", "right"), "c2": (None, "left"), "c3": ("right", None)}
    jsonl.write(
        folders["judge/j"] / "verdicts.jsonl",
        [
            Verdict(id, "j", choice, order)
            for id, pair in said.items()
            for order, choice in zip(("forward", "swapped"), pair, strict=True)
        ],
    )
    jsonl.write(folders["judge/j"] / "truncated.jsonl", [Dropped("c0", "too_long_for_judge")] * 2)
    jsonl.write(
        folders["judge/k"] / "verdicts.jsonl", [Verdict("c0", "k", "tie", o) for o in ("forward", "swapped")]
    )
    jsonl.write(
        folders["annotate"] / "verdicts.jsonl", [Verdict("c0", "ann", "left"), Verdict("c1", "ann", "tie")]
    )
    jsonl.write(
        folders["generate/tuned"] / "responses.jsonl",
        [Response(f"pc{n}", "tuned", "hi", 0, "eot", 2) for n in range(4)],
    )
    return folders


def stats_of(inputs, out):
    out.mkdir(exist_ok=True)
    counts = work(PARAMS, inputs, out)
    return counts, json.loads((out / "stats.json").read_text())


def test_what_is_lost_is_counted_and_named(inputs, tmp_path):
    counts, stats = stats_of(inputs, tmp_path / "out")
    assert counts == COUNTS | {"verdicts": 12, "unreadable": 2, "missing": 3}
    j, k, ann = stats["losses"]["judges"]
    assert (j["read"], j["flipped"], j["unreadable"], j["missing"], j["truncated"]) == (1, 1, 2, 0, 1)
    assert j["examples"]["unreadable"] == ["c2", "c3"]
    assert (k["read"], k["missing"]) == (1, 3)
    assert (ann["kind"], ann["comparisons"]) == ("person", 2)
    assert stats["losses"]["unpaired"] == {"no_response": 1}


def test_every_rate_is_an_interval_with_its_n(inputs, tmp_path):
    _, stats = stats_of(inputs, tmp_path / "out")
    j = stats["preference"][0]
    assert (j["judge"], j["win"]["estimate"], j["tie"]["estimate"], j["win"]["n"]) == ("j", 0.5, 0.5, 2)
    assert {"estimate", "low", "high", "n", "unit", "note"} == j["win"].keys()
    assert [(a["first"], a["second"], a["comparisons"]) for a in stats["agreement"]] == [
        ("j", "all people", 2),
        ("k", "all people", 1),
        ("j", "k", 1),
        ("j", "ann", 2),
        ("k", "ann", 1),
    ]


def test_the_same_inputs_give_the_same_bytes(inputs, tmp_path):
    stats_of(inputs, tmp_path / "one")
    stats_of(inputs, tmp_path / "two")
    assert (tmp_path / "one/stats.json").read_bytes() == (tmp_path / "two/stats.json").read_bytes()


def test_a_study_without_judges_has_an_honest_empty_result(inputs, tmp_path):
    alone = {"study": inputs["study"]}
    counts, stats = stats_of(alone, tmp_path / "out")
    assert counts == COUNTS
    assert (stats["preference"], stats["trust"], stats["agreement"]) == ([], [], [])
    assert stats["pairs"] == [{"subject": "tuned", "baseline": "base", "comparisons": 4, "prompts": 4}]


def test_a_verdict_on_no_comparison_is_refused_with_its_place(inputs, tmp_path):
    jsonl.append(inputs["judge/j"] / "verdicts.jsonl", [Verdict("c77", "j", "left")])
    with pytest.raises(DataError, match=r"verdicts.jsonl:9: comparison 'c77' is not in the study"):
        stats_of(inputs, tmp_path / "out")


def test_a_key_that_does_not_fit_the_study_is_refused(inputs, tmp_path):
    jsonl.write(inputs["study"] / "sealed/key.jsonl", [Seal("c0", "pc0", "tuned", "base")])
    with pytest.raises(DataError, match="name different comparisons"):
        stats_of(inputs, tmp_path / "out")


def test_grades_gate_modes_and_panels_reach_their_blocks(inputs, tmp_path):
    signed = [Signature(f"s{n}", f"p{n // 2}", ("tuned", "base")[n % 2], 0, "helpfulness") for n in range(8)]
    jsonl.write(inputs["study"] / "sealed/signatures.jsonl", signed)
    jsonl.write(
        inputs["judge/j"] / "grades.jsonl",
        [Grade(s.submission_id, "j", str(3 + n % 2)) for n, s in enumerate(signed)],
    )
    labels = [{"id": "g", "prompt": "?", "choice": "left", "group": "", "annotator": "ann", "given": ""}]
    (inputs["judge/j"] / "gate_labels.jsonl").write_text(json.dumps(labels[0]) + "\n")
    jsonl.write(
        inputs["judge/j"] / "gate.jsonl", [Verdict("g", "j", "left", o) for o in ("forward", "swapped")]
    )
    write_manifest(inputs["judge/j"], Manifest("judge/j", 1, "k", {}, {}, {"mode": "robust"}, {}, {}))
    out = tmp_path / "out"
    out.mkdir()
    params = StatsOfPanels(draws=200, panels={"both": ("j", "k")})
    with pytest.raises(DataError, match="mixes judges of the modes"):
        work(params, inputs, out)
    write_manifest(inputs["judge/k"], Manifest("judge/k", 1, "k", {}, {}, {"mode": "robust"}, {}, {}))
    counts = work(params, inputs, out)
    stats = json.loads((out / "stats.json").read_text())
    assert counts["grades"] == 8
    means = {(row["judge"], row["system"]): row["mean"]["estimate"] for row in stats["grades"]["helpfulness"]}
    assert (means["j", "tuned"], means["j", "base"]) == (3, 4)
    assert stats["grades"]["helpfulness_differences"][0]["difference"]["estimate"] == -1
    assert stats["gates"][0]["accuracy"]["estimate"] == 1
    assert [row["judge"] for row in stats["preference"]][:3] == ["j", "k", "both"]
    assert stats["panels"][0]["judges"] == ["j", "k"]


def test_a_grade_that_its_task_has_not_is_refused_with_its_place(inputs, tmp_path):
    jsonl.write(inputs["study"] / "sealed/signatures.jsonl", [Signature("s", "p", "tuned", 0, "safety")])
    jsonl.write(inputs["judge/j"] / "grades.jsonl", [Grade("s", "j", "7")])
    with pytest.raises(DataError, match=r"grades.jsonl:1: '7' is no grade of safety; there are safe, unsafe"):
        stats_of(inputs, tmp_path / "out")


def grade(inputs, judge, *grades):
    """Eight submissions of helpfulness, and what one judge makes of the first few."""
    signed = [Signature(f"s{n}", f"p{n // 2}", ("tuned", "base")[n % 2], 0, "helpfulness") for n in range(8)]
    jsonl.write(inputs["study"] / "sealed/signatures.jsonl", signed)
    said = [Grade(f"s{n}", judge, value) for n, value in enumerate(grades)]
    jsonl.write(inputs[f"judge/{judge}"] / "grades.jsonl", said)


def test_grades_that_cannot_be_read_are_counted_everywhere(inputs, tmp_path):
    grade(inputs, "j", None, "3", None, "4", None, "5")
    jsonl.append(
        inputs["judge/j"] / "truncated.jsonl", [Dropped("s1", "too_long"), Dropped("g1", "too_long")]
    )
    counts, stats = stats_of(inputs, tmp_path / "out")
    assert (counts["grades"], counts["unreadable_grades"], counts["missing_grades"]) == (6, 3, 2 + 8)
    j, k, _ = stats["losses"]["judges"]
    assert (j["grades"], j["grades_unreadable"], j["grades_missing"], j["grades_truncated"]) == (8, 3, 2, 1)
    assert (k["grades"], k["grades_missing"]) == (8, 8)
    assert j["truncated"] == 1  # of comparisons; pairs of the gate are in neither
    assert j["examples"]["grades unreadable"] == ["s0", "s2", "s4"]
    trust = stats["trust"][0]
    assert (trust["grades"], trust["unreadable_grades"]["estimate"], trust["truncated"]) == (6, 0.5, 2)
    assert "unreadable_grades" in trust["flags"]


def test_a_person_who_graded_only_is_in_the_losses_too(inputs, tmp_path):
    grade(inputs, "j", *["3"] * 8)
    jsonl.write(inputs["annotate"] / "grades.jsonl", [Grade("s0", "zoe", None), Grade("s1", "zoe", "2")])
    _, stats = stats_of(inputs, tmp_path / "out")
    zoe = stats["losses"]["judges"][-1]
    assert (zoe["judge"], zoe["kind"], zoe["comparisons"]) == ("zoe", "person", 0)
    assert (zoe["grades"], zoe["grades_unreadable"], zoe["grades_missing"]) == (2, 1, 0)


def test_two_judges_with_the_same_verdicts_have_the_same_figures(inputs, tmp_path):
    said = list(jsonl.read(inputs["judge/j"] / "verdicts.jsonl", Verdict))
    jsonl.write(inputs["judge/k"] / "verdicts.jsonl", [msgspec.structs.replace(v, judge="k") for v in said])
    _, stats = stats_of(inputs, tmp_path / "out")
    j, k = stats["preference"][:2]
    assert {**j, "judge": "k"} == k
    j, k = stats["trust"]
    assert {**j, "judge": "k", "truncated": 0} == k


def test_judges_that_follow_a_rule_are_pooled_with_no_model(inputs, tmp_path):
    def asked(name, kind, mode):
        entry = {"judges": {name: {"kind": kind, "mode": mode}}}
        write_manifest(
            inputs[f"judge/{name}"], Manifest(f"judge/{name}", 1, "k", entry, {}, {"mode": mode}, {}, {})
        )

    def groups(name):
        found = stats_of(inputs, tmp_path / name)[1]
        return {(row["first"], row["second"]) for row in found["groups"]}, [
            r["group"] for r in found["reliability"]
        ]

    asked("j", "endpoint", "robust")
    asked("k", "endpoint", "robust")
    robust = "models (robust)"
    assert groups("models") == ({(robust, robust), (robust, "people")}, [robust])
    asked("k", "fake", "robust")
    assert groups("fake") == ({(robust, "people")}, [])
    asked("k", "endpoint", "lima")
    assert groups("modes")[0] == {(robust, "people"), ("models (lima)", "people")}
