"""The rooms: what may import what, and that packaging knows them all."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ORACLE = ROOT / "oracle"
HARNESS = ROOT / "tests" / "harness"
# What each room may import, besides itself: what stands before it.
FLOORS = ("form", "cases", "kernels", "judging", "diagnosis", "campaigns")
ASIDE = {("campaigns", "diagnosis")}
"""rooms of one floor, that know nothing of each other"""
MOST = 12
"""files in a room, but for what tells what the room is"""


def _imports(file: Path) -> set[str]:
    """Return which modules of convcheck a file imports, by dotted names below the package."""
    package, found = file.relative_to(ORACLE).parent.parts, set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = f"{above}.{node.module or ''}" if node.level else node.module or ""
            if node.level or module.partition(".")[0] == "convcheck":
                found.add(module.removeprefix("convcheck").strip("."))
    return found


@pytest.mark.parametrize("room", FLOORS)
def test_arrows_point_down(room: str) -> None:
    """A room imports rooms below it alone; the face, which stands beside them, none of them."""
    below = {each for each in FLOORS[: FLOORS.index(room) + 1] if (room, each) not in ASIDE}
    files = [*(ORACLE / room).rglob("*.py")]
    upward = {
        (file.name, module)
        for file in files
        for module in _imports(file)
        if module.partition(".")[0] not in below
    }
    assert files
    assert not upward


def test_rooms_are_small() -> None:
    """No room has more files than can be taken in at a glance, and none lies beside the rooms."""
    tests = {file.parent for file in HARNESS.rglob("test_*.py")}
    rooms = tests | {file.parent for file in ORACLE.rglob("*.py")}
    crowded = {room for room in rooms if len([*room.glob("[!_]*.py")]) > MOST}
    assert {each.name for each in ORACLE.iterdir() if (each / "__init__.py").exists()} == {*FLOORS}
    assert not crowded
    assert not [*ORACLE.glob("[!_]*.py"), *HARNESS.glob("test_*.py")]


def test_packaging_knows_every_folder() -> None:
    """Every folder with code is installed, under the name that it is imported by."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tool = table["tool"]["setuptools"]
    roots = {ROOT / folder: name for name, folder in tool["package-dir"].items()}
    found = {
        ".".join((name, *file.parent.relative_to(root).parts))
        for root, name in roots.items()
        for file in root.rglob("__init__.py")
    }
    assert found == {*tool["packages"]}
