"""Grade on a real Dask cluster of separate processes, one of which is killed on the way."""

import os
import signal
import subprocess
import sys
import time

import pytest
from grading import small_class as small
from grading import sources

from medtutor.errors import MedtutorError
from medtutor.grading.attempt import Settings
from medtutor.grading.batch import grade_class

distributed = pytest.importorskip("distributed")
QUICK = Settings(seconds=10, memory_mb=512)


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each a process of its own; yields (address, [worker processes])."""
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    commands, processes = {}, []
    file = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli"]
    commands["scheduler"] = [*base[:2], "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    commands["scheduler"] += ["--scheduler-file", str(file), "--no-dashboard"]
    worker = [*base[:2], "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]
    worker += ["--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(tmp_path / "dask")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    processes.append(subprocess.Popen(commands["scheduler"], **quiet))
    try:
        for _ in range(300):
            if file.exists() and file.stat().st_size:
                break
            time.sleep(0.1)
        import json

        address = json.loads(file.read_text())["address"]
        workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]
        processes += workers
        with distributed.Client(address, timeout=30) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, workers
    finally:
        for process in processes[::-1]:
            process.kill()
            process.wait()


def test_a_killed_worker_loses_nothing_and_the_marks_are_those_of_a_local_run(cluster, tmp_path):
    import nbformat

    address, processes = cluster
    source = tmp_path / "week1.ipynb"
    nbformat.write(sources.hidden(), source)
    folder = tmp_path / "in"
    right = sources.handed_in(sources.hidden())
    for n in range(24):
        path = folder / f"s{n:02d}" / "week1.ipynb"
        path.parent.mkdir(parents=True)
        if n % 3:
            nbformat.write(right, path)
        else:
            path.write_bytes(small.notebook("x = 1"))
    killed, seen = [], []

    def kill_one(done, todo):
        seen.append((done, todo))
        if done == 6 and not killed:
            processes[0].send_signal(signal.SIGKILL)
            killed.append(processes[0].wait())

    there = grade_class(source, folder, tmp_path / "there", dask=address, settings=QUICK, progress=kill_one)
    here = grade_class(source, folder, tmp_path / "here", jobs=1, settings=QUICK)
    assert killed == [-signal.SIGKILL]
    assert [(one.student, one.total, one.outcomes) for one in there.graded] == [
        (one.student, one.total, one.outcomes) for one in here.graded
    ]
    assert len({one.total for one in here.graded}) > 1
    assert [done for done, _ in seen] == list(range(25)), "each result came once"
    again = grade_class(source, folder, tmp_path / "there", dask=address, settings=QUICK)
    assert again.info["graded"] == 0


def test_no_scheduler_is_one_clear_sentence(tmp_path, monkeypatch):
    import nbformat

    from medtutor.grading import cluster

    source = tmp_path / "week1.ipynb"
    nbformat.write(sources.plain(), source)
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "w.ipynb").write_bytes(small.notebook("x = 1"))
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(MedtutorError, match="No Dask scheduler answers"):
        grade_class(source, tmp_path / "in", tmp_path / "out", dask="tcp://127.0.0.1:9", settings=QUICK)
