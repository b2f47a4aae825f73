"""The contact schema as JSON, one shape wherever it is told: `GET /v1/schema` and `contactfold schema show`."""

from contactfold.domain.schema import Attribute, Schema


def schema_object(schema: Schema) -> dict[str, object]:
    """Every attribute in the schema's order, which is the order of identifiers too."""
    return {
        "attributes": [attribute_object(attribute) for attribute in schema.attributes],
        "default_country": schema.default_country,
        "fingerprint": schema.fingerprint,
    }


def attribute_object(attribute: Attribute) -> dict[str, object]:
    """One attribute; `values` are the alternatives of a choice, each once."""
    return {
        "key": attribute.key,
        "name": attribute.name,
        "type": attribute.type,
        "is_key": attribute.is_key,
        "channel": attribute.channel,
        "multi": attribute.multi,
        "pii": attribute.pii,
        "max_values": attribute.max_values if attribute.channel else None,
        "anonymous": attribute.anonymous,
        "mandatory": attribute.mandatory,
        "values": list(dict.fromkeys(attribute.choices.values())),
        "aliases": list(attribute.aliases),
    }
