"""What `updateCustomers` takes: customers as lists of keys and values, in a shape fixed by CONTRACT 5."""

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from graphql import EnumValueNode, GraphQLError, ListValueNode, ObjectValueNode, ValueNode, value_from_ast_untyped
from strawberry.types.arguments import InputContext
from strawberry.types.base import get_object_definition

Said = Mapping[str, Any]
"""A customer as it came: `{"values": [{"key": ..., "value": ...}]}`, where `value` may be left out."""

Value = NewType("Value", object)
"""What one key of a customer is given: any JSON. Which of it fits is for the attribute to say."""


def read_literal(node: ValueNode, variables: Mapping[str, Any] | None = None) -> object:
    """A literal value of a query. Raises `GraphQLError` for a bare word, which is a text without its quotes."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, EnumValueNode):
            raise GraphQLError("A text is written in quotes.", one)
        if isinstance(one, ListValueNode):
            waiting += one.values
        elif isinstance(one, ObjectValueNode):
            waiting += (entry.value for entry in one.fields)
    return value_from_ast_untyped(node, None if variables is None else dict(variables))


def _take(value: object) -> object:
    return value


VALUE = strawberry.scalar(
    name="CustomerValue",
    description='A text, a number, true or false, or a list of these. `""` deletes, `null` says nothing.',
    parse_value=_take,
    parse_literal=read_literal,
)


@strawberry.input(name="CustomerValueInput", description="What is said about one attribute of a customer.")
class Pair:
    """One key with its value."""

    key: str = strawberry.field(description="The attribute's key, name or alias. A key that nobody knows is ignored.")
    value: Value | None = strawberry.field(default=None, description="The values of a repeated key make a list.")


@strawberry.input(name="CustomerInput", description="One customer, with a value of at least one key or channel.")
class Customer:
    """One customer of a batch."""

    values: list[Pair]


def _as_it_came(_: type, said: Said, __: InputContext) -> Said:
    return said


# graphql-core has read the customers by their types already. Making an object of each value once more would cost more
# than all the rest, and batches have thousands of values.
get_object_definition(Customer, strict=True).from_input = _as_it_came
