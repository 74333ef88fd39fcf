"""`handful shift`: how far tuning moved a model, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.options import JSON, SET, WORK, told
from handful.core.errors import DataError, RecipeError
from handful.core.optional import need

if TYPE_CHECKING:
    from handful.core.types import Prompt
    from handful.experiments.shift import Settings


@click.command()
@click.argument("tuned", metavar="MODEL")
@click.argument("base", metavar="[BASE]", default="")
@WORK
@SET
@click.option(
    "--prompts", type=click.Path(path_type=Path, dir_okay=False), help="A test.jsonl of prompts to ask."
)
@click.option(
    "--number",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Of prompts, drawn evenly; variants are left out.",
)
@click.option(
    "--max-tokens", type=click.IntRange(min=1), default=256, show_default=True, help="Of an answer."
)
@click.option(
    "--base-context",
    type=click.Choice(["plain", "eos"]),
    default="plain",
    show_default=True,
    help="How the base reads our layout: prompt and blank line, or its EOS for our EOT.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Answers at a time; rounding aside, it changes nothing.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="auto takes a GPU where there is one.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the arithmetic; bfloat16 makes ties among likely tokens.",
)
@JSON
@told
def shift(
    tuned: str,
    base: str,
    work: Path,
    overrides: tuple[str, ...],
    prompts: Path | None,
    number: int,
    max_tokens: int,
    base_context: str,
    batch_size: int,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Tell how far tuning moved MODEL from BASE: the rank of each token that it writes under the base.

    MODEL is a recipe whose training is done (then BASE is its train.model, and its test prompts are asked), or a
    checkpoint or a model's name beside a BASE and --prompts. Unshifted tokens are the base's first choice, marginal
    ones its second or third, shifted ones anything less likely (URIAL, Lin et al. 2023). The page is
    WORK/shift-KEY/shift.html; see docs/experiments.md.
    """
    for library in ("torch", "transformers", "scipy", "jinja2"):
        need(library, "the token-shift analysis")
    from handful.experiments.shift import Settings
    from handful.recipe.values import ModelRef

    ours, theirs = models(tuned, base, work, overrides)
    asked, variants = drawn(prompts or prompts_of(tuned, work, overrides), number)
    settings = Settings(
        tuned=ModelRef(ours),
        base=ModelRef(theirs),
        max_tokens=max_tokens,
        base_context=base_context,  # type: ignore[arg-type]  # click has checked both
        precision=precision,  # type: ignore[arg-type]
        batch_size=batch_size,
        device=device,  # type: ignore[arg-type]
    )
    names = (name_of(tuned, ours, overrides), name_of(base, theirs, overrides))
    page = made(settings, asked, variants, names, work)
    if as_json:
        click.echo((page.parent / "shift.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(f"shift: {page}")


def models(tuned: str, base: str, work: Path, overrides: tuple[str, ...]) -> tuple[str, str]:
    """References of the tuned model and of its base.

    Raises:
        RecipeError: nothing says what the base is.
    """
    from handful import load
    from handful.cli.which import model_ref

    if not base and tuned.endswith(".toml"):
        train = load(Path(tuned), overrides).train
        if train is None:
            raise RecipeError(f"{tuned}: trains nothing; name a tuned model and its base instead")
        base = train.model
    if not base:
        raise RecipeError(
            f"{tuned}: name the model that it was tuned from, too, as in `handful shift {tuned} gemma3-270m`"
        )
    return model_ref(tuned, work, overrides), model_ref(base, work, overrides)


def name_of(named: str, ref: str, overrides: tuple[str, ...]) -> str:
    """What the page calls a model: "epoch-01" alone would be any of them, so its recipe or its training comes first.

    Args:
        named: as the command names it; empty where a recipe did.
        ref: what was found by that.
    """
    from handful import load
    from handful.recipe.values import ModelRef

    model = ModelRef(ref)
    if not model.is_folder:
        return ref
    folder = Path(ref).resolve()
    if named.endswith(".toml"):
        return f"{load(Path(named), overrides).name} ({folder.name})"
    return f"{folder.parent.name}/{folder.name}" if folder.name.startswith("epoch-") else folder.name


def prompts_of(recipe: str, work: Path, overrides: tuple[str, ...]) -> Path:
    """The file of the recipe's test prompts.

    Raises:
        RecipeError: MODEL is no recipe.
        DataError: its data are not made yet.
    """
    from handful import STAGES, load, plan

    if not recipe.endswith(".toml"):
        raise RecipeError(
            f"{recipe}: is no recipe, so nothing says what to ask; add --prompts FILE, such as the test.jsonl of a "
            "dataset folder"
        )
    steps = {step.label: step for step in plan(STAGES, load(Path(recipe), overrides), work)}
    if not steps["dataset"].done:
        raise DataError(
            f"{recipe}: its test prompts are not made yet; run `handful run {recipe} --work {work} --to dataset` first"
        )
    return steps["dataset"].folder / "test.jsonl"


def drawn(file: Path, number: int) -> tuple[list[Prompt], int]:
    """So many prompts of a file, evenly from its beginning to its end, in their order; and how many variants it has.

    Variants are left out: they would be drawn as prompts of their own, and the same request would count several times.

    Raises:
        DataError: there are none, or two have one id.
    """
    from handful.core import jsonl
    from handful.core.types import Prompt
    from handful.dataset.variants import is_variant

    found = list(jsonl.read(file, Prompt))
    if not found:
        raise DataError(f"{file}: holds no prompts; --prompts FILE takes others")
    ids: set[str] = set()
    for prompt in found:
        if prompt.id in ids:
            raise DataError(f"{file}: two prompts have the id {prompt.id!r}")
        ids.add(prompt.id)
    originals = [prompt for prompt in found if not is_variant(prompt)]
    if not originals:
        raise DataError(f"{file}: holds variants alone, which are not asked; --prompts FILE takes others")
    kept = min(number, len(originals))
    return [originals[place * len(originals) // kept] for place in range(kept)], len(found) - len(originals)


def made(
    settings: Settings, prompts: list[Prompt], variants: int, names: tuple[str, str], work: Path
) -> Path:
    """The page's path; what was measured before with the same models, prompts and settings is not measured again.

    Args:
        variants: how many were left out.
        names: what the page calls the two models.
    """
    import msgspec

    from handful.experiments import shift_page, shift_run
    from handful.experiments.shift import VERSION
    from handful.run.keys import Hashes, key_of, plain

    work.mkdir(parents=True, exist_ok=True)
    hashes = Hashes(work / "hashes.json")
    params = plain(settings, hashes, "shift")
    asked = [msgspec.to_builtins(prompt) for prompt in prompts]
    told = {"settings": params, "prompts": asked, "variants": variants, "names": names}
    folder = work / f"shift-{key_of('shift', VERSION, told, {})}"
    hashes.save()
    if not (folder / "shift.json").exists():
        measured = shift_run.measure(settings, prompts)
        shift_page.write(shift_page.find(*names, params, measured, variants=variants), folder)
    return folder / "shift.html"
