"""Scalar types of the spec: durations, sizes, dates; what they look like in YAML and in the CRD."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

DURATION_PATTERN = r"^([0-9]+(ms|s|m|h))+$"
SIZE_PATTERN = r"^[1-9][0-9]*(Mi|Gi|Ti)$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
HOST_PATTERN = r"^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$"
SERVERS_PATTERN = r"^[^\s,:]+:[0-9]{1,5}(,[^\s,:]+:[0-9]{1,5})*$"
URL_PATTERN = r"^https?://[^\s/]+(/\S*)?$"
SCHEDULE_PATTERN = r"^\S+( \S+){4}$"
VERSION_PATTERN = r"^[0-9]+\.[0-9]+\.[0-9]+$"
BUCKET_PATTERN = r"^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$"
PREFIX_PATTERN = r"^[-_.=A-Za-z0-9]+(/[-_.=A-Za-z0-9]+)*$"
REGION_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"

FORMS: Mapping[str, str] = {
    DURATION_PATTERN: "a number and ms, s, m or h, like 500ms, 5m or 1h30m",
    SIZE_PATTERN: "a whole number and Mi, Gi or Ti, like 512Mi or 2Gi",
    DATE_PATTERN: "year-month-day, like 2017-11-13",
    HOST_PATTERN: "a name or an IPv4 address without a port, like db.example or 10.0.0.7",
    SERVERS_PATTERN: "host:port, several with commas and no spaces, like kafka-1:9092,kafka-2:9092",
    URL_PATTERN: "an http or https address, like http://connect:8083",
    SCHEDULE_PATTERN: "minute, hour, day of month, month and day of week with single spaces, like 0 3 * * 6",
    VERSION_PATTERN: "three numbers with dots, like 4.3.1",
    BUCKET_PATTERN: "3 to 63 lower-case letters, digits, hyphens and dots, like shop-lake",
    PREFIX_PATTERN: "letters, digits, hyphens, dots and underscores, with single slashes between, like demo/lake",
    REGION_PATTERN: "lower-case letters and digits with hyphens, like eu-central-1",
    NAME_PATTERN: "lower-case letters, digits and hyphens, like demo or store-7",
}
"""What a string of each pattern looks like, for people."""

_SOME_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_MEBIBYTES = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


def parse_duration(value: object) -> timedelta:
    """Parse `500ms`, `5m`, `1h30m`; raises `ValueError` that says what is allowed."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        raise ValueError(f"{value!r} is not a duration; write {FORMS[DURATION_PATTERN]}")
    parts = re.findall(r"([0-9]+)(ms|s|m|h)", value)
    try:
        return timedelta(milliseconds=sum(int(number) * _MILLISECONDS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"{value!r} is longer than any time there is; write a smaller number") from None


def format_duration(value: timedelta) -> str:
    """The shortest form of a duration that `parse_duration` reads back, like `1h30m`."""
    rest = milliseconds(value)
    text = ""
    for unit in ("h", "m", "s", "ms"):
        count, rest = divmod(rest, _MILLISECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def milliseconds(value: timedelta) -> int:
    """A duration in whole milliseconds."""
    return value // timedelta(milliseconds=1)


def minutes(value: timedelta) -> int:
    """A duration in whole minutes."""
    return value // timedelta(minutes=1)


def hours(value: timedelta) -> int:
    """A duration in whole hours."""
    return value // timedelta(hours=1)


def _parse_size(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(SIZE_PATTERN, value):
        raise ValueError(f"{value!r} is not a size; write {FORMS[SIZE_PATTERN]}")
    return value


def quantity(mebibytes: int) -> str:
    """So many MiB as the API server writes them: `2Gi`, `1408Mi`."""
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"


def mebibytes(size: str) -> int:
    """A size such as `2Gi` in MiB."""
    return int(size[:-2]) * _MEBIBYTES[size[-2:]]


def _parse_date(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(DATE_PATTERN, value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a date: {error}; choose a day of the calendar") from None
    raise ValueError(f"{value!r} is not a date; write {FORMS[DATE_PATTERN]}")


def _possible(schedule: str) -> str:
    """Five cron fields that some moment fits."""
    try:
        next(CronSim(schedule, _SOME_MOMENT))
    except (CronSimError, StopIteration) as error:
        why = f"{error}, so it never comes" if str(error) else "it never comes"
        raise ValueError(f"{schedule!r} is no schedule: {why}; write {FORMS[SCHEDULE_PATTERN]}") from error
    return schedule


def _string(pattern: str) -> WithJsonSchema:
    # The API server estimates the cost of a rule on a string from the longest one possible.
    schema: dict[str, Any] = {"type": "string", "pattern": pattern, "maxLength": 32}
    return WithJsonSchema(schema)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    _string(DURATION_PATTERN),
]
"""A length of time: a number and `ms`, `s`, `m` or `h`, possibly several (`1h30m`)."""

Size = Annotated[str, BeforeValidator(_parse_size), _string(SIZE_PATTERN)]
"""Memory or storage in the notation of Kubernetes: `512Mi`, `2Gi`, `1Ti`."""

IsoDate = Annotated[
    date,
    BeforeValidator(_parse_date),
    PlainSerializer(date.isoformat, return_type=str, when_used="json"),
    _string(DATE_PATTERN),
]
"""A calendar day, `YYYY-MM-DD`."""

Schedule = Annotated[str, Field(pattern=SCHEDULE_PATTERN, max_length=100), AfterValidator(_possible)]
"""Five cron fields in UTC."""
