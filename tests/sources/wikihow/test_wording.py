"""What changes within an article: the opening, and the marks of references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.sources.wikihow.wording import clean_text, clean_texts, following_answer


@pytest.mark.parametrize(
    ("intro", "wanted"),
    [
        ("This article shows you how.", "The following answer shows you how."),
        ("This wikiHow teaches you how.", "The following answer teaches you how."),
        ("This wikiHow article will help.", "The following answer will help."),
        ("THIS ARTICLE IS FOR YOU.", "The following answer IS FOR YOU."),
        ("Angles matter. This article has them.", "Angles matter. The following answer has them."),
        ("Tired? This guide helps.", "Tired? The following answer helps."),
        ("In this article, we go far.", "In the following answer, we go far."),
        ("You will learn it in this wikiHow.", "You will learn it in the following answer."),
        ("This Article's steps are short.", "The following answer's steps are short."),
    ],
)
def test_an_article_that_speaks_of_itself_is_an_answer(intro, wanted):
    assert following_answer(intro) == wanted


@pytest.mark.parametrize(
    "intro", ["Read this article to learn more.", "This articled clerk works.", "His article."]
)
def test_other_articles_are_not_meant(intro):
    assert following_answer(intro) == intro


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Work in small sections.[1] X Research source", "Work in small sections."),
        ("It dries.[4] X Research source Wash it.[12] X Research source Go.", "It dries. Wash it. Go."),
        ("Wait [2] X Research source. Then go.", "Wait. Then go."),
        (
            "Rest.[8] X Trustworthy Source Mayo Clinic Web site from a hospital Go to source It heals.",
            "Rest. It heals.",
        ),
        (
            "Rest.[3] X Expert Source Ann Lee, DPMFoot Doctor Expert Interview. 21 April 2020. Ice it.",
            "Rest. Ice it.",
        ),
        ("Lift[7] X Expert Source Ann LeeTrainer Expert Interview. 24 May 2021. . Try it.", "Lift. Try it."),
        (
            "Be kind.[6]XTrustworthy SourceA MagazineOf science Go to sourceIf not, go.",
            "Be kind. If not, go.",
        ),
        ("Be kind.[1]XResearch sourceWhile so, go.", "Be kind. While so, go."),
        ("Be kind.[7] If not, go.", "Be kind. If not, go."),
        ("Set x[0] to 1.", "Set x[0] to 1."),
        ("Be kind.Reader Poll:We asked 593 readers, and 10%agreed.[Take Poll]Go on.", "Be kind. Go on."),
        (
            "Wash them.Then go by www.Example.com or 3.Five.",
            "Wash them. Then go by www.Example.com or 3.Five.",
        ),
        ("Heat to 550\xa0°F,  then\tstop.", "Heat to 550 °F, then stop."),
    ],
)
def test_marks_of_references_go_and_sentences_are_apart(text, wanted):
    assert clean_text(text) == wanted


@given(
    st.lists(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=40), min_size=1, max_size=5)
)
def test_texts_that_are_cleaned_together_do_not_mix(texts):
    assert clean_texts(texts) == [clean_texts([text])[0] for text in texts]
