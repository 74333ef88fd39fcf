"""Parquet: rows of a finished data set, and candidates by the million.

Written in row groups of bounded size, so that memory does not grow with the file, and compressed with zstd. Equal
records are equal bytes under one version of pyarrow. Import it late: it needs the extra `data`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.types import Candidate, Example
from handful.dataset.arrow import array_of, schema
from handful.dataset.front import Column
from handful.dataset.layouts import CANDIDATE_COLUMNS

ROWS = 20_000
CHARACTERS = 8_000_000
"""A row group ends where either is reached."""
REPETITIVE = ("source", "community", "author", "license", "tags.list.element", "messages.list.element.role")
"""Columns whose values return: only for these does a dictionary pay."""


def write_parquet(records: Iterable[Candidate | Example], path: Path) -> int:
    """Write a row a record, with CANDIDATE_COLUMNS; returns how many. A crash leaves a file without its end.

    Memory holds two row groups, each of ROWS records, or as many as have CHARACTERS characters: one is compressed by
    a thread while the next is put together.
    """
    count = 0
    with writer(path, CANDIDATE_COLUMNS) as file, ThreadPoolExecutor(1) as beside:
        before: Future[None] | None = None
        for group in groups(records):
            columns = zip(*map(flat, group), strict=True)
            table = table_of(dict(zip(CANDIDATE_COLUMNS, columns, strict=True)), CANDIDATE_COLUMNS, file)
            if before:
                before.result()
            before = beside.submit(file.write_table, table, row_group_size=ROWS)
            count += len(group)
        if before:
            before.result()
    return count


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path, columns: Mapping[str, Column]) -> None:
    """Write rows that fit into memory."""
    with writer(path, columns) as file:
        for start in range(0, len(rows), ROWS):
            group = rows[start : start + ROWS]
            values = {name: [row[name] for row in group] for name in columns}
            file.write_table(table_of(values, columns, file), row_group_size=ROWS)


def writer(path: Path, columns: Mapping[str, Column]) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema(columns), compression="zstd", use_dictionary=list(REPETITIVE))


def table_of(
    values: Mapping[str, Sequence[Any]], columns: Mapping[str, Column], file: pq.ParquetWriter
) -> pa.Table:
    arrays = [array_of(values[name], column) for name, column in columns.items()]
    return pa.Table.from_arrays(arrays, schema=file.schema)


def groups(records: Iterable[Candidate | Example]) -> Iterator[list[Candidate | Example]]:
    """The records in order, in lists that are small enough for a row group."""
    group: list[Candidate | Example] = []
    characters = 0
    for record in records:
        group.append(record)
        if isinstance(record, Candidate):
            characters += len(record.body) + len(record.answer)
        else:
            characters += sum(len(turn.text) for turn in record.turns)
        if len(group) >= ROWS or characters >= CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def flat(record: Candidate | Example) -> tuple[Any, ...]:
    """The values of CANDIDATE_COLUMNS, in their order."""
    origin = record.origin
    whence = (origin.source, origin.community, origin.item, origin.url, origin.author, origin.license)
    if isinstance(record, Candidate):
        texts = (record.title, record.body, record.answer, record.question_score, record.answer_score)
        dates = (record.asked or None, record.answered or None)
        return (record.id, *texts, record.views, *dates, record.tags, *whence, None)
    asked, answered = record.turns[:2]
    long = len(record.turns) > 2
    said = [{"role": turn.role, "content": turn.text} for turn in record.turns] if long else None
    return (
        record.id,
        origin.title,
        asked.text,
        answered.text,
        None,
        record.score,
        None,
        None,
        None,
        record.tags,
        *whence,
        said,
    )
