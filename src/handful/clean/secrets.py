"""Private keys, access tokens and passwords in addresses, by their form.

Samples, as documentation has them, are no secrets: AKIAIOSFODNN7EXAMPLE, "sk-xxxxxxxx", "user:password@". Not covered:
passwords in plain words, and secrets without a form of their own.
"""

from __future__ import annotations

import re

from handful.clean.forms import Form


def is_no_sample(words: str) -> bool:
    """Documentation shows keys such as AKIAIOSFODNN7EXAMPLE and sk-xxxxxxxx."""
    return "example" not in words.casefold() and len(set(words)) >= 10


def is_mixed(words: str) -> bool:
    return is_no_sample(words) and any(map(str.isdigit, words)) and any(map(str.isalpha, words))


PLACEHOLDER = re.compile(
    r"pass(?:word|wd|phrase)?\d*|pwd|pw|secret|token|key|user(?:name)?|guest|admin|root|test|example|foo|bar|abc\d*|"
    r"changeme|postgres|mysql|your.*|my.*|some.*|[x*.\u2022]+|\d{1,4}|.*[<>{}$%\[\]()].*",
    re.IGNORECASE,
)


def is_own_password(words: str) -> bool:
    return not PLACEHOLDER.fullmatch(words)


PASSWORD = Form(
    "url_password",
    ("://",),
    re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[\w.~%+-]{1,64}:(?P<it>[^\s/@:\"'`<>]{3,64})@[\w-]+(?:\.|:\d)"),
    is_own_password,
)
SECRETS = (
    PASSWORD,
    Form(
        "private_key",
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?=\s*[\w+/=:,-]{16})"
            r"(?:[\w+/=:,.() \t\r\n>-]*?-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    Form("aws_key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), is_mixed),
    Form(
        "github_token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{40,})"),
        is_mixed,
    ),
    Form(
        "slack_token",
        ("xox", "hooks.slack.com"),
        re.compile(
            r"\bxox[abeoprs]-[0-9]{6,}-[0-9A-Za-z-]{10,}|hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/\w{20,}"
        ),
        is_mixed,
    ),
    Form("openai_key", ("sk-",), re.compile(r"\bsk-(?:[a-z]+\d*-){0,2}[0-9A-Za-z_-]{20,}"), is_mixed),
    Form(
        "google_key",
        ("AIza", "ya29."),
        re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![\w-])|\bya29\.[0-9A-Za-z_-]{30,}"),
        is_mixed,
    ),
    Form("stripe_key", ("_live_",), re.compile(r"\b[rs]k_live_[0-9A-Za-z]{16,}"), is_mixed),
    Form("jwt", ("eyJ",), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}"), is_no_sample),
)
