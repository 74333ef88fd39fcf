"""Replies that were paid for are found again: by the same request alone, in any process, whatever broke meanwhile."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.models.api import cache
from handful.models.api.provider import Completion, Request
from handful.recipe.systems import EndpointSystem

SERVER = EndpointSystem(kind="endpoint", base_url="http://here/v1", model="m", api_key_env="SECRET_KEY")
REQUEST = Request("m", [{"role": "user", "content": "Hä?"}], {"temperature": 0.7, "max_tokens": 9}, None)
SAID = Completion("Yes.", "stop", 5, 7, "m-2026")


def key(server=SERVER, request=REQUEST, sample=0):
    return cache.key_of(server, request, sample)


def changed(**changes):
    return Request(**{name: getattr(REQUEST, name) for name in Request.__slots__} | changes)


def test_the_key_is_the_sha256_of_the_whole_request_as_canonical_json():
    whole = (
        '{"api":"openai","base_url":"http://here/v1","messages":[{"content":"Hä?","role":"user"}],"model":"m",'
        '"sample":0,"sampling":{"max_tokens":9,"temperature":0.7},"schema":null}'
    )
    assert key() == hashlib.sha256(whole.encode()).hexdigest()


def test_order_and_kind_of_mapping_do_not_matter_and_every_part_does():
    same = changed(sampling={"max_tokens": 9, "temperature": 0.7}, rung="json_schema")
    assert key(request=same) == key()
    others = [
        key(sample=1),
        key(request=changed(model="n")),
        key(request=changed(messages=[{"role": "system", "content": "Hä?"}])),
        key(request=changed(sampling={"temperature": 0.7, "max_tokens": 10})),
        key(request=changed(schema={"type": "object"})),
        key(server=EndpointSystem(kind="endpoint", base_url="http://there/v1", model="m")),
        key(server=EndpointSystem(kind="endpoint", base_url="http://here/v1", model="m", api="google")),
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_what_decides_nothing_of_the_reply_is_no_part_of_the_key():
    other = EndpointSystem(
        kind="endpoint",
        base_url="http://here/v1",
        model="m",
        concurrency=99,
        input_price=1.0,
        api_key_env="K",
    )
    assert key(server=other) == key()


def opened(place):
    return cache.Replies(place, SERVER)


@given(st.text(), st.text(), st.integers(0, 10**6))
def test_what_is_kept_is_what_comes_back_here_and_in_the_next_process(tmp_path_factory, text, finish, tokens):
    place = tmp_path_factory.mktemp("replies")
    replies = opened(place)
    said = Completion(text, finish, tokens, tokens + 1, "m")
    replies.put(key(), said, "json_object")
    assert replies.get(key()) == opened(place).get(key()) == (said, "json_object")
    replies.close()


def test_a_reply_is_a_line_of_json_under_its_key(tmp_path):
    replies = opened(tmp_path)
    replies.put(key(), SAID, "text")
    replies.put(key(sample=1), SAID, "text")
    replies.close()
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["key"], first["text"], second["key"]) == (key(), "Yes.", key(sample=1))


@pytest.mark.parametrize("torn", [b"", b'{"key":"', b"\xff\n", b"[]\n", b"\n\n"])
def test_lines_that_a_power_cut_broke_are_passed_over(tmp_path, torn):
    replies = opened(tmp_path)
    replies.put(key(), SAID, "text")
    replies.put(key(sample=1), SAID, "text")
    replies.close()
    [file] = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20] + torn)
    again = opened(tmp_path)
    assert again.get(key()) == (SAID, "text")
    assert again.get(key(sample=1)) is None
    again.put(key(sample=1), SAID, "text")
    again.close()
    assert opened(tmp_path).get(key(sample=1)) in (None, (SAID, "text"))


def test_a_line_under_the_key_of_another_is_no_reply(tmp_path):
    replies = opened(tmp_path)
    replies.put(key(), SAID, "text")
    assert replies.get(key(sample=1)) is None
    replies.known[key(sample=1)] = replies.known[key()]
    assert replies.get(key(sample=1)) is None
    replies.close()


def test_many_threads_may_write_and_read(tmp_path):
    replies, seen = opened(tmp_path), []

    def work(thread):
        for number in range(50):
            replies.put(key(sample=number), SAID, "text")
            seen.append(replies.get(key(sample=number)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {(SAID, "text")}
    assert all(opened(tmp_path).get(key(sample=number)) for number in range(50))
    replies.close()


def test_a_reply_that_comes_after_the_end_is_kept(tmp_path):
    replies = opened(tmp_path)
    replies.close()
    replies.put(key(), SAID, "text")
    assert replies.file == -1
    assert opened(tmp_path).get(key())


def test_each_servers_model_has_a_folder_of_its_own(tmp_path):
    other = EndpointSystem(kind="endpoint", base_url="http://here/v1", model="n")
    for server in (SERVER, other):
        replies = cache.Replies(tmp_path, server)
        replies.put(key(server), SAID, "text")
        replies.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(map(cache.shelf_of, (SERVER, other)))


def test_the_folder_is_named_by_the_environment_or_lies_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HANDFUL_REPLIES", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.setenv("HANDFUL_REPLIES", "off")
    assert cache.folder() is None
    monkeypatch.delenv("HANDFUL_REPLIES")
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path / "replies"


def test_without_a_folder_nothing_is_kept():
    replies = opened(None)
    replies.put(key(), SAID, "text")
    assert replies.get(key()) is None
    replies.close()


def test_what_was_asked_and_answered_is_for_its_owner_alone(tmp_path):
    replies = cache.Replies(tmp_path / "some" / "replies", SERVER)
    replies.put(key(), SAID, "text")
    replies.prove("json_object")
    replies.close()
    assert replies.shelf is not None
    modes = {path.stat().st_mode & 0o777 for path in (replies.shelf, replies.shelf.parent)}
    assert modes == {0o700}
    [file] = replies.shelf.glob("*.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "some").stat().st_mode & 0o777 != 0o700, "not ours to close"


def test_how_a_server_is_held_to_a_schema_is_remembered_for_each_of_them(tmp_path):
    other = EndpointSystem(kind="endpoint", base_url="http://there/v1", model="m")
    assert cache.Replies(tmp_path, SERVER).rung() is None
    cache.Replies(tmp_path, SERVER).prove("json_object")
    assert cache.Replies(tmp_path, SERVER).rung() == "json_object"
    assert cache.Replies(tmp_path, other).rung() is None
    off = cache.Replies(None, SERVER)
    off.prove("text")
    assert off.rung() is None


@pytest.mark.parametrize("content", [b"", b"yaml\n", b"\xff\xfe"])
def test_a_word_that_is_none_is_as_if_nothing_were_known(tmp_path, content):
    replies = cache.Replies(tmp_path, SERVER)
    replies.prove("text")
    (replies.shelf / "rung").write_bytes(content)
    assert replies.rung() is None
