"""Every fault of a configuration is told at once, with its place and what would be right."""

from pathlib import Path

import pytest

from contactfold.config import Misconfigured, load_config

FAULTS = {
    "an attribute that does not exist": (
        "sources: {shop: {values: {emial: buyer.mail}}}",
        "sources.shop.values.emial: no such attribute; did you mean email?",
    ),
    "an attribute in a list": (
        "sources: {shop: {required: [frist_name]}}",
        "sources.shop.required[0]: 'frist_name' is no attribute; did you mean first_name?",
    ),
    "an attribute that identifies nobody": (
        "sources: {shop: {match_on: [city]}}",
        "sources.shop.match_on[0]: city is neither a key nor a channel, so it identifies nobody",
    ),
    "an empty match_on": ("sources: {shop: {match_on: []}}", "sources.shop.match_on: must not be empty"),
    "text where a list is wanted": (
        "sources: {shop: {match_on: email}}",
        "sources.shop.match_on: must be a list, not 'email'",
    ),
    "two names of one attribute": (
        "sources: {shop: {values: {email: a, E-Mail: b}}}",
        "sources.shop.values.E-Mail: email names the same attribute",
    ),
    "an unknown setting of a source": (
        "sources: {shop: {requird: [email]}}",
        "sources.shop.requird: no such setting; did you mean required?",
    ),
    "an unknown section": ("limitz: {}", "limitz: no such setting; did you mean limits?"),
    "a setting like nothing there is": ("colour: blue", "colour: no such setting"),
    "an unknown limit": ("limits: {recrd_bytes: 1}", "limits.recrd_bytes: no such setting; did you mean record_bytes?"),
    "an expression that is none": (
        'sources: {shop: {events: "orders["}}',
        "sources.shop.events: 'orders[' is no JMESPath: it ends too early",
    ),
    "an expression with a function there is not": (
        "sources: {shop: {events: 'lenght(orders)'}}",
        "sources.shop.events: 'lenght(orders)' is no JMESPath: there is no function lenght",
    ),
    "a function with too few arguments": (
        "sources: {shop: {values: {email: 'join(mails)'}}}",
        "sources.shop.values.email: 'join(mails)' is no JMESPath: join takes 2 arguments, not 1",
    ),
    "a function that wants one at least": (
        "sources: {shop: {values: {email: 'not_null()'}}}",
        "sources.shop.values.email: 'not_null()' is no JMESPath: not_null takes at least 1 argument, not 0",
    ),
    "a name with a dash": (
        "sources: {shop: {values: {email: buyer.e-mail}}}",
        (
            "sources.shop.values.email: 'buyer.e-mail' is no JMESPath: column 8: "
            'put a name with a dash in double quotes, like buyer."e-mail"'
        ),
    ),
    "a JSONPath": (
        "sources: {shop: {values: {email: $.buyer.mail}}}",
        (
            "sources.shop.values.email: '$.buyer.mail' is no JMESPath: "
            "leave out the `$.`; an expression begins at the item itself"
        ),
    ),
    "an expression with a dot too many": (
        "sources: {shop: {id: a..b}}",
        "sources.shop.id: 'a..b' is no JMESPath: column 3: '.' cannot stand here",
    ),
    "an expression with a foreign character": (
        "sources: {shop: {id: a/b}}",
        "sources.shop.id: 'a/b' is no JMESPath: column 2: unknown token /",
    ),
    "a word that JMESPath takes for a name": (
        "sources: {shop: {values: {email: 'mail || null'}}}",
        (
            "sources.shop.values.email: 'mail || null' is no JMESPath: column 9: "
            "null is the name of a field here; write it in backticks, `null`"
        ),
    ),
    "an empty expression": (
        "sources: {shop: {organization: {account_id: ''}}}",
        "sources.shop.organization.account_id: '' is no JMESPath: it is empty",
    ),
    "a constant that is misspelt": (
        "sources: {shop: {values: {labels: {constnat: vip}}}}",
        "sources.shop.values.labels: must be JMESPath, or a constant, written {constant: VALUE}",
    ),
    "a constant that holds more than values": (
        "sources: {shop: {values: {labels: {constant: {a: 1}}}}}",
        "sources.shop.values.labels: a constant is text, a number, true or false, or a list of them",
    ),
    "a constant that the attribute cannot hold": (
        "sources: {shop: {values: {E-Mail: {constant: nobody}}}}",
        (
            "sources.shop.values.E-Mail: the constant cannot be used: "
            "This is not an e-mail address; one reads like ann@example.com."
        ),
    ),
    "a literal that the attribute cannot hold": (
        'sources: {shop: {values: {first_name: \'`["Ann", "Bob"]`\'}}}',
        "sources.shop.values.first_name: the constant cannot be used: first_name holds one value, and 2 were sent.",
    ),
    "a constant where an expression is wanted": (
        "sources: {shop: {id: {constant: 1}}}",
        "sources.shop.id: must be text, not a mapping",
    ),
    "a time zone that is none": (
        "sources: {shop: {timezone: Europe/Berln}}",
        (
            "sources.shop.timezone: 'Europe/Berln' is no time zone such as Europe/Berlin, UTC or +02:00"
            "; did you mean Europe/Berlin?"
        ),
    ),
    "a part of the world": (
        "sources: {shop: {timezone: Europe}}",
        (
            "sources.shop.timezone: 'Europe' is no time zone such as Europe/Berlin, UTC or +02:00"
            "; did you mean Europe/Rome?"
        ),
    ),
    "a path for a time zone": (
        "sources: {shop: {timezone: ../../etc/passwd}}",
        "sources.shop.timezone: '../../etc/passwd' is no time zone such as Europe/Berlin, UTC or +02:00",
    ),
    "an expression nested too deeply": (
        "sources: {shop: {id: '" + "(" * 2000 + "a" + ")" * 2000 + "'}}",
        "sources.shop.id: '" + "(" * 200 + "' is no JMESPath: it is nested too deeply",
    ),
    "a limit that is a truth": (
        "limits: {body_bytes: true}",
        "limits.body_bytes: must be a whole number, not true or false",
    ),
    "aliases of aliases": (
        "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))]),
        "the file says more than 100000 values; its aliases may repeat each other",
    ),
    "an action that is none": (
        "sources: {shop: {action: apend}}",
        "sources.shop.action: must be append, update, replace or ignore, not 'apend'; did you mean append?",
    ),
    "an organization without its account": (
        "sources: {shop: {organization: {name: company}}}",
        "sources.shop.organization.account_id: must be given, for an organization goes by it",
    ),
    "a source whose name no address holds": (
        "sources: {a/b: {}}",
        "sources.a/b: a source's name is up to 64 letters, digits, `_`, `.` and `-`",
    ),
    "a source that is a number": ("sources: {shop: 5}", "sources.shop: must be a mapping of settings, not 5"),
    "a rate that allows nothing": (
        "sources: {shop: {rate_limit: 0}}",
        "sources.shop.rate_limit: must be 1 or more, not 0",
    ),
    "an origin with a path": (
        "sources: {shop: {allowed_origins: ['https://a.example/x']}}",
        (
            "sources.shop.allowed_origins[0]: 'https://a.example/x' is no origin: "
            "write https://shop.example.com, without a path"
        ),
    ),
    "pages that name people by two attributes": (
        "sources: {site: {allowed_origins: ['https://a.example'], values: {web: id, E-Mail: mail, phone_number: tel}}}",
        (
            "sources.site.values.phone_number: pages of this source name people by email; "
            "by phone_number too, a forged one could make two people one; leave one out"
        ),
    ),
    "pages of two sources that name people by two attributes": (
        (
            "sources: {site: {allowed_origins: ['https://a.example'], values: {external_customer_id: id}}, "
            "blog: {allowed_origins: ['https://a.example']}}"
        ),
        (
            "sources.blog.allowed_origins: pages of site name people by external_customer_id; "
            "by email too, a forged one could make two people one; give it `values`"
        ),
    ),
    "keep of a source that is not Segment's": (
        "sources: {shop: {keep: true}}",
        "sources.shop.keep: says something of the source segment alone; leave it out",
    ),
    "a secret that is no base64": (
        "sources: {shop: {signing_secrets: ['whsec_!']}}",
        "sources.shop.signing_secrets[0]: a signing secret is base64, with or without `whsec_` in front",
    ),
    "a secret that could be guessed": (
        "sources: {shop: {signing_secrets: [whsec_aGVsbG8=]}}",
        "sources.shop.signing_secrets[0]: a signing secret has 16 bytes or more, not 5",
    ),
    "an empty secret": (
        "sources: {shop: {signing_secrets: ['']}}",
        "sources.shop.signing_secrets[0]: a signing secret has 16 bytes or more, not 0",
    ),
    "a variable that is not set": (
        "sources: {shop: {signing_secrets: [${NOT_SET_ANYWHERE}]}}",
        "sources.shop.signing_secrets[0]: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "a variable that is empty": (
        "sources: {shop: {signing_secrets: [${SET_AND_EMPTY}]}}",
        "sources.shop.signing_secrets[0]: the environment variable SET_AND_EMPTY is not set",
    ),
    "a variable without a name": (
        "default_country: ${a b}",
        "default_country: ${a b} names no variable; write ${NAME}",
    ),
    "Norway": ("default_country: NO", "default_country: must be text, not false; put it in quotes"),
    "a country that is none": ("default_country: XX", "default_country: 'XX' is no two-letter country code such as US"),
    "a size below one": ("limits: {body_bytes: -1}", "limits.body_bytes: must be 1 or more, not -1"),
    "a bound of requests below none": (
        "limits: {requests_per_minute: -1}",
        "limits.requests_per_minute: must be 0 or more, not -1",
    ),
    "a share above one": ("limits: {dead_share: 2}", "limits.dead_share: must be 1 or less, not 2"),
    "a size in words": ("limits: {body_bytes: large}", "limits.body_bytes: must be a whole number, not 'large'"),
    "a type that is none": (
        "schema: {attributes: [{key: email, type: emial, channel: email}]}",
        (
            "schema.attributes[0].type: 'emial' is no type; choose one of string, text, integer, decimal, boolean, "
            "date, datetime, email, phone, url, choice"
        ),
    ),
    "an attribute without a key": (
        "schema: {attributes: [{type: email, channel: email}]}",
        "schema.attributes[0].key: must be given",
    ),
    "an unknown flag": (
        "schema: {attributes: [{key: id, is_kee: true, is_key: true}]}",
        "schema.attributes[0].is_kee: no such setting; did you mean is_key?",
    ),
    "names that compare equal": (
        "schema: {attributes: [{key: first_name, is_key: true}, {key: FirstName, name: FirstName}]}",
        "schema.attributes[1].key: 'FirstName' names the attribute first_name too: names compare equal",
    ),
    "a schema that recognises nobody": (
        "schema: {attributes: [{key: city}]}",
        "schema.attributes[0].key: no attribute is a key or a channel, so nobody could be recognised",
    ),
    "no attributes": (
        "schema: {attributes: []}",
        "schema.attributes: no attribute is a key or a channel, so nobody could be recognised",
    ),
    "a choice without alternatives": (
        "schema: {attributes: [{key: id, is_key: true}, {key: tier, type: choice}]}",
        "schema.attributes[1].values: a choice needs its alternatives in `values`, and nothing else has them",
    ),
    "an alternative that YAML takes for a boolean": (
        "schema: {attributes: [{key: id, is_key: true}, {key: news, type: choice, values: [yes]}]}",
        "schema.attributes[1].values[0]: must be text, or have a `value`; put it in quotes",
    ),
}


def faults_of(text: str, directory: Path) -> list[str]:
    file = directory / "contactfold.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as raised:
        load_config(file)
    return raised.value.faults


@pytest.mark.parametrize(("text", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_place(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET_AND_EMPTY", "")
    assert faults_of(text, tmp_path) == [sentence]


def test_a_text_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    (fault,) = faults_of('sources: {shop: {id: "\\uD800"}}', tmp_path)
    assert fault.endswith("this is no YAML in line 1, column 22: a half of a surrogate pair is no text")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = """
limitz: {}
schema:
  attributes:
    - {key: email, type: emial, channel: email}
    - {key: tier, typ: choice}
sources:
  shop: {action: apend, signing_secrets: [${NOT_SET_ANYWHERE}], rate_limit: 0}
"""
    places = sorted(fault.split(":")[0] for fault in faults_of(text, tmp_path))
    assert places == [
        "limitz",
        "schema.attributes[0].type",
        "schema.attributes[1].typ",
        "sources.shop.action",
        "sources.shop.rate_limit",
        "sources.shop.signing_secrets[0]",
    ]


def test_no_fault_repeats_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELD", "sesame-open-up!")
    text = "sources: {shop: {signing_secrets: [${HELD}, {sesame: open}], action: 1}}"
    told = "\n".join(faults_of(text, tmp_path))
    assert "signing_secrets[0]" in told
    assert "signing_secrets[1]" in told
    assert "sesame" not in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sources: {shop: {}, shop: {}}", "line 1, column 21: the key shop is given twice"),
        ("sources: [", "this is no YAML in line 1, column 11"),
        ("a: \0", "this is no YAML"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    (fault,) = faults_of(text, tmp_path)
    assert sentence in fault


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    assert faults_of("- 1", tmp_path) == ["the file must be a mapping of settings, such as `limits:` and `sources:`"]


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no such file"):
        load_config(tmp_path / "none.yaml")


def test_a_file_that_is_not_utf_8_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"default_country: \xff")
    with pytest.raises(Misconfigured, match="not UTF-8"):
        load_config(tmp_path / "c.yaml")
