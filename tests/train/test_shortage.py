"""Want of memory is one line that says what to lower."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from handful.core.errors import DataError
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.shortage import memory_told

PARAMS = Train(model=ModelRef("none"), pack_tokens=4096)


def test_what_the_cpu_cannot_give():
    with pytest.raises(DataError) as told, memory_told(PARAMS, 2):
        torch.empty(2**60)
    text = str(told.value)
    assert text.startswith("training: out of memory (")
    assert "\n" not in text
    for advice in (
        "train.pack_tokens (now 4,096)",
        "train.gradient_checkpointing = true",
        "(now 2)",
        "lora_rank",
    ):
        assert advice in text


def test_what_a_gpu_cannot_give():
    with pytest.raises(DataError, match="CUDA out of memory"), memory_told(PARAMS, 1):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nSee …")


def test_what_is_done_already_is_not_advised():
    params = replace(PARAMS, gradient_checkpointing=True, lora_rank=8)
    with pytest.raises(DataError) as told, memory_told(params, 1):
        raise MemoryError
    assert "gradient_checkpointing" not in str(told.value)
    assert "lora_rank" not in str(told.value)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), memory_told(PARAMS, 1):
        raise RuntimeError("shapes do not fit")
