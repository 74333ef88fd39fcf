"""What the researcher's page says of people and of agreement, against figures computed by hand."""

from datetime import UTC, datetime

import pytest

from handful.annotate.progress import ItemProgress, PersonProgress
from handful.core.types import Verdict
from handful.web import overview
from handful.web.wording import ago, figures, taken


def person(**changes):
    plain = {
        "name": "ann",
        "group": "",
        "state": "active",
        "reason": "",
        "answered": 40,
        "left": 10,
        "skipped": 0,
        "seconds": 30.0,
        "last_seen": "",
        "checks": (0, 0),
        "repeats": (0, 0),
        "first": (15, 30),
        "holds": 0,
    }
    return PersonProgress(**plain | changes)


def item(key, counts, task="quality"):
    return ItemProgress(1, key, task, sum(counts.values()), 2, counts, 0, 0)


def test_whoever_works_as_people_do_has_no_flag():
    assert overview.flags(person()) == ()


@pytest.mark.parametrize(
    ("seconds", "answered", "flagged"), [(2.9, 5, True), (3.0, 5, False), (0.5, 4, False)]
)
def test_a_median_under_three_seconds_is_flagged_from_five_answers_on(seconds, answered, flagged):
    assert bool(overview.flags(person(seconds=seconds, answered=answered))) is flagged


@pytest.mark.parametrize(
    ("first", "sided", "flag"),
    [
        (11, 11, "one side: answer A in 11 of 11"),  # 2 / 2^11 = 0.00098
        (10, 10, ""),  # 2 / 2^10 = 0.00195
        (0, 12, "one side: answer B in 12 of 12"),
        (9, 9, ""),
        (30, 60, ""),
    ],
)
def test_a_side_is_flagged_where_a_fair_coin_would_hardly_be_so_uneven(first, sided, flag):
    assert "; ".join(overview.flags(person(first=(first, sided)))) == flag


def test_failed_checks_are_flagged_where_they_are_half_or_more():
    assert overview.flags(person(checks=(1, 4))) == ("failed 3 of 4 checks",)
    assert overview.flags(person(checks=(2, 4))) == ("failed 2 of 4 checks",)
    assert overview.flags(person(checks=(3, 4))) == ()
    assert overview.flags(person(checks=(0, 1))) == ()  # one slip is no pattern


def test_agreement_on_pairs_is_not_told_below_ten_shared_items():
    verdicts = [Verdict(f"c{n}", name, "left") for n in range(9) for name in ("ann", "ben")]
    found = overview.agreed_on_pairs("preference", verdicts, {})
    assert (found.items, found.score) == (9, None)


def test_agreement_on_pairs_is_tie_discounted_with_chance_and_always_tie_beside_it():
    # 12 items: 6 alike (left), 3 with one tie, 3 opposed. Of 24 answers 12 + 3 + 3 are left, 3 ties, 3 right.
    said = [("left", "left")] * 6 + [("left", "tie")] * 3 + [("left", "right")] * 3
    verdicts = [
        Verdict(f"c{n}", name, choice)
        for n, pair in enumerate(said)
        for name, choice in zip("ab", pair, strict=True)
    ]
    verdicts.append(Verdict("alone", "ann", "left"))  # nobody else saw it
    found = overview.agreed_on_pairs("preference", verdicts, {f"c{n}": f"p{n}" for n in range(12)})
    assert found.items == 12
    assert found.score == pytest.approx(7.5 / 12)
    assert found.low < found.score < found.high
    left, tie, right = 18 / 24, 3 / 24, 3 / 24
    chance = left**2 + tie**2 + right**2 + 0.5 * 2 * tie * (left + right)
    assert found.chance == pytest.approx(chance)
    assert found.always_tie == pytest.approx((21 * 0.5 + 3) / 24)


def test_three_people_on_an_item_are_three_pairs():
    verdicts = [
        Verdict(f"c{n}", name, choice)
        for n in range(10)
        for name, choice in (("a", "left"), ("b", "left"), ("c", "right"))
    ]
    assert overview.agreed_on_pairs("preference", verdicts, {}).score == pytest.approx(1 / 3)


def test_agreement_on_grades_is_the_share_of_equal_pairs():
    items = [item(f"k{n}", {"pass": 2, "fail": 1} if n < 5 else {"pass": 2}) for n in range(10)]
    items += [item("one", {"pass": 1}), item("other", {"safe": 2}, task="safety")]
    found = overview.agreed_on_grades("quality", items)
    assert found.items == 10
    assert found.score == pytest.approx((5 * 1 + 5 * 1) / (5 * 3 + 5 * 1))
    assert found.chance == pytest.approx((20 / 25) ** 2 + (5 / 25) ** 2)


def test_times_are_as_short_as_they_can_be_read():
    assert [taken(s) for s in (None, 2.34, 59.6, 119, 150)] == ["-", "2.3 s", "60 s", "119 s", "2 min"]


def test_a_clock_that_was_set_back_shows_no_time_to_come():
    now = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
    said = [
        ago(at, now)
        for at in (
            "",
            "2024-05-01T13:00:00.000+00:00",
            "2024-05-01T11:59:30.000+00:00",
            "2024-05-01T11:58:00.000+00:00",
            "2024-05-01T10:30:00.000+00:00",
            "2024-04-28T12:00:00.000+00:00",
        )
    ]
    assert said == ["never", "just now", "just now", "2 minutes ago", "1 hour ago", "3 days ago"]


def test_what_was_not_asked_is_no_zero():
    assert figures(person())["checks"] == "-"
    assert figures(person(checks=(0, 2)))["checks"] == "0 of 2"
