"""Models by reference: what is found, and what is said where nothing is."""

from __future__ import annotations

import pytest
import torch

from handful.core.errors import DataError, MissingModel
from handful.models.load import (
    compute_dtype,
    cpu_has_bfloat16,
    fast_float32,
    load_model,
    load_tokenizer,
    pick_device,
    resolve,
)


@pytest.fixture
def saved(llama, tokenizer, tmp_path):
    llama.save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_a_folder_loads_in_the_type_asked_for(saved, llama):
    model = load_model(str(saved), dtype=torch.bfloat16)
    assert not model.training
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert torch.equal(load_model(str(saved)).lm_head.weight, llama.lm_head.weight)


def test_loading_says_nothing(saved, capfd):
    load_model(str(saved))
    load_tokenizer(str(saved))
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("gemma3-270", "did you mean 'gemma3-270m'"),
        ("meta-llama/Llama-2-7b-hf", "embedded models .gemma3-270m, smollm2-135m-instruct."),
        ("meta-llama/Llama-2-7b-hf", "run: hf download meta-llama/Llama-2-7b-hf"),
        ("not a name!", "not in the Hugging Face cache"),
        ("./nowhere", r"\./nowhere: no such model folder"),
    ],
)
def test_an_unknown_model_says_how_to_get_one(ref, said):
    with pytest.raises(MissingModel, match=said):
        resolve(ref)


def test_a_folder_in_sight_is_not_taken_for_a_model_of_the_hub(saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    with pytest.raises(MissingModel, match=r'for the folder of that name, write "\./tiny"'):
        resolve("tiny")
    assert resolve("./tiny").resolve() == saved


def test_a_folder_without_a_config_is_no_model(tmp_path):
    with pytest.raises(MissingModel, match=r"holds no config\.json"):
        resolve(str(tmp_path))


def test_pickled_weights_are_not_read(saved, llama):
    (saved / "model.safetensors").unlink()
    torch.save(llama.state_dict(), saved / "pytorch_model.bin")
    with pytest.raises(DataError, match="its model cannot be read"):
        load_model(str(saved))


def test_a_cut_file_of_weights_is_named(saved):
    whole = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"{saved}: its model cannot be read"):
        load_model(str(saved))


def test_a_broken_tokenizer_is_named(saved):
    (saved / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match=f"{saved}: its tokenizer cannot be read"):
        load_tokenizer(str(saved))


def test_code_that_comes_with_a_model_is_not_run(saved):
    (saved / "config.json").write_text(
        '{"model_type": "evil", "auto_map": {"AutoModelForCausalLM": "evil.Evil"}}'
    )
    (saved / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(DataError, match="cannot be read"):
        load_model(str(saved))


def test_devices_and_types():
    assert pick_device("cpu") == "cpu"
    assert compute_dtype("float32", "cpu") == torch.float32
    assert compute_dtype("bfloat16", "cpu") == torch.bfloat16
    assert compute_dtype("auto", "cpu") == (torch.bfloat16 if cpu_has_bfloat16() else torch.float32)
    if not torch.cuda.is_available():
        assert pick_device("auto") == "cpu"
        with pytest.raises(DataError, match="torch finds no GPU"):
            pick_device("cuda")


def test_fast_float32_is_still_float32():
    before = torch.get_float32_matmul_precision()
    try:
        if fast_float32():
            torch.manual_seed(5)
            a, b = torch.randn(200, 300), torch.randn(300, 100)
            exact = a.double() @ b.double()
            assert ((a @ b).double() - exact).norm() / exact.norm() < 1e-6
    finally:
        torch.set_float32_matmul_precision(before)
        fast_float32.cache_clear()
