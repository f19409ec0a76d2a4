"""What the HTML pages of grading share: one shell, one style, and text that stays text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

# No script, no image, no font, no form, nothing from elsewhere; the style stands in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #c9c9c9; }
thead th { border-bottom: 2px solid #555; overflow-wrap: normal; } tbody th { min-width: 10rem; }
.n { text-align: right; } td.n { white-space: nowrap; } td ul { margin: 0; padding-left: 1.2rem; }
.total { font-size: 1.3rem; } .notice { border-left: .3rem solid #b35c00; background: #fff6ea; padding: .5rem 1rem; }
pre { white-space: pre-wrap; background: #f4f4f4; padding: .75rem; border-radius: .25rem; }
svg { max-width: 100%; height: auto; } a { color: #0b5394; }
@media (max-width: 40rem) {
  th, td { padding: .3rem; } tbody th { min-width: 0; } thead th { overflow-wrap: anywhere; }
}
@media print { body { margin: 0; max-width: none; } tr, svg, section { break-inside: avoid; } a { color: inherit; } }
"""


def text(value: object) -> str:
    """Anything as text in HTML: escaped, without control characters, and its direction of writing kept to itself."""
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", str(value))
    escaped = html.escape(shown)
    return escaped if shown.isascii() else f"<bdi>{escaped}</bdi>"


def paragraphs(values: Iterable[object]) -> str:
    """A list of notes, or nothing."""
    items = "".join(f"<li>{text(value)}</li>" for value in values)
    return f"<ul>{items}</ul>" if items else ""


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table whose cells are HTML already (`text` them). The first cell of a row is its heading; `numbers` are the
    columns to align to the right."""
    numbers = set(numbers)

    def mark(column: int) -> str:
        return ' class="n"' if column in numbers else ""

    heads = "".join(f'<th scope="col"{mark(column)}>{text(name)}</th>' for column, name in enumerate(head))
    lines = []
    for first, *others in rows:
        cells = "".join(f"<td{mark(column)}>{cell}</td>" for column, cell in enumerate(others, 1))
        lines.append(f'<tr><th scope="row"{mark(0)}>{first}</th>{cells}</tr>')
    if not lines:
        return ""
    body = "\n".join(lines)
    return f"<table><caption>{text(caption)}</caption><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>"


def shell(title: str, body: str) -> str:
    """A whole page that stands alone: `title` as plain text, `body` as HTML below the first heading."""
    # A title holds text only, so no <bdi> there.
    plain = re.sub(r"</?bdi>", "", text(title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{plain}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{text(title)}</h1>
{body}
</main>
</body>
</html>
"""
