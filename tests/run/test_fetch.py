"""A dump is fetched from a real server that cuts, stalls, lies and changes its mind."""

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from functools import partial
from types import SimpleNamespace

import pytest
from file_server import Way, file_server

from handful.core.errors import DataError, Locked
from handful.run.address import file_name, wanted
from handful.run.checksum import Checksum, checksum, listed
from handful.run.fetch import fetch, held, published_checksum
from handful.run.patience import Patience
from handful.run.request import seconds_to_wait, sendable, shown

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = random.Random(2).randbytes(300_000)
QUICK = Patience(retries=3, stall_seconds=0.4, first_wait_seconds=0.01, longest_wait_seconds=0.02)
DATE = "Mon, 01 Jun 2020 12:00:00 GMT"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def bring(tmp_path):
    """Fetch the server's file into tmp_path; returns what was said. `bring.file` is where it should be."""

    def bring(server, fragment="", patience=QUICK):
        said = []
        bring.said = said
        fetch(wanted(server.url + fragment, tmp_path), patience, said.append)
        return said

    bring.file = tmp_path / "beer.stackexchange.com.7z"
    bring.folder = tmp_path
    return bring


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_nothing_is_left_beside_it(bring):
    with file_server(CONTENT) as server:
        assert bring(server) == []
    assert bring.file.read_bytes() == CONTENT
    assert names(bring.folder) == ["beer.stackexchange.com.7z"]


@pytest.mark.parametrize(
    "way",
    [
        Way(cut_after=100_000),
        Way(cut_after=100_000, etag="", modified=DATE),
        Way(cut_after=100_000, etag='W/"weak"', modified=DATE),
        Way(stall_after=100_000),
        Way(cut_after=100_000, chunked=True),
    ],
    ids=["cut", "dated", "weak tag", "stalled", "chunked"],
)
def test_after_a_cut_only_the_rest_is_asked_for(bring, way):
    after = Way(etag=way.etag, modified=way.modified)
    with file_server(CONTENT, way, after) as server:
        bring(server)
    assert bring.file.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-"]
    assert server.asked[1]["If-Range"] == (way.modified or way.etag)
    assert server.sent == [100_000, 200_000]


def test_many_cuts_are_survived_as_long_as_each_try_brings_something(bring):
    with file_server(CONTENT, Way(cut_after=20_000)) as server:
        bring(server)
    assert bring.file.read_bytes() == CONTENT
    assert server.sent == [20_000] * 15


def test_a_later_command_goes_on_where_an_earlier_one_gave_up(bring):
    dead = Way(status=503)
    with file_server(CONTENT, Way(cut_after=100_000), *[dead] * 4, Way()) as server:
        with pytest.raises(DataError, match=r"503 .* the 100,000 bytes so far are kept"):
            bring(server)
        assert names(bring.folder) == [
            "beer.stackexchange.com.7z.part",
            "beer.stackexchange.com.7z.part.json",
        ]
        bring(server)
    assert bring.file.read_bytes() == CONTENT
    assert server.sent[0] + server.sent[-1] == len(CONTENT)


@pytest.mark.parametrize(
    "second",
    [
        Way(content=OTHER, etag='"two"'),
        Way(content=OTHER, etag='"two"', heeds_if_range=False),
        Way(content=OTHER + b"more", etag='"one"'),
        Way(content=OTHER, ranges=False),
    ],
    ids=["says so", "ignores If-Range", "another size under the same tag", "ignores Range"],
)
def test_a_file_that_changes_between_requests_is_never_patched_together(bring, second):
    with file_server(CONTENT, Way(cut_after=100_000), second) as server:
        said = bring(server)
    assert bring.file.read_bytes() == second.content
    assert any("begins anew" in line or "has changed" in line for line in said)


def test_without_tag_and_date_it_begins_anew_unless_a_checksum_will_tell(bring):
    nameless = (Way(cut_after=100_000, etag=""), Way(etag=""))
    with file_server(CONTENT, *nameless) as server:
        assert "neither version nor date" in "".join(bring(server))
    assert server.ranges == ["", ""]
    bring.file.unlink()
    with file_server(CONTENT, *nameless) as server:
        bring(server, f"#sha256={SHA256}")
    assert server.ranges == ["", "bytes=100000-"]
    assert bring.file.read_bytes() == CONTENT


def test_what_lies_about_from_another_address_is_not_gone_on_from(bring):
    with file_server(OTHER, Way(cut_after=100_000), Way(status=503)) as server, pytest.raises(DataError):
        bring(server)
    with file_server(CONTENT) as server:
        assert "came from another address" in bring(server)[0]
    assert bring.file.read_bytes() == CONTENT


def test_a_part_of_which_nothing_is_known_is_begun_anew(bring):
    (bring.folder / "beer.stackexchange.com.7z.part").write_bytes(OTHER[:1000])
    with file_server(CONTENT) as server:
        assert "nothing is known" in bring(server)[0]
    assert bring.file.read_bytes() == CONTENT


def test_a_kill_between_the_last_byte_and_the_name_costs_nothing(bring, monkeypatch):
    monkeypatch.setattr("handful.run.fetch.settle", lambda file: os.kill(os.getpid(), signal.SIGINT))
    with file_server(CONTENT) as server:
        with pytest.raises(KeyboardInterrupt):
            bring(server)
        monkeypatch.undo()
        bring(server)
        assert len(server.asked) == 1
    assert bring.file.read_bytes() == CONTENT


def test_416_of_a_file_of_unknown_length_means_that_all_is_here(bring):
    first = Way(chunked=True, cut_after=len(CONTENT))
    with file_server(CONTENT, first, Way()) as server:
        bring(server)
    assert server.ranges == ["", "bytes=300000-"]
    assert bring.file.read_bytes() == CONTENT


def test_a_length_that_is_never_reached_ends_with_an_error(bring):
    with (
        file_server(CONTENT, Way(announced=400_000)) as server,
        pytest.raises(DataError, match=r"tried 4 times in a row"),
    ):
        bring(server)
    assert not bring.file.exists()


def test_more_bytes_than_announced_are_refused(bring):
    with (
        file_server(CONTENT, Way(announced=200_000)) as server,
        pytest.raises(DataError, match=r"sends more than the 200,000 bytes that it announces"),
    ):
        bring(server)
    assert not bring.file.exists()


def test_an_end_that_cannot_be_known_is_said(bring):
    with file_server(CONTENT, Way(says_length=False)) as server:
        assert "does not say how long it is" in bring(server)[0]
    assert bring.file.read_bytes() == CONTENT


def test_wrong_bytes_do_not_get_the_name(bring):
    with file_server(OTHER, Way(), Way(content=CONTENT)) as server:
        with pytest.raises(DataError, match=f"wrong bytes: .* should be {SHA256}; they are kept as .*bad"):
            bring(server, f"#sha256={SHA256}")
        assert names(bring.folder) == ["beer.stackexchange.com.7z.bad"]
        bring(server, f"#sha256={SHA256}")
    assert bring.file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        ("", "with 300,000 bytes; the server has 299,999"),
        (f"#sha256={'0' * 64}", f"with sha256 {SHA256} where {'0' * 64} is wanted"),
    ],
)
def test_a_file_that_is_here_is_never_overwritten(bring, fragment, message):
    bring.file.write_bytes(CONTENT)
    with file_server(CONTENT[:-1]) as server, pytest.raises(DataError, match=message):
        bring(server, fragment)
    assert bring.file.read_bytes() == CONTENT


def test_a_file_that_is_here_and_agrees_is_left_alone(bring):
    bring.file.write_bytes(CONTENT)
    with file_server(CONTENT) as server:
        assert fetch(wanted(server.url, bring.folder), QUICK) is False
        assert fetch(wanted(f"{server.url}#sha256={SHA256}", bring.folder), QUICK) is False
        assert len(server.asked) == 1  # a checksum needs no server
    assert "cannot be asked" in bring(server)[0]  # which is gone now


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"the server says 404 \(Not Found\): there is no such file; check the address"),
        (403, r"the server says 403 \(Forbidden\): it wants a login, or refuses programs"),
        (418, r"the server says 418"),
    ],
)
def test_an_error_that_will_not_pass_is_one_line_at_once(bring, status, message):
    with file_server(CONTENT, Way(status=status)) as server, pytest.raises(DataError, match=message) as error:
        bring(server)
    assert len(server.asked) == 1
    assert "\n" not in str(error.value)
    assert names(bring.folder) == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(bring, status):
    with file_server(CONTENT, Way(status=status), Way()) as server:
        bring(server)
    assert bring.file.read_bytes() == CONTENT


def test_retry_after_is_waited_for(bring):
    busy = Way(status=429, headers={"Retry-After": "1"})
    with file_server(CONTENT, busy, Way()) as server:
        start = time.monotonic()
        assert "trying again in 1.0 s" in bring(server)[0]
        assert time.monotonic() - start >= 1


def test_a_retry_after_of_hours_ends_the_command(bring):
    busy = Way(status=503, headers={"Retry-After": "86400"})
    with file_server(CONTENT, busy) as server, pytest.raises(DataError, match="asks to wait 86,400 seconds"):
        bring(server)


def test_retry_after_may_be_a_date():
    assert seconds_to_wait("120") == 120
    assert seconds_to_wait(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert seconds_to_wait(formatdate(time.time() - 30, usegmt=True)) == 0
    assert seconds_to_wait("soon") is None
    assert seconds_to_wait(None) is None


def test_waits_grow_and_are_not_all_the_same():
    patience = Patience(first_wait_seconds=1, longest_wait_seconds=60)
    for failed, longest in ((1, 1), (2, 2), (5, 16), (20, 60)):
        waits = {patience.wait(failed) for _ in range(50)}
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert patience.wait(1, asked=7.0) == 7
    assert patience.wait(1, asked=901.0) is None


def test_a_server_that_is_not_there_is_said_at_once(bring):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(DataError, match="no server answers there"):
        fetch(wanted(f"http://127.0.0.1:{port}/a.7z", bring.folder), Patience())
    assert time.monotonic() - start < 2


def test_redirects_are_followed_and_the_name_is_that_of_the_address(bring):
    with file_server(CONTENT) as other:
        aside = Way(status=302, headers={"Location": f"{other.root}/elsewhere/8f3a?signature=secret"})
        with file_server(CONTENT, aside) as server:
            bring(server)
    assert bring.file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/dumps/beer.stackexchange.com.7z", "redirects too often"),
        ("ftp://127.0.0.1/a.7z", "redirects to a ftp address"),
        ("file:///etc/passwd", "redirects to a file address|302"),
    ],
)
def test_redirects_that_lead_nowhere_or_elsewhere_are_refused(bring, location, message):
    aside = Way(status=302, headers={"Location": location})
    with file_server(CONTENT, aside) as server, pytest.raises(DataError, match=message):
        bring(server)


def test_no_redirect_leads_from_https_to_http():
    from urllib.request import Request

    from handful.run.request import Redirects

    request = Request("https://example.org/a.7z?key=secret")
    with pytest.raises(DataError, match=r"from https to http://example\.org/a\.7z") as error:
        Redirects().redirect_request(request, None, 302, "Found", {}, "http://example.org/a.7z?key=secret")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Type": "text/html; charset=utf-8"}, "sends a web page where beer.stackexchange.com.7z"),
        ({"Content-Encoding": "gzip"}, r"sends it packed \(gzip\)"),
    ],
)
def test_a_login_page_or_packed_bytes_are_not_taken_for_the_file(bring, headers, message):
    with file_server(CONTENT, Way(headers=headers)) as server, pytest.raises(DataError, match=message):
        bring(server)
    assert not bring.file.exists()


def test_the_server_does_not_choose_the_name(bring):
    headers = {"Content-Disposition": 'attachment; filename="../../escaped"'}
    with file_server(CONTENT, Way(headers=headers)) as server:
        bring(server)
    assert names(bring.folder) == ["beer.stackexchange.com.7z"]


def test_a_full_disk_is_found_before_the_first_byte(bring, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=64_100_000))
    with (
        file_server(CONTENT) as server,
        pytest.raises(
            DataError, match=r"no room .*: 0\.3 MB are to come and 64\.1 MB are free.*: 0\.2 MB are missing"
        ),
    ):
        bring(server)
    assert names(bring.folder) == []


def test_room_is_only_needed_for_the_rest(bring, monkeypatch):
    with file_server(CONTENT, Way(cut_after=250_000), Way(status=503)) as server, pytest.raises(DataError):
        bring(server)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=64_100_000))
    part = bring.folder / "beer.stackexchange.com.7z.part.json"
    with file_server(CONTENT) as server:
        digest = hashlib.sha256(server.url.encode()).hexdigest()
        part.write_text(part.read_text().replace(part.read_text().split('"')[3], digest))
        bring(server)
    assert server.ranges == ["bytes=250000-"]


def test_two_processes_do_not_fetch_the_same_file(bring):
    part = bring.folder / "beer.stackexchange.com.7z.part"
    with (
        file_server(CONTENT) as server,
        held(part),
        pytest.raises(Locked, match="another process is fetching"),
    ):
        bring(server)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/a.7z", "not an http or https address"),
        ("file:///etc/passwd", "not an http or https address"),
        ("beer.7z", "not an http or https address; it begins with https:// and a host"),
        ("http://", "not an http or https address"),
        ("http://example.org:port/a", "not an address"),
        ("magnet:?xt=urn:btih:0", "a torrent; fetch it with a torrent client"),
        ("https://example.org/RC_2005-12.torrent", "a torrent"),
        ("https://example.org/", "names no file"),
        ("https://example.org/a/..", "names no file"),
        ("https://example.org/%2e%2e", "names no file"),
        ("https://example.org/..%2F..%2Fetc%2Fpasswd", "is no name for a file here"),
        ("https://example.org/a%5Cb", "is no name for a file here"),
        ("https://example.org/a%00b", "is no name for a file here"),
        ("https://example.org/.bashrc", "is no name for a file here"),
        ("https://example.org/" + "a" * 300, "longer than 200 bytes"),
        ("https://example.org/a.7z#sha256=12", "expected hex digits .64 for sha256"),
        ("https://example.org/a.7z#sha265=12", "#sha265=: expected one of md5, sha1, sha256"),
    ],
)
def test_addresses_that_are_refused(url, message, tmp_path):
    with pytest.raises(DataError, match=message):
        wanted(url, tmp_path)


def test_nobody_is_shown_what_is_secret(tmp_path):
    assert shown("https://ann:key@example.org/a.7z?signature=key#sha256=1") == "https://example.org/a.7z?…"
    with pytest.raises(DataError, match="has a user name in it") as error:
        wanted("https://ann:key@example.org/a.7z", tmp_path)
    assert "key" not in str(error.value)


def test_secrets_do_not_lie_about(bring):
    with (
        file_server(CONTENT, Way(cut_after=1000), Way(status=503)) as server,
        pytest.raises(DataError) as error,
    ):
        fetch(wanted(f"{server.url}?signature=secret", bring.folder), QUICK)
    assert "secret" not in str(error.value)
    assert all(b"secret" not in path.read_bytes() for path in bring.folder.iterdir())


def test_names_with_blanks_and_letters_beyond_ascii():
    assert file_name("https://example.org/a/Bi%C3%A8re%20et%20vin.7z?download=1") == "Bière et vin.7z"
    assert (
        sendable("https://exämple.org/Bière et vin.7z")
        == "https://xn--exmple-cua.org/Bi%C3%A8re%20et%20vin.7z"
    )
    assert sendable("https://example.org/a%20b.7z?x=%2F") == "https://example.org/a%20b.7z?x=%2F"


@pytest.mark.parametrize(
    ("line", "algorithm"),
    [
        ("{sha256}  a.7z", "sha256"),
        ("{sha256} *./dumps/a.7z", "sha256"),
        ("{sha256}", "sha256"),
        ("# list\n{md5}  a.7z\n{sha1}  b.7z", "md5"),
        ("SHA256 (a.7z) = {sha256}", "sha256"),
        ("{sha1}\ta.7z\r", "sha1"),
    ],
)
def test_lists_of_checksums_as_the_usual_tools_write_them(line, algorithm):
    digests = {name: hashlib.new(name, CONTENT).hexdigest() for name in ("md5", "sha1", "sha256")}
    found = listed(line.format(**digests).encode(), "a.7z", "sums")
    assert found == Checksum(algorithm, digests[algorithm])


def test_a_list_that_does_not_name_the_file_is_refused():
    with pytest.raises(DataError, match=r"sums: has no checksum of a\.7z among its 1 lines"):
        listed(f"{SHA256}  b.7z".encode(), "a.7z", "sums")
    with pytest.raises(DataError, match="expected hex digits"):
        checksum("not hex")


def test_a_list_of_checksums_may_be_an_address(tmp_path):
    with file_server(f"{SHA256}  a.7z\n".encode()) as server:
        assert published_checksum(server.url, "a.7z") == Checksum("sha256", SHA256)
    (tmp_path / "sums").write_text(SHA256)
    assert published_checksum(str(tmp_path / "sums"), "a.7z").value == SHA256


def start_fetch(server, folder, **more):
    command = [sys.executable, "-m", "handful", "fetch", server.url, "--to", str(folder), "--retries", "2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def test_killed_in_mid_transfer_the_same_command_goes_on(tmp_path):
    content = random.Random(3).randbytes(3_000_000)
    part = tmp_path / "beer.stackexchange.com.7z.part"
    with file_server(content, Way(piece_seconds=0.05), Way()) as server:
        first = start_fetch(server, tmp_path)
        wait_until(lambda: part.exists() and part.stat().st_size > 500_000)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        have = part.stat().st_size
        assert 500_000 < have < len(content)
        assert names(tmp_path) == [part.name, f"{part.name}.json"]
        out, errors = start_fetch(server, tmp_path).communicate()
    assert errors == ""
    assert out == f"{tmp_path}/beer.stackexchange.com.7z  3.0 MB\n"
    assert (tmp_path / "beer.stackexchange.com.7z").read_bytes() == content
    assert server.ranges == ["", f"bytes={have}-"]
    assert server.sent[1] == len(content) - have


def wait_until(happens, seconds=20):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_commands_at_a_time_bring_many_files(tmp_path):
    with file_server(CONTENT, Way(cut_after=90_000), Way()) as server:
        files = [wanted(f"{server.root}/{name}", tmp_path) for name in ("a.7z", "b.7z", "c.7z")]
        threads = [threading.Thread(target=partial(fetch, file, QUICK)) for file in files]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(file.target.read_bytes() == CONTENT for file in files)
