"""Which prompts are asked: `first` counts originals, and their variants come along."""

import msgspec

from handful.core import jsonl
from handful.core.types import Example, Prompt
from handful.generate.prompts import first_asked
from handful.generate.work import work
from handful.recipe.systems import FakeSystem, Generate


def variant(prompt, kind):
    tags = (f"variant_of:{prompt.id}", f"variant:{kind}")
    return msgspec.structs.replace(prompt, id=f"{prompt.id}~{kind}", tags=tags)


def with_variants(dataset):
    """The data set's prompts, with variants behind them as `dataset` leaves them."""
    prompts = list(jsonl.read(dataset / "test.jsonl", Prompt))
    return prompts + [variant(prompt, kind) for kind in ("typos", "shouting") for prompt in prompts]


def ids(prompts):
    return [prompt.id for prompt in prompts]


def test_the_variants_of_the_first_prompts_are_asked_with_them(dataset, out):
    jsonl.write(dataset / "test.jsonl", with_variants(dataset))
    params = Generate(first=2, samples=2, systems={"it": FakeSystem(kind="fake")})
    counts = work(params, {"dataset": dataset}, out)
    rows = [row["prompt_id"] for row in jsonl.read(out / "responses.jsonl", dict)]
    assert rows[::2] == ["p0", "p1", "p0~typos", "p1~typos", "p0~shouting", "p1~shouting"]
    assert (counts["prompts"], counts["responses"]) == (6, 12)


def test_without_a_limit_all_are_asked_in_the_order_of_the_file(dataset):
    prompts = with_variants(dataset)
    assert first_asked(prompts, 0) == prompts
    assert first_asked(prompts, 5) == prompts


def test_a_paraphrase_that_stands_before_its_original_does_not_count(dataset):
    p0, p1, p2 = list(jsonl.read(dataset / "test.jsonl", Prompt))[:3]
    asked = [variant(p1, "paraphrase"), variant(p2, "paraphrase"), p0, p1, p2]
    assert ids(first_asked(asked, 2)) == ["p1~paraphrase", "p0", "p1"]


def test_what_names_an_original_that_is_not_there_counts_as_one(dataset):
    """As a text for development may: `dataset` checks the test prompts alone."""
    example = next(jsonl.read(dataset / "dev.jsonl", Example)).prompt()
    lone = msgspec.structs.replace(example, tags=("variant_of:nowhere",))
    others = list(jsonl.read(dataset / "test.jsonl", Prompt))
    assert ids(first_asked([lone, *others], 2)) == ["e0", "p0"]
