from handful.clean.duplicates import duplicates, entry


def found(*texts):
    return {texts[position].id: stays for position, stays in duplicates([entry(text) for text in texts])}


def test_the_better_answer_stays(make_candidate):
    one = make_candidate(id="a", title="How?", body="x", answer_score=11)
    two = make_candidate(id="b", title="HOW", body="y", answer_score=12)
    assert found(one, two) == {"a": "b"}


def test_of_equals_the_first_stays(make_candidate):
    one, two = (make_candidate(id=id) for id in "ab")
    assert found(one, two) == {"b": "a"}


def test_a_body_can_repeat_a_title(make_candidate):
    one = make_candidate(id="a", title="Why is the sky blue?", body="x")
    two = make_candidate(id="b", title="Sky", body="why is the sky blue")
    assert found(one, two) == {"b": "a"}


def test_empty_bodies_are_not_alike(make_candidate):
    one = make_candidate(id="a", title="one", body="")
    two = make_candidate(id="b", title="two", body="")
    assert found(one, two) == {}


def test_a_ready_made_example_stays_before_any_candidate(make_candidate, make_example):
    candidate = make_candidate(id="c", title="How deep is the sea", answer_score=999)
    assert found(candidate, make_example(id="e"), make_example(id="f")) == {"c": "e", "f": "e"}
