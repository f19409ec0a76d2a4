"""Fixtures that all tests share: real data where they are, and a cache that no test shares with the user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's cache, and none starts a real download."""
    monkeypatch.setenv("MEDTUTOR_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    monkeypatch.setenv("MEDTUTOR_GRADED", "")  # a test may run a graded notebook, which sets it for its process


@pytest.fixture(autouse=True)
def _one_thread(request):
    """Networks of the tests that train are too small to share: two threads on busy cores wait for each other."""
    if request.path.parent.name not in ("bench", "training"):
        yield
        return
    from medtutor.bench.small import one_thread

    with one_thread():
        yield


@pytest.fixture
def real_data() -> Path:
    """The folder of real images (`MEDTUTOR_DATA`), or a skip."""
    for folder in os.environ.get("MEDTUTOR_DATA", "").split(os.pathsep):
        if folder and (Path(folder) / "medmnist" / "pneumoniamnist.npz").is_file():
            return Path(folder)
    pytest.skip("no real images: set MEDTUTOR_DATA to a folder that holds medmnist/pneumoniamnist.npz")


@pytest.fixture
def no_folders(monkeypatch):
    """No data folder: what is not in the cache has to be downloaded or drawn."""
    monkeypatch.setenv("MEDTUTOR_DATA", "")
