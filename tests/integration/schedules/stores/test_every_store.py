"""What every store promises, held against a local folder, a real SFTP server and a real S3 endpoint."""

from hashlib import sha256
from pathlib import Path

import pytest

from contactfold_ingest.schedules.stores import FileAway, FileRefused, RemoteFile, Store, StoreRefused, staging
from integration.schedules.stores.sites import Opened, Site

PEOPLE = b"email,first_name\nann@example.com,Ann\n"
LIMIT = 1 << 30
LARGE = bytes(range(256)) * 12_000  # 3 MB: several pieces of every store


async def find(store: Store, name: str = "people.csv") -> RemoteFile:
    (found,) = await store.list(name)
    return found


async def test_a_look_finds_the_files_that_match_with_what_tells_them_apart(site: Site, open_site: Opened) -> None:
    for name in ("b.csv", "a.CSV", "notes.txt", "ünï çödé 人.csv", "below/c.csv", "with space & 100%.csv"):
        site.put(name, PEOPLE)
    found = await open_site(site.location()).list("*.csv")
    assert [file.name for file in found] == ["a.CSV", "b.csv", "with space & 100%.csv", "ünï çödé 人.csv"]
    assert {file.size for file in found} == {len(PEOPLE)}
    assert all(file.modified is not None and file.modified > 1_600_000_000_000_000 for file in found)


async def test_folders_below_are_looked_through_only_where_the_pattern_says_so(site: Site, open_site: Opened) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/y/d.txt", ".hidden/e.csv"):
        site.put(name, PEOPLE)
    store = open_site(site.location())
    assert [file.name for file in await store.list("*.csv")] == ["a.csv"]
    assert [file.name for file in await store.list("**/*.csv")] == ["a.csv", "x/b.csv", "x/y/c.csv"]
    assert [file.name for file in await store.list("x/*.csv")] == ["x/b.csv"]
    assert [file.name for file in await store.list("**/*.csv", without="x/y")] == ["a.csv", "x/b.csv"]


async def test_hidden_and_unfinished_files_are_left_out(site: Site, open_site: Opened) -> None:
    for name in (".people.csv", "people.csv.part", "people.csv.filepart", "people.tmp", "~$people.xlsx", "people.csv~"):
        site.put(name, PEOPLE)
    site.put("people.csv", PEOPLE)
    assert [file.name for file in await open_site(site.location()).list("*")] == ["people.csv"]


async def test_an_empty_folder_has_no_files(site: Site, open_site: Opened) -> None:
    site.put("notes.txt", b"")
    assert await open_site(site.location()).list("*.csv") == []


@pytest.mark.parametrize("content", [b"", PEOPLE, LARGE], ids=["empty", "small", "large"])
async def test_a_file_is_fetched_whole_with_its_digest(
    site: Site, open_site: Opened, tmp_path: Path, content: bytes
) -> None:
    site.put("below/people & co 人.csv", content)
    store = open_site(site.location())
    file = await find(store, "below/*.csv")
    assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(content).hexdigest()
    assert (tmp_path / "copy").read_bytes() == content
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert site.get("below/people & co 人.csv") == content


async def test_a_file_that_changed_since_it_was_found_is_left_for_later(
    site: Site, open_site: Opened, tmp_path: Path
) -> None:
    site.put("people.csv", PEOPLE)
    store = open_site(site.location())
    file = await find(store)
    site.put("people.csv", PEOPLE + b"bob@example.com,Bob\n")
    with pytest.raises(FileAway, match=r"people\.csv has changed"):
        await store.fetch(file, tmp_path / "copy", LIMIT)
    with pytest.raises(FileAway, match=r"people\.csv has changed"):
        await store.archive(file, "done")
    with pytest.raises(FileAway, match=r"people\.csv has changed"):
        await store.delete(file)
    assert site.names() == {"people.csv"}
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("becomes", [LARGE * 2, LARGE[::-1]], ids=["longer", "other"])
async def test_a_file_that_is_written_while_it_is_fetched_is_never_had_by_half(
    site: Site, open_site: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, becomes: bytes
) -> None:
    site.put("people.csv", LARGE)
    store = open_site(site.location())
    file = await find(store)
    add = staging.Copy.add
    grown: list[bool] = []

    async def add_and_grow(copy: staging.Copy, piece: bytes) -> None:
        if not grown:
            grown.append(True)
            site.put("people.csv", becomes)
        await add(copy, piece)

    monkeypatch.setattr(staging.Copy, "add", add_and_grow)
    if type(site).__name__ == "S3Site":  # it hands out one version, whole
        assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(LARGE).hexdigest()
    else:
        with pytest.raises(FileAway, match=r"^people\.csv has changed since it was found; it may still be written\.$"):
            await store.fetch(file, tmp_path / "copy", LIMIT)
        assert not (tmp_path / "copy").exists()
    assert grown


async def test_a_file_that_is_gone_is_told_apart_from_a_folder_that_is(
    site: Site, open_site: Opened, tmp_path: Path
) -> None:
    site.put("people.csv", PEOPLE)
    store = open_site(site.location())
    gone = RemoteFile("gone.csv", 5, 1_700_000_000_000_000)
    with pytest.raises(FileAway, match=r"^gone\.csv is gone\.$"):
        await store.fetch(gone, tmp_path / "copy", LIMIT)
    with pytest.raises(FileAway, match=r"^gone\.csv is gone\.$"):
        await store.archive(gone, "done")
    await store.delete(gone)
    assert site.names() == {"people.csv"}


async def test_a_file_over_the_limit_is_refused_and_nothing_is_left(
    site: Site, open_site: Opened, tmp_path: Path
) -> None:
    site.put("people.csv", LARGE)
    store = open_site(site.location())
    file = await find(store)
    with pytest.raises(FileRefused, match=rf"people\.csv has {len(LARGE)} bytes, and a file to import may have 1000 "):
        await store.fetch(file, tmp_path / "copy", 1000)
    assert not (tmp_path / "copy").exists()
    assert await store.fetch(file, tmp_path / "copy", len(LARGE)) == sha256(LARGE).hexdigest()


async def test_a_file_is_archived_and_one_of_the_same_name_never_written_over(site: Site, open_site: Opened) -> None:
    store = open_site(site.location())
    contents = [b"first", b"second", b"third", b"fourth"]
    new = []
    for content in contents:
        site.put("people.csv", content)
        new.append(await store.archive(await find(store), "done/2026"))
    assert new[0] == "done/2026/people.csv"
    assert len(set(new)) == len(new)
    assert all(name.startswith("done/2026/people.") and name.endswith(".csv") for name in new)
    assert [site.get(name) for name in new] == contents
    assert site.names() == set(new)
    assert await store.list("*.csv") == []


async def test_archived_files_keep_the_folder_they_were_in(site: Site, open_site: Opened) -> None:
    site.put("x/people.csv", PEOPLE)
    store = open_site(site.location())
    assert await store.archive(await find(store, "**/*.csv"), "done") == "done/x/people.csv"
    assert await store.list("**/*.csv", without="done") == []


async def test_a_deleted_file_is_gone_and_deleting_it_again_is_no_fault(site: Site, open_site: Opened) -> None:
    for name in ("people.csv", "others.csv"):
        site.put(name, PEOPLE)
    store = open_site(site.location())
    file = await find(store)
    await store.delete(file)
    await store.delete(file)
    assert site.names() == {"others.csv"}


async def test_what_a_person_must_put_right_is_told_in_one_sentence_without_secrets(
    site: Site, open_site: Opened, request: pytest.FixtureRequest
) -> None:
    if type(site).__name__ == "S3Site":
        server = request.getfixturevalue("s3_server")
        server.guard(checked=True)
        request.addfinalizer(lambda: server.guard(checked=False))
    site.put("people.csv", PEOPLE)
    for location in site.wrong():
        with pytest.raises(StoreRefused) as told:
            await open_site(location).list("*")
        sentence = str(told.value)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert "wrong" not in sentence
    assert [file.name for file in await open_site(site.location()).list("*")] == ["people.csv"]


async def test_closing_twice_or_before_anything_was_asked_is_no_fault(site: Site, open_site: Opened) -> None:
    store = open_site(site.location())
    await store.close()
    await store.close()
