"""What `make check` asks of the packages that Handful stands on. Run as a script; 1 where something is wrong.

Always, offline: every package that Handful (with the extras that are named) needs is installed in a version that all
others allow; none of those that are known for stolen releases is there; nothing runs code whenever Python starts (a
`.pth` file with an import, the way of the theft of March 2026) but what is named here; and what users install holds no
licence that would bind their own work.

With a service of advisories: pip-audit, installed into an environment of its own. Where the service cannot be reached,
that is said in so many words and is no failure: the audit was not done then.

    python tests/audit.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "handful"
USERS_EXTRAS = (
    "data",
    "language",
    "train",
    "lora",
    "api",
    "anthropic",
    "google",
    "web",
    "postgresql",
    "report",
)
DEVELOPERS_EXTRAS = (*USERS_EXTRAS, "cluster", "track", "docs", "demo", "dev")
REFUSED = {
    "litellm": "two stolen releases within eight months",
    "litellm-check": "imitates another package",
    "ctx": "was stolen in 2022",
    "torchtriton": "was put in the way of torch's own in 2022",
}
AT_START = {"distutils-precedence.pth"}
"""Files that may run code when Python starts, by name: setuptools' shim."""
BINDING = ("AGPL", "GPL-2", "GPL-3", "GPLv2", "GPLv3", "GNU General Public", "SSPL", "BUSL")
SERVICE = "https://api.osv.dev/v1/query"
KNOWN_BAD = {"version": "2.4.1", "package": {"name": "jinja2", "ecosystem": "PyPI"}}
"""Has advisories for certain: a service that knows none of it is none."""
SECONDS = 10


def needed(extras: tuple[str, ...]) -> dict[str, list[tuple[str, Requirement]]]:
    """Package -> who needs it and in which versions, from Handful down, as this Python and machine need it."""
    found: dict[str, list[tuple[str, Requirement]]] = {}
    ahead, done = [(PACKAGE, frozenset(extras))], set()
    while ahead:
        name, wanted = ahead.pop()
        if (name, wanted) in done:
            continue
        done.add((name, wanted))
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # said by `unmet`
        for requirement in map(Requirement, lines):
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
                continue
            below = canonicalize_name(requirement.name)
            found.setdefault(below, []).append((name, requirement))
            ahead.append((below, frozenset(requirement.extras)))
    return found


def unmet(tree: dict[str, list[tuple[str, Requirement]]]) -> Iterator[str]:
    for name, asked in sorted(tree.items()):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield f"{name}: is needed by {asked[0][0]} and not installed"
            continue
        for by, requirement in asked:
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"{name} {version}: {by} needs {requirement.specifier}"


def refused() -> Iterator[str]:
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.name)
        if name in REFUSED:
            yield f"{name} {distribution.version}: is installed, which {REFUSED[name]}; remove it"


def run_at_start(folder: Path) -> Iterator[str]:
    for name in ("sitecustomize.py", "usercustomize.py"):
        if (folder / name).exists():
            yield f"{name}: runs whenever Python starts; find out who put it there"
    for path in sorted(folder.glob("*.pth")):
        lines = path.read_text(errors="replace").splitlines()
        if path.name not in AT_START and any(line.startswith(("import ", "import\t")) for line in lines):
            yield f"{path.name}: runs code whenever Python starts; find out who put it there"


def licence(name: str) -> str:
    """What a package says of its licence: the expression, else the field, else the classifiers."""
    said = metadata.metadata(name)
    classifiers = (c for c in said.get_all("Classifier") or [] if c.startswith("License"))
    return said.get("License-Expression") or said.get("License", "").split("\n")[0] or "; ".join(classifiers)


def binding(tree: dict[str, list[tuple[str, Requirement]]]) -> Iterator[str]:
    """Of what users install. Under the LGPL a library may be used by other work as it is."""
    for name in sorted(tree):
        try:
            said = licence(name)
        except metadata.PackageNotFoundError:
            continue
        if "LGPL" not in said and any(word in said for word in BINDING):
            yield f"{name}: is under {said!r}, which would bind what is built with it"


def service_answers() -> bool:
    request = urllib.request.Request(
        SERVICE, json.dumps(KNOWN_BAD).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return bool(json.load(reply).get("vulns"))
    except (OSError, ValueError):
        return False


def advisories(folder: Path) -> int:
    """pip-audit's exit status over the packages in `folder`, from an environment of its own."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        python = Path(place) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-audit"], check=True)
        command = [python, "-m", "pip_audit", "--path", folder, "--vulnerability-service", "osv"]
        return subprocess.run([*command, "--progress-spinner", "off"]).returncode


def main() -> int:
    folder = Path(sysconfig.get_path("purelib"))
    tree = needed(DEVELOPERS_EXTRAS)
    wrong = [*unmet(tree), *refused(), *run_at_start(folder), *binding(needed(USERS_EXTRAS))]
    for line in wrong:
        print(f"audit: {line}", file=sys.stderr)
    if not wrong:
        print(
            f"audit: {len(tree)} packages fit together, none is refused, none runs at start, licences are free to use"
        )
    if not service_answers():
        print(
            "audit: NOT DONE for known vulnerabilities: no advisory service is reachable from here",
            file=sys.stderr,
        )
        return int(bool(wrong))
    return advisories(folder) or int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
