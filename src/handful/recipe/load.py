"""Recipes from TOML. A recipe may extend another and state only what differs."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.errors import RecipeError
from handful.recipe.build import Misfit, build, inside, unknown
from handful.recipe.curation import TABLE_1
from handful.recipe.schema import Recipe
from handful.recipe.systems import BaseSystem, FewShotSystem
from handful.recipe.values import InputPath, ModelRef

COMMAND_LINE = Path("--set")
MAX_NAME_BYTES = 100
"""Of a source, a system or a judge: its folder has the stage in front and the key behind, and file systems take 255."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The tables of one file of a chain of `extends`, or of the command line."""

    file: Path
    tables: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where the relative paths of this layer start."""
        return Path() if self.file == COMMAND_LINE else self.file.parent


def load(path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: a TOML file. `extends = "other.toml"` in it lays it over that file.
        overrides: settings laid over all, each as "train.epochs=3"; the value is TOML, or else a string.

    Raises:
        RecipeError: the recipe does not fit; names the file and the key.
    """
    return assemble([*read_layers(Path(path)), *map(read_override, overrides)])


def assemble(layers: Sequence[Layer]) -> Recipe:
    """The recipe that layers make, the lowest first; relative paths start where the layer lies that states them.

    Raises:
        RecipeError: it does not fit; names the file and the key.
    """
    tables: dict[str, Any] = {}
    for layer in layers:
        tables = overlay(tables, layer.tables)
    try:
        recipe: Recipe = build(Recipe, tables)
    except Misfit as error:
        raise RecipeError(f"{blame(layers, error).file}: {error}") from error
    try:
        check_entries(recipe)
        check_names(recipe)
        check_choice(recipe)
        recipe = locate(recipe, "", layers)
    except Misfit as error:
        raise RecipeError(f"{blame(layers, error).file}: {error}") from error
    return complete(recipe)


def read_layers(path: Path, above: tuple[Path, ...] = ()) -> list[Layer]:
    """The file and those that it extends, the lowest first."""
    try:
        here = path.resolve()
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        by = f" (named by `extends` in {above[-1]})" if above else ""
        raise RecipeError(f"{path}: no such recipe{by}") from error
    except OSError as error:
        raise RecipeError(
            f"{path}: cannot be read as a recipe, which is a TOML file ({error.strerror})"
        ) from error
    except (ValueError, RuntimeError) as error:  # no TOML, or nested without end; a link to itself
        raise RecipeError(f"{path}: {twice(str(error)) or error}") from error
    if here in above:
        raise RecipeError(f"{path}: extends itself, by way of {above[-1].name}")
    parent = tables.pop("extends", None)
    if parent is None:
        return [Layer(path, tables)]
    if not isinstance(parent, str):
        raise RecipeError(f"{path}: extends: expected a file name, found {parent!r}")
    return [*read_layers(path.parent / parent, (*above, here)), Layer(path, tables)]


def twice(problem: str) -> str:
    """What tomllib says of a table that is declared twice, in a recipe's words; empty where it says anything else."""
    found = re.fullmatch(r"Cannot declare \((.+)\) twice \(at line (\d+), .*\)", problem)
    if not found:
        return ""
    table = ".".join(re.findall(r"'([^']*)'", found[1]))
    return f"[{table}] stands there twice, again in line {found[2]}; two entries need two names"


def read_override(text: str) -> Layer:
    """The layer that "train.epochs=3" stands for."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {text}: expected KEY=VALUE, as in train.epochs=3")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value
    tables: Any = parsed
    for name in reversed(key.strip().split(".")):
        tables = {name: tables}
    return Layer(COMMAND_LINE, tables)


def overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with `above` laid over it: tables merge, every other value is replaced.

    A table of another `kind` replaces the one below whole: what that one said belongs to its own kind.
    """
    if "kind" in above and above["kind"] != below.get("kind"):
        return above
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = overlay(under, value) if both else value  # type: ignore[arg-type]
    return merged


def blame(layers: Sequence[Layer], error: Misfit) -> Layer:
    """The topmost layer that says anything at the place of the error, or the topmost that comes near."""
    names = error.path.replace("[", ".").split(".")
    if "has no field" in str(error):
        names.append(str(error).split("'")[1])
    return _topmost(layers, names)


def _topmost(layers: Sequence[Layer], names: Sequence[str]) -> Layer:
    def depth(layer: Layer) -> int:
        tables: Any = layer.tables
        for number, name in enumerate(names):
            if not isinstance(tables, dict) or name not in tables:
                return number
            tables = tables[name]
        return len(names)

    return max(reversed(layers), key=depth)


def locate(value: Any, path: str, layers: Sequence[Layer]) -> Any:
    """The same tables with every relative path made absolute, from the file that states it.

    Raises:
        Misfit: a path that leads nowhere: empty, a link to itself, or in the home of nobody.
    """
    if isinstance(value, InputPath) or (isinstance(value, ModelRef) and value.is_folder):
        if not value.strip():
            raise Misfit(path, "is empty; name a file or a folder")
        folder = _topmost(layers, path.replace("[", ".").split(".")).folder
        try:
            return type(value)(str((folder / Path(value).expanduser()).resolve()))
        except (RuntimeError, ValueError) as error:
            raise Misfit(path, f"{str(value)!r} leads to no file ({error})") from error
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: getattr(value, f.name) for f in fields(value)}
        return replace(value, **{k: locate(v, inside(path, k), layers) for k, v in found.items()})
    if isinstance(value, tuple):
        return tuple(locate(item, f"{path}[{i}]", layers) for i, item in enumerate(value))
    if isinstance(value, dict):
        return {name: locate(item, inside(path, name), layers) for name, item in value.items()}
    return value


def check_entries(recipe: Recipe) -> None:
    """Raise Misfit where there is no source, one that reads nothing, or a name that is none for a folder."""
    if not recipe.sources:
        raise Misfit("sources", "is empty; add a table [sources.NAME] for each dump to read")
    tables: dict[str, Mapping[str, object]] = {
        "sources": recipe.sources,
        "generate.systems": recipe.generate.systems,
        "judge.judges": recipe.judge.judges,
    }
    for table, entries in tables.items():
        for name in entries:
            fits = name.strip() and name.isprintable() and "/" not in name
            if not fits or len(name.encode()) > MAX_NAME_BYTES:
                raise Misfit(
                    table,
                    f"{name[:40]!r} cannot name a folder, as an entry has to: letters and blanks, "
                    f"no '/', at most {MAX_NAME_BYTES} bytes",
                )
        if twins := next(same_names(entries), None):
            raise Misfit(
                table, f"has two entries that people cannot tell apart: {twins[0]!r} and {twins[1]!r}"
            )
    for name, source in recipe.sources.items():
        for key in ("paths", "submissions"):
            if getattr(source, key, None) == ():
                raise Misfit(f"sources.{name}.{key}", "is empty; name the files or folders to read")


def same_names(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that differ in case, blanks or the encoding of a letter alone."""
    seen: dict[str, str] = {}
    for name in names:
        plain = "".join(unicodedata.normalize("NFKC", name).casefold().split())
        if (other := seen.setdefault(plain, name)) != name:
            yield other, name


def check_names(recipe: Recipe) -> None:
    """Raise Misfit where one table speaks of an entry that another does not have."""
    systems = list(recipe.generate.systems)
    if recipe.study.subject and recipe.study.subject not in systems:
        raise Misfit("study.subject", unknown(recipe.study.subject, systems, "systems"))
    for name in recipe.study.against:
        if name not in systems:
            raise Misfit("study.against", unknown(name, systems, "systems"))
    for panel, judges in recipe.judge.panels.items():
        check_panel(recipe, f"judge.panels.{panel}", panel, judges)
    for name in recipe.select.quota if recipe.select.quota != TABLE_1 else ():
        if name not in recipe.sources:
            raise Misfit(f"select.quota.{name}", unknown(name, recipe.sources, "sources"))


def check_panel(recipe: Recipe, path: str, panel: str, judges: Sequence[str]) -> None:
    """Raise Misfit unless a panel is two judges or more, of one mode, under a name of its own."""
    known = recipe.judge.judges
    for name in judges:
        if name not in known:
            raise Misfit(path, unknown(name, known, "judges"))
    if len(set(judges)) != len(judges) or len(judges) < 2:
        raise Misfit(path, f"needs two judges or more, each once; found {', '.join(judges) or 'none'}")
    if panel in known:
        raise Misfit(path, "has the name of a judge; call it something else")
    if len({known[name].mode for name in judges}) > 1:
        raise Misfit(path, 'mixes judges of the modes "lima" and "robust", which no figure does')


def check_choice(recipe: Recipe) -> None:
    """Raise Misfit where training leaves nothing to choose from or by: better now than after it."""
    train, choose = recipe.train, recipe.choose
    if choose.picks and choose.by != "people":
        raise Misfit("choose.picks", 'are read where choose.by = "people"')
    if train is None or choose.by == "last":
        return
    if choose.by == "hand" and choose.epoch > train.epochs:
        raise Misfit("choose.epoch", f"is {choose.epoch}, but train.epochs is {train.epochs}")
    if choose.by == "hand" and choose.epoch:
        if train.keep == "last" and choose.epoch != train.epochs:
            raise Misfit(
                "choose.epoch", f'is {choose.epoch}, but train.keep = "last" keeps epoch {train.epochs} only'
            )
        return
    if train.dev_samples == 0:
        raise Misfit("choose.by", f"is {choose.by!r}, which needs answers: train.dev_samples is 0")
    if train.keep == "last":
        raise Misfit("choose.by", f'is {choose.by!r}, but train.keep = "last" leaves one epoch')


def complete(recipe: Recipe) -> Recipe:
    """Fill in what follows from elsewhere in the recipe: the model that a base system starts from, and who is compared.

    The order of systems decides who is compared by default, and a key does not know the order of a table: so the
    names are stated, and reordering the systems is another study.
    """
    model = recipe.train.model if recipe.train else ModelRef("")
    systems = {
        name: replace(system, model=model)
        if isinstance(system, BaseSystem | FewShotSystem) and not system.model
        else system
        for name, system in recipe.generate.systems.items()
    }
    subject = recipe.study.subject or next(iter(systems), "")
    against = recipe.study.against or tuple(name for name in systems if name != subject)
    return replace(
        recipe,
        generate=replace(recipe.generate, systems=systems),
        study=replace(recipe.study, subject=subject, against=against),
    )
