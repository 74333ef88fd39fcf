"""From a judge's words to a choice, or to None. Never to a guess."""

from __future__ import annotations

import re

from handful.core.types import Choice
from handful.models.asking import spoken

OPTIONS: dict[Choice, str] = {
    "left": "Answer A is significantly better.",
    "right": "Answer B is significantly better.",
    "tie": "Neither is significantly better.",
}
"""The three choices of the paper's Figure 11, said of a comparison whose left side is Answer A."""

WRAPPING = (
    " \t*_`'\"#.()[]{}:-\u2018\u2019\u201c\u201d"  # Markdown and brackets; not ">", which quotes someone else
)
FORMS: dict[str, Choice] = {
    **{text.rstrip(".").lower(): choice for choice, text in OPTIONS.items()},
    "answer a": "left",
    "answer b": "right",
    "a": "left",
    "b": "right",
    "tie": "tie",
}
VERDICT = re.compile(r"(?:final )?verdict\b(.*)", re.IGNORECASE)


def read_choice(reply: str, whole: bool = True) -> Choice | None:
    """The choice on the last verdict line, or None where there is none to read.

    A verdict line is "Verdict: A", "Verdict: B", "Verdict: tie", or one of the three options word for word. The
    last one counts, since a judge may weigh the other choice aloud first; if it holds anything but a choice that
    was offered, nothing is read from an earlier one. An unreadable verdict is not a tie: None keeps it out of
    the win rate and in the count of what was lost.

    Args:
        whole: False where the reply was cut off: only a verdict on its very last line counts then.
    """
    lines = [line.strip(WRAPPING) for line in spoken(reply).splitlines() if line.strip()]
    for line in reversed(lines if whole else lines[-1:]):
        found = VERDICT.fullmatch(line)
        if found:
            return FORMS.get(found[1].strip(WRAPPING).lower())
        if line.lower() in FORMS and len(line) > len("answer a"):
            return FORMS[line.lower()]
    return None
