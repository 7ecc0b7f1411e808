"""Kept results as one picture, an SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.about import DIRECT, About
from benchmarks.kept import KeptCase
from benchmarks.samples import Result

_WIDTH = 860
_GAP = 24
_MARGIN = 20
_PANEL_WIDTH = (_WIDTH - 2 * _MARGIN - _GAP) // 2
_NAME_WIDTH = 104
_VALUE_WIDTH = 74
_BAR_WIDTH = _PANEL_WIDTH - _NAME_WIDTH - _VALUE_WIDTH
_BAR_HEIGHT = 14
_ROW_HEIGHT = 19
_TITLE_HEIGHT = 26
_PANEL_GAP = 18

_OWN_COLOUR = "#1f6feb"
_OTHER_COLOUR = "#b6bfc9"
_TEXT_COLOUR = "#24292f"
_FAINT_COLOUR = "#6e7781"

_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    ' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    '<rect width="100%" height="100%" fill="#ffffff"/>'
)


def draw(cases: Sequence[KeptCase]) -> str:
    """Bars for each case, two cases side by side.

    What has no proxy in it is left out: it says how good the rig is, not a proxy.
    """
    panels = [
        (case.about, [result for result in case.results if result.peer != DIRECT])
        for case in cases
    ]
    parts: list[str] = []
    top = _MARGIN
    for left, right in zip(panels[::2], [*panels[1::2], None], strict=False):
        pair = [left] if right is None else [left, right]
        for column, (about, results) in enumerate(pair):
            x = _MARGIN + column * (_PANEL_WIDTH + _GAP)
            parts.extend(_panel(x, top, about, results))
        rows = max(len(results) for _, results in pair)
        top += _TITLE_HEIGHT + rows * _ROW_HEIGHT + _PANEL_GAP
    head = _HEAD.format(width=_WIDTH, height=top)
    return "\n".join((head, *parts, "</svg>", ""))


def _panel(x: int, y: int, about: About, results: Sequence[Result]) -> Iterator[str]:
    unit = f"{about.unit}, less is better" if about.less_is_better else about.unit
    yield _text(x, y + 12, about.title, weight="bold")
    yield _text(x + _PANEL_WIDTH, y + 12, unit, anchor="end", colour=_FAINT_COLOUR)
    most = max((result.value for result in results), default=0)
    for row, result in enumerate(results):
        top = y + _TITLE_HEIGHT + row * _ROW_HEIGHT
        own = result.peer.startswith("router")
        length = _BAR_WIDTH * max(0.0, result.value) / most if most > 0 else 0
        yield _text(x, top + 11, result.peer, weight="bold" if own else "normal")
        yield (
            f'<rect x="{x + _NAME_WIDTH}" y="{top}" width="{length:.1f}"'
            f' height="{_BAR_HEIGHT}" rx="2"'
            f' fill="{_OWN_COLOUR if own else _OTHER_COLOUR}"/>'
        )
        shown = f"{result.value:,.0f}" if result.value >= 100 else f"{result.value:.2f}"
        yield _text(
            round(x + _NAME_WIDTH + length + 6),
            top + 11,
            f"{shown} (errors)" if result.errors else shown,
        )


def _text(
    x: int,
    y: int,
    text: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = _TEXT_COLOUR,
) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="{colour}">{escape(text)}</text>'
    )
