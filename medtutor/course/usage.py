"""What a process has used so far. The runner asks a lesson's kernel for it after the last cell."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from medtutor.memory import peak_rss_mb


def usage() -> dict[str, Any]:
    """CPU seconds (children too), peak memory, data sources, and device of this process. Loads nothing new."""
    times = os.times()
    data = sys.modules.get("medtutor.data.sources")
    torch = sys.modules.get("torch")
    gpu = torch is not None and torch.cuda.is_initialized()
    return {
        "cpu_s": times.user + times.system + times.children_user + times.children_system,
        "peak_rss_mb": peak_rss_mb(),
        "sources": data.sources_used() if data else {},
        "device": torch.cuda.get_device_name() if gpu else "cpu",
        "gpu_peak_mb": torch.cuda.max_memory_allocated() / 1e6 if gpu else None,
    }


def as_json() -> str:
    """`usage` as text, for the runner."""
    return json.dumps(usage())
