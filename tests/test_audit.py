"""The audit of `make check` finds what it looks for, and says so where it could not look."""

import http.server
import json
import threading

import audit
import pytest
from packaging.requirements import Requirement


def test_what_runs_at_start_is_found_by_name(tmp_path):
    (tmp_path / "distutils-precedence.pth").write_text("import os; os.getpid()\n")
    (tmp_path / "paths.pth").write_text("/some/folder\nimportant\n")
    assert list(audit.run_at_start(tmp_path)) == []
    (tmp_path / "litellm_init.pth").write_text("# nothing here\nimport os; os.system('true')\n")
    (tmp_path / "usercustomize.py").write_text("")
    said = list(audit.run_at_start(tmp_path))
    assert [line.split(":")[0] for line in said] == ["usercustomize.py", "litellm_init.pth"]


def test_versions_that_do_not_fit_and_packages_that_are_missing_are_named():
    tree = {
        "pytest": [("handful", Requirement("pytest<2")), ("other", Requirement("pytest>3"))],
        "no-such-package": [("handful", Requirement("no-such-package"))],
    }
    assert [line.rsplit(" ", 2)[-1] for line in audit.unmet(tree)] == ["installed", "<2"]


def test_the_tree_reaches_what_is_needed_two_steps_away_and_leaves_out_other_extras():
    tree = audit.needed(("web",))
    assert {"fastapi", "starlette", "jinja2", "h11"} <= set(tree)
    assert not {"torch", "pytest", "psycopg"} & set(tree)


def test_a_licence_that_binds_is_refused_and_the_lesser_one_is_not(monkeypatch):
    said = {"a": "GPL-3.0-or-later", "b": "LGPL-3.0-only", "c": "AGPL-3.0", "d": "Apache-2.0", "e": "MIT"}
    monkeypatch.setattr(audit, "licence", said.get)
    assert [line[0] for line in audit.binding({name: [] for name in said})] == ["a", "c"]


@pytest.mark.parametrize(
    ("status", "body", "answers"),
    [(200, {"vulns": [{"id": "X"}]}, True), (200, {}, False), (404, {}, False), (200, "<html>", False)],
)
def test_only_a_service_that_knows_a_known_fault_counts_as_one(status, body, answers, monkeypatch):
    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        monkeypatch.setattr(audit, "SERVICE", f"http://127.0.0.1:{server.server_address[1]}/v1/query")
        assert audit.service_answers() is answers
        server.shutdown()


def test_an_audit_that_could_not_be_done_says_so_and_fails_nothing(monkeypatch, capsys):
    monkeypatch.setattr(audit, "SERVICE", "http://127.0.0.1:9/v1/query")
    assert audit.main() == 0
    said = capsys.readouterr()
    assert "NOT DONE" in said.err
    assert "packages fit together" in said.out
