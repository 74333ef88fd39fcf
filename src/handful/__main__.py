"""`python -m handful` is the `handful` command."""

from handful.cli.main import cli

cli()
