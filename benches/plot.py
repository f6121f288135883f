#!/usr/bin/env python3
"""Draws the figures of a benchmark as SVG. Needs Python alone.

    cargo bench --bench image_path
    python3 benches/plot.py target/image-path.csv docs/images/performance/image-path.svg
"""

import csv
import html
import sys

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 68, 148, 54, 58
# Told apart by those who do not see red from green, too; and by the marks.
STYLES = {
    "ours": ("#0072b2", "circle"),
    "vipsthumbnail": ("#d55e00", "square"),
    "vipsthumbnail, without its start": ("#d55e00", "open square"),
    "Pillow": ("#009e73", "diamond"),
}


def series(path):
    """For each contender: megapixels, median, least and most, in milliseconds."""
    lines = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
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
    return lines


def ticks(most):
    """Round steps, five or so."""
    step = next(s * 10**e for e in range(-1, 6) for s in (1, 2, 5) if most / (s * 10**e) <= 6)
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


def draw(lines, title):
    most_x = max(point[0] for points in lines.values() for point in points)
    most_y = max(point[1] for points in lines.values() for point in points) * 1.08
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(pixels, time):
        return (
            LEFT + pixels / (most_x * 1.03) * (right - LEFT),
            bottom - time / most_y * (bottom - TOP),
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 28, title, font_size=15, font_weight="bold"),
    ]
    for value in ticks(most_y):
        _, y = at(0, value)
        out.append(f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e2e2"/>')
        out.append(text(LEFT - 8, y + 4, f"{value:g}", text_anchor="end"))
    for value in ticks(most_x * 1.03):
        x, _ = at(value, 0)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="#222"/>')
        out.append(text(x, bottom + 19, f"{value:g}", text_anchor="middle"))
    out.append(
        f'<path d="M{LEFT},{TOP} V{bottom} H{right}" fill="none" stroke="#222" stroke-width="1"/>'
    )
    middle = (TOP + bottom) / 2
    out.append(text((LEFT + right) / 2, HEIGHT - 16, "size of the photo, megapixels", text_anchor="middle"))
    out.append(
        text(20, middle, "time for a copy, milliseconds", text_anchor="middle", transform=f"rotate(-90 20 {middle})")
    )
    names = []
    for name, points in lines.items():
        colour, kind = STYLES.get(name, ("#666666", "circle"))
        points.sort()
        dash = ' stroke-dasharray="5 4"' if kind.startswith("open") else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(p[0], p[1]) for p in points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += [mark(kind, *at(pixels, median), colour) for pixels, median, *_ in points]
        x, y = at(points[-1][0], points[-1][1])
        names.append([y, x, name, colour])
    # Each name beside the end of its line, and none over another.
    names.sort()
    for index, entry in enumerate(names):
        lines_of = entry[2].split(", ")
        if index:
            before = names[index - 1]
            entry[0] = max(entry[0], before[0] + 15 * len(before[2].split(", ")) + 2)
        for line, words in enumerate(lines_of):
            out.append(text(entry[1] + 12, entry[0] + 4 + 14 * line, words, fill=entry[3]))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    source, target = sys.argv[1:3]
    title = "A JPEG of 1024 pixels from a photo: medians, file to file"
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(series(source), title))


if __name__ == "__main__":
    main()
