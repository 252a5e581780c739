"""Durations, sizes and dates as they stand in YAML."""

from datetime import timedelta

import pytest

from smartstore_operator.api.scalars import format_duration, mebibytes, milliseconds, parse_duration


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [("500ms", 500), ("0s", 0), ("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("1s250ms", 1_250)],
)
def test_a_duration_is_read(text: str, expected_ms: int) -> None:
    assert milliseconds(parse_duration(text)) == expected_ms


@pytest.mark.parametrize("text", ["", "5", "5min", "-5m", "1.5h", "5 m", "m", "5m\n", "1d", 5, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number and ms, s, m or h"):
        parse_duration(text)


def test_a_duration_that_no_clock_can_count_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than any time there is; write a smaller number"):
        parse_duration("9" * 30 + "h")


@pytest.mark.parametrize("text", ["0s", "500ms", "5m", "1h", "1h30m", "25h", "1m1s1ms"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_duration_is_written_in_its_shortest_form() -> None:
    assert format_duration(timedelta(seconds=5400)) == "1h30m"


@pytest.mark.parametrize(("size", "expected"), [("512Mi", 512), ("2Gi", 2048), ("1Ti", 1024 * 1024)])
def test_a_size_in_mebibytes(size: str, expected: int) -> None:
    assert mebibytes(size) == expected
