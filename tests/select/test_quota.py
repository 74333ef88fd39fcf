import pytest

from handful.core.errors import DataError
from handful.recipe.curation import Select
from handful.select.quota import settle


def test_a_source_without_a_quota_is_taken_whole():
    assert settle(Select(quota={"stem": 3}), {"stem": 5, "mine": 7}, {}) == {"stem": 3, "mine": 7}


def test_the_default_quota_passes_over_rows_of_table_1_that_are_no_source():
    assert settle(Select(), {"stem": 500, "mine": 7}, {}) == {"stem": 200, "mine": 7}


def test_a_stated_quota_for_an_unknown_source_is_an_error_with_the_nearest_name():
    with pytest.raises(DataError, match=r"select\.quota\.stm: .* did you mean 'stem'\?"):
        settle(Select(quota={"stm": 3}), {"stem": 5, "other": 5}, {})
    with pytest.raises(DataError, match=r"the sources are other, stem"):
        settle(Select(quota={"wikihow": 3}), {"stem": 5, "other": 5}, {})


def test_too_large_a_quota_says_what_the_rules_took():
    counts = {"stem": {"dropped": {"no_answer": 7, "low_score": 1822}}}
    with pytest.raises(DataError) as error:
        settle(Select(), {"stem": 38}, counts)
    assert str(error.value) == (
        "select.quota.stem: asked for 200, but the rules left 38 (low_score took 1,822, no_answer took 7); "
        "lower the quota, add sources or relax clean"
    )
