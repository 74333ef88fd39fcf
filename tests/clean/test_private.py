import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.private import hide, kinds_masked, personal_data_in, secrets_in
from handful.recipe.curation import Clean

RANDOM = "q7Rt2Kx9Lm4Vb8Nc1Zp6Wd3Hs5Jf0Gy2Ae4Ui8"  # 38 characters; nobody's

SECRET = {
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAx3b\n"
    + RANDOM
    + "\n-----END RSA PRIVATE KEY-----",
    "aws_key": "AKIA" + "Q3ZT7XB2MN5RW8KD",
    "github_token": "ghp_" + RANDOM,
    "slack_token": "xoxb-" + "123456789012-" + RANDOM[:24],
    "openai_key": "sk-proj-" + RANDOM,
    "google_key": "AIza" + RANDOM[:35],
    "stripe_key": "sk_live_" + RANDOM[:24],
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJ{RANDOM[:20]}.{RANDOM}",
    "url_password": "tR0ub4dor",
}
PERSONAL = {
    "email": ["jane.doe@gmail.com", "j_doe+list@mail.uni-bonn.de", "O.Neil@dept.cs.cam.ac.uk"],
    "phone": [
        "+44 20 7946 0123",
        "(212) 736-5412",
        "312-736-5412",
        "1-312-736-5412",
        "+49 (0)30 901820",
        "+352224455",
    ],
    "card": ["4539 1488 0343 6467", "4539148803436467", "371449635398431"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "NL91ABNA0417164300"],
}


@pytest.mark.parametrize("kind", SECRET)
def test_each_secret_is_found_in_code_and_hidden(kind):
    secret = SECRET[kind]
    within = f"postgres://app:{secret}@db.internal.net/x" if kind == "url_password" else secret
    text = f"Set it:\n\n```\nkey = '{within}'\n```"
    (find,) = secrets_in(text)
    assert (find.kind, find.words) == (kind, secret)
    hidden, counts, dropped = hide([text], Clean(secrets="mask"))
    assert hidden == [text.replace(secret, f"<{kind.upper()}>")]
    assert (counts, dropped) == ({kind: 1}, None)


@pytest.mark.parametrize("kind", SECRET)
def test_a_text_with_a_secret_goes_and_the_list_does_not_give_it_away(kind):
    secret = SECRET[kind]
    text = f"https://me:{secret}@host.org" if kind == "url_password" else secret
    hidden, counts, (rule, detail) = hide([text], Clean())
    assert (hidden, counts, rule) == ([], {}, "secret")
    assert detail.startswith(f"{kind}: ")
    assert secret[5:] not in detail


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "risk-taking-behaviour-in-adolescents and task-management-for-everybody",
        "https://user:password@host.org, ftp://you:<password>@host.org, http://admin:$PASS@localhost:80",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 and -----BEGIN PUBLIC KEY-----",
        "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        "ghp_short and a_very_long_identifier_in_some_code(parameter)",
        "http://[::1]:8080/a:b@c and mailto:someone",
    ],
)
def test_what_only_looks_like_a_secret_stays(text):
    assert secrets_in(text) == []


@pytest.mark.parametrize(("kind", "words"), [(kind, words) for kind in PERSONAL for words in PERSONAL[kind]])
def test_personal_data_are_masked_and_counted(kind, words):
    text = f"Write or call: {words}, or ({words}). Then {words}"
    hidden, counts, dropped = hide(["nothing", text], Clean())
    assert hidden == ["nothing", text.replace(words, f"<{kind.upper()}>")]
    assert (counts, dropped) == ({kind: 3}, None)


@pytest.mark.parametrize(
    "text",
    [
        "me@example.com, a@b.example, x@host.invalid, you@mail.example.org, root@localhost, user@gmail.com",
        "git@github.com:org/repo.git, scp file joe@server.com:/tmp, logo@2x.png, @name, lodash@4.17",
        "A @ B, a@b.T, x@y.dot(z), foo@bar.baz, @decorator.route, user:x@host.com/path",
        "version 1.2.3.4, 2024-11-21 10:15:30, 21/11/2024, 1,234,567,890, 3.14159265358979",
        "ISBN 978-0-306-40615-7, 0-306-40615-2, part 123-456-7890, RFC 2606, ISO 8601",
        "1 + 2345678901 = 2345678902; x+1234567890; $(f)+743882981; [1]+9998258751",
        "call 1-800-273-8255, (888) 736-5412, (212) 555-0123 or +1 212 555 0123",
        "+1 000 000 0000, 999-999-9999, 192.168.100.200, 4111 1111 1111 1111, 1234567890123456",
        "4539 1488 0343 6468, DE88 3704 0044 0532 0130 00, ZZ89370400440532013000",
        "0.4539148803436467, 4539148803436467.5, a4539148803436467, ffff4539148803436467",
        "for i in range(1000000000000): pass  # 10**12 -1000000000",
    ],
)
def test_what_only_looks_like_personal_data_stays(text):
    assert [find.words for find in personal_data_in(text)] == []


def test_several_kinds_in_one_text_and_the_fate_of_each():
    text = f"jane@gmail.com {SECRET['aws_key']} +44 20 7946 0123"
    assert hide([text], Clean())[2][0] == "secret"
    assert hide([text], Clean(secrets="mask"))[0] == ["<EMAIL> <AWS_KEY> <PHONE>"]
    assert hide([text], Clean(secrets="keep"))[0] == [f"<EMAIL> {SECRET['aws_key']} <PHONE>"]
    assert hide([text], Clean(secrets="keep", personal_data="keep"))[0] == [text]
    rule, detail = hide([text], Clean(secrets="keep", personal_data="drop"))[2]
    assert (rule, detail) == ("personal_data", "email: ja…, 14 characters")
    assert kinds_masked(Clean()) == ["email", "phone", "card", "iban"]
    assert kinds_masked(Clean(personal_data="keep")) == []


SAID = [words for kind in PERSONAL.values() for words in kind]


@given(st.lists(st.sampled_from([*SAID, *SECRET.values(), " ", "x", "@", "+", "-", "\n", "é"])))
def test_masking_ends_and_leaves_nothing_that_it_finds(parts):
    (hidden,), _, _ = hide(["".join(parts)], Clean(secrets="mask"))
    again, _, _ = hide([hidden], Clean(secrets="mask"))
    assert len(again[0]) <= len(hidden) + 20


@pytest.mark.parametrize(
    "unit", ["a@", "1 ", "+1-", "://a:b@", "AB12 ", "eyJ-", "-----BEGIN PRIVATE KEY-----", "@a."]
)
def test_long_texts_end_soon(unit):
    text = unit * 50_000
    assert hide([text], Clean()) is not None


def test_the_masks_of_limas_thousand(shared_data):
    """Read by hand: all are addresses and numbers of offices, as they stand in wikiHow's articles."""
    lines = (shared_data / "lima" / "derived_train.jsonl").read_text(encoding="utf-8").splitlines()[:1000]
    rows = [json.loads(line)["conversations"] for line in lines]
    masked = {n: counts for n, row in enumerate(rows) if (counts := hide(row, Clean())[1])}
    assert masked == {675: Counter(phone=1), 733: Counter(phone=1), 738: Counter(email=1, phone=1)}
    assert not any(hide(row, Clean())[2] for row in rows)
