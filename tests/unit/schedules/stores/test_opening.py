"""Opening a store, and the names of archived files."""

import builtins
import sys
from typing import Any

import pytest

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import RemoteFile, StoreRefused, open_store
from contactfold_ingest.schedules.stores.files import differs
from contactfold_ingest.schedules.stores.naming import MOST_NAMES, archive_names


@pytest.mark.parametrize(
    ("location", "package", "module"),
    [
        (Location(url="sftp://ann@h/in", password="x", verify_host_key=False), "asyncssh", "sftp"),
        (Location(url="s3://bucket/in"), "s3fs", "s3"),
        (Location(url="https://h/people.csv"), "aiohttp", "https"),
    ],
)
def test_a_missing_package_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, location: Location, package: str, module: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **named)

    for name in [one for one in sys.modules if one.startswith("contactfold_ingest.schedules.stores.")]:
        if name.rpartition(".")[2] in {module, "sftp_login", "s3_faults", "public_addresses"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreRefused, match=r"needs packages that are not installed: install contactfold\[remote\]\.$"):
        open_store(location)


def test_a_folder_of_this_machine_needs_none_of_these_packages() -> None:
    source = (
        "import sys\n"
        "from contactfold.locations import Location\n"
        "from contactfold_ingest.schedules.stores import open_store\n"
        "open_store(Location(url='.'))\n"
        "assert not {'asyncssh', 's3fs', 'fsspec', 'aiohttp', 'botocore'} & set(sys.modules)\n"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", source], check=True, timeout=60)


def test_an_archived_file_keeps_its_name_else_gets_its_time_and_then_a_number() -> None:
    names = archive_names(RemoteFile("x/people.v1.csv", 1, 1_700_000_000_000_000), "done")
    assert [next(names) for _ in range(4)] == [
        "done/x/people.v1.csv",
        "done/x/people.v1.2023-11-14T22-13-20Z.csv",
        "done/x/people.v1.2023-11-14T22-13-20Z.2.csv",
        "done/x/people.v1.2023-11-14T22-13-20Z.3.csv",
    ]


@pytest.mark.parametrize("modified", [None, 10**30, -(10**30)])
def test_a_file_without_a_time_that_can_be_written_gets_a_number_at_once(modified: int | None) -> None:
    names = list(archive_names(RemoteFile("people", 1, modified), "done/2026"))
    assert names[:3] == ["done/2026/people", "done/2026/people.2", "done/2026/people.3"]
    assert len(names) == len(set(names)) == MOST_NAMES


def test_a_name_stays_as_short_as_a_disk_wants_it() -> None:
    for name in ("ä" * 125 + ".csv", "a" * 255, "a." + "b" * 253):
        names = [one.removeprefix("done/") for one in archive_names(RemoteFile(name, 1, 1_700_000_000_000_000), "done")]
        assert names[0] == name
        assert all(0 < len(one.encode()) <= 255 or one.endswith("b" * 253) for one in names)
        assert len(names) == len(set(names))


def test_two_looks_differ_where_both_could_tell_and_told_different_things() -> None:
    file = RemoteFile("a", 1, 2, "x")
    assert not differs(file, file)
    assert not differs(file, RemoteFile("a"))
    assert not differs(RemoteFile("a", 1), RemoteFile("a", 1, 9, "y"))
    for other in (RemoteFile("a", 9, 2, "x"), RemoteFile("a", 1, 9, "x"), RemoteFile("a", 1, 2, "y")):
        assert differs(file, other)
