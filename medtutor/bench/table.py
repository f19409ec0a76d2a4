"""The results of the bench as a table of plain text."""

from __future__ import annotations

from typing import Any


def table(result: dict[str, Any]) -> str:
    """Rows for what was measured and what is published; intervals are 95 % and hold seeds and test images."""
    small = result.get("small", result)
    rows = [("", "test AUC", "test accuracy", "training")]
    cpu = small["train_cpu_s"]["mean"]
    rows.append(
        (f"small residual network, {small['params']:,} parameters, {len(small['seeds'])} seeds",
         _cell(small["test"]["auc"]), _cell(small["test"]["acc"]), f"{cpu:.2f} CPU-s")
    )  # fmt: skip
    if "reference" in result:
        row = result["reference"]
        time = f"{row['train_cpu_s']:.0f} CPU-s ({row['all_epochs_cpu_s']:.0f} for all 100)"
        rows.append((row["model"], _cell(row["test"]["auc"]), _cell(row["test"]["acc"]), time))
    if result.get("hog_svm"):
        row = result["hog_svm"]
        rows.append(("HOG + SVM", _cell(row["test"]["auc"]), _cell(row["test"]["acc"]), f"{row['cpu_s']:.2f} CPU-s"))
    if result.get("published"):
        row = result["published"]
        rows.append((f"published: {row['model']}", f"{row['auc']:.3f}", f"{row['acc']:.3f}", "no interval given"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    peak = small["peak_rss_mb"]
    memory = "not measured on this system" if peak is None else f"{peak:.0f} MB"
    lines.append(f"{small['dataset']} at {small['size']} pixels, peak memory {memory}. Intervals: 95 %, over seeds and "
                 "test images together; over test images where there is one seed or none.")  # fmt: skip
    if "ratio_cpu" in result:
        lines.append(f"ResNet-18 for 100 epochs would take {result['ratio_cpu']:.0f} times the CPU time of ours.")
    if small["source"] == "sample":
        lines.insert(0, "OFFLINE SAMPLE: these images are drawn by medtutor and show no patient.")
    return "\n".join(lines)


def _cell(score: dict[str, Any]) -> str:
    return f"{score.get('mean', score.get('value')):.3f} ({score['low']:.3f} to {score['high']:.3f})"
