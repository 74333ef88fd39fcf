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


SMALL = [design for design in BENCHMARK.DESIGNS if design.prompts < 100]
LARGE = [design for design in BENCHMARK.DESIGNS if design.prompts > 100]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: design.name)
def test_intervals_cover(design):
    bootstrap, formula = BENCHMARK.coverage(design, 600, 300)
    assert 0.93 <= bootstrap <= 0.97
    assert 0.93 <= formula <= 0.97


@pytest.mark.parametrize("design", LARGE, ids=lambda design: design.name)
def test_intervals_of_300_prompts_cover(design):
    """Fewer studies, which know their coverage to two points: 4,000 of them cover 94.4% to 95%."""
    bootstrap, formula = BENCHMARK.coverage(design, 150, 200, seed=2)
    assert 0.91 <= bootstrap <= 0.99
    assert 0.91 <= formula <= 0.99
