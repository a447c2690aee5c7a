"""The schema is strict, covers all that a report may hold, and is what reports are held against."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from sample import TESTS, everything, report

from convcheck.form.formats import DTYPES
from convcheck.form.operations import OPERATIONS
from convcheck.reports import document, files
from convcheck.reports.document import Report, schema
from convcheck.reports.merge import merge
from convcheck.reports.status import ReportError

Json = dict[str, Any]

VALIDATOR = jsonschema.Draft202012Validator(schema())


RICH = everything()
LOST = {TESTS[0]: "failed", TESTS[4]: "crashed", TESTS[9]: "missing", TESTS[12]: "skipped"}
MERGED = merge({"a": report(run=TESTS[:9], outcomes=LOST), "b": report(run=TESTS[9:])})


@pytest.mark.parametrize(
    "whole",
    [report(), RICH, report(run=[]), MERGED],
    ids=["plain", "rich", "empty", "merged"],
)
def test_reports_are_as_the_schema_says(whole: Report) -> None:
    """What convcheck writes is valid, by jsonschema and by the check of what it reads."""
    written = json.loads(files.text_of(whole))
    VALIDATOR.validate(written)
    assert files.checked(written, Report) == whole


def test_the_schema_is_published() -> None:
    """The file beside the types is what follows from them."""
    published = Path(document.__file__).parent / "schema.json"
    assert json.loads(published.read_bytes()) == schema()


def test_the_schema_is_one_and_strict() -> None:
    """It is a valid schema, and no object in it takes members that it does not name."""
    jsonschema.Draft202012Validator.check_schema(schema())
    for place in objects(schema()):
        if place.get("type") == "object":
            assert "additionalProperties" in place, place
            assert place["additionalProperties"] is not True


def objects(rules: Any) -> Iterator[Json]:
    """Yield every object within."""
    if isinstance(rules, dict):
        yield rules
    for each in rules.values() if isinstance(rules, dict) else rules:
        if isinstance(each, (dict, list)):
            yield from objects(each)


def test_the_schema_knows_operations_and_dtypes() -> None:
    """Names of operations and dtypes are those of the oracle."""
    cell = schema()["$defs"]["Cell"]["properties"]
    assert cell["operation"]["enum"] == list(OPERATIONS)
    assert set(cell["dtype"]["enum"]) == set(DTYPES)


def small() -> Json:
    """Return a report with one item of each list, of cells one that failed."""
    whole: Json = json.loads(files.text_of(RICH))
    found = whole["findings"]
    found["cells"].sort(key=lambda cell: cell["failure"] is None)
    found.update({name: rows[:1] for name, rows in found.items() if isinstance(rows, list)})
    return whole


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container within, with a key of it; of lists the first item's."""
    for key in list(value) if isinstance(value, dict) else range(min(len(value), 1)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def fits(whole: Json) -> bool:
    """Return what the check says; the message is one line."""
    problem = ""
    try:
        files.checked(whole, Report)
    except ReportError as error:
        problem = str(error)
    assert problem.isprintable()
    assert len(problem) < 1000
    return not problem


GONE = object()
OTHERS: tuple[Any, ...] = (GONE, None, True, -1, 1.5, "text", [], [1] * 30, {"more": 1}, 2**60)


@pytest.mark.parametrize("part", sorted(schema()["$defs"]["Findings"]["properties"]))
def test_the_check_agrees_with_jsonschema(part: str) -> None:
    """Whatever is put in place of something, or left out, both accept or both refuse."""
    whole = small()
    assert fits(whole)
    found = whole["findings"]
    alone = VALIDATOR.evolve(schema=schema()["$defs"]["Findings"]["properties"][part])
    inside = places(found[part]) if isinstance(found[part], (dict, list)) else ()
    for holder, key in [(found, part), *inside]:
        kept = copy.copy(holder)
        for other in OTHERS:
            if other is not GONE:
                holder[key] = other
                assert fits(whole) == alone.is_valid(found[part]), (key, other)
            elif holder is not found:
                del holder[key]
                assert fits(whole) == alone.is_valid(found[part]), key
            holder.clear()
            holder.update(kept) if isinstance(holder, dict) else holder.extend(kept)


@pytest.mark.parametrize("name", ["$defs", "a\nb", "\x1b[31m", "\ud800"])
def test_an_unknown_member_is_refused(name: str) -> None:
    """A member that the schema does not know is refused, in one line, by name where it has one."""
    whole = small()
    whole["findings"]["cells"][0][name] = 1
    with pytest.raises(ReportError) as caught:
        files.checked(whole, Report)
    assert "unknown field" in str(caught.value) or name == "\ud800"
