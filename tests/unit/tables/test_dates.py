"""Days and times as people and spreadsheets write them."""

import calendar
import contextlib
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.tables.dates import Ambiguous, compile_format, read_time


def at(
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
    microsecond: int = 0,
    *,
    zone: tzinfo | None = None,
) -> datetime:
    return datetime(year, month, day, hour, minute, second, microsecond, zone)


@pytest.mark.parametrize(
    "text",
    [
        "1990-05-17", "1990/05/17", "1990.5.17", "19900517", "17.05.1990", "17.5.1990", "17/05/1990", "05/17/1990",
        "17-05-1990", "17 May 1990", "17-May-1990", "17. Mai 1990", "May 17, 1990", "may 17 1990", "Thu, 17 May 1990",
        "Thursday, May 17th, 1990", "17 mai 1990", "17 mayo 1990", "1990-05-17T09:30", "17.05.1990 09:30:00",
        "05/17/1990 9:30 AM", "1990-05-17 09:30:00.123456789+02:00", "17 May 1990 09:30 GMT",
    ],
)  # fmt: skip
def test_a_day_that_has_one_meaning_is_read_without_a_format(text: str) -> None:
    found = read_time(text, None)
    assert found is not None
    assert found.date() == date(1990, 5, 17)


@pytest.mark.parametrize("text", ["03/04/2026", "3-4-2026", "03/04/2026 09:30"])
def test_a_day_that_has_two_meanings_is_not_guessed(text: str) -> None:
    with pytest.raises(Ambiguous):
        read_time(text, None)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "05/17", "17.05.90", "2026-02-30", "31/13/2026", "2026-01-01 25:00", "--05-17", "45981", "1 Foo 2026",
     "1 Jui 2026", "2026-01/02", "13:00", "1990-05-17 13:00 PM", "٣/٤/٢٠٢٦", "0000-00-00", "2026-01-01 00:00+99:99"],
)  # fmt: skip
def test_what_is_no_day_is_none(text: str) -> None:
    assert read_time(text, None) is None


def test_a_long_text_is_no_day_and_costs_nothing() -> None:
    assert read_time("a" * 130_000, compile_format("MMMdddYYYYDD")) is None


@pytest.mark.parametrize(
    ("form", "text", "wanted"),
    [
        ("DD/MM/YYYY", "03/04/2026", at(2026, 4, 3)),
        ("MM/DD/YYYY", "03/04/2026", at(2026, 3, 4)),
        ("%m/%d/%Y", "3/4/2026", at(2026, 3, 4)),
        ("dd.mm.yyyy hh:mm", "03.04.2026 21:05", at(2026, 4, 3, 21, 5)),
        ("YYYY-MM-DD HH:MM:SS", "2026-04-03 21:05:09", at(2026, 4, 3, 21, 5, 9)),
        ("M/D/YY h:mm A", "4/3/26 9:05 pm", at(2026, 4, 3, 21, 5)),
        ("M/D/YY h:mm AM", "4/3/99 12:05 AM", at(1999, 4, 3, 0, 5)),
        ("%d %b %Y", "3 Apr 2026", at(2026, 4, 3)),
        ("YYYYMMDDTHHmmZ", "20260403T2105+02:00", at(2026, 4, 3, 21, 5, zone=timezone(timedelta(hours=2)))),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-04-03T21:05:09.5Z", at(2026, 4, 3, 21, 5, 9, 500_000, zone=UTC)),
        ("DD/MM/YYYY", "2026-04-03 00:00:00", at(2026, 4, 3)),
    ],
)  # fmt: skip
def test_a_format_says_what_is_what_and_iso_is_read_beside_it(form: str, text: str, wanted: datetime) -> None:
    assert read_time(text, compile_format(form)) == wanted


def test_what_is_not_of_the_format_is_none() -> None:
    form = compile_format("DD/MM/YYYY")
    assert [read_time(text, form) for text in ("17.05.1990", "05/17/1990", "May 17, 1990", "03/04/2026x")] == [None] * 4


@given(st.dates(), st.sampled_from(["DD/MM/YYYY", "MM-DD-YYYY", "YYYYMMDD", "%d.%m.%Y", "D MMMM YYYY"]))
def test_whatever_a_format_writes_it_reads(day: date, form: str) -> None:
    months = list(calendar.month_name)
    text = form
    for token, value in (
        ("MMMM", months[day.month]), ("YYYY", f"{day.year:04}"), ("%Y", f"{day.year:04}"), ("DD", f"{day.day:02}"),
        ("%d", f"{day.day:02}"), ("%m", f"{day.month:02}"), ("MM", f"{day.month:02}"), ("D ", f"{day.day} "),
    ):  # fmt: skip
        text = text.replace(token, value)
    found = read_time(text, compile_format(form))
    assert found is not None
    assert found.date() == day


@given(st.text(max_size=40))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    try:
        read_time(text, None)
    except Ambiguous:
        assert text.count("/") == 2 or text.count("-") >= 2


@given(st.text(alphabet="YMDHhmsSAaTZf%dbypz/.-: 0", max_size=20), st.text(max_size=20))
def test_no_format_makes_the_reader_fail(form: str, text: str) -> None:
    with contextlib.suppress(ValueError):
        read_time(text, compile_format(form))
