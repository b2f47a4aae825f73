"""Addresses and secrets by environment (CONTRACT 2): one `Settings`, read by composition roots alone."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contactfold.domain.errors import Misconfigured

PREFIX = "CONTACTFOLD_"
SHORTEST_ADMIN_KEY = 32
EMBEDDED = "embedded"

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _check_admin_key(key: SecretStr) -> SecretStr:
    length = len(key.get_secret_value())
    if length < SHORTEST_ADMIN_KEY:
        raise PydanticCustomError(
            "admin_key",
            "an admin key has {least} characters or more, not {length}; `openssl rand -hex 32` makes one",
            {"least": SHORTEST_ADMIN_KEY, "length": length},
        )
    return key


def _check_log(text: str) -> str | None:
    if text == EMBEDDED:
        return None
    if not text.startswith("kafka://") or not text.removeprefix("kafka://").split("/")[0]:
        raise PydanticCustomError("log", "must look like kafka://host:9092, or be left out for the embedded log")
    return text


def _check_directory(secret: SecretStr) -> SecretStr | None:
    # The address may carry a password, so no message repeats it.
    text = secret.get_secret_value()
    if text == EMBEDDED:
        return None
    if not text.startswith(("mongodb://", "mongodb+srv://")) or not text.partition("://")[2].split("/")[0]:
        raise PydanticCustomError(
            "directory",
            "must look like mongodb://host:27017/contactfold?replicaSet=rs0, or be left out for the embedded directory",
        )
    return secret


class Settings(BaseSettings):
    """The variables that begin with CONTACTFOLD_. An empty one is as good as unset.

    `log` and `directory` are None for the embedded adapters, which keep their files in `data_dir`.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    config: Path | None = None
    log: Annotated[str | None, AfterValidator(lambda text: text and _check_log(text))] = None
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = None
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    directory: Annotated[SecretStr | None, AfterValidator(lambda secret: secret and _check_directory(secret))] = None
    data_dir: Path = Path("contactfold-data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    admin_key: Annotated[SecretStr | None, AfterValidator(lambda key: key and _check_admin_key(key))] = None
    erasure_key: SecretStr | None = None


def load_settings() -> Settings:
    """The settings of this process's environment; raises `Misconfigured`, each fault begun by its variable's name."""
    from contactfold.faults import describe_error

    try:
        return Settings()
    except ValidationError as error:
        faults = [
            f"{PREFIX}{str(fault['loc'][0]).upper()}: {describe_error(fault, secret=_is_secret(fault['loc'][0]))}"
            for fault in error.errors(include_url=False)
        ]
        raise Misconfigured(faults) from None


def _is_secret(field: int | str) -> bool:
    return field in ("directory", "kafka_password", "admin_key", "erasure_key")
