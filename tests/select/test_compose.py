import msgspec

from handful.recipe.curation import Select
from handful.select.compose import compose


def asked(example):
    return example.turns[0].text


def test_title_or_body_is_the_prompt_and_the_tags_say_which(make_candidate):
    candidate = make_candidate(tags=("rice", "pot"))
    title = compose(candidate, Select(title_probability=1))
    body = compose(candidate, Select(title_probability=0))
    assert (asked(title), title.tags) == (candidate.title, ("prompt=title", "tag=rice", "tag=pot"))
    assert (asked(body), body.tags[0]) == (candidate.body, "prompt=body")
    assert title.turns[1].text == body.turns[1].text == candidate.answer
    assert title.id == candidate.id


def test_the_questions_title_goes_on_in_the_origin_whichever_text_is_the_prompt(make_candidate):
    candidate = make_candidate()
    for probability in (0, 1):
        origin = compose(candidate, Select(title_probability=probability)).origin
        assert origin == msgspec.structs.replace(candidate.origin, title=candidate.title)


def test_the_share_of_titles_is_the_recipes(make_candidate):
    examples = [compose(make_candidate(id=f"q/{n}"), Select(title_probability=0.25)) for n in range(2000)]
    titles = sum(example.tags[0] == "prompt=title" for example in examples)
    assert 420 <= titles <= 580  # 500, four standard deviations


def test_a_candidates_draw_is_its_own(make_candidate):
    params = Select(seed=3)
    assert compose(make_candidate(), params) == compose(make_candidate(), params)


def test_where_one_is_empty_the_other_is_the_prompt(make_candidate):
    no_body = compose(make_candidate(body=""), Select(title_probability=0))
    no_title = compose(make_candidate(title=""), Select(title_probability=1))
    assert no_body.tags == ("prompt=title",)
    assert no_title.tags == ("prompt=body",)
