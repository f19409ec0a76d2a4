"""The requirement lists: Colab's versions, Binder's folder and the conda environment, each held against pyproject."""

import os
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from medtutor import resources

ROOT = resources.checkout()
if ROOT is None:
    pytest.skip("needs the source checkout", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [Requirement(one) for one in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"]]


def pins(name):
    """Package to version of a list of exact versions."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    found = dict(re.fullmatch(r"([a-z0-9-]+)==([\w.]+)", line).groups() for line in lines)
    assert len(found) == len(lines)
    return {package: Version(version) for package, version in found.items()}


def test_no_requirement_asks_for_more_than_colab_has_preinstalled():
    colab = pins("constraints-colab.txt")
    held = [one for one in NEEDED if one.name in colab]
    assert {one.name for one in held} == colab.keys()  # a pin of something that nothing needs would say nothing
    too_new = [f"{one}, Colab has {colab[one.name]}" for one in held if colab[one.name] not in one.specifier]
    assert too_new == []


def test_the_known_good_versions_satisfy_every_requirement():
    known = pins("constraints.txt")
    assert [str(one) for one in NEEDED if known[one.name] not in one.specifier] == []


def test_binder_installs_every_need_before_the_content_and_medtutor_after_it():
    # repo2docker installs requirements.txt before it copies the repository only if the list names no local path
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    listed = [line for line in lines if line and not line.startswith(("#", "--extra-index-url"))]
    names = [Requirement(line).name for line in listed]
    assert sorted(names) == sorted(one.name for one in NEEDED)
    after = ROOT / "binder" / "postBuild"
    assert os.access(after, os.X_OK)
    assert after.read_text().splitlines()[-1] == "pip install --no-cache-dir --no-deps --editable ."


def test_binder_takes_the_cpu_builds_of_known_good_versions_from_pytorch_alone():
    text = (ROOT / "binder" / "requirements.txt").read_text()
    known = pins("constraints.txt")
    for name in ("torch", "torchvision"):
        assert f"\n{name}=={known[name]}+cpu\n" in text
    assert re.findall(r"https?://\S+", text) == ["https://download.pytorch.org/whl/cpu"]


def test_nothing_in_the_binder_folder_overrides_its_lists():
    # an environment.yml there would make repo2docker pass over requirements.txt and runtime.txt
    assert {path.name for path in (ROOT / "binder").iterdir()} == {"postBuild", "requirements.txt", "runtime.txt"}
    version = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert Version(version) in SpecifierSet(PROJECT["requires-python"])


def test_the_conda_environment_takes_from_conda_forge_what_pip_would_only_have_to_find_there():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    conda = {Requirement(one).name for one in content["dependencies"] if isinstance(one, str)}
    (pip,) = (one["pip"] for one in content["dependencies"] if isinstance(one, dict))
    assert pip[-1] == "--editable ."
    renamed = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    from_pip = {Requirement(one).name for one in pip[:-1]}
    assert conda - {"python", "pip"} == {renamed.get(one.name, one.name) for one in NEEDED} - from_pip
    assert "pip" in conda and from_pip == {"medmnist"}
