"""Curate a thousand examples, fine-tune on them, and find out whether it helped.

from pathlib import Path
from handful import STAGES, execute, load, plan

work = Path("work")
steps = plan(STAGES, load("recipes/demo.toml"), work)
execute(steps, work)
print(steps[-1].folder / "report.html")
"""

from handful.pipeline import STAGES
from handful.recipe.load import load
from handful.run.execute import Waiting, execute, plan

__all__ = ["STAGES", "Waiting", "execute", "load", "plan"]
