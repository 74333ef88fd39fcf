"""The desk's pages as values: what a row of the queue and a candidate's page show, and to whom."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from handful.annotate.people import Visitor
from handful.clean.rules import RULES
from handful.core.types import Candidate, Example, Turn
from handful.desk.checklist import Check, checks
from handful.desk.desk import Desk, Item
from handful.desk.difference import of_turns
from handful.desk.facts import reading
from handful.desk.queue import Filters, decision_known
from handful.recipe.curation import Clean
from handful.web.guard import form_token
from handful.web.rendering import page
from handful.web.sessions import admin_of, not_active, person_of, session_of, shut_out

REASONS = {
    "wrong": "wrong, or out of date",
    "unclear": "the question cannot be understood alone",
    "incomplete": "the answer leaves the question open",
    "narrow": "too narrow to teach anything",
    "style": "not in the style of the set",
    "repeated": "the set has it already",
    "harmful": "harmful or private",
    "other": "another reason",
}
"""What a rejection is for; the key is its place in this list."""
NOTICES = {
    "accept": "Accepted.",
    "reject": "Rejected.",
    "edit": "Your edit is saved.",
    "same": "Nothing was changed, so it is accepted as it was.",
    "undone": "Your last decision is taken back. Decide again.",
    "written": "Saved. Others can now review it.",
    "settled": "Settled.",
    "locked": "Somebody else has decided too, so both decisions stand. Settle it under “Disputes” if they differ.",
    "end": "That was the last one of this list.",
    "file": "The decisions are written.",
    "revoked": "The link lets nobody in any more.",
}
"""What a redirect may say: the address names one of these, and never brings text of its own."""
DECIDED = {"accept": "accepted", "reject": "rejected", "edit": "edited", "write": "written"}
LINES = 12
"""Communities that are listed before the rest is summed up."""
HTTP = re.compile(r"https?://[^\s\"'<>]+")


def reviewer(request: Request) -> Visitor | Response:
    """Who reviews, or the page for whoever does not."""
    visitor = person_of(request)
    if visitor is None:
        return RedirectResponse("/admin", status_code=303) if admin_of(request) else shut_out(request)
    if visitor.state != "active":
        return not_active(visitor.state, "What you decided is kept.")
    return visitor


def common(request: Request, desk: Desk, person: str, notice: str = "") -> dict[str, Any]:
    """What every page of the desk needs."""
    session = session_of(request)
    last = desk.reviews.last_of(person) if person else None
    return {
        "person": person,
        "admin": admin_of(request) is not None,
        "notice": NOTICES.get(notice, ""),
        "leave_token": form_token(session, "leave"),
        "last": last.id if last else "",
        "undo_token": form_token(session, "undo", str(last.id)) if last else "",
        "disputes": len(desk.disputed()),
        "size": len(desk.members()),
    }


@dataclass(frozen=True, slots=True)
class Line:
    """A candidate in the queue's table."""

    id: str
    title: str
    source: str
    community: str
    words: int
    score: int | None
    drawn: bool
    state: str
    address: str


def row_of(desk: Desk, id: str, person: str, asked: Filters) -> Line | None:
    own = desk.standings().get(id)
    state = DECIDED.get(decision_known(own, person), "") if own else ""
    if own and own.state == "disputed" and own.shown_to(person):
        state = "in dispute"
    address = f"/candidate?{asked.query(id=id)}"
    place = desk.shelf.by_id.get(id)
    if place is not None:
        card = desk.shelf.cards[place]
        drawn = card.drawn is not None
        words = card.facts.answer_words
        return Line(id, card.title, card.source, card.community, words, card.score, drawn, state, address)
    item = desk.item(id)
    if item is None:
        return None
    words = len(" ".join(turn.text for turn in item.example.turns if turn.role == "assistant").split())
    source = item.example.origin.source
    return Line(id, item.example.turns[0].text, source, "written here", words, None, False, state, address)


def candidate_page(
    request: Request,
    desk: Desk,
    item: Item,
    person: str,
    asked: Filters,
    *,
    notice: str = "",
    problem: str = "",
    draft: Sequence[Turn] | None = None,
    tags: str | None = None,
    reason: str = "",
) -> HTMLResponse:
    """One candidate. With a `problem`, what the reviewer had typed comes back with it."""
    found = item.standing
    own = found.reviews.get(person)
    texts = own.text.turns if own and own.text and own.decision == "edit" else item.example.turns
    before, after, place, of = desk.around(item.id, asked, person)
    shown = found.shown_to(person)
    edits = [
        (review.person, of_turns(item.example.turns, review.text.turns))
        for review in found.reviews.values()
        if review.text and review.decision == "edit" and (shown or review.person == person)
    ]
    return page(
        "desk_candidate.html",
        400 if problem else 200,
        **common(request, desk, person, notice),
        problem=problem,
        item=item,
        turns=item.example.turns,
        draft=draft if draft is not None else texts,
        editing=draft is not None,
        title=title_beside(item),
        body=other_text(item.text, item.example),
        address=address_of(item.example),
        hidden=hidden_of(request, item, asked),
        reasons=REASONS,
        own=own,
        decided=DECIDED,
        locked=found.locked(),
        others=[review for review in found.reviews.values() if review.person != person] if shown else [],
        state=found.state if shown else "",
        settled=found.settled if shown else None,
        edits=edits,
        tags=tags if tags is not None else ", ".join(own.tags) if own else "",
        reason=reason,
        numbers=numbers(desk, item),
        rules=broken(desk, item),
        hints=[check for check in checks_of(desk, item.example.turns, item.id) if not check.holds],
        neighbours=desk.nearest(item.example.turns, item.id),
        covered=covered(desk, item),
        before=before and f"/candidate?{asked.query(id=before)}",
        after=after and f"/candidate?{asked.query(id=after)}",
        place=place,
        of=of,
        back=f"/?{asked.query()}",
        asked=asked,
    )


def hidden_of(request: Request, item: Item, asked: Filters) -> dict[str, str]:
    """The fields that travel with the form."""
    token = form_token(session_of(request), "decide", item.id, item.hash)
    return {"token": token, "id": item.id, "nonce": secrets.token_urlsafe(16), **asdict(asked)}


def title_beside(item: Item) -> str:
    """The question's title, where it is not the prompt itself."""
    title = item.text.title if isinstance(item.text, Candidate) else ""
    return "" if title == item.example.turns[0].text else title


def other_text(text: Candidate | Example, example: Example) -> str:
    """The question's body, where its title became the prompt."""
    if isinstance(text, Candidate) and example.turns[0].text != text.body:
        return text.body
    return ""


def address_of(example: Example) -> str:
    """The page that the text is from, if it has one that a browser may be sent to."""
    return example.origin.url if HTTP.fullmatch(example.origin.url) else ""


def numbers(desk: Desk, item: Item) -> list[tuple[str, str]]:
    """What a reviewer weighs, with the set's own beside it."""
    answers = "\n\n".join(turn.text for turn in item.example.turns if turn.role == "assistant")
    found, words = reading(answers), len(answers.split())
    coverage = desk.coverage()
    ease = "too short to tell" if found.ease is None else f"{found.ease:.0f} of 100, the higher the easier"
    rows = [
        ("Answer", f"{words:,} words, {len(answers):,} characters"),
        (
            "The set's answers",
            f"half have {coverage.low:,} to {coverage.high:,} words, the middle {coverage.middle:,}",
        ),
        ("Reading ease (English)", ease),
        ("Sentences", f"{found.sentences}, {found.words_a_sentence:g} words each"),
    ]
    if isinstance(item.text, Candidate):
        votes = f"question {item.text.question_score:,}, answer {item.text.answer_score:,}"
        rows.insert(0, ("Votes", votes))
    elif item.example.score is not None:
        rows.insert(0, ("Votes", f"{item.example.score:,}"))
    return rows


def broken(desk: Desk, item: Item) -> list[tuple[str, str]]:
    """Rules of `clean` that the text breaks and that the recipe does not drop it for: (rule, what it saw)."""
    if not isinstance(item.text, Candidate):
        return []
    return [(name, seen) for name, rule in RULES.items() if (seen := rule(item.text, Clean()))]


def checks_of(desk: Desk, turns: Sequence[Turn], but: str = "") -> list[Check]:
    def nearest(text: str) -> tuple[str, float] | None:
        found = desk.nearest(tuple(turns), but, 1)
        return (found[0].id, found[0].similarity) if found else None

    return checks(turns, nearest, desk.test)


def covered(desk: Desk, item: Item) -> list[tuple[str, str]]:
    """What the set holds of this text's kind."""
    coverage = desk.coverage()
    origin, facts = item.example.origin, item.facts
    quota = desk.quota.get(origin.source)
    wanted = f" of a quota of {quota:,}" if quota is not None else ""
    return [
        (origin.source, f"{coverage.sources[origin.source]:,}{wanted}"),
        (origin.community, f"{coverage.communities[origin.source, origin.community]:,}"),
        (f"asks: {facts.asks}", f"{coverage.asks[facts.asks]:,}"),
        (f"answers: {facts.answers}", f"{coverage.answers[facts.answers]:,}"),
    ]


def plain_turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    """What a form sent, as turns: lines end as everywhere else, blank space around is no part of a text."""
    clean = [text.replace("\r\n", "\n").replace("\r", "\n").strip() for text in texts]
    return tuple(Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(clean))


def tags_of(text: str) -> tuple[str, ...]:
    """Tags as people type them, with commas between."""
    return tuple(
        dict.fromkeys(tag[:60] for tag in (" ".join(part.split()) for part in text.split(",")) if tag)
    )[:20]
