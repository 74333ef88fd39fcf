"""Real dumps, against the plain way: json.loads on every row, and the rules in a few lines."""

import json
import re

import zstandard

from handful.core.types import Turn


def rows(path):
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
            file, read_across_frames=True
        )
        return [json.loads(line) for line in stream.read().splitlines()]


def test_threads_of_askreddit_are_joined_with_their_top_comments(shared_data, curate):
    folder = shared_data / "reddit"
    found = curate(
        folder / "AskReddit_thread_submissions.zst",
        folder / "AskReddit_comments.zst",
        min_score=0,
        min_chars=1,
    )
    tops = {}
    comments = rows(folder / "AskReddit_comments.zst")
    for row in comments:
        if row["score"] >= 10 and row["body"] not in ("[deleted]", "[removed]"):
            rank = row["score"], -int(row["id"], 36), row["id"]
            tops[row["link_id"]] = max(rank, tops.get(row["link_id"], rank))
    assert {example.origin.item: example.score for example in found.examples} == {
        f"{thread}/t1_{top[2]}": top[0] for thread, top in tops.items()
    }
    assert found.counts["comments"]["rows"] == len(comments) == 4896
    assert found.counts["comments"]["read"] == found.counts["comments"]["unparented"] == 2067


def test_the_titles_of_askreddit_are_test_prompts(shared_data, curate):
    path = shared_data / "reddit" / "AskReddit_submissions.zst"
    found = curate(path, split="test", max_prompts=70)
    assert len(found.test) == 70
    titles = {row["id"]: row for row in rows(path)}
    for prompt in found.test:
        row = titles[prompt.id.partition("/")[2]]
        assert (row["selftext"].strip(), row["over_18"]) == ("", False)
        assert prompt.turns[0].text.endswith(("?", '"', ")", " ?"))
        assert not re.search(r"reddit|nsfw|\[", prompt.turns[0].text, re.IGNORECASE)
    assert sum(found.counts["dropped"].values()) + 70 == found.counts["questions"] == 1000


def test_writing_prompts_lose_their_tags(shared_data, curate):
    path = shared_data / "reddit" / "WritingPrompts_submissions.zst"
    comments = shared_data / "reddit" / "AskReddit_comments.zst"
    found = curate([path, shared_data / "reddit" / "AskReddit_thread_submissions.zst"], comments, min_score=0)
    assert found.counts["dropped"]["tag"] > 100
    assert found.counts["dropped"]["moderator"] == sum(row["distinguished"] is not None for row in rows(path))
    assert found.counts["questions"] == 1010


def test_a_month_of_2019_is_read_with_what_was_removed(shared_data, curate):
    path = shared_data / "reddit" / "AskMen_submissions_2019-10.zst"
    found = curate(path, split="test", subreddits=("AskMen",))
    plain = rows(path)
    assert found.counts["questions"] == len(plain) == 13050
    assert found.counts["dropped"]["few_votes"] == sum(row["score"] < 10 for row in plain)
    kept = {prompt.id.partition("/")[2]: prompt for prompt in found.test}
    for row in plain:
        if row["id"] in kept:
            assert row["removed_by_category"] is None
            assert kept[row["id"]].turns == (
                Turn("user", " ".join(row["title"].replace("&amp;", "&").split())),
            )
            assert kept[row["id"]].origin.author == f"u/{row['author']}"
    assert len(kept) > 250


def test_the_first_month_of_comments_is_read(tmp_path, shared_data, curate):
    """RC_2005-12, whole: answers to made-up submissions with the ids of its threads."""
    path = shared_data / "reddit" / "RC_2005-12.zst"
    plain = rows(path)
    asked = tmp_path / "asked.json"
    threads = sorted({row["link_id"] for row in plain})
    asked.write_text(
        "\n".join(json.dumps({"name": id, "title": f"Title {id}", "score": 99}) for id in threads)
    )
    found = curate(asked, path, min_answer_score=1, min_chars=1, max_chars=10**6)
    fit = {
        row["link_id"]
        for row in plain
        if row["score"] >= 1 and row["parent_id"] == row["link_id"] and row["author"] != "[deleted]"
    }
    assert {example.origin.item.partition("/")[0] for example in found.examples} <= fit
    assert len(found.examples) > 0.9 * len(fit)
    assert found.counts["comments"]["rows"] == 1075
    for example in found.examples[:50]:
        best = max(
            row["score"]
            for row in plain
            if row["link_id"] == example.origin.item.partition("/")[0] and row["parent_id"] == row["link_id"]
        )
        assert example.score <= best
