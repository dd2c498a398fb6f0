"""A few SVG shapes, and labels that never lie on each other.

Text is measured by a width that no common sans-serif font exceeds, so a label that fits here fits in every browser.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

_EM = 0.56  # the width of a character in its font size, on the safe side


def text_width(text: str, size: float) -> float:
    return len(text) * size * _EM


def _shown(text: str) -> str:
    """What XML may hold: a message may have any characters."""
    return escape("".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text))


def shortened(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis where it is wider than the room; "" where not even three letters fit."""
    most = int(room / (size * _EM))
    if len(text) <= most:
        return text
    return text[: most - 1].rstrip() + "…" if most >= 4 else ""


class Canvas:
    def __init__(self, width: float) -> None:
        self.width = width
        self._shapes: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str, tip: str = "", round_: int = 0) -> None:
        corners = f' rx="{round_}"' if round_ else ""
        size = f'width="{max(width, 0.8):.1f}" height="{height:.1f}"'
        self._close("rect", f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{fill}"{corners}', tip)

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, dash: str = "", thick: float = 1) -> None:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._shapes.append(f'<line {ends} stroke="{stroke}" stroke-width="{thick:g}"{dashes}/>')

    def path(self, shape: str, fill: str, tip: str = "", stroke: str = "none") -> None:
        self._close("path", f'<path d="{shape}" fill="{fill}" stroke="{stroke}"', tip)

    def dot(self, x: float, y: float, radius: float, fill: str, tip: str = "") -> None:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="#ffffff"'
        self._close("circle", shape, tip)

    def text(
        self, x: float, y: float, text: str, size: float = 11, fill: str = "#1f2933", *, end: bool = False,
        bold: bool = False,
    ) -> None:  # fmt: skip
        """`end`: the text ends at x."""
        more = (' text-anchor="end"' if end else "") + (' font-weight="bold"' if bold else "")
        shape = f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{more}>{_shown(text)}</text>'
        self._shapes.append(shape)

    def _close(self, name: str, shape: str, tip: str) -> None:
        self._shapes.append(f"{shape}><title>{_shown(tip)}</title></{name}>" if tip else f"{shape}/>")

    @property
    def count(self) -> int:
        return len(self._shapes)

    def move_back(self, begin: int, to: int) -> None:
        """What was drawn from `begin` on lies behind what was drawn from `to` on."""
        self._shapes[to:] = self._shapes[begin:] + self._shapes[to:begin]

    def svg(self, height: float, title: str) -> str:
        size = f'width="{self.width:g}" height="{height:g}" viewBox="0 0 {self.width:g} {height:g}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">\n'
            f"<title>{_shown(title)}</title>\n"
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(self._shapes) + "\n</svg>\n"
        )


class Labels:
    """Labels along a line, in as few rows as keep them apart."""

    def __init__(self, left: float, right: float, size: float, gap: float = 8) -> None:
        self._left, self._right, self._size, self._gap = left, right, size, gap
        self._taken: list[list[tuple[float, float]]] = []

    def place(self, x: float, text: str) -> tuple[float, int]:
        """Where the label begins, and its row (from 0)."""
        width = text_width(text, self._size)
        start = max(self._left, min(x, self._right - width))
        for row, taken in enumerate(self._taken):
            if all(start + width + self._gap <= a or start >= b + self._gap for a, b in taken):
                taken.append((start, start + width))
                return start, row
        self._taken.append([(start, start + width)])
        return start, len(self._taken) - 1

    @property
    def rows(self) -> int:
        return len(self._taken)
