"""The YAML of a card is what `datasets` and the hub would write themselves."""

import yaml
from datasets import Features, List, Value
from huggingface_hub import DatasetCard

from handful.dataset.card import COLUMNS
from handful.dataset.front import front_matter, size_category, with_files
from handful.dataset.layouts import CANDIDATE_COLUMNS, LAYOUTS


def as_datasets(column):
    """The same type in the words of `datasets`."""
    if isinstance(column, str):
        return Value(column)
    if isinstance(column, list):
        return List(as_datasets(column[0]))
    return {name: as_datasets(inner) for name, inner in column.items()}


def matter(text):
    return yaml.safe_load(text.split("---")[1])


def test_columns_are_written_as_datasets_writes_them():
    for columns in (COLUMNS, CANDIDATE_COLUMNS, *(layout.columns for layout in LAYOUTS.values())):
        found = matter(front_matter(["MIT"], "", 3, {"train": "train.jsonl"}, columns))["dataset_info"]
        assert Features._from_yaml_list(found["features"]) == Features(as_datasets(columns))


def test_the_hub_reads_licence_language_size_and_files():
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    data = DatasetCard(front_matter(["MIT", "CC BY 4.0", ""], "en", 1030, files, COLUMNS)).data
    assert (data.license, data.language) == (["cc-by-4.0", "mit"], ["en"])
    assert (data.size_categories, data.task_categories) == (["1K<n<10K"], ["text-generation"])
    assert data.configs == [
        {
            "config_name": "default",
            "data_files": [{"split": name, "path": path} for name, path in files.items()],
        }
    ]


def test_a_language_that_nobody_looked_at_is_not_stated():
    assert "language" not in matter(front_matter(["MIT"], "", 3, {}, COLUMNS))


def test_sizes_have_the_hubs_names():
    sizes = (0, 999, 1000, 9999, 10_000, 123_456, 2_000_000, 10**9)
    names = ["n<1K", "n<1K", "1K<n<10K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "n>100M"]
    assert [size_category(size) for size in sizes] == names


def test_a_card_for_other_files_keeps_all_but_the_files():
    old = front_matter(["MIT"], "en", 3, {"train": "train.jsonl", "dev": "dev.jsonl"}, COLUMNS)
    card = f"{old}\n\n# Title\n\nAn introduction.\n\n## First\n\nOne.\n\n---\n\n## Second\n\nTwo.\n"
    new = with_files(card, {"train": "train.parquet"}, {"x": "string"}, ["## Rows\n\nNew."])
    assert matter(new) == matter(old) | {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "train.parquet"}]}],
        "dataset_info": {"features": [{"name": "x", "dtype": "string"}]},
    }
    assert new.partition("---\n\n# ")[2] == (
        "Title\n\nAn introduction.\n\n## Rows\n\nNew.\n\n## First\n\nOne.\n\n---\n\n## Second\n\nTwo.\n"
    )
