"""Times as text: what a door writes is read back by a shorter way, which must know no other times than the long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.stamp import EARLIEST, LATEST, format_time, parse_time

LIKE_OURS = st.from_regex(r"[0-9W\-]{4}-[0-9W\-]{2}-[0-9\-]{2}T[0-9:\-]{8}\.[0-9,.+:\-Z]{6}Z", fullmatch=True)


@given(st.integers(EARLIEST, LATEST))
def test_a_time_that_was_written_is_read_back(moment: int) -> None:
    assert parse_time(format_time(moment)) == moment


@given(LIKE_OURS)
def test_what_is_as_long_as_a_written_time_means_what_it_means_with_its_zone_in_digits(text: str) -> None:
    """Such a text is longer, and so it is read the long way."""
    assert parse_time(text) == parse_time(f"{text[:-1]}+00:00")


@pytest.mark.parametrize(
    "text",
    [
        "2026-W01-1T00:00:00.000000Z",
        "2026-02-30T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T00:00:60.000000Z",
        "2026-01-01T00:00:00,000000Z",
        "２026-01-01T00:00:00.000000Z",  # noqa: RUF001 -- a digit of another script
        "2026-01-01T00:00:00.000000z ",
        "2026-01-01T00:00:00.0+0100Z",
        "2026-01-01T00:00:00.+01:00Z",
        "2026-01-01T00:00:00.00000ZZ",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None
