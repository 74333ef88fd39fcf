"""The loss on the dev set, with dropout and without, and what is said where dropout costs much."""

from __future__ import annotations

import numpy
import pytest
import torch

from handful.core import jsonl
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train import dev
from handful.train.dev import DRAWS, Epoch, Noisy, beginning, dev_loss, dropout_warning, mean_loss, noisy_loss
from handful.train.dropout import add_residual_dropout
from handful.train.loop import Trainee, adamw, seed_dropout
from handful.train.loss import head_of
from handful.train.masking import IGNORED, Document
from handful.train.work import work

PARAMS = Train(model=ModelRef("x"), residual_dropout=0.3, pack_tokens=40)


def document(length: int, weights: tuple[float, ...] = ()) -> Document:
    ids = torch.randint(3, 97, (length,), generator=torch.Generator().manual_seed(length)).tolist()
    return Document(f"d{length}", "s", tuple(ids), (*ids[1:], IGNORED), length, weights)


@pytest.fixture
def trainee(network) -> Trainee:
    model = network("llama")
    add_residual_dropout(model, 0.3)
    return Trainee(model, head_of(model), adamw(model, PARAMS), "cpu", torch.float32)


def test_the_dev_loss_is_a_mean_over_tokens_not_over_examples(trainee):
    long, short = document(30), document(6)
    both, labels = dev_loss(trainee, [long, short], 40)
    assert labels == 29 + 5
    parts = [dev_loss(trainee, [one], 40)[0] for one in (long, short)]
    assert both == pytest.approx((29 * parts[0] + 5 * parts[1]) / 34, rel=1e-6)


def test_the_dev_loss_weighs_as_training_does(trainee):
    """The second half of the document counts a quarter: by parts, in two unweighted documents' terms."""
    weights = (*[1.0] * 10, *[0.25] * 9, 0.0)
    plain = document(20)
    first = Document("a", "s", plain.ids, (*plain.targets[:10], *[IGNORED] * 10), 20)
    second = Document("b", "s", plain.ids, (*[IGNORED] * 10, *plain.targets[10:]), 20)
    losses = [mean_loss(trainee, [one], 40) for one in (first, second)]
    weighted, labels = dev_loss(trainee, [document(20, weights)], 40)
    assert labels == 19
    assert weighted == pytest.approx((10 * losses[0] + 9 * 0.25 * losses[1]) / (10 + 9 * 0.25), rel=1e-6)


def test_the_loss_with_dropout_is_the_mean_of_seeded_draws(trainee):
    """Each draw by hand, from generators seeded as for steps 0, -1, -2 and -3."""
    documents = [document(30), document(6)]
    plain, _ = dev_loss(trainee, documents, 40)
    found = noisy_loss(trainee, documents, PARAMS)
    assert found.plain == plain
    assert found.tokens == 29 + 5
    assert not trainee.model.training
    trainee.model.train()
    losses = []
    for step in range(0, -DRAWS, -1):
        seed_dropout(PARAMS.seed, step, trainee.ranks)
        losses.append(mean_loss(trainee, documents, 40))
    assert found.draws == len(set(losses)) == 4
    assert found.loss == pytest.approx(numpy.mean(losses), rel=1e-12)
    assert found.spread == pytest.approx(numpy.std(losses, ddof=1), rel=1e-9)
    assert found == noisy_loss(trainee, documents, PARAMS)
    assert dev_loss(trainee, documents, 40)[0] == plain


def test_draws_are_over_a_bounded_number_of_tokens(monkeypatch):
    monkeypatch.setattr(dev, "DRAWN_TOKENS", 40)
    silent = Document("s", "s", (5, 6), (IGNORED, IGNORED), 0)
    assert [d.id for d in beginning([document(30), document(10), document(9)])] == ["d30", "d10"]
    assert [d.id for d in beginning([document(90), document(9)])] == ["d90"]
    assert [d.id for d in beginning([silent, document(90), document(9)])] == ["s", "d90"]


def test_a_line_is_said_only_where_dropout_costs_more_than_half_a_nat():
    assert dropout_warning(Noisy(2.5, 2.0, 0.1, 4, 99), 0.3) == ""
    line = dropout_warning(Noisy(4.84, 2.87, 0.25, 4, 99), 0.2)
    assert "\n" not in line
    assert "train.residual_dropout = 0.2" in line
    assert "from 2.87 to 4.84 (the mean of 4 draws, which differ by 0.25)" in line
    assert "1B parameters and below" in line


def trained(model, dataset, out, capfd, **changes) -> tuple[list[Epoch], str]:
    settings = {"epochs": 1, "batch_size": 5, "max_tokens": 64, "residual_dropout": 0.3, "dev_samples": 0}
    settings |= {"precision": "float32", "device": "cpu", **changes}
    out.mkdir()
    work(Train(model=ModelRef(model), **settings), {"dataset": dataset}, out)
    return list(jsonl.read(out / "epochs.jsonl", Epoch)), capfd.readouterr().err


def test_epoch_0_alone_records_the_loss_with_dropout(tiny_model, dataset, tmp_path, capfd):
    epochs, said = trained(tiny_model, dataset, tmp_path / "out", capfd)
    assert epochs[0].dropout_loss != epochs[0].dev_loss
    assert epochs[0].dropout_loss == pytest.approx(epochs[0].dev_loss, abs=0.5)
    assert (epochs[0].dropout_draws, epochs[0].dropout_tokens) == (4, epochs[0].dev_tokens)
    assert epochs[0].dropout_plain == epochs[0].dev_loss
    assert epochs[0].dropout_spread > 0
    assert (epochs[1].dropout_loss, epochs[1].dropout_draws) == (None, 0)
    assert "residual_dropout" not in said


def test_without_dropout_there_is_no_such_loss(tiny_model, dataset, tmp_path, capfd):
    epochs, _ = trained(tiny_model, dataset, tmp_path / "out", capfd, residual_dropout=0.0)
    assert [epoch.dropout_loss for epoch in epochs] == [None, None]


@pytest.mark.parametrize("with_dev", [True, False])
def test_what_dropout_costs_is_said_once(tiny_model, dataset, tmp_path, capfd, monkeypatch, with_dev):
    """Without a dev set, the first batch shows it. A random model has little to lose: any cost counts here."""
    monkeypatch.setattr("handful.train.dev.COSTLY", -1.0)
    if not with_dev:
        (dataset / "dev.jsonl").write_bytes(b"")
    epochs, said = trained(tiny_model, dataset, tmp_path / "out", capfd, epochs=2)
    assert (epochs[0].dev_loss is not None) == with_dev
    assert said.count("train.residual_dropout = 0.3 raises the loss before training from ") == 1
    assert f"to {epochs[0].dropout_loss:.2f} (the mean of 4 draws" in said
