import csv
import io

from handful.dataset.attribution import attribution, licenses, uncredited, written_by_a_model


def test_every_dialogue_has_a_line_that_credits_it(make_example):
    example = make_example(
        "q/1",
        title="Why, oh why?",
        url="https://x.org/a/2",
        author='Ann "A", Bee',
        license="CC BY-SA 4.0",
        tags=("prompt=body", "tag=x", "edited_by=anna, ben"),
    )
    rows = list(
        csv.DictReader(io.StringIO(attribution({"train": [example], "test": [make_example("t").prompt()]})))
    )
    assert rows[0] == {
        "id": "q/1",
        "title": "Why, oh why?",
        "url": "https://x.org/a/2",
        "author": 'Ann "A", Bee',
        "license": "CC BY-SA 4.0",
        "source": "other",
        "community": "cooking",
        "split": "train",
        "row": "1",
        "prompt": "body",
        "edited_by": "anna, ben",
    }
    assert (rows[1]["id"], rows[1]["split"], rows[1]["row"], rows[1]["prompt"]) == ("t", "test", "1", "")


def test_licences_and_authors_that_are_models_are_counted(make_example):
    dialogues = [
        make_example("1", author="a language model", license="Apache-2.0"),
        make_example("2", author="Claude Mullman", license="Apache-2.0"),
        make_example("3"),
    ]
    assert licenses({"train": dialogues, "dev": dialogues[:1], "test": []}) == {
        "train": {"Apache-2.0": 2, "": 1},
        "dev": {"Apache-2.0": 1},
        "test": {},
    }
    assert written_by_a_model({"train": dialogues}) == {"a language model": 1}


def test_what_no_source_states_is_counted(make_example):
    dialogues = [
        make_example("1", author="Ann", title="", url="https://a.example/1"),
        make_example("2", author="", title="Rice", url="https://a.example/2"),
        make_example("3", author="", title="", url="https://a.example/3"),
    ]
    assert uncredited({"train": dialogues}) == {"title": 2, "author": 2}
