"""When schedules run: durations, and crontabs as cron reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from contactfold.rhythms import Cron, Interval, read_duration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def times(cron: Cron, start: str, count: int) -> list[str]:
    now, found = micros(start), []
    for _ in range(count):
        now = cron.next_after(now)
        found.append((EPOCH + timedelta(microseconds=now)).strftime("%a %d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), (" 15m", 900), ("6H", 21_600), ("1 d", 86_400), ("366d", 31_622_400)]
)
def test_a_duration_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "15", "m", "-1m", "1.5h", "1w", "1h30m", "367d", "9" * 12 + "s", "\u0661m", "1m\n2s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        read_duration(text)
    with pytest.raises(ValueError, match=r"^must be 1s or more"):
        read_duration("0s", least=1)


def test_an_interval_begins_at_once_and_a_shorter_one_is_not_kept_waiting_by_a_longer() -> None:
    assert Interval(60).begin(1_000, None) == 1_000
    assert Interval(60).next_after(1_000) == 60_001_000
    assert Interval(60).begin(1_000, 90_000_000) == 60_001_000
    assert Interval(60).begin(1_000, 2_000) == 2_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * * *", ["Thu 01 03:00", "Fri 02 03:00", "Sat 03 03:00"]),
        ("*/20 4 * * *", ["Thu 01 04:00", "Thu 01 04:20", "Thu 01 04:40"]),
        ("0 0 * * 0", ["Sun 04 00:00", "Sun 11 00:00", "Sun 18 00:00"]),
        ("0 0 * * 7", ["Sun 04 00:00", "Sun 11 00:00", "Sun 18 00:00"]),
        ("0 0 * * 1-5", ["Fri 02 00:00", "Mon 05 00:00", "Tue 06 00:00"]),
        ("0 0 * * 5-7", ["Fri 02 00:00", "Sat 03 00:00", "Sun 04 00:00"]),
        ("0 0 * * MON,Wed", ["Mon 05 00:00", "Wed 07 00:00", "Mon 12 00:00"]),
        ("0 0 * * */3", ["Sat 03 00:00", "Sun 04 00:00", "Wed 07 00:00"]),
        ("0 0 15 * 5", ["Fri 02 00:00", "Fri 09 00:00", "Thu 15 00:00"]),
        ("@weekly", ["Sun 04 00:00", "Sun 11 00:00", "Sun 18 00:00"]),
        ("0 12 1 * *", ["Thu 01 12:00", "Sun 01 12:00", "Tue 01 12:00"]),
    ],
)
def test_a_crontab_means_what_cron_reads(text: str, expected: list[str]) -> None:
    """From Thursday, 1 October 2026."""
    assert times(Cron(text), "2026-10-01T02:00:00+00:00", 3) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0 3 * *",
            "0 3 * * * *",
            "60 * * * *",
            "* 24 * * *",
            "a b c d e",
            "0 0 31 2 *",
            "0 3 * * 8",
            "*/0 * * * *",
        ),
        *(
            "0 0 * * sat-mon",
            "0 0 * * x",
            "0 0 * * 1-",
            "@reboot",
            "0 0 * * */0",
            "0 0 0 * *",
            "1-0 * * * *",
            "é * * * *",
        ),
    ],
)
def test_what_is_no_crontab_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must have|is no|has a|names a) ") as refused:
        Cron(text)
    assert "\n" not in str(refused.value)


def test_a_night_in_spring_and_one_in_autumn_leave_no_run_out() -> None:
    oslo = Cron("30 2 * * *", "Europe/Oslo")
    assert times(oslo, "2027-03-27T00:00:00+00:00", 3) == ["Sat 27 01:30", "Sun 28 01:30", "Mon 29 00:30"]
    autumn = times(oslo, "2027-10-30T00:00:00+00:00", 4)
    assert (autumn[0], autumn[1], autumn[-1]) == ("Sat 30 00:30", "Sun 31 00:30", "Mon 01 01:30")
    assert times(Cron("0 3 * * *", "+02:00"), "2026-10-01T02:00:00+00:00", 1) == ["Fri 02 01:00"]
