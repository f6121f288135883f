#!/usr/bin/env python3
"""Draws the figures of the benchmarks as SVG. Needs Python alone.

    cargo bench --bench image_path && cargo bench --bench load -- growth
    python3 benches/plot.py target docs/images/performance

reads `image-path.csv` and `growth.csv`, as far as they are there.
"""

import csv
import html
import math
import pathlib
import sys
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 68, 158, 54, 58
# Told apart by those who do not see red from green, too; and by the marks.
OTHERS = [("#0072b2", "circle"), ("#d55e00", "square"), ("#009e73", "diamond")]
STYLES = {
    "ours": OTHERS[0],
    "vipsthumbnail": OTHERS[1],
    "vipsthumbnail, without its start": ("#d55e00", "open square"),
    "Pillow": OTHERS[2],
}


@dataclass
class Plot:
    """What is drawn: for each name, points of x, median, least and most."""

    title: str
    x: str
    y: str
    lines: dict
    # Each step to the right is ten times as much.
    by_tens: bool = False


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def image_path(path):
    lines = {}
    for row in rows(path):
        if "progressive" in row["photo"]:
            continue
        width, height = row["photo"].split("×")
        pixels = int(width) * int(height) / 1e6
        median, least, most, bare = (
            float(row[name]) for name in ("median_ms", "min_ms", "max_ms", "without_start_ms")
        )
        lines.setdefault(row["contender"], []).append((pixels, median, least, most))
        if 0 < bare != median:
            name = f"{row['contender']}, without its start"
            lines.setdefault(name, []).append((pixels, bare, None, None))
    title = "A JPEG of 1024 pixels from a photo: medians, file to file"
    yield "image-path", Plot(title, "size of the photo, megapixels", "time for a copy, milliseconds", lines)


def growth(path):
    """One plot for each file name, title, and what grows."""
    plots = {
        "tenants": Plot("A request by tenants in memory: medians, least and most", "tenants", "microseconds", {}, True),
        "tenant-memory": Plot("Memory by tenants in memory", "tenants", "MB", {}, True),
        "images": Plot("An answer by images in a folder: medians, least and most", "images", "milliseconds", {}),
        "publication": Plot(
            "A publication by the size of its image: medians, least and most",
            "size of the photo, megapixels",
            "milliseconds",
            {},
        ),
        "publication-memory": Plot(
            "Memory at most, beyond idle, by the size of the image", "size of the photo, megapixels", "MB", {}
        ),
    }
    for row in rows(path):
        figures = [float(row[name]) for name in ("with", "median", "least", "most")]
        plots[row["plot"]].lines.setdefault(row["measured"], []).append(figures)
    for name, plot in plots.items():
        if plot.lines:
            yield f"growth-{name}", plot


def ticks(most):
    """Round steps, five or so."""
    step = next(s * 10**e for e in range(-2, 6) for s in (1, 2, 5) if most / (s * 10**e) <= 6)
    return [step * index for index in range(int(most / step) + 1)]


def mark(kind, x, y, colour):
    fill = "white" if kind.startswith("open") else colour
    common = f'fill="{fill}" stroke="{colour}" stroke-width="1.5"'
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {common}/>'
    if kind == "diamond":
        points = f"{x:.1f},{y - 5:.1f} {x + 5:.1f},{y:.1f} {x:.1f},{y + 5:.1f} {x - 5:.1f},{y:.1f}"
        return f'<polygon points="{points}" {common}/>'
    return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" {common}/>'


def text(x, y, words, **attributes):
    names = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" {names}>{html.escape(words)}</text>'


def draw(plot):
    points = [point for line in plot.lines.values() for point in line]
    most_x = max(point[0] for point in points)
    most_y = max(point[1] for point in points) * 1.08
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def share(x):
        return math.log10(x) / (math.log10(most_x) * 1.03) if plot.by_tens else x / (most_x * 1.03)

    def at(x, y):
        # What goes beyond the medians by far is cut where the plot ends.
        return LEFT + share(x) * (right - LEFT), max(bottom - y / most_y * (bottom - TOP), TOP)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 28, plot.title, font_size=15, font_weight="bold"),
    ]
    for value in ticks(most_y):
        y = bottom - value / most_y * (bottom - TOP)
        out.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e2e2"/>')
        out.append(text(LEFT - 8, y + 4, f"{value:g}", text_anchor="end"))
    tens = [10**exponent for exponent in range(int(math.log10(most_x)) + 1)] if plot.by_tens else None
    for value in tens or ticks(most_x * 1.03):
        x = LEFT + share(value) * (right - LEFT)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="#222"/>')
        out.append(text(x, bottom + 19, f"{value:g}", text_anchor="middle"))
    out.append(f'<path d="M{LEFT},{TOP} V{bottom} H{right}" fill="none" stroke="#222" stroke-width="1"/>')
    middle = (TOP + bottom) / 2
    out.append(text((LEFT + right) / 2, HEIGHT - 16, plot.x, text_anchor="middle"))
    out.append(text(20, middle, plot.y, text_anchor="middle", transform=f"rotate(-90 20 {middle})"))
    names = []
    for index, (name, line) in enumerate(plot.lines.items()):
        colour, kind = STYLES.get(name, OTHERS[index % len(OTHERS)])
        line.sort()
        for x, median, least, most in line:
            if least is not None and least < most:
                (x, low), (_, high) = at(x, least), at(x, most)
                out.append(
                    f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" '
                    f'stroke="{colour}" stroke-opacity="0.45"/>'
                )
        dash = ' stroke-dasharray="5 4"' if kind.startswith("open") else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(x, y) for x, y, *_ in line))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += [mark(kind, *at(x, median), colour) for x, median, *_ in line]
        x, y = at(line[-1][0], line[-1][1])
        names.append([y, x, name, colour])
    # Each name beside the end of its line, and none over another.
    names.sort()
    for index, entry in enumerate(names):
        parts = entry[2].split(", ")
        if index:
            before = names[index - 1]
            entry[0] = max(entry[0], before[0] + 15 * len(before[2].split(", ")) + 2)
        for line, words in enumerate(parts):
            out.append(text(entry[1] + 12, entry[0] + 4 + 14 * line, words, fill=entry[3]))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    for file, plots in (("image-path.csv", image_path), ("growth.csv", growth)):
        if not (source / file).exists():
            print(f"{file}: not there, not drawn")
            continue
        for name, plot in plots(source / file):
            (target / f"{name}.svg").write_text(draw(plot), encoding="utf-8")
            print(f"{name}.svg")


if __name__ == "__main__":
    main()
