"""Section 6: dialogues from the comments under answers, as candidates for the paper's "comment chains".

The asker's question is the first turn and the answer the second; then the comments of the two under that answer take
turns. The paper's authors rewrote twenty such chains by hand into the style of an assistant. That is left to people
here, too: every dialogue is tagged "needs=editing". The rules by which a thread becomes a dialogue are ours:

- Comments count in the order of their dates. Several by one person in a row are one turn.
- What the answerer adds before the asker has said anything is left out; so is what the asker says last ("Thanks!").
- The chain ends where a third person speaks, or passes over what they say (`third_person`).
- The asker must be known, and another person than the answerer.

Not covered: comments under questions, and what was said in chat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Origin, Role, Turn
from handful.markup.html import to_line, to_text
from handful.recipe.sources import CommentChains
from handful.run.engine import Part, each
from handful.run.progress import progress
from handful.sources.output import Output
from handful.sources.stackexchange.archive import CHUNK
from handful.sources.stackexchange.comments import Comment, to_turn
from handful.sources.stackexchange.comments import read as read_comment
from handful.sources.stackexchange.join import authors, license
from handful.sources.stackexchange.network import identity
from handful.sources.stackexchange.rows import attributes, records
from handful.sources.stackexchange.shards import named
from handful.sources.stackexchange.sites import COMMENTS, Site, instead, passed_over, shelf, sites
from handful.sources.stackexchange.threads import (
    Seen,
    Shelf,
    Thread,
    scan_comments,
    scan_posts,
    threads,
)
from handful.sources.stackexchange.users import credit_site, credited, find_users, open_both

MB = 1e6
WORTH_PROCESSES = 64e6
"""Bytes of XML below which starting processes takes longer than reading."""
TAGS = ("kind=dialogue", "needs=editing")


@dataclass(frozen=True, slots=True)
class Chains:
    """A site whose threads are read by one task."""

    source: str
    posts: Site
    comments: Site
    min_turns: int
    third_person: Literal["stop", "skip"]
    users: Site | None = None


def read(
    name: str, source: CommentChains, rules: Mapping[str, int], put: Output, scratch: Path
) -> dict[str, Any]:
    """Put one dialogue a thread, and a drop for each thread with a comment by the asker that gives none.

    Returns:
        Counts: posts, comments and threads; the dialogues of each site under `communities`; how many sites of a folder
        were passed over, and why.

    Raises:
        DataError: a file that cannot be read, or no site has comments.
    """
    posts = sites(source)
    comments = {identity(site.name): site for site in sites(source, COMMENTS)}
    most = source.max_unpacked_gb * 1e9
    users = {site.name: find_users(site, most) if source.author_names else None for site in posts}
    shards = {
        site.name: Chains(name, site, beside, source.min_turns, source.third_person, users[site.name])
        for site in posts
        if (beside := comments.get(identity(site.name)))
    }
    if not shards:
        raise DataError(
            f"{', '.join(source.paths)}: no {COMMENTS} for any of the {len(posts)} sites; comment chains need it in "
            "the same .7z or folder as Posts.xml, or as SITE-Comments.7z beside SITE-Posts.7z"
        )
    for site in posts:
        if site.name not in shards:
            where = f"{site.path}: no {COMMENTS} in it, in its folder or among the paths"
            put("dropped", Dropped(site.name, "no_comments", where))
    sizes = {site: shard.posts.size + shard.comments.size for site, shard in shards.items()}
    with progress(f"{name}: reading comments", sum(sizes.values()) / MB, "MB") as advance:
        parts = each(
            read_site,
            shards,
            scratch / "chains",
            ended=lambda site: advance(sizes[site] / MB, site),
            processes=1 if sum(sizes.values()) < WORTH_PROCESSES else None,
        )
    put_empty(parts, shards, put)
    totals = Counter[str]()
    for part in parts.values():
        taken = part.counts["rules"]
        put.take("examples", part.folder / "examples.jsonl", part.counts["dialogues"])
        put.take("dropped", part.folder / "dropped.jsonl", sum(taken.values()), taken)
        totals.update({key: n for key, n in part.counts.items() if key not in ("dialogues", "rules")})
    return {
        **{key: totals[key] for key in ("posts", "comments", "threads")},
        **(credited({site: users[site] for site in shards}, totals) if source.author_names else {}),
        "communities": {site: part.counts["dialogues"] for site, part in parts.items()},
        **({"passed_over": skipped} if (skipped := passed_over(source)) else {}),
    }


def put_empty(parts: Mapping[str, Part], shards: Mapping[str, Chains], put: Output) -> None:
    """Put a drop for each site that holds no question, or no comment. Raises DataError where that is every site."""
    empty = {}
    for site, part in parts.items():
        for table, what in ((shards[site].comments, "comments"), (shards[site].posts, "questions")):
            if not part.counts[what]:
                empty[site] = f"no_{what}", f"{table.path}: holds no {what}{instead(table)}"
    if len(empty) == len(parts):
        raise DataError(next(iter(empty.values()))[1])
    for site, (rule, where) in empty.items():
        put("dropped", Dropped(site, rule, where))


def read_site(shard: Chains, out: Path) -> dict[str, Any]:
    """Rows in, examples.jsonl and dropped.jsonl out."""
    with open_both(shard.posts, shard.users) as (file, open_users):
        counts = read_threads(shard, file, out)
        site = shard.posts.name
        return counts | (credit_site(out / "examples.jsonl", site, open_users) if open_users else {})


def read_threads(shard: Chains, file: BinaryIO, out: Path) -> dict[str, Any]:
    """The same, with authors as their numbers. `file` is Posts.xml."""
    seen, rules = Seen(), Counter[str]()
    posts, comments = shelf(shard.posts, out), shelf(shard.comments, out)
    with (
        closing(posts.file),
        closing(comments.file),
        jsonl.writer(out / "examples.jsonl") as keep,
        jsonl.writer(out / "dropped.jsonl") as drop,
    ):
        for dropped in scan_all(shard, file, posts, comments, seen):
            rules[dropped.rule] += 1
            drop(dropped)
        heard = kept = 0
        for thread in threads(seen):
            record = settle(shard, thread, posts, comments)
            if record is None:
                continue
            heard += 1
            if isinstance(record, Example):
                kept += 1
                keep(record)
            else:
                rules[record.rule] += 1
                drop(record)
    return {
        "posts": seen.posts,
        "questions": len(seen.questions),
        "comments": seen.comments,
        "threads": heard,
        "dialogues": kept,
        "rules": dict(sorted(rules.items())),
    }


def scan_all(shard: Chains, file: BinaryIO, posts: Shelf, comments: Shelf, seen: Seen) -> Iterator[Dropped]:
    """Both passes; yields the rows that could not be used."""
    site = shard.posts.name
    with named(shard.posts):
        rows = records(iter(partial(file.read, CHUNK), b""))
        yield from scan_posts(site, rows, posts, shard.min_turns - 2, seen)
    with named(shard.comments):
        yield from scan_comments(site, records(shard.comments.chunks()), comments, seen)


def settle(shard: Chains, thread: Thread, posts: Shelf, comments: Shelf) -> Example | Dropped | None:
    """What becomes of a thread; None where the asker says nothing in it, which is no conversation at all."""
    id = f"{shard.posts.name}/{thread.question}/{thread.answer}"
    least = shard.min_turns
    if not thread.asker:
        if not thread.answerer or thread.answerer not in thread.speakers or len(thread.speakers) < least - 2:
            return None
        rule = "orphan_answer" if thread.asked < 0 else "asker_unknown"
        return Dropped(
            id, rule, f"{len(thread.speakers)} comments, but nobody can tell which are the asker's"
        )
    if thread.asker not in thread.speakers:
        return None
    if thread.asker == thread.answerer:
        return Dropped(id, "asker_is_answerer", f"{len(thread.speakers)} comments under an answer to oneself")
    if not thread.answerer:
        return Dropped(
            id, "answerer_unknown", f"{len(thread.speakers)} comments, and nobody can tell whose answer"
        )
    if thread.answerer not in thread.speakers:
        return Dropped(id, "too_few_turns", "2 turns: the answerer says nothing more")
    heard, third = in_turns(in_time(thread, comments), thread, stop=shard.third_person == "stop")
    if 2 + len(heard) < least:
        found = f"{2 + len(heard)} turns, fewer than {least}"
        return (
            Dropped(id, "third_person", f"{found}, before a third person speaks (comment {third.id})")
            if third
            else Dropped(id, "too_few_turns", found)
        )
    asked, answered = attributes(posts.fetch(thread.asked)), attributes(posts.fetch(thread.answered))
    return dialogue(shard, id, asked, answered, heard)


def in_time(thread: Thread, shelf: Shelf) -> list[Comment]:
    """A thread's comments by date: their Ids are in another order where posts were moved from site to site."""
    found = (read_comment(shelf.fetch(place)) for place in thread.places)
    return sorted((one for one in found if isinstance(one, Comment)), key=lambda one: (one.date, one.id))


Said = list[tuple[Comment, str]]
"""The comments of one turn, each with its text."""


def in_turns(comments: Sequence[Comment], thread: Thread, stop: bool) -> tuple[list[Said], Comment | None]:
    """The turns that follow the answer: the asker's first, the answerer's last; and the comment that ended them.

    Args:
        comments: in the order of time.
        stop: end the chain where a third person speaks; otherwise what they say is left out.
    """
    turns: list[Said] = []
    third = None
    for comment in comments:
        if comment.person not in (thread.asker, thread.answerer):
            if stop:
                third = comment
                break
            continue
        text = to_turn(comment.text)
        if not text or (not turns and comment.person == thread.answerer):
            continue
        if turns and turns[-1][-1][0].person == comment.person:
            turns[-1].append((comment, text))
        else:
            turns.append([(comment, text)])
    return turns[: len(turns) // 2 * 2], third


def dialogue(
    shard: Chains, id: str, question: dict[str, str], answer: dict[str, str], turns: Sequence[Said]
) -> Example | Dropped:
    """Build the record from the rows of question and answer and the turns that follow."""
    site, title = shard.posts.name, to_line(question.get("Title", ""))
    texts = [
        "\n\n".join(part for part in (title, to_text(question["Body"])) if part),
        to_text(answer["Body"]),
        *("\n\n".join(text for _, text in said) for said in turns),
    ]
    if not texts[0] or not texts[1]:
        return Dropped(id, "empty_post", "the question or the answer has no text")
    by, asked_by = authors(site, {}, answer), authors(site, {}, question)
    comments = [comment for said in turns for comment, _ in said]
    roles: tuple[Role, Role] = ("user", "assistant")
    return Example(
        id=id,
        turns=tuple(Turn(roles[number % 2], text) for number, text in enumerate(texts)),
        origin=Origin(
            source=shard.source,
            community=site,
            item=f"q/{question['Id']}/a/{answer['Id']}/c/{comments[-1].id}",
            url=f"https://{site}/a/{answer['Id']}#comment{comments[0].id}_{answer['Id']}",
            author=f"{by} (answer, comments), {asked_by} (question, comments)",
            license=max(map(license, (question, answer, *(comment.row for comment in comments)))),
            title=title,
        ),
        tags=TAGS,
        score=int(answer["Score"]),
    )
