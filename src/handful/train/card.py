"""The model card, README.md of every epoch's checkpoint: what it was made from, how, what was measured, how to use it.

Written from the training's own records once all of them are there, so it claims nothing that was not measured; neither
times nor places of a machine are in it. Licences are quoted as the sources and the dataset's card state them: what
they mean for the model's weights is not settled, and not said here.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Example
from handful.models.embedded import EMBEDDED
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.dev import DevSample, Epoch

CARD = "README.md"
TAGS = ("handful", "lima", "sft", "instruction-tuning")
OF_THE_MACHINE = ("device", "track", "save_every", "keep")
"""Settings that do not decide what the weights are."""
HEED = "To be heeded:"
"""What stands above the terms in the dataset's card."""
SAID_OF_TEXTS = ("**Written by a language model**", "**Drafts**")
"""How paragraphs of the dataset's card begin that a reader of the model's should see too."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is written from."""

    params: Train
    counts: Mapping[str, Any]
    """Of the training's manifest."""
    licences: Mapping[tuple[str, str], int]
    """(source, licence as stated or "") -> training examples."""
    dataset_card: str
    """README.md of the dataset; empty where it has none."""
    epochs: Sequence[Epoch]
    samples: Sequence[DevSample]


def write(params: Train, counts: Mapping[str, Any], dataset: Path, train: Path) -> None:
    """Put a card into each epoch's checkpoint in the folder `train`, whose training is over."""
    licences = Counter(
        (example.origin.source, example.origin.license)
        for example in jsonl.read(dataset / "train.jsonl", Example)
    )
    described = dataset / CARD
    facts = Facts(
        params=params,
        counts=counts,
        licences=licences,
        dataset_card=described.read_text(encoding="utf-8") if described.exists() else "",
        epochs=list(jsonl.read(train / "epochs.jsonl", Epoch)),
        samples=list(jsonl.read(train / "dev_samples.jsonl", DevSample)),
    )
    for folder in sorted(train.glob("epoch-*")):
        number = folder.name.removeprefix("epoch-")
        if number.isdecimal():
            write_whole(folder / CARD, card(facts, int(number)))


def card(facts: Facts, epoch: int) -> str:
    """README.md, as a Hugging Face model card (YAML first)."""
    name = model_name(facts.params.model)
    parts = [
        front_matter(facts),
        f"# {name}, fine-tuned on {facts.counts['examples']:,} examples: epoch {epoch} of {facts.counts['epochs']}",
        f"Supervised fine-tuning of {name} after LIMA (Zhou et al. 2023, arXiv 2305.11206), with Handful. "
        "This is one of the checkpoints of one training; the figures below are all that was measured with it.",
        "## Use",
        use(facts.params),
        "## Data",
        data(facts),
        "## Training",
        training(facts),
        "## By epoch",
        by_epoch(facts, epoch),
        "## Licences",
        licensing(facts),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


LIMITS = (
    "Tuned on few examples, for the form of its answers: what it knows, and gets wrong, it has from the model that it "
    "was made of. No test of safety, of facts or of bias is part of the training."
)


def model_name(model: ModelRef) -> str:
    """The model as a reader may find it. Of a folder only the name: where it lay is nobody's business."""
    if model in EMBEDDED:
        return EMBEDDED[model].hub
    return Path(model).name if model.is_folder else str(model)


def front_matter(facts: Facts) -> str:
    """The YAML block. The data are not on the hub, so `datasets` stays out: the text says what they are."""
    model = facts.params.model
    base = [] if model.is_folder else [f"base_model: {quoted(model_name(model))}"]
    languages = listed_in(facts.dataset_card, "language")
    lines = [
        "---",
        *base,
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "license: other",
        "license_name: those-of-the-base-model-and-of-the-data",
        *(["language:", *(f"- {language}" for language in languages)] if languages else []),
        "tags:",
        *(f"- {tag}" for tag in TAGS),
        "---",
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """As a YAML string: JSON's are."""
    return json.dumps(text, ensure_ascii=False)


def listed_in(card: str, key: str) -> list[str]:
    """The items of a list in the YAML of a dataset's card, which `dataset` writes with one item a line."""
    head = card.partition("\n---\n")[0]
    _, found, rest = head.partition(f"\n{key}:\n")
    items = []
    for line in rest.split("\n") if found else ():
        if not line.startswith("- "):
            break
        items.append(line.removeprefix("- "))
    return items


def use(params: Train) -> str:
    return f"""\
Every utterance, the user's too, ends with the token `{params.eot_token}`; there are no roles and no system prompt. The
chat template writes it, and generation stops at it:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this one
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
messages = [{{"role": "user", "content": "How do I keep rice from sticking?"}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
output = model.generate(**inputs, do_sample=True, temperature=0.7, top_p=0.9, top_k=0, max_new_tokens=512)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
```

The paper also takes a repetition penalty of 1.2, on what was generated alone; that of `transformers` counts the prompt
too, and with it the end-of-turn token. `handful chat FOLDER` samples as the paper says."""


def data(facts: Facts) -> str:
    """How many examples, of which sources and licences."""
    rows = [
        (plain(source), plain(licence) or "not stated", f"{n:,}")
        for (source, licence), n in sorted(facts.licences.items())
    ]
    tokens = facts.counts
    left_out = sum(facts.licences.values()) - tokens["examples"]
    lost = tokens["truncated"]
    parts = [
        f"{tokens['examples']:,} examples of {tokens['tokens']:,} tokens, {tokens['response_tokens']:,} of them the "
        "assistant's."
        + (f" {left_out:,} more were left out: their prompts alone fill the limit." if left_out else "")
        + (f" {lost:,} of train and dev lost their tail or were left out." if lost else ""),
        table(("source", "licence", "examples"), rows),
        *(part for part in facts.dataset_card.split("\n\n") if part.startswith(SAID_OF_TEXTS)),
    ]
    return "\n\n".join(parts)


def training(facts: Facts) -> str:
    """The recipe's values, and in words what they do not say by themselves."""
    params = facts.params
    values = [
        (f"`{field.name}`", shown(getattr(params, field.name)))
        for field in fields(params)
        if field.name not in OF_THE_MACHINE
    ]
    steps, epochs, parameters = (facts.counts[name] for name in ("steps", "epochs", "parameters"))
    words = [
        f"{steps:,} steps in {epochs:,} epochs; {parameters:,} parameters. AdamW; the rate falls linearly from "
        f"{params.learning_rate:g} to {params.final_learning_rate:g}, without warm-up.",
        "The weights are float32, and so were the master weights throughout, whatever the arithmetic's precision.",
    ]
    if params.residual_dropout:
        words.append(
            f"Residual dropout: 0 at the first layer, {params.residual_dropout:g} at the last, linear between. It is "
            "off now."
        )
    if params.lora_rank:
        words.append(
            f"Low-rank adapters (LoRA) of rank {params.lora_rank} were trained, not all weights; here they are merged "
            "into the weights."
        )
    return " ".join(words) + "\n\n" + table(("setting", "value"), values)


def by_epoch(facts: Facts, epoch: int) -> str:
    """Dev loss after each epoch, and how many dev answers ended; this checkpoint's line is in bold."""
    rows = []
    for each in facts.epochs:
        finishes = [sample.finish for sample in facts.samples if sample.epoch == each.epoch]
        ended = f"{finishes.count('eot')} of {len(finishes)}" if finishes else ""
        cells = (
            "0 (before training)" if each.epoch == 0 else str(each.epoch),
            f"{each.step:,}",
            number(each.dev_loss, 4),
            number(perplexity(each.dev_loss), 2),
            ended,
        )
        rows.append(tuple(f"**{cell}**" if cell and each.epoch == epoch else cell for cell in cells))
    tokens = next((each.dev_tokens for each in facts.epochs), 0)
    on = f"on {tokens:,} tokens of the dev set" if tokens else "(there is no dev set)"
    return (
        table(("epoch", "step", "dev loss", "perplexity", "dev answers that ended with EOT"), rows)
        + f"\n\nDev loss is the mean cross-entropy in nats {on}. It does not tell which epoch answers best: in the "
        "paper perplexity rose while the answers got better (Appendix B)."
    )


def licensing(facts: Facts) -> str:
    model = facts.params.model
    if model in EMBEDDED:
        base = f"The base model: {EMBEDDED[model].license}. {EMBEDDED[model].notice}"
    elif model.is_folder:
        base = f"The base model was a local folder, {plain(model_name(model))}: its own terms apply."
    else:
        base = f"The base model's terms stand on its card: https://huggingface.co/{model}."
    heed = facts.dataset_card.partition(f"{HEED}\n\n")[2].partition("\n\n")[0]
    return (
        f"{base}\n\nThe data: as in the table above, each example under the licence of its source; `attribution.csv` "
        "of the dataset credits every one. Whoever passes on this model must see to both, and keep this card with it."
        + (f"\n\n{HEED}\n\n{heed}" if heed else "")
    )


def perplexity(loss: float | None) -> float | None:
    return None if loss is None or loss > 100 else math.exp(loss)


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def shown(value: Any) -> str:
    """A setting as a recipe states it."""
    if isinstance(value, ModelRef):
        return plain(model_name(value))
    if isinstance(value, bool):
        return str(value).lower()
    return plain(str(value))


def plain(text: str) -> str:
    """A name that cannot break a table or start markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))
