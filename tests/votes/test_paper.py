"""The paper's figures, digit for digit, from tables of verdicts with its counts."""

import pytest

from handful.cli.tallies import bare, percent
from handful.votes.agree import groups_agree
from handful.votes.between import annotators_agree
from handful.votes.rates import rates
from handful.votes.readings import readings
from handful.votes.table import Builder

FIGURE_1 = {  # by people
    "Alpaca 65B": (53, 21, 26),
    "DaVinci003": (44, 21, 35),
    "Bard": (33, 25, 42),
    "Claude": (24, 22, 54),
    "GPT-4": (18, 25, 57),
}
FIGURE_2 = {  # by GPT-4
    "Alpaca 65B": (64, 19, 17),
    "DaVinci003": (54, 23, 23),
    "Bard": (27, 26, 47),
    "Claude": (14, 23, 63),
    "GPT-4": (19, 15, 66),
}
AT_LEAST_AS_GOOD = {"Alpaca 65B": 74, "DaVinci003": 65, "Bard": 58, "Claude": 46, "GPT-4": 43}


@pytest.mark.parametrize("figure", [FIGURE_1, FIGURE_2], ids=["figure 1", "figure 2"])
def test_preference_on_300_prompts(figure, quick):
    """LIMA stands on the left for even prompts, and on the right for odd ones."""
    builder = Builder()
    for baseline, counts in figure.items():
        outcomes = [
            side
            for side, share in zip(("left", "tie", "right"), counts, strict=True)
            for _ in range(3 * share)
        ]
        for prompt, choice in enumerate(outcomes):
            sides = ("LIMA", baseline)
            if prompt % 2:
                sides, choice = sides[::-1], {"left": "right", "right": "left", "tie": "tie"}[choice]
            builder.add(prompt, str(prompt), "judge", *sides, choice)
    votes = builder.finish()
    rows = {row.second: row for row in rates(votes, readings(votes), quick)}
    assert list(rows) == sorted(figure)
    for baseline, (win, tie, loss) in figure.items():
        row = rows[baseline]
        assert (row.first, row.verdicts) == ("LIMA", 300)
        shown = [percent(share).split()[0] for share in (row.win, row.tie, row.loss)]
        assert shown == [f"{win}.0%", f"{tie}.0%", f"{loss}.0%"]
        assert percent(row.at_least_as_good).split()[0] == f"{win + tie}.0%"
        if figure is FIGURE_1:
            assert win + tie == AT_LEAST_AS_GOOD[baseline]


@pytest.mark.parametrize(
    ("first", "second", "percents"),
    [
        ("crowd", "crowd", 82),
        ("crowd", "author", 81),
        ("crowd", "GPT-4", 78),
        ("author", "author", 78),
        ("author", "GPT-4", 79),
    ],
)
def test_tie_discounted_accuracy_on_50_shared_prompts(first, second, percents, quick):
    """Of 50 pairs of labels, so many alike, so many with one tie, that the mean is the paper's."""
    halves = 10 if percents % 2 == 0 else 11  # an odd percentage of 50 needs an odd number of halves
    alike = (percents - halves) // 2
    assert alike + halves / 2 == percents / 2
    builder = Builder()
    others = ["left"] * alike + ["tie"] * halves + ["right"] * (50 - alike - halves)
    for prompt, other in enumerate(others):
        builder.add(prompt, str(prompt), "one", "LIMA", "base", "left", first)
        builder.add(prompt, str(prompt), "two", "LIMA", "base", other, second)
    votes = builder.finish()
    ((row,), _) = annotators_agree(votes, readings(votes), quick, 10)
    assert row.exact.pairs == 50
    assert percent(row.tie_discounted).split()[0] == f"{percents}.0%"
    (group,) = (
        g for g in groups_agree(votes, readings(votes), quick) if {g.first, g.second} == {first, second}
    )
    assert group.tie_discounted.estimate == pytest.approx(percents / 100)
    assert bare(group.always_tie) != bare(row.tie_discounted.estimate)
