"""What only SFTP has: keys of servers and of people, paths from the login's folder, links."""

import os
import uuid
from pathlib import Path

import asyncssh
import pytest

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import FileRefused, StoreRefused
from integration.schedules.stores.sites import Opened, SftpSite, variables
from servers.sftp import PASSWORD, USER, SftpServer

PEOPLE = b"email\nann@example.com\n"


def other_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


async def names(open_site: Opened, location: Location) -> list[str]:
    return [file.name for file in await open_site(location).list("*")]


async def test_a_server_with_another_key_is_refused_and_never_gets_the_password(
    sftp_server: SftpServer, sftp_site: SftpSite, open_site: Opened
) -> None:
    before = len(sftp_server.asked)
    with pytest.raises(StoreRefused, match="shows another host key") as told:
        await names(open_site, sftp_site.location(host_key=other_key()))
    assert sftp_server.fingerprint in str(told.value)
    assert len(sftp_server.asked) == before


async def test_a_server_is_known_by_its_key_its_fingerprint_or_a_file_of_known_hosts(
    sftp_server: SftpServer, sftp_site: SftpSite, open_site: Opened, tmp_path: Path
) -> None:
    sftp_site.put("people.csv", PEOPLE)
    known, others = tmp_path / "known_hosts", tmp_path / "others"
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {sftp_server.host_key}\n", encoding="utf-8")
    others.write_text(f"[127.0.0.1]:{sftp_server.port} {other_key()}\n", encoding="utf-8")
    right = (
        {"host_key": sftp_server.host_key},
        {"host_key": sftp_server.fingerprint},
        {"host_key": [other_key(), "SHA256:" + "A" * 43, sftp_server.fingerprint]},
        {"host_key": (), "known_hosts": str(known)},
        {"host_key": (), "verify_host_key": False},
    )
    for settings in right:
        assert await names(open_site, sftp_site.location(**settings)) == ["people.csv"], settings
    wrong = (
        {"host_key": "SHA256:" + "A" * 43},
        {"host_key": (), "known_hosts": str(others)},
        {"host_key": (), "known_hosts": str(tmp_path / "absent")},
        {"host_key": (), "known_hosts": "/dev/null"},
    )
    for settings in wrong:
        with pytest.raises(StoreRefused):
            await names(open_site, sftp_site.location(**settings))


async def test_a_key_logs_in_as_text_or_as_a_file_locked_or_not(
    sftp_server: SftpServer, sftp_site: SftpSite, open_site: Opened, tmp_path: Path
) -> None:
    sftp_site.put("people.csv", PEOPLE)
    plain = sftp_server.private_key.export_private_key().decode()
    locked = sftp_server.private_key.export_private_key("pkcs8-pem", passphrase="open sesame").decode()
    path = tmp_path / "key"
    path.write_text(locked, encoding="utf-8")
    for settings in (
        {"private_key": plain},
        {"private_key": locked, "passphrase": "open sesame"},
        {"private_key": str(path), "passphrase": "open sesame"},
    ):
        assert await names(open_site, sftp_site.location(password=None, **settings)) == ["people.csv"], settings


async def test_a_key_that_cannot_be_used_is_told_without_showing_it(
    sftp_server: SftpServer, sftp_site: SftpSite, open_site: Opened, tmp_path: Path
) -> None:
    locked = sftp_server.private_key.export_private_key("pkcs8-pem", passphrase="open sesame").decode()
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    cases = (
        ({"private_key": locked}, "The `private_key` is locked: its `passphrase` must be given."),
        ({"private_key": locked, "passphrase": "wrong"}, "cannot be opened with this `passphrase`."),
        ({"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"}, "no private"),
        ({"private_key": "b3BlbnNzaC1rZXk"}, "neither a key nor the path of a file that can be read."),
        ({"private_key": str(tmp_path)}, "neither a key nor the path of a file that can be read."),
        ({"private_key": stranger}, f"refused the login of {USER}."),
    )
    for settings, sentence in cases:
        with pytest.raises(StoreRefused) as told:
            await names(open_site, sftp_site.location(password=None, **settings))
        assert sentence in str(told.value), settings
        assert "b3Bl" not in str(told.value)


async def test_nothing_of_the_machines_user_is_used(
    sftp_server: SftpServer, sftp_site: SftpSite, open_site: Opened, tmp_path: Path
) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "config").write_text("Host *\n  HostName absent.invalid\n  User root\n  Port 1\n", encoding="utf-8")
    (ssh / "id_ed25519").write_bytes(sftp_server.private_key.export_private_key())
    sftp_site.put("people.csv", PEOPLE)
    with variables(HOME=str(tmp_path), SSH_AUTH_SOCK=str(tmp_path / "absent")):
        assert await names(open_site, sftp_site.location()) == ["people.csv"]
        with pytest.raises(StoreRefused, match="refused the login"):
            await names(open_site, sftp_site.location(password="wrong"))


async def test_a_path_from_the_logins_own_folder_and_one_with_escapes_are_found(
    sftp_server: SftpServer, open_site: Opened
) -> None:
    name = f"in & out {uuid.uuid4().hex[:8]}"
    folder = sftp_server.root / name
    folder.mkdir()
    (folder / "people.csv").write_bytes(PEOPLE)
    at = f"sftp://{USER}@127.0.0.1:{sftp_server.port}"
    escaped = name.replace(" ", "%20").replace("&", "%26")
    for url in (f"{at}/{escaped}", f"{at}/{escaped}/", f"{at}/~/{escaped}", f"{at}/{name}"):
        location = Location(url=url, password=PASSWORD, host_key=sftp_server.host_key)
        assert await names(open_site, location) == ["people.csv"], url
    for url in (at, f"{at}/", f"{at}/~", f"{at}/~/"):
        location = Location(url=url, password=PASSWORD, host_key=sftp_server.host_key)
        assert f"{name}/people.csv" in [file.name for file in await open_site(location).list("**/*.csv")], url


async def test_links_and_names_that_are_no_text_are_left_out(sftp_site: SftpSite, open_site: Opened) -> None:
    sftp_site.put("people.csv", PEOPLE)
    sftp_site.put("below/people.csv", PEOPLE)
    (sftp_site.folder / "link.csv").symlink_to("people.csv")
    (sftp_site.folder / "linked").symlink_to("below")
    sftp_site.put(os.fsdecode(b"\xff\xfe.csv"), PEOPLE)
    found = await open_site(sftp_site.location()).list("**/*.csv")
    assert [file.name for file in found] == ["below/people.csv", "people.csv"]


async def test_an_archive_that_is_a_file_is_told_and_the_file_stays(sftp_site: SftpSite, open_site: Opened) -> None:
    sftp_site.put("people.csv", PEOPLE)
    sftp_site.put("done", b"no folder")
    store = open_site(sftp_site.location())
    (file,) = await store.list("*.csv")
    with pytest.raises(FileRefused, match=r"^people\.csv cannot be moved: .*\.$"):
        await store.archive(file, "done")
    assert sftp_site.names() == {"people.csv", "done"}


async def test_even_where_a_servers_rename_writes_over_files_none_is_lost(
    sftp_site: SftpSite, open_site: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(server: asyncssh.SFTPServer, old: bytes, new: bytes) -> None:
        Path(os.fsdecode(server.map_path(old))).replace(os.fsdecode(server.map_path(new)))

    monkeypatch.setattr(asyncssh.SFTPServer, "rename", rename)
    store = open_site(sftp_site.location())
    moved = []
    for content in (b"first", b"second"):
        sftp_site.put("people.csv", content)
        (file,) = await store.list("*.csv")
        moved.append(await store.archive(file, "done"))
    assert [sftp_site.get(name) for name in moved] == [b"first", b"second"]
