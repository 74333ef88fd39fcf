"""The paper's figures with ours beside them: what is found, how it is compared, and what is never claimed."""

import csv
import json
import shutil
from dataclasses import replace
from math import sqrt

import pytest
from click.testing import CliRunner

from handful.cli.main import cli
from handful.core import jsonl
from handful.core.types import Comparison, Grade, Interval, Seal, Signature, Submission, Turn, Verdict
from handful.experiments import beyond, claims, comparing, evidence, matching, reproduction, side_by_side
from handful.recipe.evaluation import Stats
from handful.report.page import DASH, MINUS
from handful.run.keys import Hashes
from handful.run.store import Manifest, content_hashes, write_manifest
from handful.stats.work import work as stats_work

ASKED = (Turn("user", "?"),)
RULE = {"kind": "fake", "prefers": "longer", "mode": "robust"}
MODEL = {"kind": "local", "model": "some-model", "mode": "robust"}
PROMPTS = 20
OUTCOMES = {"alpaca": "l" * 12 + "t" * 4 + "r" * 4, "gpt4": "r" * PROMPTS, "mine": "l" * 10 + "r" * 10}
"""What people say of LIMA, which always stands left: won, tied or lost."""
CHOICES = {"l": "left", "t": "tie", "r": "right"}
QUALITY = ["excellent"] * 10 + ["pass"] * 8 + ["fail"] * 2


def finish(work, step, key, params=None, inputs=None, counts=None):
    folder = work / f"{step.replace('/', '-')}-{key}"
    folder.mkdir(exist_ok=True)
    write_manifest(
        folder,
        Manifest(
            step=step,
            version=1,
            key=key,
            params=params or {},
            inputs=inputs or {},
            counts=counts or {},
            files=content_hashes(folder),
            environment={},
        ),
    )
    return folder


def lay(folder, **files):
    folder.mkdir(parents=True)
    for name, records in files.items():
        path = folder / f"{name.replace('__', '/')}.jsonl"
        path.parent.mkdir(exist_ok=True)
        jsonl.write(path, records)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return made(tmp_path_factory.mktemp("made") / "work")


@pytest.fixture
def work(once, tmp_path):
    """A work folder with one run whose numbers are known: people, a rule and a model judge all say `OUTCOMES`."""
    return shutil.copytree(once, tmp_path / "work")


def made(work, key="k1", people=("crowd:a", "authors:b"), outcomes=OUTCOMES, judges=None):
    judges = {"rule": RULE, "model": MODEL} if judges is None else judges
    systems = ["lima", *outcomes]
    ids = [(f"{other}-{n}", f"p{n}", other) for other in outcomes for n in range(PROMPTS)]
    submissions = [f"s{n}" for n in range(PROMPTS)]
    lay(
        work / f"study-{key}",
        comparisons=[Comparison(id, prompt, ASKED, "x", "y y") for id, prompt, _ in ids],
        submissions=[Submission(id, f"p{n}", ASKED, "x", "quality") for n, id in enumerate(submissions)],
        sealed__key=[Seal(id, prompt, "lima", other) for id, prompt, other in ids],
        sealed__signatures=[Signature(id, f"p{n}", "lima", 0, "quality") for n, id in enumerate(submissions)],
    )
    said = {id: CHOICES[outcomes[other][int(prompt[1:])]] for id, prompt, other in ids}
    for judge, entry in judges.items():
        both = [Verdict(id, judge, said[id], order) for id in said for order in ("forward", "swapped")]
        lay(work / f"judge-{judge}-{key}", verdicts=both, grades=[])
        finish(work, f"judge/{judge}", key, {"judges": {judge: entry}}, {"study": key}, {"mode": "robust"})
    graded = [Grade(id, one, grade) for one in people for id, grade in zip(submissions, QUALITY, strict=True)]
    lay(
        work / f"annotate-{key}",
        verdicts=[Verdict(id, one, said[id]) for one in people for id in said],
        grades=graded,
    )
    finish(work, "annotate", key, counts={"wanted": len(people)})
    lay(work / f"dataset-{key}", test=[])
    table = [
        {"split": "train", "source": "stem", "examples": 200},
        {"split": "train", "source": "wikihow", "examples": 50},
    ]
    (work / f"dataset-{key}" / "table.json").write_text(json.dumps(table))
    finish(work, "dataset", key)
    for system in systems:
        lay(work / f"generate-{system}-{key}", responses=[])
        finish(work, f"generate/{system}", key, {"samples": 1, "systems": {system: {"kind": "base"}}},
               {"dataset": key}, {"model": "huggyllama/llama-7b"})  # fmt: skip
    pairs = {f"lima vs {other}": PROMPTS for other in outcomes}
    finish(work, "study", key, {"subject": "lima"}, {"dataset": key}, {"pairs": pairs})
    steps = [
        "dataset",
        "study",
        "annotate",
        *(f"judge/{j}" for j in judges),
        *(f"generate/{s}" for s in systems),
    ]
    inputs = {step: work / f"{step.replace('/', '-')}-{key}" for step in steps}
    out = work / f"stats-{key}"
    out.mkdir()
    stats_work(Stats(draws=200), inputs, out)
    finish(work, "stats", key, {"panels": {}}, dict.fromkeys(steps, key))
    finish(work, "report", key, {"name": "made up"}, {"stats": key, **dict.fromkeys(steps, key)})
    return work


def reproduced(*works, told=()):
    published = claims.read()
    names, subject = reproduction.names_of(published, told)
    found = evidence.read(works)
    lines = reproduction.lines_of(published, matching.Beside(found, names, subject))
    by_claim = {}
    for line in lines:
        by_claim.setdefault(line.claim.id, []).append(line)
    return by_claim


def run(*arguments):
    return CliRunner().invoke(cli, ["reproduce", *map(str, arguments)])


def test_the_papers_figures_are_those_of_its_tables():
    found = {claim.id: claim for group in claims.read().group for claim in group.claims()}
    figures = {
        "figure-1": "alpaca 53 21 26, davinci003 44 21 35, bard 33 25 42, claude 24 22 54, gpt4 18 25 57",
        "figure-2": "alpaca 64 19 17, davinci003 54 23 23, bard 27 26 47, claude 14 23 63, gpt4 19 15 66",
    }
    for figure, told in figures.items():
        rows = {name: [int(x) for x in shares] for name, *shares in map(str.split, told.split(", "))}
        for baseline, wanted in rows.items():
            shares = [found[f"{figure}/{baseline}/{measure}"].value for measure in ("win", "tie", "loss")]
            assert [round(100 * share) for share in shares] == wanted
            assert sum(shares) == pytest.approx(1)
    for baseline in ("alpaca", "davinci003", "bard", "claude", "gpt4"):
        win, tie, good = (found[f"figure-1/{baseline}/{m}"].value for m in ("win", "tie", "at_least_as_good"))
        assert good == pytest.approx(win + tie)
    turns = {"lima": (19, 8, 15), "lima_dialogue": (35, 10, 1)}
    for system, counts in turns.items():
        for measure, count in zip(("excellent", "pass", "fail"), counts, strict=True):
            claim = found[f"figure-7/{system}/{measure}"]
            assert claim.n == sum(counts)
            assert claim.value == pytest.approx(count / claim.n, abs=0.001)
    assert found["safety/malicious/safe"].value == 6 / 10
    assert found["figure-5/filtered-wikihow/difference"].value == pytest.approx(3.83 - 3.49)
    assert found["figure-5/filtered-unfiltered/difference"].value == pytest.approx(3.83 - 3.33)


def test_what_no_source_confirms_has_no_value_and_is_never_shown(work):
    unconfirmed = [c for group in claims.read().group for c in group.claims() if c.mark == "U"]
    assert {c.id for c in unconfirmed} == {
        "table-1/dev-authored/input", "table-1/test-askreddit/input", "table-1/test-authored/input"
    }  # fmt: skip
    assert {c.value for c in unconfirmed} == {None}
    assert comparing.compare(unconfirmed[0], people(0.5, 0.4, 0.6)).status == "no_figure"


def test_a_known_run_stands_beside_the_paper(work):
    found = reproduced(work)
    (win,) = found["figure-1/alpaca/win"]
    assert win.ours.value.estimate == pytest.approx(0.6)
    assert win.ours.value.low < 0.53 < win.ours.value.high
    assert (win.ours.value.n, win.ours.standing, win.ours.judge) == (20, "people", "2 people")
    assert (win.ours.systems, win.comparison.status) == (("lima", "alpaca"), "inside")
    (lost,) = found["figure-1/gpt4/win"]
    assert (lost.ours.value.estimate, lost.comparison) == (
        0,
        comparing.Comparison("differs", f"{MINUS}18 points"),
    )
    assert [line.comparison.status for line in found["figure-1/bard/win"]] == ["not_run"]
    (excellent,) = found["figure-3/all/excellent"]
    assert (excellent.ours.value.estimate, excellent.comparison.status) == (0.5, "inside")
    assert found["figure-3/all/meets"][0].ours.value.estimate == pytest.approx(0.9)
    assert found["agreement/crowd-authors/tie_discounted"][0].ours.value.estimate == 1.0
    assert found["agreement/crowd-crowd/tie_discounted"][0].comparison.status == "not_run"
    assert found["table-1/train-stem/examples"][0].comparison.status == "same"
    assert found["table-1/train-wikihow/examples"][0].comparison.told() == f"differs: {MINUS}150"


def test_a_rule_is_shown_and_never_compared_and_a_model_that_people_bear_out_is(work):
    rule, model = sorted(
        reproduced(work)["figure-2/alpaca/win"], key=lambda line: line.ours.judge, reverse=True
    )
    assert (rule.ours.standing, rule.comparison.status) == ("no", "cannot_tell")
    assert "a rule, not an opinion" in rule.comparison.why
    assert (model.ours.standing, model.comparison.status) == ("validated", "inside")


def test_without_people_no_judge_makes_a_headline(tmp_path):
    work = made(tmp_path / "work", people=())
    (line,) = [x for x in reproduced(work)["figure-2/alpaca/win"] if x.ours.judge.startswith("model")]
    assert line.ours.standing == "unproven"
    assert run(work).exit_code == 0
    page = (work / "reproduction" / "reproduction.md").read_text(encoding="utf-8")
    assert "no result of the paper is reproduced or refuted here" in page
    assert "By people or by judges validated" not in page
    assert "For the record, by judges that are not validated" in page


def test_an_empty_work_folder_gives_every_claim_as_not_run(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    with (tmp_path / "reproduction" / "reproduction.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    published = [claim for group in claims.read().group for claim in group.claims()]
    assert [row["claim"] for row in rows] == [claim.id for claim in published]
    assert {row["status"] for row in rows} == {"not_run"}
    content = json.loads((tmp_path / "reproduction" / "reproduction.json").read_text(encoding="utf-8"))
    assert all(claim["command"].startswith("handful ") for claim in content["claims"])
    assert "Nothing was run" in (tmp_path / "reproduction" / "reproduction.html").read_text(encoding="utf-8")


def test_two_runs_that_both_have_a_figure_are_both_shown(work, tmp_path):
    other = made(tmp_path / "other", key="k2", outcomes={"alpaca": "l" * 20})
    found = reproduced(work, other)["figure-1/alpaca/win"]
    assert [(line.ours.run, line.ours.value.estimate) for line in found] == [
        ("made up (k1)", pytest.approx(0.6)),
        ("made up (k2)", 1.0),
    ]
    assert [line.comparison.status for line in found] == ["inside", "differs"]
    alone = reproduced(other / "report-k2")["figure-1/alpaca/win"]
    assert [line.ours.run for line in alone] == ["made up (k2)"]


def test_a_name_of_ours_can_stand_for_the_papers(work):
    (line,) = reproduced(work)["figure-1/bard/win"]
    assert line.ours is None
    (line,) = reproduced(work, told=["bard=mine"])["figure-1/bard/win"]
    assert line.ours.value.estimate == pytest.approx(0.5)
    pairs = beyond.unmatched(matching.Beside(evidence.read([work]), claims.read().names))
    assert pairs == [("made up (k1)", "lima", "mine")]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--as", "alpaca"], "expected PAPER=OURS"),
        (["--as", "alpac=mine"], "did you mean 'alpaca'?"),
        (["--as", "bard=mime"], "did you mean 'mine'?"),
    ],
)
def test_a_wrong_name_is_told_and_nothing_is_written(work, arguments, wanted):
    result = run(work, *arguments)
    assert result.exit_code == 2
    assert wanted in result.stderr
    assert not (work / "reproduction").exists()


def test_a_folder_that_is_not_there_or_was_changed_is_told(work, tmp_path):
    assert "no such folder" in run(tmp_path / "nowhere").stderr
    stats = work / "stats-k1" / "stats.json"
    stats.write_bytes(stats.read_bytes().replace(b"0.6", b"0.9"))
    result = run(work)
    assert result.exit_code == 1
    assert "stats.json differs" in result.stderr


def test_the_same_folders_give_the_same_bytes(work, tmp_path):
    for name in ("one", "two"):
        assert run(work, "--out", tmp_path / name).exit_code == 0
    for path in sorted((tmp_path / "one").iterdir()):
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.name).read_bytes()
        assert str(tmp_path).encode() not in content


def people(estimate, low, high, n=20, unit="prompts"):
    return matching.Ours("run", Interval(estimate, low, high, n, unit), "people", "people")


def share(value, n=50):
    return claims.Claim("g/o/m", "g", "4", "o", "m", "what", value, n, "prompts", "share", "C")


@pytest.mark.parametrize(
    ("ours", "status"),
    [
        (people(0.5, 0.4, 0.6), "inside"),
        (people(0.5, 0.45, 0.55, n=9), "cannot_tell"),
        (people(0.5, None, None), "cannot_tell"),
        (people(None, None, None, n=0), "cannot_tell"),
        (people(0.7, 0.65, 0.75), "differs"),
    ],
)
def test_ours_is_compared_where_it_can_be(ours, status):
    assert comparing.compare(share(0.46), ours).status == status


def test_outside_is_no_difference_where_the_papers_own_chance_reaches_as_far():
    """Newcombe's interval by hand: 25 of 50 is 0.5, by Wilson 0.3664 to 0.6336."""
    z, p, n = 1.959964, 0.5, 50
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert half == pytest.approx(0.1336, abs=1e-4)
    reach = sqrt(half**2 + 0.05**2)  # 0.1427: ours reaches 0.05 towards the paper's
    near, far = people(0.5 + reach - 0.001, 0.45 + reach, 0.9), people(0.5 + reach + 0.002, 0.45 + reach, 0.9)
    assert comparing.compare(share(0.5), near).status == "near"
    assert comparing.compare(share(0.5), far).status == "differs"


def ablation(work, grades, differences, arms):
    folder = work / "ablation-made"
    folder.mkdir(parents=True)
    content = {"name": "made", "arms": arms, "seeds": [0], "trainings": [], "grades": grades,
               "differences": differences, "evaluation": {"report": "report-k1", "stats": "stats-k1"}}  # fmt: skip
    (folder / "ablation.json").write_text(json.dumps(content))


def interval(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high, "n": 20, "unit": "prompts", "note": ""}


def test_an_ablations_arms_stand_beside_figure_5_and_its_evaluation_is_no_run(work):
    grades = [{"judge": "model", "arm": arm, "mean": interval(mean, mean - 0.1, mean + 0.1)}
              for arm, mean in (("stack_exchange", 3.9), ("wikihow", 3.0))]  # fmt: skip
    differences = [{"judge": "model", "arm": "wikihow", "first": "stack_exchange",
                    "difference": interval(-0.9, -1.1, -0.7)}]  # fmt: skip
    ablation(work, grades, differences, ["stack_exchange", "wikihow"])
    found = reproduced(work)
    assert found["figure-5/filtered/mean"][0].comparison.status == "inside"
    assert found["figure-5/wikihow/mean"][0].comparison.told() == f"differs: {MINUS}0.49"
    (line,) = found["figure-5/filtered-wikihow/difference"]
    assert (line.ours.value.estimate, line.ours.value.low, line.ours.value.high) == (0.9, 0.7, 1.1)
    assert line.comparison.told() == "differs: +0.56"
    assert found["figure-1/alpaca/win"][0].comparison.status == "not_run"


def test_quantities_are_read_from_the_arms_names(work):
    sizes = {"se-2k": 3.85, "se-4k": 3.7, "se-32k": 3.86}
    grades = [{"judge": "model", "arm": arm, "mean": interval(mean, mean - 0.05, mean + 0.05)}
              for arm, mean in sizes.items()]  # fmt: skip
    differences = [{"judge": "model", "arm": arm, "first": "se-2k", "difference": interval(d, d - 0.1, d + 0.1)}
                   for arm, d in (("se-4k", -0.15), ("se-32k", 0.01))]  # fmt: skip
    ablation(work, grades, differences, list(sizes))
    found = reproduced(work)
    told = {size: found[f"figure-6/{size}/mean"][0].comparison.status for size in (2000, 4000, 8000, 32000)}
    assert told == {2000: "inside", 4000: "differs", 8000: "not_run", 32000: "inside"}
    assert found["figure-6/span/flat"][0].ours.value.estimate == 0.01


def test_an_ablation_whose_evaluation_was_tidied_away_or_read_nothing_cannot_tell(tmp_path):
    none = {
        "estimate": None,
        "low": None,
        "high": None,
        "n": 0,
        "unit": "prompts",
        "note": "nothing to measure",
    }
    grades = [{"judge": "model", "arm": "filtered", "mean": interval(3.8, 3.7, 3.9)},
              {"judge": "model", "arm": "unfiltered", "mean": none}]  # fmt: skip
    ablation(tmp_path, grades, [], ["filtered", "unfiltered"])
    found = reproduced(tmp_path)
    assert "folders of its evaluation are gone" in found["figure-5/filtered/mean"][0].comparison.why
    told = found["figure-5/unfiltered/mean"][0].comparison.told()
    assert told == "cannot tell: nothing to measure"
    assert run(tmp_path).exit_code == 0


def page_of(*works, out):
    assert run(*works, "--out", out).exit_code == 0
    return (out / "reproduction.md").read_text(encoding="utf-8")


def test_the_page_says_what_its_columns_count_and_leaves_a_setting_out_of_the_headline(work, tmp_path):
    grades = [{"judge": "model", "arm": "filtered", "counts": {}, "mean": interval(3.8, 3.7, 3.9)}]
    ablation(work, grades, [], ["filtered", "unfiltered"])
    told = page_of(work, out=tmp_path / "page")
    assert "“Claims” and “Not run” count claims; the columns between them count figures of ours" in told
    assert "a setting, and is in none" not in told
    one, (group,) = claims.read(), [g for g in claims.read().group if g.id == "grades"]
    (claim,) = group.claims()
    level = matching.Ours("run", Interval(0.95, None, None, 1, "settings"), "", "counted")
    size = matching.Ours("run", Interval(1000, None, None, 1000, "examples"), "", "counted")
    table = next(g for g in one.group if g.id == "table-1")
    whole = next(c for c in table.claims() if c.id == "table-1/train/examples")
    lines = [
        side_by_side.Line(g, c, ours, comparing.compare(c, ours))
        for g, c, ours in ((group, claim, level), (table, whole, size))
    ]
    words = " ".join(line for block in side_by_side.headline(lines) for line in block.lines)
    assert "which are counted and are no results: 1 the same." in words
    assert "is a setting, and is in none of these counts" in words


def test_a_note_claims_no_source_for_what_is_not_confirmed(work, tmp_path):
    told = page_of(work, out=tmp_path / "page")
    for table in told.split("**The paper and ours**")[1:] + told.split("**Not run**")[1:]:
        shown, _, note = table.partition(" of the paper")
        if "not confirmed" in shown:
            assert "confirmed by a second source, except where there is none." in note.split("\n")[0]
    assert "its ranges are confirmed by a second source" in told
    assert "exact values were not found" not in told


def test_one_of_a_unit_is_no_plural():
    claim = share(6.0)
    ours = matching.Ours("run", Interval(7.0, None, None, 1, "dev sets"), "", "counted")
    line = side_by_side.Line(claims.read().group[0], claim, ours, comparing.compare(claim, ours))
    assert side_by_side.row(line, {}, one_unit=False)[3] == "1 dev set"


def shift_of(work, tuned, sha256):
    folder = work / "shift-made"
    folder.mkdir(parents=True)
    shares = [0.8424479166666666, 0.125, 0.032552083333333336]
    kinds = ("unshifted", "marginal", "shifted")
    content = {
        "tuned": tuned, "base": "gemma", "settings": {"tuned": {"input": tuned, "sha256": sha256}}, "prompts": 12,
        "shares": [{kind: interval(s, s - 0.02, s + 0.02) for kind, s in zip(kinds, shares, strict=True)}],
        "published_per_cent": {"figures": {"A over B": {"unshifted": 77.7, "marginal": 14.5, "shifted": 7.8}}},
    }  # fmt: skip
    (folder / "shift.json").write_text(json.dumps(content))


def test_token_shift_names_models_run_and_prompts_and_its_shares_have_a_decimal(tmp_path):
    work = tmp_path / "work"
    checkpoint = work / "train-t1" / "epoch-02"
    checkpoint.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (checkpoint / name).write_text(name)
    finish(work, "train", "t1", {"model": "gemma"})
    shift_of(work, "epoch-02", Hashes(work / "hashes.json").of(checkpoint))
    told = page_of(work, out=tmp_path / "page")
    row = next(line for line in told.splitlines() if line.startswith("| epoch-02 over gemma"))
    assert [cell.strip() for cell in row.strip("| ").split("|")] == [
        "epoch-02 over gemma", "train (t1); shift-made", "12",
        "84.2% (82.2 to 86.2)", "12.5% (10.5 to 14.5)", "3.3% (1.3 to 5.3)",
    ]  # fmt: skip
    assert f"| A over B (URIAL's figure) | {DASH} | {DASH} | 77.7% | 14.5% | 7.8% |" in told


def test_robustness_is_named_where_a_run_measured_it(work, tmp_path):
    (one,) = evidence.read([work]).runs
    kinds = [{"variant": kind, "system": "lima"} for kind in ("typos", "worst")]
    measured = {"worst_of_k": [{"k": 2, "system": "lima"}], "variants": kinds}
    facts = replace(one.facts, stats={**one.facts.stats, "robustness": measured})
    beside = matching.Beside(evidence.Evidence([replace(one, facts=facts)], []), claims.read().names)
    (line,) = beyond.robust(beside)
    assert "the worst of 2 answers and prompts asked in another way (typos) in made up (k1)" in line
    assert "report-k1/report.html" in line
    assert beyond.robust(matching.Beside(evidence.Evidence([one], []), {})) == []


def test_a_rule_is_listed_as_standing_for_nothing(work):
    (one,) = evidence.read([work]).runs
    params = {**one.params, "generate/mine": {"systems": {"mine": {"kind": "fake"}}}}
    beside = matching.Beside(evidence.Evidence([replace(one, params=params)], []), claims.read().names)
    assert beyond.unmatched(beside) == []
    assert beyond.rules(beside) == [
        'Rules, no models (kind = "fake"), which stand for nothing here: mine in made up (k1).'
    ]


def test_the_page_is_narrow_and_lets_long_names_break(work, tmp_path):
    page_of(work, out=tmp_path / "page")
    page = (tmp_path / "page" / "reproduction.html").read_text(encoding="utf-8")
    assert "td.t.wide { overflow-wrap:anywhere; min-width:9rem; }\n</style>" in page
    assert "Run, and sizes of models" not in page
    assert "2 people: made up (k1), 6.7B against 6.7B" in page
