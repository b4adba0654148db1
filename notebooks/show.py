"""Tables, charts and pictures of the notebooks."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from PIL import Image, ImageDraw, ImageFont

from nets.core.api import Detections

plt.rcParams |= {"figure.dpi": 80, "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}

COLOURS = ("#e8590c", "#1971c2", "#2f9e44", "#9c36b5", "#f08c00", "#0c8599")
GAP = 6


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table; numbers are printed with three digits, and columns of them to the right."""
    cells = [[_text(cell) for cell in row] for row in rows]
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *cells]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float | np.floating) else str(cell)


def drawn(pixels: np.ndarray, faces: Detections, labels: Sequence[str] = ()) -> Image.Image:
    """A photo with a box round each face, its five points, and a word above it."""
    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    size = max(12, round(max(picture.size) / 70))
    font = ImageFont.load_default(size)
    for row, (box, points) in enumerate(zip(faces.boxes, faces.landmarks, strict=True)):
        colour = COLOURS[row % len(COLOURS)]
        pen.rectangle(box.tolist(), outline=colour, width=max(2, size // 6))
        for x, y in points.tolist():
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        if row < len(labels):
            at = (float(box[0]), float(box[1]) - 2)
            back = pen.textbbox(at, labels[row], font=font, anchor="lb")
            pen.rectangle(back, fill=colour)
            pen.text(at, labels[row], fill="white", font=font, anchor="lb")
    return picture


def sheet(
    rows: Sequence[tuple[str, Sequence[np.ndarray]]], *, side: int = 96, most: int = 12
) -> Image.Image:
    """Rows of small pictures, each with a label on its left."""
    font = ImageFont.load_default(15)
    left = round(max((font.getlength(label) for label, _ in rows), default=0)) + 2 * GAP
    widest = max((min(len(chips), most) for _, chips in rows), default=0)
    size = left + widest * (side + GAP), len(rows) * (side + GAP)
    picture = Image.new("RGB", (max(1, size[0]), max(1, size[1])), "white")
    pen = ImageDraw.Draw(picture)
    for i, (label, chips) in enumerate(rows):
        top = i * (side + GAP)
        pen.text((GAP, top + side / 2), label, fill="black", font=font, anchor="lm")
        for j, chip in enumerate(chips[:most]):
            small = Image.fromarray(chip).resize((side, side), Image.Resampling.LANCZOS)
            picture.paste(small, (left + j * (side + GAP), top))
    return picture
