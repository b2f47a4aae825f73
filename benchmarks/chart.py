"""The picture of a run: bars by group, ours beside what it is compared to.

`python -m benchmarks.chart JSON SVG` draws it again.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson

from benchmarks.table import COLD, WARM_FROM, show

Told = Mapping[str, Any]

_WIDTH = 960
_NAMES = 356
"""Where the bars begin."""

_LONGEST = 256
_BAR, _STEP, _HEAD = 18, 28, 54
_TOP = 92

_STYLE = (
    ".h{font-weight:600;fill:#0f172a}.s{fill:#475569;font-size:12px}.n{fill:#0f172a;font-size:13px}"
    ".v{fill:#0f172a;font-size:13px;font-variant-numeric:tabular-nums}.peer{fill:#cbd5e1}.ours{fill:#6366f1}"
    ".r{fill:#4338ca;font-size:13px;font-weight:600}.w{stroke:#0f172a;stroke-width:1.2;opacity:.55}.g{stroke:#e2e8f0}.x{fill:#b91c1c;font-weight:600}"
)
_FONT = 'font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="14"'


def draw(told: Told) -> str:
    """A run, as `table.as_object` tells it, as SVG. Rows without a figure are left out."""
    rows = [row for row in told["rows"] if row["median"] is not None]
    # A unit that differs is another scale, and so a part of its own.
    parts: dict[tuple[str, str], list[Told]] = {}
    for row in rows:
        parts.setdefault((row["group"], row["unit"]), []).append(row)
    body: list[str] = []
    y = _TOP
    for (group, unit), of_part in parts.items():
        body += _part(f"{group}, {unit}", of_part, y)
        y += _HEAD + _STEP * len(of_part)
    height = y + 30
    words = "; ".join(_sentence(row) for row in rows if not row["peer"])
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}'
    lines = [
        f'{opening} role="img" aria-labelledby="t d">',
        f'<title id="t">contactfold beside what people use today</title><desc id="d">{escape(words)}.</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="12" fill="#f8fafc"/>',
        '<text class="h" x="24" y="36" font-size="18">contactfold beside what people use today</text>',
        *(
            f'<text class="s" x="24" y="{y}">{escape(line)}</text>'
            for y, line in zip((57, 75), _caption(told), strict=True)
        ),
        *_warning(told, y),
        *body,
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _warning(told: Told, y: int) -> Iterator[str]:
    """Under everything: that the figures are not to be trusted."""
    if told["disturbed"]:
        rows = f"{len(told['disturbed'])} of {len(told['rows'])} rows"
        words = f"Other programs kept this machine busy in {rows}: distrust these figures."
        yield f'<text class="x" x="24" y="{y + 14}">{words}</text>'


def _caption(told: Told) -> tuple[str, str]:
    where = f"{told['at'][:10]}, {told['cores']} cores, which servers, clients and load share"
    what = f"{told['events']:,} events on {told['partitions']} partitions, a file of {told['rows_of_file']:,} rows"
    how = f"rounds: {told['rounds']}; bars are medians, lines the range, ratios of one round each"
    return f"{where}; {what}", how + (f". {COLD}" if told["events"] < WARM_FROM else "")


def _sentence(row: Told) -> str:
    told = f"{row['name']}: {show(row['median'], row['unit'])} {row['unit']}"
    return f"{told}, {row['ratio']['median']:.2f} times {row['against']}" if row["ratio"] else told


def _part(title: str, rows: Sequence[Told], y: int) -> Iterator[str]:
    """A heading and its bars, all to one scale."""
    most = max(max(_figures(row)) for row in rows)
    yield f'<line class="g" x1="24" x2="{_WIDTH - 24}" y1="{y + 8}" y2="{y + 8}"/>'
    yield f'<text class="h" x="24" y="{y + 34}">{escape(title)}</text>'
    for number, row in enumerate(rows):
        yield from _bar(row, most, y + _HEAD - 8 + number * _STEP)


def _bar(row: Told, most: float, y: float) -> Iterator[str]:
    figures = _figures(row)
    middle = y + _BAR / 2
    length = max(2.0, _at(row["median"], most))
    kind = "peer" if row["peer"] else "ours"
    yield f'<text class="n" x="{_NAMES - 12}" y="{middle + 4.5:g}" text-anchor="end">{escape(row["name"])}</text>'
    yield f'<rect class="{kind}" x="{_NAMES}" y="{y:g}" width="{length:.1f}" height="{_BAR}" rx="3"/>'
    least, greatest = (_NAMES + _at(figure, most) for figure in (min(figures), max(figures)))
    if greatest - least > 1:
        yield f'<line class="w" x1="{least:.1f}" x2="{greatest:.1f}" y1="{middle:g}" y2="{middle:g}"/>'
    beside = max(_NAMES + length, greatest) + 8
    figure = show(row["median"], row["unit"])
    yield f'<text class="v" x="{beside:.1f}" y="{middle + 4.5:g}">{figure}{_ratio(row)}</text>'


def _ratio(row: Told) -> str:
    if not row["ratio"]:
        return ""
    times = f'<tspan class="r" dx="10">{row["ratio"]["median"]:.2f} times</tspan>'
    return f'{times}<tspan class="s" dx="5">{escape(row["against"])}</tspan>'


def _at(figure: float, most: float) -> float:
    return figure / most * _LONGEST


def _figures(row: Told) -> list[float]:
    return [run["figure"] for run in row["runs"] if not run["faults"]]


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(orjson.loads(Path(sys.argv[1]).read_bytes())))
