"""The Stack Exchange source: every site's rows in, candidates and drops out, by site and then by question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.core.types import Candidate, Noun
from handful.recipe.schema import StackExchange
from handful.run.progress import Advance, progress
from handful.sources.stackexchange.join import Bounds, Seen, scan, settle
from handful.sources.stackexchange.rows import records
from handful.sources.stackexchange.sites import Site, shelf, sites

MB = 1e6


def read(
    name: str,
    source: StackExchange,
    rules: Mapping[str, int],
    put: Callable[[str, Noun], None],
    scratch: Path,
) -> dict[str, Any]:
    """Put one candidate or drop a question, and a drop for each row that could not be used.

    Returns:
        Counts: questions, answers and posts, and the questions of each site under `communities`.

    Raises:
        DataError: a file that cannot be read; found before the first is read, as far as possible.
    """
    bounds = Bounds(**rules)
    found = sites(source.paths, source.max_unpacked_gb * 1e9)
    totals = {"questions": 0, "answers": 0, "posts": 0}
    communities = {}
    with progress(f"{name}: reading posts", sum(site.size for site in found) / MB, "MB") as advance:
        for site in found:
            try:
                seen = read_site(name, site, bounds, put, scratch, advance)
            except DataError as error:
                where = str(site.path)
                raise DataError(str(error) if where in str(error) else f"{where}: {error}") from error
            communities[site.name] = len(seen.questions)
            totals["questions"] += len(seen.questions)
            totals["answers"] += seen.answers
            totals["posts"] += seen.posts
    return {**totals, "communities": communities}


def read_site(
    name: str, site: Site, bounds: Bounds, put: Callable[[str, Noun], None], scratch: Path, advance: Advance
) -> Seen:
    seen = Seen()

    def chunks() -> Iterator[bytes]:
        for chunk in site.chunks():
            advance(len(chunk) / MB, site.name)
            yield chunk

    keeper = shelf(site, scratch)
    with closing(keeper.file):
        for dropped in scan(site.name, records(chunks()), keeper, bounds, seen):
            put("dropped", dropped)
        for record in settle(name, site.name, seen, keeper, bounds):
            put("candidates" if isinstance(record, Candidate) else "dropped", record)
    return seen
