"""Rows of a CSV file by pyarrow, a batch at a time. Import it late: it needs the extra `data`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import csv

Refused = pa.ArrowException


def batches(
    file: io.RawIOBase, width: int, places: Sequence[int], block: int
) -> Iterator[list[tuple[str, ...]]]:
    """Yield rows' fields at `places`, as Python's csv module has them.

    Args:
        width: fields of each row.
        block: bytes that are parsed at a time; a row may not be longer.

    Raises:
        Refused: at a row of another width or with a stray quotation mark, and where bytes are no UTF-8.
    """
    names = [str(place) for place in range(width)]
    with csv.open_csv(
        pa.PythonFile(file, mode="r"),
        csv.ReadOptions(use_threads=False, block_size=block, column_names=names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    ) as reader:
        for batch in reader:
            yield list(zip(*(batch.column(place).to_pylist() for place in places), strict=True))
