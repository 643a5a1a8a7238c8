"""The calibration plot, as SVG: of scores between two bounds, what share was right."""

from collections.abc import Sequence

from models.evaluation import Bin

_SIZE, _EDGE = 360, 48  # pixels: of the square, and around it


def calibration_plot(bins: Sequence[Bin], title: str) -> str:
    """Bins as points, larger where there are more scores, beside the line of perfect calibration."""
    whole = _SIZE + 2 * _EDGE
    most = max((found.scores for found in bins), default=1)
    points = [(found, *_place(found.mean, found.right)) for found in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 7 * (found.scores / most) ** 0.5:.1f}" fill="#1f6f8b" fill-opacity="0.75">'
        f"<title>{found.low:.1f}–{found.high:.1f}: {found.scores:,} scores, mean {found.mean:.3f}, right {found.right:.3f}</title>"
        "</circle>"
        for found, x, y in points
    ]
    grid = []
    for tenth in range(0, 11, 2):
        x, y = _place(tenth / 10, tenth / 10)
        grid += [
            f'<line x1="{x:.1f}" y1="{_EDGE}" x2="{x:.1f}" y2="{_EDGE + _SIZE}" stroke="#ddd"/>',
            f'<line x1="{_EDGE}" y1="{y:.1f}" x2="{_EDGE + _SIZE}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{x:.1f}" y="{_EDGE + _SIZE + 16}" text-anchor="middle">{tenth / 10:.1f}</text>',
            f'<text x="{_EDGE - 6}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>',
        ]
    corners = (*_place(0, 0), *_place(1, 1))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" width="{whole}" height="{whole}"'
            ' font-family="sans-serif" font-size="12" fill="#333">',
            f'<rect width="{whole}" height="{whole}" fill="#fff"/>',
            f'<text x="{_EDGE}" y="{_EDGE - 18}" font-size="14">{_escaped(title)}</text>',
            *grid,
            '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#999" stroke-dasharray="5 4"/>'.format(
                *corners
            ),
            f'<polyline points="{line}" fill="none" stroke="#1f6f8b" stroke-width="1.5"/>',
            *marks,
            f'<text x="{whole / 2}" y="{whole - 10}" text-anchor="middle">分数 / mean score</text>',
            f'<text x="14" y="{whole / 2}" text-anchor="middle" transform="rotate(-90 14 {whole / 2})">'
            "正确比例 / share that was right</text>",
            "</svg>",
        ]
    )


def _place(x: float, y: float) -> tuple[float, float]:
    return _EDGE + x * _SIZE, _EDGE + (1 - y) * _SIZE


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
