"""Present weather at each polled place, one realtime answer of Tomorrow.io's API (version 4, metric units) a file.

Units are those of Tomorrow.io's list of core data layers, metric column. The file's name tells the place: `weather-<place>-<YYYYMMDDTHHMMSSZ>.json`.
"""

from event_platform.sources.contract import Column, Rule, Source
from event_platform.sources.formats import JsonDocument

PLACE = r"regexp_extract(file_name, '^weather-(.+)-\d{8}T\d{6}Z(?:~\d+)?\.json', 1)"
"""The place in a file's name; '' for a name of another shape, which sends the record to quarantine."""

EVENT_ID = f"{PLACE} || '@' || strftime(timezone('UTC', observed_at), '%Y-%m-%dT%H:%M:%SZ')"


def _value(name: str, field: str, meaning: str) -> Column:
    return Column(name, "double", meaning, field=f"data.values.{field}")


SOURCE = Source(
    name="weather",
    title="Weather observations",
    owner="team:weather",
    event_id="event_id",
    timestamp="observed_at",
    kind=("place",),
    format=JsonDocument(),
    columns=(
        Column("event_id", "string", "Place and time of the observation; the same in every answer that tells it", nullable=False, sql=EVENT_ID),
        Column("place", "string", "Short name of the place as the poll is configured, from the file's name", nullable=False, sql=PLACE),
        Column("observed_at", "timestamp", "The time the values are for (UTC)", nullable=False, field="data.time"),
        _value("temperature_celsius", "temperature", "Air temperature 2 m above ground, °C"),
        _value("temperature_apparent_celsius", "temperatureApparent", "Temperature as people feel it, from heat, humidity and wind, °C"),
        _value("dew_point_celsius", "dewPoint", "Temperature at which the air would be saturated, °C"),
        _value("humidity_percent", "humidity", "Relative humidity, 0 to 100"),
        _value("wind_speed_m_per_s", "windSpeed", "Sustained wind 10 m above ground, m/s"),
        _value("wind_gust_m_per_s", "windGust", "Strongest short burst of wind 10 m above ground, m/s"),
        _value("wind_direction_degrees", "windDirection", "Where the wind comes from, degrees clockwise from north"),
        _value("precipitation_probability_percent", "precipitationProbability", "Chance of any precipitation, 0 to 100"),
        _value("rain_intensity_mm_per_h", "rainIntensity", "Rain, mm/h"),
        _value("freezing_rain_intensity_mm_per_h", "freezingRainIntensity", "Freezing rain, mm/h"),
        _value("snow_intensity_mm_per_h", "snowIntensity", "Snow as water, mm/h"),
        _value("sleet_intensity_mm_per_h", "sleetIntensity", "Sleet as water, mm/h"),
        _value("pressure_surface_hpa", "pressureSurfaceLevel", "Air pressure at the ground, hPa"),
        _value("pressure_sea_level_hpa", "pressureSeaLevel", "Air pressure reduced to sea level, hPa"),
        _value("altimeter_setting_hpa", "altimeterSetting", "Pressure to which an altimeter is set to show the height above sea level, hPa"),
        _value("cloud_cover_percent", "cloudCover", "Share of the sky under clouds, 0 to 100"),
        _value("cloud_base_km", "cloudBase", "Lowest height with clouds, km above ground; null under a clear sky"),
        _value("cloud_ceiling_km", "cloudCeiling", "Lowest height at which clouds cover most of the sky, km above ground; null when there is none"),
        _value("visibility_km", "visibility", "How far one can see, km"),
        _value("uv_index", "uvIndex", "Strength of the ultraviolet light, from 0"),
        Column("weather_code", "long", "Tomorrow.io's number for the kind of weather: 1000 clear, 4001 rain, …", field="data.values.weatherCode"),
        Column("latitude_degrees", "double", "Latitude the answer is for, degrees north", field="location.lat"),
        Column("longitude_degrees", "double", "Longitude the answer is for, degrees east", field="location.lon"),
        Column("location_name", "string", "Tomorrow.io's name of the location; null when it was asked for by coordinates", field="location.name"),
    ),
    rules=(
        Rule("colder than absolute zero", "temperature_celsius < -273.15"),
        Rule("a wind speed below zero", "least(wind_speed_m_per_s, wind_gust_m_per_s) < 0"),
    ),
    fresh_within_hours=6,
)
