"""A tuned model's tokens are counted by their rank under the base, and the counts are what anybody would count."""

import json
import re
import shutil

import msgspec
import pytest
import torch
from click.testing import CliRunner

from handful.cli.main import cli
from handful.cli.shift import drawn, name_of
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Origin, Prompt, Turn
from handful.dataset.variants import with_variants
from handful.experiments.shift import Answer, Settings, Token, kind_of, most_moved, repeating, spans, summary
from handful.experiments.shift_page import find, limits, per_cent, write
from handful.experiments.shift_run import Measured, measure, pieces
from handful.models.layout import add_eot, encode_plain, encode_prompt
from handful.models.load import load_model, load_tokenizer
from handful.recipe.values import ModelRef
from handful.stats.bootstrap import Bootstrap

QUESTIONS = ["How do I feed a starter?", "Why is the sky blue?", "Name three trees.", "What is a verb?"]


def prompt(id, text):
    return Prompt(id, (Turn("user", text),), Origin("test", "test", "1"))


PROMPTS = [prompt(f"p{place}", text) for place, text in enumerate(QUESTIONS)]


@pytest.fixture(scope="module")
def base(tiny_model, tmp_path_factory):
    """A random model whose logits spread as a trained one's do."""
    folder = tmp_path_factory.mktemp("base") / "base"
    shutil.copytree(tiny_model, folder)
    model = load_model(str(folder))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.15)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tuned(base, tmp_path_factory):
    """The same with an end of turn and slightly other weights, as training leaves it."""
    folder = tmp_path_factory.mktemp("tuned") / "epoch-02"
    model, tokenizer = load_model(str(base)), load_tokenizer(str(base))
    add_eot(model, tokenizer, "<|eot|>", "mean")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn_like(weight)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def settings(tuned, base, **changes):
    return Settings(
        tuned=ModelRef(tuned), base=ModelRef(base), **{"max_tokens": 24, "device": "cpu", **changes}
    )


@torch.inference_mode()
def ranks_one_by_one(model, context, ids):
    found = []
    for at, token in enumerate(ids):
        logits = model(input_ids=torch.tensor([[*context, *ids[:at]]])).logits[0, -1]
        found.append(logits.argsort(descending=True).tolist().index(token) + 1)
    return found


def by_prompt(measured):
    return {
        id: [t for t in measured.tokens if t.prompt_id == id]
        for id in (a.prompt_id for a in measured.answers)
    }


@pytest.mark.parametrize("context", ["plain", "eos"])
def test_ranks_are_the_bases_in_the_context_that_the_docs_name(tuned, base, context):
    measured = measure(settings(tuned, base, base_context=context, batch_size=3, max_tokens=8), PROMPTS)
    models = load_model(str(base)), load_model(str(tuned))
    tokenizer, ours = load_tokenizer(str(base)), load_tokenizer(str(tuned))
    eot = ours.convert_tokens_to_ids("<|eot|>")
    assert measured.style == "eot"
    for asked in PROMPTS:
        tokens = by_prompt(measured)[asked.id]
        plain = encode_plain(f"{asked.turns[0].text}\n\n", tokenizer)
        same = [tokenizer.eos_token_id if id == eot else id for id in encode_prompt(asked.turns, ours, eot)]
        ids = [token.id for token in tokens]
        assert [t.rank for t in tokens] == ranks_one_by_one(
            models[0], plain if context == "plain" else same, ids
        )
        assert [t.position for t in tokens] == list(range(1, len(ids) + 1))
        assert all(t.kind == kind_of(t.rank) for t in tokens)
        assert ranks_one_by_one(models[1], encode_prompt(asked.turns, ours, eot), ids) == [1] * len(ids)
    assert {token.kind for token in measured.tokens} > {"unshifted"}  # it did move


def test_a_model_has_not_moved_from_itself(base):
    measured = measure(settings(base, base), PROMPTS)
    assert measured.style == "plain"
    assert {token.rank for token in measured.tokens} == {1}
    assert {token.tuned_rank for token in measured.tokens} == {1}
    every = summary(measured.tokens, Bootstrap(draws=200))[0]
    assert (every.unshifted.estimate, every.shifted.estimate) == (1.0, 0.0)
    assert every.unshifted.n == len(PROMPTS)
    assert all(token.instead == token.token for token in measured.tokens)


def test_a_model_with_a_chat_template_is_read_by_its_base_token_for_token(base, tmp_path):
    """A tuned model of others, as URIAL measured: asked in its template, which needs no new token."""
    chat = tmp_path / "chat"
    shutil.copytree(base, chat)
    tokenizer = load_tokenizer(str(chat))
    tokenizer.chat_template = "{% for m in messages %}Q: {{ m.content }}{% endfor %} A:"
    tokenizer.save_pretrained(chat)
    talk = (Turn("user", "Hi"), Turn("assistant", "Hello."), Turn("user", "Bye"))
    dialogue = Prompt("talk", talk, Origin("test", "test", "1"))
    measured = measure(settings(chat, base, max_tokens=4), [*PROMPTS, dialogue])
    assert measured.style == "template"
    assert [(one.id, one.rule) for one in measured.left_out] == [("talk", "several_turns")]
    assert {token.rank for token in measured.tokens} == {1}  # the same weights, the same context


def test_what_ends_an_answer_is_counted_apart(base, tmp_path):
    """The end of turn is made the likeliest token everywhere: every answer is empty, and ended."""
    model, tokenizer = load_model(str(base)), load_tokenizer(str(base))
    eot = add_eot(model, tokenizer, "<|eot|>", "mean")
    model.config.tie_word_embeddings = False
    head = torch.nn.Linear(model.config.hidden_size, eot + 1, bias=False)
    with torch.no_grad():
        head.weight.zero_()
        last = torch.randn(model.config.hidden_size)
        model.model.norm.weight.zero_()
        head.weight[eot] = last
    # All logits are 0 now, so the first token would win: its place is taken by an end of turn.
    model.lm_head = head
    model.generation_config.eos_token_id = [eot, 0]
    folder = tmp_path / "ends"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    measured = measure(settings(folder, base), PROMPTS)
    assert measured.tokens == []
    assert {answer.finish for answer in measured.answers} == {"eos"}
    assert all(answer.base_end_rank >= 1 for answer in measured.answers)
    found = find("ends", "base", {"base_context": "plain", "max_tokens": 24}, measured)
    write(found, tmp_path)
    page = json.loads((tmp_path / "shift.json").read_text())
    text = (tmp_path / "shift.md").read_text()
    assert "The tuned model ended 4 of 4 answers; 0 ran into the limit of 24 tokens. Where it ended" in text
    assert "Control:" not in text
    assert "0 of 0" not in text
    assert page["ends"]["ended"] == 4
    assert page["shares"][0]["unshifted"]["estimate"] is None
    assert "there is nothing to measure" in (tmp_path / "shift.html").read_text()


def test_models_of_different_tokenizers_are_refused(tuned, base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(base, other)
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    first, second = sorted(vocabulary, key=vocabulary.get)[-2:]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match=r"different tokenizers: 2 of the base's 600 tokens have another id"):
        measure(settings(tuned, other), PROMPTS)


def test_equal_vocabularies_that_cut_texts_differently_are_refused(tuned, base, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(base, other)
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:5]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match="they cut prompt 'p0' into different tokens"):
        measure(settings(tuned, other), PROMPTS)


def test_prompts_without_room_for_an_answer_are_left_out_on_record(tuned, base):
    long = prompt("long", "why " * 2100)
    measured = measure(settings(tuned, base, max_tokens=2), [long, *PROMPTS])
    assert [(one.id, one.rule) for one in measured.left_out] == [("long", "too_long")]
    assert len(measured.answers) == 4
    with pytest.raises(DataError, match="none of 1 prompts can be asked: prompt and answer may need"):
        measure(settings(tuned, base), [long])


def token(prompt_id, position, rank, text="x", instead="y", repeats=False):
    return Token(prompt_id, position, text, 7, rank, kind_of(rank), 0.5, 0.6, 1, instead, repeats)


def test_kinds_are_urials():
    assert [kind_of(rank) for rank in (1, 2, 3, 4, 900)] == [
        "unshifted",
        "marginal",
        "marginal",
        "shifted",
        "shifted",
    ]


def test_shares_are_of_tokens_and_their_intervals_of_prompts():
    # Three answers of 4, 2 and 2 tokens: 5 of 8 unshifted, 1 marginal, 2 shifted.
    ranks = {"a": [1, 1, 1, 9], "b": [1, 2], "c": [1, 4]}
    tokens = [token(id, at + 1, rank) for id, row in ranks.items() for at, rank in enumerate(row)]
    every = summary(tokens, Bootstrap(draws=2000))[0]
    assert [value.estimate for value in every.intervals] == pytest.approx([5 / 8, 1 / 8, 2 / 8])
    assert (every.tokens, every.unshifted.n, every.unshifted.unit) == (8, 3, "prompts")
    assert every.shifted.low < 2 / 8 < every.shifted.high
    assert "show nothing" in every.shifted.note


def test_repeats_are_tokens_that_end_four_which_stood_before():
    assert repeating([1, 2, 3, 4, 1, 2, 3, 4, 5]) == [False] * 7 + [True, False]
    assert repeating([6] * 6) == [False] * 4 + [True] * 2
    tokens = [token("a", 1, 1), token("a", 2, 9), token("a", 3, 1, repeats=True), token("b", 1, 1)]
    fresh = summary(tokens, Bootstrap(draws=200))[1]
    assert (fresh.tokens, fresh.unshifted.estimate) == (3, pytest.approx(2 / 3))


def test_positions_are_told_in_doubling_steps():
    tokens = [token("a", at, 1) for at in range(1, 10)] + [token("b", at, 5) for at in range(1, 4)]
    found = spans(tokens, Bootstrap(draws=200))
    assert [(s.first, s.last, s.answers, s.shares.tokens) for s in found] == [
        (1, 1, 2, 2),
        (2, 2, 2, 2),
        (3, 4, 2, 3),
        (5, 8, 1, 4),
        (9, 16, 1, 1),
    ]
    assert found[2].shares.shifted.estimate == pytest.approx(1 / 3)


def test_tokens_that_moved_in_the_most_answers_come_first():
    tokens = [token("a", 1, 9, "Sure"), token("b", 1, 9, "Sure", "I"), token("c", 1, 9, "Sure", "I")]
    tokens += [token("a", at, 9, "1") for at in (2, 3, 4, 5)] + [token("b", 2, 1, "1")]
    first, second = most_moved(tokens)
    assert (first.token, first.shifted, first.written, first.answers, first.instead) == ("Sure", 3, 3, 3, "I")
    assert (second.token, second.shifted, second.written, second.answers) == ("1", 4, 5, 1)


def test_pieces_of_a_text_are_the_text(base):
    tokenizer = load_tokenizer(str(base))
    text = "naïve 東京 ☃ done"
    ids = encode_plain(text, tokenizer)
    found = pieces(tokenizer, ids)
    assert "".join(found) == text
    assert len(found) == len(ids)
    assert "" in found  # bytes of a character that is not yet whole


@pytest.fixture
def page(tmp_path):
    """A folder of a few hostile tokens."""
    tokens = [
        token("p", 1, 1, "Hi"),
        token("p", 2, 2, " <b>x", '"><script>'),
        token("p", 3, 8, "</mark>`", "a"),
        token("q", 1, 1, "ok"),
    ]
    answers = [Answer("p", "<i>?", 3, "eot", 1), Answer("q", "??", 1, "length", None)]
    found = find(
        "new", "old", {"base_context": "plain", "max_tokens": 5}, Measured(tokens, answers, [], "eot")
    )
    write(found, tmp_path)
    return tmp_path


def test_the_page_marks_tokens_by_more_than_colour_and_escapes_them(page):
    html = (page / "shift.html").read_text()
    assert '<mark class="marginal" title="rank 2; base: &#34;&gt;&lt;script&gt;"> &lt;b&gt;x</mark>' in html
    assert '<mark class="shifted" title="rank 8; base: a">&lt;/mark&gt;`</mark>' in html
    assert "<i>" not in html
    assert "<script" not in html
    styles = re.findall(r"mark\.(\w+) \{[^}]*text-decoration:underline (\w+)", html)
    assert styles == [("marginal", "dotted"), ("shifted", "double")]


def test_the_folder_holds_numbers_tables_and_every_token(page):
    shift = json.loads((page / "shift.json").read_text())
    assert shift["shares"][0]["shifted"]["estimate"] == pytest.approx(1 / 4)
    assert shift["ends"] == {"ended": 1, "cut": 1, "base_would_end": 1, "base_asked": 1}
    assert shift["published_per_cent"]["figures"]["Mistral-7b-instruct over Mistral-7b"]["shifted"] == 5.2
    assert [t.rank for t in jsonl.read(page / "tokens.jsonl", Token)] == [1, 2, 8, 1]
    table = (page / "figures/shift-by-position.csv").read_text().splitlines()
    assert table[0].startswith("first,last,answers,tokens,unshifted,unshifted_low")
    assert table[1].startswith("1,1,2,2,1.0")
    assert (page / "figures/shift-by-position.svg").read_text().startswith("<svg")
    text = (page / "shift.md").read_text()
    assert "77.7%" in text
    assert "Hi‹ <b>x›«</mark>`»" in text  # noqa: RUF001


def limits_of(answers, tokens, variants=0):
    measured = Measured(tokens, answers, [], "plain")
    return limits(find("new", "old", {"max_tokens": 5}, measured, Bootstrap(draws=200), variants))


def test_what_nothing_was_counted_of_is_said_in_words():
    cut = limits_of([Answer("p", "?", 1, "length", None)], [token("p", 1, 1)])
    assert any(line.endswith("As it ended none, there is no end to look up under the base.") for line in cut)
    endless = limits_of([Answer("p", "?", 1, "eos", None)], [token("p", 1, 1)])
    assert any("The base has no end of text" in line for line in endless)
    both = limits_of([Answer("p", "?", 1, "eos", 1), Answer("q", "?", 1, "eos", 7)], [token("p", 1, 1)])
    assert any(line.endswith("first choice in 1 of 2.") for line in both)
    assert not [line for line in (*cut, *endless, *both) if "of 0" in line]


def test_the_control_says_whether_any_rank_is_in_doubt():
    answers = [Answer("p", "?", 2, "length", None)]
    tokens = [token("p", 1, 1), token("p", 2, 5)]
    (control,) = (line for line in limits_of(answers, tokens) if line.startswith("Control"))
    assert control.endswith("every token is its first choice again, so rounding puts no rank in doubt.")
    tokens[1] = msgspec.structs.replace(tokens[1], tuned_rank=2)
    (control,) = (line for line in limits_of(answers, tokens) if line.startswith("Control"))
    assert control.endswith("1 token is not its first choice again; one rank is known only up to rounding.")


def test_the_page_says_how_many_variants_were_left_out_if_any(tmp_path):
    answers, tokens = [Answer("p", "?", 1, "eos", 1)], [token("p", 1, 1)]
    assert not [line for line in limits_of(answers, tokens) if "variant" in line]
    assert limits_of(answers, tokens, 8)[-1].startswith(
        "Not drawn from: 8 variants, prompts asked in another"
    )
    measured = Measured(tokens, answers, [], "plain")
    write(find("new", "old", {"max_tokens": 5}, measured, Bootstrap(draws=200), 8), tmp_path)
    assert json.loads((tmp_path / "shift.json").read_text())["variants_left_out"] == 8
    for name in ("shift.html", "shift.md"):
        assert "Not drawn from: 8 variants" in (tmp_path / name).read_text()


def test_shares_are_printed_with_their_bounds():
    every = summary([token("a", 1, 1), token("a", 2, 9)], Bootstrap(draws=200))[0]
    assert per_cent(every.unshifted) == "50.0% (no interval)"


def shift(*args):
    return CliRunner().invoke(cli, ["shift", *(str(arg) for arg in args)])


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "test.jsonl"
    jsonl.write(path, PROMPTS)
    return path


def test_the_command_makes_the_same_folder_twice_and_measures_once(tuned, base, asked, tmp_path):
    options = ("--prompts", asked, "--max-tokens", 8, "--device", "cpu", "--number", 3)
    done = shift(tuned, base, *options, "--work", tmp_path / "one")
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "one").glob("shift-*")
    assert str(folder / "shift.html") in done.output
    again = shift(tuned, base, *options, "--batch-size", 1, "--work", tmp_path / "two", "--json")
    (other,) = (tmp_path / "two").glob("shift-*")
    assert other.name == folder.name
    assert (other / "shift.json").read_bytes() == (folder / "shift.json").read_bytes()
    assert (other / "tokens.jsonl").read_bytes() == (folder / "tokens.jsonl").read_bytes()
    assert '"prompts": 3' in again.stdout
    assert str(tmp_path) not in (folder / "shift.json").read_text()
    title = f"Token shift: {tuned.parent.name}/epoch-02 over base"
    assert f"<title>{title}</title>" in (folder / "shift.html").read_text()
    before = (folder / "shift.json").stat().st_mtime_ns
    assert shift(tuned, base, *options, "--work", tmp_path / "one").exit_code == 0
    assert (folder / "shift.json").stat().st_mtime_ns == before


def test_variants_are_no_prompts_of_their_own(tmp_path):
    made = with_variants(PROMPTS, ["typos", "adversarial"], 0)
    jsonl.write(tmp_path / "test.jsonl", made)
    found, variants = drawn(tmp_path / "test.jsonl", 12)
    assert (found, variants) == (PROMPTS, len(made) - 4)
    assert variants == 8
    assert drawn(tmp_path / "test.jsonl", 2)[0] == PROMPTS[::2]
    jsonl.write(tmp_path / "test.jsonl", made[4:])
    with pytest.raises(DataError, match="holds variants alone"):
        drawn(tmp_path / "test.jsonl", 12)


def test_a_checkpoint_is_named_with_its_recipe_or_its_training(repository, tmp_path):
    folder = str(tmp_path / "train-8c2f3a1b90de" / "epoch-02")
    assert name_of(str(repository / "recipes/demo.toml"), folder, ()) == "demo (epoch-02)"
    assert name_of(folder, folder, ()) == "train-8c2f3a1b90de/epoch-02"
    assert name_of(str(tmp_path), folder, ()) == "train-8c2f3a1b90de/epoch-02"
    assert name_of("", str(tmp_path / "gemma"), ()) == "gemma"
    assert name_of("gemma3-270m", "gemma3-270m", ()) == "gemma3-270m"


def test_mistakes_are_one_line(tuned, base, asked, tmp_path):
    work = ("--work", tmp_path / "work")
    for args, words in [
        ((tuned,), "name the model that it was tuned from"),
        ((tuned, base), "nothing says what to ask; add --prompts FILE"),
        ((tuned, base, "--prompts", tmp_path / "none.jsonl"), "none.jsonl"),
        ((tmp_path / "nowhere", base, "--prompts", asked), "nowhere"),
    ]:
        done = shift(*args, *work)
        assert done.exit_code in (1, 2), done.output
        assert words in done.output
        assert len(done.output.strip().splitlines()) == 1
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert "holds no prompts" in shift(tuned, base, "--prompts", empty, *work).output
    jsonl.write(empty, [PROMPTS[0], msgspec.structs.replace(PROMPTS[1], id="p0")])
    assert "two prompts have the id 'p0'" in shift(tuned, base, "--prompts", empty, *work).output


def test_a_recipe_that_is_not_trained_says_what_to_run(repository, tmp_path):
    done = shift(repository / "recipes/demo.toml", "--work", tmp_path)
    assert done.exit_code == 1
    assert "is not trained yet; run `handful run" in done.output
