"""What a configuration means once it is accepted."""

import base64
from pathlib import Path

import jmespath
import pytest
from pydantic import ValidationError

from contactfold.config import Config, Source, check_config, load_config
from contactfold.domain.schema import default_schema

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()

EXAMPLE = """
default_country: us
schema:
  attributes:
    - {key: external_customer_id, is_key: true, pii: true}
    - {key: email, type: email, channel: email, multi: true, junk: [Nobody@Example.com]}
    - {key: tier, type: choice, values: [basic, {value: gold, spellings: [Au, or]}], aliases: [level]}
    - {key: firstName, mandatory: true}
sources:
  shop:                                   # ${IN_A_COMMENT} is nobody's
    events: "orders[]"
    values: {E-Mail: buyer.mail, level: "buyer.${FIELD}"}
    match_on: [Email]
    required: [First Name]
    signing_secrets: [${SHOP_SECRET}]
    organization: {account_id: company.id, name: company.name}
limits: {body_bytes: "${BODY}"}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    monkeypatch.setenv("FIELD", "level")
    monkeypatch.setenv("BODY", "2048")
    (tmp_path / "contactfold.yaml").write_text(EXAMPLE)
    return load_config(tmp_path / "contactfold.yaml")


def test_variables_are_filled_in_wherever_text_stands(config: Config) -> None:
    shop = config.sources["shop"]
    assert [secret.get_secret_value() for secret in shop.signing_secrets] == [SECRET]
    assert shop.values is not None
    assert shop.values["tier"] == "buyer.level"
    assert config.limits.body_bytes == 2048


def test_what_a_variable_holds_is_never_taken_for_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELD", "a }, action: replace, id: x")
    (tmp_path / "c.yaml").write_text("sources: {shop: {values: {email: '\"${FIELD}\"'}}}")
    assert load_config(tmp_path / "c.yaml").sources["shop"].action == "append"


def test_attributes_go_by_their_keys_whatever_name_the_file_used(config: Config) -> None:
    shop = config.sources["shop"]
    assert shop.values == {"email": "buyer.mail", "tier": "buyer.level"}
    assert shop.match_on == ("email",)
    assert shop.required == ("firstName",)


@pytest.mark.parametrize(
    "value", ["vip", "a `quoted` \\ one", ["web", "shop"], 5, True, "line\nbreak", "{a}", "ümlaut"]
)
def test_a_constant_is_the_literal_that_gives_it(value: object) -> None:
    config = check_config({"sources": {"shop": {"organization": {"account_id": "id", "kind": {"constant": value}}}}})
    organization = config.sources["shop"].organization
    assert organization is not None
    assert jmespath.search(organization["kind"], {"kind": "other"}) == value


def test_a_constant_of_the_schema_s_own_spelling_is_taken() -> None:
    raw = {
        "default_country": "US",
        "sources": {"shop": {"values": {"phone_number": {"constant": "(415) 555-0123"}, "labels": "'web'"}}},
    }
    assert check_config(raw).sources["shop"].values == {"phone_number": '`"(415) 555-0123"`', "labels": "'web'"}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+02:00", "-11:30", "US/Pacific"])
def test_a_time_zone_is_a_name_or_an_offset(zone: str) -> None:
    assert check_config({"sources": {"shop": {"timezone": zone}}}).sources["shop"].timezone == zone


def test_a_name_left_out_is_the_key_in_words(config: Config) -> None:
    names = [attribute.name for attribute in config.contact_schema.attributes]
    assert names == ["External customer id", "Email", "Tier", "First name"]


def test_alternatives_and_their_spellings_become_the_domain_s(config: Config) -> None:
    tier = config.contact_schema.by_key["tier"]
    assert tier.choices == {"basic": "basic", "gold": "gold", "au": "gold", "or": "gold"}
    assert tier.aliases == ("level",)


def test_junk_is_configurable_per_attribute(config: Config) -> None:
    schema = config.contact_schema
    assert schema.by_key["email"].junk == ("nobody@example.com",)
    assert schema.by_key["external_customer_id"].junk == default_schema().by_key["external_customer_id"].junk


def test_attributes_of_the_file_replace_the_default_schema(config: Config) -> None:
    assert len(config.contact_schema.attributes) == 4
    assert config.contact_schema.default_country == "US"


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTACTFOLD_CONFIG", raising=False)
    config = load_config()
    assert config.contact_schema.fingerprint == default_schema().fingerprint
    assert config.sources == {}
    assert config.limits.model_dump() == {
        "body_bytes": 1048576,
        "import_bytes": 1073741824,
        "record_bytes": 1048576,
        "component_events": 10000,
        "dead_share": 0.5,
        "dead_window": 200,
        "requests_per_minute": 0,
    }


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert load_config(tmp_path / "c.yaml") == Config()


def test_the_named_file_goes_before_the_variable_and_the_variable_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, country in (("contactfold.yaml", "DE"), ("variable.yaml", "FR"), ("named.yaml", "GB")):
        (tmp_path / name).write_text(f"default_country: {country}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTACTFOLD_CONFIG", "")
    assert load_config().default_country == "DE"
    monkeypatch.setenv("CONTACTFOLD_CONFIG", "variable.yaml")
    assert load_config().default_country == "FR"
    assert load_config(tmp_path / "named.yaml").default_country == "GB"


def test_strict_phones_change_the_schema_s_fingerprint() -> None:
    strict = check_config({"phone_validation": "strict"}).contact_schema
    assert strict.strict_phones
    assert strict.fingerprint != default_schema().fingerprint


def test_a_configuration_never_changes_once_loaded(config: Config) -> None:
    with pytest.raises(ValidationError):
        config.default_country = "DE"  # type: ignore[misc]


@pytest.mark.parametrize("said", [{}, {"action": "replace", "on_many": "merge"}])
def test_a_source_for_pages_acts_as_pages_do_whatever_it_says(said: dict[str, str]) -> None:
    source = Source.model_validate({"allowed_origins": ["https://a.example"], **said})
    assert (source.action, source.on_many) == ("update", "anonymous")
    assert Source.model_validate({"action": "replace"}).action == "replace"
