"""The Stack Exchange source: every site's rows in, candidates and drops out, by site and then by question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.recipe.schema import StackExchange
from handful.run.engine import Part, current, each
from handful.run.progress import Advance, progress
from handful.sources.output import Output
from handful.sources.stackexchange.scan import Bounds, check_broken
from handful.sources.stackexchange.shards import (
    Bucket,
    Range,
    WholeSite,
    read_site,
    scan_blocks,
    scan_range,
    settle_bucket,
)
from handful.sources.stackexchange.sites import Site, passed_over, sites
from handful.sources.stackexchange.tables import buckets_for

MB = 1e6
BZIP2 = b"\x04\x02\x02"
BUCKET_BYTES = 256 << 20
"""Of XML, about, whose posts are settled together; and a plain file beyond this is cut into ranges."""
RANGE_BYTES = 64 << 20
"""Of a large plain file, read by one task. A cut of its own for every machine would make resuming harder."""
PACKED_RANGE_BYTES = 8 << 20
"""The same of a BZip2 archive, as packed: some 40 MB of XML, which a task holds in memory."""
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
    large = [site for site in found if site.size > BUCKET_BYTES and in_ranges(site)]
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
    empty = [site for site in found if not communities[site.name]["questions"]]
    if len(empty) == len(found):
        posts = communities[empty[0].name]["posts"]
        raise DataError(f"{empty[0].path}: holds no questions ({posts:,} rows)")
    totals = sum(map(Counter, communities.values()), Counter())
    return {
        **{key: totals[key] for key in ("questions", "answers", "posts")},
        "communities": {site: counts["questions"] for site, counts in communities.items()},
        **({"without_questions": [site.name for site in empty]} if empty else {}),
        **({"passed_over": skipped} if (skipped := passed_over(source)) else {}),
    }


def in_ranges(site: Site) -> bool:
    """Whether a site can be read in ranges: a plain file, or an archive of this table alone, of independent blocks.

    On one core nothing is gained by it: an archive is then unpacked as it comes, by the fastest program there is.
    """
    if site.packed is None:
        return True
    block = site.packed.block
    return (
        (current().kind == "ray" or current().processes > 1)
        and block is not None
        and [coder.method for coder in block.coders] == [BZIP2]
        and site.packed.member.size == block.sizes[-1]
    )


def read_ranges(name: str, site: Site, bounds: Bounds, folder: Path, advance: Advance) -> list[Part]:
    """A large site: its ranges, each into every bucket, and then the buckets."""
    count = buckets_for(site.size, BUCKET_BYTES)
    scan, size, step = scan_range, site.size, RANGE_BYTES
    if site.packed and site.packed.block:
        scan, size, step = scan_blocks, site.packed.block.packed, PACKED_RANGE_BYTES
    ranges = {
        f"range-{number:05}": Range(site, bounds, count, start, min(start + step, size))
        for number, start in enumerate(range(0, size, step))
    }
    buckets = {
        f"bucket-{number:03}": Bucket(
            name, site, bounds, tuple(str(folder / "ranges" / range) for range in ranges), number
        )
        for number in range(count)
    }
    share = site.size / len(ranges) / MB
    scanned = each(scan, ranges, folder / "ranges", ended=lambda range: advance(share, site.name))
    counts = sum(
        (Counter({k: v for k, v in part.counts.items() if k != "rules"}) for part in scanned.values()),
        Counter(),
    )
    try:
        check_broken(counts["broken"], counts["posts"])
    except DataError as error:
        raise DataError(f"{site.path}: {error}") from error
    if site.packed and counts["bytes"] != site.size:
        raise DataError(
            f"{site.path}: Posts.xml is damaged: {counts['bytes']:,} of {site.size:,} bytes could be unpacked"
        )
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
