"""The model that a command's argument names: a checkpoint, what holds checkpoints, a recipe, or a model's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handful.core.errors import DataError, HandfulError


def model_ref(named: str, work: Path, overrides: Sequence[str] = ()) -> str:
    """A reference for `models.load`; where `named` holds several checkpoints, the last or the one that was chosen.

    `named` is a model folder, a folder of checkpoints, a work folder with one finished training, a recipe whose
    training is done, or the name of an embedded model or of one on the hub. A folder that is there is always meant
    before a name.

    Raises:
        DataError: there is no checkpoint, or more than one training to choose from.
        HandfulError: the recipe has not been trained yet.
    """
    path = Path(named).expanduser()
    if path.suffix == ".toml":
        return str(of_recipe(path, work, overrides))
    if not path.is_dir():
        return named
    if (path / "config.json").exists():
        return str(path.absolute())
    return str(last_epoch(path if list(path.glob("epoch-*")) else only_training(path)))


def of_recipe(recipe: Path, work: Path, overrides: Sequence[str] = ()) -> Path:
    """The checkpoint that the recipe's stage `choose` settled on, or where it has not run the last one."""
    from handful import STAGES, load, plan
    from handful.generate.work import chosen_epoch

    steps = {step.label: step for step in plan(STAGES, load(recipe, overrides), work)}
    train, choose = steps.get("train"), steps.get("choose")
    if train is None:
        raise DataError(f"{recipe}: trains nothing; name a model instead")
    if not train.done:
        raise HandfulError(
            f"{train.folder}: is not trained yet; run `handful run {recipe} --work {work} --to train` first, "
            "or name a checkpoint of a training under way"
        )
    epoch = chosen_epoch(choose.folder) if choose and choose.done else 0
    return (train.folder / f"epoch-{epoch:02d}").absolute() if epoch else last_epoch(train.folder)


def only_training(work: Path) -> Path:
    """The one finished training in a work folder."""
    from handful.run.store import MANIFEST

    found = sorted(folder for folder in work.glob("train-*") if (folder / MANIFEST).exists())
    if not found:
        raise DataError(
            f"{work}: holds neither a model (config.json), nor checkpoints, nor a finished training"
        )
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise DataError(f"{work}: holds {len(found)} trainings ({names}); name one of them, or the recipe")
    return found[0]


def last_epoch(train: Path) -> Path:
    """The newest checkpoint in a training's folder that is whole."""
    found = sorted(folder for folder in train.glob("epoch-*") if (folder / "config.json").exists())
    found = [folder for folder in found if folder.suffix != ".partial"]
    if not found:
        raise DataError(f"{train}: holds no checkpoint")
    return found[-1].absolute()
