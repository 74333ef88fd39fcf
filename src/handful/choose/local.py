"""A judge on this machine: the grade that it expects, from its likelihood of "1" to "6" after "Grade:".

The mean over the six rather than the likeliest one: six steps are too coarse to tell neighbouring epochs apart. What
this cannot mend: a small model may grade by habit, whatever the answer. The interval shows when that is so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from handful.choose import ask
from handful.choose.records import Grade, Sample
from handful.core.types import Turn
from handful.models.scoring import first_tokens, framed, load_judge, option_scores, plain_ids
from handful.recipe.judging import LocalJudge

LEAD = "Grade:"
CUT = "\n[The rest is not shown.]"
MIN_ANSWER_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """An answer to grade, as tokens; none where it cannot be shown."""

    sample: Sample
    ids: tuple[int, ...]
    note: str = ""
    """What was cut."""


class Grader:
    """The loaded model, and how it is asked."""

    def __init__(self, params: LocalJudge) -> None:
        self.model, self.tokenizer, self.limit = load_judge(params)
        levels = list(map(str, ask.LEVELS))
        self.before, self.after, self.options = framed(self.tokenizer, LEAD, levels, params.model)

    def ask(self, turns: Sequence[Turn], sample: Sample) -> Question:
        """The question, its answer's tail cut so that it fits: at the same place for every epoch's answer."""
        full = self.tokens(turns, sample.text)
        if len(full) <= self.limit:
            return Question(sample, full)
        own = len(plain_ids(self.tokenizer, sample.text))
        room = self.limit - len(self.tokens(turns, CUT))
        if room < MIN_ANSWER_TOKENS:
            return Question(
                sample, (), f"not shown: without its answer it takes {len(full) - own} of {self.limit} tokens"
            )
        while len(full) > self.limit and room >= MIN_ANSWER_TOKENS:
            full = self.tokens(turns, first_tokens(self.tokenizer, sample.text, room, CUT))
            room -= max(1, len(full) - self.limit)
        return Question(sample, full, f"cut: the first of its {own} tokens were shown. ")

    def tokens(self, turns: Sequence[Turn], answer: str) -> tuple[int, ...]:
        text = f"{ask.question(turns, answer)}\n\n{ask.BARE}"
        return (*self.before, *plain_ids(self.tokenizer, text), *self.after)

    def grades(self, questions: Sequence[Question]) -> list[Grade]:
        """The expected grades, in one forward pass; None for those that could not be shown."""
        shown = [question for question in questions if question.ids]
        scores = option_scores(self.model, [q.ids for q in shown], self.options) if shown else []
        found = {id(q): expected(row) for q, row in zip(shown, scores, strict=True)}
        return [
            Grade(q.sample.epoch, q.sample.prompt_id, value, q.note + raw)
            for q in questions
            for value, raw in [found.get(id(q), (None, ""))]
        ]


def expected(log_likelihoods: Sequence[float]) -> tuple[float, str]:
    """The mean level, weighted by likelihood, and the six likelihoods in words."""
    top = max(log_likelihoods)
    weights = [math.exp(value - top) for value in log_likelihoods]
    shares = [weight / sum(weights) for weight in weights]
    grade = sum(level * share for level, share in zip(ask.LEVELS, shares, strict=True))
    listed = ", ".join(f"{level}: {share:.3f}" for level, share in zip(ask.LEVELS, shares, strict=True))
    mass = sum(map(math.exp, log_likelihoods))
    return round(grade, 4), f"{listed} (of {mass:.3f})"
