"""What a request asks, worked out: the operations, and the way of a query through them (CONTRACT 5).

Nothing here waits for anything. A mutation adds its batch to what is `Asked`; its reply comes later, from whoever
imports it.

Importing this module takes a third of what a whole process takes to start, for the libraries it stands on. So the
door alone does, and only once somebody asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import strawberry
from graphql import DocumentNode, GraphQLError, MaxIntrospectionDepthRule, OperationDefinitionNode, parse
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from contactfold.domain.schema import Schema
from contactfold.web.problems import Problem
from contactfold_ingest.graphql.attributes import AttributeConnection, connect
from contactfold_ingest.graphql.bounds import MOST_TOKENS, check_bounds
from contactfold_ingest.graphql.customers import Batch, Customers
from contactfold_ingest.graphql.inputs import VALUE, Customer, Said, Value
from contactfold_ingest.graphql.request import Request

_LONGEST_KEPT = 8_192
"""Characters of a query that is kept ready: programs send the same one over and over. One with the customers written
out never comes again, and takes a hundred times its length."""


@dataclass(slots=True)
class Asked:
    """What a request is worked out with, and its batches in the order they are to be imported."""

    schema: Schema
    customers: Customers
    operation: str | None
    batches: list[Batch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """What came of a request. `data` has an empty text in the place of each batch's reply.

    Where there are errors, nothing is to be imported.
    """

    data: dict[str, Any] | None
    errors: Sequence[GraphQLError]
    batches: Sequence[Batch]


Info = strawberry.Info[Asked, None]


def _read_attributes(info: Info, first: int | None = None, after: str | None = None) -> AttributeConnection:
    return connect(info.context.schema.attributes, first, after)


@strawberry.type(description="The attributes that a customer may have.")
class CustomerSchema:
    """The contact schema, as this door's clients know it."""

    attributes: AttributeConnection = strawberry.field(
        resolver=_read_attributes, description="In their order, all of them where `first` is left out."
    )


def _read_schema() -> CustomerSchema:
    return CustomerSchema()


@strawberry.type
class Query:
    """What can be asked."""

    customer_schema: CustomerSchema = strawberry.field(
        resolver=_read_schema, description="The attributes that a customer may have."
    )


def _ask_for_import(info: Info, customers: list[Customer]) -> str:
    said = cast(list[Said], customers)  # as they came: see inputs.py
    asked = info.context
    asked.batches.append(Batch(str(info.path.key), asked.customers.read(said)))
    return ""


@strawberry.type
class Mutation:
    """What can be told."""

    update_customers: str = strawberry.mutation(
        resolver=_ask_for_import,
        description="Imports a batch of customers, all of them or none, and says how many contacts are new and "
        "updated once the directory has them.",
    )


class _Parsing(ParserCache):
    """Parses within bounds, and finds the operation that is meant."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        query = context.query or ""
        parse_it = self.cached_parse_document if len(query) <= _LONGEST_KEPT else parse
        document: DocumentNode = parse_it(query, max_tokens=MOST_TOKENS)
        check_bounds(document)
        _check_operation(document, context.context.operation)
        context.graphql_document = document
        yield


class _Validation(ValidationCache):
    """Validates, and keeps the result of a query that is kept."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        context.validation_rules = (*context.validation_rules, MaxIntrospectionDepthRule)
        if len(context.query or "") <= _LONGEST_KEPT:
            yield from super().on_validate()
        else:
            yield


def _check_operation(document: DocumentNode, wanted: str | None) -> None:
    """Raise `GraphQLError` unless it is clear which operation is meant: never just the first of several."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if not operations:
        raise GraphQLError("The query holds no operation; one begins with `query`, `mutation` or `{`.")
    if wanted is None and len(operations) > 1:
        raise GraphQLError("The query holds several operations; name the one you mean in `operationName`.")
    if wanted is not None and not any(one.name and one.name.value == wanted for one in operations):
        raise GraphQLError("The query holds no operation of the name in `operationName`.")


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing: a library's message may repeat what was sent."""


_SCHEMA = _Schema(
    Query,
    Mutation,
    extensions=[_Parsing, _Validation],
    config=StrawberryConfig(scalar_map={Value: VALUE}),
)


def work_out(request: Request, schema: Schema) -> WorkedOut:
    """What a request asks for. Raises what nobody foresaw as it is."""
    asked = Asked(schema, Customers(schema), request.operation)
    result = _SCHEMA.execute_sync(
        request.query, variable_values=request.variables, context_value=asked, operation_name=request.operation
    )
    errors = result.errors or []
    for error in errors:
        if _is_ours(error):
            raise error.original_error or error
    return WorkedOut(result.data, errors, asked.batches)


def _is_ours(error: GraphQLError) -> bool:
    """Whether an error is a fault of this code: not of the query, which has a place, nor one that we tell."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError | Problem):
        return False
    return error.path is not None or not error.locations
