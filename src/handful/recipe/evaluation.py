"""[generate], [study], [judge], [annotate], [stats] and [report]: who answers, and who says what is better.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handful.recipe.values import ModelRef, check

# --- generate: [generate] for the sampling, [generate.systems.NAME] for who answers


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSystem:
    """The fine-tuned model, as saved after `epoch` (0: the one that [choose] chooses)."""

    kind: Literal["checkpoint"]
    epoch: int = 0
    """After which it was saved; 0 is the chosen one. A number does not wait for a choice."""

    def __post_init__(self) -> None:
        check(self, "epoch", low=0)

    @property
    def needs(self) -> tuple[str, ...]:
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
    """Any server that speaks the OpenAI chat protocol."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["endpoint"]
    base_url: str
    """Such as "http://localhost:8000/v1"."""
    model: str
    """As the server calls it."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key. The key itself never enters a file."""
    concurrency: int = 8
    """Requests at a time."""
    timeout_seconds: float = 120.0
    """For a request."""

    def __post_init__(self) -> None:
        check(self, "concurrency", low=1)
        check(self, "timeout_seconds", low=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSystem:
    """Answers every prompt with `text`; "{prompt}" in it is replaced by the prompt. For trials and tests."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["fake"]
    text: str = "Here is a short answer to: {prompt}"
    """The answer."""


System = CheckpointSystem | BaseSystem | FewShotSystem | EndpointSystem | FakeSystem


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
    first: int = 0
    """Ask only the first so many prompts; 0 asks all."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Section 4.1: one subject against each baseline, prompt by prompt, sides drawn (ours) and sealed."""

    subject: str = ""
    """A system's name; empty means the first of generate.systems."""
    against: tuple[str, ...] = ()
    """Empty means every other system."""
    seed: int = 0
    """Of sides and order."""


# --- judge: [judge.judges.NAME], and [choose]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJudge:
    """A Hugging Face model that scores the three options by their likelihood, in both orders."""

    kind: Literal["local"]
    model: ModelRef = ModelRef("smollm2-135m-instruct")
    """What judges."""
    max_tokens: int = 2048
    """Of the whole question; each response loses its tail, equally, beyond that. The cut is counted."""
    batch_size: int = 4
    """Questions at a time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" takes the GPU where there is one."""

    def __post_init__(self) -> None:
        check(self, "batch_size", low=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointJudge:
    """A model behind an OpenAI-compatible server, in both orders."""

    kind: Literal["endpoint"]
    base_url: str
    """Such as "http://localhost:8000/v1"."""
    model: str
    """As the server calls it."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    temperature: float = 0.0
    """0 asks for the likeliest verdict."""
    max_tokens: int = 512
    """Of the verdict, with its reasons."""
    concurrency: int = 8
    """Requests at a time."""
    timeout_seconds: float = 120.0
    """For a request."""

    def __post_init__(self) -> None:
        check(self, "concurrency", low=1)
        check(self, "timeout_seconds", low=0.01)
        check(self, "temperature", low=0)
        check(self, "max_tokens", low=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeJudge:
    """A judge with a known preference, to test a study before paying for one."""

    kind: Literal["fake"]
    prefers: Literal["longer", "shorter", "left", "right", "tie"] = "longer"
    """Which response it always takes."""


JudgeEntry = LocalJudge | EndpointJudge | FakeJudge


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Section 3: which epoch's checkpoint is evaluated. The authors chose by hand, from the 5th to the 10th, on 50 dev
    prompts; perplexity does not tell (Appendix B)."""

    by: Literal["last", "hand", "judge"] = "last"
    """The last one; the one that you name in `epoch` after reading page.html; or what `judge` grades best (ours)."""
    epoch: int = 0
    """With by = "hand"; 0 waits for you to read and choose."""
    first: int = 5
    """The first epoch to choose from, as far as there are so many."""
    last: int = 10
    """The last one."""
    judge: JudgeEntry | None = None
    """With by = "judge": who grades the answers to the dev prompts, as under [judge.judges]. It must be able to: the
    embedded SmolLM2-135M grades good, wrong and empty answers alike (measured), and the page then says so."""

    def __post_init__(self) -> None:
        check(self, "epoch", low=0)
        check(self, "first", low=1)
        check(self, "last", low=self.first)
        if self.by == "judge" and self.judge is None:
            raise ValueError('judge: must say who grades, where by = "judge"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Section 4.1, GPT-4 as annotator: the people's instructions, put to a model."""

    judges: dict[str, JudgeEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Section 4.1: people. The stage waits for them only where `people` is above 0."""

    people: int = 0
    """Verdicts wanted for every comparison, each from another person."""

    def __post_init__(self) -> None:
        check(self, "people", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Sections 4.1 and 4.2. Intervals are ours: percentile bootstrap, resampling prompts."""

    level: float = 0.95
    """Of the intervals."""
    draws: int = 10_000
    """Bootstrap samples."""
    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        check(self, "level", 0.5, 0.999)
        check(self, "draws", low=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the page shows."""

    samples: int = 8
    """Prompts whose responses stand side by side."""

    def __post_init__(self) -> None:
        check(self, "samples", low=0)
