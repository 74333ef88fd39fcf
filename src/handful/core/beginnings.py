"""What a file is, told by its first bytes, in words for an error and with what to do about it.

Most files that cannot be read are not damaged but whole, and of another kind: a server's error page saved under the
name of a dump, an archive that was never unpacked, a spreadsheet's UTF-16. Not for choosing how to read a file.
"""

from __future__ import annotations

import re

ENOUGH = 4096
"""Bytes to look at."""
UNPACK = "unpack it first"
PACKED = {
    b"\x1f\x8b": f"is packed with gzip; {UNPACK}: `gunzip FILE`",
    b"\x28\xb5\x2f\xfd": f"is packed with Zstandard; {UNPACK}: `unzstd FILE`",
    b"BZh": f"is packed with bzip2; {UNPACK}: `bunzip2 FILE`",
    b"\xfd7zXZ\0": f"is packed with xz; {UNPACK}: `unxz FILE`",
    b"7z\xbc\xaf\x27\x1c": f"is a .7z archive; {UNPACK}: `7zz x FILE`",
    b"PK\x03\x04": f"is a .zip archive, or a document packed as one; {UNPACK}: `unzip FILE`",
    b"PAR1": "is a Parquet file, whose name must end in .parquet",
    b"\x89PNG": "is a PNG image",
    b"\xff\xd8\xff": "is a JPEG image",
    b"GIF8": "is a GIF image",
    b"%PDF": "is a PDF document",
    b"SQLite format 3": "is an SQLite database",
}
WEB_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
UTF_16 = re.compile(rb"\xff\xfe|\xfe\xff|(?:[\t\r\n -~]\0){4}|(?:\0[\t\r\n -~]){4}")


def foreign(head: bytes) -> str:
    """What a file that begins with `head` is, from the verb on; empty where it may be text, or anything else."""
    for magic, words in PACKED.items():
        if head.startswith(magic):
            return words
    if UTF_16.match(head):
        return "is text in UTF-16; `iconv -f UTF-16 -t UTF-8 FILE > NEW` writes it as UTF-8"
    if WEB_PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "is a web page, perhaps a server's message that there was no such file; fetch it again"
    return ""


def quoted(head: bytes) -> str:
    """The first bytes of a file that is nothing known, fit for a terminal."""
    return f"it begins with {head[:16]!r}" if head else "it is empty"
