"""The stage: by the last epoch, by hand, by a judge; and what it says where it cannot choose."""

import json

import pytest

from handful.choose.offer import offers
from handful.choose.picks import Pick
from handful.choose.records import Choice, read
from handful.choose.work import work
from handful.cli.choice import choice_lines
from handful.core import jsonl
from handful.core.errors import DataError, RecipeError, Waiting
from handful.pipeline import STAGES
from handful.recipe.judging import Choose, FakeJudge, LocalJudge
from handful.recipe.load import load
from handful.recipe.values import InputPath, ModelRef
from handful.run.execute import plan
from handful.run.store import content_hashes

LONGER = FakeJudge(kind="fake", prefers="longer")


def choice(made):
    return json.loads((made.out / "choice.json").read_text())


def test_by_default_the_last_epoch_is_taken(build):
    made = build()
    counts = work(Choose(), made.inputs, made.out)
    found = choice(made)
    assert (found["epoch"], found["by"], found["candidates"]) == (6, "last", [5, 6])
    assert [row["epoch"] for row in found["epochs"]] == [1, 2, 3, 4, 5, 6]
    assert counts == {"epoch": 6, "by": "last", "candidates": 2, "prompts": 4, "answers": 24}
    assert "Chosen: epoch 6, the last one." in (made.out / "page.html").read_text()


def test_a_run_without_dev_examples_takes_the_last_epoch_too(build):
    made = build(dev=False, kept=[6])
    work(Choose(), made.inputs, made.out)
    assert choice(made)["epoch"] == 6
    assert "No dev prompt was answered" in (made.out / "page.html").read_text()


def test_by_hand_it_waits_and_says_where_to_read_and_what_to_write(build):
    made = build()
    with pytest.raises(Waiting) as waiting:
        work(Choose(by="hand"), made.inputs, made.out)
    assert str(waiting.value) == (
        f"read the answers of epochs 5, 6 in {made.out}/page.html and choose one; then put under [choose] of the "
        "recipe: epoch = N; or run: handful run RECIPE --set choose.epoch=N"
    )
    assert "Not chosen yet. Candidates: epochs 5, 6." in (made.out / "page.html").read_text()
    assert not (made.out / "choice.json").exists()


def test_a_hand_may_choose_any_epoch_that_is_there(build):
    made = build()
    work(Choose(by="hand", epoch=3), made.inputs, made.out)
    assert (choice(made)["epoch"], choice(made)["by"]) == (3, "hand")


def test_an_epoch_that_is_not_there_names_those_that_are(build):
    made = build(kept=[5, 6])
    with pytest.raises(
        DataError, match=r"choose\.epoch: 3, but .*train holds checkpoints of epochs 5, 6 only"
    ):
        work(Choose(by="hand", epoch=3), made.inputs, made.out)


def test_a_judge_chooses_what_it_grades_best(build):
    made = build(epochs=8, text=lambda epoch, n: "x" * (100 - abs(epoch - 6)))
    counts = work(Choose(by="judge", judge=LONGER), made.inputs, made.out)
    found = choice(made)
    assert (found["epoch"], found["by"], found["judge"]) == (6, "judge", "a fake that prefers longer")
    assert found["again"] == 1.0
    graded = {row["epoch"]: row["grade"]["estimate"] for row in found["epochs"] if row["grade"]}
    assert graded == {5: 1.495, 6: 1.5, 7: 1.495, 8: 1.49}  # no grade outside of the candidates
    assert (counts["epoch"], counts["graded_prompts"], counts["unreadable"]) == (6, 4, 0)
    assert len((made.out / "grades.jsonl").read_bytes().splitlines()) == 16 + 4  # and four to other prompts
    assert "Only 4 prompts graded" in " ".join(found["notes"])


def write_picks(made, path, best):
    """Let ann and ben find `best(n)` best of prompt n."""
    offered = offers(read(made.inputs["train"], made.inputs["dataset"]), [5, 6])
    jsonl.write(
        path,
        [Pick(who, o.prompt_id, o.answers, best(n)) for n, o in enumerate(offered) for who in ("ben", "ann")],
    )
    return InputPath(str(path))


def test_for_people_it_waits_says_what_to_type_and_shows_no_page_that_names_epochs(build):
    made = build()
    with pytest.raises(Waiting) as waiting:
        work(Choose(by="people"), made.inputs, made.out)
    assert str(waiting.value) == (
        "people have yet to read the answers of epochs 5, 6: handful serve choice RECIPE; its page of results says "
        "what to put under [choose] of the recipe"
    )
    assert list(made.out.iterdir()) == []


def test_people_choose_what_has_most_votes(build, tmp_path):
    made = build()
    path = write_picks(made, tmp_path / "picks.jsonl", lambda n: (5, 6) if n == 3 else (6,))
    counts = work(Choose(by="people", picks=(path,)), made.inputs, made.out)
    found = choice(made)
    assert (found["epoch"], found["by"], found["people"], found["judge"]) == (6, "people", 2, "")
    assert {row["epoch"]: row["share"]["estimate"] for row in found["epochs"] if row["share"]} == {
        5: 0.125,
        6: 0.875,
    }
    assert found["agreement"]["overlap"]["estimate"] == 1.0
    assert (counts["epoch"], counts["people"], counts["read_prompts"]) == (6, 2, 4)
    kept = [json.loads(line) for line in (made.out / "picks.jsonl").read_text().splitlines()]
    assert [(line["prompt_id"], line["person"]) for line in kept] == [
        (f"dev/{n}", w) for n in range(4) for w in ("ann", "ben")
    ]
    assert "by the votes of 2 people who read them blinded" in (made.out / "page.html").read_text()


def test_the_command_line_shows_the_votes_and_how_far_people_agree(build, tmp_path):
    made = build()
    path = write_picks(made, tmp_path / "picks.jsonl", lambda n: (5, 6) if n == 3 else (6,))
    work(Choose(by="people", picks=(path,)), made.inputs, made.out)
    lines = choice_lines(made.out)
    (chosen,) = [line.split() for line in lines if "chosen" in line]
    assert (chosen[0], chosen[-7:]) == ("6", ["88%", "48%", "to", "100%,", "n", "=", "4"])
    (said,) = [line.strip() for line in lines if "picked by" in line]
    assert said.startswith(
        "picked by 2 people; the same choice in 100% of resamples; two people's picks overlap by 100%"
    )


def test_picks_make_the_same_bytes_twice(build, tmp_path):
    made = build()
    path = write_picks(made, tmp_path / "picks.jsonl", lambda n: (5,))
    work(Choose(by="people", picks=(path,)), made.inputs, made.out)
    (second := tmp_path / "second").mkdir()
    work(Choose(by="people", picks=(path,)), made.inputs, second)
    assert content_hashes(made.out) == content_hashes(second)


def test_picks_of_another_training_are_refused(build, tmp_path):
    made = build()
    path = write_picks(made, tmp_path / "picks.jsonl", lambda n: (5,))
    samples = made.inputs["train"] / "dev_samples.jsonl"
    samples.write_text(samples.read_text().replace("Rinse", "Wash"))
    with pytest.raises(DataError, match="is of other answers than this training's"):
        work(Choose(by="people", picks=(path,)), made.inputs, made.out)


def test_a_judge_that_finds_all_alike_says_that_the_choice_means_little(build):
    made = build()
    work(Choose(by="judge", judge=FakeJudge(kind="fake", prefers="tie")), made.inputs, made.out)
    found = choice(made)
    assert found["epoch"] == 5
    assert "do not tell epoch 5 from epoch 6" in found["notes"][0]


def test_what_cannot_be_told_from_the_chosen_epoch_stands_in_the_file(build, tmp_path):
    made = build()
    work(Choose(by="judge", judge=FakeJudge(kind="fake", prefers="tie")), made.inputs, made.out)
    assert choice(made)["untold"] == [6]
    path = write_picks(made, tmp_path / "picks.jsonl", lambda n: (5, 6))
    work(Choose(by="people", picks=(path,)), made.inputs, made.out)
    assert choice(made)["untold"] == [6]
    work(Choose(), made.inputs, made.out)
    assert choice(made)["untold"] == []


def test_a_local_judges_grades_are_said_to_be_another_kind_than_in_the_study(build, tiny_model):
    made = build(prompts=2)
    work(
        Choose(by="judge", judge=LocalJudge(kind="local", model=ModelRef(str(tiny_model)))),
        made.inputs,
        made.out,
    )
    kind = "A local judge's grade is here the one that it expects"
    assert any(note.startswith(kind) for note in choice(made)["notes"])
    assert kind.replace("'", "&#39;") in (made.out / "page.html").read_text()
    work(Choose(by="judge", judge=LONGER), made.inputs, made.out)
    assert not any(note.startswith(kind) for note in choice(made)["notes"])


def test_a_local_judge_makes_the_same_bytes_twice_and_names_no_path(build, tiny_model, tmp_path):
    made = build(prompts=2)
    params = Choose(by="judge", judge=LocalJudge(kind="local", model=ModelRef(str(tiny_model))))
    work(params, made.inputs, made.out)
    (second := tmp_path / "second").mkdir()
    work(params, made.inputs, second)
    assert content_hashes(made.out) == content_hashes(second)
    for file in made.out.iterdir():
        assert str(tmp_path.parent) not in file.read_text()
    assert choice(made)["judge"] == tiny_model.name


@pytest.mark.parametrize("params", [Choose(by="hand"), Choose(by="people"), Choose(by="judge", judge=LONGER)])
def test_without_answers_there_is_nothing_to_choose_by(build, params):
    made = build(dev=False)
    with pytest.raises(DataError, match=r'no answers of epochs 5, 6 .* source with split = "dev"'):
        work(params, made.inputs, made.out)


def test_answers_to_prompts_of_another_dataset_are_refused(build):
    made = build()
    (made.inputs["dataset"] / "dev.jsonl").write_text("")
    with pytest.raises(DataError, match="answers dev/0, which is no dev example"):
        work(Choose(by="hand"), made.inputs, made.out)


def test_answers_cut_at_the_limit_are_pointed_out(build):
    made = build(finish=lambda epoch, n: "length" if n else "eot")
    work(Choose(), made.inputs, made.out)
    assert choice(made)["notes"][0].startswith(
        "Of the candidates' answers 75% do not end with the end-of-turn token."
    )


def test_a_folder_without_checkpoints_is_an_error(build):
    made = build(kept=[])
    with pytest.raises(DataError, match="holds no checkpoint to choose"):
        work(Choose(), made.inputs, made.out)


# --- in a recipe

RECIPE = """
name = "r"
[sources.a]
kind = "authored"
paths = ["a.md"]
{train}
[generate.systems]
tuned = {{ kind = "checkpoint" }}
third = {{ kind = "checkpoint", epoch = 3 }}
base = {{ kind = "base", model = "smollm2-135m-instruct" }}
"""
TRAIN = '[train]\nmodel = "smollm2-135m-instruct"'


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.md").write_text("")

    def recipe(train=TRAIN, **overrides):
        path = tmp_path / "r.toml"
        path.write_text(RECIPE.format(train=train))
        return load(path, [f"{key.replace('__', '.')}={value}" for key, value in overrides.items()])

    return recipe


def keys(recipe, tmp_path):
    return {step.label: step.key for step in plan(STAGES, recipe, tmp_path / "work")}


def test_only_what_the_chosen_epoch_answers_depends_on_the_choice(write, tmp_path):
    last = keys(write(), tmp_path)
    hand = keys(write(choose__by="hand", choose__epoch=7), tmp_path)
    assert {label for label in last if last[label] != hand[label]} == {
        *("choose", "generate/tuned", "study", "annotate", "stats", "report")
    }


def test_a_recipe_without_training_has_nothing_to_choose(write, tmp_path):
    assert "choose" not in keys(write(train=""), tmp_path)


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"choose__by": "judge"}, r'choose\.judge: must say who grades, where by = "judge"'),
        ({"choose__by": "people", "train__dev_samples": 0}, r"choose\.by: is 'people', which needs answers"),
        (
            {"choose__by": "hand", "choose__picks": '["a.md"]'},
            r'choose\.picks: are read where choose\.by = "people"',
        ),
        ({"choose__by": "hand", "train__dev_samples": 0}, r"choose\.by: is 'hand', which needs answers"),
        (
            {"choose__by": "hand", "train__keep": "last"},
            r'choose\.by: is \'hand\', but train\.keep = "last" leaves',
        ),
        ({"choose__by": "hand", "choose__epoch": 16}, r"choose\.epoch: is 16, but train\.epochs is 15"),
        (
            {"choose__by": "hand", "choose__epoch": 9, "train__keep": "last"},
            r'choose\.epoch: is 9, but train\.keep = "last" keeps epoch 15 only',
        ),
        ({"choose__first": 7, "choose__last": 6}, r"choose\.last: must be at least 7, found 6"),
        ({"choose__by": "best"}, r"choose\.by: 'best' is not one of 'last', 'hand', 'people', 'judge'"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused_before_training(write, overrides, problem):
    with pytest.raises(RecipeError, match=problem):
        write(**overrides)


def test_what_is_written_is_what_is_read(build):
    import msgspec

    made = build()
    work(Choose(by="judge", judge=LONGER), made.inputs, made.out)
    text = (made.out / "choice.json").read_bytes()
    again = msgspec.json.encode(msgspec.json.decode(text, type=Choice))
    assert json.loads(again) == json.loads(text)
