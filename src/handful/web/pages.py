"""Values to HTML. Templates escape everything; text by models is shown as the characters it is.

A page gets sides and never systems, and no id of a comparison or a prompt: those are for the researcher.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse

from handful.annotate.assign import Place
from handful.annotate.ledger import Order
from handful.core.types import Comparison
from handful.web.guard import form_token

FOLDER = Path(__file__).parent
PageOf = Callable[[str], HTMLResponse]

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

NOTICES = {
    "saved": "Answer saved.",
    "undone": "Your last answer is taken back. Answer again.",
    "stands": "You had already answered that pair; your first answer stands. To change it, use Undo.",
}
"""What a redirect may say: the address names one of these, and never brings text of its own."""

CHOICES = (
    {"value": "first", "key": "1", "text": "Answer A is significantly better."},
    {"value": "neither", "key": "0", "text": "Neither is significantly better."},
    {"value": "second", "key": "2", "text": "Answer B is significantly better."},
)
"""The options of the paper's Figure 11, word for word; B stands last, under answer B."""


def blocks(markdown: str) -> list[tuple[str, list[str]]]:
    """Instructions as ("heading" | "list" | "paragraph", lines): the little Markdown that they are written in.

    A list has a line an item; the lines of a paragraph are joined. Anything else stays as typed.
    """
    found: list[tuple[str, list[str]]] = []
    for block in filter(None, re.split(r"\n\s*\n", markdown.strip())):
        lines = [line.strip() for line in block.splitlines()]
        if lines[0].startswith("#"):
            found.append(("heading", [" ".join(lines).lstrip("# ")]))
        elif lines[0].startswith("- "):
            items = re.split(r"^- ", "\n".join(lines), flags=re.MULTILINE)[1:]
            found.append(("list", [" ".join(item.split()) for item in items]))
        else:
            found.append(("paragraph", [" ".join(lines)]))
    return found


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(TEMPLATES.get_template(template).render(**values), status)


def welcome(instructions: str, token: str, name: str = "", problem: str = "") -> HTMLResponse:
    status = 400 if problem else 200
    return page(
        "welcome.html", status, instructions=blocks(instructions), token=token, name=name, problem=problem
    )


def known(token: str, person: str) -> HTMLResponse:
    return page("known.html", token=token, person=person)


def task(
    session: str,
    person: str,
    place: Place,
    shown: Comparison,
    pair: str,
    order: Order,
    instructions: str,
    notice: str,
) -> HTMLResponse:
    """One pair. `shown` is arranged already: its left is answer A."""
    return page(
        "task.html",
        **common(session, person, place, notice),
        turns=shown.turns,
        answers=(("A", shown.left), ("B", shown.right)),
        choices=CHOICES,
        pair=pair,
        order=order,
        token=form_token(session, "answer", pair, order),
        instructions=blocks(instructions),
    )


def finished(session: str, person: str, place: Place, notice: str) -> HTMLResponse:
    return page("finished.html", **common(session, person, place, notice))


def common(session: str, person: str, place: Place, notice: str) -> dict[str, Any]:
    last = str(place.last.id) if place.last else ""
    return {
        "person": person,
        "place": place,
        "notice": NOTICES.get(notice, ""),
        "last": last,
        "undo_token": form_token(session, "undo", last),
        "leave_token": form_token(session, "leave"),
    }


def message(text: str, status: int) -> HTMLResponse:
    return page("message.html", status, text=text)
