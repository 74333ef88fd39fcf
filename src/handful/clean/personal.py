"""E-mail addresses, phone numbers, payment cards and IBANs, by their form.

Forms are strict, so that version numbers, dates, part numbers and formulas stay. Not covered: names, postal addresses,
birthdays, IP addresses, numbers without a country code outside North America.

Patterns begin with what they look for, and look back from there: so a search leaps to the places that matter.
"""

from __future__ import annotations

import re

from handful.clean.forms import Form


def names(words: str) -> frozenset[str]:
    return frozenset(words.split())


COUNTRIES = names(
    "ac ad ae af ag ai al am ao aq ar at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd "
    "cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd "
    "ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke "
    "kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt "
    "mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw qa re ro ru "
    "rw sa sb sc sd se sg si sk sl sm sn so sr ss st su sv sx sz tc td tf tg th tj tk tl tm tn to tr tt tv tw "
    "tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
"""Top-level domains of countries, but for py, rs and sh, which end names of files."""
DOMAINS = COUNTRIES | names(
    "aero app arpa asia biz blog cat club com coop dev edu email gov info int jobs mail mil mobi museum name net "
    "online org pro site store tech tel travel xyz"
)
NOBODYS = names("example test invalid localhost local")
NOBODY = re.compile(
    r"git|hg|user(?:name)?|x+|y+|your[\w.-]*|my[\w.-]*|name|email|someone|somebody|foo|bar|noreply|no-reply"
)


def is_persons_address(words: str) -> bool:
    """Not of a domain that RFC 2606 keeps for examples, nor of `git@` and `user@`."""
    local, _, domain = words.casefold().rpartition("@")
    parts = domain.split(".")
    if (
        parts[-1] not in DOMAINS
        or NOBODYS & set(parts[-2:])
        or parts[-2] in ("domain", "mydomain", "yourdomain")
    ):
        return False
    return not NOBODY.fullmatch(local) and not domain.startswith("users.noreply.")


AREA = r"[2-9]\d\d"
NOT_PERSONS = re.compile(r"(?:\+?1[ .-]?)?\(?(?:800|833|844|855|866|877|888|900)\b")
"""Area codes of North America that are toll-free or premium: a hotline is nobody's own number."""
INTERNATIONAL = re.compile(
    r"\+(?<![\w+*/=^).,\]-]\+)(?<!\w\(\+)(?<![\d)\]] \+)(?<!\W[A-Za-z] \+)(?:"
    r"1[ .-]?\(?[2-9]\d\d\)?[ .-]?[2-9]\d\d[ .-]?\d{4}|"
    r"[2-9]\d{0,2}[ .-]?(?:\(0\) ?)?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}"
    r")(?![\w+*/=^]|[.,-]\d| [+*/=^])"
)
"""A sign before or after that makes it arithmetic ("x +44 …", "f(+44 …)") makes it no phone number."""
AMERICAN = re.compile(
    rf"(?<![\w.+*/=^-])(?:1[ -])?(?:\({AREA}\) ?|{AREA}-){AREA}-\d{{4}}(?![\w+*/=^]|[.,-]\d)"
)


def is_phone_number(words: str) -> bool:
    """8 to 15 digits, as E.164 has it; not a hotline, nor 555-0100 to 555-0199, which are for stories, nor round."""
    if NOT_PERSONS.match(words):
        return False
    digits = "".join(filter(str.isdigit, words))
    if not 8 <= len(digits) <= 15 or "000000" in digits or len(set(digits)) < 4:
        return False
    return not re.search(r"55501\d\d$", digits) and digits[-7:] not in ("1234567", "5551234")


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812: the check digit of payment cards."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


CARD = re.compile(
    r"[2-6](?<![\w.+*/=^-].)(?:"
    r"(?:(?<=4)\d{3}|(?<=5)[1-5]\d\d|(?<=2)[2-7]\d\d|(?<=6)(?:011|5\d\d))"
    r"(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{4}|"
    r"(?<=3)[47]\d\d(?P<gap2>[ -]?)\d{6}(?P=gap2)\d{5}"
    r")(?![\w*/=^]|[.,-]\d)"
)


def is_card(words: str) -> bool:
    digits = "".join(filter(str.isdigit, words))
    return len(set(digits)) >= 5 and passes_luhn(digits)


IBAN = re.compile(r"[A-Z]{2}(?<![\w-]..)\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,4})?(?![\w-])")


def is_iban(words: str) -> bool:
    """ISO 13616: a country, and a remainder of 1 by 97."""
    plain = words.replace(" ", "")
    if not 15 <= len(plain) <= 34 or plain[:2].casefold() not in COUNTRIES | {"gb", "xk"}:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


EMAIL = re.compile(
    r"(?<![\w.+%/:@-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,12}"
    r"(?![\w(\[@-]|\.\w|:[/~])"
)
ADDRESS = Form("email", ("@",), EMAIL, is_persons_address)
PERSONAL = (
    ADDRESS,
    Form("phone", ("+",), INTERNATIONAL, is_phone_number, b"+0"),
    Form("phone", ("-",), AMERICAN, is_phone_number, b"000-0000"),
    Form("card", ("",), CARD, is_card),
    Form("iban", ("",), IBAN, is_iban),
)
