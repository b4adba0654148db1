"""Drawings in a page: SVG as text, made of numbers only."""

from album.people.biography import Curve
from album.people.people import Person

WIDTH, HEIGHT, FLOOR = 640, 150, 118
EDGE = 22
"""Room that half a year's number needs."""


def birth_chart(curve: Curve, person: Person) -> dict[str, object]:
    """Return what `album/web/templates/birth_chart.html` draws, in its units.

    The curve is the density of what single faces say, the band is the interval of the fused
    estimate, the line its middle; ticks are years.
    """
    first, last = float(curve.years[0]), float(curve.years[-1])
    if person.born_low is not None and person.born_high is not None:
        first, last = min(first, person.born_low - 1), max(last, person.born_high + 1)
    span = max(last - first, 1.0)

    def x(year: float) -> float:
        return round((year - first) / span * WIDTH, 1)

    points = " ".join(
        f"{x(float(year))},{FLOOR - float(density) * 100:.1f}"
        for year, density in zip(curve.years, curve.density, strict=True)
    )
    ends = x(float(curve.years[0])), x(float(curve.years[-1]))
    step = next(step for step in (1, 2, 5, 10, 20) if span / step <= 9 or step == 20)
    ticks = range(-(-int(first) // step) * step, int(last) + 1, step)
    dots = sorted({x(float(year)) for year in curve.estimates if first <= year <= last})
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "floor": FLOOR,
        "points": f"{ends[0]},{FLOOR} {points} {ends[1]},{FLOOR}",
        "band": None
        if person.born_low is None or person.born_high is None
        else (x(person.born_low), round(x(person.born_high) - x(person.born_low), 1)),
        "middle": None if person.born is None else x(person.born),
        "ticks": [(x(year + 0.0), year) for year in ticks if EDGE <= x(year + 0.0) <= WIDTH - EDGE],
        "dots": dots[:: max(1, len(dots) // 300)],
    }
