"""What a student's code must not be able to do, tried from inside each sandbox that works here."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from medtutor import resources
from medtutor.grading import sandbox

DENIED = ("PermissionError", "FileNotFoundError", "OSError")


@pytest.fixture
def server():
    """Listeners of every kind; yields their addresses and the list of what reached them."""
    reached: list[str] = []
    abstract = f"\0medtutor-test-{os.getpid()}"
    path = f"/tmp/medtutor-test-{os.getpid()}.socket"
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    named, unnamed = (socket.socket(socket.AF_UNIX) for _ in range(2))
    named.bind(path)
    os.chmod(path, 0o777)
    unnamed.bind(abstract)

    def take(listener: socket.socket, kind: str) -> None:
        with contextlib.suppress(OSError):
            while True:
                reached.append(f"{kind} {listener.recv(10) if kind == 'udp' else listener.accept()}")

    threads = []
    for listener, kind in ((tcp, "tcp"), (udp, "udp"), (named, "path"), (unnamed, "abstract")):
        if kind in ("path", "abstract"):
            listener.listen()
        listener.settimeout(30)
        threads.append(threading.Thread(target=take, args=(listener, kind), daemon=True))
        threads[-1].start()
    addresses = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "path": path, "abstract": abstract}
    yield addresses, reached
    for listener in (tcp, udp, named, unnamed):
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    os.unlink(path)


def test_no_socket_of_any_kind_can_be_made_and_no_server_is_reached(room, server):
    addresses, reached = server
    reply = room.run(f"""
        import os, socket
        addresses = {addresses!r}
        result = []
        def attempt(what):
            try:
                result.append(["came through", repr(what())])
            except OSError as error:
                result.append([type(error).__name__, ""])
        attempt(lambda: socket.create_connection(("127.0.0.1", addresses["tcp"]), 2))
        attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"out", ("127.0.0.1", addresses["udp"])))
        attempt(lambda: socket.socket(socket.AF_UNIX).connect(addresses["path"]))
        attempt(lambda: socket.socket(socket.AF_UNIX).connect(addresses["abstract"]))
        attempt(lambda: socket.socket(socket.AF_INET6))
        attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
        attempt(lambda: socket.socketpair())
        mine = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(3))
        attempt(lambda: mine.connect(("127.0.0.1", addresses["tcp"])))
        attempt(lambda: socket.socket(fileno=os.dup(3)).sendto(b"out", addresses["path"]))
        attempt(lambda: socket.getaddrinfo("example.org", 80))
    """)
    assert [kind for kind, _ in reply.value] == ["PermissionError"] * 9 + ["gaierror"], reply
    assert reached == []
    # The listeners do listen: outside the sandbox they are reached.
    socket.create_connection(("127.0.0.1", addresses["tcp"])).close()
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"in", ("127.0.0.1", addresses["udp"]))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(addresses["path"])
    until = threading.Event()
    for _ in range(100):
        if len(reached) == 3:
            break
        until.wait(0.02)
    assert len(reached) == 3


FILES = {
    "a file beside the scratch folder": "open({secret!r})",
    "the folder above": "os.listdir('..')",
    "the users": "open('/etc/passwd')",
    "root's folder": "os.listdir('/root')",
    "the user's folder": f"os.listdir({str(Path.home())!r})",
    "the folder for temporary files": "[os.listdir('/tmp')[name] for name in os.listdir('/tmp') if name != 'x']",
    "the processes": "os.listdir('/proc')",
    "the memory of the worker": "open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "the environment of the worker": "open(f'/proc/{{os.getppid()}}/environ', 'rb')",
    "the command of the worker": "open(f'/proc/{{os.getppid()}}/cmdline', 'rb')",
    "its own memory through a file": "open('/proc/self/mem', 'r+b')",
    "the kernel's settings": "os.listdir('/sys')",
    "the terminal": "open('/dev/tty')",
    "the disk": "os.listdir('/dev')",
}


@pytest.mark.parametrize("name", FILES)
def test_no_file_can_be_read_that_python_does_not_need(room, name):
    code = FILES[name].format(secret=str(room.secret))
    reply = room.run(f"import os; result = {code}")
    if name == "the folder above" and reply.value is not None:  # in a fresh root it is one with nothing else in it
        assert reply.value == ["scratch"] and room.plan.level == "namespaces"
        return
    if name.endswith("'s folder") and reply.value is not None:  # there, empty but for the way to this Python
        folder = Path("/root") if name == "root's folder" else Path.home()
        shown = sandbox.paths.real_paths(sandbox.readable_paths())
        assert set(reply.value) <= {path.relative_to(folder).parts[0] for path in shown if folder in path.parents}
        return
    if name == "the disk" and reply.value is not None:  # a fresh root has a /dev with little in it
        assert set(reply.value) <= {"null", "zero", "random", "urandom", "shm"}
        return
    assert reply.error.startswith((*DENIED, "TypeError", "NotADirectoryError")), reply


@pytest.mark.skipif(not resources.checkout(), reason="not a checkout")
@pytest.mark.parametrize("folder", ["exercises", "notebooks", "tests", ".git"])
def test_exercises_and_tests_of_the_checkout_cannot_be_read(room, folder):
    root = resources.checkout()
    some = next(path for path in (root / folder).rglob("*") if path.is_file())
    assert some.exists()
    assert room.run(f"result = open({str(some)!r}).read()").error.startswith(DENIED)
    assert room.run(f"import os; result = os.listdir({str(root / folder)!r})").error.startswith(DENIED)
    assert room.run("import medtutor; result = medtutor.__version__").value  # the package itself can


WRITES = {
    "the file beside the scratch folder": "open({secret!r}, 'w')",
    "a file in the folder above": "open('../../new.txt', 'w')",
    "over a file that can be read": "open(os.__file__, 'r+')",
    "a module": "open(os.path.join(os.path.dirname(os.__file__), 'planted.py'), 'w')",
    "an installed package": "open(os.path.join(os.path.dirname(numpy.__file__), 'planted.py'), 'w')",
    "a shortened file": "os.truncate(os.__file__, 0)",
    "a shortened file that is read": "os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)",
    "a removed file": "os.remove(os.__file__)",
    "a renamed file": "os.rename(os.__file__, 'mine.py')",
    "the system": "open('/usr/lib/planted', 'w')",
    "the root folder": "open('/planted', 'w')",
    "a link to a file": "os.link(os.__file__, 'mine.py')",
    "a link by name": "os.symlink('/etc/passwd', 'mine.txt')",
    "a device": "os.mknod('disk', 0o60600, os.makedev(254, 0))",
    "a pipe with a name": "os.mkfifo('pipe')",
    "another owner": "os.chown('.', 1, 1)",
    "the host's name": "__import__('socket').sethostname('mine')",
    "another root": "os.chroot('.')",
}


@pytest.mark.parametrize("name", WRITES)
def test_nothing_can_be_changed_outside_the_scratch_folder(room, name):
    before = Path(os.__file__).read_bytes(), sorted(os.listdir(room.folder))
    reply = room.run(f"import os, numpy; result = repr({WRITES[name].format(secret=str(room.secret))})")
    if name in ("the file beside the scratch folder", "a file in the folder above") and not reply.error:
        # In a fresh root these lie in the same small file system as scratch, and are gone before the next question.
        assert room.plan.level == "namespaces" and reply.left == []
        assert room.secret.read_text() == "another submission" and not Path(room.folder.parent, "new.txt").exists()
        assert room.run(f"open({str(room.secret)!r})").error.startswith("FileNotFoundError")
        return
    assert reply.error.startswith(DENIED), reply
    assert before == (Path(os.__file__).read_bytes(), sorted(os.listdir(room.folder)))


def test_modes_and_times_of_other_files_stay(room):
    file = Path(sys.modules["numpy"].__file__ if "numpy" in sys.modules else __import__("numpy").__file__)
    before = file.stat()
    room.run(f"""
        import os
        for change in (lambda: os.chmod({str(file)!r}, 0), lambda: os.utime({str(file)!r}, (1, 1)),
                       lambda: os.fchmod(os.open({str(file)!r}, os.O_RDONLY), 0),
                       lambda: os.chmod({str(room.secret)!r}, 0)):
            try:
                change()
            except OSError:
                pass
    """)
    after = file.stat()
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)
    assert room.secret.stat().st_mode & 0o777 == 0o644


PROCESSES = {
    "fork": "os.fork()",
    "a program": "__import__('subprocess').run(['/bin/true'])",
    "a shell": "1 / (os.system('true') == 0)",
    "another program in place": "os.execv('/bin/true', ['true'])",
    "this program again": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "a worker of multiprocessing": "__import__('multiprocessing').get_context('fork').Process(target=print).start()",
    "a signal to the worker": "os.kill(os.getppid(), 0)",
    "a signal to all": "os.kill(-1, 0)",
    "a signal to the group": "os.kill(0, 0)",
    "a signal through a file": "__import__('fcntl').fcntl(0, 8, os.getppid())",
    "a limit of the worker": "__import__('resource').prlimit(os.getppid(), 0, (1, 1))",
    "higher limits": "__import__('resource').setrlimit(9, (-1, -1))",
    "the worker's priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "another user": "os.setuid(0)",
    "another group": "os.setgroups([0])",
    "new namespaces": "kernel(272 if x86 else 97, 0x10000000)",
    "clone with new namespaces": "kernel(56 if x86 else 220, 0x10000000 | 17)",
    "clone": "kernel(56 if x86 else 220, 17)",
    "vfork by clone": "kernel(56 if x86 else 220, 0x4100 | 17)",
    "clone3": "kernel(435)",
    "a call of the future": "kernel(1000)",
    "ptrace of the worker": "kernel(101 if x86 else 117, 16, os.getppid())",
    "the worker's memory": "kernel(310 if x86 else 270, os.getppid(), 0, 0, 0, 0, 0)",
    "a handle of the worker": "kernel(434, os.getppid(), 0)",
    "bpf": "kernel(321 if x86 else 280, 0, 0, 0)",
    "perf events": "kernel(298 if x86 else 241, 0, 0, 0, 0, 0)",
    "userfaultfd": "kernel(323 if x86 else 282, 0)",
    "keys": "kernel(250 if x86 else 219, 0, -3, 0)",
    "io_uring": "kernel(425, 1, 0)",
    "mount": "kernel(165 if x86 else 40, 0, 0, 0, 0, 0)",
    "shared memory of System V": "kernel(29 if x86 else 194, 0, 4096, 0o1600)",
    "a message queue of System V": "kernel(68 if x86 else 186, 0, 0o1600)",
    "a POSIX message queue": "kernel(240 if x86 else 180, b'name', 0o102, 0o600, 0)",
    "memory in a file without a name": "os.memfd_create('m')",
    "personality": "kernel(135 if x86 else 92, 0x0040000)",
    "a dump of its memory": "prctl(4, 1)",
    "a filter of its own": "prctl(22, 2, 0)",
    "shared memory that no limit counts": "mmap.mmap(-1, 4096)",
    "a stack that no limit counts": "mmap.mmap(-1, 4096, flags=0x122)",
}

PRELUDE = """
import ctypes, mmap, os, platform, sys
x86 = platform.machine() == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    if result == 0 and os.getpid() != mine:
        os._exit(77)
    return result
mine = os.getpid()
def kernel(*args):
    return checked(libc.syscall(*args))
def prctl(*args):
    return checked(libc.prctl(*[ctypes.c_ulong(arg) for arg in args]))
"""


@pytest.mark.parametrize("name", PROCESSES)
def test_no_process_is_made_and_none_but_its_own_is_touched(room, name):
    reply = room.run(f"{PRELUDE}\nresult = repr({PROCESSES[name]})")
    wanted = (
        "PermissionError",
        "OSError",
        "ZeroDivisionError",
        "ProcessLookupError",
        "ValueError: not allowed to raise",
    )
    assert reply.error.startswith(wanted), reply
    assert reply.status == 0


def test_a_write_to_the_devices_gives_no_memory_without_a_limit(room):
    reply = room.run("""
        import mmap, os
        result = len(mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096, flags=mmap.MAP_SHARED))
    """)
    assert reply.error.startswith(DENIED), reply


def test_calls_of_another_machine_end_the_process(room):
    if os.uname().machine != "x86_64":
        pytest.skip("32-bit calls are tried on x86_64")
    # mov eax, 20 (getpid of i386); int 0x80; ret
    reply = room.run("""
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
        at = ctypes.addressof(ctypes.c_char.from_buffer(page))
        result = ctypes.CFUNCTYPE(ctypes.c_int)(at)()
    """)
    assert reply.error == "nothing was said"
    assert os.WTERMSIG(reply.status) == 31  # SIGSYS
    x32 = room.run(f"{PRELUDE}\nresult = kernel(0x40000000 + 39)")
    assert os.WTERMSIG(x32.status) == 31


def test_the_student_holds_its_own_connection_and_nothing_else(room):
    reply = room.run("""
        import os
        result = []
        for number in range(256):
            try:
                result.append([number, os.fstat(number).st_rdev == os.stat("/dev/null").st_rdev])
            except OSError:
                pass
    """)
    assert reply.value == [[0, True], [1, True], [2, True], [3, False]], reply


def test_it_holds_no_power_of_root_and_cannot_gain_one(room):
    reply = room.run(f"""{PRELUDE}
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
checked(libc.capget(header, data))
result = [list(data), libc.prctl(39, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0), os.getuid()]
""")
    powers, no_new, dumpable, user = reply.value
    assert powers == [0] * 6 and no_new == 1 and dumpable == 0
    if not any(gap.startswith("Rights") for gap in room.plan.gaps):
        assert user != 0


def test_a_file_cannot_grow_over_its_limit(room):
    reply = room.run("""
        with open("big", "wb", buffering=0) as file:
            for _ in range(20):
                file.write(bytes(10**6))
    """)
    assert reply.error.startswith("OSError: [Errno 27]"), reply


def test_scratch_cannot_grow_over_its_limit(room):
    reply = room.run("""
        import os
        for name in range(40):
            with open(f"file{name}", "wb", buffering=0) as file:
                done = 0
                while done < 3 * 10**6:
                    done += file.write(bytes(10**6))
    """)
    if room.plan.level == "namespaces":
        assert reply.error.startswith("OSError: [Errno 28]"), reply
    else:
        assert any(gap.startswith("Scratch") for gap in room.plan.gaps)
    assert reply.left == []


@pytest.mark.parametrize(
    "code",
    [
        "result = len(bytearray(1200 * 10**6))",
        "import numpy; result = numpy.ones(150 * 10**6).size",
        "import torch; result = torch.ones(300 * 10**6).numel()",
        "a = []\nwhile True: a.append(bytearray(10**6))",
    ],
)
def test_memory_over_the_limit_is_refused(room, code):
    reply = room.run(code)
    assert "MemoryError" in reply.error or "alloc" in reply.error, reply


MAPPING = """
import ctypes, mmap, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
step, none, private, shared, fixed = 50 * 10**6 // 4096 * 4096, 0, 0x22, 0x21, 0x10
def take(rights, flags, most=90):
    held = []
    while len(held) < most and (at := libc.mmap(None, step, rights, flags, -1, 0)) not in (None, 2**64 - 1):
        held.append(at)
    return held
filled = []
def fill(at):
    ctypes.memset(at, 1, step)
    filled.append(at)
"""

# Ways to hold more than a process's own limits allow, about 3 GB at most: the first two do get round them on some
# kernels. `filled` counts what is held.
TRICKS = {
    "filled memory that becomes read-only": """
while len(filled) < 60 and (at := libc.mmap(None, step, 3, private, -1, 0)) not in (None, 2**64 - 1):
    fill(at)
    libc.mprotect(at, step, 1)
""",
    "reserved addresses that become memory": """
for at in take(none, private):
    if libc.mprotect(at, step, 3) == 0:
        fill(at)
""",
    "memory over reserved addresses": """
for at in take(none, private):
    if libc.mmap(at, step, 3, private | fixed, -1, 0) == at:
        fill(at)
""",
}


@pytest.mark.parametrize("name", TRICKS)
def test_a_process_that_gets_round_its_limits_of_memory_is_ended(room, name):
    reply = room.run(f"{MAPPING}{TRICKS[name]}\ntime.sleep(1)\nresult = len(filled) * step")
    if reply.value is None:
        assert os.WTERMSIG(reply.status) == 9, reply  # ended from outside
    else:
        assert 0 <= reply.value <= (room.limits.memory_mb + 100) * 10**6, reply
    if name == "filled memory that becomes read-only":
        assert reply.value is None
    assert room.run("result = 1").value == 1


def test_shared_memory_is_refused(room):
    assert room.run(f"{MAPPING}\nresult = len(take(3, shared))").value == 0


def test_threads_are_bounded_where_the_plan_says_so(room):
    reply = room.run("""
        import threading
        threading.stack_size(64 * 1024)
        stop, made = threading.Event(), []
        try:
            while len(made) < 200:
                made.append(threading.Thread(target=stop.wait))
                made[-1].start()
        except RuntimeError:
            made.pop()
        result = len(made)
        stop.set()
        for thread in made:
            thread.join()
    """)
    if room.plan.counts_threads:
        assert 8 <= reply.value <= room.limits.threads
    else:
        assert any(gap.startswith("Threads") for gap in room.plan.gaps)


def test_a_crash_ends_only_its_own_process(room):
    ends = {"os.abort()": 6, "os._exit(3)": 0, "os.kill(os.getpid(), 9)": 9, "ctypes.string_at(0)": 11}
    for code, signal in ends.items():
        reply = room.run(f"import ctypes, os; {code}")
        assert os.WTERMSIG(reply.status) == signal, (code, reply)
    assert room.run("result = 1").value == 1


def test_an_endless_loop_is_ended_and_nothing_of_it_stays(room):
    reply = room.run(
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\nwhile 1: pass", 1
    )
    assert reply.status is None
    assert room.run("result = 1").value == 1


def test_whatever_is_left_in_scratch_is_gone_before_the_next_question(room):
    reply = room.run("""
        import os
        home = os.open(".", os.O_RDONLY)
        for depth in range(300):
            os.mkdir("deep")
            open("file", "w").close()
            os.chdir("deep")
        os.fchdir(home)
        for name in ("a", "0.moved", "1.moved"):
            os.mkdir(name)
            open(name + "/file", "w").close()
        os.mkdir("closed", 0)
        os.chmod("a", 0)
        for name in ("/tmp/outside", "/dev/shm/outside"):
            try:
                open(name, "w").write("for the next student")
            except OSError:
                pass
        result = sorted(os.listdir("."))
    """)
    assert {"deep", "a", "0.moved"} <= set(reply.value), reply
    assert reply.left == []
    left = room.run("import os; result = [os.path.exists(name) for name in ('/tmp/outside', '/dev/shm/outside')]")
    assert left.value == [False, False]
