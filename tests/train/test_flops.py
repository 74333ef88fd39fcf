"""Parameters and FLOPs from a configuration, beside real networks, sums by hand and torch's own counter."""

import importlib

import pytest

from handful.core.errors import DataError
from handful.train import flops
from handful.train.flops import shape_of, training_flops, with_parameters
from handful.train.known import KNOWN

EXACT = [
    "llama",
    "llama-untied",
    "mistral-window",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3",
    "gpt2",
    "gpt-neox",
    "phi",
]


@pytest.mark.parametrize("family", [*EXACT, "olmo2", "granite"])
def test_parameters_are_those_of_the_network(network, family):
    model = network(family)
    assert shape_of(model.config.to_dict()).parameters == model.num_parameters()


PUBLISHED = {
    "huggyllama/llama-7b": 6_738_415_616,
    "huggyllama/llama-65b": 65_285_660_672,
    "meta-llama/Meta-Llama-3-8B": 8_030_261_248,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen3-8B-Base": 8_190_735_360,
    "google/gemma-2-2b": 2_614_341_888,
    "google/gemma-3-1b-pt": 999_885_952,
    "gemma3-270m": 268_098_176,
    "smollm2-135m-instruct": 134_515_008,
    "openai-community/gpt2": 124_439_808,
}
"""As their model cards count them."""


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_published_models_have_their_published_size(name, parameters):
    assert shape_of(KNOWN[name]).parameters == parameters


def test_a_configuration_that_leaves_defaults_out_is_read_as_transformers_does():
    transformers = importlib.import_module("transformers")
    sparse = {"model_type": "gemma3_text", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 7}
    full = transformers.Gemma3TextConfig(**{k: v for k, v in sparse.items() if k != "model_type"}).to_dict()
    assert shape_of({"text_config": sparse}) == shape_of({**full, "sliding_window": None})


def test_windows_follow_the_layers_kinds():
    config = KNOWN["gemma3-270m"]
    assert [place for place, window in enumerate(shape_of(config).windows) if not window] == [5, 11, 17]
    kinds = ["full_attention"] * 17 + ["sliding_attention"]
    assert shape_of({**config, "layer_types": kinds}).windows == (0,) * 17 + (512,)


@pytest.mark.parametrize(
    ("config", "missing"),
    [({}, "hidden_size"), ({"model_type": "llama", "hidden_size": 64}, "num_hidden_layers")],
)
def test_what_is_no_decoder_is_told_by_what_it_lacks(config, missing):
    with pytest.raises(DataError, match=f"has no {missing}"):
        shape_of(config)


def test_a_mixture_of_experts_is_not_estimated():
    with pytest.raises(DataError, match="mixture of experts"):
        shape_of({**KNOWN["huggyllama/llama-7b"], "num_local_experts": 8})


@pytest.mark.parametrize(
    ("length", "window", "pairs"), [(1, 0, 1), (4, 0, 10), (4, 2, 7), (4, 4, 10), (3, 9, 6)]
)
def test_a_token_sees_itself_and_what_is_before_it_in_the_window(length, window, pairs):
    by_hand = sum(1 for i in range(length) for j in range(i + 1) if not window or i - j < window)
    assert flops.seen(length, window) == pairs == by_hand


def test_flops_by_hand():
    """2 layers, 3 heads of 4, 1 for keys and values, all on paper."""
    config = {
        "model_type": "llama",
        "vocab_size": 11,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 4,
        "intermediate_size": 5,
    }
    attention = 8 * 12 + 8 * 4 + 8 * 4 + 12 * 8
    products = 2 * (attention + 3 * 8 * 5) + 11 * 8
    scores_and_mix = 2 * 2 * 12 * (1 + 2 + 3)  # multiply and add, twice, for six pairs of tokens
    assert training_flops(shape_of(config), [3]) == 3 * (3 * 2 * products + 2 * scores_and_mix)
    assert training_flops(shape_of(config), [3, 3]) == 2 * training_flops(shape_of(config), [3])


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3", "gpt-neox"])
def test_products_are_those_that_torch_counts(network, family):
    """Forward, without attention's own products, whose kernels torch counts in other ways."""
    torch = importlib.import_module("torch")
    from torch.utils.flop_counter import FlopCounterMode

    model, length = network(family), 7
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(input_ids=torch.zeros(1, length, dtype=torch.long))
    products = sum(
        n for op, n in counter.get_flop_counts()["Global"].items() if str(op) in ("aten.mm", "aten.addmm")
    )
    shape = shape_of(model.config.to_dict())
    pairs = sum(flops.seen(length, window) for window in shape.windows)
    assert training_flops(shape, [length]) - 12 * shape.queries * pairs == 3 * products


def test_the_figures_of_the_design_for_smollm2():
    """0.845 GFLOP a token at a mean length of some 340 tokens."""
    shape = shape_of(KNOWN["smollm2-135m-instruct"])
    assert training_flops(shape, [340]) / 340 == pytest.approx(0.845e9, rel=0.01)


def test_a_model_known_by_its_size_alone_gets_that_size():
    shape = with_parameters(shape_of(KNOWN["huggyllama/llama-7b"]), 8_000_000_000)
    assert shape.parameters == pytest.approx(8e9, rel=1e-3)
    assert shape.layers == 32
