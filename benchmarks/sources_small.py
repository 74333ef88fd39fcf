"""Reading the smaller sources: ours beside the same job written with the standard library.

    python benchmarks/sources_small.py [--json] [--only NAME] [--megabytes N]

A section is a function that prepares input in a folder and says what the two sides are. Both sides must find the same;
they take turns, and the number of each is the median of five, in megabytes of input a second of processor time. What a
library takes to import is not in it. Real files are used where they are ($HANDFUL_TEST_DATA, or ../shared/data), else
generated ones. What the sides do is in parts/instructions.py and parts/wikihow.py. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from parts.instructions import instructions_bytes, instructions_json, instructions_zst
from parts.section import Section, measure
from parts.wikihow import wikihow_csv, wikihow_pages, wikihow_sep

SECTIONS: dict[str, Callable[[Path, float], Section]] = {
    "instructions-json": instructions_json,
    "instructions-bytes": instructions_bytes,
    "instructions-zst": instructions_zst,
    "wikihow-pages": wikihow_pages,
    "wikihow-csv": wikihow_csv,
    "wikihow-sep": wikihow_sep,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--only", choices=SECTIONS, help="run one section")
    arguments.add_argument(
        "--megabytes", type=float, default=60, help="of generated input, where no real one is"
    )
    options = arguments.parse_args()
    results = {}
    for name, prepare in SECTIONS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                section = prepare(Path(folder), options.megabytes)
                results[name] = measure(section, lambda line: None if options.json else print(line))
    versions = {
        library: metadata.version(library)
        for library in ("handful", "lxml", "msgspec", "pyarrow", "selectolax", "zstandard")
    }
    print(json.dumps({"sections": results, "versions": versions}))


if __name__ == "__main__":
    main()
