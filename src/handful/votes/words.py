"""What a file calls left, right and tie. Only what was said on the command line is believed: nothing is guessed.

A word that is none of the three is an error that says which words the file holds and what to type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from handful.core.errors import DataError

LEFT, RIGHT, TIE, NONE = range(4)
UNREADABLE = "unreadable"
"""A verdict that could not be read: counted, and in no rate."""
CODES = {"left": LEFT, "right": RIGHT, "tie": TIE, UNREADABLE: NONE}

PRESETS: dict[str, dict[str, int]] = {
    "sides": CODES,
    "letters": {"a": LEFT, "b": RIGHT, "c": TIE},
    "models": {
        "model_a": LEFT,
        "model_b": RIGHT,
        "tie": TIE,
        "tie (bothbad)": TIE,
        "tie (inconsistent)": TIE,
        "both_bad": TIE,
    },
    "numbers": {"1": LEFT, "2": RIGHT, "0": TIE},
    "order": {"first": LEFT, "second": RIGHT, "tie": TIE, "neither": TIE, "equal": TIE},
    "outcomes": {
        "win": LEFT,
        "lose": RIGHT,
        "loss": RIGHT,
        "tie": TIE,
        "draw": TIE,
    },
}
"""Sets of words with a name. `outcomes` are the left system's."""
BY_NAME = "names"
"""The choice is the name of the system that won, or "tie"."""
NAMES = (*PRESETS, BY_NAME)


@dataclass(frozen=True, slots=True)
class Words:
    """Word, in lower case -> code. With `by_name` the name of the left or the right system is a word too."""

    codes: Mapping[str, int]
    by_name: bool = False

    def read(self, word: str) -> int | None:
        """The code of a word; None where it has none."""
        return self.codes.get(word.strip().lower())


def words(preset: str = "sides", mapping: Iterable[str] = ()) -> Words:
    """The vocabulary of `--words` and `--map`; a mapping takes the place of the preset's words.

    Raises:
        DataError: a mapping is not like left=A, or gives one word two meanings.
    """
    pairs = [part for text in mapping for part in text.split(",") if part.strip()]
    if not pairs:
        return Words({"tie": TIE}, True) if preset == BY_NAME else Words(PRESETS[preset])
    codes: dict[str, int] = {}
    for pair in pairs:
        target, equals, word = (part.strip() for part in pair.partition("="))
        if not equals or target.lower() not in CODES or not word:
            raise DataError(
                f"--map {pair}: is not like left=A; on its left stands left, right, tie or unreadable, "
                "on its right the word in the file"
            )
        if codes.setdefault(word.lower(), CODES[target.lower()]) != CODES[target.lower()]:
            raise DataError(f"--map: {word!r} has two meanings")
    return Words(codes, preset == BY_NAME)


def unknown(where: str, found: Mapping[str, tuple[int, int]], known: Words, readable: int) -> DataError:
    """The error about words that are not in the vocabulary.

    Args:
        found: word -> (rows with it, line of the first).
        readable: rows whose word is in it.
    """
    shown = ", ".join(f"{word!r} ({rows:,} rows)" for word, (rows, _) in list(found.items())[:6])
    more = f" and {len(found) - 6} more words" if len(found) > 6 else ""
    if not readable:
        return DataError(
            f"{where}: choice holds {shown}{more}, and not one of {wanted(known)}; {what_to_type(found)}"
        )
    word, (_, line) = next(iter(found.items()))
    near = get_close_matches(word.strip().lower(), known.codes, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return DataError(
        f"{where}:{line}: choice holds {shown}{more}, which is not one of {wanted(known)}{meant}; mend the rows, leave "
        f"them out with --skip-bad, or {what_to_type(found)}"
    )


def wanted(known: Words) -> str:
    listed = ", ".join(known.codes)
    return f"the two systems' names, {listed}" if known.by_name else listed


def what_to_type(found: Iterable[str]) -> str:
    """Presets that know every word found, or the mapping to fill in."""
    said = {word.strip().lower() for word in found}
    fits = [f"--words {name}" for name, codes in PRESETS.items() if said <= set(codes)]
    example = list(found)[:3] if len(said) <= 4 else []
    filled = ",".join(f"{side}={word}" for side, word in zip(("left", "right", "tie"), example, strict=False))
    mapping = f"say which is which, as in --map {filled or 'left=A,right=B,tie=C'}"
    return f"{' or '.join(fits)} may be meant; or {mapping}" if fits else mapping
