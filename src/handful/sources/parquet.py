"""Rows of a Parquet file, a batch at a time. Import it late: it needs the extra `data`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError

BATCH = 1_000
MAGIC = b"PAR1"


def rows(path: Path, needed: Collection[str], known: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each row stands ("file.parquet: row 12") and its columns among `known`; nulls are left out.

    Raises:
        DataError: the file is not Parquet, is damaged, or has none of the columns `needed`.
    """
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            wanted = [name for name in names if name in known]
            if not set(needed) & set(names):
                raise DataError(
                    f"{path}: has no column named {' or '.join(needed)}, but {', '.join(names) or 'none at all'}"
                )
            for batch in file.iter_batches(BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield (
                        f"{path.name}: row {number}",
                        {name: value for name, value in row.items() if value is not None},
                    )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        with path.open("rb") as file:
            head = file.read(ENOUGH)
        if words := "" if head.startswith(MAGIC) else foreign(head):
            raise DataError(f"{path}: is no Parquet file: it {words}") from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: cannot be read as Parquet ({reason}); where it was cut off, fetch it again"
        ) from error
