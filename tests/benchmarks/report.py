"""The table and the chart of a benchmark run."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, kw_only=True)
class Row:
    """One program in one case: median seconds, and MiB at most."""

    case: str
    program: str
    seconds: float
    peak: float


def table(rows: list[Row]) -> str:
    """A Markdown table; each case's ratios are to ocictl of the same case."""
    lines = [
        "| case | program | wall, s | peak, MiB | ocictl / program |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    own = {row.case: row.seconds for row in rows if row.program == "ocictl"}
    for row in rows:
        ratio = "" if row.program == "ocictl" else f"{own[row.case] / row.seconds:.2f}"
        lines.append(f"| {row.case} | {row.program} | {row.seconds:.3f} | {row.peak:.0f} | {ratio} |")
    return "\n".join(lines)


def chart(rows: list[Row]) -> str:
    """Bars of the ratio to oras, as SVG; the line is where both are equally fast."""
    own = {row.case: row.seconds for row in rows if row.program == "ocictl"}
    ratios = [(row.case, own[row.case] / row.seconds) for row in rows if row.program == "oras"]
    ratios = [
        (case, ratio) for case, ratio in ratios if not case.startswith("start-up") and case != "resolve"
    ]
    height, left, unit = 22, 230, 240
    total = height * len(ratios) + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{total}" font-family="sans-serif" font-size="12">',
        f'<rect width="860" height="{total}" fill="white"/>',
        '<text x="10" y="18" font-weight="bold">wall time, ocictl / oras (shorter is better)</text>',
    ]
    for number, (case, ratio) in enumerate(ratios):
        y = 30 + number * height
        width = min(ratio, 2.4) * unit
        colour = "#2a7f62" if ratio <= 1 else "#b5651d"
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(case)}</text>')
        parts.append(
            f'<rect x="{left}" y="{y + 3}" width="{width:.0f}" height="{height - 6}" fill="{colour}"/>'
        )
        parts.append(f'<text x="{left + width + 6:.0f}" y="{y + 14}">{ratio:.2f}</text>')
    bottom = 30 + len(ratios) * height
    parts.append(
        f'<line x1="{left + unit}" y1="26" x2="{left + unit}" y2="{bottom}" stroke="black" stroke-dasharray="4 3"/>'
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
