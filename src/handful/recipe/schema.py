"""A recipe's tables, one frozen dataclass a stage. Every default has its only home here.

A default is the paper's value where the paper states one ("Section" and "Appendix" are those of Zhou et al.
2023, LIMA); where it does not, the field says "ours". `Recipe` comes last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


class InputPath(str):
    """A file or folder that a recipe reads. It enters keys by its content, not by where it lies."""

    __slots__ = ()


class ModelRef(str):
    """An embedded model's name, a folder (with a "/", "." or "~" in front), or a Hugging Face hub name."""

    __slots__ = ()

    @property
    def is_folder(self) -> bool:
        return self.startswith(("/", ".", "~"))


def check(owner: object, name: str, low: float | None = None, high: float | None = None) -> None:
    """Raise ValueError unless the field `name` of `owner` lies in [low, high]."""
    value: Any = getattr(owner, name)
    if low is not None and value < low:
        raise ValueError(f"{name}: must be at least {low}, found {value}")
    if high is not None and value > high:
        raise ValueError(f"{name}: must be at most {high}, found {value}")


# --- sources: [sources.NAME], the name being a row of Table 1 ("stem", "other", "authored" …)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackExchange:
    """Section 2.1: sites of the Stack Exchange dump, each a `SITE.7z` or a `SITE/Posts.xml`, or folders of sites."""

    kind: Literal["stackexchange"]
    paths: tuple[InputPath, ...]
    sites: Literal["all", "stem", "other"] = "all"
    """Which sites of a folder to read: a group of the list in sources/stackexchange/sites.toml, or all."""
    include: tuple[str, ...] = ()
    """Sites to read beside those of the group: how a recipe assigns a site that the list does not know."""
    exclude: tuple[str, ...] = ()
    """Sites of a folder to pass over."""
    meta: bool = False
    """Read the meta sites of a folder, too (ours: they are about the sites themselves)."""
    max_unpacked_gb: float = 500.0
    """Refuse an archive whose Posts.xml claims more (ours; the largest real one is about 100 GB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentChains:
    """Section 6: dialogues from the comments under answers, where the asker and the answerer take turns."""

    kind: Literal["comment_chains"]
    paths: tuple[InputPath, ...]
    sites: Literal["all", "stem", "other"] = "all"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    meta: bool = False
    """As in a source of kind "stackexchange"."""
    max_unpacked_gb: float = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiHow:
    """Section 2.1: how-to articles, as pages (HTML), CSV of steps or articles, or JSON lines."""

    kind: Literal["wikihow"]
    paths: tuple[InputPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reddit:
    """Section 2.1: Pushshift's submissions and comments, as `.zst` or JSON lines."""

    kind: Literal["reddit"]
    submissions: tuple[InputPath, ...]
    comments: tuple[InputPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperNaturalInstructions:
    """Section 2.2: one instance each of tasks whose answers are free text."""

    kind: Literal["super_natural_instructions"]
    paths: tuple[InputPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authored:
    """Section 2.2: examples written by hand, one Markdown file each, with front matter."""

    kind: Literal["authored"]
    paths: tuple[InputPath, ...]
    """Files, or folders that are searched for `*.md`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Dialogues in JSON or JSON lines: `messages`, LIMA's `conversations`, or Alpaca's three fields.

    A row that ends with the user is a prompt, and is only allowed where `split` is "test".
    """

    kind: Literal["messages"]
    paths: tuple[InputPath, ...]
    split: Literal["train", "dev", "test"] = "train"
    author: str = ""
    license: str = ""
    """Credited for every row that does not name its own."""


Source = StackExchange | CommentChains | WikiHow | Reddit | SuperNaturalInstructions | Authored | Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Section 2.1: which answers of Stack Exchange are kept. The word lists behind two of the rules are ours."""

    filtered: bool = True
    """False switches the paper's five rules off: the unfiltered Stack Exchange of Section 5."""
    min_answer_score: int = 10
    min_chars: int = 1200
    max_chars: int = 4096
    drop_first_person: bool = True
    drop_cross_references: bool = True
    drop_duplicates: bool = True
    """Keep only the first of several with the same prompt (ours)."""

    def __post_init__(self) -> None:
        check(self, "min_chars", low=0)
        check(self, "max_chars", low=self.min_chars)


TABLE_1 = {
    "stem": 200,
    "other": 200,
    "wikihow": 200,
    "writing_prompts": 150,
    "natural_instructions": 50,
    "authored": 200,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """Section 2.1: how many of each source, and how evenly over its communities."""

    quota: dict[str, int] = field(default_factory=lambda: dict(TABLE_1))
    """Source name -> training examples to draw. A source that is not named is taken whole."""
    temperature: float = 3.0
    """p(community) is proportional to size ** (1 / temperature); the formula is ours."""
    even: tuple[str, ...] = ("wikihow", "natural_instructions")
    """Sources whose communities (wikiHow's categories) are equally likely, whatever their sizes."""
    title_probability: float = 0.5
    """How often the prompt is the question's title rather than its body (ours: the paper says "some")."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: must be positive, found {self.temperature}")
        check(self, "title_probability", 0, 1)
        for name, count in self.quota.items():
            if count < 0:
                raise ValueError(f"quota.{name}: must be at least 0, found {count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Section 2: the splits. A prompt stands in one of them only; test wins over dev, dev over train."""

    dev: int = 0
    """Examples to move from train to dev where no source provides a dev split (the paper wrote 50)."""
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, "dev", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Section 3. The smaller models of Section 5 use batch_size 64 and residual_dropout 0.2."""

    model: ModelRef
    epochs: int = 15
    batch_size: int = 32
    """Examples an optimizer step, whatever the packing."""
    learning_rate: float = 1e-5
    final_learning_rate: float = 1e-6
    """Reached at the last step, linearly, without warm-up."""
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1
    adam_epsilon: float = 1e-8
    """Ours, as are the next two: the paper does not state them."""
    max_grad_norm: float = 1.0
    """0 turns clipping off."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the arithmetic; the master weights are float32 always. "auto" takes bfloat16 where it is fast."""
    residual_dropout: float = 0.3
    """At the last layer; 0 at the first, linear between."""
    max_tokens: int = 2048
    """Longer examples lose their tail."""
    loss_on: Literal["response", "all"] = "response"
    """Ours: the paper says "standard supervised loss"."""
    eot_token: str = "<|handful_eot|>"
    """A new token that ends every utterance."""
    eot_init: Literal["mean", "eos"] = "mean"
    """What its embedding starts as: the mean of all, or that of EOS (ours: the paper does not say). Where the
    embedding is also the output layer, the mean is so improbable that it takes hundreds of steps to be learnt."""
    pack_tokens: int = 2048
    """Tokens a forward pass (ours); packing never changes what a step sees."""
    max_steps: int = 0
    """Stop early, for a trial; 0 runs all epochs. The schedule then ends here too."""
    save_every: int = 50
    """Steps between resume states, beside the one at the end of each epoch."""
    dev_samples: int = 4
    """Dev prompts that are answered at the end of each epoch."""
    dev_sample_tokens: int = 128
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "save_every", "max_tokens", "pack_tokens"):
            check(self, name, low=1)
        for name in ("max_steps", "dev_samples", "max_grad_norm", "learning_rate", "final_learning_rate"):
            check(self, name, low=0)
        check(self, "residual_dropout", 0, 0.99)


# --- generate: [generate] for the sampling, [generate.systems.NAME] for who answers


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSystem:
    """The fine-tuned model, as saved after `epoch` (0: the last)."""

    needs: ClassVar[tuple[str, ...]] = ("dataset", "train")
    kind: Literal["checkpoint"]
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSystem:
    """The model before fine-tuning, given the prompt and a blank line. `model` defaults to train.model."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["base"]
    model: ModelRef = ModelRef("")


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotSystem:
    """The model before fine-tuning, shown a few training examples first (URIAL, Lin et al. 2023)."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["few_shot"]
    model: ModelRef = ModelRef("")
    examples: int = 3
    max_context_tokens: int = 1024
    """The examples drawn are the first of a seeded shuffle that fit (ours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSystem:
    """Any server that speaks the OpenAI chat protocol."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["endpoint"]
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key. The key itself never enters a file."""
    concurrency: int = 8
    timeout_seconds: float = 120.0

    def __post_init__(self) -> None:
        check(self, "concurrency", low=1)
        check(self, "timeout_seconds", low=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSystem:
    """Answers every prompt with `text`; "{prompt}" in it is replaced by the prompt. For trials and tests."""

    needs: ClassVar[tuple[str, ...]] = ("dataset",)
    kind: Literal["fake"]
    text: str = "Here is a short answer to: {prompt}"


System = CheckpointSystem | BaseSystem | FewShotSystem | EndpointSystem | FakeSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate:
    """Section 4.1 (setup): nucleus sampling, one response a prompt."""

    temperature: float = 0.7
    top_p: float = 0.9
    repetition_penalty: float = 1.2
    penalty_scope: Literal["output", "all"] = "output"
    """The paper says "previously generated tokens"; "all" counts the prompt's too."""
    max_tokens: int = 2048
    limit: Literal["total", "new"] = "total"
    """Whether max_tokens counts the prompt (ours: the paper does not say)."""
    samples: int = 1
    split: Literal["test", "dev"] = "test"
    first: int = 0
    """Ask only the first so many prompts; 0 asks all."""
    batch_size: int = 16
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 0
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


# --- judge: [judge.judges.NAME]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJudge:
    """A Hugging Face model that scores the three options by their likelihood, in both orders."""

    kind: Literal["local"]
    model: ModelRef = ModelRef("smollm2-135m-instruct")
    max_tokens: int = 2048
    """Of the whole question; each response loses its tail, equally, beyond that. The cut is counted."""
    batch_size: int = 4
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        check(self, "batch_size", low=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointJudge:
    """A model behind an OpenAI-compatible server, in both orders."""

    kind: Literal["endpoint"]
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    temperature: float = 0.0
    max_tokens: int = 512
    concurrency: int = 8
    timeout_seconds: float = 120.0

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


JudgeEntry = LocalJudge | EndpointJudge | FakeJudge


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
    draws: int = 10_000
    seed: int = 0

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole run. A recipe without [train] ends at `dataset`, unless none of its systems needs training."""

    name: str
    sources: dict[str, Source]
    clean: Clean = field(default_factory=Clean)
    select: Select = field(default_factory=Select)
    dataset: Dataset = field(default_factory=Dataset)
    train: Train | None = None
    generate: Generate = field(default_factory=Generate)
    study: Study = field(default_factory=Study)
    judge: Judge = field(default_factory=Judge)
    annotate: Annotate = field(default_factory=Annotate)
    stats: Stats = field(default_factory=Stats)
    report: Report = field(default_factory=Report)
