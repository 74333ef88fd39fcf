"""The token-shift page in words: counts of what was measured, and the sentences that tell them.

Where nothing was counted the sentence says so: "in 0 of 0" would read as a finding.
"""

from __future__ import annotations

from collections.abc import Sequence

from handful.core.types import Dropped
from handful.experiments.shift import KINDS, Answer, Token
from handful.experiments.shift_run import Measured, Style
from handful.report.words import number

LAYOUTS: dict[tuple[Style, str], str] = {
    (
        "eot",
        "plain",
    ): "The tuned model is asked in its own layout, and the base, which does not know the EOT, with the "
    "prompt and a blank line; from there both read the same tokens.",
    (
        "eot",
        "eos",
    ): "Both models read the same tokens, but that the base has its own EOS where the tuned model has EOT.",
    ("template", ""): "Both models read the same tokens, those of the tuned model's chat template.",
    ("plain", ""): "Both models read the same tokens: the prompt and a blank line.",
}


def ends(answers: Sequence[Answer]) -> dict[str, int]:
    """How the answers ended, and in how many of these places the base's first choice was to end, too."""
    ranks = [answer.base_end_rank for answer in answers if answer.base_end_rank is not None]
    return {
        "ended": sum(answer.finish in ("eot", "eos") for answer in answers),
        "cut": sum(answer.finish == "length" for answer in answers),
        "base_would_end": sum(rank == 1 for rank in ranks),
        "base_asked": len(ranks),
    }


def not_reproduced(tokens: Sequence[Token]) -> int:
    """Tokens that the tuned model, reading its own answer in one pass, does not find first: what rounding does."""
    return sum(token.tuned_rank > 1 for token in tokens)


def told_size(measured: Measured) -> str:
    asked, written = number(len(measured.answers), "prompt"), number(len(measured.tokens), "token")
    return f"{asked}, {written}, decoded greedily"


def told_repeats(tokens: Sequence[Token]) -> str:
    repeats = sum(token.repeats for token in tokens)
    return (
        f"{repeats:,} of {number(len(tokens), 'token')} end four tokens that stood in their answer before. Such "
        "repeats are easy to foresee, and raise the unshifted share: the second row leaves them out."
    )


def told_ends(ended: dict[str, int], max_tokens: int) -> str:
    """How answers ended. What the base would have done is told only where it was asked."""
    words = (
        f"What ends an answer is counted apart. The tuned model ended {ended['ended']:,} of "
        f"{number(ended['ended'] + ended['cut'], 'answer')}; {ended['cut']:,} ran into the limit of "
        f"{number(max_tokens, 'token')}."
    )
    if ended["base_asked"]:
        return (
            f"{words} Where it ended, the base's own end of text was the base's first choice in "
            f"{ended['base_would_end']:,} of {ended['base_asked']:,}."
        )
    if ended["ended"]:
        return f"{words} The base has no end of text, so it cannot be said whether it would have ended there."
    return f"{words} As it ended none, there is no end to look up under the base."


def told_control(differing: int) -> str:
    """What rounding did when the tuned model read its own answers."""
    if not differing:
        return (
            "Control: when the tuned model reads its own answers, every token is its first choice again, so rounding "
            "puts no rank in doubt."
        )
    again = "1 token is" if differing == 1 else f"{differing:,} tokens are"
    ranks = "one rank is" if differing == 1 else "so many ranks are"
    return (
        f"Control: when the tuned model reads its own answers, {again} not its first choice again; {ranks} known only "
        "up to rounding."
    )


def told_left_out(left_out: Sequence[Dropped], variants: int) -> list[str]:
    """Prompts that could not be asked, and variants, which were not drawn from; nothing where there are none."""
    lines = []
    if left_out:
        reasons = ", ".join(f"{one.id} ({one.rule})" for one in left_out[:5])
        more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        lines.append(f"Not asked: {number(len(left_out), 'prompt')}: {reasons}{more}.")
    if variants:
        lines.append(
            f"Not drawn from: {number(variants, 'variant')}, prompts asked in another way, which only the statistics "
            "of robustness count."
        )
    return lines


def told_answer(answer: Answer, tokens: Sequence[Token]) -> str:
    how = "cut at the limit" if answer.finish == "length" else "ended by the model"
    if not tokens:
        return f"empty; {how}"
    counts = ", ".join(f"{sum(token.kind == kind for token in tokens)} {kind}" for kind in KINDS)
    return f"{number(answer.tokens, 'token')}: {counts}; {how}"
