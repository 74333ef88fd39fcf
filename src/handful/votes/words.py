"""What a file calls left, right and tie. Only what was said on the command line is believed: nothing is guessed.

A word that is none of the three is an error that says which words the file holds and what to type.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from handful.core.errors import DataError

LEFT, RIGHT, TIE, NONE = range(4)
UNREADABLE = "unreadable"
"""A verdict that could not be read: counted, and in no rate."""
CODES = {"left": LEFT, "right": RIGHT, "tie": TIE, UNREADABLE: NONE}

PRESETS: dict[str, dict[str, int]] = {
    "sides": CODES,
    "letters": {"a": LEFT, "b": RIGHT, "c": TIE, "tie": TIE},
    "models": {
        "model_a": LEFT,
        "model_b": RIGHT,
        "tie": TIE,
        "tie (bothbad)": TIE,
        "tie (inconsistent)": TIE,
        "both_bad": TIE,
    },
    "numbers": {"1": LEFT, "2": RIGHT, "0": TIE, "tie": TIE},
    "order": {"first": LEFT, "second": RIGHT, "tie": TIE, "neither": TIE, "equal": TIE},
    "outcomes": {
        "win": LEFT,
        "lose": RIGHT,
        "loss": RIGHT,
        "tie": TIE,
        "draw": TIE,
    },
    "strengths": {
        "a>>b": LEFT,
        "a>b": LEFT,
        "a=b": TIE,
        "b>a": RIGHT,
        "b>>a": RIGHT,
        "a++": LEFT,
        "a+": LEFT,
        "b+": RIGHT,
        "b++": RIGHT,
        "a<b": RIGHT,
        "a<<b": RIGHT,
        "tie": TIE,
    },
}
"""Sets of words with a name. `outcomes` are the left system's."""
BY_NAME = "names"
"""The choice is the name of the system that won, or "tie"."""
NAMES = (*PRESETS, BY_NAME)
WHICH = "WHICH"
"""Stands in a mapping for what the user is to say."""
TIES = ("tie", "draw")
"""What begins so can mean nothing else."""
MOST = 12
"""Words that an error lists."""


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


def counted(number: int, noun: str) -> str:
    """As "1 row", "2,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def unknown(
    where: str,
    found: Mapping[str, tuple[int, int]],
    known: Words,
    read: Mapping[str, int],
    times: Sequence[int],
    systems: bool = False,
    skip_bad: bool = False,
) -> DataError:
    """The error about words that are not in the vocabulary.

    Args:
        found: word -> (rows with it, line of the first).
        read: words of the vocabulary that were found as well -> their codes.
        times: rows that were read, by code.
        systems: all of `found` name one of the row's two systems.
        skip_bad: it is given already.
    """
    listed = [f"{word!r} ({counted(rows, 'row')})" for word, (rows, _) in list(found.items())[:MOST]]
    more = f" and {counted(len(found) - MOST, 'more word')}" if len(found) > MOST else ""
    which = "which is" if len(found) == 1 else "which are"
    typed = what_to_type(found, known, read, systems)
    word, (_, line) = next(iter(found.items()))
    head = (
        f"{where}:{line}: choice holds {', '.join(listed)}{more}, {which} not one of {wanted(known)}"
        f"{as_read(read, times)}"
    )
    most = sum(rows for rows, _ in found.values()) > sum(times)
    if skip_bad:
        return DataError(
            f"{head}. That is most of the rows, and so another vocabulary rather than bad rows, which --skip-bad is "
            f"for: {typed}"
        )
    if most:
        return DataError(f"{head}; {typed}")
    near = get_close_matches(word.strip().lower(), known.codes, n=1) if len(found) == 1 else []
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return DataError(f"{head}{meant}; mend the rows, leave them out with --skip-bad, or {typed}")


def as_read(read: Mapping[str, int], times: Sequence[int]) -> str:
    """The words that are in the vocabulary, with what they were taken for, as "; read: 'A' as left (2 rows)"."""
    parts = []
    for side, code in CODES.items():
        here = [repr(word) for word, own in read.items() if own == code] or [
            repr(side) if code == TIE else "its name"
        ]
        if times[code]:
            parts.append(f"{' or '.join(here)} as {side} ({counted(times[code], 'row')})")
    return f"; read: {', '.join(parts)}" if parts else ""


def wanted(known: Words) -> str:
    listed = ", ".join(known.codes)
    return f"the two systems' names, {listed}" if known.by_name else listed


def what_to_type(found: Iterable[str], known: Words, read: Mapping[str, int], systems: bool) -> str:
    """Presets that know every word of the file, or the mapping to fill in."""
    said = {word.strip().lower() for word in (*found, *read)}
    fits = [f"--words {name}" for name, codes in PRESETS.items() if said <= set(codes)]
    if systems and not known.by_name:
        fits.append(f"--words {BY_NAME}")
    mapping = template([*found], read)
    return f"{' or '.join(fits)} may be meant; or {mapping}" if fits else mapping


def template(found: Sequence[str], read: Mapping[str, int]) -> str:
    """A mapping with every word of the file. What one means is for the user to say, unless it is plain."""
    sides = {code: side for side, code in CODES.items()}
    parts = {word.strip().lower(): f"{sides[code]}={word.strip()}" for word, code in read.items()}
    for word in found[:MOST]:
        plain = word.strip().lower()
        side = plain if plain in CODES else sides[TIE] if plain.startswith(TIES) else WHICH
        parts.setdefault(word.strip().lower(), f"{side}={word.strip()}")
    if any("," in part for part in parts.values()):
        return "say what each word means, as in --map left=A,right=B,tie=C (no word may hold a comma)"
    filled = shlex.quote(",".join(parts.values()))
    fill = f", with left, right, tie or unreadable for each {WHICH}" if WHICH in filled else ""
    return f"say what each word means: --map {filled}{fill}"
