"""The adapter of a server's protocol, with its address checked and its key from the environment; and what is said
where the server takes neither."""

from __future__ import annotations

import importlib
import os
from urllib.parse import urlsplit

from handful.core.errors import EndpointError
from handful.core.optional import need
from handful.models.api.provider import Failure, Provider, Server, key_env

LIBRARIES = {"openai": "openai", "anthropic": "anthropic", "google": "google.genai"}


def connect(server: Server) -> Provider:
    """The adapter of the server's protocol, with its key from the environment.

    Raises:
        MissingExtra: its library is not installed.
        EndpointError: its address is none, or its key cannot be one.
    """
    check_address(server)
    need(LIBRARIES[server.api], f'api = "{server.api}"')
    adapter = importlib.import_module(f"handful.models.api.{server.api}")
    provider: Provider = adapter.connect(server, key_of(server))
    return provider


def key_of(server: Server) -> str:
    """The key from the environment; "" where there is none."""
    name = key_env(server)
    key = os.environ.get(name, "")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise EndpointError(
            f"{name}: holds what no key does: a blank, a line break or a character outside ASCII; was it pasted whole?"
        )
    return key


def check_address(server: Server) -> None:
    try:
        parts = urlsplit(server.base_url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        fits = False
    if not fits:
        raise EndpointError(
            f'the base_url of {server.model} is no address; such is "http://localhost:8000/v1"'
        )


def place(server: Server) -> str:
    """The server's address, without a password that may stand in it."""
    parts = urlsplit(server.base_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def advice(server: Server, failure: Failure) -> str:
    name = key_env(server)
    if failure.status in (401, 403):
        where = "is set" if os.environ.get(name) else "is not set"
        return (
            f"{place(server)}: the key is refused ({failure}); it is read from the environment variable "
            f"{name}, which {where}"
        )
    if failure.status == 404:
        missing = f"no model {server.model!r} there, or the path is wrong"
        return f"{place(server)}: {missing} ({failure}); many paths end in /v1"
    return f"{place(server)}: {failure}"
