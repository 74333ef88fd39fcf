"""What a run was made with: versions, never names of people, hosts or keys."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "scipy", "selectolax", "msgspec", "openai")


@cache
def environment() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that decide what comes out."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "handful": revision()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def revision() -> str:
    """The package's version, with the commit where it runs from a checkout ("0.1.0+1a2b3c4, changed")."""
    version = metadata.version("handful")
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return version
    try:
        commit = _git(root, "rev-parse", "--short", "HEAD")
        return f"{version}+{commit}" + (", changed" if _git(root, "status", "--porcelain", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return version


def _git(root: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return run.stdout.strip()
