import json

import pytest

from handful.clean.language import detector, other_language
from handful.recipe.curation import Clean
from handful.recipe.languages import LANGUAGES

TEXTS = {
    "en": "How can rice be kept from sticking to the pot? Rinse it well before you cook it.",
    "de": "Wie kann man verhindern, dass der Reis am Topf klebt? Man spült ihn vorher gut ab.",
    "fr": "Comment éviter que le riz colle à la casserole ? Il faut bien le rincer avant la cuisson.",
    "es": "¿Cómo se puede evitar que el arroz se pegue a la olla? Hay que lavarlo bien antes.",
    "ru": "Как сделать, чтобы рис не прилипал к кастрюле? Перед варкой нужно хорошо промыть зерно.",
    "ja": "ご飯が鍋にくっつかないようにするにはどうすればいいですか。炊く前によく洗ってください。その後、しばらく水に浸します。",  # noqa: E501
}


@pytest.mark.parametrize("written", TEXTS)
@pytest.mark.parametrize("wanted", ["en", "de"])
def test_only_the_language_wanted_passes(make_candidate, written, wanted):
    seen = other_language(make_candidate(title="", body="", answer=TEXTS[written]), wanted)
    assert (seen is None) == (written == wanted)
    assert seen is None or seen.startswith(f"is in {written} (")


def test_code_and_formulas_are_in_no_language(make_candidate):
    code = "```\nfür = wenn(nicht(leer), dann, sonst)\nüber = größe * straße\n```"
    answer = f"{TEXTS['en']}\n\n{code}\n\n$$\\alpha \\beta$$"
    assert other_language(make_candidate(answer=answer), "en") is None
    assert other_language(make_candidate(title="", body="", answer=code), "en") is None


def test_a_few_letters_are_kept(make_example):
    assert other_language(make_example(asked="Übersetze: Hund", answered="dog"), "en") is None


def test_the_answers_decide_and_short_ones_are_read_with_their_prompts(make_example):
    assert other_language(make_example(asked=TEXTS["fr"], answered=TEXTS["en"]), "en") is None
    assert other_language(make_example(asked=TEXTS["en"], answered=TEXTS["fr"]), "en")
    assert other_language(make_example(asked=TEXTS["fr"], answered="Oui."), "en")


def test_fourteen_of_limas_thousand_are_not_answered_in_english(shared_data, make_example):
    """Read by hand: Portuguese and Spanish sites of Stack Exchange, a question about German, translations, a story."""
    lines = (shared_data / "lima" / "derived_train.jsonl").read_text(encoding="utf-8").splitlines()[:1000]
    rows = [json.loads(line)["conversations"][:2] for line in lines]
    other = [n for n, row in enumerate(rows) if other_language(make_example(str(n), *row), "en")]
    assert other == [245, 254, 260, 263, 273, 292, 335, 394, 399, 807, 818, 822, 847, 941]


def test_a_recipe_may_ask_for_each_language_that_the_model_knows_and_no_other():
    named = {found["lang"] for text in TEXTS.values() for found in detector().detect(text, k=200)}
    assert len(named) > 100
    assert named <= LANGUAGES
    assert len(LANGUAGES) == 176
    with pytest.raises(
        ValueError, match='language: must be one of 176 codes, such as "en" or "de", found "xx"'
    ):
        Clean(language="xx")
