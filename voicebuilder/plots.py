"""Draws how a loss fell, as an SVG that needs no library to be written or looked at."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 320
MARGIN: Final = 56


def plot_losses(path: Path, title: str, losses: Sequence[Sequence[float]]) -> None:
    """Write a plot of (step, loss) pairs, the loss on a logarithmic axis; nothing while there are fewer than two."""
    points = [(step, math.log10(max(value, 1e-9))) for step, value in losses]
    if len(points) < 2:
        return
    left, right = points[0][0], points[-1][0]
    low, high = min(y for _, y in points), max(y for _, y in points)
    wide, tall = (right - left) or 1.0, (high - low) or 1.0

    def place(step: float, value: float) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * (step - left) / wide
        y = MARGIN + (HEIGHT - 2 * MARGIN) * (high - value) / tall
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(step, value) for step, value in points)
    labels = [
        (WIDTH / 2, MARGIN / 2, "middle", f"{title}: loss over steps"),
        (MARGIN - 6, MARGIN, "end", f"{10**high:.3g}"),
        (MARGIN - 6, HEIGHT - MARGIN, "end", f"{10**low:.3g}"),
        (MARGIN, HEIGHT - MARGIN / 2, "start", f"{left:g}"),
        (WIDTH - MARGIN, HEIGHT - MARGIN / 2, "end", f"{right:g}"),
    ]
    texts = "".join(f'<text x="{x:g}" y="{y:g}" text-anchor="{at}">{text}</text>\n' for x, y, at, text in labels)
    frame = f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="#999"/>\n'
    part = path.with_suffix(".part")
    part.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n{frame}{texts}<polyline points="{line}" fill="none" stroke="#2962a8"/>\n</svg>\n',
        encoding="utf-8",
    )
    part.replace(path)
