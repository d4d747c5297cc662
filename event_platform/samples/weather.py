"""Made-up weather in the shape of Tomorrow.io's v4 realtime response; it follows from the location and the minute alone."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from random import Random
from typing import Any

POINT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")


def realtime(location: str, moment: datetime) -> dict[str, Any]:
    """The answer for a place (a city's name, or `lat,lon` in degrees) at an aware moment, in metric units, as the API lays it out."""
    minute = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return {"data": {"time": minute.strftime("%Y-%m-%dT%H:%M:%SZ"), "values": _values(location, minute)}, "location": _location(location)}


def _values(location: str, minute: datetime) -> dict[str, float | None]:
    place, now = Random(location.casefold()), Random(f"{location.casefold()} {minute:%Y-%m-%dT%H:%M}")  # noqa: S311 - weather is no secret
    temperature = place.uniform(-5, 30) + 6 * math.sin((minute.hour - 9) * math.pi / 12) + now.gauss(0, 1)
    humidity, cloud_cover = now.randint(25, 100), now.randint(0, 100)
    wind_speed, pressure = now.expovariate(0.25), now.gauss(1013, 8)
    rain = now.expovariate(0.5) if cloud_cover > 70 and temperature > 1 else 0
    snow = now.expovariate(1) if cloud_cover > 70 and temperature <= 1 else 0
    cloud_base = now.uniform(0.2, 12) if cloud_cover > 10 else None
    values = {
        "altimeterSetting": pressure + now.gauss(0, 0.5),
        "cloudBase": cloud_base,
        "cloudCeiling": cloud_base if cloud_cover > 50 else None,
        "cloudCover": cloud_cover,
        "dewPoint": temperature - (100 - humidity) / 5,
        "freezingRainIntensity": 0,
        "humidity": humidity,
        "precipitationProbability": min(100, round(30 * (rain + snow))),
        "pressureSeaLevel": pressure,
        "pressureSurfaceLevel": pressure - place.uniform(0, 60),
        "rainIntensity": rain,
        "sleetIntensity": 0,
        "snowIntensity": snow,
        "temperature": temperature,
        "temperatureApparent": temperature - wind_speed / 3,
        "visibility": now.uniform(1, 16),
        "weatherCode": 5000 if snow else 4001 if rain else 1001 if cloud_cover > 60 else 1000,
        "windDirection": now.randint(0, 359),
        "windGust": wind_speed * now.uniform(1, 2),
        "windSpeed": wind_speed,
    }
    return {name: None if value is None else round(value, 2) for name, value in values.items()}


def _location(location: str) -> dict[str, Any]:
    if point := POINT.fullmatch(location):
        return {"lat": float(point[1]), "lon": float(point[2])}
    place = Random(location.casefold())  # noqa: S311 - nor are places
    return {"lat": round(place.uniform(-60, 70), 4), "lon": round(place.uniform(-180, 180), 4), "name": location, "type": "administrative"}
