"""Amounts no bank has: the day is told all the same."""

from pathlib import Path

from event_platform_tests.pipeline import Pipeline, line


def test_amounts_of_any_size_leave_the_day_with_an_answer(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    amounts: dict[str, list[object]] = {
        "PLAIN": [1.25, "2.50", None],
        "GREAT": [1e14, "92233720368547758.07"],
        "BEYOND": [1, 1e17, 1e35, 1e300, -1e30],
        "NONE": ["NaN", 10**40],
    }
    pipeline.drop(
        "a.json",
        [
            line(f"{kind}{number}", domain="transaction", data={"type": kind, "amount": amount})
            for kind, of_kind in amounts.items()
            for number, amount in enumerate(of_kind)
        ],
    )
    pipeline.run_well()
    assert pipeline.sql("SELECT transaction_type, events, amount_minor, largest_amount_minor FROM aggregate.payments_daily ORDER BY 1") == [
        ("BEYOND", 5, 100, 100),
        ("GREAT", 2, None, 2**63 - 1),
        ("NONE", 2, None, None),
        ("PLAIN", 3, 375, 250),
    ]
