"""What may be read, and what is hidden inside it."""

from __future__ import annotations

import os
import shutil
import sys
import types
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from grading.sandbox.conftest import need
from grading.sandbox.room import Room

from medtutor import resources
from medtutor.grading import sandbox
from medtutor.grading.sandbox import landlock, paths


def covers(readable: list[Path], path: str | Path) -> bool:
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(other) for other in paths.real_paths(readable))


def test_python_its_packages_and_medtutor_can_be_read_and_nothing_beside_them():
    import numpy

    readable = sandbox.readable_paths()
    for needed in (os.__file__, numpy.__file__, resources.PACKAGE / "errors.py", resources.folder("datasets")):
        assert covers(readable, needed), needed
    for kept in ("/", "/etc", "/etc/passwd", "/home", "/root", "/proc", "/tmp", "/var", "/dev", str(Path.home())):
        assert not any(path == Path(kept) for path in paths.real_paths(readable)), kept
    root = resources.checkout()
    if root:
        for kept in ("exercises", "notebooks", "tests", "docs", ".git", "pyproject.toml"):
            assert not covers(readable, root / kept), kept


def test_of_a_project_on_the_path_only_what_was_imported_can_be_read(tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "single.py").touch()
    (tmp_path / "submissions").mkdir()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("inside.py", "x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "archive.zip")
    monkeypatch.syspath_prepend("relative")
    assert covers(sandbox.readable_paths(), tmp_path / "archive.zip")
    assert not covers(sandbox.readable_paths(), tmp_path / "package")
    for name in ("package", "single"):
        spec = sys.modules[name] = types.ModuleType(name)
        origin = tmp_path / ("package/__init__.py" if name == "package" else "single.py")
        spec.__spec__ = ModuleSpec(name, None, origin=str(origin), is_package=name == "package")
        spec.__spec__.has_location = True
        if name == "package":
            spec.__spec__.submodule_search_locations[:] = [str(tmp_path / "package")]
    try:
        readable = sandbox.readable_paths()
        assert covers(readable, tmp_path / "package/__init__.py") and covers(readable, tmp_path / "single.py")
        assert not covers(readable, tmp_path / "submissions")
        assert not covers(sandbox.readable_paths(loaded=False), tmp_path / "package")
    finally:
        del sys.modules["package"], sys.modules["single"]


def test_links_on_the_way_are_found(tmp_path):
    real = tmp_path / "versions" / "3.1"
    (real / "lib").mkdir(parents=True)
    (tmp_path / "current").symlink_to("versions/3.1")
    (tmp_path / "here").symlink_to(tmp_path / "current")
    links = paths.links_on(tmp_path / "here" / "lib")
    assert {link.name: text for link, text in links.items() if link.is_relative_to(tmp_path)} == {
        "here": str(tmp_path / "current"),
        "current": "versions/3.1",
    }
    assert paths.real_paths([tmp_path / "here" / "lib", real]) == [real.resolve()]
    (tmp_path / "round").symlink_to("round")
    assert (tmp_path / "round") in paths.links_on(tmp_path / "round")  # and it ends


def test_a_folder_with_something_hidden_is_named_child_by_child(tmp_path):
    for name in ("site/medtutor/_exercises", "site/medtutor/data", "site/numpy"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "site/link").symlink_to("/etc")
    named = dict(landlock.spread(tmp_path / "site", [tmp_path / "site/medtutor/_exercises"]))
    whole = {str(path.relative_to(tmp_path)) for path, all_of_it in named.items() if all_of_it}
    assert whole == {"site/medtutor/data", "site/numpy"}
    assert {str(path.relative_to(tmp_path)) for path in named} - whole == {"site", "site/medtutor"}


@pytest.mark.parametrize("level", ["namespaces", "bare", "landlock", "bubblewrap"])
def test_the_exercises_in_an_installed_package_cannot_be_read(level, tmp_path):
    need(level, "us")
    package = tmp_path / "site-packages" / "medtutor"
    shutil.copytree(resources.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "widgets"))
    for name in ("_exercises", "_notebooks", "_datasets"):
        (package / name).mkdir()
        (package / name / "file.txt").write_text(name)
    room = Room(level, package=package)
    try:
        reply = room.run("""
            import medtutor, medtutor.evaluate.inputs, pathlib
            folder = pathlib.Path(medtutor.__file__).parent
            result = [str(folder), (folder / "_datasets" / "file.txt").read_text()]
        """)
        assert reply.value == [str(package), "_datasets"], reply
        for name in ("_exercises", "_notebooks"):
            reply = room.run(f"open({str(package / name / 'file.txt')!r})")
            assert reply.error.startswith(("PermissionError", "FileNotFoundError")), reply
    finally:
        assert room.close() == []
