"""What people are shown: merged where it reads the same, in an order that favours no epoch."""

from collections import Counter

from hypothesis import given as property_given
from hypothesis import strategies as st

from handful.choose.offer import arranged, offer, offers, order, seen, shown
from handful.choose.records import read
from handful.core.types import Turn

ASKED = (Turn("user", "How is rice cooked?"),)
PEOPLE = [f"person {n}" for n in range(300)]


def test_answers_that_read_the_same_are_one():
    made = offer("dev/1", ASKED, {7: "In water.", 5: "In water.\n", 6: "In milk."})
    assert [(reply.epochs, reply.text) for reply in made.replies] == [
        ((5, 7), "In water."),
        ((6,), "In milk."),
    ]
    assert made.epochs == (5, 6, 7)


def test_the_order_is_drawn_for_each_person_and_no_epoch_has_a_place_of_its_own():
    made = offer("dev/1", ASKED, {epoch: f"Answer {epoch}." for epoch in range(5, 9)})
    first = Counter(arranged(made, person)[0].epochs[0] for person in PEOPLE)
    assert set(first) == {5, 6, 7, 8}
    assert all(45 < count < 105 for count in first.values())  # 75 on average, 4 standard deviations are 30
    assert arranged(made, "ann") == arranged(made, "ann")


def test_the_same_person_has_the_epochs_in_different_places_on_different_prompts():
    made = [offer(f"dev/{n}", ASKED, {5: "One.", 6: "Two."}) for n in range(200)]
    first = Counter(arranged(each, "ann")[0].epochs[0] for each in made)
    assert all(70 < first[epoch] < 130 for epoch in (5, 6))


def test_a_prompt_to_which_all_say_the_same_is_offered_to_nobody():
    alike, other = offer("dev/1", ASKED, {5: "Yes.", 6: "Yes."}), offer("dev/2", ASKED, {5: "Yes.", 6: "No."})
    assert order([alike, other], "ann") == [other]


def test_people_read_the_prompts_in_orders_of_their_own():
    made = [offer(f"dev/{n}", ASKED, {5: "One.", 6: "Two."}) for n in range(8)]
    orders = {tuple(each.prompt_id for each in order(made, person)) for person in PEOPLE[:20]}
    assert len(orders) > 15
    assert all(sorted(found) == [f"dev/{n}" for n in range(8)] for found in orders)


def test_what_a_page_may_carry_does_not_tell_epochs_apart():
    """Else whoever reads could try all orders of epochs against the hash in the form."""
    made = offer("dev/1", ASKED, {5: "One.", 6: "Two."})
    other = next(
        found
        for found in (offer("dev/1", ASKED, {epoch: "One.", epoch + 1: "Two."}) for epoch in range(7, 40))
        if [r.text for r in arranged(found, "ann")] == [r.text for r in arranged(made, "ann")]
    )
    assert seen(made, "ann") == seen(other, "ann")
    assert shown(made, "ann") != shown(other, "ann")
    assert made.answers != other.answers


def test_a_changed_answer_prompt_or_set_of_candidates_is_another_offer():
    texts = {5: "One.", 6: "Two."}
    found = {
        offer("dev/1", ASKED, texts).answers,
        offer("dev/1", ASKED, texts | {6: "Three."}).answers,
        offer("dev/1", ASKED, texts | {7: "Two."}).answers,
        offer("dev/1", (Turn("user", "Why?"),), texts).answers,
    }
    assert len(found) == 4


def test_prompts_that_a_candidate_did_not_answer_are_left_out(build):
    made = build()
    samples = made.inputs["train"] / "dev_samples.jsonl"
    lines = samples.read_text().splitlines(keepends=True)
    samples.write_text("".join(line for line in lines if not ('"epoch": 6' in line and "dev/2" in line)))
    found = offers(read(made.inputs["train"], made.inputs["dataset"]), [5, 6])
    assert [each.prompt_id for each in found] == ["dev/0", "dev/1", "dev/3"]


@property_given(st.dictionaries(st.integers(1, 20), st.sampled_from(["a", "b", "c ", "c"]), min_size=1))
def test_every_epoch_is_in_one_answer_and_no_two_answers_read_the_same(texts):
    made = offer("dev/1", ASKED, texts)
    assert made.epochs == tuple(sorted(texts))
    assert sum(len(reply.epochs) for reply in made.replies) == len(texts)
    assert len({reply.text.strip() for reply in made.replies}) == len(made.replies)
    assert set(arranged(made, "ann")) == set(made.replies)
    assert len(made.replies) == len({text.strip() for text in texts.values()})
