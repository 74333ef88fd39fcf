"""Test prompts asked in another way: what is changed, what never is, and what is refused."""

import msgspec
import pytest

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.core.types import Prompt, Turn
from handful.dataset.variants import MAKE, adversarial, is_variant, kind_of, shouting, typos, with_variants

ASKED = "Please explain what `forEach` does, as https://example.org/forEach says.\n```js\nforEach(wonder)\n```\nThanks!"


@pytest.fixture
def prompt(make_example):
    return make_example("t/1", ASKED, tags=("sensitive",)).prompt()


def test_each_kind_makes_a_prompt_of_its_own_with_the_tags_of_the_original(prompt):
    found = with_variants([prompt], list(MAKE), 0)
    assert [one.id for one in found] == ["t/1", *(f"t/1~{kind}" for kind in MAKE)]
    assert found[1].tags == ("sensitive", "variant_of:t/1", "variant:typos")
    assert [kind_of(one) for one in found] == ["", *MAKE]
    assert len({one.turns for one in found}) == 5


def test_the_same_seed_makes_the_same_and_another_prompt_moves_nothing(prompt, make_example):
    other = make_example("t/0", "Another question about something else").prompt()
    alone = with_variants([prompt], ["typos", "prefix"], 3)[1:]
    both = [
        one for one in with_variants([other, prompt], ["typos", "prefix"], 3) if one.id.startswith("t/1~")
    ]
    assert alone == both
    assert with_variants([prompt], ["typos"], 4)[1] != alone[0]


def test_code_and_addresses_stay():
    for change in (typos, shouting):
        for seed in range(20):
            changed = change(ASKED, rng_for(seed))
            assert changed != ASKED
            for kept in ("`forEach`", "https://example.org/forEach", "```js\nforEach(wonder)\n```"):
                assert kept in changed
    assert shouting(ASKED, rng_for(0)).startswith("PLEASE EXPLAIN WHAT `forEach` DOES, AS https://")


def test_a_typo_changes_one_letter_or_two_and_never_the_first():
    for seed in range(50):
        changed = typos("wonder", rng_for(seed))
        assert changed[0] == "w"
        assert changed != "wonder"
        assert abs(len(changed) - 6) <= 1
    assert typos("to be or not", rng_for(0)) == "to be or not"  # no long word: nothing to slip in


def test_what_cannot_be_changed_has_no_variant(make_example):
    assert len(with_variants([make_example("t", "To be?").prompt()], ["typos"], 0)) == 1


def test_the_pasted_line_says_that_it_is_not_the_users_wish():
    changed = adversarial("Why?", rng_for(0))
    assert changed.startswith("Why?\n")
    assert "no part of what I ask" in changed


def test_dialogues_and_variants_have_none(make_example, prompt):
    turns = (Turn("user", "Why though?"), Turn("assistant", "So."), Turn("user", "And when?"))
    longer = Prompt("t/2", turns, prompt.origin)
    played = make_example("t/3", "A first turn", tags=("dialogue",)).prompt()
    said = make_example("t/4", "In other words", tags=("variant_of:t/1",)).prompt()
    found = with_variants([prompt, longer, played, said], ["shouting"], 0)
    assert [one.id for one in found][4:] == ["t/1~shouting"]
    assert is_variant(said)
    assert kind_of(said) == "paraphrase"


@pytest.mark.parametrize(
    ("tag", "words"), [("variant_of:t/9", "no test prompt"), ("variant_of:t/2", "a variant itself")]
)
def test_a_variant_of_nothing_is_refused(prompt, tag, words):
    second = msgspec.structs.replace(prompt, id="t/2", tags=("variant_of:t/1",))
    wrong = msgspec.structs.replace(prompt, id="t/3", tags=(tag,))
    with pytest.raises(DataError, match=f"t/3 is a variant of .* which is {words}"):
        with_variants([prompt, second, wrong], [], 0)
