"""Estimates beside what real networks keep, sums by hand, and the lines of `handful plan`."""

import importlib
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from handful.cli.main import cli
from handful.core.errors import RecipeError
from handful.recipe.curation import TABLE_1, Select
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train import devices, estimate, known, memory, workload
from handful.train.flops import shape_of
from handful.train.memory import Pass, total

SMOLLM2, LIMA = "smollm2-135m-instruct", "huggyllama/llama-65b"


def tune(model=SMOLLM2, **changes):
    return Train(model=ModelRef(model), **changes)


def term(terms, name):
    return sum(term.bytes for term in terms if term.name == name)


def lima(**changes):
    """Table 1 as published, on LLaMA-65B."""
    params = tune(LIMA, **changes)
    return params, shape_of(known.KNOWN[LIMA]), workload.planned(params, Select(), TABLE_1)


# What autograd keeps


def kept_bytes(network, family, tokens, layers, bfloat16, dropout, rank):
    """Bytes of everything that the forward pass of a real network keeps for the backward pass, weights aside."""
    torch = importlib.import_module("torch")
    from handful.train.attention import packed_attention
    from handful.train.dropout import add_residual_dropout
    from handful.train.lora import add_adapters

    changes = {"layer_types": ["full_attention"] * layers} if family == "gemma3" else {}
    size = "n_layer" if family == "gpt2" else "num_hidden_layers"
    model = network(family, **{**changes, size: layers}).train()
    if rank:
        add_adapters(model, 1, tune(lora_rank=rank))
    add_residual_dropout(model, dropout)
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    found = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = (
                storage.nbytes(),
                tensor,
            )  # held, so that its place is not taken again
        return tensor

    with (
        packed_attention(model),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16),
    ):
        ids = torch.arange(tokens)[None]
        model.base_model(input_ids=ids, position_ids=ids, use_cache=False, doc_ends=(tokens // 3, tokens))
    return sum(size for size, _ in found.values())


def a_layer_and_token(network, family, kind="cpu", bfloat16=True, dropout=0.0, rank=0):
    """By differences, so that what comes once, or with the weights, drops out; without attention's weights."""

    def one_layer(tokens):
        four, five = (
            kept_bytes(network, family, tokens, layers, bfloat16, dropout, rank) for layers in (4, 5)
        )
        return five - four

    difference = one_layer(60) - one_layer(30)
    if kind == "cpu":  # documents of 20 and 40 tokens, of 10 and 20, each one block with all its weights
        heads = network(family).config.num_attention_heads
        difference -= heads * (2 if bfloat16 else 4) * (20**2 + 40**2 - 10**2 - 20**2)
    return difference / 30


@pytest.fixture
def kind(request, monkeypatch):
    """On a GPU attention is torch's own: here its kernel for processors, which keeps the same."""
    if request.param == "cuda":
        attention = importlib.import_module("handful.train.attention")
        monkeypatch.setattr(attention, "by_blocks", lambda query, softcap: False)
    return request.param


@pytest.mark.parametrize(
    ("kind", "bfloat16", "dropout"),
    [("cpu", True, 0.2), ("cpu", False, 0.0), ("cuda", True, 0.0)],
    indirect=["kind"],
)
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma3", "gpt2"])
def test_activations_are_what_autograd_keeps_to_the_byte(network, family, bfloat16, dropout, kind):
    shape = shape_of(network(family).config.to_dict())
    params = tune(residual_dropout=dropout)
    assert memory.layer_bytes(shape, params, bfloat16, kind) == a_layer_and_token(
        network, family, kind, bfloat16, dropout
    )


@pytest.mark.parametrize("family", ["mistral-window", "olmo2", "granite"])
def test_activations_of_other_families_are_close(network, family):
    shape = shape_of(
        network(family, **({"sliding_window": None} if family == "mistral-window" else {})).config.to_dict()
    )
    expected = memory.layer_bytes(shape, tune(residual_dropout=0.0), True, "cpu")
    assert expected == pytest.approx(a_layer_and_token(network, family), rel=0.15)


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_activations_with_adapters_are_close(network, family):
    shape = shape_of(network(family).config.to_dict())
    expected = memory.layer_bytes(shape, tune(residual_dropout=0.0, lora_rank=2), True, "cpu")
    assert expected == pytest.approx(a_layer_and_token(network, family, rank=2), rel=0.15)


@pytest.mark.parametrize("family", ["llama", "llama-untied"])
def test_adapters_are_counted_as_they_are_added(network, family):
    from handful.train.lora import add_adapters

    model = network(family)
    add_adapters(model, 1, tune(lora_rank=4))
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    shape = shape_of(model.config.to_dict())
    assert memory.trained_parameters(shape, tune(lora_rank=4)) == trained


def test_constants_are_those_of_the_loss():
    loss = importlib.import_module("handful.train.loss")
    causal = importlib.import_module("handful.train.causal")
    assert (memory.CHUNK_LOGITS, memory.ALIGNMENT) == (loss.CHUNK_LOGITS, loss.ALIGNMENT)
    assert memory.BLOCK == causal.BLOCK


@pytest.mark.parametrize(("tokens", "window"), [(1, 0), (128, 0), (300, 0), (300, 60), (300, 129)])
def test_attention_weights_are_those_that_the_kernel_keeps(tokens, window):
    torch, causal = map(importlib.import_module, ("torch", "handful.train.causal"))
    query = torch.ones(1, 4, tokens, 8, requires_grad=True)
    key = torch.ones(1, 2, tokens, 8, requires_grad=True)
    found = causal.causal_attention(query, key, key, window=window or None)
    kept = found.grad_fn.next_functions[0][0] if "View" in type(found.grad_fn).__name__ else found.grad_fn
    assert sum(t.numel() for t in kept.saved_tensors[4:]) == 4 * memory.pairs(tokens, window)


# Terms of memory


def test_weights_gradients_and_moments_take_sixteen_bytes_a_parameter():
    shape = shape_of(known.KNOWN[SMOLLM2])
    terms = memory.peak(shape, tune(), Pass(512, 512), "cpu")
    assert sum(term(terms, name) for name in ("weights", "gradients", "moments")) == 16 * 134_515_008


def test_they_are_shared_out_over_devices():
    shape = shape_of(known.KNOWN[LIMA])
    terms = memory.peak(shape, tune(LIMA), Pass(2048, 2048), "cuda", devices=8)
    assert sum(term(terms, name) for name in ("weights", "gradients", "moments")) == 2 * 65_285_660_672
    assert term(terms, "whole weights") == 4 * (2 * shape.layer_parameters + 2 * 32_000 * 8192 + 8192)


def test_checkpointing_and_shorter_packs_take_less():
    shape = shape_of(known.KNOWN[SMOLLM2])
    sizes = [
        total(memory.peak(shape, tune(gradient_checkpointing=again), Pass(tokens, tokens), "cpu"))
        for tokens, again in [(2048, False), (1024, False), (2048, True), (1024, True)]
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_logits_never_take_more_than_their_chunk():
    shape = shape_of(known.KNOWN["gemma3-270m"])
    terms = [memory.peak(shape, tune(), Pass(tokens, tokens), "cpu") for tokens in (2048, 8192)]
    assert term(terms[0], "logits") == term(terms[1], "logits") <= 12 * 1.001 * memory.CHUNK_LOGITS


def test_where_a_step_is_small_saving_is_the_most():
    shape = shape_of(known.KNOWN["openai-community/gpt2"])
    terms = memory.peak(shape, tune(gradient_checkpointing=True), Pass(16, 16), "cpu")
    assert term(terms, "saving") == 8 * shape.parameters
    assert term(terms, "gradients") == 0


# Steps, time and disk


def test_the_papers_training_in_numbers():
    params, shape, work = lima()
    found = estimate.estimate(params, shape, work, 64, devices.gpu("H200"))
    assert (found.steps, found.epochs, found.tokens) == (480, 15, 15 * 759_800)
    assert 6 * 65.0e9 * found.tokens < found.flops < 6 * 67e9 * found.tokens
    assert found.disk_bytes == 15 * 4 * 65_285_660_672 + 2 * 12 * 65_285_660_672


def test_time_is_flops_by_rate_on_one_device():
    params = tune(batch_size=2)
    work = workload.Workload((100, 200, 300), True, True, "by hand")
    device = devices.Device("cpu:1", "cpu", 0, 1e9)
    found = estimate.estimate(params, shape_of(known.KNOWN[SMOLLM2]), work, 1, device)
    assert found.seconds == pytest.approx(found.flops / (1e9 * estimate.MFU["cpu"]))
    assert found.busy == 1.0
    slower = estimate.estimate(
        tune(batch_size=2, gradient_checkpointing=True), shape_of(known.KNOWN[SMOLLM2]), work, 1, device
    )
    assert slower.seconds == pytest.approx(found.seconds * 4 / 3)


def test_devices_without_an_example_are_idle():
    work = workload.Workload((100,) * 4, True, True, "by hand")
    found = estimate.estimate(
        tune(batch_size=4), shape_of(known.KNOWN[SMOLLM2]), work, 16, devices.gpu("H200")
    )
    assert found.busy == pytest.approx(4 / 16)


def test_max_steps_ends_an_estimate_too():
    work = workload.Workload((100,) * 64, True, True, "by hand")
    found = estimate.estimate(tune(max_steps=3), shape_of(known.KNOWN[SMOLLM2]), work, 1, devices.gpu("H200"))
    assert (found.steps, found.epochs, found.tokens) == (3, 1.5, 9600)


def test_the_largest_pack_is_the_limit_or_the_longest_example():
    work = workload.Workload((100, 900, 100, 100), True, True, "by hand")
    assert estimate.largest_pass(work, tune(pack_tokens=512, batch_size=4), 1).tokens == 900
    assert estimate.largest_pass(work, tune(pack_tokens=1000, batch_size=4), 1).tokens == 1000
    assert estimate.largest_pass(work, tune(pack_tokens=4096, batch_size=4), 1).tokens == 1200


# Advice


def test_what_does_not_fit_comes_with_what_would():
    params, shape, work = lima(gradient_checkpointing=True)
    found = estimate.estimate(params, shape, work, 8, devices.gpu("A100-80GB"))
    assert not found.fits
    wanted = next(int(text.split()[0]) for text in found.advice if "devices (" in text)
    assert estimate.estimate(params, shape, work, wanted, devices.gpu("A100-80GB")).fits
    assert not estimate.estimate(params, shape, work, wanted // 2, devices.gpu("A100-80GB")).fits
    assert any(text.startswith("train.lora_rank = 16") for text in found.advice)


def test_a_setting_that_is_on_already_is_not_advised():
    params, shape, work = lima(gradient_checkpointing=True, lora_rank=16)
    found = estimate.estimate(params, shape, work, 1, devices.gpu("RTX4090"))
    assert not found.fits
    assert not any("checkpointing" in text or "lora" in text for text in found.advice)


def test_what_fits_needs_no_advice():
    params, shape, work = lima(gradient_checkpointing=True)
    found = estimate.estimate(params, shape, work, 64, devices.gpu("A100-80GB"))
    assert found.fits
    assert found.advice == []


# Devices, numbers, models


@pytest.mark.parametrize(
    ("text", "count", "name"),
    [
        ("8xH200", 8, "H200"),
        ("64xA100-80GB", 64, "A100-80GB"),
        ("2xrtx4090", 2, "RTX4090"),
        ("h100", 1, "H100-80GB"),
        ("cpu:2", 1, "cpu:2"),
    ],
)
def test_devices_are_read_as_people_write_them(text, count, name):
    found, device = devices.parse(text)
    assert (found, device.name) == (count, name)


@pytest.mark.parametrize("text", ["8xH900", "0xH200", "", "cpu:0", "H200x8", "-1xH200"])
def test_unknown_devices_are_refused_with_those_known(text):
    with pytest.raises(RecipeError, match="no such device; write 8xH200"):
        devices.parse(text)


def test_a_driver_names_its_gpu(tmp_path):
    file = tmp_path / "information"
    for said, name in [
        ("Model: \t NVIDIA H200\n", "H200"),
        ("Model: NVIDIA A100-SXM4-80GB\n", "A100-80GB"),
        ("Model: NVIDIA GeForce RTX 4090\n", "RTX4090"),
        ("Model: NVIDIA H100 80GB HBM3\n", "H100-80GB"),
        ("Model: NVIDIA NVS 300\n", None),
    ]:
        file.write_text(said)
        assert devices.gpu_named(file) == name
    assert devices.gpu_named(tmp_path / "none") is None


@pytest.mark.parametrize(("text", "value"), [("7B", 7e9), ("135m", 135e6), ("1,000", 1000), ("1.5b", 1.5e9)])
def test_numbers_of_parameters(text, value):
    assert estimate.number(text) == value


@pytest.mark.parametrize("text", ["", "many", "-7B", "0", "7Q"])
def test_other_words_are_no_number_of_parameters(text):
    with pytest.raises(RecipeError, match="no number of parameters"):
        estimate.number(text)


def test_a_model_is_found_in_its_folder_the_hubs_cache_and_the_table(tmp_path, monkeypatch):
    config = json.dumps(known.KNOWN["openai-community/gpt2"])
    snapshot = tmp_path / "hub" / "models--some--thing" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(config)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in (str(snapshot), "some/thing"):
        found = estimate.model_of(name)
        assert (found.shape.parameters, found.how) == (124_439_808, "its config.json")
    for name in ("meta-llama/Llama-3.1-8B-Instruct", "NousResearch/Meta-Llama-3.1-8B"):
        assert estimate.model_of(name).shape.parameters == 8_030_261_248
    assert estimate.model_of("no/such-model") is None


def test_table_1_sums_to_the_papers_tokens():
    assert sum(workload.planned(tune(), Select(), TABLE_1).lengths) == 759_800
    assert max(workload.planned(tune(max_tokens=500), Select(), TABLE_1).lengths) == 500


# handful plan

SOURCE = '[sources.NAME]\nkind = "messages"\npaths = ["rows.jsonl"]\n'
RECIPE = 'name = "one"\n[train]\nmodel = "MODEL"\n'


@pytest.fixture
def plan(tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Thus. " * n}]}
        for n in range(1, 41)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(*arguments, model=SMOLLM2, command="plan", sources=TABLE_1):
        read = "".join(SOURCE.replace("NAME", name) for name in sources)
        (tmp_path / "recipe.toml").write_text(RECIPE.replace("MODEL", model) + read)
        paths = [str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work")]
        return CliRunner().invoke(cli, [command, *paths, *arguments])

    return run


def test_plan_tells_what_training_will_take(plan):
    result = plan("--devices", "8xH200", "--devices", "8xA100", model=LIMA)
    assert result.exit_code == 0
    assert "65,285,660,672 parameters" in result.output
    assert "1,000 of 759,800 tokens, estimated" in result.output
    assert "480, 32 an epoch, 15 epochs" in result.output
    assert result.output.count("DOES NOT FIT") == 2
    assert "on 8xA100-80GB" in result.output


def test_json_holds_every_term_beside_the_step(plan):
    steps = json.loads(plan("--json", "--devices", "cpu:2").output)
    train = next(step for step in steps if step["step"] == "train")
    assert all("machines" not in step.get("estimate", {}) for step in steps if step is not train)
    machine = train["estimate"]["machines"][0]
    assert machine["memory_bytes"] == pytest.approx(sum(term["bytes"] for term in machine["terms"]))
    assert train["estimate"]["tokens_exact"] is False


def test_an_unknown_model_is_said_and_the_plan_stands(plan):
    result = plan(model="no/such-model")
    assert result.exit_code == 0
    assert "no/such-model: not on this machine, and of unknown size: give --parameters" in result.output
    assert "about that of" in plan("--parameters", "7B", model="no/such-model").output


def test_a_broken_config_is_said_and_the_plan_stands(plan, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{")
    result = plan(model=str(tmp_path / "model"))
    assert result.exit_code == 0
    assert "train: cannot be estimated" in result.output


def test_a_wrong_device_is_one_line(plan):
    result = plan("--devices", "8xH900")
    assert result.exit_code == 2
    assert result.output.startswith("error: --devices 8xH900: no such device")


def test_a_finished_dataset_is_counted_by_characters(plan):
    assert "nothing is known before `dataset` is done" in plan(sources=["mine"]).output
    assert plan("--to", "dataset", command="run", sources=["mine"]).exit_code == 0
    assert "estimated: the dataset's characters" in plan(sources=["mine"]).output


def test_a_plan_imports_no_torch(plan, tmp_path):
    plan()  # writes the recipe
    code = (
        "import sys; from click.testing import CliRunner; from handful.cli.main import cli;"
        f"r = CliRunner().invoke(cli, ['plan', {str(tmp_path / 'recipe.toml')!r}, '--work', {str(tmp_path)!r}]);"
        "assert 'train, estimated' in r.output, r.output;"
        "print(sorted({'torch', 'transformers', 'numpy', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_quotas_of_sources_that_are_not_there_do_not_count():
    assert len(workload.planned(tune(), Select(), ["stem", "mine"]).lengths) == 200
    assert workload.planned(tune(), Select(), ["mine"]).lengths == ()


# What it doubts


def warnings(result) -> list[str]:
    assert result.exit_code == 0
    return [line for line in result.output.splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("learning_rate", "0.5", "above 0.01 no language model learns"),
        ("final_learning_rate", "1e-3", "the rate would rise"),
        ("max_tokens", "31", "below 32 little is left"),
        ("batch_size", "1001", "there are 1,000 examples, so an epoch is a single step"),
        ("epochs", "300", "the paper's is 15"),
        ("residual_dropout", "0.6", "more is dropped"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_doubted_in_one_line(plan, setting, value, words):
    [line] = warnings(plan("--set", f"train.{setting}={value}"))
    assert line.startswith(f"warning: train.{setting} = ")
    assert words in line


def test_the_papers_settings_are_not_doubted(plan):
    assert warnings(plan()) == []
    assert warnings(plan("--set", "train.batch_size=1000", "--set", "train.max_tokens=32")) == []
    assert (
        warnings(plan("--set", "train.learning_rate=0.01", "--set", "train.final_learning_rate=0.01")) == []
    )


def test_doubts_are_in_the_json(plan):
    steps = json.loads(plan("--json", "--set", "train.learning_rate=1").output)
    [found] = [step["estimate"]["doubts"] for step in steps if step["step"] == "train"]
    assert found[0].startswith("train.learning_rate = 1.0: ")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("EMPTY", "holds no config.json"),
        (
            "no/such-model",
            "no/such-model: neither embedded, nor a folder, nor in the Hugging Face cache here; `run`",
        ),
        ("smollm2-135m", "did you mean 'smollm2-135m-instruct'?"),
    ],
)
def test_a_model_that_is_not_here_is_said_at_once(plan, tmp_path, monkeypatch, model, words):
    """As `run` would say it, which has to import torch first."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    [line] = warnings(plan(model=str(tmp_path) if model == "EMPTY" else model))
    assert line.startswith("warning: train.model: ")
    assert words in line


def test_a_model_in_the_hub_cache_is_here_and_offline_is_said(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set, so `run` would stop" in warnings(plan(model=LIMA))[0]
    folder = tmp_path / "hub" / f"models--{LIMA.replace('/', '--')}" / "snapshots" / "x"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(known.KNOWN[LIMA]))
    assert warnings(plan(model=LIMA)) == []
