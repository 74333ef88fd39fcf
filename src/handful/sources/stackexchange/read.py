"""The Stack Exchange source: every site's rows in, candidates and drops out, by site and then by question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.recipe.schema import StackExchange
from handful.run.engine import Part, each
from handful.run.progress import Advance, progress
from handful.sources.output import Output
from handful.sources.stackexchange.scan import Bounds, check_broken
from handful.sources.stackexchange.shards import (
    Bucket,
    Range,
    WholeSite,
    read_site,
    scan_range,
    settle_bucket,
)
from handful.sources.stackexchange.sites import Site, passed_over, sites
from handful.sources.stackexchange.tables import buckets_for

MB = 1e6
BUCKET_BYTES = 256 << 20
"""Of XML, about, whose posts are settled together; and a plain file beyond this is cut into ranges."""
RANGE_BYTES = 64 << 20
"""Of a large plain file, read by one task. A cut of its own for every machine would make resuming harder."""
WORTH_PROCESSES = 64e6
"""Bytes of XML below which starting processes takes longer than reading."""


def read(
    name: str, source: StackExchange, rules: Mapping[str, int], put: Output, scratch: Path
) -> dict[str, Any]:
    """Put one candidate or drop a question, and a drop for each row that could not be used.

    Returns:
        Counts: questions, answers and posts, and the questions of each site under `communities`,
        and how many sites of a folder were passed over and why.

    Raises:
        DataError: a file that cannot be read; found before the first is read, as far as possible.
    """
    bounds = Bounds(**rules)
    found = sites(source)
    large = [site for site in found if not site.packed and site.size > BUCKET_BYTES]
    whole = {
        site.name: WholeSite(name, site, bounds, buckets_for(site.size, BUCKET_BYTES))
        for site in found
        if site not in large
    }
    total = sum(site.size for site in found)
    parts: dict[str, list[Part]] = {}
    with progress(f"{name}: reading posts", total / MB, "MB") as advance:
        sizes = {site.name: site.size for site in found}
        largest_first = dict(sorted(whole.items(), key=lambda item: -sizes[item[0]]))
        read = each(
            read_site,
            largest_first,
            scratch / "sites",
            ended=lambda site: advance(sizes[site] / MB, site),
            processes=1 if total < WORTH_PROCESSES else None,
        )
        parts |= {site: [part] for site, part in read.items()}
        for site in large:
            parts[site.name] = read_ranges(name, site, bounds, scratch / f"site-{site.name}", advance)
    communities = {site.name: collect(parts[site.name], put) for site in found}
    if empty := [site for site in found if not communities[site.name]["questions"]]:
        posts = communities[empty[0].name]["posts"]
        raise DataError(f"{empty[0].path}: holds no questions ({posts:,} rows)")
    totals = sum(map(Counter, communities.values()), Counter())
    return {
        **{key: totals[key] for key in ("questions", "answers", "posts")},
        "communities": {site: counts["questions"] for site, counts in communities.items()},
        **({"passed_over": skipped} if (skipped := passed_over(source)) else {}),
    }


def read_ranges(name: str, site: Site, bounds: Bounds, folder: Path, advance: Advance) -> list[Part]:
    """A large plain file: its ranges, each into every bucket, and then the buckets."""
    count = buckets_for(site.size, BUCKET_BYTES)
    starts = range(0, site.size, RANGE_BYTES)
    ranges = {
        f"range-{number:05}": Range(site, bounds, count, start, min(start + RANGE_BYTES, site.size))
        for number, start in enumerate(starts)
    }
    buckets = {
        f"bucket-{number:03}": Bucket(
            name, site, bounds, tuple(str(folder / "ranges" / range) for range in ranges), number
        )
        for number in range(count)
    }
    scanned = each(
        scan_range,
        ranges,
        folder / "ranges",
        ended=lambda range: advance(site.size / len(ranges) / MB, site.name),
    )
    counts = sum(
        (Counter({k: v for k, v in part.counts.items() if k != "rules"}) for part in scanned.values()),
        Counter(),
    )
    try:
        check_broken(counts["broken"], counts["posts"])
    except DataError as error:
        raise DataError(f"{site.path}: {error}") from error
    settled = each(settle_bucket, buckets, folder / "buckets")
    return [*scanned.values(), *settled.values()]


def collect(parts: list[Part], put: Output) -> Counter[str]:
    """Put what the parts of a site hold, in their order; returns their numbers."""
    total = Counter[str]()
    for part in parts:
        rules = part.counts["rules"]
        if part.counts["candidates"]:
            put.take("candidates", part.folder / "candidates.jsonl", part.counts["candidates"])
        put.take("dropped", part.folder / "dropped.jsonl", sum(rules.values()), rules)
        total.update({key: n for key, n in part.counts.items() if key != "rules"})
    return total
