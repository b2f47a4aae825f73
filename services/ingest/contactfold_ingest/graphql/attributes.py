"""The contact schema's attributes in pages, as Relay's connections are: forwards, by opaque cursors.

A cursor names an attribute by its key, so a page goes on where the last one ended though attributes were added since.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from enum import Enum

import strawberry
from strawberry.relay import PageInfo

from contactfold.domain import schema as domain
from contactfold.web.problems import Problem

_PREFIX = "attribute:"


@strawberry.enum(description="What an attribute holds.")
class AttributeType(Enum):
    """The types of the contact schema."""

    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    CHOICE = "choice"


@strawberry.type(description="A field that a customer may have.")
class Attribute:
    """One attribute of the contact schema."""

    key: str = strawberry.field(description="What it goes by.")
    name: str = strawberry.field(description="What people call it; it names the attribute, too.")
    contains_pii: bool = strawberry.field(description="Whether its values are personal.")
    type: AttributeType = strawberry.field(description="What it holds.")
    is_key: bool = strawberry.field(description="Whether a value of it is one customer's alone.")
    is_multi: bool = strawberry.field(description="Whether a customer may have several values of it.")
    channel: str | None = strawberry.field(description="How its values reach a person, where they do.")
    alternatives: list[str] | None = strawberry.field(description="The values of a choice.")


@strawberry.type(description="An attribute with its cursor.")
class AttributeEdge:
    """One attribute of a page."""

    cursor: str
    node: Attribute


@strawberry.type(description="A page of attributes.")
class AttributeConnection:
    """One page."""

    nodes: list[Attribute]
    edges: list[AttributeEdge]
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many attributes there are.")


def connect(attributes: Sequence[domain.Attribute], first: int | None, after: str | None) -> AttributeConnection:
    """The page of `first` attributes after a cursor; all that are left where `first` is None.

    Raises `Problem` for a negative `first` and for a cursor that no page gave.
    """
    if first is not None and first < 0:
        raise Problem(422, "invalid_field", "`first` is a whole number from 0.")
    begin = 0 if after is None else _find(attributes, after) + 1
    end = len(attributes) if first is None else min(begin + first, len(attributes))
    edges = [AttributeEdge(cursor=_write_cursor(one), node=_show(one)) for one in attributes[begin:end]]
    page = PageInfo(
        has_next_page=end < len(attributes),
        has_previous_page=begin > 0,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    nodes = [edge.node for edge in edges]
    return AttributeConnection(nodes=nodes, edges=edges, page_info=page, total_count=len(attributes))


def _show(attribute: domain.Attribute) -> Attribute:
    return Attribute(
        key=attribute.key,
        name=attribute.name,
        contains_pii=attribute.pii,
        type=AttributeType(attribute.type),
        is_key=attribute.is_key,
        is_multi=attribute.multi,
        channel=attribute.channel,
        alternatives=list(dict.fromkeys(attribute.choices.values())) or None,
    )


def _write_cursor(attribute: domain.Attribute) -> str:
    return urlsafe_b64encode(f"{_PREFIX}{attribute.key}".encode()).decode()


def _find(attributes: Sequence[domain.Attribute], cursor: str) -> int:
    """The place of the attribute that a cursor names."""
    try:
        named = urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        named = ""
    key = named.removeprefix(_PREFIX) if named.startswith(_PREFIX) else ""
    for place, attribute in enumerate(attributes):
        if attribute.key == key:
            return place
    raise Problem(422, "invalid_cursor", "`after` is no cursor of this list; send the `endCursor` of a page.")
