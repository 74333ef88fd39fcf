"""Bare decompression with the standard library: Posts.xml of an archive to nowhere.

python -m parts.unpack ARCHIVE
"""

from __future__ import annotations

import sys
from pathlib import Path

from handful.sources.stackexchange.archive import find, open_member


def main() -> None:
    buffer = bytearray(1 << 20)
    with open_member(find(Path(sys.argv[1]), "Posts.xml", float("inf")), None) as file:
        while file.readinto(buffer):
            pass


if __name__ == "__main__":
    main()
