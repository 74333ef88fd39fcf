"""Arguments that several commands share, and what they do with an error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from handful.core.errors import HandfulError, RecipeError, Waiting

P = ParamSpec("P")
R = TypeVar("R")


class FolderPath(click.Path):
    """A folder, by a name: an empty one, as of a shell's variable that is not set, would be the folder one is in."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if value == "":
            self.fail('is empty; name a folder, or "." for this one', param, ctx)
        return super().convert(value, param, ctx)


RECIPE = click.argument("recipe", type=click.Path(path_type=Path))
WORK = click.option(
    "--work",
    type=FolderPath(),
    default=Path("work"),
    show_default=True,
    help="The folder that holds the results; recipes that agree share them.",
)
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting, as in --set train.epochs=3. May be repeated.",
)
TO = click.option("--to", metavar="STAGE", help="Stop after this stage.")
ENGINE = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the shards of a dump are read: processes of this machine, or an existing Ray cluster.",
)
ADDRESS = click.option(
    "--address", default="auto", show_default=True, metavar="HOST:PORT", help="Of the Ray cluster."
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    help="Shards at a time.  [default: one a core, or as many as the cluster has CPUs]",
)
PROCESSES = click.option(
    "--processes",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that train together, on this machine.  [default: one a GPU, or one]",
)
MAX_USD = click.option(
    "--max-usd",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Spend no more on servers, earlier runs of the same steps included.",
)
MAX_CALLS = click.option(
    "--max-calls",
    type=click.IntRange(min=0),
    metavar="N",
    help="Send servers no more requests, earlier runs of the same steps included.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def told(command: Callable[P, R]) -> Callable[P, R]:
    """The command, with everything that a user can cause said in one line instead of a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Waiting as waiting:
            fail(f"waiting: {waiting}", 3)
        except RecipeError as error:
            fail(f"error: {error}", 2)
        except HandfulError as error:
            fail(f"error: {error}", 1)
        except KeyboardInterrupt:
            fail("interrupted; the same command goes on from here", 130)
        except BrokenPipeError:  # nobody reads on, as after `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            if error.errno is None:  # not from the system, and so a mistake of ours
                raise
            where = f" ({error.filename})" if error.filename else ""
            fail(f"error: {error.strerror}{where}; mend that, and the same command goes on from here", 1)

    return run


def fail(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
