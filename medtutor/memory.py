"""How much memory this process has needed so far, its imports included."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_rss_mb(status: str | Path = "/proc/self/status") -> float | None:
    """Peak resident memory of this process in MB (10**6 bytes); None on Windows, where Python cannot ask for it.

    On Linux from VmHWM, because `getrusage` there also counts what the process that started this one held.
    """
    try:
        for line in Path(status).read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    except OSError:  # not Linux
        pass
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
