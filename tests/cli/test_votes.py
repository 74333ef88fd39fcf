"""`handful stats FILE` and the verdicts of `handful export`, as typed."""

import csv
import json

import pytest
from click.testing import CliRunner

from handful.cli import votes as module
from handful.cli.main import cli
from handful.core import jsonl
from handful.core.types import Comparison, Seal, Turn, Verdict
from handful.run.store import Manifest, content_hashes, write_manifest
from handful.votes.words import NAMES
from handful.votes.write import export

HEAD = "prompt_id,annotator,left,right,choice,group\n"
ROWS = HEAD + "".join(
    f"{p},{name},{'new,old' if p % 2 else 'old,new'},{choice},{group}\n"
    for name, group, choices in (
        ("ann", "people", "left left tie right left right"),
        ("bob", "people", "left right tie right tie right"),
        ("gpt", "judge", "left left left left left left"),
    )
    for p, choice in enumerate(choices.split())
)


@pytest.fixture
def invoke():
    return lambda *arguments: CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "votes.csv").write_text(ROWS)
    return tmp_path / "votes.csv"


def test_the_tables(invoke, path):
    found = invoke("stats", path, "--draws", "1000")
    assert found.exit_code == 0, found.output
    assert "18 verdicts by 3 annotators on 6 prompts, 2 systems" in found.output
    for words in ("Wins, ties and losses", "Agreement of groups", "always tie", "chance", "alpha", "bob"):
        assert words in found.output


def test_json_has_every_figure_with_n_and_the_same_bytes_each_time(invoke, path):
    first, second = (invoke("stats", path, "--json", "--draws", "1000") for _ in range(2))
    assert (first.exit_code, first.output) == (0, second.output)
    found = json.loads(first.output)
    assert found["schema"] == 1
    whole, judge, people = found["pairs"]
    assert (whole["first"], whole["group"], judge["group"], people["group"]) == ("new", "", "judge", "people")
    assert (whole["wins"], whole["ties"], whole["losses"], whole["win"]["n"]) == (4, 3, 11, 6)
    groups = {(g["first"], g["second"]): g for g in found["groups"]}
    exact = groups["people", "people"]["exact"]
    assert (exact["agreed"], exact["pairs"], exact["share"]["estimate"]) == (4, 6, pytest.approx(4 / 6))
    without = groups["people", "people"]["exact_without_ties"]
    assert (without["agreed"], without["pairs"]) == (3, 4)
    assert {a["name"]: a["first_shown"]["estimate"] for a in found["annotators"]}["gpt"] == 1.0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--map", "left=A,right=B,tie=C"], 1, "which are not one of a, b, c"),
        (["--map", "up=A"], 1, "is not like left=A"),
        (["--column", "prompt=id"], 2, "is not like prompt_id=question"),
        (["--format", "mt_bench"], 1, "is not a file of MT-Bench's"),
        (["--words", "morse"], 2, "Invalid value for '--words'"),
    ],
)
def test_what_does_not_fit_is_one_line(invoke, path, options, code, words):
    found = invoke("stats", path, *options)
    assert found.exit_code == code
    assert words in found.output
    assert "Traceback" not in found.output


def test_other_words_and_bad_rows(invoke, path):
    path.write_text(
        HEAD
        + ROWS[len(HEAD) :].replace(",left,", ",A,").replace(",right,", ",B,").replace(",tie,", ",C,")
        + "7,ann\n"
    )
    assert "--words letters" in invoke("stats", path, "--skip-bad").output
    assert f"{path}:20: has 2 fields" in invoke("stats", path, "--words", "letters").output
    found = invoke("stats", path, "--words", "letters", "--skip-bad", "--draws", "1000")
    assert found.exit_code == 0
    assert "1 row is no verdict and was left out" in found.output


def test_rows_left_out_are_told_beside_the_answer(invoke, path):
    path.write_text(ROWS + "7,ann\n8,zoe,new,old,nothing,people\n")
    found = invoke("stats", path, "--skip-bad", "--draws", "1000", "--json")
    assert found.stderr.splitlines() == [
        f"left out: 1 row, choice is 'nothing' (first: {path}:21)",
        f"left out: 1 row, has 2 fields, and the header 6 (first: {path}:20)",
    ]
    counts = json.loads(found.stdout)["counts"]
    assert (counts["annotators"], counts["prompts"], counts["skipped"]["choice is 'nothing'"]) == (3, 6, 1)
    assert counts["skipped_examples"]["choice is 'nothing'"] == f"{path}:21"


def test_one_of_a_thing_is_singular(invoke, path):
    path.write_text("prompt_id,choice\n1,left\n")
    values = [f"--value={each}" for each in ("annotator=ann", "left=x", "right=y")]
    found = invoke("stats", path, *values)
    assert found.output.startswith("1 verdict by 1 annotator on 1 prompt, 2 systems\n")


def test_systems_come_before_pairs_and_kappa_stands_beside_alpha(invoke, path):
    path.write_text(ROWS + "1,ann,third,old,left,people\n")
    output = invoke("stats", path, "--draws", "1000").output
    places = [output.index(title) for title in ("Each system", "\nBradley-Terry", "Wins, ties and losses")]
    assert places == sorted(places)
    assert "alpha" in output.split("Agreement of groups\n")[1].splitlines()[0]
    assert output.split("Agreement of groups\n")[1].splitlines()[0].endswith("kappa")


def test_of_many_pairs_those_with_the_most_verdicts_are_shown(invoke, path):
    rows = [f"{p},ann,s{a},s{b},left,people" for a in range(6) for b in range(a) for p in range(a + b)]
    path.write_text(HEAD + "\n".join(rows) + "\n")
    output = invoke("stats", path, "--draws", "1000").output
    _, _, first, *rest = output.split("Wins, ties and losses")[1].splitlines()
    assert first.split()[:4] == ["s4", "s5", "all", "9"]
    assert "  … and 3 more: --all, or --json" in rest
    assert "more: --all" not in invoke("stats", path, "--draws", "1000", "--all").output


def test_the_words_offered_are_those_there_are():
    assert module.WORDS == NAMES


# --- export


@pytest.fixture
def study(tmp_path):
    """A study of two prompts, judged by a model in both orders and by a person."""
    turns = (Turn("user", 'How, "quoted",\nand broken?'),)
    comparisons = [Comparison("c1", "p1", turns, "A", "B"), Comparison("c2", "p2", turns, "C", "D")]
    seals = [Seal("c1", "p1", "tuned", "base"), Seal("c2", "p2", "base", "tuned")]
    model = [
        Verdict("c1", "gpt", "left"),
        Verdict("c1", "gpt", "left", "swapped"),
        Verdict("c2", "gpt", "left"),
        Verdict("c2", "gpt", None, "swapped"),
    ]
    folders = {
        "study": {},
        "judge": {"verdicts": model},
        "annotate": {"verdicts": [Verdict("c2", "ann", "right", "swapped")]},
    }
    for name, files in folders.items():
        folder = tmp_path / name
        (folder / "sealed").mkdir(parents=True)
        for file, records in files.items():
            jsonl.write(folder / f"{file}.jsonl", records)
        if name == "study":
            jsonl.write(folder / "comparisons.jsonl", comparisons)
            jsonl.write(folder / "sealed/key.jsonl", seals)
        counts = {"pairs": {"tuned vs base": 2}}
        write_manifest(folder, Manifest(name, 1, name, {}, {}, counts, content_hashes(folder), {}))
    return tmp_path


def write(study, format):
    out = study / f"out-{format}"
    counts = export(study / "study", {"gpt": study / "judge"}, study / "annotate", out, format, False)
    return out, counts


def test_verdicts_come_back_as_they_were(study, invoke):
    out, counts = write(study, "verdicts")
    assert counts == {"verdicts.csv": 5}
    with (out / "verdicts.csv").open(newline="") as file:
        rows = [tuple(row.values())[:6] for row in csv.DictReader(file)]
    assert rows == [
        ("p1", "gpt", "tuned", "base", "left", "judge"),
        ("p1", "gpt", "base", "tuned", "right", "judge"),
        ("p2", "gpt", "base", "tuned", "left", "judge"),
        ("p2", "gpt", "tuned", "base", "unreadable", "judge"),
        ("p2", "ann", "tuned", "base", "left", "people"),
    ]
    found = json.loads(invoke("stats", out / "verdicts.csv", "--json", "--draws", "1000").output)
    wins = {row["group"]: (row["wins"], row["ties"], row["losses"]) for row in found["pairs"]}
    # base is first by name; the judge's second item could not be read in one order
    assert wins == {"": (0, 0, 2), "judge": (0, 0, 1), "people": (0, 0, 1)}


def test_annotations_are_read_back_as_alpaca_evals(study, invoke):
    out, _ = write(study, "alpaca_eval")
    rows = json.loads((out / "annotations.json").read_text())
    assert [(r["generator_1"], r["generator_2"], r["preference"], r["annotator"]) for r in rows] == [
        ("base", "tuned", 2.0, "gpt"),
        ("base", "tuned", None, "gpt"),
        ("base", "tuned", 2.0, "ann"),
    ]
    assert (rows[0]["output_1"], rows[0]["output_2"]) == ("B", "A")
    found = invoke("stats", out / "annotations.json", "--format", "alpaca_eval", "--json", "--draws", "1000")
    assert json.loads(found.output)["pairs"][0]["losses"] == 2


def test_judgments_are_read_back_as_mt_benchs(study, invoke):
    out, counts = write(study, "mt_bench")
    assert counts == {"model_judgments.jsonl": 2, "human_judgments.jsonl": 1}
    found = invoke("stats", *sorted(out.iterdir()), "--format", "mt_bench", "--json", "--draws", "1000")
    wins = {r["group"]: (r["wins"], r["ties"], r["losses"]) for r in json.loads(found.output)["pairs"]}
    assert wins == {"": (0, 0, 2), "judge": (0, 0, 1), "people": (0, 0, 1)}


def test_an_export_never_takes_the_place_of_anything_else(study):
    from handful.core.errors import DataError

    out, _ = write(study, "verdicts")
    with pytest.raises(DataError, match="is not empty"):
        write(study, "verdicts")
    (out / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds 'mine\.txt'"):
        export(study / "study", {}, study / "annotate", out, "verdicts", True)
    with pytest.raises(DataError, match="nobody has judged it yet"):
        export(study / "study", {}, None, study / "new", "verdicts", False)


def test_a_recipe_without_a_study_has_no_verdicts(invoke, repository, tmp_path):
    recipe = repository / "recipes/demo.toml"
    found = invoke(
        "export", recipe, "--to", tmp_path / "out", "--format", "verdicts", "--work", tmp_path / "work"
    )
    assert found.exit_code == 1
    assert "its study isn't made yet; run `handful run " in found.output
