"""The package as a whole: quick to import, lazy, and with requirement lists that agree."""

import re
import statistics
import subprocess
import sys
import tomllib

import pytest

import medtutor
from medtutor import resources

HEAVY = ("torch", "monai", "matplotlib", "numpy", "pandas", "plotly", "sklearn", "IPython", "requests")
checkout_only = pytest.mark.skipif(resources.checkout() is None, reason="needs the source checkout")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_medtutor_loads_nothing_heavy():
    loaded = python("import sys, medtutor; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert "medtutor" in loaded
    assert set(loaded).isdisjoint(HEAVY)


def test_import_medtutor_takes_little_more_than_bare_python():
    timed = "import time; start = time.perf_counter(); import medtutor; print(time.perf_counter() - start)"
    seconds = statistics.median(float(python(timed)) for _ in range(5))
    assert seconds < 0.3


def test_the_cards_load_neither_torch_nor_monai():
    loaded = python("import sys, medtutor; medtutor.cards(); print(*sys.modules)").split()
    assert set(loaded).isdisjoint({"torch", "monai", "matplotlib"})


def test_every_lazy_name_of_the_package_resolves():
    for name in medtutor.__all__:
        assert getattr(medtutor, name) is not None, name
    assert set(medtutor.__all__) <= set(dir(medtutor))
    with pytest.raises(AttributeError, match="no_such_name"):
        medtutor.no_such_name  # noqa: B018


def test_every_lazy_name_of_the_rooms_resolves():
    for room in (medtutor.data, medtutor.course, medtutor.training, medtutor.evaluate, medtutor.bench):
        for name in room.__all__:
            assert getattr(room, name) is not None, f"{room.__name__}.{name}"


def project():
    return tomllib.loads((resources.checkout() / "pyproject.toml").read_text())["project"]


def requirements():
    listed = project()
    return [*listed["dependencies"], *(one for extra in listed["optional-dependencies"].values() for one in extra)]


@checkout_only
def test_requirements_have_lower_bounds_only():
    for one in requirements():
        assert re.fullmatch(r"medtutor\[\w+(,\w+)*\]|[\w.-]+(\[[\w,]+\])?>=[\d.]+(; .+)?", one), one


@checkout_only
def test_constraints_name_exact_versions_and_cover_every_requirement():
    lines = (resources.checkout() / "constraints.txt").read_text().splitlines()
    pinned = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==([\w.+!]+)( *;.*)?", line)
            assert match, line
            pinned[match[1].lower()] = match[2]
    wanted = {re.match(r"[\w.-]+", one)[0].lower() for one in requirements()} - {"medtutor"}
    viewer = {re.match(r"[\w.-]+", one)[0] for one in project()["optional-dependencies"].get("viewer3d", [])}
    assert wanted - viewer <= set(pinned)


@checkout_only
def test_the_generated_requirement_lists_have_not_drifted():
    script = resources.checkout() / "scripts" / "requirements.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@checkout_only
def test_the_arrows_between_the_rooms_run_downwards():
    pytest.importorskip("importlinter")
    code = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=resources.checkout(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout
