"""A month of Reddit that never was: submissions and comments, as Pushshift packs them, with a window of 2 GiB.

The rows have the fields, in the order, of October 2019. Lengths and scores follow real files; the words are drawn from
40,000 made-up ones, each text anew: nothing repeats but what repeats in a dump.
"""

from __future__ import annotations

import json
import random
from itertools import accumulate
from pathlib import Path
from typing import Any

import zstandard

COMMENTS_A_SUBMISSION = 6
START = 1_569_888_000
LETTERS = "eeeeeetttttaaaaooooiiiinnnnsssshhhrrrddlluucmfywgpbvk"
OURS = "WritingPrompts"
OTHERS = ("AskReddit", "politics", "nba", "teenagers", "memes", "funny", "worldnews", "AmItheAsshole", "CFB")
AUTHOR: dict[str, Any] = {
    "author_flair_background_color": None,
    "author_flair_css_class": None,
    "author_flair_richtext": [],
    "author_flair_template_id": None,
    "author_flair_text": None,
    "author_flair_text_color": None,
    "author_flair_type": "text",
    "author_patreon_flair": False,
}
POST: dict[str, Any] = {
    **AUTHOR,
    "subreddit_type": "public",
    "all_awardings": [],
    "awarders": [],
    "can_gild": True,
    "can_mod_post": False,
    "distinguished": None,
    "edited": False,
    "gilded": 0,
    "gildings": {},
    "locked": False,
    "no_follow": True,
    "removal_reason": None,
    "send_replies": True,
    "stickied": False,
    "total_awards_received": 0,
}
COMMENT: dict[str, Any] = {
    **POST,
    "associated_award": None,
    "collapsed": False,
    "collapsed_because_crowd_control": None,
    "collapsed_reason": None,
    "controversiality": 0,
    "is_submitter": False,
    "quarantined": False,
    "steward_reports": [],
}
SUBMISSION: dict[str, Any] = {
    **POST,
    "allow_live_comments": True,
    "archived": False,
    "author_premium": False,
    "category": None,
    "content_categories": None,
    "contest_mode": False,
    "discussion_type": None,
    "hidden": False,
    "is_crosspostable": True,
    "is_meta": False,
    "is_original_content": False,
    "is_reddit_media_domain": False,
    "is_robot_indexable": True,
    "is_self": True,
    "is_video": False,
    "link_flair_background_color": "",
    "link_flair_css_class": "prompt",
    "link_flair_richtext": [],
    "link_flair_text": "Writing Prompt",
    "link_flair_text_color": "dark",
    "link_flair_type": "text",
    "media": None,
    "media_embed": {},
    "media_only": False,
    "num_crossposts": 0,
    "over_18": False,
    "parent_whitelist_status": "all_ads",
    "pinned": False,
    "pwls": 6,
    "quarantine": False,
    "removed_by": None,
    "removed_by_category": None,
    "secure_media": None,
    "secure_media_embed": {},
    "spoiler": False,
    "suggested_sort": "confidence",
    "thumbnail": "self",
    "thumbnail_height": None,
    "thumbnail_width": None,
    "treatment_tags": [],
    "whitelist_status": "all_ads",
    "wls": 6,
}


class Writer:
    """Draws rows. Equal seeds give equal rows."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.words = [
            "".join(self.draw.choices(LETTERS, k=self.draw.choice((2, 3, 3, 4, 4, 5, 6, 7, 9))))
            for _ in range(40_000)
        ]
        self.weights = list(accumulate(1 / (rank + 3) for rank in range(len(self.words))))
        self.number = 30_000_000_000
        self.time = START
        self.authors: list[dict[str, Any]] = []

    def text(self, chars: int) -> str:
        words = self.draw.choices(self.words, cum_weights=self.weights, k=max(1, chars // 5))
        for at in range(11, len(words), 12):
            words[at] += self.draw.choice((".", ",", "?\n\n", '."\n\n"', "!", ", \u201cno\u201d,"))
        return " ".join(words).replace("\n ", "\n")

    def id(self) -> str:
        self.number += self.draw.randrange(1, 400)
        return base36(self.number)

    def score(self, share: float) -> int:
        if self.draw.random() < share:
            return int(10 * self.draw.paretovariate(0.9)) % 60_000
        return self.draw.choice((1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 7, 9, 0, -1, -3))

    def author(self) -> dict[str, Any]:
        """One of 20 posts is the first of its author, as in a month of Reddit."""
        if self.authors and self.draw.random() > 0.05:
            return self.draw.choice(self.authors)
        new = {
            "author": f"{self.text(5).strip()}{self.draw.randrange(3000)}",
            "author_created_utc": START - self.draw.randrange(300_000_000),
            "author_fullname": f"t2_{base36(self.draw.randrange(36**6))}",
        }
        self.authors.append(new)
        return new

    def common(self, id: str, subreddit: str) -> dict[str, Any]:
        self.time += self.draw.random() < 0.02  # 50 comments a second
        return {
            **self.author(),
            "created_utc": self.time,
            "id": id,
            "subreddit": subreddit,
            "subreddit_id": f"t5_{base36(2_000_000 + sum(map(ord, subreddit)))}",
            "subreddit_name_prefixed": f"r/{subreddit}",
            "retrieved_on": self.time + 16_000_000 + self.draw.randrange(100),
        }

    def submission(self, share: float) -> dict[str, Any]:
        subreddit = OURS if self.draw.random() < share else self.draw.choice(OTHERS)
        id, title = self.id(), self.text(int(self.draw.lognormvariate(4.2, 0.5)))[:280]
        title = f"[WP] {title}" if subreddit == OURS else title
        link = f"/r/{subreddit}/comments/{id}/{title[5:].lower().replace(' ', '_')[:45]}/"
        gone = self.draw.random() < 0.1
        return {
            **SUBMISSION,
            **self.common(id, subreddit),
            **({"author": "[deleted]"} if gone else {}),
            "domain": f"self.{subreddit}",
            "num_comments": self.draw.randrange(40),
            "permalink": link,
            "score": self.score(0.12),
            "selftext": "[removed]" if gone else "",
            "subreddit_subscribers": 14_000_000 + self.draw.randrange(100_000),
            "title": title,
            "url": f"https://www.reddit.com{link}",
        }

    def comment(self, thread: dict[str, Any], earlier: list[str]) -> dict[str, Any]:
        id = self.id()
        top = self.draw.random() < 0.4 or not earlier
        long = thread["subreddit"] == OURS and top and self.draw.random() < 0.5
        body = self.text(
            int(self.draw.lognormvariate(7.75, 0.7) if long else self.draw.lognormvariate(4.5, 1.1))
        )
        kind = self.draw.random()
        changed: dict[str, Any] = {}
        if kind < 0.04:
            changed = {"author": "AutoModerator", "distinguished": "moderator", "stickied": True}
        elif kind < 0.1:
            body, changed = "[deleted]", {"author": "[deleted]"}
        return {
            **COMMENT,
            **self.common(id, thread["subreddit"]),
            **changed,
            "body": body,
            "link_id": f"t3_{thread['id']}",
            "parent_id": f"t3_{thread['id']}" if top else f"t1_{self.draw.choice(earlier)}",
            "permalink": f"{thread['permalink']}{id}/",
            "score": self.score(0.12),
        }


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def generate(folder: Path, megabytes: float, share: float) -> tuple[Path, Path, int, int]:
    """Write submissions and comments. Returns their paths, the bytes of JSON, and the comments' packed bytes a row.

    The comments of some threads alternate, as they do in a dump, which is in the order of time.
    """
    writer, size, rows = Writer(0), 0, 0
    open_threads: list[tuple[dict[str, Any], list[str]]] = []
    paths = folder / "submissions.zst", folder / "comments.zst"
    options = zstandard.ZstdCompressionParameters.from_level(3, window_log=31)
    with paths[0].open("wb") as first, paths[1].open("wb") as second:
        packers = [
            zstandard.ZstdCompressor(compression_params=options).stream_writer(file)
            for file in (first, second)
        ]
        while size < megabytes * 1e6:
            thread = writer.submission(share)
            size += packers[0].write(line(thread))
            open_threads.append((thread, []))
            if len(open_threads) > 50:
                open_threads.pop(writer.draw.randrange(50))
            for _ in range(COMMENTS_A_SUBMISSION):
                thread, earlier = writer.draw.choice(open_threads)
                row = writer.comment(thread, earlier)
                earlier.append(row["id"])
                size += packers[1].write(line(row))
                rows += 1
        for packer in packers:
            packer.flush(zstandard.FLUSH_FRAME)
    return *paths, size, round(paths[1].stat().st_size / rows)


def line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
