"""The stage: prompts in, responses out, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.core import jsonl
from handful.core.errors import DataError, MissingModel
from handful.core.types import Dropped, Origin, Prompt, Response, Turn
from handful.generate import local
from handful.generate.work import work
from handful.recipe.systems import BaseSystem, CheckpointSystem, FakeSystem, FewShotSystem, Generate
from handful.recipe.values import ModelRef


def settings(system, **more):
    plain = {"max_tokens": 24, "limit": "new", "batch_size": 2, "device": "cpu", "precision": "float32"}
    return Generate(**{**plain, **more}, systems={"it": system})


def responses(out):
    return list(jsonl.read(out / "responses.jsonl", Response))


def test_responses_stand_in_the_order_of_prompts_then_samples(dataset, checkpoints, out):
    params = settings(CheckpointSystem(kind="checkpoint"), samples=3)
    counts = work(params, {"dataset": dataset, "train": checkpoints}, out)
    order = [(f"p{number}", sample) for number in range(5) for sample in range(3)]
    found = responses(out)
    assert [(r.prompt_id, r.sample) for r in found] == order
    assert {r.system for r in found} == {"it"}
    assert counts["prompts"] == 5
    assert counts["responses"] == 15 == sum(counts["finish"].values())
    assert counts["tokens"] == sum(r.tokens for r in found)
    assert len({r.text for r in found}) > 10, "samples differ"
    assert all(r.text == r.text.strip() for r in found)
    assert sorted(p.name for p in out.iterdir()) == ["errors.jsonl", "responses.jsonl", "truncated.jsonl"]


class Killed(BaseException):
    pass


def test_a_killed_run_goes_on_to_the_same_bytes(dataset, checkpoints, out, tmp_path, monkeypatch):
    params = settings(CheckpointSystem(kind="checkpoint"), samples=2)
    inputs = {"dataset": dataset, "train": checkpoints}
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    counts = work(params, inputs, undisturbed)

    batches = []

    def killed_in_the_third(*arguments, **more):
        batches.append(1)
        if len(batches) == 3:
            raise Killed
        return sample(*arguments, **more)

    sample = local.sample
    monkeypatch.setattr(local, "sample", killed_in_the_third)
    with pytest.raises(Killed):
        work(params, inputs, out)
    growing = out / "responses.partial.jsonl"
    lines = growing.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    growing.write_bytes(b"".join(lines[:3]) + lines[3][:20])  # the kill came in the middle of a write

    assert work(params, inputs, out) == counts
    assert len(batches) == 3 + 4, "one of the five batches was whole, the torn one is made again"
    names = {path.name for path in undisturbed.iterdir()}
    assert {path.name for path in out.iterdir()} == names
    for name in names:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()


def test_epoch_0_is_the_last_and_others_are_found_by_number(dataset, checkpoints, tmp_path):
    texts = {}
    for epoch in (0, 1, 2):
        (out := tmp_path / str(epoch)).mkdir()
        work(
            settings(CheckpointSystem(kind="checkpoint", epoch=epoch)),
            {"dataset": dataset, "train": checkpoints},
            out,
        )
        texts[epoch] = [r.text for r in responses(out)]
    assert texts[0] == texts[2] != texts[1]


def test_a_checkpoint_of_another_run_answers_as_it_does_there(dataset, checkpoints, tmp_path):
    texts = []
    folder = ModelRef(str(checkpoints / "epoch-01"))
    elsewhere = CheckpointSystem(kind="checkpoint", model=folder)
    for system, inputs in (
        (CheckpointSystem(kind="checkpoint", epoch=1), {"train": checkpoints}),
        (elsewhere, {}),
    ):
        (out := tmp_path / str(len(texts))).mkdir()
        work(settings(system), {"dataset": dataset, **inputs}, out)
        texts.append([r.text for r in responses(out)])
    assert texts[0] == texts[1]
    assert elsewhere.needs == ("dataset",), "it waits for no training"


def test_a_model_of_others_is_no_checkpoint(dataset, tiny_model, out):
    system = CheckpointSystem(kind="checkpoint", model=ModelRef(str(tiny_model)))
    with pytest.raises(DataError, match=r'is no checkpoint of a training of ours.*kind = "base"'):
        work(settings(system), {"dataset": dataset}, out)


def test_checkpoints_in_a_relative_folder_are_found(dataset, checkpoints, out, monkeypatch):
    """`handful run` works in "work": without a "./" in front, that is no name of the hub."""
    monkeypatch.chdir(checkpoints.parent)
    params = settings(CheckpointSystem(kind="checkpoint"))
    work(params, {"dataset": dataset, "train": Path(checkpoints.name)}, out)
    assert (out / "responses.jsonl").stat().st_size


def test_a_missing_epoch_names_those_there(dataset, checkpoints, out):
    params = settings(CheckpointSystem(kind="checkpoint", epoch=7))
    with pytest.raises(DataError, match="no checkpoint of epoch 7; those there: 1, 2"):
        work(params, {"dataset": dataset, "train": checkpoints}, out)


def test_the_end_of_turn_is_told_from_the_end_of_text(dataset, checkpoints, out):
    """A model that always says EOT, and one that always says EOS."""
    import torch

    from handful.models.load import load_model, load_tokenizer

    for token, finish in (("<|eot|>", "eot"), ("</s>", "eos")):
        source = checkpoints / "epoch-02"
        model, tokenizer = load_model(str(source)), load_tokenizer(str(source))
        train = out / finish
        with torch.no_grad():
            model.model.norm.weight.fill_(1.0)
            for layer in model.model.layers:
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
            table = model.model.embed_tokens.weight  # the output layer's too
            table.fill_(1.0)
            table[tokenizer.convert_tokens_to_ids(token)] = 2.0
        model.save_pretrained(train / "epoch-01")
        tokenizer.save_pretrained(train / "epoch-01")
        params = settings(CheckpointSystem(kind="checkpoint"), temperature=0.0)
        counts = work(params, {"dataset": dataset, "train": train}, out)
        assert counts["finish"] == {finish: 5}
        assert counts["tokens"] == 0


def test_the_base_model_never_ends_its_turn(dataset, tiny_model, out):
    params = settings(BaseSystem(kind="base", model=ModelRef(str(tiny_model))))
    counts = work(params, {"dataset": dataset}, out)
    assert set(counts["finish"]) <= {"eos", "length"}


def test_few_shot_keeps_what_it_showed(dataset, tiny_model, out):
    system = FewShotSystem(
        kind="few_shot", model=ModelRef(str(tiny_model)), examples=2, max_context_tokens=400
    )
    params = settings(system, max_tokens=8)
    work(params, {"dataset": dataset}, out)
    context = (out / "context.md").read_text()
    assert context.count("Answer number") == 2
    assert context.endswith("# Query:\n{prompt}\n\n# Answer:\n")
    before = (out / "responses.jsonl").read_bytes()
    work(params, {"dataset": dataset}, out)
    assert (out / "responses.jsonl").read_bytes() == before


def test_few_shot_without_room_for_any_example(dataset, tiny_model, out):
    system = FewShotSystem(kind="few_shot", model=ModelRef(str(tiny_model)), max_context_tokens=9)
    with pytest.raises(DataError, match="none of 5 single-turn training examples fits"):
        work(settings(system), {"dataset": dataset}, out)


def test_a_prompt_longer_than_the_model_loses_its_beginning_on_record(dataset, checkpoints, out):
    long = Prompt("long", (Turn("user", "word " * 3000),), Origin("authored", "", "long"))
    jsonl.write(dataset / "test.jsonl", [long])
    params = settings(CheckpointSystem(kind="checkpoint"), samples=2)
    counts = work(params, {"dataset": dataset, "train": checkpoints}, out)
    (line,) = jsonl.read(out / "truncated.jsonl", Dropped)
    assert (line.id, line.rule) == ("long", "too_long_for_model")
    assert counts["truncated"] == 1
    assert len(responses(out)) == 2


def test_the_dev_split_is_asked_without_its_answers(dataset, out):
    params = settings(FakeSystem(kind="fake", text="So: {prompt}"), split="dev")
    counts = work(params, {"dataset": dataset}, out)
    assert counts == {"prompts": 3, "responses": 3, "finish": {"eot": 3}, "tokens": 28, "truncated": 0}
    assert responses(out)[2].text == "So: Name three uses of a brick."


def test_only_the_first_prompts_are_asked(dataset, out):
    work(settings(FakeSystem(kind="fake"), first=2), {"dataset": dataset}, out)
    assert [r.prompt_id for r in responses(out)] == ["p0", "p1"]


def test_no_prompts_at_all_is_an_error_that_says_what_to_do(dataset, out):
    (dataset / "test.jsonl").write_text("")
    with pytest.raises(DataError, match=r"holds no prompts.*generate\.split = \"dev\""):
        work(settings(FakeSystem(kind="fake")), {"dataset": dataset}, out)


def test_an_unknown_model_is_named(dataset, out):
    params = settings(BaseSystem(kind="base", model=ModelRef("./nowhere")))
    with pytest.raises(MissingModel, match="nowhere"):
        work(params, {"dataset": dataset}, out)


def test_without_an_epoch_of_its_own_a_checkpoint_is_the_one_that_was_chosen(dataset, checkpoints, tmp_path):
    (choose := tmp_path / "choose").mkdir()
    (choose / "choice.json").write_text('{"epoch": 1, "by": "hand"}')
    texts = {}
    for name, epoch, inputs in (
        ("chosen", 0, {"choose": choose}),
        ("named", 2, {"choose": choose}),
        ("last", 0, {}),
    ):
        (out := tmp_path / name).mkdir()
        system = CheckpointSystem(kind="checkpoint", epoch=epoch)
        work(settings(system), {"dataset": dataset, "train": checkpoints, **inputs}, out)
        texts[name] = [response.text for response in responses(out)]
    assert texts["chosen"] != texts["last"] == texts["named"]


def test_a_broken_choice_is_named(dataset, checkpoints, out, tmp_path):
    (tmp_path / "choice.json").write_text("{")
    inputs = {"dataset": dataset, "train": checkpoints, "choose": tmp_path}
    with pytest.raises(DataError, match=r"choice\.json: "):
        work(settings(CheckpointSystem(kind="checkpoint")), inputs, out)
