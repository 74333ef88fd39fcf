"""What a request may cost: the recipe's prices, a package's, or none; never those of the same name elsewhere."""

from __future__ import annotations

from importlib import metadata

import pytest

from handful.core.errors import RecipeError
from handful.models.api import prices
from handful.recipe.judging import EndpointJudge


def judge(base_url="http://127.0.0.1:1/v1", model="m", **given):
    return EndpointJudge(kind="endpoint", base_url=base_url, model=model, **given)


def test_the_recipes_prices_are_usd_a_million_tokens():
    price = prices.price_of(judge(input_price=2.5, output_price=10.0))
    assert price.usd(1_000_000, 0) == 2.5
    assert price.usd(2_000, 300) == pytest.approx(0.008)
    assert price.source == "recipe"


def test_a_server_of_ones_own_costs_nothing():
    assert prices.price_of(judge(input_price=0.0, output_price=0.0)).usd(10**6, 10**6) == 0


@pytest.mark.parametrize("given", [{"input_price": 1.0}, {"output_price": 1.0}])
def test_one_price_alone_is_a_mistake(given):
    with pytest.raises(RecipeError, match="one price alone"):
        prices.price_of(judge(**given))


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_a_price_is_a_number_from_0(price):
    with pytest.raises(RecipeError, match="must be 0 or more"):
        prices.price_of(judge(input_price=price, output_price=1.0))


def test_a_published_price_is_of_the_address_and_the_model():
    price = prices.price_of(judge("https://api.openai.com/v1", "gpt-4o"))
    assert price.usd(1_000_000, 100_000) == pytest.approx(
        2.5 + 1.0
    )  # as OpenAI has published since October 2024
    assert price.source == f"genai-prices {metadata.version('genai-prices')}"
    assert prices.price_of(judge("http://127.0.0.1:1/v1", "gpt-4o")) is None
    assert prices.price_of(judge("https://api.openai.com/v1", "no-such-model")) is None


def test_a_request_has_no_more_tokens_than_bytes():
    messages = [{"role": "user", "content": "Hä?"}, {"role": "assistant", "content": ""}]
    assert prices.most_tokens(messages) == 4 + 2 * 16 + 256
    assert prices.most_tokens(messages, {"type": "object"}) > prices.most_tokens(messages)
