"""The house stands as drawn: imports point down, and the command line starts light and fast."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import handful

PACKAGE = Path(handful.__file__).parent
STAGES = [stage.name for stage in handful.STAGES]
LAYERS = (
    ["core"],
    ["recipe"],
    ["run"],
    ["markup"],
    ["models"],
    STAGES,
    ["pipeline"],
    ["__init__"],
    ["desk", "experiments", "serving", "votes"],
    ["web"],
    ["cli"],
    ["__main__"],
)
RANK = {package: rank for rank, layer in enumerate(LAYERS) for package in layer}
HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "openai",
    "fastapi",
    "starlette",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "jinja2",
    "selectolax",
    "pyarrow",
    "zstandard",
    "ray",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def home_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def packages_imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "handful":
            yield "__init__"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("handful."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("handful."))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    home = home_of(path)
    for target in packages_imported(path):
        assert target == home or RANK[target] < RANK[home], f"{home} may not import {target}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), f"{path.name} has no docstring"


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_command_line_loads_no_heavy_library():
    code = (
        "import sys, pkgutil, importlib, handful.cli as cli;"
        "[importlib.import_module('handful.cli.' + module.name) for module in pkgutil.iter_modules(cli.__path__)];"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert run_python(code) == "[]"


def test_planning_loads_no_heavy_library(repository):
    code = (
        "import sys; from pathlib import Path; from handful import STAGES, load, plan;"
        f"plan(STAGES, load({str(repository / 'recipes/demo.toml')!r}), Path('nowhere'));"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert run_python(code) == "[]"


def test_help_takes_under_150_milliseconds_of_the_processor():
    command = [Path(sys.executable).with_name("handful"), "--help"]
    used = []
    for _ in range(3):
        before = processor_seconds_of_children()
        subprocess.run(command, check=True, capture_output=True)
        used.append(processor_seconds_of_children() - before)
    assert min(used) < 0.15  # the least: the others measure what else the machine does


def processor_seconds_of_children():
    """Of those that have ended: waiting for other work of the machine is not in it, as it would be in wall time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
