"""[sources.NAME]: the kinds of source, told apart by `kind`; a name is a row of Table 1 ("stem", "authored" …).

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handful.recipe.values import InputPath, check

STATED = {"key": "stated"}
"""Of a field that came after its stage: it is part of a key where a recipe gives it another value than its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackExchange:
    """Section 2.1: sites of the Stack Exchange dump, each a `SITE.7z` or a `SITE/Posts.xml`, or folders of sites."""

    kind: Literal["stackexchange"]
    paths: tuple[InputPath, ...]
    """Archives, `Posts.xml`, folders of one site or of many."""
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
    """As in a source of kind "stackexchange". Comments.xml must be there, too."""
    sites: Literal["all", "stem", "other"] = "all"
    """As in a source of kind "stackexchange"."""
    include: tuple[str, ...] = ()
    """As in a source of kind "stackexchange"."""
    exclude: tuple[str, ...] = ()
    """As in a source of kind "stackexchange"."""
    meta: bool = False
    """As in a source of kind "stackexchange"."""
    author_names: bool = True
    """As in a source of kind "stackexchange"."""
    min_turns: int = 4
    """Of question, answer and comments together, the answerer last (ours, as is all that follows)."""
    third_person: Literal["stop", "skip"] = "stop"
    """Where somebody else comments between the two: end the dialogue there, or leave what they say out."""
    max_unpacked_gb: float = 500.0
    """As in a source of kind "stackexchange"."""

    def __post_init__(self) -> None:
        check(self, "min_turns", low=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiHow:
    """Section 2.1: how-to articles, as pages (HTML), CSV of steps or articles, or JSON lines."""

    kind: Literal["wikihow"]
    paths: tuple[InputPath, ...]
    """Files, or folders with such files."""
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
    """What they are for: "test" makes prompts."""
    min_score: int = 10
    """Votes of a submission, up minus down."""
    min_answer_score: int = 10
    """Votes of a comment."""
    min_chars: int = 200
    """Of the answer, as the next."""
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
    """Whether to use tasks whose instances have a licence for non-commercial use only."""
    allow_unknown_license: bool = True
    """Whether to use tasks whose instances have no licence that is known."""
    max_unpacked_mb: float = 500.0
    """Refuse a task file that is larger, once unpacked (the largest real one is about 50 MB)."""
    seed: int = 0
    """Of the draw of instances."""

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
    paths: tuple[InputPath, ...] | None = None
    """Files, or folders that are searched for `*.md`. Not given: the set that comes with Handful, which a language
    model wrote (docs/authored.md); in the paper people did."""
    kinds: tuple[str, ...] = ()
    """Use files of these kinds only, as "plain" or "refusal"; empty means all (ours, as is the next)."""
    leave_out: tuple[str, ...] = ()
    """Use no files of these kinds: "structure" makes the 994 examples of Appendix E."""
    splits: tuple[Literal["train", "dev", "test"], ...] = field(default=(), metadata=STATED)
    """Use files of these splits only, as ["test"]; empty means all (ours, as is the next)."""
    max_prompts: int = field(default=0, metadata=STATED)
    """Take no more test prompts than this, kinds in turn and within a kind its intents in turn, each by the hash of
    its file's name; 0 takes all. What asks another's question in other words goes with that one and is not counted."""

    def __post_init__(self) -> None:
        check(self, "max_prompts", low=0)
        if self.max_prompts and self.splits and "test" not in self.splits:
            raise ValueError('max_prompts: splits leaves no test prompts to take; name "test" in it, too')
        if both := sorted({*self.kinds} & {*self.leave_out}):
            raise ValueError(f'leave_out: "{both[0]}" stands in kinds, too; name it in one of the two')


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Dialogues in JSON or JSON lines: `messages`, LIMA's `conversations`, or Alpaca's three fields.

    A row that ends with the user is a prompt, and is only allowed where `split` is "test".
    """

    kind: Literal["messages"]
    paths: tuple[InputPath, ...]
    """Files of JSON lines or JSON, or Parquet."""
    split: Literal["train", "dev", "test"] = "train"
    """What they are for: examples to train on, or prompts to answer."""
    author: str = ""
    """Credited for every row that does not name its own."""
    license: str = ""
    """Credited for every row that does not name its own."""


Source = StackExchange | CommentChains | WikiHow | Reddit | SuperNaturalInstructions | Authored | Messages
