"""From a study's folder and a recipe to the app that people use: which pages there are, and what stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import FastAPI

from handful.annotate.board import Board
from handful.annotate.ledger import Ledger
from handful.annotate.practice import checks_of, consent_of, practice_of
from handful.annotate.talk_files import asked_too
from handful.annotate.work import read_asked
from handful.recipe.schema import Recipe
from handful.web.admin import Console, add_admin
from handful.web.app import LOOPBACK_HOSTS, create_app


def study_app(
    folder: Path,
    recipe: Recipe,
    ledger: Ledger,
    *,
    origin: str,
    command: str,
    changed: Callable[[], str] = lambda: "",
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    secure: bool = False,
) -> tuple[FastAPI, Board]:
    """The annotators' pages and the researcher's, and the board between them.

    Args:
        folder: of the finished study.
        origin: what links begin with.
        command: what gives the report once people are done.
        changed: what to tell the researcher of a recipe that is no longer the one served.

    Raises:
        DataError: the study holds nothing to ask, or one of its files or the recipe's cannot be read.
    """
    asked = recipe.annotate
    study = read_asked(asked, folder)
    if asked.talk:
        study = asked_too(study)
    practice, checks = practice_of(asked, study), checks_of(asked, study)
    board = Board(study, ledger, asked, practice=practice, checks=checks)
    consent = consent_of(asked)
    app = create_app(board, ledger, consent=consent, reasons=asked.reasons, hosts=hosts, secure=secure)
    add_admin(app, Console(board, ledger, asked, recipe.name, origin, command, changed))
    return app, board
