"""What a configuration may say of where files come from, and what it is told otherwise: never with a secret in it."""

from typing import Any

import pytest

from contactfold.config import Misconfigured, check_config
from contactfold.locations import Location

KEY = "ssh-ed25519 " + "A" * 60
SFTP = {"url": "sftp://ann@files.example.com/in", "password": "s3cret", "host_key": KEY}


def read(found: object) -> Location:
    config = check_config({"schedules": {"crm": {"from": found, "every": "1h"}}})
    return config.schedules["crm"].from_


def faults(found: object) -> list[str]:
    with pytest.raises(Misconfigured) as told:
        read(found)
    return [fault.removeprefix("schedules.crm.") for fault in told.value.faults]


@pytest.mark.parametrize(
    ("found", "kind", "folder"),
    [
        ("./inbox", "folder", "./inbox"),
        ("/srv/in box", "folder", "/srv/in box"),
        ("file:///srv/in%20box", "folder", "/srv/in box"),
        (SFTP, "sftp", "/in"),
        (SFTP | {"url": "sftp://ann@files.example.com:2222"}, "sftp", "."),
        (SFTP | {"url": "sftp://ann@files.example.com/"}, "sftp", "/"),
        (SFTP | {"url": "sftp://ann@files.example.com/~/in%3F/"}, "sftp", "in?"),
        (SFTP | {"url": "sftp://files.example.com/a/b/", "username": "ann"}, "sftp", "/a/b"),
        ("s3://bucket", "s3", ""),
        ("s3://bucket/a/b/", "s3", "a/b"),
        ("s3://bucket/a%20b?c#d", "s3", "a%20b?c#d"),
        ("https://example.com/people.csv", "https", "/people.csv"),
    ],
)
def test_a_place_is_a_folder_or_a_url(found: object, kind: str, folder: str) -> None:
    location = read(found)
    assert (location.kind, location.folder) == (kind, folder)


def test_the_parts_of_a_place_are_what_its_url_says() -> None:
    sftp = read(SFTP | {"url": "SFTP://ann%40corp@Files.example.com:2222/in"})
    assert (sftp.user, sftp.host, sftp.port) == ("ann@corp", "files.example.com", 2222)
    assert read("s3://my.bucket-1/in").bucket == "my.bucket-1"
    assert read("https://[2001:db8::1]:8443/a.csv").host == "2001:db8::1"


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ("", "from.url: must not be empty"),
        (None, "from: must be a folder or a url, or have a `url`; put it in quotes"),
        (5, "from: must be a folder or a url, or have a `url`; put it in quotes"),
        ({}, "from.url: must be given"),
        ({"url": 5}, "from.url: must be text; put it in quotes"),
        ({"url": "./in", "pasword": "s3cret"}, "from.pasword: no such setting; did you mean password?"),
        ("ftp://example.com/in", "from.url: begins with ftp://, which is none of file://, sftp://, s3:// and https://"),
        (
            "http://example.com/a.csv",
            (
                "from.url: begins with http://, which is none of file://, sftp://, s3:// and https://"
                "; use https:// instead"
            ),
        ),
        ("https://", "from.url: names no server: write https://host/path"),
        (
            "https://example.com:99999/a",
            "from.url: is no address: write https://host/path, a port as a number from 1 to 65535",
        ),
        (
            "https://exa mple.com/a",
            "from.url: is no address: write https://host/path, a port as a number from 1 to 65535",
        ),
        (
            "https://ann@example.com/a",
            "from.url: holds a user's name: leave it out, and write `username` and `password` beside the url",
        ),
        ("file://other/srv", "from.url: names another machine: write file:///folder, or the folder's path alone"),
        ("s3://", "from.url: names no bucket: write s3://bucket/folder"),
        ("./in\n", "from.url: holds a character that no address may have (a line break, a space at an end)"),
        (
            {"url": "sftp://ann@h/a?b", "password": "x", "host_key": KEY},
            "from.url: has a `?` or `#`: write them as %3F and %23",
        ),
        (
            {"url": "sftp://h/in", "password": "x", "host_key": KEY},
            "from.url: names no user: write sftp://user@host/folder, or `username` beside it",
        ),
        (
            {"url": "sftp://ann@h/in", "host_key": KEY},
            "from.url: goes with no credentials: write `password: ${VAR}` or `private_key: ${VAR}` beside it",
        ),
        ({"url": "s3://bucket", "access_key": "x"}, "from.secret_key: must be given with `access_key`"),
        ({"url": "s3://bucket", "secret_key": "x"}, "from.access_key: must be given with `secret_key`"),
        (
            {"url": "s3://bucket", "endpoint": "minio:9000"},
            "from.endpoint: is no address of an S3 service: write https://host or https://host:port",
        ),
        (
            {"url": "s3://bucket", "endpoint": "https://h/b"},
            "from.endpoint: has a path: write https://host or https://host:port, and the bucket in `url`",
        ),
        ({"url": "s3://bucket", "region": "eu west"}, "from.region: is no name of a region, such as eu-central-1"),
        ({"url": "https://h/a", "username": "ann"}, "from.password: must be given with `username`"),
        ({"url": "https://h/a", "password": "s3cret"}, "from.username: must be given with `password`"),
        (
            {"url": "https://h/a", "headers": {"Host": "x"}},
            "from.headers.Host: is a header that is set for each request; leave it out",
        ),
        ({"url": "https://h/a", "headers": {"a b": "x"}}, "from.headers.a b: is no name of a header"),
        ({"url": "./in", "password": "s3cret"}, "from.password: says nothing about a local folder; leave it out"),
        ({"url": "s3://b1", "token": "s3cret"}, "from.token: says nothing about S3; leave it out"),
        (SFTP | {"passphrase": "s3cret"}, "from.passphrase: opens a `private_key`, and there is none"),
        (
            SFTP | {"verify_host_key": False},
            "from.verify_host_key: cannot be false where `host_key` or `known_hosts` say which key is right",
        ),
        (SFTP | {"username": ""}, "from.username: must be a user's name"),
    ],
)
def test_what_is_wrong_with_a_place_is_told_with_its_path(found: object, fault: str) -> None:
    assert faults(found) == [f"{fault}"]


def test_a_server_whose_key_nobody_named_is_a_fault_unless_that_is_said() -> None:
    open_to_all = {"url": "sftp://ann@h/in", "password": "s3cret"}
    (fault,) = faults(open_to_all)
    assert fault.startswith("from.host_key: must be given, so that no other server is taken for this one: ")
    assert read(open_to_all | {"verify_host_key": False}).verify_host_key is False
    assert read(open_to_all | {"known_hosts": "~/.ssh/known_hosts"}).host_key == ()
    assert read(open_to_all | {"host_key": [KEY, "SHA256:" + "A" * 43]}).host_key[0] == KEY


@pytest.mark.parametrize("wrong", ["ed25519 AAAA", "SHA256:short", "MD5:00:11", "", "ssh-ed25519 not base64!"])
def test_what_is_no_host_key_is_told(wrong: str) -> None:
    (fault,) = faults(SFTP | {"host_key": wrong})
    assert fault.startswith("from.host_key[0]: is no host key: write `ssh-ed25519 AAAA...`")


@pytest.mark.parametrize(
    "found",
    [
        "sftp://ann:s3cret@h/in",
        "https://ann:s3cret@h/a.csv",
        "s3://key:s3cret@bucket/in",
        {"url": "s3://bucket", "endpoint": "https://ann:s3cret@h"},
        {"url": "https://h/a", "token": "s3cret\nX-Other: 1"},
        {"url": "https://h/a", "headers": {"X-Key": "s3cret\r\n"}},
        {"url": "https://h/a", "headers": {"X-Key": ["s3cret"]}},
        {"url": "https://h/a", "token": {"s3cret": "s3cret"}},
        SFTP | {"password": ["s3cret"]},
        SFTP | {"password": {"s3cret": 1}},
        SFTP | {"private_key": ["s3cret"]},
        {"url": "./in", "token": "s3cret"},
    ],
)
def test_a_secret_in_the_wrong_place_or_form_is_a_fault_that_does_not_show_it(found: object) -> None:
    assert "s3cret" not in "\n".join(faults(found))


def test_a_password_of_digits_alone_is_told_to_be_put_in_quotes_and_not_shown() -> None:
    assert faults(SFTP | {"password": 8731992}) == ["from.password: must be text; put it in quotes"]
    assert faults(SFTP | {"password": "  "}) == ["from.password: must not be empty"]


def test_a_password_in_a_url_is_told_where_it_belongs() -> None:
    assert faults("sftp://ann:s3cret@h/in") == [
        "from.url: holds a password: leave it out, and write `password: ${VAR}` beside the url"
    ]


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    location = read(SFTP | {"password": "${CRM_PASSWORD}"})
    assert location.password is not None
    assert location.password.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("https://h.example/a.csv?X-Amz-Signature=s3cret", "https://h.example/a.csv?..."),
        ("https://h.example/a.csv#s3cret", "https://h.example/a.csv"),
        (SFTP, "sftp://ann@files.example.com/in"),
        ({"url": "https://h/a", "token": "s3cret", "headers": {"X-Key": "s3cret"}}, "https://h/a"),
        ({"url": "s3://bucket/in", "access_key": "s3cret", "secret_key": "s3cret"}, "s3://bucket/in"),
    ],
)
def test_what_is_shown_of_a_place_holds_no_secret(found: Any, shown: str) -> None:
    location = read(found)
    assert location.shown == shown
    assert "s3cret" not in repr(location)
    assert "s3cret" not in str(location)
