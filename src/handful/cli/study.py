"""`handful serve study`: people answer in their browser, and the researcher watches in another.

What it serves, whom it asks and what counts as changed is decided below; this reads options, prints links and waits.
"""

from __future__ import annotations

import shlex
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handful.cli.address import ANNOTATOR, LOOPBACK, Reached, served_at
from handful.cli.options import RECIPE, SET, WORK, told
from handful.cli.people import SERVED
from handful.core.errors import HandfulError, RecipeError
from handful.core.optional import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handful.annotate.board import Board
    from handful.annotate.ledger import Ledger
    from handful.recipe.evaluation import Annotate
    from handful.recipe.schema import Recipe
    from handful.run.execute import Step
    from handful.web.changed import Watch

LIBRARIES = ("fastapi", "uvicorn", "jinja2", "sqlalchemy", "alembic", "nh3", "markdown_it")
CHEAP_SYSTEMS = ("responses", "fake")
"""Systems whose answers are there already, or cost nothing to make."""


@click.command()
@RECIPE
@WORK
@SET
@ANNOTATOR
@told
@served_at
def study(
    recipe: Path,
    work: Path,
    overrides: tuple[str, ...],
    where: Reached,
    port: int,
    annotators: tuple[str, ...],
) -> None:
    """Ask people: serve the study of RECIPE, and print the researcher's link (a new one at each start).

    Makes the study first, as `handful run RECIPE --to study` does, unless a model would have to be trained or a paid
    server asked for it. Open the printed link to add people, see how far they are, and export what they said. Every
    answer is on the disk before the next item is shown: stop with Ctrl-C and start again at any time.
    `handful run RECIPE` goes on to the report once enough answers are there.

    Answers go into people.sqlite in the work folder, or into PostgreSQL where the variable named by
    annotate.database_env (HANDFUL_DATABASE) holds its address. The pages speak plain HTTP: for people elsewhere, put a
    proxy that adds TLS in front and say its address with --public-url.
    """
    for library in LIBRARIES:
        need(library, "the pages for people")
    from handful import load
    from handful.annotate.database import target_of
    from handful.annotate.ledger import open_ledger
    from handful.web.changed import Watch
    from handful.web.live import conversations
    from handful.web.serve import listen, run_app
    from handful.web.study import study_app
    from handful.web.wording import few_people

    loaded = load(recipe, overrides)
    asked, command = loaded.annotate, words(recipe, work, overrides)
    with ExitStack() as stack:
        listener = stack.enter_context(listen(where.host, port))
        origin = where.origin(listener.getsockname()[1])
        folders = made_folders(recipe, loaded, work, command)
        watch = Watch(recipe, overrides, work, folders["study"], asked, f"handful serve study {command}")
        ledger = stack.enter_context(closing(open_ledger(target_of(work, asked.database_env), serve=True)))
        app, board = study_app(
            folders["study"], loaded, ledger, origin=origin, command=f"handful run {command}", changed=watch.told,
            hosts=where.hosts, secure=where.secure,
        )  # fmt: skip
        stack.enter_context(conversations(app, board, loaded, ledger, folders))
        say_links(ledger, annotators, origin, command)
        if few := few_people(asked.people, board.progress()):
            click.echo(few)
        if where.public_url:
            click.echo(f"pass {origin} on to {where.here(listener.getsockname()[1])}")
        elif where.host not in LOOPBACK:
            click.echo("people elsewhere: put this machine's name for 127.0.0.1, or start with --public-url")
        with watching(watch):
            run_app(app, listener, f"{standing(board, asked, command)} (stop with Ctrl-C)")
        click.echo(standing(board, asked, command))


def words(recipe: Path, work: Path, overrides: tuple[str, ...]) -> str:
    """What follows the command, as one would type it."""
    given = [] if work == Path("work") else ["--work", str(work)]
    return shlex.join([str(recipe), *given, *(word for one in overrides for word in ("--set", one))])


def made_folders(recipe: Path, loaded: Recipe, work: Path, command: str) -> dict[str, Path]:
    """The folders of a recipe, by label, up to its finished study, which is made if that is cheap.

    Raises:
        RecipeError: the recipe asks no people, or has no study.
        HandfulError: it is closed, differs from its manifest, or costs too much to be made unasked.
    """
    from handful import STAGES, execute, plan
    from handful.run.keys import Hashes
    from handful.run.store import check_whole

    if not loaded.annotate.people:
        raise RecipeError(
            f"{recipe}: asks for no people, so nothing would read their answers; "
            "say under [annotate] how many should judge each item: people = 1"
        )
    steps = plan(STAGES, loaded, work)
    by_label = {step.label: step for step in steps}
    if "study" not in by_label:
        raise RecipeError(f"{recipe}: has no study: it ends before one, for want of a [train] table")
    refuse_if_closed(by_label, work)
    made = by_label["study"]
    if not made.done:
        needed = plan(STAGES, loaded, work, "study")
        refuse_if_dear(needed, command)
        click.echo("the study is not made yet; making it first", err=True)
        execute(needed, work, started=say_started)
    check_whole(made.folder, Hashes(work / "hashes.json"))
    return {step.label: step.folder for step in steps if step.done}


def refuse_if_closed(steps: Mapping[str, Step], work: Path) -> None:
    """Once `run` has taken the answers over, a change of mind would reach neither the folder nor the report."""
    if "annotate" in steps and steps["annotate"].done:
        raise HandfulError(
            f"{steps['annotate'].folder}: this study is closed: `run` has taken its verdicts over. To open it again, "
            "remove that folder (what people said is kept where it is)"
        )


def refuse_if_dear(steps: Sequence[Step], command: str) -> None:
    """A command that serves pages should not train for hours, or spend money: that is for `run`, which says so."""
    dear = [step.label for step in steps if not step.done and is_dear(step)]
    if dear:
        raise HandfulError(
            f"the study isn't made yet, and needs {', '.join(dear)}: models would be trained, run or paid for. See "
            f"what that takes with `handful plan {command}`, and run `handful run {command} --to study` first"
        )


def is_dear(step: Step) -> bool:
    if step.stage.name in ("train", "choose"):
        return True
    if step.stage.name != "generate":
        return False
    return any(system.kind not in CHEAP_SYSTEMS for system in step.params.systems.values())


def say_started(step: Step) -> None:
    click.echo(f"{step.label} …", err=True)


def say_links(ledger: Ledger, annotators: Sequence[str], origin: str, command: str) -> None:
    """A new link for the researcher, and those of `annotators` who are not there yet."""
    ledger.event(SERVED, reason=origin)
    click.echo(f"researcher: {origin}/link/{ledger.new_token('admin')}")
    known = {person.name for person in ledger.people()}
    for one in dict.fromkeys(annotators):
        name, _, group = one.partition(":")
        if name in known:
            click.echo(
                f"{name}: is there already; a new link: handful annotators {command} link {shlex.quote(name)}"
            )
            continue
        ledger.add_person(name, group)
        known.add(name)
        click.echo(f"{name}: {origin}/link/{ledger.new_token('person', name)}")
    if not known:
        click.echo(
            "nobody can answer yet: open the researcher's link and add people (or start with --annotator NAME)"
        )


def standing(board: Board, asked: Annotate, command: str) -> str:
    """How far the people are, and what to type when they are done."""
    tasks = board.progress().tasks
    given, wanted = sum(task.given for task in tasks), sum(task.wanted for task in tasks)
    talks = "; live conversations are counted on the researcher's page and by `run`" if asked.talk else ""
    if given < wanted:
        return f"{given} of {wanted} answers given, {wanted - given} still wanted{talks}"
    return f"all {wanted} answers given{talks}; go on with: handful run {command}"


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Say in the terminal when the recipe becomes another one."""
    stop = threading.Event()
    thread = threading.Thread(
        target=watch.tell, args=(lambda text: click.echo(f"note: {text}", err=True), stop), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
