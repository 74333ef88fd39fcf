import hashlib

import pytest

from handful.core.errors import MissingExtra
from handful.core.files import file_hash, write_whole
from handful.core.optional import need
from handful.core.rng import rng_for


def test_each_purpose_has_its_own_stream():
    assert rng_for(0, "select").random() == rng_for(0, "select").random()
    assert rng_for(0, "select").random() != rng_for(0, "study").random()
    assert rng_for(0, "select").random() != rng_for(1, "select").random()


def test_write_whole_leaves_only_the_file(tmp_path):
    write_whole(tmp_path / "a", "first")
    write_whole(tmp_path / "a", b"second")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["second"]


def test_a_file_hash_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_missing_extra_says_how_to_install_it():
    with pytest.raises(MissingExtra, match=r"training needs no_such_torch, .*'handful\[train\]'"):
        need_unknown("no_such_torch", "training")


def need_unknown(library, purpose):
    from handful.core import optional

    optional.EXTRAS[library] = "train"
    try:
        need(library, purpose)
    finally:
        del optional.EXTRAS[library]
