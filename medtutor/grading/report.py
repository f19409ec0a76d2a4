"""What the instructor reads after a run: how the class did, what was hard, and how far the marks can be trusted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median
from urllib.parse import quote

from medtutor.course.measured import seconds
from medtutor.grading.assignment import Assignment
from medtutor.grading.feedback import SAID
from medtutor.grading.marks import Info
from medtutor.grading.names import safe_names
from medtutor.grading.pages import paragraphs, shell, table, text
from medtutor.grading.results import STATUSES, Graded
from medtutor.grading.tables import number

BINS = 10
LIMITS = (
    "Autograding shows that a function returned the right values on the cases tried: it cannot show who wrote it, "
    "whether its author understands it, or how it reads; for that, read answers and talk to students."
)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `n` by Wilson's score (https://doi.org/10.1080/01621459.1927.10502953).

    `share` may come from partial points: such points vary less than all or nothing, so it is then rather too wide.

    >>> [round(limit, 3) for limit in wilson(0.5, 10)]
    [0.237, 0.763]
    """
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(share * (1 - share), 0) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def page(assignment: Assignment, graded: Sequence[Graded], info: Info | None = None) -> str:
    """report.html of a class."""
    info = info or {}
    graded = sorted(graded, key=lambda one: one.student)
    names = safe_names(one.student for one in graded)
    links = {student: quote(f"feedback/{name}.html") for student, name in names.items()}
    came = [one for one in graded if one.status != "missing"]
    parts = [_overview(assignment, graded, came, info)]
    if came:
        parts += [_distribution(assignment, came), _hardest(assignment, came), _outcomes(came)]
    parts += [_people(graded, links), _late(came, links), _trust(info), _settings(assignment, info)]
    return shell(f"Report: {assignment.name}", "\n".join(part for part in parts if part))


def _overview(assignment: Assignment, graded: Sequence[Graded], came: Sequence[Graded], info: Info) -> str:
    lines = []
    if info.get("isolation", {}).get("level") == "none":
        lines.append('<p class="notice">Student code ran WITHOUT isolation: these marks can be forged.</p>')
    lines.append(f"<p>Submissions: {len(came)}, of {len(graded)} students.")
    if came:
        middle = median(one.total for one in came)
        lines.append(f" Median total: {number(middle)} of {number(assignment.maximum)} points.")
    waiting = sum(one.status == "needs marking" for one in came)
    if waiting:
        lines.append(f" Waiting for a person (manual.csv): {waiting}, so these numbers are not final.")
    return "".join(lines) + "</p>" + paragraphs(info.get("notes", ()))


def histogram(totals: Sequence[float], maximum: float) -> list[tuple[float, float, int]]:
    """`BINS` equal classes from 0 to `maximum` (or one, where it is 0): from, below (the last: up to), and how many."""
    if maximum <= 0:
        return [(0.0, 0.0, len(totals))]
    places = Counter(min(max(int(total / maximum * BINS), 0), BINS - 1) for total in totals)
    return [(place * maximum / BINS, (place + 1) * maximum / BINS, places[place]) for place in range(BINS)]


def _distribution(assignment: Assignment, came: Sequence[Graded]) -> str:
    classes = histogram([one.total for one in came], assignment.maximum)
    width, height, left, bottom = 640, 240, 46, 44
    most = max(count for _, _, count in classes) or 1
    step = (width - left - 10) / len(classes)
    top = 16
    bars = []
    for place, (begin, end, count) in enumerate(classes):
        tall = (height - bottom - top) * count / most
        x, y = left + place * step, height - bottom - tall
        bars.append(f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{step - 4:.1f}" height="{tall:.1f}" fill="#0b5394"/>')
        if count:
            bars.append(f'<text x="{x + step / 2:.1f}" y="{y - 4:.1f}" text-anchor="middle">{count}</text>')
        bars.append(f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{number(begin)}</text>')
        if place == len(classes) - 1:
            bars.append(f'<text x="{x + step:.1f}" y="{height - bottom + 16}" text-anchor="end">{number(end)}</text>')
    base = f"{left},{height - bottom} {width - 10},{height - bottom}"
    svg = (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="dist-title dist-desc" font-size="12" '
        f'font-family="sans-serif"><title id="dist-title">Totals of the class</title>'
        f'<desc id="dist-desc">Histogram of {len(came)} totals; the table below has the same numbers.</desc>'
        f'{"".join(bars)}<polyline points="{base}" stroke="#1b1b1b" fill="none"/>'
        f'<text x="{(width + left) / 2:.0f}" y="{height - 6}" text-anchor="middle">total (points)</text>'
        f'<text x="14" y="{(height - bottom) / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 14 {(height - bottom) / 2:.0f})">submissions</text></svg>'
    )
    rows = [
        (f"{number(begin)} to {'' if place == len(classes) - 1 else 'below '}{number(end)}", str(count))
        for place, (begin, end, count) in enumerate(classes)
    ]
    twin = table("Totals, in numbers", ("Points", "Submissions"), rows, numbers=(1,))
    return f"<h2>How the totals are spread</h2>{svg}{twin}"


def _hardest(assignment: Assignment, came: Sequence[Graded]) -> str:
    lines = []
    for question in assignment.questions:
        outcomes = [o for one in came for o in one.outcomes if o.id == question.id and o.status != "needs marking"]
        most = sum(outcome.maximum for outcome in outcomes)
        if not most:
            continue
        share = min(sum(outcome.points for outcome in outcomes) / most, 1.0)
        low, high = wilson(share, len(outcomes))
        reasons = Counter(o.reason for o in outcomes if o.status != "correct" and o.reason).most_common(3)
        said = "".join(f"<li>{count}\u00d7 {text(reason)}</li>" for reason, count in reasons)
        interval = f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
        lines.append((share, (text(question.id), interval, str(len(outcomes)), f"<ul>{said}</ul>" if said else "")))
    lines.sort(key=lambda line: line[0])
    head = ("Question", "Share of points (95 % interval)", "Answers", "Most frequent reasons")
    found = table("Hardest first", head, [row for _, row in lines], numbers=(1, 2))
    return f"<h2>What was hard</h2>{found}" if found else ""


def _outcomes(came: Sequence[Graded]) -> str:
    counts = Counter(outcome.status for one in came for outcome in one.outcomes)
    rows = [(text(SAID[status]), str(counts[status])) for status in STATUSES if counts[status]]
    return table("Answers by result", ("Result", "Answers"), rows, numbers=(1,))


def _people(graded: Sequence[Graded], links: dict[str, str]) -> str:
    """Every student, with total and status; those who need a look say why."""
    rows = [
        (
            f'<a href="{text(links[one.student])}">{text(one.student)}</a>',
            number(one.total),
            text(one.status),
            paragraphs(one.notes),
        )
        for one in graded
    ]
    counts = Counter(one.status for one in graded)
    said = ", ".join(f"{count} {text(status)}" for status, count in sorted(counts.items()))
    found = table("All students", ("Student", "Total", "Status", "Notes"), rows, numbers=(1,))
    return f"<h2>Students</h2><p>{said}.</p>{found}" if found else ""


def _late(came: Sequence[Graded], links: dict[str, str]) -> str:
    late = sorted((one for one in came if one.late > 0), key=lambda one: -one.late)
    if not late:
        return "<h2>Late</h2><p>None is known to be late.</p>"
    rows = []
    for one in late:
        earned = round(sum(outcome.points for outcome in one.outcomes), 2)
        link = f'<a href="{text(links[one.student])}">{text(one.student)}</a>'
        rows.append((link, number(one.late), number(earned), number(max(earned - one.total, 0))))
    head = ("Student", "Days late", "Points earned", "Deducted")
    return f"<h2>Late</h2>{table('Latest first', head, rows, numbers=(1, 2, 3))}"


def _trust(info: Info) -> str:
    isolation = info.get("isolation")
    lines = ["<h2>How far to trust these marks</h2>", f"<p>{LIMITS}</p>"]
    if isolation:
        lines.append(f"<p>Isolation of student code: <strong>{text(isolation['level'])}</strong>.</p>")
        lines.append(paragraphs(isolation.get("means", ())))
        if isolation.get("gaps"):
            lines.append(f"<p>Not covered on this machine:</p>{paragraphs(isolation['gaps'])}")
    return "".join(lines)


def _settings(assignment: Assignment, info: Info) -> str:
    rows = []
    if "seconds" in info:
        rows.append(("Time of the run", text(seconds(info["seconds"]))))
    if "per_submission" in info:
        rows.append(("Time of one submission", f"{info['per_submission']:.2f} s"))
    for key, name, unit in (
        ("graded", "Graded in this run", ""),
        ("jobs", "Jobs", ""),
        ("timeout", "Time limit of a question", " s"),
        ("memory", "Memory limit of a question", " MB"),
        ("finished", "Finished", ""),
    ):
        if info.get(key) is not None:
            value = info[key]
            rows.append((name, text(number(value) if isinstance(value, int | float) else value) + unit))
    rows.append(("Assignment", f"{text(assignment.name)} (digest {text(assignment.digest[:12])})"))
    rows += [(text(name), text(version)) for name, version in sorted(info.get("versions", {}).items())]
    return f"<h2>This run</h2>{table('Time, settings and versions', ('What', 'Value'), rows)}"
