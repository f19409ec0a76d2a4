"""A lone notebook brings its own medtutor: the setup cell gets the wheel, with cards and exercises inside it."""

import importlib.util
import sysconfig
from importlib import metadata
from pathlib import Path

import nbformat
import pytest

from medtutor import resources
from medtutor.checks import sheets
from medtutor.course import lessons
from medtutor.data import cards

ROOT = resources.checkout()
if ROOT is None:
    pytest.skip("needs the source checkout", allow_module_level=True)

FIRST = next((ROOT / "notebooks").glob("00_*.ipynb"))


def tool():
    spec = importlib.util.spec_from_file_location("alone", ROOT / "scripts" / "alone.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


alone = tool()
UV = alone.find_uv()
needs_uv = pytest.mark.skipif(UV is None, reason="needs uv, which `make` puts into .uv")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return alone.build_wheel(UV, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def without_medtutor(tmp_path):
    """The Python of an environment that has all that this one has, as links, but no medtutor."""
    python = alone.fresh(UV, tmp_path / "venv")
    links = tmp_path / "links"
    links.mkdir()
    for key in ("purelib", "platlib"):
        for entry in Path(sysconfig.get_path(key)).iterdir():
            link = links / entry.name
            # a .pth file, or what an editable installation leaves, would lead back to this checkout
            if "medtutor" not in entry.name and entry.suffix != ".pth" and not link.exists():
                link.symlink_to(entry)
    site_packages = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    (site_packages / "links.pth").write_text(f"{links}\n")
    return python, site_packages


@needs_uv
@pytest.mark.timeout(300)
def test_a_lone_notebook_in_an_empty_folder_gets_medtutor_and_moves_nothing_else(
    wheel, without_medtutor, no_folders, tmp_path
):
    python, site_packages = without_medtutor
    before = {path.name for path in site_packages.glob("*.dist-info")}
    with alone.served(wheel.parent) as (address, asked):
        # no index: whatever pip looked for beside the wheel would end the cell with an error
        env = {"MEDTUTOR_WHEEL": f"{address}/{wheel.name}", "MEDTUTOR_BUDGET": "smoke", "PIP_NO_INDEX": "1"}
        has = alone.execute(FIRST, python, tmp_path / "empty", env)

    assert [path for path in asked if path.endswith(".whl")] == [f"/{wheel.name}"]
    assert Path(has["medtutor"]).is_relative_to(site_packages)
    assert (has["cards"], has["exercises"], has["lessons"]) == (len(cards()), len(sheets()), len(lessons()))
    after = {path.name for path in site_packages.glob("*.dist-info")}
    assert {name.split("-")[0] for name in after - before} == {"medtutor"} and before <= after
    assert has["numpy"] == metadata.version("numpy")
    assert "OFFLINE SAMPLE" in has["outputs"] and "not attempted" in has["outputs"]
    assert [path.name for path in (tmp_path / "empty").iterdir()] == [FIRST.name]


@needs_uv
def test_the_wheel_carries_every_card_exercise_and_lesson_and_no_test(wheel):
    import zipfile

    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in {"datasets": "*.toml", "exercises": "*.py", "notebooks": "*.ipynb"}.items():
        for path in (ROOT / folder).glob(pattern):
            assert f"medtutor/_{folder}/{path.name}" in names
    assert not [name for name in names if name.startswith(("tests/", "scripts/")) or "__pycache__" in name]


def test_the_setup_cell_of_every_notebook_asks_pip_for_what_is_missing_only():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cell = next(one for one in nbformat.read(path, as_version=4).cells if one.cell_type == "code")
        assert "find_spec(name) is None" in cell.source and "--no-deps" in cell.source, path.name
