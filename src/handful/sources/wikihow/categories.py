"""wikiHow's 19 top categories, and a table that gives the category of a title."""

from __future__ import annotations

import csv
import io
import re
import sys
from functools import lru_cache
from pathlib import Path

from handful.core.errors import DataError
from handful.sources.wikihow.titles import plain_title, without_how_to

TOP = (
    "Arts and Entertainment",
    "Cars & Other Vehicles",
    "Computers and Electronics",
    "Education and Communications",
    "Family Life",
    "Finance and Business",
    "Food and Entertaining",
    "Health",
    "Hobbies and Crafts",
    "Holidays and Traditions",
    "Home and Garden",
    "Personal Care and Style",
    "Pets and Animals",
    "Philosophy and Religion",
    "Relationships",
    "Sports and Fitness",
    "Travel",
    "Work World",
    "Youth",
)
BY_KEY = {re.sub(r"[\W_]+", "", name.lower().replace("&", "and")): name for name in TOP}
ROOTS = frozenset({"categories", "home", "wikihow", "main page", ""})


@lru_cache(4096)
def proper(name: str) -> str:
    """A category's name as wikiHow writes it: "Cars-&-Other-Vehicles" and "cars and other vehicles" are one."""
    name = " ".join(name.replace("-", " ").replace("_", " ").split())
    return BY_KEY.get(re.sub(r"[\W_]+", "", name.lower().replace("&", "and")), name)


def top_of(names: list[str]) -> str:
    """The top category among those of an article, outermost first; the outermost where none is of the 19."""
    found = [proper(name) for name in names if name.strip().lower() not in ROOTS]
    return next((name for name in found if name in TOP), found[0] if found else "")


def key(title: str) -> str:
    """Equal for titles that name the same article, with or without "How to"."""
    return re.sub(r"\W+", "", without_how_to(plain_title(title)).lower())


def read_table(paths: tuple[str, ...]) -> dict[str, str]:
    """Title's key -> category, from CSV files with the columns Category and Title, and Link if they have it.

    A title that stands under several goes to one of the 19, or else to the first.

    Raises:
        DataError: a file is missing, is not text, or lacks the columns.
    """
    table: dict[str, str] = {}
    for path in map(Path, paths):
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise DataError(
                f"{path}: cannot be read ({error.strerror}); categories names a CSV file"
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
        rows = csv.DictReader(io.StringIO(text, newline=""))
        csv.field_size_limit(sys.maxsize)
        columns = {name.lower(): name for name in rows.fieldnames or () if name}
        if "category" not in columns or "title" not in columns:
            found = ", ".join(columns) or "none"
            raise DataError(f"{path}: its columns are {found}; a table of categories has Category and Title")
        for row in rows:
            category = proper(row[columns["category"]] or "")
            for name in (row[columns["title"]] or "", slug_of(row.get(columns.get("link", "")) or "")):
                if category and (short := key(name)) and table.get(short) not in TOP:
                    table[short] = category if category in TOP else table.get(short, category)
    return table


def slug_of(url: str) -> str:
    """The title in an address: "https://www.wikihow.com/Grill-Fish" -> "Grill Fish"."""
    return url.rstrip("/").rpartition("/")[2].replace("-", " ")
