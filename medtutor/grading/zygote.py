"""The clean process that student processes are forked from: started anew, it imports modules and nothing else.

It forks one *worker* for each job, which enters the sandbox once, and that forks one process for each question. No
test, no expected value, no secret and no submission ever reaches it: an answer goes from the judge straight to the
process of its question. Forking costs milliseconds where importing torch costs seconds; see docs/grading.md.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path


def main(descriptor: int) -> None:
    """Serve the connection `descriptor`: first the modules to import, then a message for each worker wanted."""
    control = socket.socket(fileno=descriptor)
    for name in json.loads(control.recv(1 << 20)):
        with contextlib.suppress(Exception):  # an answer that needs it is told
            importlib.import_module(name)
    import medtutor.grading.sandbox
    from medtutor.grading import student

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a pool of threads does not survive a fork
    student.warm_up()  # once here, not in every process
    # asked here, where nothing is loaded that an answer must not read
    readable = medtutor.grading.sandbox.readable_paths()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead workers are no business of ours
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 1)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _work(socket.socket(fileno=descriptors[0]), json.loads(message), readable)
            finally:
                os._exit(1)
        os.close(descriptors[0])


def _work(control: socket.socket, settings: dict, readable: list[Path]) -> None:
    from medtutor.grading import sandbox

    plan = sandbox.Plan(**{key: tuple(v) if isinstance(v, list) else v for key, v in settings["plan"].items()})
    limits = sandbox.Limits(**settings["limits"])
    scratch = Path(settings["scratch"])
    sandbox.enter(plan, scratch, readable, limits)
    os.environ.update(MPLCONFIGDIR=str(scratch), MEDTUTOR_CACHE=str(scratch))
    control.send(b"{}")
    child = 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not message:
            _end(child, False)
            os._exit(0)
        request = json.loads(message)
        if request["do"] == "start":
            child = os.fork()
            if child == 0:
                control.close()
                _answer(descriptors[0], plan, limits)
            os.close(descriptors[0])
            control.send(b"{}")
        elif request["do"] == "end":
            status = _end(child, request.get("gone") is True)
            child = 0
            sandbox.wipe(scratch)
            control.send(json.dumps(status).encode())


def _answer(descriptor: int, plan, limits) -> None:
    from medtutor.grading import sandbox, student

    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        connection = socket.socket(fileno=os.dup2(descriptor, 3))
        os.closerange(4, 4096)
        sandbox.confine(plan, limits)
        student.serve(connection)
    finally:
        os._exit(0)


def _end(child: int, gone: bool) -> dict:
    """Kill the process of the question and whatever it left, and say how it had ended.

    `gone`: its connection is closed, so that it has ended or is about to; it gets a second to do so by itself.
    """
    from medtutor.grading import sandbox

    if not child:
        return {}
    until = time.monotonic() + (1 if gone else 0)
    found, status, usage = os.wait4(child, os.WNOHANG)
    while found == 0 and time.monotonic() < until:
        time.sleep(0.001)
        found, status, usage = os.wait4(child, os.WNOHANG)
    alive = found == 0
    if alive:
        os.kill(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
    sandbox.kill_all()
    return {
        "killed": alive,
        "signal": os.WTERMSIG(status) if not alive and os.WIFSIGNALED(status) else 0,
        "grown_mb": (usage.ru_maxrss - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1000,
        "cpu_s": usage.ru_utime + usage.ru_stime,
    }
