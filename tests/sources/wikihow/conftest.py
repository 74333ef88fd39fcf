"""A page in the site's layout, and a reader that collects what it is handed."""

from __future__ import annotations

import pytest

from handful.recipe.sources import WikiHow
from handful.recipe.values import InputPath
from handful.sources.wikihow.read import read

LONG = "Stir the water with a spoon until it is warm. " * 6


class Found:
    """What a reader handed over, and its counts."""

    def __init__(self, *paths, **options):
        self.records = []
        source = WikiHow(kind="wikihow", paths=tuple(InputPath(path) for path in paths), **options)
        self.counts = read("wikihow", source, {}, lambda *pair: self.records.append(pair), paths[0])

    @property
    def examples(self):
        return [record for file, record in self.records if file == "examples"]

    @property
    def dropped(self):
        return [record for file, record in self.records if file == "dropped"]

    @property
    def prompts(self):
        return [example.turns[0].text for example in self.examples]

    @property
    def answers(self):
        return [example.turns[1].text for example in self.examples]


@pytest.fixture
def found():
    return Found


@pytest.fixture
def long():
    """Enough words for an article that is not too short."""
    return LONG


@pytest.fixture
def page():
    """A page as the site has written them since 2018; name what should differ."""

    def make(title="Warm Water", intro="This article tells you how.", steps=None, **more):
        breadcrumb = more.get("breadcrumb", "Categories Food-and-Entertaining Recipes").split()
        links = "".join(f'<li><a href="/c">{name.replace("-", " ")}</a></li>' for name in breadcrumb)
        if steps is None:
            steps = [f'<b class="whb">Take {name}.</b> {LONG}' for name in ("one", "two")]
        items = "".join(
            f'<li id="step-id-0{number}"><div class="mwimg largeimage"><img src="x.jpg"></div><div class="step_num">'
            f'{number}</div><div class="step">{step}</div><div class="wh_ad_inner">Advertisement</div></li>'
            for number, step in enumerate(steps, start=1)
        )
        return f"""<!DOCTYPE html><html class="client-nojs" lang="{more.get("lang", "en")}"><head>
<meta charset="utf-8"/>
<title>How to {title}: {len(steps)} Steps (with Pictures) - wikiHow</title>
<script>document.write("<h1>no title</h1>"); var x = 'class="step"';</script>{more.get("head", "")}</head><body>
<ul id="breadcrumb" class="breadcrumbs">{links}</ul><h1 id="section_0"><a>How to {title}</a></h1>
<div id="intro" class="section"><div id="byline_info"><p>Last Updated: <span>July 31, 2020</span></p></div>
<div id="method_toc"><p>Explore this Article</p></div><p>{intro}</p></div>
{more.get("before", "")}
<h2 class="section-heading hidden"><span class="mw-headline" id="Steps">Steps</span></h2>
<div class="section steps"><h3 class="in-block"><div class="altblock">Method <span>1</span> of 1:</div>
<span class="mw-headline">{more.get("method", "On the Stove")}</span></h3>
<div class="section_text"><ol class="steps_list_2">{items}</ol></div></div>
<div class="qa section"><h2>Community Q&amp;A</h2><ul><li>Is it hot?</li></ul></div>
<div class="section tips"><h2><span class="mw-headline">Tips</span></h2><ul><li>Use a lid.<div
class="wh_vote_container">Helpful 0</div></li></ul></div>
<div class="section relatedwikihows"><h2>Related wikiHows</h2><ul><li>How to Boil Water</li></ul></div>
<div class="section sourcesandcitations"><h2>References</h2><ol><li>example.com</li></ol></div>
</body></html>"""

    return make
