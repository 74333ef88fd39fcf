"""The model card: what it says is what the folders hold, and its code runs."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from msgspec.structs import replace as changed

from handful.core import jsonl
from handful.core.types import Example
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train import card
from handful.train.work import work

DATASET_CARD = """\
---
license:
- cc-by-sa-4.0
language:
- en
task_categories:
- text-generation
---

# A handful of examples

10 dialogues.

**Written by a language model**, as their author field says: 3 of them, by GPT-4 (3).

## Licences and attribution

Each dialogue keeps the licence of its source.

To be heeded:

- 5 dialogues may, once changed, only be passed on under the same licence (ShareAlike).
- 5 dialogues state no licence: ask first.

| licence | dialogues |
| --- | --- |
"""


@pytest.fixture(scope="module")
def params(tiny_model) -> Train:
    return Train(
        model=ModelRef(tiny_model),
        epochs=2,
        batch_size=4,
        residual_dropout=0.1,
        max_tokens=64,
        pack_tokens=64,
        dev_samples=2,
        dev_sample_tokens=8,
        precision="float32",
        device="cpu",
    )


@pytest.fixture(scope="module")
def trained(params, fixed_dataset, tmp_path_factory):
    """A dataset with licences and a card, and the folder of a training on it."""
    folder = tmp_path_factory.mktemp("card")
    dataset, out = folder / "dataset", folder / "train"
    shutil.copytree(fixed_dataset, dataset)
    examples = [
        changed(e, origin=changed(e.origin, license="CC BY-SA 4.0" if e.origin.source == "other" else ""))
        for e in jsonl.read(dataset / "train.jsonl", Example)
    ]
    jsonl.write(dataset / "train.jsonl", examples)
    (dataset / "README.md").write_text(DATASET_CARD)
    out.mkdir()
    counts = work(params, {"dataset": dataset}, out)
    return dataset, out, counts


def read(train: Path, epoch: int) -> str:
    return (train / f"epoch-{epoch:02d}" / "README.md").read_text()


def test_every_epochs_checkpoint_has_a_card_that_the_hub_can_read(trained):
    _, train, _ = trained
    for epoch in (1, 2):
        found = ModelCard(read(train, epoch))
        found.data.to_dict()
        assert found.data.library_name == "transformers"
        assert found.data.language == ["en"]
        assert found.data.license == "other"
        assert "lima" in found.data.tags
        assert f"epoch {epoch} of 2" in found.text


def test_it_counts_the_examples_of_each_source_and_licence(trained):
    text = read(trained[1], 1)
    assert "| authored | not stated | 5 |" in text
    assert "| other | CC BY-SA 4.0 | 5 |" in text


def test_what_the_licences_ask_and_who_wrote_the_texts_is_taken_over(trained):
    text = read(trained[1], 1)
    assert text.index("## Licences") < text.index("- 5 dialogues state no licence: ask first.")
    assert "(ShareAlike)" in text
    assert "**Written by a language model**, as their author field says: 3 of them" in text


def test_dev_losses_are_those_of_the_records_and_this_epochs_is_in_bold(trained):
    _, train, _ = trained
    rows = [json.loads(line) for line in (train / "epochs.jsonl").read_text().splitlines()]
    text = read(train, 2)
    assert f"| 0 (before training) | 0 | {rows[0]['dev_loss']:.4f} |" in text
    assert f"| 1 | {rows[1]['step']} | {rows[1]['dev_loss']:.4f} |" in text
    assert f"| **2** | **{rows[2]['step']}** | **{rows[2]['dev_loss']:.4f}** |" in text


def test_it_names_no_place_and_no_time(trained, tiny_model, tmp_path_factory):
    for epoch in (1, 2):
        text = read(trained[1], epoch)
        assert str(tmp_path_factory.getbasetemp()) not in text
        assert str(tiny_model.parent) not in text
        assert not re.search(r"\b20\d\d-\d\d-\d\d|seconds|\d:\d\d", text)
        assert tiny_model.name in text


def test_its_values_are_the_recipes(trained, params):
    text = read(trained[1], 1)
    assert "| `learning_rate` | 1e-05 |" in text
    assert "| `residual_dropout` | 0.1 |" in text
    assert "0 at the first layer, 0.1 at the last" in text
    assert "`device`" not in text
    assert "(LoRA)" not in text


def test_the_code_in_it_runs_in_the_checkpoints_own_folder(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained[1] / "epoch-02")
    code = read(trained[1], 2).partition("```python\n")[2].partition("```")[0]
    exec(code.replace("max_new_tokens=512", "max_new_tokens=4"), {})
    assert "<|handful_eot|>" not in capsys.readouterr().out


def test_the_same_training_gives_the_same_card_and_a_lost_one_comes_back(trained, params):
    dataset, train, counts = trained
    before = read(train, 1)
    (train / "epoch-01" / "README.md").unlink()
    card.write(params, counts, dataset, train)
    assert read(train, 1) == before


@pytest.fixture
def facts(trained, params):
    return card.Facts(params, trained[2], {("a", ""): 10}, "", [], [])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("gemma3-270m", "Gemma Terms of Use"),
        ("smollm2-135m-instruct", "https://www.apache.org/licenses/LICENSE-2.0"),
        ("org/some-model", "https://huggingface.co/org/some-model"),
        ("./mine", "a local folder, mine"),
    ],
)
def test_the_terms_of_the_base_model_are_named(facts, model, said):
    text = card.card(replace(facts, params=replace(facts.params, model=ModelRef(model))), 1)
    assert said in text.split("## Licences")[1]


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("gemma3-270m", "google/gemma-3-270m"),
        ("smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("org/some-model", "org/some-model"),
        ("./mine", None),
    ],
)
def test_the_base_model_is_named_as_the_hub_calls_it_or_not_at_all(facts, model, base):
    text = card.card(replace(facts, params=replace(facts.params, model=ModelRef(model))), 1)
    assert ModelCard(text).data.base_model == base


def test_names_of_sources_cannot_break_the_table_or_the_page(facts):
    nasty = replace(facts, licences={("a|b\n# c <script>", "x|y"): 1})
    assert "| a\\|b # c &lt;script> | x\\|y | 1 |" in card.card(nasty, 1)


def test_without_a_dev_set_it_says_so(facts, trained):
    epochs = [card.Epoch(0, 0, None, 0), card.Epoch(1, 3, None, 0)]
    text = card.card(replace(facts, epochs=epochs), 1)
    assert "(there is no dev set)" in text
    assert "| **1** | **3** |  |  |  |" in text


def test_adapters_are_named_where_they_were_trained(facts):
    text = card.card(replace(facts, params=replace(facts.params, lora_rank=8)), 1)
    assert "Low-rank adapters (LoRA) of rank 8" in text
