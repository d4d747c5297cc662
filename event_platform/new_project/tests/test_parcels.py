"""What becomes of the sample of parcels: each test has an empty lake of its own."""

from collections.abc import Callable
from pathlib import Path

from event_platform.testing import Pipeline

SAMPLE = Path(__file__).parent.parent / "samples" / "parcels.json"


def test_the_latest_version_of_a_scan_is_kept_and_what_breaks_the_contract_is_told(pipeline_of: Callable[[str], Pipeline]) -> None:
    parcels = pipeline_of("parcels")
    parcels.land(SAMPLE)
    parcels.run_well()

    assert parcels.sql("SELECT scan_id, status, mass_grams, signed_by FROM trusted.parcels ORDER BY scan_id") == [
        ("s1", "received", 1200, None),
        ("s2", "sent", None, None),
        ("s3", "delivered", None, "Ada L."),
    ]
    reasons = parcels.reasons()["parcels.json"]
    assert reasons[0] == (5, "weighs nothing")
    assert reasons[1][0] == 6
    assert parcels.status().balanced  # each line is in one place


def test_landing_a_file_twice_changes_nothing(pipeline_of: Callable[[str], Pipeline]) -> None:
    parcels = pipeline_of("parcels")
    for _ in range(2):
        parcels.land(SAMPLE)
        parcels.run_well()
    assert parcels.status().total.staged == 4
