"""Hand-written examples: one file a dialogue, and each mistake named by its line."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.annotate.talk_order import TAG as TALKED_ABOUT
from handful.core.errors import DataError
from handful.core.types import Example, Prompt, Turn
from handful.recipe.judging import Study
from handful.recipe.sources import Authored
from handful.recipe.values import InputPath
from handful.sources.authored import parse, read

GOOD = """---
split: train
kind: refusal
topic: cooking
author: A. Writer: the elder
license: CC BY 4.0
---
## User

How?

## Assistant

So.
"""


def read_all(*paths, **options):
    found = []
    source = Authored(kind="authored", paths=tuple(InputPath(str(path)) for path in paths), **options)
    read("authored", source, {}, lambda file, record: found.append((file, record)), paths[0])
    return found


def test_a_file_is_a_dialogue_with_its_origin():
    split, example = parse(GOOD, "data/how-so.md", "authored")
    assert split == "train"
    assert isinstance(example, Example)
    assert example.id == "authored/how-so"
    assert example.turns == (Turn("user", "How?"), Turn("assistant", "So."))
    assert example.tags == ("kind=refusal", "topic=cooking")
    assert (example.origin.author, example.origin.license) == ("A. Writer: the elder", "CC BY 4.0")
    assert (example.origin.source, example.origin.item) == ("authored", "how-so.md")


def test_the_front_matter_may_be_empty_and_the_split_is_then_train():
    split, example = parse("---\n---\n## User\nHow?\n## Assistant\nSo.", "x.md", "authored")
    assert (split, example.tags, example.origin.author) == ("train", (), "")


def test_windows_line_ends_read_alike():
    assert parse(GOOD.replace("\n", "\r\n"), "x.md", "a") == parse(GOOD, "x.md", "a")


def test_a_test_file_is_a_prompt():
    split, prompt = parse(GOOD.replace("train", "test").partition("## Assistant")[0], "x.md", "authored")
    assert split == "test"
    assert isinstance(prompt, Prompt)


CODE = """## Assistant

Some code:

```markdown
## User

~~~
# blank lines stay


```

    ## Assistant

`````
```
## User
`````

Use ```code``` so."""


def test_headings_inside_code_are_text():
    text = GOOD.replace("## Assistant\n\nSo.", CODE)
    assert parse(text, "x.md", "a")[1].turns[1].text == CODE.removeprefix("## Assistant\n\n")


@given(
    st.lists(
        st.sampled_from(["word", "", "  indented", "- item", "## Users", "# User", "1. one"]), min_size=1
    )
)
def test_what_is_written_is_kept_to_the_letter(lines):
    written = "\n".join(lines)
    text = f"---\n---\n## User\n\nHow?\n\n## Assistant\n\nFirst\n{written}\nlast\n"
    assert parse(text, "x.md", "a")[1].turns[1].text == f"First\n{written}\nlast"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("---\nsplit", "split", r"x\.md:1: has no front matter"),
        ("license: CC BY 4.0\n---\n", "license: CC BY 4.0\n", r"x\.md:7: '## User' is not in the form"),
        ("topic:", "topics:", r"x\.md:4: no key 'topics'; did you mean 'topic'\?"),
        (
            "topic:",
            "colour:",
            r"x\.md:4: no key 'colour'; the keys are split, kind, topic, form, intent, ",
        ),
        ("topic: cooking", "kind: plain", r"x\.md:4: 'kind' stands there twice"),
        (
            "split: train",
            "split: training",
            r"x\.md:2: split must be one of train, dev, test, found 'training'",
        ),
        ("split: train", "split: test", r"x\.md:12: a test example must end with the user"),
        ("## Assistant\n\nSo.", "", r"x\.md:8: a train example must end with the assistant"),
        ("## User\n\nHow?\n\n", "", r"x\.md:8: a turn by the assistant where the user has to speak"),
        ("## Assistant", "## User", r"x\.md:12: a turn by the user where the assistant has to speak"),
        ("How?", "", r"x\.md:8: the user's turn is empty"),
        ("## User", "Hello\n## User", r"x\.md:8: text before the first"),
        ("So.", "```\nprint()", r"x\.md:14: the code fence ``` that opens here is never closed"),
        ("## User\n\nHow?\n\n## Assistant\n\nSo.", "", r"x\.md:7: holds no `## User` turn"),
    ],
)
def test_each_mistake_is_named_by_its_line(old, new, error):
    with pytest.raises(DataError, match=error):
        parse(GOOD.replace(old, new, 1), "x.md", "authored")


def test_front_matter_that_never_ends_is_named():
    with pytest.raises(DataError, match=r"x\.md:2: the front matter that begins in line 1 is not closed"):
        parse("---\nsplit: dev", "x.md", "authored")


def test_folders_are_searched_and_their_readme_is_no_example(tmp_path):
    for name in ("b.md", "sub/a.md", "README.md", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("About." if name == "README.md" else GOOD.replace("train", "dev"))
    assert [(file, record.id) for file, record in read_all(tmp_path)] == [
        ("dev", "authored/b"),
        ("dev", "authored/a"),
    ]


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.md").write_text(GOOD)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text(GOOD)
    (tmp_path / "latin.md").write_bytes(GOOD.replace("How", "H\xf6w").encode("latin-1"))
    (tmp_path / "none").mkdir()
    for paths, match in [
        ((tmp_path / "a.md", tmp_path / "sub"), r"sub/a\.md: has the name of .*a\.md"),
        ((tmp_path / "latin.md",), r"latin\.md:10: is not UTF-8 text"),
        ((tmp_path / "none",), r"holds no \*\.md file"),
        ((tmp_path / "no.md",), "no such file or folder"),
    ]:
        with pytest.raises(DataError, match=match):
            read_all(*paths)


def test_the_shipped_examples_are_read(repository):
    files = [file for file, _ in read_all(repository / "data" / "demo" / "authored")]
    assert files.count("examples") >= 40
    assert {"examples", "dev", "test"} == set(files)


def test_form_and_intent_are_tags_and_two_kinds_are_tags_that_other_stages_look_for():
    text = GOOD.partition("## Assistant")[0].replace("split: train", "split: test")
    asked = text.replace("kind: refusal", "kind: sensitive\nform: advise\nintent: malicious")
    assert parse(asked, "x.md", "a")[1].tags == (
        *("kind=sensitive", "topic=cooking", "form:advise", "intent:malicious"),
        Study().sensitive_tag,
    )
    talked = GOOD.replace("kind: refusal", "kind: dialogue")
    assert TALKED_ABOUT in parse(talked, "x.md", "a")[1].tags


def test_a_prompt_of_several_turns_is_one_to_talk_about():
    text = GOOD.replace("split: train", "split: test") + "\n## User\n\nAnd then?\n"
    assert parse(text, "x.md", "a")[1].tags == ("kind=refusal", "topic=cooking", TALKED_ABOUT)


def test_an_intent_is_malicious_or_benign():
    with pytest.raises(DataError, match=r"x\.md:4: intent must be malicious or benign, found 'evil'"):
        parse(GOOD.replace("topic: cooking", "intent: evil"), "x.md", "a")


def test_kinds_are_chosen_or_left_out_and_what_is_left_out_is_a_record(tmp_path):
    for kind in ("plain", "structure", "dialogue"):
        (tmp_path / f"{kind}.md").write_text(GOOD.replace("refusal", kind))
    for options, kept in [
        ({}, ["dialogue", "plain", "structure"]),
        ({"leave_out": ("structure",)}, ["dialogue", "plain"]),
        ({"kinds": ("plain",)}, ["plain"]),
        ({"kinds": ("plain", "structure")}, ["plain", "structure"]),
    ]:
        found = read_all(tmp_path, **options)
        assert [record.id for file, record in found if file == "examples"] == [f"authored/{k}" for k in kept]
        dropped = {(record.id, record.rule, record.detail) for file, record in found if file == "dropped"}
        gone = {"dialogue", "plain", "structure"} - set(kept)
        assert dropped == {(f"authored/{kind}", "kind_left_out", kind) for kind in gone}


@pytest.mark.parametrize("key", ["kinds", "leave_out"])
def test_a_kind_that_no_file_has_is_refused(tmp_path, key):
    (tmp_path / "a.md").write_text(GOOD)
    with pytest.raises(
        DataError, match=rf"authored\.{key}: no file is of the kind 'refusals'; the kinds there are: refusal"
    ):
        read_all(tmp_path, **{key: ("refusals",)})


def prompt_file(folder, name, kind="plain", intent="", more=""):
    (folder / f"{name}.md").write_text(
        f"---\nsplit: test\nkind: {kind}\n"
        + (f"intent: {intent}\n" if intent else "")
        + f"{more}---\n## User\n\nWhat of {name}?\n"
    )


@pytest.fixture
def prompts(tmp_path):
    """Six plain prompts, two malicious and four benign ones, an example to train on and one for dev."""
    for number in range(6):
        prompt_file(tmp_path, f"plain-{number}")
    for number in range(2):
        prompt_file(tmp_path, f"bad-{number}", "sensitive", "malicious")
    for number in range(4):
        prompt_file(tmp_path, f"good-{number}", "sensitive", "benign")
    (tmp_path / "taught.md").write_text(GOOD)
    (tmp_path / "held.md").write_text(GOOD.replace("train", "dev"))
    return tmp_path


def taken(folder, **options):
    return [record.id.partition("/")[2] for file, record in read_all(folder, **options) if file == "test"]


def how_many(names):
    return Counter(name.partition("-")[0] for name in names)


def test_a_part_of_the_prompts_is_even_over_kinds_and_over_intents_within_one(prompts):
    assert how_many(taken(prompts, max_prompts=8)) == {"plain": 4, "bad": 2, "good": 2}
    assert how_many(taken(prompts, max_prompts=10)) == {"plain": 5, "bad": 2, "good": 3}, "bad has no more"
    assert len(taken(prompts, max_prompts=99)) == len(taken(prompts)) == 12


def test_a_smaller_part_is_in_every_larger_one_and_keeps_the_order_of_the_files(prompts):
    parts = [taken(prompts, max_prompts=most) for most in range(1, 13)]
    assert [len(part) for part in parts] == list(range(1, 13))
    assert all(part == sorted(part) for part in parts)
    for smaller, larger in pairwise(parts):
        assert set(smaller) < set(larger)


def test_what_is_over_the_part_and_other_splits_are_records(prompts):
    found = read_all(prompts, max_prompts=9, splits=("test", "dev"))
    dropped = Counter((record.rule, record.detail) for file, record in found if file == "dropped")
    assert dropped == {
        ("over_max_prompts", "plain"): 1,
        ("over_max_prompts", "sensitive"): 2,
        ("split_left_out", "train"): 1,
    }
    assert [record.id for file, record in found if file == "dev"] == ["authored/held"]


def test_a_variant_goes_with_its_prompt_and_counts_for_none(prompts):
    for number in range(6):
        prompt_file(prompts, f"plain-{number}-again", more=f"variant_of: authored/plain-{number}\n")
    found = taken(prompts, max_prompts=4, kinds=("plain",))
    originals = [name for name in found if not name.endswith("-again")]
    assert len(originals) == 4
    assert set(found) == {*originals, *(f"{name}-again" for name in originals)}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"splits": ("dev", "test")},
            r"authored\.splits: no file is of the split 'dev'; the splits there are: test",
        ),
        (
            {"splits": ("test",), "kinds": ("refusal",)},
            r"authored\.kinds: no file is of the kind 'refusal'; .*: plain",
        ),
    ],
)
def test_a_split_that_no_file_has_is_refused(tmp_path, options, error):
    prompt_file(tmp_path, "one")
    with pytest.raises(DataError, match=error):
        read_all(tmp_path, **options)


def test_a_part_of_no_prompts_is_refused(tmp_path):
    (tmp_path / "a.md").write_text(GOOD)
    with pytest.raises(DataError, match=r"authored\.max_prompts: there is no test prompt to take"):
        read_all(tmp_path, max_prompts=3)
    with pytest.raises(ValueError, match="max_prompts: splits leaves no test prompts to take"):
        read_all(tmp_path, max_prompts=3, splits=("train",))
    with pytest.raises(ValueError, match="max_prompts: must be at least 0, found -1"):
        read_all(tmp_path, max_prompts=-1)


def test_everything_that_is_wrong_with_the_front_matter_is_said_at_once():
    text = GOOD.replace("train", "training").replace("topic:", "topics:").replace("author:", "intent: evil #")
    with pytest.raises(DataError) as error:
        parse(text, "x.md", "a")
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "x.md:2",
        "x.md:4",
        "x.md:5",
    ]


@pytest.mark.parametrize("split", ["train", "dev"])
def test_only_a_test_prompt_may_be_sensitive(split):
    text = GOOD.replace("split: train", f"split: {split}").replace("refusal", "sensitive")
    with pytest.raises(DataError, match=r"x\.md:3: kind sensitive is for test prompts"):
        parse(text, "x.md", "a")
