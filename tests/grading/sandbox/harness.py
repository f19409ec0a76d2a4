"""Runs as the clean process: started as text (`python -I -c`), because this folder is hidden from it."""

import gc
import json
import os
import socket
import sys
import time


def student(sandbox, plan, limits, number):
    """A process for one question: it holds its own connection and nothing else."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.dup2(number, 3)
    os.closerange(4, 4096)
    begun = time.perf_counter()
    sandbox.confine(plan, limits)
    seconds = time.perf_counter() - begun
    connection = socket.socket(fileno=3)
    parts = []
    while not parts or not parts[-1].endswith(b"\0"):
        parts.append(connection.recv(65536))
    reply = {"confine": seconds, "value": None, "error": ""}
    names = {"__name__": "answer"}
    try:
        exec(b"".join(parts)[:-1].decode(), names)
        reply["value"] = names.get("result")
    except BaseException as error:
        reply["error"] = f"{type(error).__name__}: {error}"
    connection.sendall(json.dumps(reply).encode())
    os._exit(0)


def work(sandbox, plan, limits, scratch, control):
    """The worker: goes in once, then forks a process for each question."""
    readable = sandbox.readable_paths()
    begun = time.perf_counter()
    sandbox.enter(plan, scratch, readable, limits)
    control.sendall(json.dumps({"enter": time.perf_counter() - begun, "pid": os.getpid()}).encode())
    while True:
        told, numbers, _, _ = socket.recv_fds(control, 4096, 1)
        if not told:
            os._exit(0)
        child = os.fork()
        if not child:
            control.close()
            student(sandbox, plan, limits, numbers[0])
        os.close(numbers[0])
        status, until = None, time.monotonic() + json.loads(told)
        while status is None and time.monotonic() < until:
            done, code = os.waitpid(child, os.WNOHANG)
            status = code if done else None
            time.sleep(0.002)
        sandbox.kill_all(child)
        sandbox.wipe(scratch)
        control.sendall(json.dumps({"status": status, "left": os.listdir(scratch)}).encode())


def main():
    """Import, fork the worker, wait for it."""
    given = json.loads(sys.argv[1])
    sys.path[:0] = given["before"]
    sys.path += given["after"]

    from medtutor.grading import sandbox

    if given["bare"]:
        sandbox.landlock.version = lambda: 0
    for name in given["imports"]:
        __import__(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=given["control"])
    worker = os.fork()
    if not worker:
        plan, limits = sandbox.Plan(**given["plan"]), sandbox.Limits(**given["limits"])
        work(sandbox, plan, limits, sandbox.host.Path(given["scratch"]), control)
    control.close()
    os.waitpid(worker, 0)


if __name__ == "__main__":
    main()
