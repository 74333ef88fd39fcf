"""What lies below a folder: all of it, in one order, or an error."""

import ctypes
import os
import subprocess
import sys

import pytest

from handful.core.files import files_below


@pytest.fixture
def tree(tmp_path):
    for name in ("b/2.txt", "a/1.txt", "3.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "tree"


def names(folder):
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


def test_files_come_in_the_order_of_their_names(tree):
    assert names(tree) == ["3.txt", "a/1.txt", "b/2.txt"]
    (tree / "empty").mkdir()
    assert names(tree / "empty") == []


def test_links_are_followed_but_not_in_a_circle(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "4.txt").write_text("4")
    (tree / "c").symlink_to(tmp_path / "elsewhere")
    (tree / "d.txt").symlink_to(tree / "3.txt")
    (tree / "a" / "up").symlink_to(tree)
    (tree / "a" / "same").symlink_to(tree / "a")
    assert names(tree) == ["3.txt", "a/1.txt", "b/2.txt", "c/4.txt", "d.txt"]


def test_a_link_that_leads_nowhere_is_an_error_unless_it_is_hidden(tree):
    (tree / ".#3.txt").symlink_to("ann@desk.1234")  # as Emacs locks a file
    assert names(tree) == ["3.txt", "a/1.txt", "b/2.txt"]
    (tree / "gone.txt").symlink_to(tree / "nowhere")
    with pytest.raises(FileNotFoundError, match="leads to no file") as caught:
        files_below(tree)
    assert caught.value.filename == str(tree / "gone.txt")


def as_anybody() -> None:
    """Root may read everything, unless it gives these two rights away for the program that it starts."""
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_folder_that_may_not_be_read_is_an_error(tree):
    script = "import sys, pathlib; from handful.core.files import files_below; files_below(pathlib.Path(sys.argv[1]))"
    (tree / "b").chmod(0)
    try:
        run = subprocess.run(
            [sys.executable, "-c", script, str(tree)],
            preexec_fn=as_anybody if os.geteuid() == 0 else None,
            capture_output=True,
            text=True,
        )
    finally:
        (tree / "b").chmod(0o755)
    assert f"PermissionError: [Errno 13] Permission denied: '{tree / 'b'}'" in run.stderr
