"""A library that is not installed is named, with what installs it."""

from __future__ import annotations

import pytest

from handful.core import optional
from handful.core.errors import MissingExtra


@pytest.mark.parametrize(("library", "extra"), [("google.genai", "google"), ("anthropic", "anthropic")])
def test_what_is_missing_is_named_with_its_extra(monkeypatch, library, extra):
    monkeypatch.setattr(optional.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=rf"asking needs {library}.*handful\[{extra}\]"):
        optional.need(library, "asking")


def test_a_part_of_what_others_share_is_looked_for_itself():
    assert optional.is_there("email.mime")
    assert not optional.is_there("email.genai")
    assert not optional.is_there("nobody.has.this")
