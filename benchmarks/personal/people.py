"""Names, addresses, dates of birth, places and ways of invented people."""

from datetime import datetime, timedelta
from random import Random

from benchmarks.personal.numbers import birth
from benchmarks.personal.vocabulary import Vocabulary


def name(rng: Random, own: Vocabulary) -> str:
    """A surname and one or two characters; seldom a compound surname or a name with ·."""
    kind = rng.random()
    if kind < 0.03:
        return rng.choice(own.minority)
    surname = rng.choice(own.compound) if kind < 0.09 else rng.choice(own.surnames)
    return surname + "".join(rng.choices(own.given, k=rng.choice((1, 2, 2, 2))))


def address(rng: Random, own: Vocabulary) -> str:
    """To the door: street and number, estate, building, unit, flat; or village and group."""
    kind = rng.random()
    if kind < 0.15:
        return _village(rng, own)
    province, city, district = rng.choice(own.districts)
    start = rng.choice(
        (province + city + district, province + city + district, (city or province) + district, district)
    )
    road = f"{rng.choice(own.roads)}{rng.randrange(1, 999)}号"
    if kind < 0.25:
        return f"{start}{rng.choice(own.roads)}{rng.randrange(10, 999)}弄{rng.randrange(1, 60)}号{_flat(rng)}室"
    if kind < 0.35:
        return f"{start}{road}{rng.choice(own.towers)}{rng.choice('ABC')}座{_flat(rng)}室"
    if kind < 0.6:
        return f"{start}{road}{rng.choice(own.estates)}{_door(rng)}"
    if kind < 0.8:
        return f"{start}{rng.choice(own.estates)}{_door(rng)}"
    return f"{start}{road}{rng.choice(('院', '', ''))}{_door(rng)}"


def _flat(rng: Random) -> str:
    return f"{rng.randrange(1, 30)}{rng.randrange(1, 7):02d}"


def _door(rng: Random) -> str:
    building, unit, flat = rng.randrange(1, 40), rng.randrange(1, 6), _flat(rng)
    forms = (
        f"{building}栋{unit}单元{flat}室", f"{building}号楼{unit}单元{flat}", f"{building}幢{flat}室", f"{building}号楼{flat}室", f"{building}栋{flat}",
    )  # fmt: skip
    return rng.choice(forms)


def _village(rng: Random, own: Vocabulary) -> str:
    province, city, county, town, village = rng.choice(own.countryside)
    start = rng.choice((province + city + county, province + county, county))
    return (
        start
        + town
        + village
        + rng.choice(
            (
                f"{rng.randrange(1, 15)}组",
                f"{rng.randrange(1, 15)}组{rng.randrange(1, 90)}号",
                f"{rng.randrange(1, 300)}号",
            )
        )
    )


def birth_date(rng: Random) -> str:
    day = birth(rng)
    forms = (
        f"{day.year}年{day.month}月{day.day}日", f"{day.year}年{day.month:02d}月{day.day:02d}日", f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}", f"{day:%Y%m%d}",
        f"{day.year}.{day.month}.{day.day}",
    )  # fmt: skip
    return rng.choice(forms)


def point(rng: Random) -> tuple[float, float]:
    """Latitude and longitude of a place in the east of China."""
    return rng.uniform(22.0, 42.0), rng.uniform(103.0, 122.0)


def coordinates(rng: Random) -> str:
    latitude, longitude = point(rng)
    forms = (
        f"{latitude:.6f},{longitude:.6f}", f"{longitude:.6f},{latitude:.6f}", f"{latitude:.5f}, {longitude:.5f}", f"{longitude:.5f}，{latitude:.5f}",
        f"北纬{latitude:.4f}°，东经{longitude:.4f}°", f"东经{longitude:.5f}°、北纬{latitude:.5f}°", f"N{latitude:.5f}, E{longitude:.5f}",
    )  # fmt: skip
    return rng.choice(forms)


def coordinates_json(rng: Random) -> str:
    latitude, longitude = point(rng)
    return rng.choice(
        (f'"lat": {latitude:.6f}, "lng": {longitude:.6f}', f'"longitude":{longitude:.6f},"latitude":{latitude:.6f}')
    )


def track(rng: Random, own: Vocabulary) -> str:
    """Where somebody was, and when: at least three points."""
    now = datetime(2024, rng.randrange(1, 12), rng.randrange(1, 28), rng.randrange(6, 12), rng.randrange(60))
    times = [now := now + timedelta(minutes=rng.randrange(7, 90)) for _ in range(rng.randrange(3, 6))]
    if rng.random() < 0.5:
        latitude, longitude = point(rng)
        rows = [
            f"{t:%Y-%m-%d %H:%M:%S},{longitude + rng.uniform(0, 0.05):.6f},{latitude + rng.uniform(0, 0.05):.6f}"
            for t in times
        ]
        return rng.choice(("\n", "; ")).join(rows)
    places = rng.sample(own.stops, len(times))
    verbs = rng.choices(("到", "抵达", "离开", "进入"), k=len(times))
    return rng.choice(("，", "；", " → ")).join(
        f"{t:%H:%M}{verb}{place}" for t, verb, place in zip(times, verbs, places, strict=True)
    )
