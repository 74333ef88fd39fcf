"""What a text shares with the test set: a recipe may not train on what it tests. Ours; the paper does not say.

A run of 13 words is the usual mark (Brown et al. 2020, Appendix C, for GPT-3). A test prompt that is shorter counts
where all of it stands in a text, from eight words on; one shorter still where a title, a body or a first turn is that
prompt. Not covered: a test prompt said in other words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handful.clean.words import answered, asked, words
from handful.core.text import prompt_key
from handful.core.types import Candidate, Example, Prompt

SHORTEST = 8
BETWEEN = b"\n"
"""Stands between two texts in a list of words; it is no word."""

Run = tuple[bytes, ...]


class TestPrompts:
    """An index of the test set's prompts."""

    __test__ = False  # a name that pytest would collect

    def __init__(self, prompts: Iterable[Prompt], width: int) -> None:
        """`width` is how many words in a row are too many: at least SHORTEST."""
        self.width = width
        self.keys: dict[str, str] = {}
        self.runs: dict[Run, str] = {}
        for prompt in prompts:
            for number, text in enumerate(asked(prompt)):
                if number == 0 and (key := prompt_key(text)):
                    self.keys.setdefault(key, prompt.id)
                for run in runs(words(text), width):
                    self.runs.setdefault(run, prompt.id)
        self.lengths = sorted({len(run) for run in self.runs}, reverse=True)
        self.skeletons = frozenset(skeletons_of_each(self.runs))

    def shared(self, text: Candidate | Example) -> str | None:
        """What a text shares with the test set and with which prompt, in words, or None."""
        if not self.keys:
            return None
        prompts = asked(text)
        openings = prompts if isinstance(text, Candidate) else prompts[:1]
        for opening in openings:
            if other := self.keys.get(prompt_key(opening)):
                return f"same prompt as {other} of the test set"
        return self.shared_run((*prompts, *answered(text)))

    def shared_run(self, texts: Sequence[str]) -> str | None:
        said: list[bytes] = []
        for text in texts:
            said += words(text)
            said.append(BETWEEN)
        if self.skeletons.isdisjoint(skeletons(said)):
            return None
        for start, skeleton in enumerate(skeletons(said)):
            if skeleton in self.skeletons:
                for length in self.lengths:
                    run = tuple(said[start : start + length])
                    if run in self.runs:
                        return f'shares "{b" ".join(run).decode()}" with {self.runs[run]} of the test set'
        return None


def runs(said: Sequence[bytes], width: int) -> list[Run]:
    """Every run of `width` words; of a text that is shorter, but not too short, all of it."""
    if len(said) >= width:
        return [tuple(said[start : start + width]) for start in range(len(said) - width + 1)]
    return [tuple(said)] if len(said) >= SHORTEST else []


def skeletons(said: Sequence[bytes]) -> Iterable[Run]:
    """The first, fourth and eighth word of each run: few runs of other texts have the same, and it is quick to see."""
    return zip(said, said[3:], said[7:], strict=False)


def skeletons_of_each(found: Iterable[Run]) -> Iterable[Run]:
    return ((run[0], run[3], run[7]) for run in found)
