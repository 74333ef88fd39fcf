"""`handful serve choice`: people read the epochs' answers blinded, and say which are best."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.address import ANNOTATOR, Reached, served_at
from handful.cli.options import RECIPE, SET, WORK, told
from handful.cli.study import LIBRARIES, say_links, words
from handful.core.errors import DataError, HandfulError, RecipeError
from handful.core.optional import need

if TYPE_CHECKING:
    from handful.choose.offer import Offer
    from handful.choose.records import Row
    from handful.recipe.schema import Recipe
    from handful.web.choosing import Choosing


@click.command()
@RECIPE
@WORK
@SET
@ANNOTATOR
@told
@served_at
def choice(
    recipe: Path,
    work: Path,
    overrides: tuple[str, ...],
    where: Reached,
    port: int,
    annotators: tuple[str, ...],
) -> None:
    """Let people choose the epoch: serve the answers of RECIPE's candidate epochs to its dev prompts, blinded.

    Training must be done (`handful run RECIPE --to train`). Open the researcher's link, which is printed (a new one at
    each start): there you add people, see the votes with intervals, and download the picks that [choose] reads. Picks
    go where `handful serve study` puts answers, each on the disk before the next prompt is shown: stop with Ctrl-C and
    start again at any time.
    """
    for library in (*LIBRARIES, "numpy", "scipy"):
        need(library, "the pages for people")
    from handful import load
    from handful.annotate.database import target_of
    from handful.annotate.ledger import open_ledger
    from handful.web.choosing import Choosing, create_choice
    from handful.web.serve import listen, run_app

    loaded = load(recipe, overrides)
    offers, table = offered(recipe, loaded, work)
    with (
        listen(where.host, port) as listener,
        closing(open_ledger(target_of(work, loaded.annotate.database_env), serve=True)) as ledger,
    ):
        origin = where.origin(listener.getsockname()[1])
        choosing = Choosing(offers, table, ledger, loaded.name)
        app = create_choice(choosing, hosts=where.hosts, origin=origin, secure=where.secure)
        say_links(ledger, annotators, origin, words(recipe, work, overrides))
        run_app(app, listener, f"{len(offers)} prompts, {listed(choosing.candidates)} (stop with Ctrl-C)")
        click.echo(so_far(choosing))


def offered(recipe: Path, loaded: Recipe, work: Path) -> tuple[list[Offer], list[Row]]:
    """What people are to read, and the table of epochs.

    Raises:
        HandfulError: the training is not there, or leaves nothing to choose between.
    """
    from handful import STAGES, plan
    from handful.choose.measure import candidates, rows
    from handful.choose.offer import offers
    from handful.choose.records import read
    from handful.choose.work import check_answers
    from handful.run.keys import Hashes
    from handful.run.store import check_whole

    steps = {step.label: step for step in plan(STAGES, loaded, work)}
    if "train" not in steps:
        raise RecipeError(f"{recipe}: trains nothing, so there is no epoch to choose")
    for label in ("dataset", "train"):
        folder = steps[label].folder
        if not steps[label].done:
            raise HandfulError(
                f"{folder}: is not made yet; run `handful run {recipe} --work {work} --to train` first"
            )
        check_whole(folder, Hashes(work / "hashes.json"))
    train = steps["train"].folder
    given = read(train, steps["dataset"].folder)
    open_to = candidates(given.there, loaded.choose.first, loaded.choose.last)
    check_answers(given, open_to, train)
    if len(open_to) < 2:
        raise DataError(
            f"{train}: there is one epoch to choose, {open_to[0]}; keep more (train.keep) or widen choose.first and "
            "choose.last"
        )
    found = offers(given, open_to)
    if not any(len(offer.replies) > 1 for offer in found):
        raise DataError(f"{train}: the {listed(open_to)} answer every dev prompt alike; any will do")
    return found, rows(given, open_to)


def listed(epochs: list[int]) -> str:
    return f"epochs {', '.join(map(str, epochs))}"


def so_far(choosing: Choosing) -> str:
    """What was picked, for whoever stops the server."""
    picks = choosing.standing_picks()
    people = len({pick.person for pick in picks})
    return f"{len(picks)} picks by {people} {'person' if people == 1 else 'people'} are kept; start again to go on"
