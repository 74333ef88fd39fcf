"""The whole pipeline, as a table. The only module that knows every stage."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from handful.core.files import file_hash
from handful.recipe.evaluation import StatsOfPanels
from handful.recipe.schema import Recipe
from handful.recipe.sources import Authored, CommentChains, Source, StackExchange, WikiHow
from handful.recipe.values import InputPath
from handful.run.execute import Counts, Stage, Work

SITES = Path(__file__).parent / "sources/stackexchange/sites.toml"


def work(stage: str) -> Work:
    """The work of a stage, imported when it runs: planning needs none of the heavy libraries."""

    def run(params: Any, inputs: Mapping[str, Path], out: Path) -> Counts:
        module = importlib.import_module(f"handful.{stage}.work")
        counts: Counts = module.work(params, inputs, out)
        return counts

    return run


def scan(recipe: Recipe) -> dict[str, Any]:
    """What each source is read with: its own table, and what else decides what comes out.

    Most of a dump falls to two numeric rules of `clean`, so the scan applies them and counts what they took. A bare
    Posts.xml is named after the folder that it lies in, its authors are named in a file beside it, and a list says to
    which group a site belongs. All this is therefore part of the key of `sources`.
    """
    clean = recipe.clean
    rules = (
        {"min_answer_score": clean.min_answer_score, "min_chars": clean.min_chars} if clean.filtered else {}
    )
    return {name: {"source": source, **facts(source, rules)} for name, source in recipe.sources.items()}


def facts(source: Source, rules: dict[str, int]) -> dict[str, Any]:
    if isinstance(source, WikiHow):  # a table without categories is a community of the file's name
        return {"rules": {}, "names": [Path(path).name for path in source.paths]}
    if isinstance(source, Authored) and source.paths is None:
        from handful.sources.authored import SHIPPED

        return {"rules": {}, "shipped": [InputPath(str(folder)) for folder in SHIPPED]}
    if not isinstance(source, StackExchange | CommentChains):
        return {"rules": {}}
    bare = [Path(path) for path in source.paths if Path(path).name in ("Posts.xml", "Comments.xml")]
    return {
        "rules": rules if isinstance(source, StackExchange) else {},
        "sites": [path.parent.name for path in bare],
        "list": file_hash(SITES),
        "users": users_beside(source) if source.author_names else [],
    }


def users_beside(source: StackExchange | CommentChains) -> list[InputPath]:
    """Files of accounts that no path names, but that are read: those beside a named file of posts."""
    from handful.sources.stackexchange.sites import accounts_beside

    files = [accounts_beside(Path(path)) for path in source.paths]
    return [InputPath(str(file)) for file in files if file and file.is_file()]


def statistics(recipe: Recipe) -> StatsOfPanels:
    """[stats] and the panels of [judge]: a new panel is new statistics, and asks no judge again."""
    return StatsOfPanels(**asdict(recipe.stats), panels=recipe.judge.panels)


STAGES = (
    Stage(name="sources", work=work("sources"), over="", params=scan),
    Stage(name="clean", work=work("clean"), needs=("sources",)),
    Stage(name="select", work=work("select"), needs=("clean",)),
    Stage(name="dataset", work=work("dataset"), needs=("clean", "select")),
    Stage(name="train", work=work("train"), needs=("dataset",)),
    Stage(
        name="choose",
        work=work("choose"),
        needs=("dataset", "train"),
        params=lambda recipe: recipe.choose if recipe.train else None,
        version=2,
    ),
    Stage(
        name="generate",
        work=work("generate"),
        needs=("dataset", "train", "choose"),
        over="systems",
        version=2,
    ),
    Stage(name="study", work=work("study"), needs=("dataset", "generate")),
    Stage(name="judge", work=work("judge"), needs=("study",), over="judges"),
    Stage(  # live conversations (annotate.talk) are about prompts of the data set, with the systems of generate
        name="annotate",
        work=work("annotate"),
        needs=("dataset", "generate", "study"),
        version=2,
    ),
    Stage(
        name="stats",
        work=work("stats"),
        needs=("dataset", "generate", "study", "judge", "annotate"),
        params=statistics,
        version=7,
    ),
    Stage(
        name="report",
        work=work("report"),
        needs=("sources", "clean", "select", "dataset", "generate", "study", "judge", "annotate", "stats"),
        wants=("train", "choose"),
        params=lambda recipe: replace(recipe, fetch=()),  # where files came from is no part of what they hold
        version=2,
    ),
)
