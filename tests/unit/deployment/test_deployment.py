"""The Dockerfile and the compose file hold what they promise, checked against the code: no engine runs here."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from contactfold import health
from contactfold.environment import PREFIX, Settings
from contactfold_cli.commands import app

ROOT = Path(__file__).parents[3]
SERVICES = ("ingest", "processor", "console")


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def instructions() -> list[tuple[str, str, str]]:
    """Every instruction of the Dockerfile: its stage, its name and the rest of it, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found, stage = [], ""
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        if name == "FROM":
            stage = rest.split(" AS ")[1]
        found.append((stage, name, rest.strip()))
    return found


def stages() -> dict[str, str]:
    """What each stage stands on."""
    return {stage: rest.split(" AS ")[0] for stage, name, rest in instructions() if name == "FROM"}


def chain(stage: str) -> list[tuple[str, str]]:
    """A stage's instructions, those it stands on first."""
    own = [(name, rest) for at, name, rest in instructions() if at == stage]
    below = stages()[stage]
    return [*(chain(below) if below in stages() else []), *own]


def variables_of_image() -> dict[str, str]:
    pairs = (pair for _, name, rest in instructions() if name == "ENV" for pair in shlex.split(rest))
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_that_is_set_is_one_the_settings_know(service: str) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = {*compose()["services"][service]["environment"], *variables_of_image()}
    ours = {name for name in named if name.startswith(PREFIX)}
    assert len(ours) >= 6
    assert ours <= known


@pytest.mark.parametrize("service", SERVICES)
def test_the_settings_of_a_service_are_accepted(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**variables_of_image(), **compose()["services"][service]["environment"]}
    for name, value in values.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, "k" * 32 if name == "CONTACTFOLD_ADMIN_KEY" else value)
    settings = Settings()
    assert settings.log == "kafka://kafka:9092"
    assert settings.directory is not None
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_starts_without_an_admin_key(service: str) -> None:
    assert compose()["services"][service]["environment"]["CONTACTFOLD_ADMIN_KEY"].startswith(
        "${CONTACTFOLD_ADMIN_KEY:?"
    )


@pytest.mark.parametrize("stage", [*SERVICES, "up"])
def test_every_command_of_an_image_is_a_command_of_ours(stage: str) -> None:
    command = [orjson.loads(rest) for name, rest in chain(stage) if name == "CMD"]
    assert command == [["contactfold", stage]]
    answer = CliRunner().invoke(app, [*command[0][1:], "--help"])
    assert answer.exit_code == 0, answer.output
    assert "--config" in answer.output


def test_the_entry_point_that_the_images_run_is_the_one_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["contactfold"] == "contactfold_cli.__main__:main"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_built_from_the_stage_of_its_name(service: str) -> None:
    build = compose()["services"][service]["build"]
    assert build == {"context": ".", "target": service}
    assert service in stages()
    assert "command" not in compose()["services"][service]


@pytest.mark.parametrize("service", SERVICES)
def test_every_published_port_is_the_one_that_is_served_and_only_this_machine_reaches_it(service: str) -> None:
    served = variables_of_image()["CONTACTFOLD_PORT"]
    exposed = [rest for name, rest in chain(service) if name == "EXPOSE"]
    assert exposed == [served]
    for published in compose()["services"][service].get("ports", []):
        address, _, inside = published.rsplit(":", 2)
        assert (address, inside) == ("127.0.0.1", served)


def test_published_ports_do_not_collide() -> None:
    ports = [port.rsplit(":", 1)[0] for one in compose()["services"].values() for port in one.get("ports", [])]
    assert len(ports) == len(set(ports)) == 2


def test_everything_that_is_copied_exists_and_reaches_the_build() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split() for _, name, rest in instructions() if name == "COPY" and "--from" not in rest]
    sources = {source for *found, _ in copied for source in found}
    assert {"requirements.lock", "shared", "services", "cli"} <= sources
    assert sources == let_in
    for source in sources:
        assert (ROOT / source).exists(), source


def test_packages_that_the_wheel_holds_are_copied() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {rest.split()[0] for _, name, rest in instructions() if name == "COPY" and "--from" not in rest}
    assert {package.split("/")[0] for package in wheel["packages"]} <= copied


@pytest.mark.parametrize("stage", [*SERVICES, "up"])
def test_no_image_runs_as_root(stage: str) -> None:
    users = [rest for name, rest in chain(stage) if name == "USER"]
    assert users, stage
    assert users[-1] not in {"root", "0"}


@pytest.mark.parametrize("stage", [*SERVICES, "up"])
def test_every_image_is_checked_by_our_own_health_module(stage: str) -> None:
    checks = [rest for name, rest in chain(stage) if name == "HEALTHCHECK"]
    assert len(checks) == 1
    assert orjson.loads(checks[0].split("CMD ")[1]) == ["python", "-m", health.__name__]


def test_no_instruction_goes_through_a_shell() -> None:
    for _, name, rest in instructions():
        if name in {"RUN", "CMD", "ENTRYPOINT"}:
            assert isinstance(orjson.loads(rest), list), rest


def test_base_images_are_pinned_and_dependencies_come_by_their_hashes() -> None:
    bases = {base for base in stages().values() if base not in stages()}
    images = {one["image"] for one in compose()["services"].values() if "image" in one}
    for image in bases | images:
        assert re.fullmatch(r"[a-z/]+:[0-9]+\.[0-9][a-z0-9.-]*", image), image
    assert any("--require-hashes" in rest for _, name, rest in instructions() if name == "RUN")


def test_the_servers_that_services_name_are_services_that_become_healthy_first() -> None:
    services = compose()["services"]
    for name in ("ingest", "processor"):
        environment = services[name]["environment"]
        servers = {
            re.split(r"[:/]", environment[f"CONTACTFOLD_{part}"].partition("://")[2])[0]
            for part in ("LOG", "DIRECTORY")
        }
        assert servers == set(services[name]["depends_on"])
    for name, one in services.items():
        for server, wanted in one.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}, name
            assert "healthcheck" in services[server]


def test_mongo_initiates_the_replica_set_that_services_ask_for() -> None:
    mongo = compose()["services"]["mongo"]
    directory = compose()["services"]["ingest"]["environment"]["CONTACTFOLD_DIRECTORY"]
    name = mongo["command"][mongo["command"].index("--replSet") + 1]
    assert f"replicaSet={name}" in directory
    assert f'_id: "{name}"' in mongo["healthcheck"]["test"][-1]
    assert 'host: "mongo:27017"' in mongo["healthcheck"]["test"][-1]


def test_kafka_advertises_the_address_that_services_use() -> None:
    advertised = compose()["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    log = compose()["services"]["ingest"]["environment"]["CONTACTFOLD_LOG"]
    assert advertised.removeprefix("PLAINTEXT://") == log.removeprefix("kafka://")


def test_data_lies_on_volumes_that_are_declared() -> None:
    loaded = compose()
    mounted = {volume.split(":")[0] for one in loaded["services"].values() for volume in one.get("volumes", [])}
    assert mounted == set(loaded["volumes"]) == {"kafka", "mongo", "ingest"}


def test_uploaded_files_lie_on_a_volume_that_the_service_may_write() -> None:
    """A volume takes the owner of the folder that it is put over: the user's own home, made with the user."""
    (mount,) = compose()["services"]["ingest"]["volumes"]
    folder = mount.split(":")[1]
    assert folder == variables_of_image()["CONTACTFOLD_DATA_DIR"]
    (made,) = [orjson.loads(rest) for name, rest in chain("ingest") if name == "RUN" and "useradd" in rest]
    assert made[made.index("--home-dir") + 1] == folder
    assert "--create-home" in made
    assert made[made.index("--uid") + 1] == [rest for name, rest in chain("ingest") if name == "USER"][-1]
