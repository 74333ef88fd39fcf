"""`make release-check` finds what is wrong with a wheel or an sdist.

The check builds, installs and takes a minute: it is a target of make, not a test. What it would find slowly of data
files and versions is found here.
"""

import tomllib
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest
import release

PROJECT = tomllib.loads((release.ROOT / "pyproject.toml").read_text())
PACKAGE = [name for name in release.tree() if name.startswith("src/handful/")]


def test_a_wheel_that_lacks_a_template_or_brings_a_test_is_named():
    names = [
        "src/handful/__init__.py",
        "src/handful/web/templates/base.html",
        "tests/test_docs.py",
        "README.md",
    ]
    held = ["handful/__init__.py", "tests/test_docs.py", "handful-0.1.0.dist-info/METADATA"]
    assert list(release.wrong_in_wheel(held, names)) == [
        "the wheel lacks handful/web/templates/base.html: see package-data in pyproject.toml",
        "the wheel holds tests/test_docs.py",
    ]


def test_an_sdist_that_lacks_the_licence_or_brings_a_work_folder_is_named():
    names = ["src/handful/__init__.py"]
    held = [f"handful-0.1.0/{name}" for name in {*release.IN_SDIST, *names, "work/lock"} - {"LICENSE"}]
    assert list(release.wrong_in_sdist(held, names)) == [
        "the sdist lacks LICENSE",
        "the sdist holds work/lock: see MANIFEST.in",
    ]
    assert list(release.wrong_in_sdist(held[:0], [])) == [
        f"the sdist lacks {n}" for n in sorted(release.IN_SDIST)
    ]


@pytest.mark.parametrize("kind", sorted({PurePosixPath(name).suffix for name in PACKAGE} - {".py"}))
def test_every_kind_of_file_in_the_package_is_among_its_data(kind):
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["handful"]
    assert any(fnmatch(f"folder/file{kind}", pattern) for pattern in patterns), kind


def test_versions_agree_in_a_release():
    assert list(release.wrong_in_versions()) == []


def test_what_a_plain_installation_must_not_bring_is_an_extra():
    plain = {requirement.partition(">")[0] for requirement in PROJECT["project"]["dependencies"]}
    assert not plain & set(release.HEAVY)
