"""Draws what performance_test.py measured as one SVG file of panels: bars, or lines. Standard library alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 34, 62
COLORS = ("#1b6ca8", "#c8553d", "#2a9d8f")


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram. ``series``: a name and a value for each of ``positions`` (texts for bars, numbers for lines)."""

    title: str
    unit: str
    positions: Sequence[str] | Sequence[float]
    series: Sequence[tuple[str, Sequence[float]]]
    across: str = ""


def draw(path: Path, title: str, panels: Sequence[Panel]) -> None:
    """Writes them side by side."""
    width, height = WIDTH * len(panels), HEIGHT + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11" fill="#222222">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(width / 2, 20, title, "middle", size=13),
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number * WIDTH} 30)">{_panel(panel)}</g>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(panel: Panel) -> str:
    top = _round_up(max((value for _, values in panel.series for value in values), default=1.0))
    parts = [_text(LEFT, 16, panel.title, size=12)]
    for step in range(5):
        value, y = top * step / 4, _y(top * step / 4, top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(_text(LEFT - 5, y + 4, f"{value:g}", "end"))
    parts.append(f'<text transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(panel.unit)}</text>')
    if panel.positions and isinstance(panel.positions[0], str):
        parts += _bars(panel, top)
    else:
        parts += _lines(panel, top)
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 24, panel.across, "middle"))
    for number, (name, _) in enumerate(panel.series if len(panel.series) > 1 else ()):
        x = LEFT + 110 * number
        parts.append(f'<rect x="{x}" y="{HEIGHT - 15}" width="9" height="9" fill="{COLORS[number % len(COLORS)]}"/>')
        parts.append(_text(x + 13, HEIGHT - 7, name))
    return "".join(parts)


def _bars(panel: Panel, top: float) -> list[str]:
    group = (WIDTH - LEFT - RIGHT) / len(panel.positions)
    bar = 0.7 * group / len(panel.series)
    parts = []
    for place, label in enumerate(panel.positions):
        for number, (_, values) in enumerate(panel.series):
            x, y = LEFT + group * (place + 0.15) + bar * number, _y(values[place], top)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLORS[number % len(COLORS)]}"/>'
            )
        for row, word in enumerate(str(label).split(" ")):
            parts.append(_text(LEFT + group * (place + 0.5), HEIGHT - BOTTOM + 12 + 11 * row, word, "middle", size=9))
    return parts


def _lines(panel: Panel, top: float) -> list[str]:
    positions = [float(position) for position in panel.positions]
    last = max(positions, default=1.0) or 1.0
    parts = [_text(LEFT + (WIDTH - LEFT - RIGHT) * share, HEIGHT - BOTTOM + 13, f"{last * share:.3g}", "middle") for share in (0, 0.5, 1)]
    for number, (_, values) in enumerate(panel.series):
        points = " ".join(
            f"{LEFT + (WIDTH - LEFT - RIGHT) * position / last:.1f},{_y(value, top):.1f}" for position, value in zip(positions, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[number % len(COLORS)]}" stroke-width="1.6"/>')
    return parts


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>' if text else ""


def _round_up(value: float) -> float:
    """To a number that four parts of can be read well."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value > 0:
        power /= 10
    return next((step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value), 10 * power)
