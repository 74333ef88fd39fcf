"""Secrets and personal data in a text: looked for, then dropped or masked. Ours; the paper does not say.

`secrets.py` and `personal.py` say what is looked for. Code is searched like prose: that is where keys stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from handful.clean.forms import Find, Form
from handful.clean.personal import ADDRESS, PERSONAL
from handful.clean.secrets import PASSWORD, SECRETS
from handful.recipe.curation import Clean

DIGIT_AS_ZERO = bytes(48 if 48 <= code < 58 else code for code in range(256))
SEPARATORS = b" -().+/\xc2\xa0"  # the last two are a blank that does not break, in UTF-8
WORD_AS_ZERO = bytes(48 if (chr(code).isalnum() and code < 128) or code == 95 else 32 for code in range(256))
LONG_NUMBER, LONG_WORD = b"0" * 9, b"0" * 16


def has_long_number(digits: bytes) -> bool:
    """Whether nine digits stand in a row, but for blanks and the like: without them there is no number to look for.

    Args:
        digits: a text with 0 for each digit.
    """
    return digits.count(b"0") >= len(LONG_NUMBER) and LONG_NUMBER in digits.translate(None, SEPARATORS)


def has_long_word(text: bytes) -> bool:
    """Whether 16 letters, digits and "_" stand in a row: every token and key has such a part."""
    return LONG_WORD in text.translate(WORD_AS_ZERO)


def secrets_in(text: str) -> list[Find]:
    forms = SECRETS if has_long_word(text.encode("utf-8", "replace")) else [PASSWORD]
    return found(text, forms)


def personal_data_in(text: str) -> list[Find]:
    digits = text.encode("utf-8", "replace").translate(DIGIT_AS_ZERO)
    if not has_long_number(digits):
        return found(text, [ADDRESS])
    return found(text, [form for form in PERSONAL if form.digits in digits])


def found(text: str, forms: Sequence[Form]) -> list[Find]:
    """What a text has of each form, a form at a time."""
    finds: list[Find] = []
    for form in forms:
        for mark in form.marks:
            if mark in text:
                finds += fits(text, form)
                break
    return finds


def fits(text: str, form: Form) -> Iterator[Find]:
    group = "it" if "it" in form.pattern.groupindex else 0
    for hit in form.pattern.finditer(text):
        if form.holds(hit[group]):
            yield Find(form.kind, *hit.span(group), hit[group])


def masked(text: str, finds: Sequence[Find]) -> str:
    """The text with "<EMAIL>" for an address, and so on: the kind in capitals. Of two finds that overlap, the first."""
    parts, position = [], 0
    for find in sorted(finds, key=lambda find: (find.start, -find.end)):
        if find.start >= position:
            parts += [text[position : find.start], f"<{find.kind.upper()}>"]
            position = find.end
    return "".join([*parts, text[position:]])


def hint(find: Find) -> str:
    """Enough to find it in the source, and no more: a list of what was dropped must not give it away."""
    shown = min(len(find.words) // 5, 4)
    return f"{find.kind}: {find.words[:shown]}…, {len(find.words)} characters"


def hide(texts: Sequence[str], params: Clean) -> tuple[list[str], Counter[str], tuple[str, str] | None]:
    """Texts with what is to be masked masked, how many of each kind, and the rule that drops them all, if one does."""
    hidden, counts = [], Counter[str]()
    rules = (
        ("secret", params.secrets, secrets_in),
        ("personal_data", params.personal_data, personal_data_in),
    )
    for text in texts:
        finds: list[Find] = []
        for rule, fate, look in rules:
            seen = [] if fate == "keep" else look(text)
            if seen and fate == "drop":
                return [], Counter(), (rule, hint(seen[0]))
            finds += seen
        hidden.append(masked(text, finds) if finds else text)
        if finds:
            counts.update(find.kind for find in finds)
    return hidden, counts, None


def kinds_masked(params: Clean) -> list[str]:
    """The kinds that are looked for in order to mask them."""
    forms = (SECRETS if params.secrets == "mask" else ()) + (
        PERSONAL if params.personal_data == "mask" else ()
    )
    return list(dict.fromkeys(form.kind for form in forms))
