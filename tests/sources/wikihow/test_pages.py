"""Articles from pages, in the layouts of their years."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from handful.markup.blocks import Blocks, Container
from handful.markup.html import walk
from handful.sources.wikihow.pages import end_of_div, plain_prose, read_page, without_junk


def article_of(html, keep=()):
    return read_page(html.encode() if isinstance(html, str) else html, "x.html", keep)[0]


def steps_of(html):
    return [step for section in article_of(html).sections for step in section.steps]


def test_a_page_is_its_introduction_methods_and_steps(page):
    article = article_of(page())
    assert article.title == "How to Warm Water"
    assert article.intro == "This article tells you how."
    assert article.category == "Food and Entertaining"
    ((heading, count),) = [(section.heading, len(section.steps)) for section in article.sections]
    assert (heading, count) == ("On the Stove", 2)


def test_nothing_of_the_page_around_it_is_in_the_answer(page, found, tmp_path):
    (tmp_path / "a.html").write_text(page())
    answer = found(tmp_path).answers[0]
    for word in (
        "Updated",
        "Explore",
        "Advertisement",
        "Community",
        "Helpful",
        "Related",
        "example.com",
        "lid",
        "no title",
    ):
        assert word not in answer
    assert answer.startswith("The following answer tells you how.\n\n## On the Stove\n\n1. Take one. Stir")


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (
            '<b class="whb">Boil it.</b><script>x("a")</script> Wait.<sup id="_ref-1" class="reference"><a>[1]</a>'
            "<span>X</span><span>Research source</span></sup><ul><li>Use <a href='/Salt'>salt</a>.</li></ul>",
            "Boil it. Wait.\n- Use salt.",
        ),
        ('<b>Add <span class="frac"><sup>1</sup>\u2044<sub>4</sub></span> cup.</b>', "Add 1/4 cup."),
        ("Add 1<sup>1</sup>&frasl;<sub>2</sub> cups.", "Add 1 1/2 cups."),
        (
            "Do this:<ul><li>one<ul><li>more</li></ul></li><li>two</li></ul>",
            "Do this:\n- one\n  - more\n- two",
        ),
        ("Type<pre>ls\n\ncd</pre>", "Type\n\n```\nls\n\ncd\n```"),
        ("Open <b>Tools<ul><li>and <i>this", "Open Tools\n- and this"),
        (
            'Rest.<div class="green_box"><div class="green_box_tab_label">Expert Tip</div><div '
            'class="green_box_person">Dr. Who</div><div class="green_box_content">Sleep.</div></div>',
            "Rest.\n\nSleep.",
        ),
        ("Water &lt;b&gt; is H<sub>2</sub>O &amp; wet", "Water <b> is H2O & wet"),
    ],
)
def test_a_step_is_its_text_with_its_bullets(page, step, wanted):
    assert steps_of(page(steps=[step]))[0] == wanted


def test_the_layout_of_2012(long):
    old = f"""<html><head><title>How to Warm Tea</title></head><body><ul id='breadcrumb'><li><a href='/'>Home</a></li>
    <li><a>Categories</a></li><li><a>Youth</a></li></ul><h1 class='firstHeading'><a>How to Warm Tea</a></h1>
    <div id='bodycontents'><div class='article_inner editable'><p>Tea is good.</p></div>
    <h2 class='section_head'><a class='edit_section'>Edit</a> <span>Steps</span></h2><div id='steps'>
    <h3><span>In a Pot</span></h3><ol class='steps_list_2'><li class='ad'><div class='step_num'>1</div>
    <b class='whb'>Boil.</b>
    {long}<ul><li>Slowly.</li></ul></li><li>Pour.</li></ol></div>
    <h2><span>Tips</span></h2><div id='tips'><ul><li>Be calm.</li></ul></div></div></body></html>"""
    article = article_of(old, ("tips",))
    assert (article.category, article.intro) == ("Youth", "Tea is good.")
    assert [section.heading for section in article.sections] == ["In a Pot", "Tips"]
    assert article.sections[0].steps == [f"Boil. {long.strip()}\n- Slowly.", "Pour."]


def test_the_layout_of_2023():
    new = """<html lang="en"><body><div class="breadcrumbs"><a>Categories</a><a>Travel</a></div><h1>How to Fly</h1>
    <div id="mf-section-0"><p>It is fun.</p></div><div class="section steps"><div class="headline_info"><h3>
    <div class="altblock"><div class="method_label">Part</div><div class="method_num">1</div></div>
    <div class="mw-headline">Before</div></h3></div><ol><li><div class="step_header"><div class="step_num">1</div></div>
    <div class="step"><b class="whb">Book.</b> Early.</div></li></ol></div></body></html>"""
    article = article_of(new)
    assert (article.title, article.intro, article.category) == ("How to Fly", "It is fun.", "Travel")
    assert [(section.heading, section.steps) for section in article.sections] == [
        ("Before", ["Book. Early."])
    ]


def test_the_pages_own_description_helps_where_its_markup_has_no_steps():
    data = {
        "@graph": [
            {
                "@type": "HowTo",
                "name": "How to Fly",
                "description": "Fun &amp; fast.",
                "step": [
                    {
                        "@type": "HowToSection",
                        "name": "A",
                        "itemListElement": [{"@type": "HowToStep", "text": "Go."}],
                    },
                    {"@type": "HowToStep", "itemListElement": [{"@type": "HowToDirection", "text": "Land."}]},
                ],
            }
        ]
    }
    html = f'<html><script type="application/ld+json">{json.dumps(data)}</script><script type="application/ld+json">{{'
    article = article_of(html + "</script></html>")
    assert (article.title, article.intro) == ("How to Fly", "Fun & fast.")
    assert [(section.heading, section.steps) for section in article.sections] == [
        ("A", ["Go."]),
        ("", ["Land."]),
    ]


def test_other_sections_stay_where_the_recipe_says_so(page):
    needs = '<div class="section ingredients"><h2>Ingredients</h2><h3>Soup</h3>{}</div>'
    needs = needs.format("<ul><li>Salt<ul><li>fine</li></ul></li></ul>")
    both = article_of(page(before=needs), ("ingredients", "tips"))
    assert [(section.heading, section.steps) for section in both.sections if section.kind != "steps"] == [
        ("Ingredients: Soup", ["Salt\n- fine"]),
        ("Tips", ["Use a lid."]),
    ]
    assert {section.kind for section in article_of(page(before=needs)).sections} == {"steps"}


def test_where_a_page_is_from_and_its_licence(page):
    head = '<link rel="canonical" href="https://www.wikihow.com/Warm-Water"/>'
    licence = '<a rel="license" href="https://creativecommons.org/licenses/by-nc-sa/3.0/">cc</a>'
    article = article_of(page(head=head) + licence)
    assert (article.url, article.license) == ("https://www.wikihow.com/Warm-Water", "CC BY-NC-SA 3.0")
    og = '<meta property="og:url" content="https://www.wikihow.com/Warm-Tea&#39;s"/>'
    assert article_of(page(head=og)).url == "https://www.wikihow.com/Warm-Tea's"


def test_the_script_names_the_category_where_there_is_no_breadcrumb(page):
    head = '<script>{"wgCategories":["Drinks","Food and Entertaining","WikiHow"],"a":[]}</script>'
    assert article_of(page(head=head, breadcrumb="")).category == "Food and Entertaining"


@pytest.mark.parametrize(
    ("raw", "unreadable"),
    [
        ("<h1>How to Caf\u00e9</h1>".encode(), 0),
        (b"<h1>How to Caf\xe9</h1>", 1),
        (b"<h1>How to Caf\0\xc3\xa9</h1>", 0),
    ],
)
def test_bytes_that_are_no_text_are_counted(raw, unreadable):
    assert read_page(raw, "x", ())[1] == unreadable


def test_a_page_may_say_that_it_is_in_another_encoding():
    raw = '<meta charset="windows-1252"><h1>How to Café</h1>'.encode("cp1252")
    assert article_of(raw).title == "How to Café"


@pytest.mark.parametrize(
    "html", ["<", "<h1", "<h1>", "<div class=step>" * 9000, '<script>class="step"', "<ul>" * 50]
)
def test_broken_pages_are_no_articles_and_no_errors(html):
    assert article_of(html).steps() == 0


IMAGE = b'<div class="mwimg large"><a><div><img src="x.jpg"></div></a></div>'


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (b"<p>a</p>" + IMAGE + b"<p>b</p>" + IMAGE, b"<p>a</p><p>b</p>"),
        (b'<div class="wh_ad_inner" data-x="1"><div id="ad"></div></div><h3>A</h3>', b"<h3>A</h3>"),
        (b'<div class="mwimgs">a</div>', b'<div class="mwimgs">a</div>'),
    ],
)
def test_images_and_advertisements_are_cut_with_all_that_is_in_them(source, kept):
    assert without_junk(source) == kept


@pytest.mark.parametrize("behind", [b"", b'<div class="step">Go.</div></div>', b"<h3>Part</h3></div>"])
def test_what_is_not_closed_takes_no_step_along(behind):
    open_one = b'<div class="mwimg"><div><img></div>' + behind
    assert without_junk(IMAGE + open_one) == open_one


def test_a_step_behind_an_image_that_is_not_closed_is_read(page):
    broken = page(steps=["Boil it.", "Pour it."]).replace('<img src="x.jpg"></div>', '<img src="x.jpg">', 1)
    assert "Pour it." in steps_of(broken)


@given(st.lists(st.sampled_from([b"<div>", b"</div>", b"<p>", b"x"]), max_size=12))
def test_the_end_of_a_div_is_where_as_many_are_closed_as_were_opened(parts):
    source = b"<div>" + b"".join(parts)
    depth, ends = 0, -1
    for place in range(len(source)):
        depth += source.startswith(b"<div>", place) - source.startswith(b"</div>", place)
        if depth == 0:
            ends = place + len(b"</div>")
            break
    assert end_of_div(source, 0) == ends


PARTS = [
    *(
        "<b>",
        '<b class="whb">',
        "</b>",
        "<a href='/x'>",
        '<a title="a > b">',
        "</a>",
        "<span>",
        "</span>",
        "<i>",
    ),
    *(
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
        "<ul><li>",
        "</li><li>",
        "</li></ul>",
        "<ul><li></li></ul>",
        "<ol>",
        "<p>",
    ),
    *(
        "<br>",
        "<sup>2</sup>",
        "<code>x  y</code>",
        "<img>",
        "<!-- a -->",
        "<td>",
        "|",
        "&lt;b&gt;",
        "&amp;lt;",
        "&#7;",
    ),
    *(
        "Boil",
        " water",
        ".  ",
        "\n",
        "\t",
        "&nbsp;",
        "\u200b",
        "\u2019",
        "&rsquo;",
        "&#8203;",
        "\x85",
        "\u2028",
    ),
]


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_a_plain_step_reads_as_the_parsers_tree_does(markup):
    step = LexborHTMLParser(f'<div class="step">{markup}</div>').css_first("div.step")
    blocks = Blocks()
    blocks.open(Container("item", "", "", loose=False))
    walk(step.first_child, blocks)
    blocks.close()
    assert plain_prose(step.inner_html) in (None, blocks.text())


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('\n<b class="whb">Boil it.</b> Wait&nbsp;5\nminutes.\n', "Boil it. Wait 5 minutes."),
        ("Do:\n<ul><li>one</li>\n<li> two &lt;</li><li></li>\n</ul>\n", "Do:\n- one\n- two <"),
        ("Do:<ul><li>one<ul><li>more</li></ul></li></ul>", None),
        ("Do:<ul><li>one</li></ul>then", None),
        ("1<br>2", None),
    ],
)
def test_what_is_a_plain_step(markup, text):
    assert plain_prose(markup) == text
