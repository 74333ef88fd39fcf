"""Adapters learn and nothing else does; merged they are an ordinary model, and killed they go on bit for bit."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from train_once import Process, Stop, lines, stop_after
from transformers import AutoModelForCausalLM, AutoTokenizer, MixtralConfig, MixtralForCausalLM

from handful.core.errors import DataError, MissingExtra
from handful.core.files import files_below
from handful.models.load import fast_float32
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.attention import packed_attention, prove_packing
from handful.train.checkpoints import latest
from handful.train.course import checkpoint_activations
from handful.train.distributed import Ranks, met, named_whole, shard
from handful.train.dropout import add_residual_dropout, prove_sites
from handful.train.loop import Trainee, adamw, pack_loss, steps
from handful.train.lora import (
    adapter_config,
    adapter_tensors,
    add_adapters,
    is_trained,
    linear_layers,
    load_trained,
    merged,
    trained,
    with_row,
)
from handful.train.loss import head_of
from handful.train.masking import IGNORED, Document
from handful.train.packing import row
from handful.train.schedule import batches
from handful.train.work import work

EOT = 96
EVERY = ["llama", "llama-untied", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "gpt-neox", "phi", "olmo2"]
EACH_KIND = ["llama", "llama-untied", "gemma2", "gpt2"]  # tied, not tied, scaled and capped, Conv1D


def lora(**changes) -> Train:
    base = Train(
        model=ModelRef("some/base"), lora_rank=4, residual_dropout=0.0, precision="float32", device="cpu"
    )
    return replace(base, **changes)


def adapted(model, **changes) -> Trainee:
    params = lora(**changes)
    head = head_of(model)
    add_adapters(model, EOT, params)
    add_residual_dropout(model, 0.0)  # silences GPT-2's own
    return Trainee(model, with_row(head, model), adamw(model, params), "cpu", torch.float32)


def shake(model, size: float = 0.05) -> None:
    """Give the adapters and the new rows values as if they had been trained."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if is_trained(name):
                weight.add_(size * torch.randn(weight.shape, generator=generator))


def some_ids(length: int = 20) -> torch.Tensor:
    ids = torch.randint(3, EOT, (1, length), generator=torch.Generator().manual_seed(2))
    ids[0, [5, length - 1]] = EOT
    return ids


def documents(count: int = 6) -> list[Document]:
    found = []
    for number in range(count):
        ids = torch.randint(3, EOT, (8 + number,), generator=torch.Generator().manual_seed(number)).tolist()
        ids[3] = ids[-1] = EOT
        targets = [IGNORED] * 3 + ids[4:] + [IGNORED]
        found.append(Document(f"e{number}", "s", tuple(ids), tuple(targets), len(ids) - 4))
    return found


def logits(model, ids=None) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=some_ids() if ids is None else ids, use_cache=False).logits


def gradients(trainee: Trainee) -> dict[str, torch.Tensor]:
    with packed_attention(trainee.model):
        pack_loss(trainee, row(documents()), 1 / 40).backward()
    return {name: weight.grad for name, weight in trainee.model.named_parameters() if weight.grad is not None}


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one.detach(), other.detach()
    return ((one - other).abs().max() / other.abs().max()).item()


# the function


@pytest.mark.parametrize("family", EVERY)
def test_it_starts_as_the_base_and_merged_is_a_plain_model_with_the_same_logits(network, family):
    model = network(family)
    plain_names = model.state_dict().keys()
    untrained = logits(model)
    adapted(model)
    assert torch.equal(logits(model), untrained)
    shake(model)
    expected = logits(model)
    assert difference(expected, untrained) > 0.1
    state = merged(model, model.state_dict())
    assert state.keys() == plain_names
    fresh = network(family, seed=1)
    fresh.load_state_dict(state)
    assert difference(logits(fresh), expected) < 1e-5
    assert torch.equal(logits(model), expected)  # merging changed nothing in the trained model


def test_a_merged_weight_by_hand(network):
    model = network("llama")
    name = "model.layers.1.mlp.up_proj"
    weight = model.get_submodule(name).weight.detach().clone().double()
    adapted(model, lora_rank=3, lora_alpha=12.0)
    shake(model)
    layer = model.get_submodule(name)
    a, b = layer.lora_A["default"].weight.double(), layer.lora_B["default"].weight.double()
    assert a.shape == (3, 32)
    assert b.shape == (48, 3)
    found = merged(model, model.state_dict())[f"{name}.weight"].double()
    assert torch.allclose(found, weight + 12 / 3 * b @ a, atol=1e-6)


@pytest.mark.parametrize(("alpha", "scale"), [(0.0, 2.0), (4.0, 1.0), (6.0, 1.5)])
def test_alpha_is_twice_the_rank_unless_given(network, alpha, scale):
    model = network("llama")
    adapted(model, lora_rank=4, lora_alpha=alpha)
    assert model.model.layers[0].self_attn.q_proj.scaling == {"default": scale}


def test_adapters_are_on_every_linear_layer_of_attention_and_mlp_and_nowhere_else(network):
    model = network("llama-untied")
    adapted(model)
    places = {name.partition(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A" in name}
    parts = [f"self_attn.{x}_proj" for x in "qkvo"] + [f"mlp.{x}_proj" for x in ("gate", "up", "down")]
    assert places == {f"model.layers.{layer}.{part}" for layer in range(4) for part in parts}
    assert all(w.dtype == torch.float32 for w in model.parameters())


def test_the_seed_decides_how_adapters_start(network):
    states = []
    for seed in (0, 0, 1):
        model = network("qwen2")
        torch.rand(seed + len(states))  # what was drawn before must not matter
        adapted(model, seed=seed)
        states.append(model.state_dict()["model.layers.2.mlp.down_proj.lora_A.default.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert states[0].abs().max() <= 48**-0.5  # uniform within 1 / sqrt(inputs)
    assert states[0].var() == pytest.approx(1 / 48 / 3, rel=0.3)


# gradients


@pytest.mark.parametrize("family", EACH_KIND)
def test_gradients_are_those_of_full_training(network, family):
    """The new row's is that row of the table's; with B = 0, dL/dB = s dL/dW A^T and dL/dA = 0."""
    full = network(family)
    expected = gradients(Trainee(full, head_of(full), adamw(full, lora()), "cpu", torch.float32))
    model = network(family)
    found = gradients(adapted(model))
    assert found.keys() == {name for name, weight in model.named_parameters() if is_trained(name)}
    for name, gradient in found.items():
        stem, _, kind = name.replace(".default.weight", "").rpartition(".")
        if kind == "eot_row":
            assert difference(gradient[0], expected[f"{stem}.weight"][EOT]) < 1e-5, name
        elif kind == "lora_A":
            assert not gradient.any()
        else:
            layer = model.get_submodule(stem)
            whole = expected[f"{stem}.weight"].T if family == "gpt2" else expected[f"{stem}.weight"]
            assert difference(gradient, 2 * whole @ layer.lora_A["default"].weight.T) < 1e-4, name


def test_gradients_of_trained_adapters_are_those_of_autograd(network):
    """Against torch's own derivative of the merged weights, put into the plain model by `functional_call`."""
    model = network("llama-untied")
    trainee = adapted(model)
    shake(model)
    found = gradients(trainee)
    plain = network("llama-untied")
    leaves = {n: w.detach().double().requires_grad_() for n, w in trained(model.state_dict()).items()}
    state = {n: w.double() for n, w in plain.state_dict().items()}
    for name in linear_layers(plain):
        a, b = leaves[f"{name}.lora_A.default.weight"], leaves[f"{name}.lora_B.default.weight"]
        state[f"{name}.weight"] = state[f"{name}.weight"] + 2 * b @ a
    for table in ("model.embed_tokens", "lm_head"):
        weight = state[f"{table}.weight"]
        state[f"{table}.weight"] = torch.cat([weight[:EOT], leaves[f"{table}.eot_row"], weight[EOT + 1 :]])
    total = torch.zeros((), dtype=torch.float64)
    for document in documents():
        ids = torch.tensor([document.ids])
        out = torch.func.functional_call(plain.double(), state, (), {"input_ids": ids, "use_cache": False})
        goals = torch.tensor(document.targets)
        kept = goals != IGNORED
        total = total + torch.nn.functional.cross_entropy(out.logits[0, kept], goals[kept], reduction="sum")
    (total / 40).backward()
    for name, leaf in leaves.items():
        assert difference(found[name].double(), leaf.grad) < 1e-4, name


def test_bfloat16_arithmetic_gives_about_the_same_gradients(network):
    exact = gradients(adapted(network("llama")))
    trainee = replace(adapted(network("llama")), dtype=torch.bfloat16)
    rounded = gradients(trainee)
    for name, gradient in exact.items():
        assert rounded[name].dtype == torch.float32
        cosine = torch.cosine_similarity(rounded[name].flatten(), gradient.flatten(), dim=0)
        assert cosine > 0.98 or not gradient.any(), name


def test_computing_activations_again_changes_no_gradient(network):
    plain = gradients(adapted(network("llama")))
    trainee = adapted(network("llama"))
    checkpoint_activations(trainee.model)
    trainee.model.train()
    again = gradients(trainee)
    for name, gradient in plain.items():
        assert difference(again[name], gradient) < 1e-5 or not gradient.any(), name


@pytest.mark.parametrize("family", ["llama-untied", "gemma3"])
def test_sharded_weights_give_the_same_steps(network, tmp_path, family):
    """All of `fully_shard` but the second process."""
    params = lora(epochs=3, batch_size=3, learning_rate=1e-2)
    alone = adapted(network(family))
    expected = [step.loss for step in steps(alone, documents(), batches(6, params), params)]
    trainee = adapted(network(family))
    with met("cpu", 0, 1, 0, f"file://{tmp_path}/store") as ranks:
        root = shard(trainee.model, "cpu", Ranks(0, 1))
        trainee = replace(trainee, optimizer=adamw(trainee.model, params), ranks=ranks, root=root)
        found = [step.loss for step in steps(trainee, documents(), batches(6, params), params)]
        whole = {name: part.full_tensor().detach() for name, part in named_whole(trainee.model)}
    assert found == pytest.approx(expected, rel=1e-5)
    state = merged(trainee.model, whole)
    for name, tensor in merged(alone.model, alone.model.state_dict()).items():
        assert torch.allclose(state[name], tensor, atol=1e-4), name


@pytest.mark.parametrize("family", EACH_KIND)
def test_the_proofs_of_packing_and_dropout_still_hold(network, family):
    model = network(family)
    adapted(model)
    shake(model)
    prove_packing(model)
    prove_sites(model)


# training


@pytest.mark.parametrize("family", EACH_KIND)
def test_only_adapters_and_the_new_row_change_and_the_loss_falls(network, family):
    model = network(family)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    params = lora(epochs=12, batch_size=6, learning_rate=1e-2, final_learning_rate=1e-3, weight_decay=0.0)
    trainee = adapted(model, learning_rate=1e-2)
    frozen = {name: w.detach().clone() for name, w in model.named_parameters() if not w.requires_grad}
    losses = [step.loss for step in steps(trainee, documents(), batches(6, params), params)]
    assert losses[-1] < 0.8 * losses[0]
    for name, weight in frozen.items():
        table = f"{name.removesuffix('.weight')}.eot_row" in model.state_dict()
        kept = [place for place in range(len(weight)) if not (table and place == EOT)]
        assert torch.equal(model.get_parameter(name)[kept], weight[kept]), name
    after = merged(model, model.state_dict())
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    tables = {"llama-untied": 2}.get(family, 1) + (family != "llama-untied")  # a tied table has two names
    assert len(changed) == len(linear_layers(network(family))) + tables
    rows = (after["lm_head.weight"] != before["lm_head.weight"]).any(dim=1).nonzero().flatten()
    assert rows.tolist() == [EOT]


def test_the_optimizer_remembers_two_numbers_for_each_number_trained(network):
    trainee = adapted(network("llama"))
    params = lora(batch_size=6, epochs=1)
    list(steps(trainee, documents(), batches(6, params), params))
    held = sum(t.numel() for state in trainee.optimizer.state.values() for t in state.values() if t.ndim > 0)
    attention = 4 * ((32 + 32) + (32 + 16) + (32 + 16) + (32 + 32))  # rank x (inputs + outputs) of q, k, v, o
    mlp = 4 * 3 * (32 + 48)
    assert held == 2 * (4 * (attention + mlp) + 32)


def test_stored_adapters_come_back_and_those_of_another_rank_are_refused(network):
    one, other, wrong, smaller = (network(f) for f in ("llama", "llama", "llama-untied", "llama"))
    for model in (one, other, wrong):
        adapted(model)
    adapted(smaller, lora_rank=2)
    shake(one)
    load_trained(other, trained(one.state_dict()))
    assert torch.equal(logits(one), logits(other))
    with pytest.raises(DataError, match=r"adapters of another model or rank: .*down_proj"):
        load_trained(smaller, trained(one.state_dict()))
    with pytest.raises(DataError, match=r"adapters of another model or rank: lm_head\.eot_row"):
        load_trained(wrong, trained(one.state_dict()))


# what cannot be done


def test_a_mixture_of_experts_is_refused():
    config = MixtralConfig(
        vocab_size=97, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, num_local_experts=2, num_experts_per_tok=1,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"^train\.lora_rank: MixtralForCausalLM .* is not a linear layer"):
        add_adapters(MixtralForCausalLM(config), EOT, lora())


def test_an_embedding_that_does_more_is_refused(network):
    model = network("llama")
    model.model.embed_tokens.register_forward_hook(lambda module, args, output: output + 1)
    with pytest.raises(DataError, match="does more than look up and scale"):
        add_adapters(model, EOT, lora())


def test_without_peft_it_says_what_to_install(network, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "peft" else real(name, *a)
    )
    with pytest.raises(MissingExtra, match=r"train\.lora_rank needs peft.*pip install 'handful\[lora\]'"):
        add_adapters(network("llama"), EOT, lora())


# peft


def peft_model(base, folder):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        from peft import PeftModel

        return PeftModel.from_pretrained(base, folder)


@pytest.mark.parametrize("family", EACH_KIND)
def test_peft_loads_the_adapters_onto_the_base_with_the_same_logits(network, tmp_path, family):
    from safetensors.torch import save_file

    model = network(family)
    adapted(model)
    shake(model)
    save_file(adapter_tensors(model.state_dict()), tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter_config(model)))
    base = network(family)
    with torch.no_grad():
        base.get_input_embeddings().weight[EOT] = 7.0  # what it holds in the base must not matter
    assert torch.equal(logits(peft_model(base, tmp_path)), logits(model))


def test_where_peft_would_forget_the_heads_bias_there_is_no_adapter_to_load(network):
    model = network("phi")
    adapted(model)
    assert adapter_config(model) is None


# the stage


@pytest.fixture(scope="module")
def params(quick):
    return replace(quick, lora_rank=4, epochs=2, learning_rate=1e-2)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


@pytest.fixture(scope="module")
def undisturbed(params, fixed_dataset, tmp_path_factory):
    """The folder of a training that nothing interrupted."""
    torch.set_num_threads(1)
    fast_float32.cache_clear()
    out = tmp_path_factory.mktemp("undisturbed") / "train"
    out.mkdir()
    return out, work(params, {"dataset": fixed_dataset}, out)


def test_an_epochs_checkpoint_loads_without_peft_and_with_it(params, undisturbed):
    out, counts = undisturbed
    folder = out / "epoch-02"
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert counts["parameters"] == plain.num_parameters()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    base = AutoModelForCausalLM.from_pretrained(params.model).eval()
    assert len(tokenizer) == base.get_input_embeddings().weight.shape[0] + 1
    base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = torch.tensor([[5, 9, len(tokenizer) - 1, 7]])
    expected = logits(plain, ids)
    assert difference(logits(peft_model(base, folder / "adapter"), ids), expected) < 1e-5


def test_nothing_of_the_machine_is_left_behind(params, undisturbed):
    config = json.loads((undisturbed[0] / "epoch-01/adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == ""
    assert (config["r"], config["lora_alpha"]) == (4, 8)
    found = content(undisturbed[0])
    assert "epoch-01/adapter/adapter_model.safetensors" in found
    assert not any(str(params.model).encode() in data for data in found.values())


def interrupted(params, dataset, out, monkeypatch, last):
    """A training that ends after step `last` as by a kill: nothing more is written."""
    out.mkdir()
    with monkeypatch.context() as patch:
        stop_after(patch, last)
        with pytest.raises(Stop):
            work(params, {"dataset": dataset}, out)


@pytest.mark.parametrize("last", [3, 6])
def test_stopped_and_started_again_it_leaves_the_same_bytes(
    params, fixed_dataset, tmp_path, undisturbed, monkeypatch, last
):
    """After a state in mid-epoch, and after one at an epoch's end."""
    interrupted(params, fixed_dataset, tmp_path / "out", monkeypatch, last)
    assert work(params, {"dataset": fixed_dataset}, tmp_path / "out") == undisturbed[1]
    assert content(tmp_path / "out") == content(undisturbed[0])


def test_what_it_goes_on_from_holds_adapters_and_their_moments_and_is_not_used_when_damaged(
    params, fixed_dataset, tmp_path, monkeypatch, capsys
):
    interrupted(params, fixed_dataset, tmp_path / "out", monkeypatch, 3)
    [state] = (tmp_path / "out/resume").iterdir()
    names = set()
    for file in sorted(state.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            names |= {name.rpartition("/")[2] for name in tensors.keys()}  # noqa: SIM118
    assert names
    assert all(is_trained(name) for name in names)
    assert not (state / "config.json").exists()
    adapters = state / "part-00000-00001.safetensors"
    adapters.write_bytes(adapters.read_bytes()[:1000])
    assert latest(tmp_path / "out") is None  # it would start again
    assert "cannot be read" in capsys.readouterr().err


def test_killed_at_random_it_goes_on_to_the_same_bytes(params, fixed_dataset, tmp_path, undisturbed):
    import random

    out, last = tmp_path / "out", random.Random().randint(1, 8)
    process = Process(params, fixed_dataset, out)
    killed = process.kill_when(lambda: lines(out / "steps.jsonl") >= last)
    assert killed or process.returncode == 0
    work(params, {"dataset": fixed_dataset}, out)
    assert content(out) == content(undisturbed[0]), f"killed after step {last}"


def test_the_first_step_moves_every_adapter(undisturbed):
    """At these rates float32 adapters move; B is zero at first, so A does from the second step on."""
    tensors = load_file(undisturbed[0] / "epoch-01/adapter/adapter_model.safetensors")
    assert all(tensor.any() for tensor in tensors.values())
