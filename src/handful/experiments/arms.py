"""An ablation (Section 5): recipes that differ in one thing, from one TOML file.

    question = "Do diverse prompts help?"
    base = "../smollm2.toml"      # the recipe of every arm, and of the evaluation
    seeds = [0, 1, 2]             # every arm is trained once with each
    vary = ["train.seed"]         # what a seed is laid over

    [all]                         # laid over the base for everything: tables of a recipe
    [arms.stack_exchange]         # and over that for this arm alone
    [arms.wikihow]
    [quantity]                    # or arms by size: experiments/sizes.py
    [evaluation]                  # and for the evaluation, whose systems are the arms' checkpoints

Arms are recipes like any other and share a work folder: what they have in common is made once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.errors import RecipeError
from handful.experiments.keys import TOP, stated
from handful.experiments.sizes import Quantity, arms_of, read_quantity, shares
from handful.recipe.load import Layer, assemble, read_layers, read_override
from handful.recipe.schema import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """The file as it stands, its tables unread."""

    path: Path
    question: str
    paper: str
    """What the paper found, for the page."""
    layers: Sequence[Layer]
    """Of the base, the lowest first, and of [all]."""
    arms: Mapping[str, dict[str, Any]]
    seeds: Sequence[int]
    vary: Sequence[str]
    evaluation: dict[str, Any]
    overrides: Sequence[Layer] = ()
    quantity: Quantity | None = None
    """What says the arms' sizes; of "double" they are not among `arms` before the data are counted."""
    grown: Sequence[str] = ()
    """The arms that [quantity] made."""

    @property
    def name(self) -> str:
        return self.path.stem

    def trained(self, arm: str, seed: int) -> Recipe:
        """The recipe of one arm with one seed.

        Raises:
            RecipeError: it does not fit, or trains nothing.
        """
        own = Layer(self.path, self.arms[arm])
        if not any("train" in layer.tables for layer in (*self.layers, own)):
            raise RecipeError(
                f"{self.path}: [arms.{arm}] trains nothing: neither it nor the base has [train]"
            )
        below = [*self.layers, own]
        assemble([*below, *self.overrides])  # what is wrong without a seed is no fault of `vary`
        seeded = [Layer(self.path, read_override(f"{key}={seed}").tables) for key in self.vary]
        try:
            recipe = assemble([*below, *seeded, *self.overrides])
        except RecipeError as error:
            raise RecipeError(f"{self.path}: vary = {list(self.vary)!r}, seed {seed}: {error}") from error
        return replace(recipe, name=system_name(self, arm, seed))

    def counted(self) -> Recipe:
        """What all arms have in common, as a recipe: what their data are counted by.

        Raises:
            RecipeError: it does not fit.
        """
        return assemble([*self.layers, *self.overrides])

    def proportions(self) -> dict[str, int]:
        """How the sources of [quantity] share an arm.

        Raises:
            RecipeError: nothing says how.
        """
        assert self.quantity is not None
        try:
            return shares(self.quantity, self.counted())
        except ValueError as error:
            raise RecipeError(f"{self.path}: {error}") from error

    def grows(self, arm: str) -> Sequence[str]:
        """The sources whose quota in this arm follows from [quantity]; none where the file states the arm itself."""
        return list(self.proportions()) if arm in self.grown else ()

    def with_sizes(self, sizes: Sequence[int]) -> Ablation:
        """The same with an arm for each size of [quantity] before the others.

        Raises:
            RecipeError: an arm has the name of another.
        """
        assert self.quantity is not None
        grown = arms_of(self.quantity, self.proportions(), sizes)
        if twice := grown.keys() & self.arms.keys():
            raise RecipeError(f"{self.path}: [arms.{min(twice)}] has the name of an arm of [quantity]")
        return replace(self, arms={**grown, **self.arms}, grown=tuple(grown))

    def evaluated(self, checkpoints: Mapping[str, Path | None]) -> Recipe:
        """The recipe that compares the arms' checkpoints: system name -> folder.

        Before there are any, None stands for each: a system that asks no model, so that the rest can be planned.

        The base's own systems are left out; those of [evaluation] stand beside the arms.
        """
        bare = [replace(layer, tables=without_systems(layer.tables)) for layer in self.layers]
        beside = self.evaluation.get("generate", {}).get("systems", {})
        if twice := checkpoints.keys() & beside.keys():
            raise RecipeError(f"{self.path}: [evaluation] has a system of an arm's name: {min(twice)!r}")
        arms = {
            name: {"kind": "checkpoint", "model": str(folder.resolve())} if folder else {"kind": "fake"}
            for name, folder in checkpoints.items()
        }
        systems = Layer(self.path, {"generate": {"systems": arms}})
        recipe = assemble([*bare, systems, Layer(self.path, self.evaluation), *self.overrides])
        return replace(recipe, name=self.name, train=None)


def system_name(ablation: Ablation, arm: str, seed: int) -> str:
    return arm if len(ablation.seeds) == 1 else f"{arm}-seed{seed}"


def without_systems(tables: dict[str, Any]) -> dict[str, Any]:
    """A base's tables without its own systems, and without what is said of comparing them."""
    generate = {key: value for key, value in tables.get("generate", {}).items() if key != "systems"}
    study = {
        key: value for key, value in tables.get("study", {}).items() if key not in ("subject", "against")
    }
    return tables | {"generate": generate, "study": study}


def read(path: Path, overrides: Sequence[str] = (), base: Path | None = None) -> Ablation:
    """Read an ablation's file, whose keys are in keys.py.

    Args:
        base: a recipe to stand in for the one that the file names.
        overrides: settings laid over every arm and the evaluation, as "train.epochs=3".

    Raises:
        RecipeError: it is no ablation; names the file and what is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read as an ablation ({error.strerror})") from error
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error
    checked(path, tables)
    named = base or path.parent / tables["base"]
    if not named.is_file():
        whose = "--base" if base else f"{path}: base"
        raise RecipeError(f"{whose}: {named}: no such recipe; --base FILE takes one of yours")
    layers = read_layers(named)
    quantity = quantity_in(path, tables)
    ablation = Ablation(
        path=path,
        question=tables.get("question", path.stem),
        paper=stated(tables, TOP, "paper"),
        layers=[*layers, Layer(path, stated(tables, TOP, "all"))],
        arms=stated(tables, TOP, "arms"),
        seeds=stated(tables, TOP, "seeds"),
        vary=stated(tables, TOP, "vary"),
        evaluation=stated(tables, TOP, "evaluation"),
        overrides=[read_override(text) for text in overrides],
        quantity=quantity,
    )
    if quantity and quantity.sizes != "double":
        return ablation.with_sizes([size for size in quantity.sizes if isinstance(size, int)])
    return ablation


def quantity_in(path: Path, tables: Mapping[str, Any]) -> Quantity | None:
    if "quantity" not in tables:
        return None
    try:
        return read_quantity(tables["quantity"])
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from error


def checked(path: Path, tables: dict[str, Any]) -> None:
    types = {key.name: key.type for key in TOP}
    for key, value in tables.items():
        if key not in types:
            raise RecipeError(f"{path}: {key!r} is no part of an ablation; its parts are {', '.join(types)}")
        if (fits := types[key]) and not isinstance(value, fits):
            raise RecipeError(f"{path}: {key}: expected a {fits.__name__}, found {value!r}")
    for key, there in (("base", tables.get("base")), ("arms", tables.get("arms") or "quantity" in tables)):
        if not there:
            raise RecipeError(
                f"{path}: is no ablation: it has no {key!r}; recipes/ablations and docs/experiments.md have some"
            )
    seeds, vary = stated(tables, TOP, "seeds"), stated(tables, TOP, "vary")
    if not seeds or len(set(seeds)) < len(seeds) or not all(type(seed) is int for seed in seeds):
        raise RecipeError(f"{path}: seeds: expected whole numbers, each once, found {seeds!r}")
    if not all(isinstance(key, str) and key.strip() for key in vary):
        raise RecipeError(f'{path}: vary: expected settings, as "train.seed", found {vary!r}')
    if not vary and len(seeds) > 1:
        raise RecipeError(f"{path}: vary: names no setting, so {len(seeds)} seeds would train the same model")
    for name, arm in tables.get("arms", {}).items():
        if not isinstance(arm, dict):
            raise RecipeError(f"{path}: arms.{name}: expected a table [arms.{name}], found {arm!r}")
