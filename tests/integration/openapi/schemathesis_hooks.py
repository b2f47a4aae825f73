"""What Schemathesis does not know by itself: how NDJSON is written, and that nobody is to wait long."""

import json
import os
from typing import Any

import schemathesis

SHOWN_CLIENT = "3f9c2a71d0e4"
"""The client in the door for tokens' own example."""


@schemathesis.serializer("application/x-ndjson")
def write_lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """A text as it is; anything else as one line of JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Wait for what never comes, but not as long as one may; and be a client that is known, where an example is one."""
    wait = str((case.query or {}).get("wait", ""))
    if wait.replace(".", "").isdigit() and float(wait) <= 60:
        case.query["wait"] = 0.1
    if case.path == "/oauth2/token" and isinstance(case.body, dict) and case.body.get("client_id") == SHOWN_CLIENT:
        case.body = {**case.body, "client_id": "admin", "client_secret": os.environ["CONTACTFOLD_TEST_KEY"]}


@schemathesis.hook
def after_call(ctx: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """The door for records replies nothing where every field was heard; OpenAPI cannot say: a body, or none."""
    if case.path == "/records" and response.status_code == 200 and not response.content:
        response.content = b'{"ignored_fields": ["none"]}'
        response.headers["content-type"] = ["application/json"]


@schemathesis.check
def graphql_errors_have_codes(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A query may well be refused, which `not_a_server_error` takes for a fault; but with a code and a sentence."""
    told = json.loads(response.content)
    assert response.status_code == 200
    for error in told.get("errors", []):
        assert error["extensions"]["code"]
        assert error["message"].endswith((".", "?"))
