"""[clean], [select] and [dataset]: which texts are kept, how many are drawn of each source, and the splits.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handful.recipe.languages import LANGUAGES
from handful.recipe.values import InputPath, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Section 2.1: which answers of Stack Exchange are kept, and which texts of any source.

    The paper's five rules come first. The word lists behind two of them are ours.
    """

    filtered: bool = True
    """False switches the paper's five rules off: the unfiltered Stack Exchange of Section 5. The rules that are ours
    still hold, and so do those of other sources: dialogues and ready-made examples come out the same."""
    min_answer_score: int = 10
    """Votes of the top answer, up minus down."""
    min_chars: int = 1200
    """Of the answer as text."""
    max_chars: int = 4096
    """Of the answer as text."""
    drop_first_person: bool = True
    """Answers written in the first person ("I", "my")."""
    drop_cross_references: bool = True
    """Answers that point to other answers or to the site ("as mentioned", "stack exchange")."""
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
        if self.language and self.language not in LANGUAGES:
            raise ValueError(
                f'language: must be one of {len(LANGUAGES)} codes, such as "en" or "de", found "{self.language}"'
            )


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
    reviews: tuple[InputPath, ...] = ()
    """Files of decisions by people, as the curation desk writes them: what they reject is not drawn, what they accept
    or edit is drawn first, what they wrote is added (ours)."""
    seed: int = 0
    """Of all draws."""

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
    """Of the split and of the order."""
    out_of_distribution: bool = False
    """Tag test prompts `ood` where no training prompt of the same form is near them (Section 4.3; the measure is
    ours). A new data set trains again: decide before training."""
    ood_similarity: float = 0.1
    """How near a training prompt of the same form has to be, as the cosine of TF-IDF weights (ours: it tags 13% of the
    300 prompts of LIMA, where the authors found 7 of 50)."""
    variants: tuple[Literal["typos", "shouting", "prefix", "adversarial"], ...] = ()
    """Ask each test prompt of one turn in these ways, too, and measure what a system loses by it (ours, Section 7).
    Only the statistics of robustness count them; `generate.first` counts originals, and asks their variants, too."""

    def __post_init__(self) -> None:
        check(self, "dev", low=0)
        check(self, "ood_similarity", 0, 1)
