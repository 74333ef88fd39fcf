"""Curate a thousand examples, fine-tune on them, and find out whether it helped.

from pathlib import Path
from handful import STAGES, execute, load, plan

work = Path("work")
steps = plan(STAGES, load("recipes/demo.toml"), work)
execute(steps, work)
print(steps[-1].folder / "report.html")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handful.core.errors import Waiting
    from handful.pipeline import STAGES
    from handful.recipe.load import load
    from handful.run.execute import execute, plan

__all__ = ["STAGES", "Waiting", "execute", "load", "plan"]

HOMES = {
    "STAGES": "handful.pipeline",
    "Waiting": "handful.core.errors",
    "execute": "handful.run.execute",
    "load": "handful.recipe.load",
    "plan": "handful.run.execute",
}


def __getattr__(name: str) -> Any:
    """Names are imported when they are used: `handful --help` should not wait for what it does not need."""
    if name not in HOMES:
        raise AttributeError(f"module 'handful' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
