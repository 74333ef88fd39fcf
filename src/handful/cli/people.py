"""`handful annotators`: who answers a recipe's study, their links, how they stand. With or without a running server."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handful.cli.address import checked_url
from handful.cli.options import JSON, RECIPE, SET, WORK, told
from handful.core.errors import DataError, RecipeError
from handful.core.optional import need

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger
    from handful.annotate.people import Person

ACTIONS = ("list", "add", "link", "pause", "resume", "revoke", "restore", "drop", "keep")
EVENTS = {
    "pause": ("paused", "is given no more items until `resume`"),
    "resume": ("resumed", "may go on"),
    "revoke": ("revoked", "is out, on every device; what they answered still counts"),
    "drop": ("dropped", "is dropped: the answers are kept, and left out of the results until `keep`"),
    "keep": ("kept", "counts again"),
}
SERVED = "served"
"""The event that a server leaves at its start: its reason is the address that links begin with."""
USUAL_ORIGIN = "http://127.0.0.1:8000"


@click.command("annotators")
@RECIPE
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("name", default="")
@click.option(
    "--group", default="", help="With add: such as crowd or authors; groups are compared in the report."
)
@click.option("--reason", default="", help="With drop: why. The report's readers will ask.")
@click.option(
    "--public-url",
    metavar="URL",
    default="",
    help="What the printed link begins with.  [default: as the last server said at its start]",
)
@WORK
@SET
@JSON
@told
def annotators(
    recipe: Path,
    action: str,
    name: str,
    group: str,
    reason: str,
    public_url: str,
    work: Path,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the people of RECIPE's study, or change who they are.

    \b
    handful annotators RECIPE                        who there is, and how they stand
    handful annotators RECIPE add ann --group crowd  prints the link, this once
    handful annotators RECIPE link ann               a new link; the old one stops working
    handful annotators RECIPE pause ann              no more items (resume undoes it)
    handful annotators RECIPE revoke ann             out at once, answers count (restore: with a new link)
    handful annotators RECIPE drop ann --reason WHY  answers are kept, and left out (keep undoes it)

    A running server takes it over at once. Nothing is deleted.
    """
    need("sqlalchemy", "the answers of people")
    from handful import load
    from handful.annotate.database import is_made, target_of
    from handful.annotate.ledger import open_ledger

    loaded = load(recipe, overrides)
    target = target_of(work, loaded.annotate.database_env)
    check_use(action, name, group, reason)
    origin, _ = checked_url(public_url)
    if action != "add" and not is_made(target):
        if action != "list":
            raise DataError(f"{name}: there is nobody of this name; nobody was added yet")
        click.echo("[]" if as_json else nobody(recipe))
        return
    work.mkdir(parents=True, exist_ok=True)
    with closing(open_ledger(target)) as ledger:
        if action == "list":
            say_people(ledger, recipe, as_json)
            return
        done = change(ledger, action, name, group, reason, origin)
        say(done, ledger, as_json)


def check_use(action: str, name: str, group: str, reason: str) -> None:
    if action == "list" and name:
        raise RecipeError(f"list takes no name; found {name!r}")
    if action != "list" and not name:
        raise RecipeError(f"{action}: say whom, as in: handful annotators RECIPE {action} NAME")
    if group and action != "add":
        raise RecipeError("--group goes with add; a group is for good, since answers are compared by it")
    if action == "drop" and not reason.strip():
        raise RecipeError('drop: say why, as in --reason "failed 3 of 4 checks"')
    if reason and action != "drop":
        raise RecipeError("--reason goes with drop")


@dataclass(frozen=True, slots=True)
class Done:
    """What a change came to."""

    name: str
    words: str = ""
    link: str = ""
    """Told this once."""


def change(ledger: Ledger, action: str, name: str, group: str, reason: str, origin: str) -> Done:
    if action == "add":
        ledger.add_person(name, group)
    person = named(ledger, name)
    if action in EVENTS:
        kind, what = EVENTS[action]
        ledger.event(kind, person.name, " ".join(reason.split()))
        return Done(person.name, f"{person.name} {what}")
    if action == "restore":
        ledger.event("restored", person.name)
    if action == "link" and person.state == "revoked":
        raise DataError(f"{name}: is revoked; `restore` lets them in again, by a new link")
    link = f"{origin or last_origin(ledger)}/link/{ledger.new_token('person', person.name)}"
    if action == "link":
        ledger.event("linked", person.name, "by the command")
    return Done(person.name, link=link)


def named(ledger: Ledger, name: str) -> Person:
    people = ledger.people()
    for person in people:
        if person.name == name:
            return person
    known = ", ".join(person.name for person in people[:20]) or "nobody yet"
    raise DataError(f"{name}: there is nobody of this name; there is {known}")


def last_origin(ledger: Ledger) -> str:
    """What links begin with: as the last server said at its start."""
    served = [event.reason for event in ledger.events("") if event.kind == SERVED]
    return served[-1] if served else USUAL_ORIGIN


def say(done: Done, ledger: Ledger, as_json: bool) -> None:
    """What a change came to; as JSON a row of the list, with `url`, the new link, where there is one."""
    if as_json:
        row = row_of(named(ledger, done.name), given(ledger).get(done.name, 0))
        click.echo(as_text({**row, "url": done.link} if done.link else row))
    else:
        click.echo(f"{done.name}: {done.link}" if done.link else done.words)
    if done.link:
        click.echo("shown this once: send it to them alone; it works while the study is served", err=True)


def say_people(ledger: Ledger, recipe: Path, as_json: bool) -> None:
    answered = given(ledger)
    rows = [row_of(person, answered.get(person.name, 0)) for person in ledger.people()]
    if as_json:
        click.echo(as_text(rows))
        return
    if not rows:
        click.echo(nobody(recipe))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        state = f"{row['state']}: {row['reason']}" if row["reason"] else row["state"]
        more = [row["group"], "" if row["link"] else "(no link that works)"]
        told_of = "  ".join(part for part in (state, *more) if part)
        click.echo(f"{row['name']:{width}}  {row['answered']:>5} answers  {told_of}")


def given(ledger: Ledger) -> dict[str, int]:
    """Person -> answers, without skips and repeats."""
    found: dict[str, int] = {}
    for answer in ledger.answers():
        if answer.choice not in (None, "skip") and answer.round == 0:
            found[answer.person] = found.get(answer.person, 0) + 1
    return found


def as_text(found: Any) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(found)).decode()


def row_of(person: Person, answered: int) -> dict[str, Any]:
    return {
        "name": person.name,
        "group": person.group,
        "state": person.state,
        "reason": person.reason,
        "link": person.link,
        "answered": answered,
    }


def nobody(recipe: Path) -> str:
    return f"nobody yet; add somebody with: handful annotators {recipe} add NAME"
