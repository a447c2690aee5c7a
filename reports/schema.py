"""Holding a report against the JSON Schema beside this file.

Only what the schema uses of JSON Schema is known here; the tests compare with a full
implementation.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from convcheck.kernels.text import one_line

Json = dict[str, Any]

# By the names of JSON Schema.  Booleans are integers to Python, not to JSON.
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


class SchemaError(ValueError):
    """A document is not as its schema says; the message is one line."""


@lru_cache
def schema() -> Json:
    """Return the schema of a report."""
    text = (Path(__file__).parent / "schema.json").read_text(encoding="utf-8")
    document: Json = json.loads(text)
    return document


def check(document: Any, kind: str | None = None) -> None:
    """Raise SchemaError, naming the place, unless `document` is as the schema says.

    `kind` names what it is instead of a report, among the schema's definitions.
    """
    _check(document, schema()["$defs"][kind] if kind else schema(), kind or "report")


def _check(value: Any, rules: Json, where: str) -> None:
    if "$ref" in rules:  # what stands beside it is a description
        rules = schema()["$defs"][rules["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in rules:
        _check_any(value, rules["anyOf"], where)
    kinds = rules.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        _refuse(value, where, " or ".join(kinds))
    if "const" in rules and value != rules["const"]:
        _refuse(value, where, repr(rules["const"]))
    if "enum" in rules and value not in rules["enum"]:
        _refuse(value, where, f"one of {', '.join(map(str, rules['enum']))}")
    if "minimum" in rules and _is(value, "number") and value < rules["minimum"]:
        _refuse(value, where, f"at least {rules['minimum']}")
    if "maximum" in rules and _is(value, "number") and value > rules["maximum"]:
        _refuse(value, where, f"at most {rules['maximum']}")
    if isinstance(value, dict):
        _check_object(value, rules, where)
    if isinstance(value, list):
        _check_array(value, rules, where)


def _check_any(value: Any, choices: list[Json], where: str) -> None:
    """Tell of the last choice's problem if none fits."""
    for rules in choices[:-1]:
        try:
            return _check(value, rules, where)
        except SchemaError:
            pass
    return _check(value, choices[-1], where)


def _check_object(value: Json, rules: Json, where: str) -> None:
    known = rules.get("properties", {})
    others = rules.get("additionalProperties", True)
    for name in rules.get("required", ()):
        if name not in value:
            raise SchemaError(f"{where}: expected a member {name!r}")
    for name, each in value.items():
        if name in known:
            _check(each, known[name], f"{where}.{name}")
        elif others is False:
            raise SchemaError(f"{where}: unexpected member {one_line(repr(name))}")
        elif others is not True:
            _check(each, others, f"{where}.{one_line(name)}")


def _check_array(value: list[Any], rules: Json, where: str) -> None:
    if len(value) < rules.get("minItems", 0):
        _refuse(value, where, f"at least {rules['minItems']} items")
    if len(value) > rules.get("maxItems", len(value)):
        _refuse(value, where, f"at most {rules['maxItems']} items")
    if "items" in rules:
        for at, each in enumerate(value):
            _check(each, rules["items"], f"{where}[{at}]")


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _refuse(value: Any, where: str, expected: str) -> None:
    raise SchemaError(f"{where} is {one_line(repr(value), 60)}: expected {expected}")
