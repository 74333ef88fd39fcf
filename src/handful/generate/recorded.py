"""Answers that were made elsewhere, read from a file (`rows`) and matched to the prompts of the data set.

A row belongs to the prompt whose id it gives, whole or without the source in front ("81" for "mt/81"), or else to the
prompt whose text it repeats, white space apart. Rows of one prompt are its samples, by `sample` or in the order of
the file. Nothing is guessed: what fits no prompt is kept in unused.jsonl, a prompt without an answer is an error on
record, and where it is unclear which answer counts, or whose it is, nothing is read at all.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handful.core.errors import DataError
from handful.core.types import Dropped, Prompt, Response
from handful.generate.rows import Row, read
from handful.generate.systems import Answers, Ask, Given, Group, Key
from handful.recipe.systems import ResponsesSystem

NOT_APPLIED = (
    "temperature",
    "top_p",
    "repetition_penalty",
    "penalty_scope",
    "max_tokens",
    "limit",
    "seed",
)


def answers(given: Given) -> Answers:
    """Match the whole file before any answer is given.

    Raises:
        DataError: the file cannot be read, holds several systems, answers a prompt twice, or none at all.
    """
    assert isinstance(given.system, ResponsesSystem)
    path = Path(given.system.path)
    unused: list[Dropped] = []
    where = f"generate.systems.{given.name}"
    rows = list(of_system(read(path), given.system.name, where, path, unused))
    found = match(rows, given.prompts, given.params.samples, path, unused)
    errors: list[Dropped] = []

    def groups(asks: Sequence[Ask], done: Collection[Key]) -> Iterator[Group]:
        yield [read_answer(given.name, ask, found.get(ask.key), errors) for ask in asks]

    return Answers(groups, errors=errors, unused=unused, not_applied=NOT_APPLIED)


def of_system(rows: Iterable[Row], name: str, where: str, path: Path, unused: list[Dropped]) -> Iterator[Row]:
    """The rows of the system called `name`, or all where the file names one system at most.

    Raises:
        DataError: it names several and the recipe none, or not the one that the recipe names.
    """
    read_rows = list(rows)
    names = Counter(row.system for row in read_rows)
    listed = ", ".join(f"{each or 'no name'} ({count:,} rows)" for each, count in sorted(names.items())[:20])
    if name and name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close and close[0] else ""
        raise DataError(f"{path}: holds no rows of {name!r} ({where}.name), but of {listed}{hint}")
    if not name and len(names) > 1:
        raise DataError(
            f"{path}: holds rows of {len(names)} systems: {listed}; name one in {where}.name, and give each "
            "a [generate.systems.NAME] of its own"
        )
    for row in read_rows:
        if name and row.system != name:
            unused.append(Dropped(row.id or row.where, "other_system", f"{row.where}: {row.system}"))
        else:
            yield row


def match(
    rows: Sequence[Row], prompts: Sequence[Prompt], samples: int, path: Path, unused: list[Dropped]
) -> dict[Key, Row]:
    """(prompt id, sample) -> the row that answers it. Adds rows that answer none to `unused`.

    Raises:
        DataError: no row answers a prompt, or several answer the same.
    """
    place = places(prompts)
    groups: dict[tuple[Prompt, ...], list[Row]] = defaultdict(list)
    for row in rows:
        asked = place.of(row, path)
        if asked:
            groups[asked].append(row)
        else:
            id = row.id or squeezed(row.asked[0])[:80]
            unused.append(Dropped(id, "unknown_prompt", f"{row.where}: answers no prompt"))
    if not groups:
        raise DataError(nothing_fits(path, rows, prompts))
    found: dict[Key, Row] = {}
    for asked, own in groups.items():
        found |= dealt(asked, own, samples, path, unused)
    return found


@dataclass(frozen=True, slots=True)
class Places:
    """Where a row belongs: the prompts by id, by id without the source where that is clear, and by what they ask."""

    ids: Mapping[str, Prompt]
    short: Mapping[str, Prompt]
    texts: Mapping[tuple[str, ...], tuple[Prompt, ...]]

    def of(self, row: Row, path: Path) -> tuple[Prompt, ...]:
        """The prompts that a row answers, several where they ask the same; none where it fits none.

        Raises:
            DataError: the row gives the id of one prompt and the text of another.
        """
        text = tuple(map(squeezed, row.asked))
        prompt = self.ids.get(row.id)
        if prompt is not None:
            if text and text not in (asks(prompt), asks(prompt)[-1:]):
                raise DataError(
                    f"{path.parent / row.where}: is to answer {prompt.id}, and asks {text[-1][:60]!r}, where that "
                    f"prompt asks {asks(prompt)[-1][:60]!r}"
                )
            return (prompt,)
        if text:
            return self.texts.get(text, ())
        return (self.short[row.id],) if row.id in self.short else ()


def places(prompts: Sequence[Prompt]) -> Places:
    short: dict[str, list[Prompt]] = defaultdict(list)
    texts: dict[tuple[str, ...], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        short[prompt.id.partition("/")[2]].append(prompt)
        texts[asks(prompt)].append(prompt)
    return Places(
        {prompt.id: prompt for prompt in prompts},
        {id: same[0] for id, same in short.items() if id and len(same) == 1},
        {text: tuple(same) for text, same in texts.items()},
    )


def dealt(
    asked: Sequence[Prompt], rows: Sequence[Row], samples: int, path: Path, unused: list[Dropped]
) -> dict[Key, Row]:
    """The rows of one prompt, or of several that ask the same, as their samples.

    Rows say their `sample`, or are it in the order of the file. Where several prompts ask the same, each has all of
    the rows, or its share of as many as they take together.
    """
    if all(row.sample is not None for row in rows):
        chosen: dict[int, Row] = {}
        for row in rows:
            assert row.sample is not None
            if (first := chosen.setdefault(row.sample, row)) is not row and not same(first, row):
                raise DataError(twice(path, asked[0], (first, row)))
        left = [row for number, row in chosen.items() if not 0 <= number < samples]
        unused += [Dropped(row.id or asked[0].id, "more_samples", row.where) for row in left]
        return {
            (prompt.id, number): row
            for prompt in asked
            for number, row in chosen.items()
            if 0 <= number < samples
        }
    if len(rows) == len(asked) * samples:
        slots = [(prompt.id, number) for prompt in asked for number in range(samples)]
        return dict(zip(slots, rows, strict=True))
    if len(rows) > samples:
        if not all(same(rows[0], row) for row in rows):
            raise DataError(twice(path, asked[0], rows))
        unused += [
            Dropped(row.id or asked[0].id, "duplicate", f"{row.where}: as {rows[0].where}")
            for row in rows[1:]
        ]
        rows = rows[:1]
    return {(prompt.id, number): row for prompt in asked for number, row in enumerate(rows)}


def same(one: Row, other: Row) -> bool:
    return one.answers == other.answers


def read_answer(system: str, ask: Ask, row: Row | None, errors: list[Dropped]) -> Response:
    """The response to an ask, an error on record where there is none.

    An empty answer counts as one only where the row says how it came to its end: it may be a failure's trace.
    """
    text = "" if row is None else answer_of(ask, row)
    rule = detail = ""
    if row is None:
        rule, detail = "no_response", f"sample {ask.sample}: the file holds none"
    elif text is None:
        rule, detail = "turns_missing", f"{row.where}: holds {len(row.answers)} of the dialogue's turns"
    elif row.finish == "error":
        rule, detail = "recorded_error", row.where
    elif not text.strip() and row.finish is None:
        rule, detail = "empty_response", row.where
    if rule:
        errors.append(Dropped(ask.prompt.id, rule, detail))
        return Response(ask.prompt.id, system, "", ask.sample, finish="error", tokens=0)
    assert row is not None
    assert text is not None
    finish = row.finish or "eos"
    return Response(ask.prompt.id, system, text.strip(), ask.sample, finish=finish, tokens=0)


def answer_of(ask: Ask, row: Row) -> str | None:
    """What a row answers to the turn that is asked; None where it has too few turns.

    A single answer is to the last turn, whatever came before; a dialogue that is played needs them all.
    """
    if len(row.answers) == 1 and not ask.played:
        return row.answers[0]
    return row.answers[ask.turn] if len(row.answers) >= max(ask.played, ask.turn + 1) else None


def asks(prompt: Prompt) -> tuple[str, ...]:
    return tuple(squeezed(turn.text) for turn in prompt.turns if turn.role == "user")


def squeezed(text: str) -> str:
    """The text with every run of white space as one blank, and none at its ends."""
    return " ".join(text.split())


def twice(path: Path, prompt: Prompt, rows: Sequence[Row]) -> str:
    where = " and ".join(row.where for row in rows[:4])
    return (
        f"{path}: {len(rows)} different answers to {prompt.id} ({squeezed(prompt.turns[-1].text)[:60]!r}): {where}; "
        "keep one, or number them in a column sample, from 0, and set generate.samples"
    )


def nothing_fits(path: Path, rows: Sequence[Row], prompts: Sequence[Prompt]) -> str:
    if not rows:
        return f"{path}: holds no responses"
    row, prompt = rows[0], prompts[0]
    said = repr(row.id) if row.id else repr(squeezed(row.asked[0])[:60])
    return (
        f"{path}: none of its {len(rows):,} rows answers any of the {len(prompts):,} prompts; the first, {row.where}, "
        f"answers {said}, and the first prompt is {prompt.id!r}, {squeezed(prompt.turns[-1].text)[:60]!r}"
    )
