"""Times as other systems write them, and what is no time."""

from datetime import tzinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contactfold.domain.normalise import Refused
from contactfold.domain.stamp import EARLIEST, LATEST, format_time
from contactfold.zones import find_zone
from contactfold_ingest.mapping.times import read_moment, write_day, write_moment

BERLIN = find_zone("Europe/Berlin")
NEW_YORK = find_zone("America/New_York")

WITH_A_ZONE: list[tuple[object, str]] = [
    # seconds, milliseconds and microseconds since 1970; as numbers, fractions and text
    (1_700_000_000, "2023-11-14T22:13:20.000000Z"),
    (1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
    (1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),
    (1_700_000_000_123.5, "2023-11-14T22:13:20.123500Z"),
    (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
    ("1700000000", "2023-11-14T22:13:20.000000Z"),
    (" 1700000000 ", "2023-11-14T22:13:20.000000Z"),
    ("1700000000.000005", "2023-11-14T22:13:20.000005Z"),
    ("1700000000123", "2023-11-14T22:13:20.123000Z"),
    ("1700000000123456", "2023-11-14T22:13:20.123456Z"),
    (100_000_000, "1973-03-03T09:46:40.000000Z"),
    (99_999_999_999, "5138-11-16T09:46:39.000000Z"),
    (100_000_000_000, "1973-03-03T09:46:40.000000Z"),
    # RFC 3339
    ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14t22:13:20z", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14 17:13:20.5-05:00", "2023-11-14T22:13:20.500000Z"),
    ("2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20.123456Z"),
    # other ISO 8601
    ("2023-11-14T22:13:20.000+0000", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14T22:13:20,5Z", "2023-11-14T22:13:20.500000Z"),
    ("2023-11-14T22:13Z", "2023-11-14T22:13:00.000000Z"),
    ("20231114T221320Z", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14 22:13:20+00", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14 22:13:20.7 UTC", "2023-11-14T22:13:20.700000Z"),
    ("2023-11-15 03:43:20 +0530", "2023-11-14T22:13:20.000000Z"),
    ("2023-11-14T22:13:20 GMT", "2023-11-14T22:13:20.000000Z"),
    ("2025-7-1T1:02:03Z", "2025-07-01T01:02:03.000000Z"),
    ("2025-07-1 1:02+02", "2025-06-30T23:02:00.000000Z"),
    # mail (RFC 5322) and HTTP (RFC 9110)
    ("Tue, 14 Nov 2023 22:13:20 +0000", "2023-11-14T22:13:20.000000Z"),
    ("Tue, 14 Nov 2023 17:13:20 -0500 (EST)", "2023-11-14T22:13:20.000000Z"),
    ("14 Nov 2023 17:13 EST", "2023-11-14T22:13:00.000000Z"),
    ("Tue, 14 Nov 2023 22:13:20 GMT", "2023-11-14T22:13:20.000000Z"),
    ("Tue, 14 Nov 2023 22:13:20 -0000", "2023-11-14T22:13:20.000000Z"),
    ("Tuesday, 14-Nov-23 22:13:20 GMT", "2023-11-14T22:13:20.000000Z"),
    ("1 Sep 99 2:03:04 pdt", "1999-09-01T09:03:04.000000Z"),
]

WITHOUT_A_ZONE = [
    "2023-11-14T23:13:20",
    "2023-11-14 23:13:20",
    "20231114T231320",
    "Tue, 14 Nov 2023 23:13:20",
    "14 Nov 2023 23:13:20",
]

NO_TIMES: list[object] = [
    "yesterday",
    "",
    " ",
    True,
    [1_700_000_000],
    {"seconds": 1},
    0,
    -1_700_000_000,
    20_231_114,
    "20231114",
    10**17,
    "9" * 19,
    1e300,
    float("nan"),
    float("inf"),
    "1e9",
    "1_700_000_000",
    "١٧٠٠٠٠٠٠٠٠",  # noqa: RUF001  (digits of another script)
    "14/11/2023 22:13:20Z",
    "2023-02-30T00:00:00Z",
    "2023-11-14T25:00:00Z",
    "2023-11-14T1",
    "2023-11-14T1200:30Z",
    "2023-1114T12:00:00Z",
    "2023-11-14T22:13:20+99:00",
    "Tue, 14 Foo 2023 22:13:20 GMT",
    "Tue, 31 Feb 2023 22:13:20 GMT",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2023-11-14T22:13:20Z" + "0" * 100_000,
    "2023-11-14" + " " * 100_000 + "x",
    "Tue," + " " * 100_000 + "14 Nov",
]


@pytest.mark.parametrize(("raw", "expected"), WITH_A_ZONE, ids=repr)
@pytest.mark.parametrize("zone", [None, BERLIN], ids=["no zone", "a zone"])
def test_a_time_is_read_whatever_the_zone_of_the_source(raw: object, expected: str, zone: tzinfo | None) -> None:
    assert format_time(read_moment(raw, zone)) == expected


@pytest.mark.parametrize("raw", WITHOUT_A_ZONE)
def test_a_time_without_a_zone_is_refused_unless_the_source_has_one(raw: str) -> None:
    assert format_time(read_moment(raw, BERLIN)) == "2023-11-14T22:13:20.000000Z"
    with pytest.raises(Refused, match=r"names no zone that is known.*`timezone`"):
        read_moment(raw, None)


@pytest.mark.parametrize("raw", ["Tue, 14 Nov 2023 22:13:20 CET", "14 Nov 2023 22:13:20 IST"])
def test_an_abbreviation_that_stands_for_several_zones_is_none(raw: str) -> None:
    with pytest.raises(Refused, match="names no zone that is known"):
        read_moment(raw, BERLIN)


def test_a_day_alone_is_its_midnight_in_the_zone_of_the_source() -> None:
    assert format_time(read_moment("2023-11-14", BERLIN)) == "2023-11-13T23:00:00.000000Z"
    with pytest.raises(Refused):
        read_moment("2023-11-14", None)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2026-07-01T12:00:00", "2026-07-01T16:00:00.000000Z"),
        ("2026-12-01T12:00:00", "2026-12-01T17:00:00.000000Z"),
        ("2026-11-01T01:30:00", "2026-11-01T05:30:00.000000Z"),  # shown twice: the first
        ("2026-03-08T02:30:00", "2026-03-08T07:30:00.000000Z"),  # never shown: by the time before
    ],
)
def test_a_clock_that_is_put_forward_and_back_has_one_meaning(wall: str, expected: str) -> None:
    assert format_time(read_moment(wall, NEW_YORK)) == expected


@pytest.mark.parametrize("raw", NO_TIMES, ids=lambda raw: repr(raw)[:40])
def test_what_is_no_time_is_refused_with_a_sentence_that_repeats_nothing(raw: object) -> None:
    with pytest.raises(Refused) as refused:
        read_moment(raw, BERLIN)
    assert refused.value.code == "invalid_time"
    assert str(refused.value).endswith(".")
    assert not isinstance(raw, str) or len(raw) < 4 or raw not in str(refused.value)


@given(
    st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.from_regex(r"[0-9T:+ .Z-]{4,40}", fullmatch=True))
)
@example("2023-11-14T22:13:20+24:00")
@example("0000-01-01T00:00:00Z")
@example("2023-11-14T22:60Z")
def test_whatever_is_sent_is_a_time_that_can_be_written_or_is_refused(raw: object) -> None:
    try:
        moment = read_moment(raw, BERLIN)
    except Refused:
        return
    assert EARLIEST <= moment <= LATEST


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("1979-04-02T00:00:00Z", "1979-04-02"),
        ("1979-04-02T00:00:00+14:00", "1979-04-02"),
        ("1979-04-02 23:59", "1979-04-02"),
        ("1979-04-02", "1979-04-02"),
        ("1979-4-2", "1979-04-02"),
        ("1979-4-2T0:00:00Z", "1979-04-02"),
        ("19790402T000000Z", "1979-04-02"),
        ("19790402", "19790402"),
        ("2.4.1979", "2.4.1979"),
        (["1979-04-02T00:00:00Z"], ["1979-04-02"]),
        (291_859_200, 291_859_200),
        (None, None),
    ],
)
def test_the_day_of_a_time_is_the_one_that_is_written(raw: object, day: object) -> None:
    assert write_day(raw) == day


def test_what_is_no_time_stays_for_the_attribute_to_refuse() -> None:
    assert write_moment(["2023-11-14T22:13:20", 5], BERLIN) == ["2023-11-14T21:13:20.000000Z", 5]
    assert write_moment("2023-11-14T22:13:20", None) == "2023-11-14T22:13:20"
