"""JMESPath as the configuration has it: checked where the file is read, so that nothing fails to compile later.

Where an expression for a value is wanted, `{constant: VALUE}` may stand instead. It is the friendlier spelling of a
JMESPath literal, and becomes one, so nobody behind the configuration knows the difference.
"""

from typing import Any

import jmespath
import orjson
from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.lexer import Lexer
from pydantic_core import PydanticCustomError

_CONSTANT = "constant"


def check_expression(text: str) -> str:
    """The expression itself, if it is JMESPath that can be run; else `PydanticCustomError` says why not, and where."""
    try:
        why = _find_wrong_call(jmespath.compile(text).parsed) or _find_bare_word(text)
    except JMESPathError as error:
        why = _explain(text, error)
    except RecursionError:
        why = "it is nested too deeply"
    if why:
        raise PydanticCustomError("expression", "{text} is no JMESPath: {why}", {"text": repr(text[:200]), "why": why})
    return text


def write_constant(raw: object) -> object:
    """`{constant: VALUE}` as the JMESPath literal that it stands for; anything else as it is.

    Raises `PydanticCustomError` for a mapping of another kind, and for a value that no attribute could hold.
    """
    if not isinstance(raw, dict):
        return raw
    if list(raw) != [_CONSTANT]:
        raise PydanticCustomError("constant", "must be JMESPath, or a constant, written {constant: VALUE}")
    value = raw[_CONSTANT]
    if not all(isinstance(one, str | bool | int | float) for one in (value if isinstance(value, list) else [value])):
        raise PydanticCustomError("constant", "a constant is text, a number, true or false, or a list of them")
    # A backtick ends a literal, unless it is written as JSON may write any character.
    return f"`{orjson.dumps(value).decode().replace('`', chr(92) + 'u0060')}`"


def find_literal(text: str) -> object:
    """The value of an expression that gives the same whatever it is asked of; None for any other."""
    tree: Any = jmespath.compile(text).parsed
    return tree["value"] if tree["type"] == "literal" else None


def _explain(text: str, error: JMESPathError) -> str:
    if text.lstrip().startswith("$"):
        return "leave out the `$.`; an expression begins at the item itself"
    why = str(error).split("\n", maxsplit=1)[0]
    match error:
        case EmptyExpressionError():
            why = "it is empty"
        case IncompleteExpressionError():
            why = "it ends too early"
        case LexerError(lexer_value="-"):
            why = f'column {error.lexer_position + 1}: put a name with a dash in double quotes, like buyer."e-mail"'
        case LexerError():
            why = f"column {error.lexer_position + 1}: {error.message[:1].lower()}{error.message[1:]}"
        case ParseError():
            why = f"column {error.lex_position + 1}: {str(error.token_value)!r} cannot stand here"
    return why


def _find_wrong_call(tree: Any) -> str:
    """What is wrong with the first function called wrongly: jmespath looks for functions only when it runs."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.get("type") == "function_expression" and (why := _judge_call(node["value"], len(node["children"]))):
            return why
        waiting += [child for child in reversed(node.get("children", ())) if isinstance(child, dict)]
    return ""


def _find_bare_word(text: str) -> str:
    """What is wrong with a `null`, `true` or `false` that is not in backticks: it would be the name of a field."""
    for token in Lexer().tokenize(text):
        if token["type"] == "unquoted_identifier" and token["value"] in ("null", "true", "false"):
            word, column = token["value"], token["start"] + 1
            return f"column {column}: {word} is the name of a field here; write it in backticks, `{word}`"
    return ""


def _judge_call(name: str, given: int) -> str:
    known: Any = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        return f"there is no function {name}"
    wanted = len(known["signature"])
    least = "at least " if known["signature"] and known["signature"][-1].get("variadic") else ""
    if given == wanted or (least and given > wanted):
        return ""
    return f"{name} takes {least}{wanted} argument{'' if wanted == 1 else 's'}, not {given}"
