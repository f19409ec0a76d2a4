"""What a process has used so far. The runner asks a lesson's kernel for it after the last cell."""

from __future__ import annotations

import json
import resource
import sys
from typing import Any


def usage() -> dict[str, Any]:
    """CPU seconds (children too), peak memory, data sources, and device of this process. Loads nothing new."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(own.ru_maxrss, children.ru_maxrss)  # of the largest process, not their sum
    data = sys.modules.get("medtutor.data.sources")
    torch = sys.modules.get("torch")
    gpu = torch is not None and torch.cuda.is_initialized()
    return {
        "cpu_s": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "peak_rss_mb": peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6,
        "sources": data.sources_used() if data else {},
        "device": torch.cuda.get_device_name() if gpu else "cpu",
        "gpu_peak_mb": torch.cuda.max_memory_allocated() / 1e6 if gpu else None,
    }


def as_json() -> str:
    """`usage` as text, for the runner."""
    return json.dumps(usage())
