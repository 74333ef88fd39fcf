"""Whose model a model is, by its name: a judge favours its own family (Panickssery et al. 2024), so readers are warned.

By name alone. A model called after nothing that is listed here has no family that we know, and gets no warning.
"""

from __future__ import annotations

import re

FAMILIES = {
    "smollm": r"smollm",
    "gemma": r"gemma",
    "gemini": r"gemini|bard\b|palm|bison",
    "claude": r"claude|anthropic",
    "llama": r"llama|vicuna|alpaca\b|alpaca-\d",
    "qwen": r"qwen|qwq",
    "mistral": r"mistral|mixtral|ministral|codestral|magistral",
    "deepseek": r"deepseek",
    "phi": r"\bphi-?\d",
    "olmo": r"olmo|tulu",
    "pythia": r"pythia|gpt-?neox?|dolly",
    "opt": r"\bopt-\d",
    "falcon": r"falcon",
    "grok": r"grok",
    "command": r"command-(?:r|a|light|nightly)|cohere",
    "glm": r"\bglm|chatglm",
    "yi": r"\byi-\d",
    "kimi": r"kimi|moonshot",
    "granite": r"granite",
    "gpt": r"gpt-?oss|chatgpt|\bgpt-?[2-9]|openai|davinci|babbage|\bo[1345](?:-|$)",
}
"""The first that fits: a "deepseek-r1-distill-qwen" was trained from Qwen, but speaks as DeepSeek's."""
ORDER = ("deepseek", *(name for name in FAMILIES if name != "deepseek"))


def family_of(name: str) -> str:
    """The family of the model `name`, such as "Qwen/Qwen2.5-7B-Instruct"; "" where its name does not tell."""
    spoken = name.lower().replace("_", "-")
    return next((family for family in ORDER if re.search(FAMILIES[family], spoken)), "")
