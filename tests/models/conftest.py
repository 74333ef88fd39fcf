"""Tiny random models of four families, and a tokenizer trained on a few sentences."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

SENTENCES = [
    "How do I keep a sourdough starter alive?",
    "1. Feed it flour and water.\n\n2. Keep it warm, at 25 degrees.\n\n3. Wait 12 hours.",
    "The end of turn is a token, and a user who types its name types only letters.",
    "# Query:\nWhat is a nucleus?\n\n# Answer:\nThe likeliest tokens that together hold p.",
]


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tiny products are faster on one thread, and other tests may run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train_tokenizer(bos: bool) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<pad>", "<bos>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES, trainer)
    if bos:
        backend.post_processor = processors.TemplateProcessing(
            single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", 1)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>"
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(bos=False)


@pytest.fixture
def bos_tokenizer() -> PreTrainedTokenizerFast:
    """As Gemma's: it puts BOS in front of every text."""
    return train_tokenizer(bos=True)


SHAPE = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def tiny_config(family: str):
    if family == "llama":
        return LlamaConfig(**SHAPE, tie_word_embeddings=True)
    if family == "llama-untied":
        return LlamaConfig(**SHAPE, tie_word_embeddings=False)
    if family == "gemma3":  # windows of 8 tokens on five layers of six
        return Gemma3TextConfig(**{**SHAPE, "num_hidden_layers": 6}, head_dim=16, sliding_window=8)
    if family in ("qwen2", "qwen2-tied"):
        return Qwen2Config(**SHAPE, tie_word_embeddings=family == "qwen2-tied")
    if family == "qwen3":
        return Qwen3Config(**SHAPE, head_dim=16)
    if family == "mistral":
        return MistralConfig(**SHAPE)
    if family == "smollm3":
        return SmolLM3Config(**SHAPE)
    assert family == "gpt2"
    return GPT2Config(
        vocab_size=320, n_embd=64, n_layer=4, n_head=4, n_positions=256, bos_token_id=1, eos_token_id=2
    )


def tiny_model(family: str):
    """A random model whose logits spread as a trained one's do: its first answers are not all one token."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config(family)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.3 if "embed" in name or "wte" in name else 0.15)
    return model


@pytest.fixture
def build():
    """A tiny random model of a family."""
    return tiny_model


@pytest.fixture(params=["llama", "gemma3", "qwen2", "gpt2"])
def model(request):
    return tiny_model(request.param)


@pytest.fixture
def llama():
    return tiny_model("llama")


@pytest.fixture
def untied():
    return tiny_model("llama-untied")
