"""Which settings are the paper's, and which recipes depart."""

from dataclasses import replace

import pytest

from handful.recipe.judging import Choose, FakeJudge
from handful.recipe.load import load
from handful.recipe.systems import BaseSystem, CheckpointSystem
from handful.recipe.training import Train
from handful.recipe.values import InputPath
from handful.report.departures import (
    PAPER,
    PAPER_MODEL,
    defaults,
    departures,
    epoch_in_words,
    in_words,
    ours,
    settings,
    shown,
)
from handful.report.facts import Facts


def test_every_setting_called_the_papers_exists():
    assert PAPER.keys() <= defaults().keys()


def test_a_recipe_of_defaults_departs_only_in_what_it_must(recipe):
    plain = replace(recipe, train=Train(model=PAPER_MODEL), stats=replace(recipe.stats, draws=10_000))
    plain = replace(
        plain, generate=replace(plain.generate, max_tokens=2048), annotate=replace(plain.annotate, people=0)
    )
    assert departures(plain) == []


def test_the_papers_recipe_departs_nowhere_but_in_names(repository):
    found = {key for key, *_ in departures(load(repository / "recipes/lima-65b.toml"))}
    assert found & PAPER.keys() <= {"train.model"}


def test_the_demo_states_its_departures(repository):
    found = {key: (here, there) for key, here, there, _ in departures(load(repository / "recipes/demo.toml"))}
    assert found["train.epochs"][1] == "15"
    assert found["train.learning_rate"][1] == "1e-05"
    assert found["train.model"][1] == "LLaMA-65B"


def test_what_the_paper_did_for_its_smaller_models_is_said(recipe):
    small = replace(recipe, train=Train(model=PAPER_MODEL, batch_size=64))
    found = {key: whose for key, _, _, whose in departures(small)}
    assert found["train.batch_size"] == "Section 3, but the same for its 7B models, Section 5"


def test_a_default_of_ours_is_called_ours(recipe):
    kept = dict(ours(recipe))
    assert kept["train.loss_on"] == "response"
    assert "train.epochs" not in kept


def test_paths_are_shown_without_where_they_lie():
    assert shown(InputPath("/home/someone/data/cooking.7z")) == "cooking.7z"
    assert shown((InputPath("/a/b"), InputPath("/a/c"))) == "b, c"
    assert shown({"stem": 12}) == "stem 12"


def test_settings_hold_the_whole_recipe(recipe):
    found = settings(recipe)
    assert found["sources.stem.kind"] == "stackexchange"
    assert found["judge.judges.rule.prefers"] == "longer"
    assert found["name"] == "a tiny run"


def test_orders_are_no_departure_where_no_pair_was_judged(recipe):
    orders = "a judge is asked in both orders"
    assert orders in " ".join(in_words(Facts(recipe=recipe)))
    alone = replace(recipe, study=replace(recipe.study, tasks=("helpfulness", "safety")))
    assert orders not in " ".join(in_words(Facts(recipe=alone)))


CHECKPOINT = {"tuned": CheckpointSystem(kind="checkpoint")}
PAPER_CHOSE = "The paper chose a checkpoint between epochs 5 and 10 by hand"


@pytest.mark.parametrize(
    ("choose", "systems", "said"),
    [
        (Choose(), CHECKPOINT, [f"{PAPER_CHOSE}; here the last one is taken."]),
        (Choose(by="hand"), CHECKPOINT, []),
        (
            Choose(by="people"),
            CHECKPOINT,
            [f"{PAPER_CHOSE}; here the votes of people who read answers blinded decide."],
        ),
        (
            Choose(by="judge", judge=FakeJudge(kind="fake")),
            CHECKPOINT,
            [f"{PAPER_CHOSE}; here a judge's grades decide."],
        ),
        (
            Choose(by="hand"),
            {"third": CheckpointSystem(kind="checkpoint", epoch=3)},
            [f"{PAPER_CHOSE}; here the recipe names it."],
        ),
        (Choose(), {"base": BaseSystem(kind="base")}, []),
    ],
)
def test_how_the_epoch_was_chosen_is_said_where_it_was_not_by_hand(recipe, choose, systems, said):
    changed = replace(recipe, choose=choose, generate=replace(recipe.generate, systems=systems))
    assert epoch_in_words(changed) == said
