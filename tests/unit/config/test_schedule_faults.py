"""Every fault of a schedule is told at the start, with its place, and without its secrets."""

from typing import Any

import pytest

from contactfold.config import Misconfigured, check_config

SOME = {"from": "./outbox", "every": "15m"}
SFTP = {"url": "sftp://exports@files.example.com/outbox", "password": "sesame", "host_key": "SHA256:" + "a" * 43}

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown setting": ({"evry": "1m"}, "crm.evry: no such setting; did you mean every?"),
    "an unknown setting of a place": (
        {"from": {**SFTP, "pasword": "open"}},
        "crm.from.pasword: no such setting; did you mean password?",
    ),
    "no time": ({"every": None}, "crm.every: must be given, such as 15m, or else `cron`"),
    "two times": ({"cron": "0 3 * * *"}, "crm.cron: says when beside `every`; leave one of them out"),
    "a zone of nothing": ({"timezone": "Europe/Oslo"}, "crm.timezone: is the zone of `cron`; `every` has none"),
    "a number": ({"every": 15}, "crm.every: must be a number and its unit, such as 90s, 15m, 6h or 1d"),
    "no time between": ({"every": "0s"}, "crm.every: must be 1s or more, and 366d at the most"),
    "no crontab": (
        {"every": None, "cron": "0 3 * *"},
        "crm.cron: must have five fields, such as `0 3 * * *`: minute, hour, day, month, day of the week",
    ),
    "no zone": (
        {"every": None, "cron": "0 3 * * *", "timezone": "Europe/Olso"},
        "crm.timezone: 'Europe/Olso' is no time zone such as Europe/Berlin, UTC or +02:00; did you mean Europe/Oslo?",
    ),
    "no such end": ({"after": "move"}, "crm.after: must be keep, archive or delete, not 'move'"),
    "a file moved over HTTPS": (
        {"from": "https://example.com/a.csv", "after": "delete"},
        "crm.after: must be keep, for nothing is moved or removed over HTTPS",
    ),
    "an archive without an end": (
        {"archive_folder": "old"},
        "crm.archive_folder: says where files go with `after: archive`; leave it out, or say that",
    ),
    "an archive elsewhere": (
        {"after": "archive", "archive_folder": "../done"},
        "crm.archive_folder: must be a folder's name, such as done, within the one that files are fetched from",
    ),
    "an empty pattern": ({"pattern": " "}, "crm.pattern: must not be empty: write `*.csv`, or `*` for every file"),
    "an option that is none": (
        {"options": {"acton": "update"}},
        "crm.options.acton: There is no option 'acton'; did you mean action?; they are ",
    ),
    "an attribute that is none": (
        {"options": {"mapping": {"Mail": "emial"}}},
        "crm.options.mapping.Mail: The option `mapping` maps the column 'Mail' to no such attribute",
    ),
    "a secret that is no text": (
        {"from": {**SFTP, "password": 12345}},
        "crm.from.password: must be text; put it in quotes",
    ),
    "a secret in the wrong place": (
        {"from": {**SFTP, "headers": "Bearer sesame"}},
        "crm.from.headers: must be a mapping",
    ),
    "no host key": (
        {"from": {"url": SFTP["url"], "password": "sesame"}},
        "crm.from.host_key: must be given, so that no other server is taken for this one: ",
    ),
    "no place": ({"from": None}, "crm.from: must be a folder or a url, or have a `url`; put it in quotes"),
}


@pytest.mark.parametrize(("settings", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_place_and_without_a_secret(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        check_config({"schedules": {"crm": {**SOME, **settings}}})
    (fault,) = refused.value.faults
    assert fault.startswith(f"schedules.{expected}")
    for secret in ("sesame", "12345", "open"):
        assert secret not in fault


def test_a_name_is_fit_for_an_address() -> None:
    for name in ("a b", "", "ä", "a/b", "x" * 65, ".."):
        with pytest.raises(Misconfigured, match="a schedule's name is up to 64 letters"):
            check_config({"schedules": {name: SOME}})


def test_a_schedule_that_is_right_is_taken_and_shows_no_secret() -> None:
    config = check_config({"schedules": {"crm-nightly": {**SOME, "from": SFTP, "every": "90s", "settle": "0s"}}})
    schedule = config.schedules["crm-nightly"]
    assert (schedule.when, schedule.settle_seconds, schedule.after) == ("every 90s", 0, "keep")
    assert "sesame" not in repr(config)
