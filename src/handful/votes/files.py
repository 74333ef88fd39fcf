"""What several files of verdicts have in common, and what is made of it: the same names, the same rows."""

from __future__ import annotations

import numpy as np

from handful.votes.readings import numbered
from handful.votes.table import Ints, Votes
from handful.votes.words import counted


def of_files(votes: Votes) -> list[str]:
    """Notes on files that were given together; none of one file."""
    starts = np.array([start for _, start in votes.files], dtype=np.int64)
    if len(starts) < 2:
        return []
    file = np.searchsorted(starts, np.arange(len(votes)), side="right") - 1
    said = []
    people = shared(votes.annotator, file)
    if people:
        name = votes.annotators[people[0]]
        said.append(
            f"{counted(len(people), 'annotator')} (such as {name!r}) "
            f"{'stands' if len(people) == 1 else 'stand'} in more than one file: the same name is taken for the same "
            "annotator."
        )
    row = numbered(
        votes.prompt, votes.annotator, votes.left, votes.right, votes.choice, votes.group, votes.turn
    )
    again = repeats(row, file)
    if again:
        said.append(
            f"{counted(again, 'row')} of later files {'repeats' if again == 1 else 'repeat'} one of an earlier file "
            "(same prompt, annotator, systems and choice): under --repeats tie, and last, a repeated row counts once."
        )
    elif not shared(votes.prompt, file):
        said.append("No two files have a prompt in common.")
    return said


def shared(name: Ints, file: Ints) -> list[int]:
    """The names that stand in more than one file, those met first before others."""
    files = int(file.max(initial=0)) + 1
    in_file = np.unique(name * files + file) // files
    names, times = np.unique(in_file, return_counts=True)
    return [int(found) for found in names[times > 1]]


def repeats(row: Ints, file: Ints) -> int:
    """How many rows stand in an earlier file as well."""
    first = np.full(int(row.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, row, file)
    return int((file > first[row]).sum())
