from __future__ import annotations

import pytest

from handful.models.families import family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-4o-2024-08-06", "gpt"),
        ("openai/gpt-oss-20b", "gpt"),
        ("o3-mini", "gpt"),
        ("text-davinci-003", "gpt"),
        ("claude-opus-4", "claude"),
        ("gemini-2.5-pro", "gemini"),
        ("bard", "gemini"),
        ("google/gemma-3-270m", "gemma"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
        ("QWEN2_5", "qwen"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("smollm2-135m-instruct", "smollm"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek"),
        ("EleutherAI/gpt-neox-20b", "pythia"),
        ("our-own-model", ""),
        ("tuned", ""),
        ("base", ""),
        ("m", ""),
        ("", ""),
        ("optimal", ""),
        ("postcard", ""),
    ],
)
def test_a_models_family_is_read_from_its_name_or_not_known(name, family):
    assert family_of(name) == family
