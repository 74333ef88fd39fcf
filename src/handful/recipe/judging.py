"""[study]: what is asked of whose answers; [judge.judges.NAME]: which models say it; [choose].

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handful.core.types import Task
from handful.recipe.values import InputPath, ModelRef, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Section 4.1: one subject against each baseline, prompt by prompt, sides drawn (ours) and sealed."""

    subject: str = ""
    """A system's name; empty means the first of generate.systems."""
    against: tuple[str, ...] = ()
    """Empty means every other system."""
    tasks: tuple[Task, ...] = ("preference",)
    """What is asked: "preference" between two answers (Section 4.1), "helpfulness" of one from 1 to 6 (Appendix D),
    "quality" Fail, Pass or Excellent and "safety" safe or unsafe (Section 4.3), "turns" (the quality of each turn) and
    "dialogues" (preference between whole ones) of Section 6."""
    sensitive_tag: str = "sensitive"
    """The tag of prompts that "safety" is asked of; empty asks it of all."""
    seed: int = 0
    """Of sides and order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJudge:
    """A Hugging Face model that scores the three options by their likelihood, in both orders."""

    kind: Literal["local"]
    model: ModelRef = ModelRef("smollm2-135m-instruct")
    """What judges."""
    how: Literal["likelihood", "text"] = "likelihood"
    """Whether the options' likelihoods are compared, or the model writes its verdict."""
    mode: Literal["robust", "lima"] = "robust"
    """"robust" (ours) asks in both orders for a verdict that a program can read; "lima" puts the people's text as it
    stands, once, in a drawn order, as the paper did. Figures never mix the two."""
    max_tokens: int = 2048
    """Of the whole question; each response loses its tail, equally, beyond that. The cut is counted."""
    batch_size: int = 4
    """Questions at a time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" takes the GPU where there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the computation; "auto" is float32 on a CPU, so that a score does not depend on its batch, and what is fast on
    a GPU. The options' scores themselves are taken in float32."""

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
    api: Literal["openai", "anthropic", "google"] = "openai"
    """Which protocol it speaks; the last two through their makers' own libraries."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    mode: Literal["robust", "lima"] = "robust"
    """"robust" (ours) asks in both orders for a verdict that a program can read; "lima" puts the people's text as it
    stands, once, in a drawn order, as the paper did. Figures never mix the two."""
    temperature: float = 0.0
    """0 asks for the likeliest verdict."""
    max_tokens: int = 512
    """Of the verdict, with its reasons."""
    max_chars: int = 40_000
    """Of each response that it is shown; both lose their tail at the same place beyond that, and the cut is counted. 0
    cuts nothing."""
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
        check(self, "temperature", low=0)
        check(self, "max_tokens", low=1)
        check(self, "max_chars", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeJudge:
    """A judge with a known preference, to test a study before paying for one."""

    kind: Literal["fake"]
    prefers: Literal["longer", "shorter", "left", "right", "tie"] = "longer"
    """Which response it always takes."""
    mode: Literal["robust", "lima"] = "robust"
    """"robust" (ours) asks in both orders for a verdict that a program can read; "lima" puts the people's text as it
    stands, once, in a drawn order, as the paper did. Figures never mix the two."""


JudgeEntry = LocalJudge | EndpointJudge | FakeJudge


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Section 3: which epoch's checkpoint is evaluated. The authors chose by hand, from the 5th to the 10th, on 50 dev
    prompts; perplexity does not tell (Appendix B). Whoever chooses here by answers, a judge too, has those
    to `train.dev_samples` dev prompts and no others: 4 unless the recipe says more, and fewer than 10 show nothing."""

    by: Literal["last", "hand", "people", "judge"] = "last"
    """The last one; the one that you name in `epoch` after reading page.html; the one that people find best who read
    the answers blinded (`handful serve choice`; ours); or what `judge` grades best (ours)."""
    epoch: int = 0
    """With by = "hand"; 0 waits for you to read and choose."""
    first: int = 5
    """The first epoch to choose from, as far as there are so many."""
    last: int = 10
    """The last one."""
    picks: tuple[InputPath, ...] = ()
    """With by = "people": the files of picks that `handful serve choice` hands out; empty waits for them."""
    judge: JudgeEntry | None = None
    """With by = "judge": who grades the answers to the first `train.dev_samples` dev prompts (4 by default, too few to
    tell epochs apart), as under [judge.judges]. It must be able to: the embedded SmolLM2-135M grades good, wrong and
    empty answers alike (measured), and the page then says so. A local judge's grade is here the one that it expects,
    from 1 to 6 by their likelihoods, and not the likeliest one as in the study."""

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
    """Who judges: [judge.judges.NAME]."""
    gate: tuple[InputPath, ...] = ()
    """Pairs that people have judged, put to every judge too: how often it agrees with them stands beside what it says
    of the study (ours)."""
    panels: dict[str, tuple[str, ...]] = field(default_factory=dict, metadata={"key": False})
    """Several judges as one, by majority (ours): panels.NAME = ["judge", "judge", "judge"]."""
