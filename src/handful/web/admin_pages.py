"""What is on the researcher's pages: the study as its researcher sees it, and each page made of it.

The routes and what may be done are in `admin`. No page names a system, nor anything that stands for one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import Response
from starlette.exceptions import HTTPException

from handful.annotate.board import Board
from handful.annotate.items import PAIRS
from handful.annotate.ledger import Ledger
from handful.annotate.people import Person
from handful.core.errors import DataError
from handful.recipe.evaluation import Annotate
from handful.web import overview
from handful.web.exports import EVERY, FILES
from handful.web.guard import form_token
from handful.web.rendering import page
from handful.web.talked import Talked, talk_row
from handful.web.wording import amount, event_text, few_people, figures, share, taken, task_name

PROMPTS_A_PAGE = 50


@dataclass(slots=True)
class Console:
    """A served study, as its researcher sees it."""

    board: Board
    ledger: Ledger
    params: Annotate
    title: str
    origin: str
    """What links begin with, as https://study.example.org."""
    command: str
    """What gives the report once people are done."""
    changed: Callable[[], str] = lambda: ""
    """What to tell of a recipe that is no longer the one served; "" while it is."""
    words: overview.Words = field(init=False)
    talked: Talked = field(init=False)
    unseen: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """A secret to show once: number in the address -> (session that may see it, person, link)."""

    def __post_init__(self) -> None:
        self.words = overview.Words(self.ledger)
        self.talked = Talked(self.ledger)

    def person(self, name: str) -> Person:
        """The person of that name; 404 where there is none."""
        for person in self.ledger.people():
            if person.name == name:
                return person
        raise HTTPException(404)


def common(console: Console, session: str, notice: str = "", problem: str = "") -> dict[str, Any]:
    return {
        "study": console.title,
        "notice": notice,
        "problem": problem,
        "token_for": lambda action, name="": form_token(session, "admin", action, name),
        "leave_token": form_token(session, "leave"),
    }


def overview_page(
    console: Console, session: str, notice: str = "", problem: str = "", status: int = 200
) -> Response:
    board, params = console.board, console.params
    progress = board.progress()
    words = console.words.standing()
    times = overview.seconds_by(words, "task")
    items, _ = board.items(0, EVERY)
    prompts = {item.subject: item.prompt_id for item in board.study.items.values()}
    verdicts = {task: board.verdicts(task) for task in board.study.tasks if task in PAIRS}
    found = overview.agreed(board.study.tasks, verdicts, items, prompts)
    return page(
        "admin.html",
        status,
        **common(console, session, notice, problem),
        asked=params,
        changed=console.changed(),
        command=console.command,
        exports=[(name, text) for name, (text, _) in FILES.items()],
        paused=progress.paused,
        few=few_people(params.people, progress),
        now=datetime.now(UTC).strftime("%H:%M"),
        tasks=[
            {
                "name": task_name(row.task),
                "given": row.given,
                "wanted": row.wanted,
                "count": amount(row.items),
                "seconds": taken(times.get(row.task)),
            }
            for row in progress.tasks
        ],
        shared=max((row.shared for row in progress.tasks), default=0),
        people=[figures(row) for row in progress.people],
        skips=overview.skip_reasons(words, board.study.items),
        agreement=[agreement_row(row) for row in found],
        talks=[talk_row(row) for row in console.talked.by_person()],
    )


def agreement_row(row: overview.Agreed) -> dict[str, str]:
    score = share(row.score) if row.score is not None else f"too few yet ({overview.LEAST_SHARED} are needed)"
    if row.low is not None and row.high is not None:
        score += f" [{share(row.low)}, {share(row.high)}]"
    return {
        "name": task_name(row.task),
        "count": amount(row.items),
        "score": score,
        "chance": share(row.chance),
        "always_tie": share(row.always_tie),
    }


def person_page(console: Console, session: str, name: str, notice: str = "") -> Response:
    person = console.person(name)
    rows = [row for row in console.board.progress().people if row.name == name]
    if not rows:  # added a moment ago by the command, and read by the board at its next look
        raise HTTPException(404)
    events = [
        {"when": event.at[:16].replace("T", " "), "text": event_text(event.kind), "reason": event.reason}
        for event in reversed(console.ledger.events(name))
    ]
    return page(
        "admin_person.html",
        person=person,
        row=figures(rows[0]),
        events=events,
        **common(console, session, notice),
    )


def prompts_page(console: Console, session: str, number: int, sort: str) -> Response:
    board = console.board
    items, _ = board.items(0, EVERY)
    times = overview.seconds_by(console.words.standing(), "item")
    rows = overview.by_prompt(items, board.study.items, times)
    if sort == "open":
        rows.sort(key=lambda row: row.missing, reverse=True)
    pages = max(1, -(-len(rows) // PROMPTS_A_PAGE))
    number = min(max(1, number), pages)
    start = (number - 1) * PROMPTS_A_PAGE
    shown = rows[start : start + PROMPTS_A_PAGE]
    return page(
        "admin_prompts.html",
        **common(console, session),
        rows=[
            {
                "prompt": row.prompt_id,
                "text": beginning(row),
                "count": row.items,
                "given": row.given,
                "wanted": row.wanted,
                "skips": row.skips,
                "seconds": taken(row.seconds),
            }
            for row in shown
        ],
        first=start + 1 if shown else 0,
        last=start + len(shown),
        total=len(rows),
        page=number,
        pages=pages,
        sort=sort,
    )


def beginning(row: overview.PromptRow, letters: int = 90) -> str:
    """The first words of a prompt; nothing where its file is gone, which the overview says."""
    try:
        text = " ".join(row.item.load().turns[0].text.split())
    except DataError:
        return ""
    return text if len(text) <= letters else text[:letters].rsplit(" ", 1)[0] + " …"
