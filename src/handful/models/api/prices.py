"""What a request costs: by the recipe's own prices, or by those of the package genai-prices, which come with it.

Nothing is fetched: the same version of the package gives the same prices. A price by the model's name alone is never
taken: the same model costs something else elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from handful.core.errors import RecipeError
from handful.models.api.provider import Server

MILLION = 1_000_000
TOKENS_A_MESSAGE = 16
"""Of marks around a message, at most."""
TOKENS_A_REQUEST = 256
"""Of what a server puts before the dialogue without being asked."""


@dataclass(frozen=True, slots=True)
class Price:
    usd: Callable[[int, int], float]
    """(tokens read, tokens written) -> USD."""
    source: str
    """Whose price it is: "recipe", or "genai-prices 0.2.3"."""


def price_of(server: Server) -> Price | None:
    """None where it is not known.

    Raises:
        RecipeError: one of the two prices without the other, or one that is none.
    """
    given = (server.input_price, server.output_price)
    if given == (None, None):
        return published(server)
    read, written = given
    for name, price in (("input_price", read), ("output_price", written)):
        if price is None:
            raise RecipeError(
                f"{server.model}: has one price alone; give {name} too, in USD a million tokens"
            )
        if not 0 <= price < float("inf"):
            raise RecipeError(f"{server.model}: {name}: must be 0 or more, found {price}")
    assert read is not None
    assert written is not None
    return Price(lambda tokens, more: (read * tokens + written * more) / MILLION, "recipe")


def published(server: Server) -> Price | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None

    def usd(tokens: int, more: int) -> float:
        usage = Usage(input_tokens=tokens, output_tokens=more)
        return float(calc_price(usage, server.model, provider_api_url=server.base_url).total_price)

    try:
        usd(1, 1)
    except LookupError:
        return None
    return Price(usd, f"genai-prices {metadata.version('genai-prices')}")


def unknown(server: Server, name: str = "") -> RecipeError:
    """What is said where a budget needs a price that nobody knows."""
    return RecipeError(
        f"{name or server.model}: --max-usd needs to know what {server.model!r} costs; set its input_price and "
        "output_price, in USD a million tokens, in the recipe (0 for a server of your own)"
    )


def most_tokens(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any] | None = None) -> int:
    """No tokenizer makes more tokens of the request: each of them stands for a byte at least."""
    content = sum(len(message["content"].encode()) + TOKENS_A_MESSAGE for message in messages)
    return content + TOKENS_A_REQUEST + (len(str(schema).encode()) if schema else 0)
