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
    author_names: bool = True
    """Credit authors by the names in Users.xml, where it lies beside the posts or in their archive (ours)."""
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
    author_names: bool = True
    """As in a source of kind "stackexchange"."""
    min_turns: int = 4
    """Of question, answer and comments together, the answerer last (ours, as is all that follows)."""
    third_person: Literal["stop", "skip"] = "stop"
    """Where somebody else comments between the two: end the dialogue there, or leave what they say out."""
    max_unpacked_gb: float = 500.0

    def __post_init__(self) -> None:
        check(self, "min_turns", low=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiHow:
    """Section 2.1: how-to articles, as pages (HTML), CSV of steps or articles, or JSON lines."""

    kind: Literal["wikihow"]
    paths: tuple[InputPath, ...]
    categories: tuple[InputPath, ...] = ()
    """CSV files with Category and Title, for articles whose own file names no category."""
    question: bool = True
    """Make the title a question ("How to cook an omelette?"); a title that is only a topic is dropped (ours)."""
    sentence_case: bool = True
    """Small letters in the question, but for names, as in the paper's example (the rule is ours)."""
    replace_opening: bool = True
    """"This article …" becomes "The following answer …"; "This wikiHow …" and other forms, too (ours)."""
    sections: tuple[Literal["ingredients", "tips", "warnings", "things"], ...] = ("ingredients",)
    """What to keep of a page beside introduction and steps (ours: the paper removes "certain text sections")."""
    min_steps: int = 2
    """Ours, as is the next."""
    min_chars: int = 500
    """Of the whole answer; the shortest of LIMA's 200 has 883."""
    license: str = "CC BY-NC-SA 3.0"
    """Of the text, where a page does not name another: wikiHow's own while the published data were collected."""

    def __post_init__(self) -> None:
        check(self, "min_steps", low=1)
        check(self, "min_chars", low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reddit:
    """Section 2.1: Pushshift's submissions and comments, as JSON lines, plain or packed (`.zst`).

    With `split = "test"` the titles are prompts (r/AskReddit, in the paper); else a submission and its best comment
    are an example (r/WritingPrompts). The paper chose by hand, from the posts with the most votes: figures are ours.
    """

    kind: Literal["reddit"]
    submissions: tuple[InputPath, ...]
    """Files, or folders with such files. The same folder may stand for both: files are told by what is in them."""
    comments: tuple[InputPath, ...] = ()
    """Not read for a test split."""
    subreddits: tuple[str, ...] = ()
    """The only ones to read, as "WritingPrompts"; needed for monthly files. None named: all that are there."""
    split: Literal["train", "dev", "test"] = "train"
    min_score: int = 10
    """Votes of a submission, up minus down."""
    min_answer_score: int = 10
    """Votes of a comment."""
    min_chars: int = 200
    max_chars: int = 4096
    """Of the answer; LIMA's own 150 stories have 92 to 2,704 characters, one in ten below 232."""
    max_prompt_chars: int = 1000
    """Of the title with its text; for a longer one the text is the work itself."""
    max_prompts: int = 0
    """Of a test split, keep only so many, those with the most votes; 0 keeps all. The paper has 70."""
    tags: tuple[str, ...] = ("WP", "SP", "EU", "RF", "TT", "CW", "FF", "HP")
    """Taken off a title: "[WP] The sea is gone." Submissions with another tag are dropped: [IP] needs an image."""
    nsfw: bool = False
    """Keep what is marked as not safe for work."""
    bots: tuple[str, ...] = ("AutoModerator", "*bot", "TotesMessenger", "tweetposter")
    """Accounts whose posts are dropped; "*" stands for anything, upper and lower case are the same."""

    def __post_init__(self) -> None:
        check(self, "min_chars", low=1)
        check(self, "max_chars", low=self.min_chars)
        check(self, "max_prompt_chars", low=1)
        check(self, "max_prompts", low=0)
        for name in self.subreddits:
            if not name.replace("_", "a").isalnum():
                raise ValueError(f'subreddits: must be names such as "WritingPrompts", found "{name}"')
        if self.split != "test" and not self.comments:
            raise ValueError('comments: must name the files with the answers, unless split = "test"')
        if self.split != "test" and self.max_prompts:
            raise ValueError(
                'max_prompts: is for split = "test"; [select] quota says how many examples are drawn'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperNaturalInstructions:
    """Section 2.2: one random instance each of tasks whose answers are written, not chosen. All thresholds are ours."""

    kind: Literal["super_natural_instructions"]
    paths: tuple[InputPath, ...]
    """Task files (`.json`, `.json.zst`), folders of them, or a copy of the collection's repository."""
    per_task: int = 1
    """Instances drawn of each task."""
    min_distinct_share: float = 0.5
    """Fewer different answers among those measured (100 a task, at most) are labels."""
    min_mean_words: float = 3.0
    """Shorter answers, on average, are labels, names and numbers. Set 0 for a language without blanks."""
    max_copied_share: float = 0.9
    """More answers that stand word for word in their input are choices and spans; 1 turns the rule off."""
    min_letter_share: float = 0.5
    """Fewer letters and blanks in the answers are numbers and lists of them."""
    categories: tuple[str, ...] = ()
    """Use tasks of these categories only; empty means all."""
    exclude_categories: tuple[str, ...] = ("Program Execution", "Text to Code")
    """Pass over tasks of these: their answers are no prose."""
    languages: tuple[str, ...] = ("English",)
    """Use tasks whose instruction, input and output are in these only. A task that names none counts as English."""
    allow_non_commercial: bool = True
    allow_unknown_license: bool = True
    """Whether to use tasks whose instances have a licence for non-commercial use only, or none that is known."""
    max_unpacked_mb: float = 500.0
    """Refuse a task file that is larger, once unpacked (the largest real one is about 50 MB)."""
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, "per_task", low=1)
        check(self, "min_mean_words", low=0)
        check(self, "max_unpacked_mb", low=0)
        for name in ("min_distinct_share", "max_copied_share", "min_letter_share"):
            check(self, name, 0, 1)


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
    """Section 2.1: which answers of Stack Exchange are kept, and which texts of any source.

    The paper's five rules come first. The word lists behind two of them are ours.
    """

    filtered: bool = True
    """False switches the paper's five rules off: the unfiltered Stack Exchange of Section 5."""
    min_answer_score: int = 10
    min_chars: int = 1200
    max_chars: int = 4096
    drop_first_person: bool = True
    drop_cross_references: bool = True
    drop_duplicates: bool = True
    """Keep only the first of several with the same prompt (ours, as is all that follows)."""
    drop_near_duplicates: bool = True
    """Keep only the best of several whose prompts, or whose answers, are nearly the same."""
    near_duplicate_similarity: float = 0.8
    """Jaccard similarity, of the sets of five words in a row, from which two texts are nearly the same."""
    overlap_words: int = 13
    """Drop what shares so many words in a row with a test prompt, or a test prompt's title or all of a short one.
    0 switches it off."""
    language: str = ""
    """Keep only texts in this language, as its ISO 639-1 code: "en". Needs the extra `language`; "" keeps all."""
    secrets: Literal["drop", "mask", "keep"] = "drop"
    """What happens to texts with private keys, access tokens and passwords in addresses."""
    personal_data: Literal["drop", "mask", "keep"] = "mask"
    """What happens to texts with e-mail addresses, phone numbers, IBANs and numbers of payment cards."""

    def __post_init__(self) -> None:
        check(self, "min_chars", low=0)
        check(self, "max_chars", low=self.min_chars)
        check(self, "near_duplicate_similarity", 0.5, 1)
        check(self, "overlap_words", low=0)
        if self.overlap_words and self.overlap_words < 8:
            raise ValueError(f"overlap_words: must be 0 or at least 8, found {self.overlap_words}")
        if self.language and not (len(self.language) in (2, 3) and self.language.islower()):
            raise ValueError(f'language: must be a code such as "en", found "{self.language}"')


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
class Fetch:
    """`[[fetch]]`: a file for `handful fetch --recipe` to bring. No stage reads this, and no key depends on it."""

    url: str
    """http or https; "#sha256=HEX" (or sha1, md5) behind it is the file's checksum."""
    sha256: str = ""
    to: InputPath = InputPath("dumps")
    """The folder to put it in, under the name at the end of the address."""


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
    fetch: tuple[Fetch, ...] = ()
    """What to bring here first, by a command of its own: `run` never goes to the network for data."""
