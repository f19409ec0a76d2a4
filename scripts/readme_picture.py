"""Draws docs/pneumoniamnist.png, the picture of the README, from docs/measured/pneumoniamnist.json.

Usage: medtutor bench classification pneumoniamnist --seeds 5 --json docs/measured/pneumoniamnist.json
       python scripts/readme_picture.py
"""

from __future__ import annotations

import json
from pathlib import Path

from medtutor import figures
from medtutor.evaluate import Interval

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write the picture."""
    result = json.loads((ROOT / "docs/measured/pneumoniamnist.json").read_text())
    classical, published = result["hog_svm"], result["published"]
    rows = {
        f"small residual network, {result['train_cpu_s']['mean']:.1f} CPU-s": _interval(result["test"]["auc"]),
        f"HOG + SVM, {classical['cpu_s']:.1f} CPU-s": _interval(classical["test"]["auc"]),
    }
    figures.intervals(
        rows,
        xlabel="test AUC on PneumoniaMNIST, with 95 % interval",
        reference=published["auc"],
        reference_label=f"published: {published['auc']}",
        title="On 28-pixel chest X-rays no interval leaves out the published figure",
        alt="Two dots with intervals and a line for the published figure, which lies within both intervals.",
    ).save(ROOT / "docs/pneumoniamnist.png")


def _interval(score: dict) -> Interval:
    return Interval(score.get("mean", score.get("value")), score["low"], score["high"])


if __name__ == "__main__":
    main()
