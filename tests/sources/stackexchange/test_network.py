"""The list of sites has the paper's counts, and knows a site by all its names."""

from itertools import chain

import pytest

from handful.sources.stackexchange.network import group, groups, identity, the_list


def names(table):
    return list(chain.from_iterable(table.values()))


def test_the_list_has_the_papers_counts():
    found = the_list()
    assert (len(names(found["stem"])), len(names(found["other"])), len(found["niche"])) == (75, 99, 5)


def test_no_site_stands_twice_and_the_lists_are_in_order():
    found = the_list()
    tables = [found["stem"], found["other"], {"niche": found["niche"]}, *found["beyond"].values()]
    listed = list(chain.from_iterable(map(names, tables)))
    assert len(set(listed)) == len(listed) == len(groups())
    assert all(part == sorted(part) for table in tables for part in table.values())


def test_an_alias_leads_to_a_site_of_the_list_and_is_none_itself():
    for other, main in the_list()["aliases"].items():
        assert main in groups()
        assert other not in groups()


@pytest.mark.parametrize(
    ("site", "expected"),
    [  # the examples that the paper names
        ("stackoverflow.com", "stem"),
        ("math.stackexchange.com", "stem"),
        ("physics.stackexchange.com", "stem"),
        ("english.stackexchange.com", "other"),
        ("cooking.stackexchange.com", "other"),
        ("travel.stackexchange.com", "other"),
        # ours
        ("ru.stackoverflow.com", "niche"),
        ("mathoverflow.net", "stem"),
        ("beer.stackexchange.com", "other"),  # "alcohol" today
        ("programmers.stackexchange.com", "stem"),  # "softwareengineering" today
        ("genai.stackexchange.com", "stem"),  # younger than the paper
        ("startups.stackexchange.com", "other"),  # closed before it
        ("bicycles.meta.stackexchange.com", "other"),
        ("meta.cogsci.stackexchange.com", "other"),
        ("meta.stackexchange.com", "other"),
        ("es.meta.stackoverflow.com", "niche"),
        ("tea.example.com", None),
    ],
)
def test_each_site_has_its_group(site, expected):
    assert group(identity(site)) == expected


@pytest.mark.parametrize(
    ("site", "main", "meta"),
    [
        ("beer.stackexchange.com", "alcohol.stackexchange.com", False),
        ("Alcohol.StackExchange.com", "alcohol.stackexchange.com", False),
        ("meta.beer.stackexchange.com", "alcohol.stackexchange.com", True),
        ("alcohol.meta.stackexchange.com", "alcohol.stackexchange.com", True),
        ("meta.stackoverflow.com", "stackoverflow.com", True),
        ("meta.stackexchange.com", "stackexchange.com", True),
        ("metaphysics.example.com", "metaphysics.example.com", False),
    ],
)
def test_a_site_is_the_same_under_all_its_names(site, main, meta):
    assert identity(site) == (main, meta)
