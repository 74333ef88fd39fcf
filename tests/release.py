"""What `make release-check` asks of a release: wheel and sdist hold what they should, and the wheel works alone.

Both are built from a copy of the tree, without what git ignores. The wheel goes into an empty environment with nothing
but what it depends on (no torch, no scipy), from the registry that pip is set up for; there the commands that need no
extra must run, and one that does must say which. Run as a script; 1 where something is wrong. It uploads nothing.

    python tests/release.py
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "scipy", "pyarrow", "fastapi", "sqlalchemy", "jinja2", "ray")
IN_SDIST = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "recipes/demo.toml"}
NOT_IN_SDIST = ("tests/", "work/", "docs/", "data/", "build/", "benchmarks/", ".")
RECIPE = """name = "mine"

[sources.chats]
kind = "messages"
paths = ["chats.jsonl"]

[train]
model = "gemma3-270m"
"""
BUILD = "import sys; to = sys.argv[1]; from setuptools import build_meta as b; b.build_sdist(to); b.build_wheel(to)"


def tree() -> list[str]:
    """The files of the repository: what git follows or would follow, and is there."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def build(names: Iterable[str], folder: Path) -> tuple[Path, Path]:
    """Wheel and sdist, built in `folder` from a copy of the named files with the setuptools that is installed."""
    copy = folder / "tree"
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    dist = folder / "dist"
    dist.mkdir()
    done = subprocess.run([sys.executable, "-c", BUILD, str(dist)], cwd=copy, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the build failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return next(dist.glob("*.whl")), next(dist.glob("*.tar.gz"))


def wrong_in_wheel(held: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """What the wheel lacks of the package, and what it holds beside it and its metadata."""
    package = {name.removeprefix("src/") for name in names if name.startswith("src/handful/")}
    there = {name for name in held if ".dist-info/" not in name}
    for name in sorted(package - there):
        yield f"the wheel lacks {name}: see package-data in pyproject.toml"
    for name in sorted(there - package):
        yield f"the wheel holds {name}"


def wrong_in_sdist(held: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """What the sdist lacks of the package and of what goes with it, and what has no business there."""
    there = {name.partition("/")[2] for name in held}
    wanted = {name for name in names if name.startswith("src/handful/")} | IN_SDIST
    for name in sorted(wanted - there):
        yield f"the sdist lacks {name}"
    for name in sorted(there):
        if name.startswith(NOT_IN_SDIST):
            yield f"the sdist holds {name}: see MANIFEST.in"


def wrong_in_versions() -> Iterator[str]:
    """Where the version is said otherwise than in pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if ".dev" in version:
        return  # no release: nothing else says it yet
    if f"\nversion: {version}\n" not in (ROOT / "CITATION.cff").read_text():
        yield f"CITATION.cff: its version is not {version}"
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text():
        yield f"CHANGELOG.md has no section {version}"


def wrong_when_installed(wheel: Path, folder: Path) -> Iterator[str]:
    """Install the wheel alone and run what should work without any extra."""
    venv.create(folder / "empty", with_pip=True)
    binaries = folder / "empty/bin"
    pip = [str(binaries / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True)
    listed = subprocess.run(
        [*pip, "list", "--format=json"], check=True, capture_output=True, text=True
    ).stdout
    for name in {row["name"] for row in json.loads(listed)} & set(HEAVY):
        yield f"a plain installation brings {name}"
    desk = folder / "desk"
    desk.mkdir()
    row = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]}
    (desk / "chats.jsonl").write_text(json.dumps(row) + "\n")
    (desk / "mine.toml").write_text(RECIPE)
    (desk / "votes.csv").write_text("prompt_id,system_a,system_b,annotator,choice\n1,a,b,ann,left\n")
    for command, code, said in (
        ("--help", 0, "handful run recipes/demo.toml"),
        ("--version", 0, wheel.name.split("-")[1]),
        ("settings", 0, "[train]"),
        ("plan mine.toml", 0, "to do    report"),
        ("run mine.toml --to dataset", 0, "train 1"),
        ("plan mine.toml", 0, "done     dataset"),
        ("run mine.toml", 1, "pip install 'handful[train]'"),
        ("stats votes.csv", 1, "pip install 'handful[report]'"),
    ):
        done = subprocess.run(
            [str(binaries / "handful"), *command.split()], cwd=desk, capture_output=True, text=True
        )
        told = done.stdout + done.stderr
        if done.returncode != code or said not in told or "Traceback" in told:
            yield f"handful {command}: exit code {done.returncode}, not {code} with {said!r}:\n{told.strip()}"


def main() -> int:
    names = tree()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel, sdist = build(names, folder)
        print(
            f"built {wheel.name} ({wheel.stat().st_size:,} bytes), {sdist.name} ({sdist.stat().st_size:,} bytes)"
        )
        with zipfile.ZipFile(wheel) as archive:
            wrong = list(wrong_in_wheel(archive.namelist(), names))
        with tarfile.open(sdist) as archive:
            wrong += wrong_in_sdist((m.name for m in archive.getmembers() if m.isfile()), names)
        wrong += [*wrong_in_versions(), *wrong_when_installed(wheel, folder)]
    for line in wrong:
        print(f"wrong: {line}")
    print("the release is whole" if not wrong else f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
