"""[generate]: the sampling, and [generate.systems.NAME]: who answers.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handful.recipe.values import InputPath, ModelRef, check


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSystem:
    """The fine-tuned model, as saved after `epoch` (0: the one that [choose] chooses); or that of another run."""

    kind: Literal["checkpoint"]
    epoch: int = 0
    """After which it was saved; 0 is the chosen one. A number does not wait for a choice."""
    model: ModelRef = ModelRef("")
    """A checkpoint's folder of another run, such as "../work-alpaca/train-KEY/epoch-03": then `epoch` is not asked."""

    def __post_init__(self) -> None:
        check(self, "epoch", low=0)
        if self.model and self.epoch:
            raise ValueError(
                "epoch: is this run's, where model names a checkpoint of another; give one of the two"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        if self.model:
            return ("dataset",)
        return ("dataset", "train") if self.epoch else ("dataset", "train", "choose")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSystem:
    """The model before fine-tuning, given the prompt and a blank line. `model` defaults to train.model."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["base"]
    model: ModelRef = ModelRef("")
    """Empty means `train.model`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotSystem:
    """The model before fine-tuning, shown a few training examples first (URIAL, Lin et al. 2023)."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["few_shot"]
    model: ModelRef = ModelRef("")
    """Empty means `train.model`."""
    examples: int = 3
    """Shown, at most."""
    max_context_tokens: int = 1024
    """The examples drawn are the first of a seeded shuffle that fit (ours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSystem:
    """A model behind a server: the OpenAI chat protocol, or Anthropic's or Google's."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["endpoint"]
    base_url: str
    """Such as "http://localhost:8000/v1"."""
    model: str
    """As the server calls it."""
    api: Literal["openai", "anthropic", "google"] = "openai"
    """Which protocol it speaks; the last two through their makers' own libraries."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key. The key itself never enters a file."""
    concurrency: int = field(default=8, metadata={"key": False})
    """Requests at a time, at most."""
    timeout_seconds: float = field(default=120.0, metadata={"key": False})
    """For a request."""
    requests_per_minute: int = field(default=0, metadata={"key": False})
    """At most; 0 sets no limit beside what the server says."""
    input_price: float | None = field(default=None, metadata={"key": False})
    """USD a million tokens read, where the price is not known to us; 0 for a server of your own."""
    output_price: float | None = field(default=None, metadata={"key": False})
    """USD a million tokens written."""

    def __post_init__(self) -> None:
        check(self, "concurrency", low=1)
        check(self, "timeout_seconds", low=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesSystem:
    """Responses made elsewhere, read from a file."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["responses"]
    path: InputPath
    """JSON lines, JSON or CSV: docs/evaluation.md says which columns."""
    name: str = ""
    """Which system's rows, where the file holds several; empty takes all of a file that holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSystem:
    """Answers every prompt with `text`; "{prompt}" in it is replaced by the prompt. For trials and tests."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["fake"]
    text: str = "Here is a short answer to: {prompt}"
    """The answer."""


System = CheckpointSystem | BaseSystem | FewShotSystem | EndpointSystem | ResponsesSystem | FakeSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate:
    """Section 4.1 (setup): nucleus sampling, one response a prompt."""

    temperature: float = 0.7
    """0 takes the likeliest token each time."""
    top_p: float = 0.9
    """Nucleus sampling: the share of the probability that is drawn from."""
    repetition_penalty: float = 1.2
    """1 switches it off."""
    penalty_scope: Literal["output", "all"] = "output"
    """The paper says "previously generated tokens"; "all" counts the prompt's too."""
    max_tokens: int = 2048
    """Of prompt and answer, or of the answer: see `limit`."""
    limit: Literal["total", "new"] = "total"
    """Whether max_tokens counts the prompt (ours: the paper does not say)."""
    samples: int = 1
    """Answers to each prompt."""
    split: Literal["test", "dev"] = "test"
    """Which prompts are answered."""
    dialogues: bool = False
    """Play the prompts of several turns: the system answers each of the user's turns, with its own answers before it
    (Section 6), rather than the last turn alone."""
    first: int = 0
    """Ask only the first so many prompts; 0 asks all. Their variants (`dataset.variants`, and paraphrases) are asked,
    too, and not counted."""
    batch_size: int = 16
    """Answers written at a time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" takes the GPU where there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the arithmetic. "auto" takes bfloat16 where it is fast."""
    seed: int = 0
    """Of the sampling."""
    systems: dict[str, System] = field(
        default_factory=lambda: {
            "tuned": CheckpointSystem(kind="checkpoint"),
            "base": BaseSystem(kind="base"),
        }
    )

    def __post_init__(self) -> None:
        check(self, "temperature", low=0)
        check(self, "top_p", 1e-6, 1)
        if self.repetition_penalty <= 0:
            raise ValueError(f"repetition_penalty: must be positive, found {self.repetition_penalty}")
        for name in ("max_tokens", "samples", "batch_size"):
            check(self, name, low=1)
        check(self, "first", low=0)
