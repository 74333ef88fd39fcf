"""The YAML at the top of a dataset card: what `datasets` needs to load the files, and the hub to list them.

Written by hand: nothing in it is text of a user's, and its few forms need no YAML library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from handful.dataset.licences import identifiers

Column: TypeAlias = "str | list[Column] | dict[str, Column]"
"""The type of a column: "string" or "int64", [the type of a list's elements], or {field: its type}."""

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
TAGS = ("instruction-tuning", "lima", "handful")
FILES = "configs:\n"
"""Where the part begins that says which files there are."""


def front_matter(
    licenses: Iterable[str],
    language: str,
    size: int,
    files: Mapping[str, str],
    columns: Mapping[str, Column],
) -> str:
    """The block with both its lines of dashes.

    Args:
        language: the code of the only language that `clean` kept, or "": what nobody looked at is not stated.
        licenses: as stated.
        size: dialogues in all.
        files: split -> its file.
        columns: of each file; stated so that a column of empty lists in one split keeps its type.
    """
    lines = ["---", "license:", *(f"- {name}" for name in identifiers(licenses))]
    if language:
        lines += ["language:", f"- {language}"]
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size_category(size)}"]
    lines += ["tags:", *(f"- {tag}" for tag in TAGS)]
    return "\n".join(lines) + "\n" + files_matter(files, columns)


def files_matter(files: Mapping[str, str], columns: Mapping[str, Column]) -> str:
    """The end of the block, from `FILES` on. Empty but for the dashes where there is no file."""
    if not files:
        return "---"
    lines = [FILES.rstrip(), "- config_name: default", "  data_files:"]
    for split, path in files.items():
        lines += [f"  - split: {split}", f"    path: {path}"]
    lines += ["dataset_info:", "  features:", *features(columns, "  "), "---"]
    return "\n".join(lines)


def features(columns: Mapping[str, Column], indent: str) -> list[str]:
    """Lines of YAML, as `datasets.Features` writes itself."""
    return [line for name, column in columns.items() for line in feature(f"- name: {name}", column, indent)]


def feature(head: str, column: Column, indent: str) -> list[str]:
    inner = indent + "  "
    if isinstance(column, str):
        return [indent + head, f"{inner}dtype: {column}"]
    if isinstance(column, dict):
        return [indent + head, f"{inner}struct:", *features(column, inner)]
    return [indent + head, *elements(column[0], inner)]


def elements(column: Column, indent: str) -> list[str]:
    """What a list holds."""
    if isinstance(column, str):
        return [f"{indent}list: {column}"]
    if isinstance(column, dict):
        return [f"{indent}list:", *features(column, indent)]
    return [f"{indent}list:", *elements(column[0], indent + "  ")]


def size_category(size: int) -> str:
    return next((name for most, name in SIZES if size < most), "n>100M")


def with_files(
    card: str, files: Mapping[str, str], columns: Mapping[str, Column], sections: Sequence[str]
) -> str:
    """The same card for other files: they replace those in its YAML, and `sections` come before its first one."""
    head, _, rest = card.partition(FILES)
    body = rest.partition("\n---\n")[2]
    introduction, _, others = body.partition("\n## ")
    return "".join(
        (
            head,
            files_matter(files, columns),
            "\n",
            introduction.rstrip("\n"),
            *(f"\n\n{section}" for section in sections),
            f"\n\n## {others}",
        )
    )
