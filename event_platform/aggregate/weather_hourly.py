"""One row per place and hour in which the weather was observed."""

from event_platform.aggregate.daily import Aggregate
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column
from event_platform.sources.weather import SOURCE

MEASURES = {
    Column("events", "long", "Number of observations", nullable=False): "count(*)",
    Column("temperature_min_celsius", "double", "Lowest temperature observed, °C"): "min(temperature_celsius)",
    Column("temperature_mean_celsius", "double", "Mean of the temperatures observed, °C"): "avg(temperature_celsius)",
    Column("temperature_max_celsius", "double", "Highest temperature observed, °C"): "max(temperature_celsius)",
    Column("humidity_mean_percent", "double", "Mean relative humidity, 0 to 100"): "avg(humidity_percent)",
    Column("pressure_sea_level_mean_hpa", "double", "Mean air pressure reduced to sea level, hPa"): "avg(pressure_sea_level_hpa)",
    Column("wind_speed_mean_m_per_s", "double", "Mean wind speed, m/s"): "avg(wind_speed_m_per_s)",
    Column("wind_speed_max_m_per_s", "double", "Highest wind speed observed, m/s"): "max(wind_speed_m_per_s)",
    Column("wind_gust_max_m_per_s", "double", "Strongest gust observed, m/s"): "max(wind_gust_m_per_s)",
    Column("rain_intensity_max_mm_per_h", "double", "Heaviest rain observed, mm/h"): "max(rain_intensity_mm_per_h)",
    Column("precipitation_probability_max_percent", "double", "Highest chance of precipitation, 0 to 100"): "max(precipitation_probability_percent)",
    Column("visibility_min_km", "double", "Shortest sight, km"): "min(visibility_km)",
}
"""What is said of the observations of an hour, and of a day likewise: column and SQL over rows of trusted.weather."""

MEASURES_SQL = ", ".join(f"{sql} AS {column.name}" for column, sql in MEASURES.items())
RAIN_SQL = "avg(rain_intensity_mm_per_h)"
"""mm in an hour, as if the mean of the intensities observed had lasted through it."""

TABLE = Table(
    "aggregate",
    "weather_hourly",
    "One row per place and UTC hour with at least one observation.",
    (
        Column("event_date", "date", "UTC day of the observations", nullable=False),
        Column("place", "string", "Short name of the place", nullable=False),
        Column("hour_start_at", "timestamp", "Begin of the hour (UTC); the hour is half open", nullable=False),
        *MEASURES,
        Column("rain_estimate_mm", "double", "Rain, as if the mean of the intensities observed had lasted the whole hour, mm"),
    ),
    stored_by=("event_date",),
)

QUERY = f"""
    SELECT event_date, place, date_trunc('hour', observed_at) AS hour_start_at, {MEASURES_SQL}, {RAIN_SQL} AS rain_estimate_mm
    FROM trusted
    GROUP BY event_date, place, hour_start_at
"""

AGGREGATE = Aggregate(SOURCE, TABLE, QUERY)
