"""One clean process for all tests of the grader, in the strongest sandbox that this machine has."""

import pytest

from medtutor.grading import sandbox
from medtutor.grading.attempt import Settings
from medtutor.grading.pool import Zygote

QUICK = Settings(seconds=3, memory_mb=512)


@pytest.fixture(scope="session")
def zygote():
    import torch

    torch.set_num_threads(1)
    with Zygote(sandbox.plan(), QUICK.limits, ["numpy", "torch"]) as started:
        started.wait()
        yield started


@pytest.fixture(scope="session")
def worker(zygote):
    made = zygote.worker("tests")
    yield made
    made.close()


@pytest.fixture
def quick():
    """Limits for questions that do not end by themselves."""
    return QUICK
