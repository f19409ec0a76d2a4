"""One browser for all tests of this folder; a test that asks for it is skipped where there is none."""

import pytest
from browser import chromium


@pytest.fixture(scope="session")
def browser():
    with chromium() as started:
        yield started
