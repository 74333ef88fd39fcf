"""The Stack Exchange source: every site's rows in, candidates and drops out, by site and then by question."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.core.files import file_hash, write_whole
from handful.recipe.sources import StackExchange
from handful.run.engine import Part, current, each, part_of
from handful.run.progress import Advance, Shares, progress
from handful.sources.output import Output
from handful.sources.stackexchange.scan import Bounds, check_broken, lines_of
from handful.sources.stackexchange.shards import (
    ACCOUNTS,
    CANDIDATES,
    Accounts,
    Bucket,
    Range,
    WholeSite,
    names_in,
    read_site,
    scan_accounts,
    scan_blocks,
    scan_range,
    settle_bucket,
)
from handful.sources.stackexchange.sites import Site, instead, passed_over, sites
from handful.sources.stackexchange.tables import buckets_for
from handful.sources.stackexchange.users import credit, credited, find_users, first

MB = 1e6
BZIP2 = b"\x04\x02\x02"
CREDITED = "credited.jsonl"
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
    most = source.max_unpacked_gb * 1e9
    users = {site.name: find_users(site, most) if source.author_names else None for site in found}
    large = [site for site in found if site.size > BUCKET_BYTES and in_ranges(site)]
    whole = {
        site.name: WholeSite(name, site, bounds, buckets_for(site.size, BUCKET_BYTES), users[site.name])
        for site in found
        if site not in large
    }
    total = sum(site.size for site in found)
    communities: dict[str, Counter[str]] = {}
    with progress(f"{name}: reading posts", total / MB, "MB") as advance:
        sizes = {site.name: float(site.size) for site in found}
        shares = Shares(sizes, lambda size, site: advance(size / MB, site))
        largest_first = dict(sorted(whole.items(), key=lambda item: -sizes[item[0]]))
        parts = each(
            read_site,
            largest_first,
            scratch / "sites",
            ended=shares.ended,
            processes=1 if total < WORTH_PROCESSES else None,
            moved=shares.moved,
        )
        for site in found:
            if site.name in parts:
                communities[site.name] = collect([parts[site.name]], put)
            else:
                folder = scratch / f"site-{site.name}"
                communities[site.name] = read_ranges(
                    name, site, bounds, folder, advance, put, users[site.name]
                )
    empty = [site for site in found if not communities[site.name]["questions"]]
    if len(empty) == len(found):
        posts = communities[empty[0].name]["posts"]
        raise DataError(f"{empty[0].path}: holds no questions ({posts:,} rows){instead(empty[0])}")
    totals = sum(communities.values(), Counter())
    return {
        **{key: totals[key] for key in ("questions", "answers", "posts")},
        "communities": {site: counts["questions"] for site, counts in communities.items()},
        **({"without_questions": [site.name for site in empty]} if empty else {}),
        **(credited(users, totals) if source.author_names else {}),
        **({"passed_over": skipped} if (skipped := passed_over(source)) else {}),
    }


def in_ranges(site: Site) -> bool:
    """Whether a table can be read in ranges: a plain file, or an archive of it alone, of independent blocks.

    Either has a row a line, as the dump does. On one core nothing is gained by it: an archive is then unpacked as it
    comes, by the fastest program there is.
    """
    if site.packed is None:
        return a_row_a_line(site)
    block = site.packed.block
    return (
        (current().kind == "ray" or current().processes > 1)
        and block is not None
        and [coder.method for coder in block.coders] == [BZIP2]
        and site.packed.member.size == block.sizes[-1]
        and a_row_a_line(site)
    )


def a_row_a_line(table: Site) -> bool:
    with table.open() as file:
        return lines_of(file) == file.readline


def read_ranges(
    name: str,
    site: Site,
    bounds: Bounds,
    folder: Path,
    advance: Advance,
    put: Output,
    users: Site | None = None,
) -> Counter[str]:
    """A large site: its ranges, each into every bucket, then the buckets, and at last the names of the authors.

    Puts what they hold, in their order: what a bucket holds while others are settled. Returns the site's numbers.
    """
    count = buckets_for(site.size, BUCKET_BYTES)
    scan = scan_blocks if site.packed else scan_range
    ranges = {name: Range(site, bounds, count, *ends) for name, ends in cut(site).items()}
    buckets = {
        f"bucket-{number:03}": Bucket(
            name, site, bounds, tuple(str(folder / "ranges" / range) for range in ranges), number, bool(users)
        )
        for number in range(count)
    }
    shares = Shares(
        dict.fromkeys(ranges, site.size / len(ranges)), lambda size, range: advance(size / MB, site.name)
    )
    scanned = each(scan, ranges, folder / "ranges", ended=shares.ended, moved=shares.moved)
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
    total = collect(scanned.values(), put)
    if users:
        settled = each(settle_bucket, buckets, folder / "buckets").values()
        total.update(credit_ranges(site, users, settled, folder))
        total.update(collect(settled, put))
        return total

    def take(bucket: str) -> None:
        total.update(collect([part_of(folder / "buckets", bucket)], put))

    each(settle_bucket, buckets, folder / "buckets", ended=in_turn(buckets, take))
    return total


def in_turn(names: Iterable[str], take: Callable[[str], None]) -> Callable[[str], None]:
    """To be told which of `names` has ended: takes each as soon as all before it have, too."""
    waiting, ended = deque(names), set[str]()

    def tell(name: str) -> None:
        ended.add(name)
        while waiting and waiting[0] in ended:
            take(waiting.popleft())

    return tell


def cut(table: Site) -> dict[str, tuple[int, int]]:
    """The ranges of a large table: name -> (start, stop)."""
    size, step = table.size, RANGE_BYTES
    if table.packed and table.packed.block:
        size, step = table.packed.block.packed, PACKED_RANGE_BYTES
    return {
        f"range-{number:05}": (start, min(start + step, size))
        for number, start in enumerate(range(0, size, step))
    }


def credit_ranges(site: Site, users: Site, settled: Collection[Part], folder: Path) -> dict[str, int]:
    """Copy each bucket's candidates, with the names of their authors: found once for all buckets."""
    wanted, file = set[bytes](), folder / ACCOUNTS
    for part in settled:
        wanted.update((part.folder / ACCOUNTS).read_bytes().split())
    write_whole(file, b"\n".join(sorted(wanted)))
    ranges = cut(users) if in_ranges(users) else {"all": (0, None)}
    shards = {name: Accounts(users, str(file), file_hash(file), *ends) for name, ends in ranges.items()}
    found = each(scan_accounts, shards if wanted else {}, folder / "users")
    unpacked = sum(part.counts["bytes"] for part in found.values())
    if wanted and users.packed and "all" not in ranges and unpacked != users.size:
        raise DataError(
            f"{users.path}: Users.xml is damaged: {unpacked:,} of {users.size:,} bytes could be unpacked"
        )
    names = first(pair for part in found.values() for pair in names_in(part.folder))
    for part in settled:
        credit(part.folder / CANDIDATES, part.folder / CREDITED, site.name, names)
    return {"named": len(names), "unnamed": len(wanted) - len(names)}


def collect(parts: Iterable[Part], put: Output) -> Counter[str]:
    """Put what the parts of a site hold, in their order; returns their numbers."""
    total = Counter[str]()
    for part in parts:
        rules = part.counts["rules"]
        if part.counts["candidates"]:
            lines = part.folder / CREDITED
            put.take(
                "candidates",
                lines if lines.exists() else part.folder / CANDIDATES,
                part.counts["candidates"],
            )
        put.take("dropped", part.folder / "dropped.jsonl", sum(rules.values()), rules)
        total.update({key: n for key, n in part.counts.items() if key != "rules"})
    return total
