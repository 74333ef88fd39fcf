"""95% intervals hold the truth in 93 to 97 of a hundred simulated studies. benchmarks/coverage.py has more of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "coverage.py"


def load():
    spec = importlib.util.spec_from_file_location("coverage_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()


@pytest.mark.parametrize("design", BENCHMARK.DESIGNS, ids=lambda design: design.name)
def test_intervals_cover(design):
    """1,500 studies know their coverage to 1.1 points."""
    bootstrap, formula = BENCHMARK.coverage(design, 1500, 200)
    assert 0.93 <= bootstrap <= 0.97
    assert 0.93 <= formula <= 0.97
