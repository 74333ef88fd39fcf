import csv
import io

import pytest

from handful.dataset.attribution import attribution, license_identifier, licenses, written_by_a_model


def test_every_dialogue_has_a_line_that_credits_it(make_example):
    example = make_example(
        "q/1",
        url="https://x.org/a/2",
        author='Ann "A", Bee',
        license="CC BY-SA 4.0",
        tags=("prompt=body", "tag=x"),
    )
    rows = list(
        csv.DictReader(io.StringIO(attribution({"train": [example], "test": [make_example("t").prompt()]})))
    )
    assert rows[0] == {
        "id": "q/1",
        "url": "https://x.org/a/2",
        "author": 'Ann "A", Bee',
        "license": "CC BY-SA 4.0",
        "source": "other",
        "community": "cooking",
        "split": "train",
        "prompt": "body",
    }
    assert (rows[1]["id"], rows[1]["split"], rows[1]["prompt"]) == ("t", "test", "")


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("Apache-2.0", "apache-2.0"),
        ("House rules", "other"),
        ("", "unknown"),
    ],
)
def test_licences_have_the_names_that_a_card_uses(stated, name):
    assert license_identifier(stated) == name


def test_licences_and_authors_that_are_models_are_counted(make_example):
    dialogues = [
        make_example("1", author="a language model", license="Apache-2.0"),
        make_example("2", author="Claude Mullman", license="Apache-2.0"),
        make_example("3"),
    ]
    assert licenses({"train": dialogues}) == {"Apache-2.0": 2, "": 1}
    assert written_by_a_model({"train": dialogues}) == {"a language model": 1}
