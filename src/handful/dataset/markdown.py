"""Tables and names as a dataset card writes them."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """A name that cannot break a table or start markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
