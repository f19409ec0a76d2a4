"""`medtutor run`: a lesson from top to bottom, what it measured and took, and whether it learnt enough."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from medtutor import resources, threads
from medtutor.course import measured
from medtutor.course.build import build
from medtutor.course.frontmatter import Lesson
from medtutor.course.kernel import execute
from medtutor.course.start import choose_budget
from medtutor.errors import LessonError

TIMEOUT_S = {"smoke": 600, "laptop": 3600, "gpu": 3600}  # of one cell
WEAKEST_FIRST = ("sample", "folder", "cache", "download")  # a folder is the user's word, the others are checked by hash
NO_DATA = "none"


def run(
    lesson: Lesson,
    budget: str | None = None,
    json_to: str | Path | None = None,
    record: bool = False,
    *,
    kind: str = "solution",
    notebook_to: str | Path | None = None,
    timeout_s: float | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Run the solution notebook of `lesson` (or another `kind` of `build`) and return its result, plain data for JSON.

    {"lesson", "budget", "source", "metrics": {name: {"value", "low", "high"}}, "seeds", "wall_s", "cpu_s",
    "peak_rss_mb", "gpu_peak_mb", "device", "cores"}. Memory is in MB (10**6 bytes), `wall_s` begins with the start of
    the kernel. "source" is the weakest one of the data used: "sample" if any of it was the offline sample.

    `json_to` takes the result, also of a lesson that learnt too little; `notebook_to` the notebook with its outputs,
    also of one that failed. `record` keeps the result in the measured.json beside the lesson. Raises
    `LessonError` for a cell that fails, a metric under its lower bound, and a sample that should be recorded.
    """
    name = choose_budget(budget)
    if record and lesson.path.is_relative_to(resources.PACKAGE):
        raise LessonError("Recording writes into the source checkout, and this medtutor is an installed one.")
    notebook = build(lesson, kind)
    with tempfile.TemporaryDirectory(prefix="medtutor-") as temporary:
        recorded = Path(temporary) / "record.jsonl"
        env = {"MEDTUTOR_BUDGET": name, "MEDTUTOR_RECORD": str(recorded), "MEDTUTOR_LESSONS": str(lesson.path.parent)}
        try:
            used = execute(notebook, env, timeout_s or TIMEOUT_S[name], str(lesson), progress)
        finally:
            if notebook_to:
                measured.write(notebook_to, (nbformat.writes(notebook) + "\n").encode())
        metrics = _metrics(lesson, recorded)
    result = {
        "lesson": lesson.slug,
        "budget": name,
        "source": _source(lesson, used["sources"]),
        "metrics": metrics,
        "seeds": list(lesson.budgets[name]["seeds"]),
        "wall_s": round(used["wall_s"], 1),
        "cpu_s": round(used["cpu_s"], 1),
        "peak_rss_mb": used["peak_rss_mb"],
        "gpu_peak_mb": used["gpu_peak_mb"] and round(used["gpu_peak_mb"], 1),
        "device": used["device"],
        "cores": threads.cores(),
    }
    if json_to:
        measured.write(json_to, (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
    check_bounds(lesson, result)
    if record:
        if result["source"] == "sample":
            raise LessonError(f"{lesson} ran on the offline sample, which is never recorded; provide the real data.")
        entry = {key: value for key, value in result.items() if key not in ("lesson", "budget")}
        measured.keep(lesson.slug, name, entry, lesson.path.parent)
    return result


def check_bounds(lesson: Lesson, result: dict[str, Any]) -> None:
    """Hold a result against the lower bounds of its budget and source. Raises `LessonError`."""
    kind = "sample" if result["source"] == "sample" else "real"
    where = f"[bounds.{result['budget']}.{kind}] of {lesson.path.name}"
    for metric, low in lesson.bounds.get(result["budget"], {}).get(kind, {}).items():
        if metric not in result["metrics"]:
            raise LessonError(f"{lesson} recorded no {metric}, and {where} has a bound for it.")
        value = result["metrics"][metric]["value"]
        if not value >= low:
            raise LessonError(
                f"{lesson} learnt too little: {metric} is {value:.4f}, under the bound {low:g} in {where}."
            )


def _metrics(lesson: Lesson, path: Path) -> dict[str, dict[str, Any]]:
    metrics: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        row = json.loads(line)
        name = row.pop("name")
        if name in metrics:
            raise LessonError(f"{lesson} records {name} twice; a metric has one value in a run.")
        metrics[name] = row
    if not metrics:
        raise LessonError(f"{lesson} records no metric; say medtutor.record(name, value) where it measures.")
    return metrics


def _source(lesson: Lesson, sources: dict[str, str]) -> str:
    for name in sorted(set(sources) - set(lesson.data)):
        raise LessonError(f"{lesson} loads {name}, which is missing in the field data of {lesson.path.name}.")
    return min(sources.values(), key=WEAKEST_FIRST.index, default=NO_DATA)


def table(lesson: Lesson, result: dict[str, Any]) -> str:
    """A result as plain text."""
    lines = []
    if result["source"] == "sample":
        lines.append("OFFLINE SAMPLE: these images are drawn by medtutor and show no patient.")
    seeds = ", ".join(map(str, result["seeds"]))
    lines += [f"{lesson}: budget {result['budget']}, seed{'s' * (len(result['seeds']) > 1)} {seeds}", ""]
    width = max(len("metric"), *(len(_label(name)) for name in result["metrics"]))
    lines.append(f"{'metric':<{width}}  value  95 % interval")
    for name, one in sorted(result["metrics"].items(), key=lambda item: not item[0].startswith("test")):
        interval = "none" if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}"
        lines.append(f"{_label(name):<{width}}  {one['value']:.3f}  {interval}")
    memory = f"{result['peak_rss_mb']:.0f} MB of memory"
    if result["gpu_peak_mb"]:
        memory += f", {result['gpu_peak_mb']:.0f} MB of the GPU's"
    lines += [
        "",
        f"data: {result['source']}; {result['wall_s']:.0f} s ({result['cpu_s']:.0f} s of CPU), {memory}, on "
        + (f"{result['cores']} cores" if result["device"] == "cpu" else result["device"]),
    ]
    if result["budget"] == "smoke":
        lines.append("The smoke budget runs one seed: it shows that the lesson runs and learns, and claims no more.")
    return "\n".join(lines)


def _label(name: str) -> str:
    words = {"auc": "AUC", "acc": "ACC", "ap": "AP"}
    return " ".join(words.get(word, word) for word in name.split("_"))
