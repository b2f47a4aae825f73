"""How a record's fields become an event: by a source's expressions, as attributes, as an organisation (CONTRACT 5)."""

from pathlib import Path

import pytest

from fakes.ingest_service import Ingest, serving
from fakes.record_sending import ANN, SOURCES, URLENCODED, errors_of, ingest, only_event, send

__all__ = ["ingest"]

# ------------------------------------------------------------------------------------------- mapped by a source


LEAD = {
    "record[Lead]": "17",
    "record[When]": "1700000000",
    "record[E-mail]": "ann@example.com",
    "record[First name]": "Ann",
    "record[Address][City]": "Ulm",
    "record[Tag]": "new",
    "record[Group]": "vip",
}


async def test_the_expressions_of_a_source_find_their_fields_names_with_spaces_too(tmp_path: Path) -> None:
    leads = {**SOURCES["leads"], "required": ["first_name"]}
    async with serving(tmp_path, {"sources": {"leads": leads}}) as own:
        reply = await send(own, LEAD, configuration="leads")
        assert (reply.status_code, reply.content) == (200, b"")
        event = await only_event(own)
    assert event["values"] == {
        "email": ["ann@example.com"],
        "first_name": "Ann",
        "city": "Ulm",
        "labels": ["new", "vip"],
    }
    assert (event["id"], event["occurred_at"]) == ("17", "2023-11-14T22:13:20.000000Z")
    assert (event["action"], event["on_many"], event["match_on"]) == ("update", "first", ["email"])


async def test_errors_have_the_fields_as_they_were_sent_and_missing_ones_stand_beside_all_else(ingest: Ingest) -> None:
    wrong = {**LEAD, "record[E-mail]": "nobody", "record[When]": "yesterday", "record[First name]": " "}
    reply = await send(ingest, {**wrong, "record[Shoe][Size]": "44"}, configuration="leads")
    assert errors_of(reply) == {
        "When": [reply.json()["errors"]["When"][0]],
        "First name": ["Missing required field: first_name."],
        "last_name": ["Missing required field: last_name."],
        "E-mail": ["This is not an e-mail address; one reads like ann@example.com."],
    }
    assert reply.json()["ignored_fields"] == ["Shoe[Size]"]
    assert "nobody" not in reply.text
    assert await ingest.events() == []


async def test_required_fields_are_missing_under_the_names_the_sender_uses(ingest: Ingest) -> None:
    fields = {"record[FIRST-NAME]": "", "record[E Mail]": "nobody", "record[phone number]": "12"}
    assert errors_of(await send(ingest, fields, configuration="needs")).keys() == {
        "FIRST-NAME",
        "E Mail",
        "phone number",
        "city",
    }


async def test_a_record_that_names_nobody_is_an_error_of_the_record(ingest: Ingest) -> None:
    (sentence,) = errors_of(await send(ingest, {"record[First name]": "Ann"}))["record"]
    assert sentence.startswith("The event names nobody")


async def test_an_expression_that_does_not_fit_is_an_error_of_the_field_it_reads(ingest: Ingest) -> None:
    reply = await send(ingest, {"record[Mails]": "ann@example.com"}, configuration="joined")
    assert errors_of(reply)["Mails"] == ["The source's expression for this field does not fit the item."]


async def test_a_source_whose_hooks_are_signed_takes_records_with_a_key_like_any_other(ingest: Ingest) -> None:
    assert (await send(ingest, ANN, configuration="signed")).status_code == 200
    await ingest.add_key("k" * 40, "ingest")
    assert (await send(ingest, ANN, configuration="signed")).status_code == 401


# ------------------------------------------------------------------------------------------ what nobody has taken


async def test_a_field_that_is_not_mapped_is_named_as_it_was_sent(ingest: Ingest) -> None:
    fields = {
        **ANN,
        "record[Shoe Size]": "44",
        "record[Blank]": "",
        "record[Shirt][Size]": "L",
        "record[Shirt][Fit][Chest]": "slim",
        "record[Hats][]": ["1", "2"],
        "record[]": "x",
        "record[][Size]": "x",
        "record": "x",
        "record[Open": "x",
        "submit": "Send",
        "utf8": "✓",
    }
    reply = await send(ingest, fields)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    taken = "Shoe Size,Blank,Shirt[Size],Hats,Shirt[Fit][Chest],record[],record[][Size],record,record[Open,submit,utf8"
    assert reply.json() == {"ignored_fields": taken.split(",")}
    assert (await only_event(ingest))["values"] == {"email": ["ann@example.com"], "first_name": "Ann"}


async def test_a_mapped_source_names_every_field_that_no_expression_reads(ingest: Ingest) -> None:
    fields = {**LEAD, "record[Last name]": "Lee", "record[Address][Zip]": "89073", "record[e-mail]": "x"}
    reply = await send(ingest, fields, configuration="leads")
    assert reply.json()["ignored_fields"] == ["Last name", "Address[Zip]", "e-mail"]


async def test_a_source_that_rejects_unknown_fields_refuses_each(ingest: Ingest) -> None:
    fields = {"record[Email]": "nobody", "record[Shoe]": "44", "record[Hat][Size]": "7", "record[a][b][c]": "d"}
    errors = errors_of(await send(ingest, fields, configuration="strict"))
    assert errors.keys() == {"Email", "Shoe", "Hat[Size]", "a[b][c]"}
    assert errors["Hat[Size]"] == ["This source takes no such field."]


async def test_where_a_source_has_values_unknown_fields_are_named_and_refuse_nothing(ingest: Ingest) -> None:
    """`unknown_fields` speaks of an item's own keys where these are the attributes' names, at every door."""
    reply = await send(
        ingest, {"record[Email]": "ann@example.com", "record[Shoe]": "44"}, configuration="strict_mapped"
    )
    assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["Shoe"]})


async def test_fields_of_an_attribute_are_refused_and_so_is_a_value_with_fields_of_its_own(ingest: Ingest) -> None:
    fields = {**ANN, "record[City][Zip]": "89073", "record[Labels]": "new", "record[Labels][Colour]": "red"}
    errors = errors_of(await send(ingest, fields))
    assert errors["City"] == ["Text was expected, not an object."]
    assert errors["Labels[Colour]"] == ["This field is sent as a value and with fields of its own; send one of them."]


async def test_two_fields_of_one_attribute_are_refused(ingest: Ingest) -> None:
    errors = errors_of(await send(ingest, {**ANN, "record[e-mail]": "bob@example.com"}))
    assert errors.keys() == {"e-mail"}


@pytest.mark.parametrize("number", ["+4930123456", "+14155550123"])
async def test_a_number_whose_plus_became_a_space_is_not_taken_for_a_national_one(ingest: Ingest, number: str) -> None:
    content = f"record[Email]=ann@example.com&record[Phone number]={number}"
    reply = await ingest.client.put("/records", content=content, headers={"content-type": URLENCODED})
    assert errors_of(reply)["Phone number"][0].endswith("write %2B for it.")
    right = await ingest.client.put(
        "/records", content=content.replace("=+", "=%2B"), headers={"content-type": URLENCODED}
    )
    assert right.status_code == 200
    assert (await only_event(ingest))["values"]["phone_number"] == [number]


async def test_a_number_that_was_typed_with_a_space_in_a_form_of_parts_is_taken(ingest: Ingest) -> None:
    assert (await ingest.client.post("/records", files={"record[Voice]": (None, " 415 555 0123")})).content == b""
    assert (await only_event(ingest))["values"]["voice"] == ["+14155550123"]


# --------------------------------------------------------------------------------------------------- organisations


@pytest.mark.parametrize(
    ("fields", "organization"),
    [
        ({"Account ID": "A-1", "Account Name": "Office Mart"}, {"account_id": "A-1", "name": "Office Mart"}),
        ({"account_id": "A-1", "AccountName": "Office Mart"}, {"account_id": "A-1", "name": "Office Mart"}),
        ({"ACCOUNT-ID": "A-1", "accountname": "Office Mart"}, {"account_id": "A-1", "name": "Office Mart"}),
        ({"Account Name": " Office Mart "}, {"account_id": "Office Mart", "name": "Office Mart"}),
        ({"Account Name": "Office Mart", "Account ID": ""}, {"account_id": "Office Mart", "name": "Office Mart"}),
        ({"Account ID": "A-1", "Account Billing City": "Ulm"}, {"account_id": "A-1", "billing_city": "Ulm"}),
        ({"Account ID": "A-1", "accountBillingCity": "Ulm"}, {"account_id": "A-1", "billing_city": "Ulm"}),
        ({"Account ID": "A-1", "Account Billing City": ""}, {"account_id": "A-1"}),
    ],
)
async def test_fields_of_an_account_fill_the_organisation(
    ingest: Ingest, fields: dict[str, str], organization: dict[str, str]
) -> None:
    reply = await send(ingest, {**ANN, **{f"record[{name}]": value for name, value in fields.items()}})
    assert (reply.status_code, reply.content) == (200, b"")
    event = await only_event(ingest)
    assert event["organization"] == organization
    assert event["values"] == {"email": ["ann@example.com"], "first_name": "Ann"}


async def test_an_account_is_filled_beside_a_sources_values(ingest: Ingest) -> None:
    fields = {"record[Email]": "ann@example.com", "record[Account Name]": "Office Mart", "record[Company]": "A-1"}
    reply = await send(ingest, fields, configuration="strict_mapped")
    assert (reply.status_code, reply.json()) == (200, {"ignored_fields": ["Company"]})
    assert (await only_event(ingest))["organization"] == {"account_id": "Office Mart", "name": "Office Mart"}


async def test_a_source_may_say_itself_what_an_account_is(ingest: Ingest) -> None:
    fields = {
        "record[Email]": "ann@example.com",
        "record[Account Name]": "Office Mart",
        "record[Company]": "A-1",
        "record[Account City]": "Ulm",
    }
    assert (await send(ingest, fields, configuration="companies")).content == b""
    event = await only_event(ingest)
    assert event["organization"] == {"account_id": "A-1", "name": "Office Mart", "city": "Ulm"}
    assert event["values"]["company"] == "Office Mart"


async def test_an_account_that_nobody_names_is_named_as_ignored(ingest: Ingest) -> None:
    plain = await send(ingest, {**ANN, "record[Account City]": "Ulm", "record[Accountant]": "Bob"})
    assert plain.json()["ignored_fields"] == ["Accountant", "Account City"]
    fields = {"record[Email]": "ann@example.com", "record[Account Name]": "Office Mart"}
    mapped = await send(ingest, fields, configuration="companies")
    assert mapped.json()["ignored_fields"] == ["Account Name"]


async def test_faults_of_an_account_have_the_fields_as_they_were_sent(ingest: Ingest) -> None:
    fields = {
        **ANN,
        "record[Account Name]": "x" * 600,
        "record[Account City][]": ["Ulm", "Bonn"],
        "record[Account $x]": "1",
    }
    errors = errors_of(await send(ingest, {**fields, "record[account_city]": "Köln"}))
    assert errors["Account Name"] == ["An `account_id` has at most 512 characters."]
    assert errors["account_city"] == ["Two fields are about city of the organisation; send one of them."]
    fields["record[Account Name]"] = "Office Mart"
    errors = errors_of(await send(ingest, fields))
    assert errors["Account City"] == ["A field of an organisation holds one value, no list or object."]
    assert errors["Account $x"] == ["This cannot name a field of an organisation."]


async def test_an_empty_field_of_an_account_deletes_where_the_source_says_so(ingest: Ingest) -> None:
    fields = {**ANN, "record[Account ID]": "A-1", "record[Account City]": ""}
    assert (await send(ingest, fields, configuration="deletes")).content == b""
    assert (await only_event(ingest))["organization"] == {"account_id": "A-1", "city": None}


async def test_an_attribute_of_the_schema_comes_before_the_organisation(tmp_path: Path) -> None:
    attributes = [{"key": "email", "type": "email", "channel": "email"}, {"key": "account_manager"}]
    async with serving(tmp_path, {"schema": {"attributes": attributes}}) as own:
        fields = {"record[Email]": "ann@example.com", "record[Account Manager]": "Bob", "record[Account ID]": "A-1"}
        assert (await send(own, fields)).content == b""
        event = await only_event(own)
    assert event["values"]["account_manager"] == "Bob"
    assert event["organization"] == {"account_id": "A-1"}
