"""Small dumps written on the spot, in the form of the real ones."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import py7zr
import pytest

HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'
ESCAPES = {'"': "&quot;", "\n": "&#xA;"}


@pytest.fixture
def question() -> Callable[..., str]:
    """A question's row; name what should differ, or "" to leave an attribute out."""
    return lambda id, **changed: _row(
        {
            "Id": id,
            "PostTypeId": 1,
            "CreationDate": "2015-03-04T05:06:07.008",
            "Score": 7,
            "ViewCount": 90,
            "Body": f"<p>Body of {id}?</p>\n",
            "OwnerUserId": 11,
            "Title": f"Title of {id}?",
            "Tags": "<rice><pots>",
            "AnswerCount": 1,
            **changed,
        }
    )


@pytest.fixture
def answer() -> Callable[..., str]:
    """An answer's row, of 1,200 characters and more unless told otherwise."""
    return lambda id, parent, **changed: _row(
        {
            "Id": id,
            "PostTypeId": 2,
            "ParentId": parent,
            "CreationDate": "2015-03-05T05:06:07.008",
            "Score": 10,
            "Body": f"<p>Answer {id}. {'word ' * 300}</p>\n",
            "OwnerUserId": 22,
            **changed,
        }
    )


def _row(attributes: dict[str, object]) -> str:
    texts = {name: escape(str(value), ESCAPES) for name, value in attributes.items() if value != ""}
    return "  <row " + " ".join(f'{name}="{text}"' for name, text in texts.items()) + " />\r\n"


@pytest.fixture
def dump(tmp_path) -> Callable[..., Path]:
    """Write rows to SITE/Posts.xml, as bytes where the file must be odd."""

    def write(*rows: str | bytes, site: str = "tea.example.com", tail: str = "</posts>") -> Path:
        path = tmp_path / site / "Posts.xml"
        path.parent.mkdir(exist_ok=True)
        parts = (row.encode() if isinstance(row, str) else row for row in (HEAD, *rows, tail))
        path.write_bytes(b"".join(parts))
        return path

    return write


@pytest.fixture
def pack(tmp_path) -> Callable[..., Path]:
    """Make a .7z with py7zr from names and contents."""

    def make(members: dict[str, bytes], name: str = "tea.example.com.7z", **options: object) -> Path:
        path = tmp_path / name
        options.setdefault("filters", [{"id": py7zr.FILTER_BZIP2}])
        with py7zr.SevenZipFile(path, "w", **options) as file:
            for member, content in members.items():
                file.writestr(content, member)
        return path

    return make


@pytest.fixture(scope="session")
def seven_zip() -> Callable[..., None]:
    """Run 7-Zip's own program."""
    program = shutil.which("7zz") or shutil.which("7z")
    if program is None:
        pytest.fail("needs 7-Zip's program (7zz); `make test` installs it, as tests/need-tools does")
    return lambda *arguments, cwd: subprocess.run(
        [program, *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
