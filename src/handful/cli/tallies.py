"""What `handful stats FILE` prints: the tables of a tally, those first that one looks for first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handful.core.types import Interval
    from handful.votes.agree import Agreement
    from handful.votes.annotators import Annotator
    from handful.votes.rates import Rates
    from handful.votes.summary import Tally
    from handful.votes.systems import System


SHOWN = 12
"""Rows of a table in the terminal; --all and --json have every one."""


def lines(found: Tally, most: int | None) -> list[str]:
    """The whole answer, a list of tables; `most` rows of each."""
    from handful.votes.words import counted

    counts = found.counts
    head = (
        f"{counted(counts.verdicts, 'verdict')} by {counted(counts.annotators, 'annotator')} on "
        f"{counted(counts.prompts, 'prompt')}, {counted(counts.systems, 'system')}"
    )
    return [
        head,
        *(f"note: {note}" for note in found.notes),
        *table("Each system against all others", SYSTEM, map(system_row, found.systems), None),
        *ranked(found),
        *pairs(found, most),
        *table("Agreement of groups", AGREE, map(agree_row, found.groups), most),
        *table("Agreement of annotators", AGREE, map(agree_row, found.annotator_pairs), most),
        *table("Each annotator", ALONE, map(alone_row, found.annotators), most),
        "",
        "tie-discounted: 1 for the same choice, 1/2 if exactly one said tie, as in the paper. chance and always tie:",
        "what two random annotators, and one who always says tie, would score. alpha: 0 is chance, 1 full agreement.",
        "kappa: Cohen's, of exact agreement with ties; of a group with itself, Scott's pi.",
    ]


def pairs(found: Tally, most: int | None) -> list[str]:
    """Every pair of systems; where only some are shown, those with the most verdicts."""
    title = f"Wins, ties and losses ({found.level:.0%} intervals over prompts)"
    rows = found.pairs
    if most and len(rows) > most:
        rows = tuple(sorted(rows, key=lambda row: -row.verdicts))
        title += f", the {most} pairs with the most verdicts"
    return table(title, RATES, map(rate_row, rows), most)


def ranked(found: Tally) -> list[str]:
    """The systems on one scale, a table a group: all of them, since that is what one looks for."""
    shown = []
    for ranking in found.rankings:
        title = "Bradley-Terry" + (f", by {ranking.group}" if ranking.group else "")
        if ranking.words:
            shown += ["", f"{title}: no estimate, {ranking.words}"]
            continue
        rows = ((row.system, f"{row.verdicts:,}", number(row.strength)) for row in ranking.strengths)
        shown += table(title, ("system", "verdicts", "log-odds against the average"), rows, None)
    return shown


RATES = ("first", "second", "by", "verdicts", "prompts", "win", "tie", "loss", "at least as good")
AGREE = (
    "first",
    "second",
    "items",
    "exact",
    "of",
    "share",
    "without ties",
    "of",
    "share",
    "tie-discounted",
    "chance",
    "always tie",
    "alpha",
    "kappa",
)
ALONE = (
    "annotator",
    "group",
    "verdicts",
    "chose the first shown",
    "same when swapped",
    "tie-discounted, with the rest",
)


SYSTEM = ("system", "others", "verdicts", "prompts", "win", "tie", "loss", "at least as good", "ties as half")


def system_row(row: System) -> tuple[str, ...]:
    shares = (row.win, row.tie, row.loss, row.at_least_as_good, row.ties_as_half)
    counts = (row.opponents, row.verdicts, row.prompts)
    return (row.system, *(f"{count:,}" for count in counts), *map(percent, shares))


def rate_row(row: Rates) -> tuple[str, ...]:
    shares = (row.win, row.tie, row.loss, row.at_least_as_good)
    return (
        row.first,
        row.second,
        row.group or "all",
        f"{row.verdicts:,}",
        f"{row.prompts:,}",
        *map(percent, shares),
    )


def agree_row(row: Agreement) -> tuple[str, ...]:
    exact, decided = row.exact, row.exact_without_ties
    return (
        row.first,
        row.second,
        f"{row.items:,}",
        f"{exact.agreed:,}",
        f"{exact.pairs:,}",
        percent(exact.share),
        f"{decided.agreed:,}",
        f"{decided.pairs:,}",
        percent(decided.share),
        percent(row.tie_discounted),
        bare(row.chance),
        bare(row.always_tie),
        number(row.alpha),
        number(row.kappa),
    )


def alone_row(row: Annotator) -> tuple[str, ...]:
    against = row.against_the_rest
    return (
        row.name,
        row.group,
        f"{row.verdicts:,}",
        percent(row.first_shown),
        percent(row.same_when_swapped),
        percent(against.tie_discounted) if against else "-",
    )


def percent(value: Interval) -> str:
    """As 53.3% [47.7-58.9]; without bounds where there are none."""
    if value.estimate is None:
        return "-"
    estimate = f"{100 * value.estimate:.1f}%"
    if value.low is None or value.high is None:
        return estimate
    return f"{estimate} [{100 * value.low:.1f}-{100 * value.high:.1f}]"


def number(value: Interval) -> str:
    if value.estimate is None:
        return "-"
    bounds = "" if value.low is None or value.high is None else f" [{value.low:.3f} to {value.high:.3f}]"
    return f"{value.estimate:.3f}{bounds}"


def bare(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def table(title: str, head: tuple[str, ...], rows: object, most: int | None) -> list[str]:
    """A title and aligned rows; nothing where there are none."""
    from handful.cli.readable import columns, plain

    cells = [tuple(plain(cell) for cell in row) for row in rows]  # type: ignore[attr-defined]
    if not cells:
        return []
    shown = cells[:most]
    more = [f"  … and {len(cells) - len(shown):,} more: --all, or --json"] if len(cells) > len(shown) else []
    return ["", title, *columns([head, *shown], 2), *more]
