"""`ThresholdPlayground`: what a threshold trades, and what a prevalence makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from medtutor import figures
from medtutor.evaluate import auc, bootstrap, roc
from medtutor.evaluate.ranking import binary
from medtutor.figures.style import BLUE, FAINT, ORANGE, new_figure, style
from medtutor.widgets import modules
from medtutor.widgets.arithmetic import at_prevalence, wilson
from medtutor.widgets.base import Widget, number

BINS = 40


class ThresholdPlayground(Widget):
    """Scores of a test, with a threshold and a prevalence to move. Where would you set the threshold, and for whom?

    `labels` (N,) of 0 and 1, `scores` (N,) probabilities of class 1 (lesson 3). Use the scores of the validation set:
    a threshold that is chosen on the test set is fitted to it. `names`: of class 0 and class 1. `prevalence`: share
    of class 1 among those who will be tested, by default that of `labels`. `alt`: whose scores these are, in words
    (required). `source`: as `ImageSet.source`; "sample" is marked.

    An image is called positive where its score is above `threshold`, as in `medtutor.evaluate`. `threshold` and
    `prevalence` can be read and set. Intervals are 95 %, over the images: Wilson's of the rates, by bootstrap of the
    AUC. Raises `DataError`.
    """

    _esm = modules.module("threshold.js")
    _css = modules.style()

    threshold = traitlets.Float(0.5).tag(sync=True)
    prevalence = traitlets.Float(0.5).tag(sync=True)

    def __init__(
        self,
        labels: Any,
        scores: Any,
        *,
        alt: str = "",
        names: tuple[str, str] = ("healthy", "ill"),
        threshold: float = 0.5,
        prevalence: float | None = None,
        source: str | None = None,
    ):
        y, s = binary(labels, scores, probabilities=True)
        self._labels, self._scores = y, s
        own = float(y.mean())
        curve, area = roc(y, s), bootstrap(auc, y, s, resamples=1000)
        about = {
            "names": [str(name) for name in names],
            "own": own,
            "auc": f"AUC {area}",
            "fpr": curve.fpr.tolist(),
            "tpr": curve.tpr.tolist(),
            "counts": [np.histogram(s[y == k], BINS, (0, 1))[0].tolist() for k in (0, 1)],
            "colours": [BLUE, ORANGE],
        }
        threshold = number(threshold, "threshold", 0, 1)
        prevalence = own if prevalence is None else number(prevalence, "prevalence", 0.001, 0.999)
        arrays = {"labels": y.astype(np.uint8), "scores": s}
        super().__init__(arrays, about, alt, source, threshold=threshold, prevalence=prevalence)

    @traitlets.validate("threshold", "prevalence")
    def _share(self, proposal: Any) -> float:
        return number(proposal["value"], proposal["trait"].name, 0, 1)

    def numbers(self) -> dict[str, float]:
        """What the widget says now: tp, fn, fp, tn, sensitivity, specificity, and ppv and npv at the prevalence."""
        called, ill = self._scores > self.threshold, self._labels == 1
        tp, fn = int((called & ill).sum()), int((~called & ill).sum())
        fp, tn = int((called & ~ill).sum()), int((~called & ~ill).sum())
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        ppv, npv = at_prevalence(sensitivity, specificity, self.prevalence)
        return {
            "tp": tp,
            "fn": fn,
            "fp": fp,
            "tn": tn,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "ppv": ppv,
            "npv": npv,
        }

    def static(self, *, alt: str = "") -> figures.Picture:
        """The still twin: scores of both classes, the ROC curve with the present threshold, PPV by prevalence."""
        now = self.numbers()
        yes, ppv = self.about["names"][1], _whole(now["ppv"])
        title = (
            f"Above {self.threshold:.2f}: sensitivity {now['sensitivity']:.2f}, specificity {now['specificity']:.2f}; "
            f"of 100 called {yes}, {ppv} are, at a prevalence of {self.prevalence:.1%}"
        )
        with style():
            fig = new_figure(760, 270, title)
            scores, curve, value = fig.subplots(1, 3)
            self._draw_scores(scores)
            here = {"color": ORANGE, "markersize": 9, "markeredgecolor": "black"}
            curve.plot([0, 1], [0, 1], color=FAINT)
            curve.plot(self.about["fpr"], self.about["tpr"], color=BLUE, linewidth=2)
            curve.plot(1 - now["specificity"], now["sensitivity"], "o", **here)
            curve.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01))
            curve.set_title(self.about["auc"])
            shares = np.geomspace(0.001, 0.999, 200)
            values = [at_prevalence(now["sensitivity"], now["specificity"], one)[0] for one in shares]
            value.plot(shares, values, color=BLUE, linewidth=2)
            value.plot(self.prevalence, now["ppv"], "o", **here)
            value.set(xscale="log", xlabel="prevalence", ylabel="PPV", ylim=(0, 1.01))
        return figures.show(fig, alt=alt or f"{self._alt.rstrip('.')}. {self._sentence(now)}", source=self._source)

    def _draw_scores(self, ax: Any) -> None:
        edges = np.arange(BINS) / BINS
        for name, counts, colour in zip(self.about["names"], self.about["counts"], (BLUE, ORANGE), strict=True):
            ax.bar(edges, np.divide(counts, sum(counts)), 1 / BINS, align="edge", alpha=0.6, color=colour, label=name)
        ax.axvline(self.threshold, color="black", linewidth=1.5, linestyle="--")
        ax.set(xlabel="score", ylabel="share of the class", xlim=(0, 1))
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)

    def _sentence(self, now: dict[str, float]) -> str:
        low, high = wilson(now["tp"], now["tp"] + now["fn"])
        low0, high0 = wilson(now["tn"], now["tn"] + now["fp"])
        return (
            f"At threshold {self.threshold:.2f} sensitivity is {now['sensitivity']:.3f} (95 % interval {low:.3f} to "
            f"{high:.3f}) and specificity {now['specificity']:.3f} ({low0:.3f} to {high0:.3f}). At a prevalence of "
            f"{self.prevalence:.1%} the PPV is {now['ppv']:.3f} and the NPV {now['npv']:.3f}. "
            f"{self.about['auc']}."
        )


def _whole(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.0f}"
