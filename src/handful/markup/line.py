"""What stands within a line of text: white space, code in backticks, exponents and the numbers of notes.

Knows nothing of HTML: `html.py` and `wellformed.py` say what they found.
"""

from __future__ import annotations

import re

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
CONTROL_BYTES = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
BLANKED = bytes(0x20 if byte in CONTROL_BYTES else byte for byte in range(256))

EXPONENT_AFTER = re.compile(r"(?:\d|\)|(?<![^\W_])[^\W\d_]|\b[ckmnµ]m)$")
ORDINAL = frozenset({"st", "nd", "rd", "th"})


def without_control(text: str) -> str:
    """`text` without control characters (but tab and line ends) and lone surrogates."""
    try:
        data = text.encode()  # four times faster than the pattern
    except UnicodeEncodeError:
        return CONTROL.sub("", text)
    if data.translate(BLANKED) == data:  # twice as fast as to leave them out
        return text
    return data.translate(None, CONTROL_BYTES).decode()


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank, and without characters of no width.

    `text` has no control characters but tab and line ends.
    """
    if (text.isascii() and not ("\t" in text or "\n" in text or "\r" in text)) or text.isprintable():
        while "  " in text:
            text = text.replace("  ", " ")
        return text.strip(" ")
    return " ".join(text.replace("\u200b", "").replace("\ufeff", "").split())


def code_span(code: str) -> str:
    """Inline code between backticks, more of them than any run inside has (CommonMark, "code spans")."""
    if not code:
        return ""
    if "`" not in code:
        return f"`{code}`"
    mark = "`" * (max(map(len, re.findall("`+", code)), default=0) + 1)
    padding = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{mark}{padding}{code}{padding}{mark}"


def superscript(raised: str, before: str) -> str:
    """ "^2" after what can have an exponent (a digit, a bracket, a letter, "cm"), "[1]" for the number of a note."""
    text = raised.strip()
    if not text or " " in text or text in ORDINAL:
        return raised
    if EXPONENT_AFTER.search(before) and len(text) <= 12:
        return f"^{text}" if re.fullmatch(r"[-\u2212+]?\w+", text) else f"^({text})"
    return f"[{text}]" if re.fullmatch(r"\d{1,2}", text) else raised
