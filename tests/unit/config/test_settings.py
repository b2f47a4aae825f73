"""The variables of the environment."""

from pathlib import Path

import pytest

from contactfold.config import Misconfigured, load_settings
from contactfold.environment import PREFIX, Settings

KEY = "0123456789abcdef0123456789abcdef"

FAULTS = {
    "CONTACTFOLD_PORT": ("http", "CONTACTFOLD_PORT: must be a whole number, not 'http'"),
    "CONTACTFOLD_LOG": (
        "amqp://host",
        "CONTACTFOLD_LOG: must look like kafka://host:9092, or be left out for the embedded log",
    ),
    "CONTACTFOLD_KAFKA_SECURITY_PROTOCOL": (
        "TLS",
        "CONTACTFOLD_KAFKA_SECURITY_PROTOCOL: must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, not 'TLS'",
    ),
    "CONTACTFOLD_DIRECTORY": (
        "postgres://user:sesame@host/db",
        (
            "CONTACTFOLD_DIRECTORY: must look like mongodb://host:27017/contactfold?replicaSet=rs0, "
            "or be left out for the embedded directory"
        ),
    ),
    "CONTACTFOLD_ADMIN_KEY": (
        KEY[1:],
        "CONTACTFOLD_ADMIN_KEY: an admin key has 32 characters or more, not 31; `openssl rand -hex 32` makes one",
    ),
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


@pytest.mark.parametrize(("name", "value", "sentence"), [(name, *one) for name, one in FAULTS.items()])
def test_a_variable_at_fault_is_told_by_its_name(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as raised:
        load_settings()
    assert raised.value.faults == [sentence]


def test_a_port_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTFOLD_PORT", "65536")
    with pytest.raises(Misconfigured, match="must be 65535 or less, not '65536'"):
        load_settings()


def test_the_defaults_are_embedded_and_on_loopback() -> None:
    settings = load_settings()
    assert (settings.log, settings.directory, settings.admin_key) == (None, None, None)
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, Path("contactfold-data"))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_is_as_good_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", "")
    assert load_settings() == Settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTFOLD_ADMIN_KEY", KEY)
    monkeypatch.setenv("CONTACTFOLD_DIRECTORY", "mongodb://user:sesame@host/contactfold")
    monkeypatch.setenv("CONTACTFOLD_KAFKA_PASSWORD", "sesame")
    shown = repr(load_settings())
    assert KEY not in shown
    assert "sesame" not in shown
