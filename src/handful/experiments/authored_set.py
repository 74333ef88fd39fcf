"""The authored set, read, and the rules on it as a whole: nothing twice, nothing nearly twice, nothing of another set.

The rules on one file are in style.py. Limits are ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from handful.core.errors import DataError
from handful.core.files import files_below
from handful.core.text import prompt_key
from handful.core.types import Turn
from handful.experiments import alike
from handful.experiments.style import Piece, piece, problems
from handful.sources import messages
from handful.sources.json_rows import BadRow

SHARE_OF_OPENING = 0.02
"""Of all answers, how many may begin with the same two words; at least LEAST_OPENING may."""
LEAST_OPENING = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A file of the set that breaks a rule, and what the rule saw."""

    file: str
    """Its path."""
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Given:
    """Another set: rows of a file."""

    name: str
    dialogues: Sequence[Sequence[Turn]]

    def prompts(self) -> list[str]:
        return [turns[0].text for turns in self.dialogues]

    def answers(self) -> list[str]:
        return [said(turns, "assistant") for turns in self.dialogues if len(turns) > 1]


def read_set(folder: Path | Sequence[Path]) -> list[Piece]:
    """Every file of the set, by path.

    Raises:
        DataError: there is none, or some are not in the form of an authored file: all of those by path and line, and
            with them which rules the others break.
    """
    folders = [folder] if isinstance(folder, Path) else folder
    paths = [path for each in folders for path in markdown_files(each)]
    if not paths:
        raise DataError(f"{folders[0]}: holds no *.md file")
    pieces: list[Piece] = []
    wrong: list[str] = []
    for path in paths:
        try:
            pieces.append(piece(path))
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        head = f"{len(wrong)} of {len(paths)} files cannot be read as authored examples:"
        raise DataError(
            "\n".join([head, *wrong, *(f"{f.file}: {f.rule}: {f.words}" for f in of_each(pieces))])
        )
    return pieces


def markdown_files(folder: Path) -> list[Path]:
    if not folder.exists():
        raise DataError(f"{folder}: no such folder")
    files = [folder] if folder.is_file() else files_below(folder)
    return [path for path in files if path.suffix == ".md" and path.name.lower() != "readme.md"]


def read_given(path: Path, rows: tuple[int, int] | None = None) -> Given:
    """The dialogues of a file as sources of kind "messages" are read; rows that are none are passed over.

    Args:
        rows: the first and the last to take, counted from 1.

    Raises:
        DataError: the file is not there or in no known form, or none of the rows is a dialogue.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    first, last = rows or (1, 10**12)
    found = []
    for number, (_, row) in enumerate(messages.rows(path), start=1):
        if number > last:
            break
        if number < first or isinstance(row, BadRow):
            continue
        try:
            turns, _ = messages.dialogue(row)
        except BadRow:
            continue
        found.append(turns)
    if not found:
        raise DataError(f"{path}: none of its rows {f'{first} to {last} ' if rows else ''}is a dialogue")
    name = f"{path.name}, rows {first} to {min(last, first + len(found) - 1)}" if rows else path.name
    return Given(name, found)


def said(turns: Sequence[Turn], role: str) -> str:
    return "\n\n".join(turn.text for turn in turns if turn.role == role)


def findings(pieces: Sequence[Piece], given: Sequence[Given] = ()) -> list[Finding]:
    """Everything that breaks a rule, file by file and then of the set."""
    found = of_each(pieces)
    found += [*names_twice(pieces), *prompts_twice(pieces), *openings(pieces), *near(pieces), *tested(pieces)]
    for other in given:
        found += elsewhere(pieces, other)
    return found


def of_each(pieces: Sequence[Piece]) -> list[Finding]:
    """What breaks a rule on one file."""
    return [Finding(str(one.path), rule, words) for one in pieces for rule, words in problems(one)]


def names_twice(pieces: Sequence[Piece]) -> Iterable[Finding]:
    """Files of one name: an example is known by its name, so the first is named with how many there are."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for one in pieces:
        by_name[one.name].append(one.path)
    for first, *others in by_name.values():
        if others:
            told = f"stands there {1 + len(others)} times: {', '.join(map(str, others))}, too"
            yield Finding(str(first), "name", told)


def prompts_twice(pieces: Sequence[Piece]) -> Iterable[Finding]:
    seen: dict[str, Path] = {}
    for one in pieces:
        if (first := seen.setdefault(prompt_key(one.prompts[0]), one.path)) != one.path:
            yield Finding(str(one.path), "same_prompt", f"asks what {first.stem} asks")


def openings(pieces: Sequence[Piece]) -> Iterable[Finding]:
    """Answers of which too many begin with the same two words; each of those names the others."""
    by_words: dict[str, list[Path]] = defaultdict(list)
    answers = [(one.path, answer) for one in pieces if one.split != "test" for answer in one.answers]
    for path, answer in answers:
        by_words[" ".join(answer.casefold().split()[:2])].append(path)
    most = max(LEAST_OPENING, round(SHARE_OF_OPENING * len(answers)))
    for words, paths in by_words.items():
        if len(paths) > most:
            names = ", ".join(path.stem for path in paths)
            told = f"{len(paths)} answers begin with {words!r}, and {most} may: {names}"
            yield Finding(str(paths[0]), "openings", told)


def near(pieces: Sequence[Piece]) -> Iterable[Finding]:
    """Each pair of prompts, or of answers, that are nearly the same is named once."""
    (asked,) = alike.vectors([[one.prompts[0] for one in pieces]])
    named: set[frozenset[int]] = set()
    for pair in alike.nearest(asked):
        both = frozenset((pair.one, pair.other))
        if pair.similarity >= alike.TOO_ALIKE and both not in named:
            named.add(both)
            told = f"its prompt is like that of {pieces[pair.other].name} (cosine {pair.similarity:.2f})"
            yield Finding(str(pieces[pair.one].path), "near_duplicate", told)
    for (one, answer), (other, text) in close_answers(pieces):
        share = alike.shared(answer, text)
        if share >= alike.TOO_MUCH_SHARED:
            told = f"its answer is like that of {other.stem} (shares {share:.2f})"
            yield Finding(str(one), "near_duplicate", told)


def close_answers(pieces: Sequence[Piece]) -> Iterable[tuple[tuple[Path, str], tuple[Path, str]]]:
    """Each answer with the one that is nearest to it: what shares runs of words shares words."""
    answers = [(one.path, text) for one in pieces if (text := "\n\n".join(one.answers))]
    (made,) = alike.vectors([[text for _, text in answers]])
    pairs = {frozenset((pair.one, pair.other)) for pair in alike.nearest(made)}
    return ((answers[min(pair)], answers[max(pair)]) for pair in sorted(pairs, key=sorted))


def tested(pieces: Sequence[Piece]) -> Iterable[Finding]:
    """Training and dev examples that share a long run of words with a test prompt."""
    kept = [one for one in pieces if one.split != "test"]
    prompts = [one for one in pieces if one.split == "test"]
    texts = [[turn.text for turn in one.turns] for one in kept]
    for number, words in alike.common_runs(texts, [one.prompts for one in prompts]):
        yield Finding(str(kept[number].path), "test_overlap", words)


def elsewhere(pieces: Sequence[Piece], other: Given) -> Iterable[Finding]:
    """Prompts that are nearly those of another set, or whose texts share a long run of words with its prompts."""
    own, theirs = alike.vectors([[one.prompts[0] for one in pieces], other.prompts()])
    for pair in alike.nearest(own, theirs):
        if pair.similarity >= alike.TOO_ALIKE:
            told = f"its prompt is like row {pair.other + 1} of {other.name} (cosine {pair.similarity:.2f})"
            yield Finding(str(pieces[pair.one].path), "elsewhere", told)
    asked = [[turn.text for turn in turns if turn.role == "user"] for turns in other.dialogues]
    texts = [[turn.text for turn in one.turns] for one in pieces]
    for number, words in alike.common_runs(texts, asked):
        yield Finding(
            str(pieces[number].path), "elsewhere", f"{words.partition(' of the test')[0]} of {other.name}"
        )
