"""`handful ablate` as a user runs it: two arms, two seeds, a tiny real model, a judge that follows a rule."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from statistics import mean

import pytest
from click.testing import CliRunner

from handful import STAGES, load, plan
from handful.annotate.items import hash_of, read_study
from handful.annotate.ledger import open_ledger
from handful.cli.main import cli
from handful.run.spending import Limits, account_of, limited

JUDGE = '[evaluation.judge.judges.longer]\nkind = "fake"\nprefers = "longer"\n'
PEOPLE = "[evaluation.annotate]\npeople = 1\n"
ELSEWHERE = '[evaluation.sources.prompts]\nkind = "messages"\npaths = ["elsewhere.jsonl"]\nsplit = "test"\n'
"""Test prompts that the arms' own recipes do not have, so that `clean` cannot drop what is like them."""


def ablate(file, work, *options):
    result = CliRunner().invoke(cli, ["ablate", str(file), "--work", str(work), *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def done(tmp_path_factory, write_experiment):
    """(the ablation's file, its work folder when all is done, what was printed)."""
    folder = tmp_path_factory.mktemp("ablation")
    file = write_experiment(folder)
    result = ablate(file, folder / "work")
    assert result.exit_code == 0, result.output
    return file, folder / "work", result.output


def outcome(work):
    return json.loads((work / "ablation-lengths/ablation.json").read_text())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def answer_all(work, recipe):
    """One person says 4 of everything, as `handful serve study` would write it down."""
    study = {step.label: step.folder for step in plan(STAGES, recipe, work, "study")}["study"]
    with closing(open_ledger(work / "people.sqlite", serve=True)) as ledger:
        ledger.add_person("ann")
        for item in read_study(study).items.values():
            ledger.answer(
                person="ann",
                item=item.key,
                task=item.task,
                subject=item.subject,
                shown="",
                first=hash_of(item.load("").texts[0]),
                choice="4",
            )


def test_arms_share_what_they_have_in_common(done):
    _, work, _ = done
    count = {name: len(list(work.glob(f"{name}-*/manifest.json"))) for name in ("clean", "dataset", "train")}
    assert count == {"clean": 1, "dataset": 3, "train": 4}  # a data set for each arm, and the evaluation's


def test_the_page_the_numbers_and_the_figures_are_there(done):
    _, work, output = done
    folder = work / "ablation-lengths"
    assert f"ablation: {folder / 'ablation.html'}" in output
    page = (folder / "ablation.html").read_text()
    assert "Do long answers help?" in page
    assert "What these data could have seen" in page
    assert "<svg" in page
    assert 'href="ablation.json"' in page
    assert "<script" not in page
    assert "| long |" in (folder / "ablation.md").read_text()
    assert (folder / "figures/figure-5-longer.svg").exists()
    found = outcome(work)
    assert [(row["arm"], row["seed"], row["examples"]) for row in found["trainings"]] == [
        ("short", 0, 8),
        ("short", 1, 8),
        ("long", 0, 8),
        ("long", 1, 8),
    ]
    assert [(fact["sources"], fact["shared_with_first"]) for fact in found["data"]] == [
        ({"short": 8}, 8),
        ({"long": 8}, 0),
    ]


def test_the_page_links_to_the_answers_and_to_what_says_whether_the_judge_can_be_trusted(done):
    _, work, _ = done
    (report,) = work.glob("report-*")
    page, plain = ((work / f"ablation-lengths/ablation.{form}").read_text() for form in ("html", "md"))
    for file in (f"../{report.name}/browse.html", f"../{report.name}/report.html#trust"):
        assert f'<a href="{file}">{file}</a>' in page
        assert f"[{file}]({file})" in plain
        assert (work / "ablation-lengths" / file.partition("#")[0]).exists()
    assert 'id="trust"' in (report / "report.html").read_text()


def test_a_training_says_its_loss_and_what_it_lost_at_the_limit(done):
    file, work, _ = done
    short = file.parent / "tight.toml"
    short.write_text(
        file.read_text()
        .replace(JUDGE, "")
        .replace("[arms.short", "[all.train]\nmax_tokens = 24\n[arms.short")
    )
    assert ablate(short, work).exit_code == 0
    folder = work / "ablation-tight"
    rows = json.loads((folder / "ablation.json").read_text())["trainings"]
    for row in rows:
        (train,) = (p for p in work.glob("train-*") if p.name in trained_folders(work, row, "tight"))
        steps = [step["loss"] for step in lines(train / "steps.jsonl") if step["epoch"] == row["epoch"]]
        assert row["train_loss"] == pytest.approx(mean(steps))
        rules = [line["rule"] for line in lines(train / "truncated.jsonl")]
        assert row["cut"] == rules.count("too_many_tokens")
        assert row["left_out"] == rules.count("no_response_left")
        assert row["examples"] + row["left_out"] == 8
    assert any(row["cut"] for row in rows)
    page = (folder / "ablation.html").read_text()
    assert all(f">{name}<" in page for name in ("Left out", "Lost their tail", "Training loss", "Dev loss"))
    assert "train.max_tokens (24)" in page


def trained_folders(work, row, name):
    recipe = load(work / f"ablation-{name}/recipes/{row['arm']}-seed{row['seed']}.toml")
    return [step.folder.name for step in plan(STAGES, recipe, work, "train") if step.label == "train"]


def test_an_arms_grade_is_that_of_its_two_models(done):
    _, work, _ = done
    (study,), (judged,) = work.glob("study-*"), work.glob("judge-*")
    signed = {line["submission_id"]: line for line in lines(study / "sealed/signatures.jsonl")}
    grades = defaultdict(lambda: defaultdict(list))
    for line in lines(judged / "grades.jsonl"):
        of = signed[line["submission_id"]]
        grades[of["system"].partition("-")[0]][of["prompt_id"]].append(int(line["grade"]))
    by_hand = {arm: mean(map(mean, prompts.values())) for arm, prompts in grades.items()}
    found = outcome(work)
    assert {row["arm"]: row["mean"]["estimate"] for row in found["grades"]} == pytest.approx(by_hand)
    assert [(row["graded"], row["seeds"], row["mean"]["n"]) for row in found["grades"]] == [(20, 2, 5)] * 2
    (row,) = found["differences"]
    assert row["difference"]["estimate"] == pytest.approx(by_hand["long"] - by_hand["short"])


def test_the_second_call_does_nothing(done):
    file, work, _ = done
    before = {path: path.stat().st_mtime_ns for path in work.glob("*-*/manifest.json")}
    again = ablate(file, work)
    assert "nothing to do: all steps are done" in again.output
    assert {path: path.stat().st_mtime_ns for path in work.glob("*-*/manifest.json")} == before


def test_one_killed_in_the_second_training_ends_with_the_same_numbers(done, tmp_path_factory):
    """And so does one in another folder: the outcome depends on the file and its data alone."""
    file, work, _ = done
    other = file.parent / "killed"
    command = [sys.executable, "-m", "handful", "ablate", str(file), "--work", str(other)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    deadline = time.monotonic() + 300
    while not (list(other.glob("train-*[0-9a-f]/manifest.json")) and list(other.glob("train-*.partial"))):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(other.glob("train-*/manifest.json"))) == 1
    assert ablate(file, other).exit_code == 0
    for name in ("ablation.json", "ablation.md", "recipes/lengths.toml"):
        paths = (folder / "ablation-lengths" / name for folder in (work, other))
        first, second = (path.read_text().replace("killed", "work") for path in paths)
        assert first == second, name


def test_the_recipes_it_leaves_are_the_ones_it_ran(done):
    _, work, _ = done
    for name, last in (("short-seed1", "choose"), ("lengths", "report")):
        steps = plan(STAGES, load(work / f"ablation-lengths/recipes/{name}.toml"), work, last)
        assert all(step.done for step in steps), name


def test_the_plan_counts_trainings_shared_steps_and_what_is_done(done, tmp_path):
    file, work, _ = done
    before, after = (json.loads(ablate(file, at, "--plan", "--json").output) for at in (tmp_path / "w", work))
    # An arm's steps: three sources, clean, select, dataset, train, choose. Seeds share all but the last two.
    assert before["together"]["steps"] == 4 * 8
    assert before["together"]["shared"] == 4 * 8 - (3 + 1 + 2 + 2 + 4 + 4)
    assert (before["together"]["to_do"], after["together"]["to_do"]) == (16, 0)
    assert before["together"]["seconds"] > 0
    assert before["together"]["memory_bytes"] > 0
    assert after["trainings"][0]["train"]["examples"] == 8
    assert {step["state"] for step in after["evaluation"]["steps"]} == {"done"}
    assert not (tmp_path / "w").exists()


def test_the_plan_foresees_what_a_judge_by_the_call_will_cost(experiment, tmp_path):
    priced = (
        '[evaluation.judge.judges.paid]\nkind = "endpoint"\nbase_url = "http://127.0.0.1:9"\nmodel = "m"\n'
        'mode = "lima"\ninput_price = 1.0\noutput_price = 2.0\n'
    )
    file = experiment((JUDGE, priced))
    assert (
        "the prompts are not known before `dataset` is done" in ablate(file, tmp_path / "w", "--plan").output
    )
    assert ablate(file, tmp_path / "w", "--data").exit_code == 0
    told = json.loads(ablate(file, tmp_path / "w", "--plan", "--json").output)
    (cost,) = told["evaluation"]["costs"]
    assert cost["requests"]["low"] == 5 * 2 * 4  # prompts, samples, models
    assert 0 < cost["usd"]["low"] < cost["usd"]["high"]


def test_one_limit_holds_for_all_plans_of_an_experiment(tmp_path):
    with limited(Limits(None, 3)), account_of(tmp_path, {"choose-a"}) as account:
        account.step = "choose-a"
        account.settle(account.reserve(0.0, "http://127.0.0.1:9", "m", "0"), "answered", 0.0)
    with limited(Limits(None, 3), {"choose-a"}), account_of(tmp_path, {"judge-b"}) as account:
        assert account.calls == 1
    with limited(Limits(None, 3)), account_of(tmp_path, {"judge-b"}) as account:
        assert account.calls == 0


def test_an_arm_larger_than_the_data_is_refused_before_anything_is_trained(experiment, tmp_path):
    result = ablate(experiment(("long = 8", "long = 80")), tmp_path / "work")
    assert result.exit_code == 1
    assert "error: arm long: select.quota.long: asked for 80, but the rules left 12" in result.output
    assert not list((tmp_path / "work").glob("train-*"))


def test_all_arms_that_are_too_large_are_named_at_once(experiment, tmp_path):
    sizes = '[all.select.quota]\nlong = 1\n[quantity]\nsizes = [4, 40, 80]\nname = "l"\n'
    file = experiment(("[arms.short.select.quota]\nshort = 8\n[arms.long.select.quota]\nlong = 8\n", sizes))
    result = ablate(file, tmp_path / "work", "--data")
    assert result.exit_code == 1
    assert result.output.count("asked for") == 2
    for arm, asked in (("l-40", 40), ("l-80", 80)):
        words = f"arm {arm}: select.quota.long: asked for {asked}, but the rules left 12"
        assert words in result.output
    assert result.output.count("lower quantity.sizes, add sources or relax clean") == 2
    assert "the evaluation's data are not made yet" in ablate(file, tmp_path / "work", "--plan").output
    assert not list((tmp_path / "work").glob("select-*")), "so that is true"


def test_the_data_say_whose_they_are(experiment, tmp_path):
    output = ablate(experiment(), tmp_path / "work", "--data").output
    assert "data of arm short, seed 0\n" in output
    assert "data of arm long, seed 0\n" in output
    assert "data of arm long, seed 1\n" not in output, "seeds share them"
    assert "data of the evaluation, for its test prompts: no arm trains on" in output
    assert "data of" not in ablate(experiment(), tmp_path / "work", "--data").output


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("what is  THING number 17", "is the test prompt"),
        (
            "Say: first, take thing number 33. First, take thing number 33. First, take thing number 33 and go.",
            "shares",
        ),
    ],
)
def test_a_test_prompt_that_an_arm_trains_on_is_refused(experiment, tmp_path, prompt, words):
    hidden = '[all.sources.prompts]\nkind = "messages"\npaths = ["test.jsonl"]\nsplit = "test"\n'
    file = experiment((JUDGE, hidden + ELSEWHERE + JUDGE), ("= 8", "= 12"))
    row = {"messages": [{"role": "user", "content": prompt}]}
    (tmp_path / "elsewhere.jsonl").write_text(json.dumps(row) + "\n")
    result = ablate(file, tmp_path / "work", "--data")
    assert result.exit_code == 1
    assert "trains on what it is to be tested on" in result.output
    assert words in result.output
    assert "Put the source of the test prompts into [all]" in result.output


def test_an_evaluation_without_prompts_is_refused(experiment, tmp_path):
    file = experiment((JUDGE, '[all.sources.prompts]\nsplit = "train"\n' + JUDGE))
    file.write_text(
        file.read_text().replace(
            "[arms.short.select.quota]", "[all.select.quota]\nprompts = 0\n[arms.short.select.quota]"
        )
    )
    (tmp_path / "test.jsonl").write_text((tmp_path / "short.jsonl").read_text().replace("thing", "matter"))
    result = ablate(file, tmp_path / "work", "--data")
    assert result.exit_code == 1
    assert "the evaluation has no test prompts to ask" in result.output
    assert "[evaluation.sources.NAME]" in result.output


def test_arms_and_seeds_that_train_the_same_model_are_named(experiment, tmp_path):
    twins = experiment(
        ("long = 8", "short = 8"), ("seeds = [0, 1]", 'seeds = [0, 1]\nvary = ["generate.temperature"]')
    )
    output = ablate(twins, tmp_path / "work", "--data").output
    assert "warning: arms short and long train the same model" in output
    assert (
        "warning: arm short: seeds 0, 1 train the same model: generate.temperature changes nothing" in output
    )
    assert "short                          8 examples: short 8" in output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'base = "base.toml"',
            'base = "none.toml"',
            "none.toml: no such recipe; --base FILE takes one of yours",
        ),
        ("seeds = [0, 1]", 'seeds = [0, 1]\nvary = ["train.sed"]', "vary = ['train.sed'], seed 0"),
        ("seeds = [0, 1]", 'seeds = [0, 1]\nvary = ["train.model"]', "vary = ['train.model'], seed 0"),
        ("seeds = [0, 1]", "seeds = [0, 1]\nvary = []", "2 seeds would train the same model"),
        ("seeds = [0, 1]", "seeds = [0, 1]\nvary = [3]", 'expected settings, as "train.seed"'),
    ],
)
def test_a_file_that_cannot_work_is_one_clear_error(experiment, tmp_path, old, new, words):
    result = ablate(experiment((old, new)), tmp_path / "work", "--plan")
    assert result.exit_code == 2
    assert words in result.output
    assert "lengths.toml" in result.output
    assert "Traceback" not in result.output


def test_without_a_judge_the_arms_answer_and_the_page_says_that_nothing_is_graded(done, tmp_path):
    file, work, _ = done
    bare = file.parent / "bare.toml"
    bare.write_text(file.read_text().replace(JUDGE, ""))
    result = ablate(bare, work)
    assert result.exit_code == 0
    assert "no judge is named, so nothing is graded" in result.output
    assert "Nothing was graded" in (work / "ablation-bare/ablation.html").read_text()
    fresh = ablate(bare, tmp_path / "fresh", "--plan").output
    assert "no judge is named" in fresh
    assert "prompts show" not in fresh
    assert "prompts show" in ablate(file, tmp_path / "fresh", "--plan").output
    told = json.loads(ablate(bare, work, "--plan", "--json").output)
    assert told["evaluation"]["sight"] == {}
    assert told["evaluation"]["steps"][-1]["step"].startswith("generate/")


def test_it_waits_for_people_and_goes_on_when_they_have_graded(done):
    file, work, _ = done
    asked = file.parent / "asked.toml"
    asked.write_text(file.read_text().replace(JUDGE, PEOPLE))
    result = ablate(asked, work)
    recipe = work / "ablation-asked/recipes/asked.toml"
    assert result.exit_code == 3
    assert (
        f"waiting: evaluation: 0 of 40 answers given; people answer at: handful serve study {recipe}"
        in result.output
    )
    assert "then the same `handful ablate` goes on" in result.output
    answer_all(work, load(recipe))
    assert ablate(asked, work).exit_code == 0
    found = json.loads((work / "ablation-asked/ablation.json").read_text())
    assert [(row["judge"], row["arm"], row["mean"]["estimate"]) for row in found["grades"]] == [
        ("all people", "short", 4.0),
        ("all people", "long", 4.0),
    ]
