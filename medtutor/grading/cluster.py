"""Grade on a Dask cluster: each worker of it keeps a clean process and its tests warm, and is sent one hand-in a task.

A worker that dies loses what it was busy with, which Dask gives to another one; results are kept as they come. The
cluster belongs to the instructor: bundle and secret travel to its workers over Dask's own connections, so use TLS
where others share the network. Needs the extra `scale`; docs/scale.md says how to start one on Kubernetes or SLURM.
"""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import io
import json
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from medtutor.errors import MedtutorError
from medtutor.grading import judge, store
from medtutor.grading.attempt import Settings
from medtutor.grading.results import Graded
from medtutor.grading.submission import Submission

CONNECT_SECONDS = 30
_warm: dict[str, _Warm] = {}
_one_at_a_time = threading.Lock()  # a judge redirects the output of its process


def run(
    address: str,
    assignment: Path,
    submissions: Sequence[Submission],
    settings: Settings,
    isolation: str = "auto",
    secret: Path | None = None,
) -> Iterator[tuple[int, Graded]]:
    """Yield (place in `submissions`, result) as they come. Raises `MedtutorError` where the cluster is not reached."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise MedtutorError("Grading on a cluster needs Dask; install it with: pip install 'medtutor[scale]'") from None
    packed = _packed(assignment)
    options = {
        "settings": dataclasses.asdict(settings),
        "isolation": isolation,
        "secret": None if secret is None else Path(secret).read_text(encoding="ascii"),
    }
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise MedtutorError(f"No Dask scheduler answers at {address}: {type(error).__name__}.") from error
    with client:
        bundle = client.scatter(packed, broadcast=True)
        places = {
            client.submit(
                grade_one, bundle, _sent(one), options, key=f"{_name(packed, options)}-{place}", pure=False
            ): place
            for place, one in enumerate(submissions)
        }
        for future in as_completed(list(places)):
            yield places[future], store.from_dict(json.loads(future.result()))
            future.release()


def grade_one(packed: bytes, sent: dict, options: dict) -> str:
    """On a worker of the cluster: grade one hand-in, and return the result as JSON."""
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="medtutor-") as folder:
        warm = _started(packed, options)
        files = {}
        for number, (name, content) in enumerate(sent["files"].items()):
            files[name] = Path(folder) / str(number)
            files[name].write_bytes(content)
        fields = sent["fields"] | {"notes": tuple(sent["fields"]["notes"])}
        submission = Submission(notebook=files.pop("", None), files=files, **fields)
        began = time.monotonic()
        graded = warm.grade(submission)
        graded = dataclasses.replace(graded, seconds=round(time.monotonic() - began, 4))
        return json.dumps(dataclasses.asdict(graded))


def _sent(one: Submission) -> dict:
    files = {"": one.notebook} if one.notebook is not None else {}
    fields = {"student": one.student, "when": one.when, "late_minutes": one.late_minutes, "notes": list(one.notes)}
    contents = {}
    for name, path in (files | one.files).items():
        try:
            contents[name] = path.read_bytes()
        except OSError:  # it went away: the judge says that there is none
            continue
    return {"fields": fields, "files": contents}


class _Warm:
    """The tests and a worker of the clean process, for one assignment under one set of options."""

    def __init__(self, packed: bytes, options: dict):
        from medtutor.grading import bundle, sandbox
        from medtutor.grading.modules import modules_of
        from medtutor.grading.pool import Zygote

        self._folder = tempfile.TemporaryDirectory(prefix="medtutor-bundle-")
        self.path = _unpacked(packed, Path(self._folder.name))
        self.secret = None
        if options["secret"] is not None:
            self.secret = Path(self._folder.name) / "secret"
            self.secret.touch(mode=0o600)
            self.secret.write_text(options["secret"], encoding="ascii")
        self.settings = Settings(**options["settings"])
        plan = sandbox.plan(options["isolation"])
        self.zygote = Zygote(plan, self.settings.limits, modules_of(self.path))
        self.task = bundle.load(self.path)
        self.zygote.wait()
        self.worker = self.zygote.worker()

    def grade(self, submission: Submission) -> Graded:
        from medtutor.grading.personal import for_students

        (task,) = for_students(self.task, self.path, [submission.student], self.secret)
        assert task is not None  # who is not on the list is not sent
        return judge.grade(submission, task, self.worker, self.settings)

    def close(self) -> None:
        self.worker.close()
        self.zygote.close()
        self._folder.cleanup()


def _started(packed: bytes, options: dict) -> _Warm:
    name = _name(packed, options)
    if name not in _warm:
        _close()
        _warm[name] = _Warm(packed, options)
    return _warm[name]


@atexit.register
def _close() -> None:
    while _warm:
        _warm.popitem()[1].close()


def _name(packed: bytes, options: dict) -> str:
    return hashlib.sha256(packed + json.dumps(options, sort_keys=True).encode()).hexdigest()


def _packed(assignment: Path) -> bytes:
    assignment = Path(assignment)
    files = [assignment] if assignment.is_file() else sorted(p for p in assignment.rglob("*") if p.is_file())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = zipfile.ZipInfo(str(file.relative_to(assignment.parent)), (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, file.read_bytes())
    return buffer.getvalue()


def _unpacked(packed: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:  # the instructor's own
        archive.extractall(folder)
    (top,) = folder.iterdir()
    return top
