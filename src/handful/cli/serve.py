"""`handful serve`: each of its commands has a file of its own."""

from __future__ import annotations

import click

from handful.cli.later import Later

COMMANDS = {
    "choice": ("handful.cli.choosing:choice", "Let people choose the epoch, blinded."),
    "desk": ("handful.cli.desk:serve_desk", "Let people accept, reject, edit and write examples."),
    "model": ("handful.cli.model:model", "Answer programs, in OpenAI's protocol."),
    "study": ("handful.cli.study:study", "Ask people which answer is better."),
}


@click.group(cls=Later, later=COMMANDS)
def serve() -> None:
    """Serve people or programs: `serve study` asks people which answer is better, `serve model` answers over HTTP."""
