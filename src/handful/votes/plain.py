"""The plain form: CSV or JSON lines with the columns prompt_id, annotator, left, right, choice, and optionally group,
turn and weight. Read line by line; other columns are passed over.

Spreadsheets' habits are understood (BOM, CRLF, semicolons, tabs, UTF-16, any order and case of the columns, quoted line
breaks). Other names of columns are taken from `columns`, never guessed.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from handful.core.errors import DataError
from handful.votes.columns import column, normal, places_of
from handful.votes.table import COLUMNS, NEEDED, Builder
from handful.votes.words import counted

DELIMITERS = ",;\t|"
FIELD_LIMIT = 2**27


def read(
    path: Path,
    builder: Builder,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> None:
    """Add the verdicts of a file.

    Args:
        columns: our name -> the file's own, where they differ.
        values: our name -> what every row has, where the file lacks the column.

    Raises:
        DataError: a column is missing, a row is no verdict (with its line), or the file cannot be read.
    """
    builder.begin(path)
    with opened(path) as file:
        start = first_line(file, path)
        if start.lstrip().startswith(("{", "[")):
            read_json(path, file, builder, columns or {}, values or {})
        else:
            read_csv(path, file, builder, columns or {}, values or {}, start)
    builder.check()


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A text file, gzipped or not, by its BOM in UTF-8 or UTF-16.

    Raises:
        DataError: there is none, or it turns out not to be text, or gzip, while it is read.
    """
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as raw:
            bom = raw.read(2)
        encoding = "utf-16" if bom in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        how = {"mode": "rt", "encoding": encoding, "newline": ""}
        with gzip.open(path, **how) if packed else path.open(**how) as file:  # type: ignore[call-overload]
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; name a file of verdicts") from None
    except UnicodeDecodeError as error:
        raise not_text(path, 1, error) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is not whole gzip, though its name says so") from error


def first_line(file: TextIO, path: Path) -> str:
    """The first line that is not blank; the file stands at its beginning again."""
    start = next((line for line in file if line.strip()), "")
    if not start:
        raise DataError(
            f"{path}: is empty; a table begins with the names of its columns: {', '.join(NEEDED)}"
        )
    file.seek(0)
    return start


def not_text(path: Path, line: int, error: UnicodeDecodeError) -> DataError:
    return DataError(f"{path}: is not UTF-8 (near line {line:,}: {error.reason}); save it as UTF-8")


# --- CSV


def read_csv(
    path: Path,
    file: TextIO,
    builder: Builder,
    columns: Mapping[str, str],
    values: Mapping[str, str],
    start: str,
) -> None:
    before = csv.field_size_limit(FIELD_LIMIT)  # texts of responses may stand in columns of their own
    rows = csv.reader(file, delimiter=delimiter_of(start), strict=True)
    try:
        header = next(row for row in rows if any(cell.strip() for cell in row))
        places = places_of(path, header, columns, values)
        add_rows(rows, places, len(header), builder, values)
    except csv.Error as error:
        raise DataError(f"{path}:{rows.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        raise not_text(path, rows.line_num, error) from error
    finally:
        csv.field_size_limit(before)


def add_rows(
    rows: Any, places: Mapping[str, int], width: int, builder: Builder, values: Mapping[str, str]
) -> None:
    """The rows below the header. A quoted line break makes a row of several lines: it is named by its first."""
    stand_in = ["", *values.values()]  # behind each row, for columns that are not there
    places = {**places, **{name: width + place for place, name in enumerate(values, start=1)}}
    prompt, annotator, left, right, choice, group, turn, weight = (
        places.get(name, width) for name in COLUMNS
    )
    add = builder.add
    line = rows.line_num
    for row in rows:
        first, line = line + 1, rows.line_num
        if len(row) != width:
            if any(cell.strip() for cell in row):
                builder.reject(first, f"has {counted(len(row), 'field')}, and the header {width}")
            continue
        row += stand_in
        add(
            first,
            row[prompt],
            row[annotator],
            row[left],
            row[right],
            row[choice],
            row[group],
            row[turn],
            row[weight],
        )


def delimiter_of(header: str) -> str:
    """The one that gives the most columns that we know, then the most columns."""

    def worth(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([header], delimiter=delimiter), [])
        return sum(normal(cell) in COLUMNS for cell in cells), len(cells)

    return max(DELIMITERS, key=worth)


# --- JSON


def read_json(
    path: Path, file: TextIO, builder: Builder, columns: Mapping[str, str], values: Mapping[str, str]
) -> None:
    own = {name: normal(columns.get(name, name)) for name in COLUMNS}
    checked = False
    for line, record in records(path, file):
        if not isinstance(record, dict):
            builder.reject(line, "is not an object of columns and values")
            continue
        if not checked:
            paths = [
                name for name in columns.values() if "." in name and column(record, {}, normal(name)) != ""
            ]
            places_of(path, [*record, *paths], columns, values)
            checked = True
        keys = {normal(key): key for key in record}
        found = [values[name] if name in values else column(record, keys, own[name]) for name in COLUMNS]
        cells = [text(value) for value in found]
        if None in cells:
            builder.reject(line, f"{COLUMNS[cells.index(None)]} is neither text nor a number")
            continue
        prompt, annotator, left, right, choice, group, turn, weight = (cell or "" for cell in cells)
        builder.add(line, prompt, annotator, left, right, choice, group, turn, weight)


def text(value: Any) -> str | None:
    """A value as a table would have it; None for what no cell holds."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def records(path: Path, file: TextIO) -> Iterator[tuple[int, Any]]:
    """(line, value) of JSON lines; of one JSON array, (number, value) of its elements.

    Raises:
        DataError: a line, or the file, is not JSON.
    """
    start = first_line(file, path)
    if start.lstrip().startswith("[") or start.strip() == "{":
        yield from enumerate(elements(path, file), start=1)
        return
    decode = msgspec.json.Decoder().decode
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, decode(line)
            except msgspec.DecodeError as error:
                raise DataError(f"{path}:{number}: is not JSON: {error}") from error


def elements(path: Path, file: TextIO) -> Iterable[Any]:
    """The records of a file that is one JSON value: an array, or an object with an array under "data"."""
    import json  # the standard library's: files in the wild hold NaN

    try:
        value = json.loads(file.read())
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from error
    if isinstance(value, dict):
        value = value.get("data", [value])
    if not isinstance(value, list):
        raise DataError(f"{path}: holds no array of records")
    return value
