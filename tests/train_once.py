"""The stage train as a program, for tests that kill it: settings as JSON, the dataset's folder, the folder to fill."""

CHILD = """
import sys
from pathlib import Path
import msgspec, torch
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.work import work
torch.set_num_threads(1)
settings = msgspec.json.decode(sys.argv[1])
settings["model"] = ModelRef(settings["model"])
out = Path(sys.argv[3])
out.mkdir(exist_ok=True)
work(Train(**settings), {"dataset": Path(sys.argv[2])}, out)
"""
