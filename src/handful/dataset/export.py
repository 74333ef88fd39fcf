"""A finished folder in the form that other tools read: rows, a card and credits, in a folder that is whole or absent.

`dataset` is exported in any of the layouts of `layouts.py`; `clean`, and a source, as Parquet: its candidates and
examples before selection, a row each. With `work.py`, the part of this package that touches the disk.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.optional import need
from handful.core.types import Candidate, Example, Prompt
from handful.dataset.card import candidates_card
from handful.dataset.front import with_files
from handful.dataset.layouts import LAYOUTS, Layout
from handful.run.keys import Hashes
from handful.run.progress import progress
from handful.run.store import PARTIAL, Manifest, check_whole, read_manifest

SPLITS: dict[str, type[Example] | type[Prompt]] = {"train": Example, "dev": Example, "test": Prompt}
CARD, ATTRIBUTION, CREDITS = "README.md", "attribution.csv", "ATTRIBUTION.csv"
CANDIDATES = "candidates.parquet"
OURS = {CARD, CREDITS, CANDIDATES, *(f"{s}.{layout.suffix}" for s in SPLITS for layout in LAYOUTS.values())}
"""All that an export may write, and so may replace."""


def export(folder: Path, to: Path, format: str = "", overwrite: bool = False) -> dict[str, int]:
    """Write what the finished `folder` holds to the folder `to`; returns how many rows each file has.

    Args:
        format: a name of LAYOUTS; "" takes messages for a data set, and Parquet for candidates.
        overwrite: replace an earlier export at `to`. Anything else that lies there is never touched.

    Raises:
        CorruptFolder: `folder` is not finished, or differs from its manifest.
        DataError: it is of another stage, does not come in this format, or `to` is taken.
    """
    manifest = read_manifest(folder)
    stage = manifest.step.partition("/")[0]
    if stage not in ("dataset", "clean", "sources"):
        raise DataError(
            f"{folder}: is a folder of {manifest.step}; export takes one of dataset, or of clean or sources "
            "(candidates before selection)"
        )
    if stage != "dataset" and format not in ("", "parquet"):
        raise DataError(
            f"{folder}: holds candidates, not a finished data set; they come as Parquet only: --format parquet"
        )
    check_free(to, folder, overwrite)
    check_whole(folder, Hashes(folder.parent / "hashes.json"))
    with whole(to) as partial:
        if stage == "dataset":
            return export_dataset(folder, partial, LAYOUTS[format or "messages"])
        return export_candidates(folder, manifest, partial)


def check_free(to: Path, folder: Path, overwrite: bool, ours: Collection[str] = OURS) -> None:
    """Raise DataError unless `to` may be written: absent, empty, or an earlier export, of `ours`, that may go."""
    if to.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{to}: lies in {folder}, which is finished; name a folder outside it with --to")
    if not to.exists():
        return
    if not to.is_dir():
        raise DataError(f"{to}: is a file; name a folder with --to")
    found = sorted(path.name for path in to.iterdir())
    if found and not overwrite:
        raise DataError(f"{to}: is not empty; name another folder, or add --overwrite to replace an export")
    foreign = [name for name in found if name not in ours]
    if foreign:
        raise DataError(
            f"{to}: holds {foreign[0]!r}, which is not of an export and would be lost; name another folder with --to"
        )


@contextmanager
def whole(to: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `to` at the end. After an error nothing of it is left."""
    to = to.resolve()
    partial = to.with_name(f".{to.name}{PARTIAL}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{to}: lies below a file; name a folder elsewhere with --to") from error
    shutil.rmtree(partial, ignore_errors=True)  # what a killed export left
    partial.mkdir()
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if to.exists():
        shutil.rmtree(to)
    partial.rename(to)


def export_dataset(folder: Path, out: Path, layout: Layout) -> dict[str, int]:
    """Fill `out` with a file a split, the folder's card fitted to them, and whom to credit."""
    files: dict[str, str] = {}
    counts: dict[str, int] = {}
    for split, kind in SPLITS.items():
        rows = [layout.row(dialogue) for dialogue in jsonl.read(folder / f"{split}.jsonl", kind)]
        counts[split] = len(rows)
        if not rows:
            continue
        files[split] = f"{split}.{layout.suffix}"
        if layout.suffix == "parquet":
            need("pyarrow", "Parquet")
            from handful.dataset.parquet import write_rows

            write_rows(rows, out / files[split], layout.columns)
        else:
            lines = (msgspec.json.encode(row) + b"\n" for row in rows)  # keys as the layout orders them
            write_whole(out / files[split], b"".join(lines))
    if not files:
        raise DataError(f"{folder}: holds no dialogue; there is nothing to export")
    text = (folder / CARD).read_text(encoding="utf-8")
    card = with_files(text, files, layout.columns, [f"## Rows\n\n{layout.words}"])
    write_whole(out / CARD, card.replace(f"`{ATTRIBUTION}`", f"`{CREDITS}`"))
    shutil.copyfile(folder / ATTRIBUTION, out / CREDITS)
    return counts


def export_candidates(folder: Path, manifest: Manifest, out: Path) -> dict[str, int]:
    """Fill `out` with one Parquet file of all that may be drawn, and a card. Each row holds its own credit."""
    need("pyarrow", "Parquet")
    from handful.dataset.parquet import write_parquet

    licenses: Counter[str] = Counter()
    kept = manifest.counts.get("kept")

    def records() -> Iterator[Candidate | Example]:
        with progress("exporting", kept, "rows") as advance:
            both: Iterator[Candidate | Example] = chain(
                jsonl.read(folder / "candidates.jsonl", Candidate),
                jsonl.read(folder / "examples.jsonl", Example),
            )
            for record in both:
                licenses[record.origin.license] += 1
                yield record
                advance()

    count = write_parquet(records(), out / CANDIDATES)
    if not count:
        raise DataError(f"{folder}: holds no candidate and no example; there is nothing to export")
    card = candidates_card(manifest.step, manifest.params, manifest.counts, licenses, {"train": CANDIDATES})
    write_whole(out / CARD, card)
    return {"candidates": count}
