"""Where a page for people is served and under which address they reach it: the options that such commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from handful.core.errors import RecipeError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
R = TypeVar("R")

HOST = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
PORT = click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one."
)
ALLOW_REMOTE = click.option(
    "--allow-remote",
    is_flag=True,
    help="Let other machines in. The pages speak plain HTTP: put them behind a proxy that adds TLS "
    "(nginx, Caddy), or else links and answers cross the network readable.",
)
PUBLIC_URL = click.option(
    "--public-url",
    metavar="URL",
    default="",
    help="The address that people type, where a proxy on this machine passes it on: links begin with it, requests to "
    "any other name are refused, and with https:// cookies travel encrypted alone.",
)


ANNOTATOR = click.option(
    "--annotator",
    "annotators",
    multiple=True,
    metavar="NAME[:GROUP]",
    help="Add this person, and print their link. May be repeated; whoever is there already is left alone.",
)


@dataclass(frozen=True, slots=True)
class Reached:
    """How people reach a server: the names it answers to, and whether they come over TLS."""

    host: str
    public_url: str
    hosts: tuple[str, ...]

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")

    def origin(self, port: int) -> str:
        """What links begin with, without a slash at the end."""
        if self.public_url:
            return self.public_url
        return self.here(port)

    def here(self, port: int) -> str:
        """The address on this machine."""
        named = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{named}]' if ':' in named else named}:{port}"


def reached(host: str, allow_remote: bool, public_url: str) -> Reached:
    """What --host, --allow-remote and --public-url come to.

    Raises:
        RecipeError: other machines would be let in without --allow-remote, or the URL is none.
    """
    if host not in LOOPBACK and not allow_remote:
        raise RecipeError(
            f"--host {host}: would let other machines in over plain HTTP. Keep 127.0.0.1 behind a proxy that adds "
            "TLS and say its address with --public-url https://NAME (or use an SSH tunnel: "
            "ssh -L 8000:127.0.0.1:8000 THIS_MACHINE); if that is settled, add --allow-remote"
        )
    url, names = checked_url(public_url)
    if names:
        return Reached(host, url, (*names, *LOOPBACK_HOSTS))
    return Reached(host, "", ("*",) if allow_remote else LOOPBACK_HOSTS)


def served_at(command: Callable[..., R]) -> Callable[..., R]:
    """The command with the options that say where it is reached; it is given `where`, a `Reached`, and `port`."""

    @HOST
    @PORT
    @ALLOW_REMOTE
    @PUBLIC_URL
    @wraps(command)
    def run(*args: Any, host: str, allow_remote: bool, public_url: str, **kwargs: Any) -> R:
        return command(*args, where=reached(host, allow_remote, public_url), **kwargs)

    return run


def checked_url(text: str) -> tuple[str, tuple[str, ...]]:
    """A URL without the slash at its end, and the host that it names; both empty where `text` is."""
    if not text:
        return "", ()
    wrong = f"--public-url {text}: is not an address such as https://study.example.org"
    try:
        parts = urlsplit(text)
        name, _ = parts.hostname, parts.port  # a port that is no number is found by asking for it
    except ValueError as error:
        raise RecipeError(f"{wrong} ({error})") from error
    if parts.scheme not in ("http", "https") or not name or "@" in parts.netloc:
        raise RecipeError(wrong)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise RecipeError(f"{wrong}: the pages stand at the root of their host, so nothing follows the name")
    return f"{parts.scheme}://{parts.netloc}", (f"[{name}]" if ":" in name else name,)
