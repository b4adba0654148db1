"""Pictures in a terminal: the protocols of kitty, of iTerm2, and sixel.

Which one a terminal knows follows from its environment variables alone: asking it would mean to
read its answer from the keyboard. Within tmux and screen nothing is sent unless the user says so.
"""

import io
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

PROTOCOLS = ("kitty", "iterm", "sixel", "none")
_CHUNK = 4096
_COLOURS = 255
_ESC = "\x1b"


def protocol(environment: Mapping[str, str]) -> str:
    """Return which of `PROTOCOLS` the terminal is known to understand."""
    get = environment.get
    term, program = get("TERM", ""), get("TERM_PROGRAM", "")
    if get("TMUX") or term.startswith(("screen", "tmux")) or term in ("", "dumb"):
        return "none"
    if get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty", "vscode") or get("LC_TERMINAL") == "iTerm2":
        return "iterm" if program != "vscode" else "none"
    if "sixel" in term or term.startswith(("foot", "mlterm", "yaft", "contour")):
        return "sixel"
    return "sixel" if get("KONSOLE_VERSION") else "none"


def encoded(image: "Image.Image", how: str) -> str:
    """Return the characters that show a picture; none for 'none'."""
    if how == "kitty":
        return _kitty(image)
    if how == "iterm":
        return _iterm(image)
    return _sixel(image) if how == "sixel" else ""


def _png(image: "Image.Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _kitty(image: "Image.Image") -> str:
    """Send a PNG in chunks, each but the last saying that more follows; no answer is expected."""
    text = b64encode(_png(image)).decode("ascii")
    chunks = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        more = int(number < len(chunks) - 1)
        keys = f"a=T,f=100,q=2,m={more}" if number == 0 else f"q=2,m={more}"
        parts.append(f"{_ESC}_G{keys};{chunk}{_ESC}\\")
    return "".join(parts) + "\n"


def _iterm(image: "Image.Image") -> str:
    png = _png(image)
    text = b64encode(png).decode("ascii")
    return f"{_ESC}]1337;File=inline=1;size={len(png)};width={image.width}px:{text}\a\n"


def _sixel(image: "Image.Image") -> str:
    """Draw bands of six rows, colour by colour (DEC STD 070)."""
    import numpy as np

    reduced = image.convert("RGB").quantize(_COLOURS)
    pixels = np.asarray(reduced)
    palette = np.array(reduced.getpalette(), int).reshape(-1, 3) * 100 // 255
    used = np.unique(pixels).tolist()
    out = [f'{_ESC}Pq"1;1;{image.width};{image.height}']
    out += [f"#{c};2;{palette[c][0]};{palette[c][1]};{palette[c][2]}" for c in used]
    weights = 1 << np.arange(6)[:, None]
    for top in range(0, image.height, 6):
        band = pixels[top : top + 6]
        lines = []
        for colour in np.unique(band).tolist():
            bits = ((band == colour) * weights[: len(band)]).sum(axis=0)
            lines.append(f"#{colour}{_runs(bits.tolist())}")
        out.append("$".join(lines) + "-")
    return "".join(out) + f"{_ESC}\\\n"


def _runs(values: list[int]) -> str:
    """Write sixels, runs of four or more as a count."""
    parts, at = [], 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at]:
            end += 1
        sign, length = chr(63 + values[at]), end - at
        parts.append(f"!{length}{sign}" if length > 3 else sign * length)
        at = end
    return "".join(parts)
