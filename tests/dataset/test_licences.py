"""What a licence's name says: to the hub, and to whoever wants to use the data."""

import pytest

from handful.dataset.licences import address, identifiers, notes, terms


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ("CC BY-SA 4.0", ["cc-by-sa-4.0"]),
        ("CC BY-SA 3.0", ["cc-by-sa-3.0"]),
        ("CC BY-SA 2.5", ["cc"]),  # the hub has no name for it
        ("CC BY-SA", ["cc"]),
        ("CC BY-NC-SA 3.0", ["cc-by-nc-sa-3.0"]),
        ("cc-by-nc-4.0", ["cc-by-nc-4.0"]),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0", ["cc-by-nc-sa-3.0"]),
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/", ["cc-by-nc-sa-3.0"]),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", ["cc-by-4.0"]),
        ("CC0 1.0", ["cc0-1.0"]),
        ("Apache-2.0", ["apache-2.0"]),
        ("Apache License, Version 2.0", ["apache-2.0"]),
        ("MIT", ["mit"]),
        ("AFL 3.0", ["afl-3.0"]),
        ("CDLA Permissive 2.0", ["cdla-permissive-2.0"]),
        ("Unknown", ["unknown"]),
        ("LibriVox: Public Domain (https://librivox.org/pages/public-domain/)", ["other"]),
        ("House rules", ["other"]),
        ("MIT, CC BY-NC-SA 3.0", ["cc-by-nc-sa-3.0", "mit"]),
        ("CC BY-SA 3.0 and CC BY-SA 4.0", ["cc-by-sa-3.0", "cc-by-sa-4.0"]),
    ],
)
def test_licences_have_the_names_of_the_hub(stated, names):
    assert identifiers([stated]) == names


def test_what_states_no_licence_shows_only_where_nothing_states_any():
    assert identifiers(["", "MIT", "", "CC BY 4.0"]) == ["cc-by-4.0", "mit"]
    assert identifiers(["", " "]) == identifiers([]) == ["unknown"]


@pytest.mark.parametrize(
    ("stated", "asks"),
    [
        ("CC BY 4.0", []),
        ("CC BY-SA 2.5", ["sa"]),
        ("CC BY-NC-SA 3.0", ["nc", "sa"]),
        ("CC BY-ND 4.0", ["nd"]),
        ("For non-commercial research", ["nc"]),
        ("MIT, CC BY-NC 4.0", ["nc"]),
        ("MIT", []),
        ("", []),
    ],
)
def test_a_licences_name_says_what_it_asks(stated, asks):
    assert terms(stated) == asks


def test_what_must_be_heeded_is_said_with_how_many_it_is_about():
    found = notes({"CC BY-NC-SA 3.0": 200, "CC BY-SA 4.0": 399, "MIT": 5, "": 1})
    assert found == [
        "200 dialogues may only be used non-commercially",
        "599 dialogues may, once changed, only be passed on under the same licence (ShareAlike)",
        "1 dialogue states no licence: ask first",
    ]
    assert notes({"MIT": 3}) == []


def test_a_creative_commons_licence_has_an_address_of_its_text():
    assert address("CC BY-SA 2.5") == "https://creativecommons.org/licenses/by-sa/2.5/"
    assert address("CC0 1.0") == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert [address(name) for name in ("MIT", "CC BY-SA", "CC BY 3.0, MIT", "")] == [""] * 4


def test_every_licence_of_the_shared_tasks_has_a_name(shared_data):
    """Super-NaturalInstructions states its instances' licences in words of many hands."""
    import json

    paths = sorted((shared_data / "super_natural_instructions").rglob("*.json"))
    stated = {
        text
        for path in paths
        for text in json.loads(path.read_text(encoding="utf-8")).get("Instance License") or []
    }
    named = {text: identifiers([text]) for text in stated}
    assert len(named) > 5
    assert {text for text, names in named.items() if names == ["other"]} == {
        text for text in stated if "Public Domain" in text or "Dedicated" in text
    }
