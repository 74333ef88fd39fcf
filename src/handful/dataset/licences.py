"""Licences: what a source states, what a dataset card calls it, and what it asks of whoever passes the data on.

A licence is text, as its source has it: "CC BY-SA 4.0", "AFL 3.0", "Dedicated License (https://…)". The names of a
card are the identifiers of the Hugging Face hub. This is a reading of names, not of the licences, and no legal advice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

IDENTIFIERS = {
    "afl 3.0": "afl-3.0",
    "agpl 3.0": "agpl-3.0",
    "apache 2.0": "apache-2.0",
    "artistic 2.0": "artistic-2.0",
    "bsd": "bsd",
    "bsd 2 clause": "bsd-2-clause",
    "bsd 3 clause": "bsd-3-clause",
    "c uda": "c-uda",
    "cc0": "cc0-1.0",
    "cc0 1.0": "cc0-1.0",
    "cdla permissive 1.0": "cdla-permissive-1.0",
    "cdla permissive 2.0": "cdla-permissive-2.0",
    "cdla sharing 1.0": "cdla-sharing-1.0",
    "gfdl": "gfdl",
    "gpl": "gpl",
    "gpl 2.0": "gpl-2.0",
    "gpl 3.0": "gpl-3.0",
    "lgpl 3.0": "lgpl-3.0",
    "mit": "mit",
    "mpl 2.0": "mpl-2.0",
    "odbl": "odbl",
    "odc by": "odc-by",
    "pddl": "pddl",
    "unknown": "unknown",
    "unlicense": "unlicense",
}
"""A licence in its plainest spelling -> its identifier, where the hub has one. Creative Commons is below."""
CREATIVE_COMMONS_IDENTIFIERS = {
    *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
}
"""The hub has no name for some, CC BY-SA 2.5 among them: those are "cc", the family."""
SPELT_OUT = (
    (r"creative\W?commons", "cc"),
    (r"attribution", "by"),
    (r"non\W?commercial", "nc"),
    (r"share\W?alike", "sa"),
    (r"no\W?deriv(?:ative)?s?", "nd"),
)
CREATIVE_COMMONS = re.compile(r"\bcc\W.*?\b(by(?:\W(?:nc|sa|nd))*)(?:\W+v?(\d\.\d))?")
NON_COMMERCIAL = re.compile(r"non\W?commercial", re.IGNORECASE)
BETWEEN = re.compile(r"[,;]\s+|\s+(?:and|\+|&)\s+")
NOISE = re.compile(r"\b(?:the|version|v|licen[sc]ed?)\b|[^\w.]+")

TERMS = {
    "nc": "may only be used non-commercially",
    "sa": "may, once changed, only be passed on under the same licence (ShareAlike)",
    "nd": "may not be passed on in a changed form (NoDerivatives)",
}
"""What a licence asks beyond credit -> the same in words."""


def identifiers(licenses: Iterable[str]) -> list[str]:
    """The names for a card's front matter, sorted. What states no licence shows only where nothing states any."""
    stated = {identifier(part) for license in licenses for part in parts(license)}
    return sorted(stated) or ["unknown"]


def identifier(license: str) -> str:
    """The hub's name for one stated licence: "other" for one that it has no name for, "unknown" for none."""
    if found := creative_commons(license):
        name = "-".join(filter(None, ("cc", *found)))
        return name if name in CREATIVE_COMMONS_IDENTIFIERS else "cc"
    plain = spelt_plainly(license)
    return IDENTIFIERS.get(plain, "other" if plain else "unknown")


def spelt_plainly(license: str) -> str:
    return " ".join(NOISE.sub(" ", license.casefold()).split())


def parts(license: str) -> list[str]:
    """The licences of a text that states several, as "MIT, CC BY 4.0"; none of one that states none."""
    if spelt_plainly(license) in IDENTIFIERS:  # "Apache License, Version 2.0" is one
        return [license]
    return [part for part in BETWEEN.split(license) if part.strip()]


def creative_commons(license: str) -> tuple[str, str] | None:
    """("by-sa", "4.0") of a Creative Commons licence that asks for attribution, or None; no version is ""."""
    text = license.casefold()
    for pattern, short in SPELT_OUT:
        text = re.sub(pattern, short, text)
    found = CREATIVE_COMMONS.search(text)
    return (re.sub(r"\W", "-", found[1]), found[2] or "") if found else None


def address(license: str) -> str:
    """Where the text of a Creative Commons licence stands, else ""."""
    found = creative_commons(license) if len(parts(license)) == 1 else None
    if found and found[1]:
        return f"https://creativecommons.org/licenses/{found[0]}/{found[1]}/"
    return "https://creativecommons.org/publicdomain/zero/1.0/" if identifier(license) == "cc0-1.0" else ""


def terms(license: str) -> list[str]:
    """Which of TERMS a licence's name speaks of."""
    spoken_of: set[str] = set()
    for part in parts(license):
        found = creative_commons(part)
        spoken_of.update(found[0].split("-") if found else ())
    if NON_COMMERCIAL.search(license):
        spoken_of.add("nc")
    return [term for term in TERMS if term in spoken_of]


def notes(licenses: Mapping[str, int], which: str = "") -> list[str]:
    """Sentences on what must be heeded, each with how many dialogues it is about.

    Args:
        licenses: licence as stated, "" for none -> dialogues.
        which: of the dialogues, as " to train on".
    """
    bound = Counter(dict.fromkeys(TERMS, 0))
    for license, n in licenses.items():
        bound.update(dict.fromkeys(terms(license), n))
    found = [f"{dialogues(n)}{which} {TERMS[term]}" for term, n in bound.items() if n]
    unclear = sum(n for license, n in licenses.items() if identifier(license) == "unknown")
    if unclear:
        states = "states" if unclear == 1 else "state"
        found.append(f"{dialogues(unclear)}{which} {states} no licence: ask first")
    return found


def dialogues(n: int) -> str:
    return f"{n:,} {'dialogue' if n == 1 else 'dialogues'}"
