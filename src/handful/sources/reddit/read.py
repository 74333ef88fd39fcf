"""The Reddit source: submissions that ask, joined with the best answer to each; or titles as test prompts.

Two passes, over the files of submissions and then over those of comments, each file a shard of its own. All is joined
by id and put in the order of ids, which is that of time: neither the order of files nor that of rows decides.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Origin, Prompt, Turn
from handful.recipe.sources import Reddit
from handful.run.engine import Function, Part, each
from handful.run.progress import Shares, progress
from handful.sources.output import Output
from handful.sources.reddit import answers, submissions
from handful.sources.reddit.answers import Asked, Top
from handful.sources.reddit.dumps import find
from handful.sources.reddit.files import memory, window
from handful.sources.reddit.rows import order
from handful.sources.reddit.submissions import Kept

LICENSE = "Reddit user content, no open licence stated"
ASKED, WANTED = "asked.jsonl", "wanted.jsonl"
MEMORY_SHARE = 0.5
"""Of this machine's memory, what the windows of the files that are read at a time may take together."""
MB = 1e6
WORTH_PROCESSES = 16e6
"""Bytes of files, packed, below which starting processes takes longer than reading."""
MEND = {
    "few_votes": "lower min_score",
    "no_score": "set min_score = 0",
    "tag": "name its tag in `tags`",
    "nsfw": "set nsfw = true",
    "long_prompt": "raise max_prompt_chars",
    "no_answer": "lower min_answer_score or min_chars, raise max_chars, or name more files of comments",
}


def read(name: str, source: Reddit, rules: Mapping[str, int], put: Output, scratch: Path) -> dict[str, Any]:
    """Put an example for each submission with a fit answer, or a prompt for each title, or a drop.

    Returns:
        Counts: `questions` (submissions), by subreddit under `communities`, and of `comments` how many rows there
        were, how many answer a kept submission and were read, how many of those name no parent, and what took how many.

    Raises:
        DataError: a file cannot be read, or is of the other kind; or nothing is left.
    """
    asking = find(source.submissions, "submissions")
    answering = find(source.comments, "comments") if source.split != "test" else []
    asked, communities = ask(name, source, asking, put, scratch)
    counts: dict[str, Any] = {
        "questions": communities.total(),
        "communities": dict(sorted(communities.items())),
    }
    if source.split == "test":
        kept = put_prompts(name, source, asked, put)
    else:
        parts, counts["comments"] = answer(name, source, answering, asked, put, scratch)
        kept = put_examples(name, source, asked, parts, put)
    if not kept:
        raise DataError(nothing_left(name, source, communities.total(), put))
    return counts


def ask(
    name: str, source: Reddit, paths: list[Path], put: Output, scratch: Path
) -> tuple[Path, Counter[str]]:
    """The first pass. Returns a file of the kept submissions, each once, by id, and how many each subreddit has."""
    shards = {f"{number:05}": submissions.Shard(str(path), source, name) for number, path in enumerate(paths)}
    parts = run(name, "submissions", submissions.scan, shards, paths, scratch / "submissions")
    communities: Counter[str] = Counter()
    for part in parts:
        rules = part.counts["rules"]
        put.take("dropped", part.folder / submissions.DROPPED, sum(rules.values()), rules)
        communities.update(part.counts["communities"])
    rows = heapq.merge(
        *(jsonl.read(part.folder / submissions.KEPT, Kept) for part in parts), key=lambda row: order(row.id)
    )
    asked = scratch / ASKED
    with jsonl.writer(asked) as write:
        for _, same in groupby(rows, key=lambda row: row.id):
            best, *others = sorted(same, key=msgspec.structs.astuple, reverse=True)
            write(best)
            for other in others:
                put("dropped", Dropped(f"{other.subreddit}/{other.id}", *submissions.REPEATED))
    return asked, communities


def answer(
    name: str, source: Reddit, paths: list[Path], asked: Path, put: Output, scratch: Path
) -> tuple[list[Part], dict[str, Any]]:
    """The second pass. Returns where the best answers of each file are, and the counts."""
    wanted = scratch / WANTED
    jsonl.write(wanted, (Asked(row.id, row.prompt) for row in jsonl.read(asked, Kept)))
    shards = {
        f"{number:05}": answers.Shard(str(path), str(wanted), source, name)
        for number, path in enumerate(paths)
    }
    parts = run(name, "comments", answers.scan, shards, paths, scratch / "comments")
    total: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for part in parts:
        broken = part.counts["broken"]
        put.take("dropped", part.folder / answers.DROPPED, broken, {"bad_row": broken} if broken else {})
        total.update({key: part.counts[key] for key in ("rows", "read", "unparented")})
        refused.update(part.counts["rules"])
    return parts, {**total, "refused": dict(sorted(refused.items()))}


def run(
    name: str, what: str, function: Function, shards: Mapping[str, Any], paths: list[Path], folder: Path
) -> list[Part]:
    """Scan each file, no more at a time than there is memory for their windows."""
    sizes = {shard: path.stat().st_size / MB for shard, path in zip(shards, paths, strict=True)}
    largest = max(window(path) for path in paths)
    fit = max(1, int(MEMORY_SHARE * memory() / largest)) if largest else None
    few = 1 if sum(sizes.values()) * MB < WORTH_PROCESSES else fit
    with progress(f"{name}: reading {what}", sum(sizes.values()), "MB") as advance:
        shares = Shares(sizes, lambda size, shard: advance(size))
        parts = each(function, shards, folder, ended=shares.ended, moved=shares.moved, processes=few)
    return list(parts.values())


def put_prompts(name: str, source: Reddit, asked: Path, put: Output) -> int:
    """Put the titles, or those with the most votes; of equal ones the earlier."""
    places = sorted((-row.score, order(row.id)) for row in jsonl.read(asked, Kept))
    last = places[: source.max_prompts][-1] if source.max_prompts and places else (0, (0, ""))
    kept = 0
    for row in jsonl.read(asked, Kept):
        if source.max_prompts and (-row.score, order(row.id)) > last:
            detail = f"{source.max_prompts:,} others have more than its {row.score:,} votes, or as many and are older"
            put("dropped", Dropped(f"{row.subreddit}/{row.id}", "not_among_top", detail))
            continue
        put(
            "test",
            Prompt(f"{row.subreddit}/{row.id}", (Turn("user", row.prompt),), origin(name, row), row.tags),
        )
        kept += 1
    return kept


def put_examples(name: str, source: Reddit, asked: Path, parts: list[Part], put: Output) -> int:
    """Put each submission with its best answer, or say why there is none."""
    kept = 0
    for row, top in joined(jsonl.read(asked, Kept), best(parts)):
        id = f"{row.subreddit}/{row.id}"
        if top is None or top.refused:
            put("dropped", Dropped(id, "no_answer", _no_answer(source, row, top)))
            continue
        turns = (Turn("user", row.prompt), Turn("assistant", top.text))
        file = "dev" if source.split == "dev" else "examples"
        put(file, Example(id, turns, origin(name, row, top), row.tags, top.score))
        kept += 1
    return kept


def _no_answer(source: Reddit, row: Kept, top: Top | None) -> str:
    if top and top.refused:
        rule, detail = top.refused
        return f"the best comment read, {top.id}, is refused: {rule}, {detail}"
    of = "" if row.comments < 0 else f", of the {row.comments:,} that it says it has,"
    return f"no comment{of} is in the files with a score of at least {source.min_answer_score:,}"


def best(parts: list[Part]) -> Iterator[Top]:
    """The best answer of all files to each submission, by the submission's id."""
    rows = heapq.merge(
        *(jsonl.read(part.folder / answers.TOPS, Top) for part in parts), key=lambda top: order(top.thread)
    )
    for _, same in groupby(rows, key=lambda top: top.thread):
        yield max(same, key=Top.rank)


def joined(asked: Iterable[Kept], tops: Iterator[Top]) -> Iterator[tuple[Kept, Top | None]]:
    """Both are sorted by the submission's id, and there is no top answer to one that does not ask."""
    top = next(tops, None)
    for row in asked:
        if top and top.thread == row.id:
            yield row, top
            top = next(tops, None)
        else:
            yield row, None


def origin(name: str, row: Kept, top: Top | None = None) -> Origin:
    """Credit for both authors, and the address of the answer, or of the submission where it stands alone."""
    by = {"answer": top.author if top else "", "question": row.author}
    credits = [f"u/{author} ({part})" for part, author in by.items() if author]
    return Origin(
        source=name,
        community=row.subreddit,
        item=f"t3_{row.id}/t1_{top.id}" if top else f"t3_{row.id}",
        url=f"https://www.reddit.com/comments/{row.id}/" + (f"_/{top.id}/" if top else ""),
        author=", ".join(credits) if top else row.author and f"u/{row.author}",
        license=LICENSE,
        title=row.title,
    )


def nothing_left(name: str, source: Reddit, seen: int, put: Output) -> str:
    """The error for a source that gives nothing: what took how many, and what to change."""
    where = " or ".join(f"r/{subreddit}" for subreddit in source.subreddits)
    if not seen:
        files = ", ".join(source.submissions)
        return (
            f"{name}: no submission of {where} in {files}; check `subreddits` and `submissions`"
            if where
            else f"{name}: no row of {files} is a submission"
        )
    took = sorted(put.rules.items(), key=lambda item: -item[1])
    mend = next((MEND[rule] for rule, _ in took if rule in MEND), "check the files")
    listed = ", ".join(f"{rule} took {n:,}" for rule, n in took)
    return f"{name}: nothing is left of {seen:,} submissions: {listed}; {mend}"
