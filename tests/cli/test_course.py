"""`handful show` on a trained folder: the course as a table."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from handful.cli.course import course
from handful.cli.look import step_folders
from handful.cli.main import cli


@pytest.fixture
def told():
    def told(*arguments, code=0):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return result.output

    return told


@pytest.fixture
def trained(finish):
    """Two epochs of two steps; the second's dev loss is higher while more answers end by themselves."""
    steps = [(1, 1, 3.0, 4.0), (2, 1, 2.0, 2.0), (3, 2, 1.5, 1.0), (4, 2, 1.0, 3.0)]
    samples = [(1, "d0", "length"), (1, "d1", "eot"), (2, "d0", "eot"), (2, "d1", "eot")]
    return finish(
        "train",
        "aaa",
        {
            "steps.jsonl": [
                {
                    "step": n,
                    "epoch": e,
                    "loss": loss,
                    "learning_rate": 1e-5,
                    "grad_norm": norm,
                    "tokens": 1_000,
                }
                for n, e, loss, norm in steps
            ],
            "epochs.jsonl": [
                {"epoch": 0, "step": 0, "dev_loss": 2.5, "dev_tokens": 9, "dropout_loss": 4.75},
                {"epoch": 1, "step": 2, "dev_loss": 2.0, "dev_tokens": 9, "dropout_loss": None},
                {"epoch": 2, "step": 4, "dev_loss": 2.25, "dev_tokens": 9, "dropout_loss": None},
            ],
            "dev_samples.jsonl": [
                {"epoch": e, "prompt_id": prompt, "text": "Wait.", "finish": end}
                for e, prompt, end in samples
            ],
        },
        {"steps": 4, "epochs": 2},
    )


def test_an_epoch_is_a_line(told, trained):
    shown = [line.split() for line in told("show", trained).splitlines()]
    assert ["0", "0", "2.500", "12.18"] in shown
    assert ["1", "2", "2.500", "3.00", "2.000", "7.39", "1", "of", "2"] in shown
    assert ["2", "4", "1.250", "2.00", "2.250", "9.49", "2", "of", "2"] in shown
    assert "before training, with residual dropout on: loss 4.750\n" in told("show", trained)


def test_what_dropout_does_is_told_with_its_draws(told, trained):
    drawn = {"dropout_plain": 2.4, "dropout_spread": 0.25, "dropout_draws": 4, "dropout_tokens": 1_500}
    line = {"epoch": 0, "step": 0, "dev_loss": 2.5, "dev_tokens": 9_000, "dropout_loss": 4.75, **drawn}
    (trained / "epochs.jsonl").write_text(json.dumps(line) + "\n")
    assert (
        "residual dropout on: loss 4.750 (mean of 4 draws, standard deviation 0.250), without 2.400, over the same "
        "1,500 tokens\n"
    ) in told("show", trained)


def test_the_columns_stand_below_their_names(told, trained):
    lines = told("show", trained).splitlines()
    [place] = [number for number, line in enumerate(lines) if "train loss" in line]
    end = lines[place].index("dev loss") + len("dev loss")
    assert [line[:end].split()[-1] for line in lines[place + 1 : place + 4]] == ["2.500", "2.000", "2.250"]


def test_the_course_is_in_the_json(told, trained):
    found = json.loads(told("show", trained, "--json"))["course"]
    assert [row["dev_loss"] for row in found] == [2.5, 2.0, 2.25]
    assert [row["eot"] for row in found] == [0, 1, 2]
    assert found == course(trained)


def step_line(number, seconds, tokens, mfu, peak):
    return json.dumps(
        {
            "kind": "step",
            "step": number,
            "seconds": seconds,
            "tokens": tokens,
            "mfu": mfu,
            "peak_memory": peak,
            "device": "cpu",
            "elapsed": 90.0,
        }
    )


def test_the_speed_is_told_where_the_metrics_are(told, trained):
    metrics = trained.parent / "metrics" / f"{trained.name}.jsonl"
    metrics.parent.mkdir()
    lines = [step_line(1, 1.0, 1_000, 0.4, 2 * 10**9), step_line(2, 3.0, 1_000, 0.2, 5 * 10**9)]
    metrics.write_text('{"kind":"start"}\n' + "\n".join(lines) + "\n")
    assert "0:01:30 on cpu: 2,000 tokens, 500 tok/s, MFU 25%, peak memory 5.0 GB" in told("show", trained)


@pytest.mark.parametrize("content", ["", "not json\n", '{"kind":"step"}\n', '{"no":"kind"}\n'])
def test_metrics_that_say_nothing_are_passed_over(told, trained, content):
    metrics = trained.parent / "metrics" / f"{trained.name}.jsonl"
    metrics.parent.mkdir()
    metrics.write_text(content)
    assert "tok/s" not in told("show", trained)
    assert "dev loss" in told("show", trained)


def test_without_a_dev_set_its_columns_are_empty(told, finish):
    step = {"step": 1, "epoch": 1, "loss": 3.0, "learning_rate": 1e-5, "grad_norm": 4.0, "tokens": 10}
    epochs = [{"epoch": n, "step": n, "dev_loss": None, "dev_tokens": 0} for n in (0, 1)]
    files = {"steps.jsonl": [step], "epochs.jsonl": epochs, "dev_samples.jsonl": []}
    folder = finish("train", "bbb", files, {"steps": 1})
    assert ["1", "1", "3.000", "4.00"] in [line.split() for line in told("show", folder).splitlines()]


def test_a_broken_record_is_named(told, trained):
    (trained / "epochs.jsonl").write_text("oops\n")
    assert "epochs.jsonl:1:" in told("show", trained, code=1)


def test_metrics_beside_the_folders_are_no_folder_of_a_step(told, trained):
    metrics = trained.parent / "metrics" / trained.name
    metrics.mkdir(parents=True)
    (metrics / "events.out.tfevents.1").write_bytes(b"x")
    (metrics.parent / f"{trained.name}.jsonl").write_text(step_line(1, 1.0, 10, 0.4, 10**9) + "\n")
    assert len(told("show", trained.parent).splitlines()) == 1
    assert list(step_folders(trained.parent)) == [trained]  # all that `tidy` may take
    assert "1 folders are what their manifests say" in told("verify", "--work", trained.parent)


def test_what_differs_from_the_defaults_is_said(told, trained):
    manifest = json.loads((trained / "manifest.json").read_text())
    manifest["params"] = {"model": {"input": "small", "sha256": "ab"}, "residual_dropout": 0.1, "epochs": 15}
    (trained / "manifest.json").write_text(json.dumps(manifest))
    assert "\n  model small, residual_dropout 0.1\n" in told("show", trained)
