"""The table of systems names every kind that a recipe can."""

from __future__ import annotations

from typing import get_args, get_type_hints

from handful.generate.systems import SYSTEMS
from handful.recipe.systems import System


def test_every_kind_of_the_recipe_has_its_function():
    kinds = {get_args(get_type_hints(kind)["kind"])[0] for kind in get_args(System)}
    assert set(SYSTEMS) == kinds
