"""What only a folder of this machine has: links, pipes, rights, other disks."""

import asyncio
import os
from pathlib import Path

import pytest

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import FileAway, FileRefused, RemoteFile, StoreRefused
from integration.schedules.stores.sites import FolderSite, Opened

PEOPLE = b"email\nann@example.com\n"
LIMIT = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> FolderSite:
    return FolderSite(tmp_path / "in")


async def test_links_lead_nowhere_neither_those_to_files_nor_those_to_folders(
    folder: FolderSite, open_site: Opened, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_bytes(PEOPLE)
    (folder.folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder.folder / "linked").symlink_to(outside)
    folder.put("people.csv", PEOPLE)
    store = open_site(folder.location())
    assert [file.name for file in await store.list("**/*.csv")] == ["people.csv"]
    status = (outside / "secret.csv").stat()
    for name in ("link.csv", "linked/secret.csv", "../outside/secret.csv"):
        file = RemoteFile(name, status.st_size, status.st_mtime_ns // 1000)
        for work in (store.fetch(file, tmp_path / "copy", LIMIT), store.archive(file, "done"), store.delete(file)):
            with pytest.raises((FileAway, FileRefused)):
                await work
    assert (outside / "secret.csv").read_bytes() == PEOPLE


async def test_an_archive_that_is_a_link_is_not_followed(folder: FolderSite, open_site: Opened, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (folder.folder / "done").symlink_to(tmp_path / "outside")
    folder.put("people.csv", PEOPLE)
    store = open_site(folder.location())
    (file,) = await store.list("*.csv")
    with pytest.raises(FileRefused, match=r"^people\.csv cannot be moved to done, which is no folder\.$"):
        await store.archive(file, "done")
    assert folder.get("people.csv") == PEOPLE
    assert list((tmp_path / "outside").iterdir()) == []


async def test_a_pipe_is_no_file_and_nobody_waits_for_it(folder: FolderSite, open_site: Opened, tmp_path: Path) -> None:
    os.mkfifo(folder.folder / "pipe.csv")
    store = open_site(folder.location())
    assert await store.list("*.csv") == []
    with pytest.raises(FileAway):
        await asyncio.wait_for(store.fetch(RemoteFile("pipe.csv", 0, None), tmp_path / "copy", LIMIT), 30)


async def test_a_folder_is_named_by_its_path_a_url_or_a_link_to_it(
    folder: FolderSite, open_site: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("people.csv", PEOPLE)
    (tmp_path / "a link").symlink_to(folder.folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    at = folder.folder.as_uri()
    for url in (str(folder.folder), "in", "./in/", "~/in", at, at + "/", f"file://localhost{folder.folder}", "a link"):
        (file,) = await open_site(Location(url=url)).list("*")
        assert file.name == "people.csv", url


async def test_what_is_no_folder_is_told(folder: FolderSite, open_site: Opened) -> None:
    folder.put("people.csv", PEOPLE)
    path = str(folder.folder / "people.csv")
    with pytest.raises(StoreRefused) as told:
        await open_site(Location(url=path)).list("*")
    assert str(told.value) == f"The folder {path} cannot be used: not a directory."


async def test_two_who_archive_files_of_one_name_at_once_lose_none(folder: FolderSite, open_site: Opened) -> None:
    for place in range(20):
        folder.put(f"{place}/people.csv", str(place).encode())
    store = open_site(folder.location())
    files = await store.list("**/*.csv")
    single = [open_site(Location(url=str(folder.folder / file.name.partition("/")[0]))) for file in files]
    (folder.folder / "done").mkdir()
    for place in range(20):
        (folder.folder / str(place) / "done").symlink_to(folder.folder / "done")
    for one in single:  # a link as an archive is refused even here
        (file,) = await one.list("*.csv")
        with pytest.raises(FileRefused):
            await one.archive(file, "done")
    moved = await asyncio.gather(*(store.archive(file, "done") for file in files))
    assert len(set(moved)) == 20
    assert {folder.get(name) for name in moved} == {str(place).encode() for place in range(20)}
