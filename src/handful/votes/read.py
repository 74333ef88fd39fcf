"""Files of verdicts, of any format we know, into one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from handful.core.errors import DataError
from handful.votes import plain
from handful.votes.formats import READERS
from handful.votes.table import Builder, Votes
from handful.votes.words import Words, words


def read(
    paths: Sequence[Path],
    format: str = "plain",
    vocabulary: Words | None = None,
    columns: Mapping[str, str] | None = None,
    skip_bad: bool = False,
    values: Mapping[str, str] | None = None,
) -> Votes:
    """The verdicts of all files together.

    Args:
        columns: our name of a column -> the file's own, where they differ.
        values: our name -> what every row has, where a file lacks the column.

    Raises:
        DataError: a file is not of this format, a row is no verdict, or there is none at all.
    """
    builder = Builder(vocabulary, skip_bad)
    if format == "plain":
        for path in paths:
            plain.read(path, builder, columns, values)
    elif columns or values or vocabulary not in (None, words()):
        raise DataError(
            f"--column, --value, --words and --map go with plain tables; --format {format} has names of its own"
        )
    else:
        READERS[format](paths, builder)
    return builder.finish()
