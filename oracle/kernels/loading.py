"""Finding a candidate's function, by the name of its module or the path of a file."""

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from convcheck.form.operations import OPERATIONS, Operation

from .styles import notebooks

SAFE_PATH = ("PYTHONSAFEPATH", "convcheck")
"""keeps the working directory from a Python's module search path; kernels do not get it"""

_LAYERS = 20
"""decorators that are looked through"""


_IMPORTED: list[str] = []
"""modules that are being imported for their kernels, the outer one first"""


class CandidateError(ValueError):
    """A candidate cannot be judged as named; the message is one line."""


def is_path(module: str) -> bool:
    """Return whether a module is named by the path of its file."""
    return module.endswith((".py", notebooks.SUFFIX))


@contextmanager
def safe_path() -> Iterator[None]:
    """Start Python processes inside where files beside a kernel may bear names of its modules."""
    if SAFE_PATH[0] in os.environ:
        yield
        return
    os.environ.update([SAFE_PATH])
    try:
        yield
    finally:
        os.environ.pop(SAFE_PATH[0], None)


def look_in(path: Sequence[str]) -> None:
    """Look for modules in the working directory, then where the judge does, as given in `path`."""
    sys.path[:] = [*dict.fromkeys([*_working_directory(), *filter(None, path), *sys.path])]


def _working_directory() -> list[str]:
    try:
        return [str(Path.cwd())]
    except OSError:  # it is there no more
        return []


def import_module(name: str) -> ModuleType:
    """Import a module by its dotted name, or by the path of a .py file or of a notebook.

    Raises:
        CandidateError: that is not possible.
    """
    if "," in name and not Path(name).is_file():
        raise CandidateError(
            f"{name!r}: expected KEY=VALUE behind each comma; in a value commas stand in brackets "
            "or quotes"
        )
    if is_path(name) and not Path(name).is_file():
        raise CandidateError(f"module {name!r}: there is no such file")
    _IMPORTED.append(name)
    try:
        if not is_path(name):
            _look_last_in(_working_directory())
            return importlib.import_module(name)
        path = Path(name).resolve()
        home, full_name = _in_packages(path)
        folders = [*dict.fromkeys([str(path.parent), str(home)])]
        sys.path[:0] = folders  # so that it finds its neighbours, and its package
        try:
            if name.endswith(notebooks.SUFFIX):
                module = notebooks.module_of(path)
                sys.modules.setdefault(path.stem, module)  # so that its classes can be pickled
                return module
            spec = importlib.util.spec_from_file_location(full_name, path)
            assert spec is not None  # noqa: S101  (the name ends in .py)
            assert spec.loader is not None  # noqa: S101
            module = importlib.util.module_from_spec(spec)
            sys.modules.setdefault(full_name, module)
            spec.loader.exec_module(module)
        finally:
            for folder in folders:
                sys.path.remove(folder)
            _look_last_in(folders)  # for what it imports when called
    except CandidateError:
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise CandidateError(f"module {name!r}: {type(error).__name__}: {text}") from error
    finally:
        _IMPORTED.remove(name)
    return module


def is_packaged(module: str) -> bool:
    """Return whether a file is part of a package, whose other modules it may import by dots."""
    return is_path(module) and (Path(module).parent / "__init__.py").is_file()


def _in_packages(path: Path) -> tuple[Path, str]:
    """Return where a file's outermost package stands, or else the file, and its dotted name."""
    home, parts = path.parent, [path.stem] * (path.name != "__init__.py")
    while (home / "__init__.py").is_file():
        home, parts = home.parent, [home.name, *parts]
    return home, ".".join(parts)


def require_no_import() -> None:
    """Raise CandidateError while a module is imported for its kernel.

    A process that judges it from there imports it again, and so on without end.
    """
    if _IMPORTED:
        raise CandidateError(
            f"module {_IMPORTED[0]!r}: importing it has a kernel judged in another process, which "
            'imports it again: put what judges under `if __name__ == "__main__":`'
        )


def _look_last_in(folders: Sequence[str]) -> None:
    """Look for modules in these folders too, where no other has one of that name."""
    sys.path += [folder for folder in folders if folder not in sys.path]


def source_digest(module: str) -> str:
    """Return the SHA-256 of the file that a module stands in; empty if it has no file.

    It tells a kernel from another under the same name; what the file imports, it does not see.
    """
    try:
        return files_digest([file_of(module) or ""])
    except (ImportError, ValueError):
        return ""


def files_digest(paths: Iterable[str]) -> str:
    """Return the SHA-256 of files, one after another; empty if one cannot be read."""
    try:
        return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()
    except (OSError, ValueError):
        return ""


def file_of(module: str) -> str | None:
    """Return where `import_module` would find a module; nothing is imported, parents neither."""
    if is_path(module):
        return module
    kept = sys.path[:]
    look_in([])
    try:
        spec, name = None, ""
        for part in module.split("."):
            where = spec.submodule_search_locations if spec else None
            if name and where is None:  # no package
                return None
            name = f"{name}.{part}".removeprefix(".")
            found = (finder.find_spec(name, where) for finder in sys.meta_path)
            loaded = getattr(sys.modules.get(name), "__spec__", None)
            spec = loaded or next(filter(None, found), None)
            if spec is None:
                return None
        return spec.origin if spec else None
    finally:
        sys.path[:] = kept


def find(module: str, name: str) -> Callable[..., Any]:
    """Return what is called `name`, which may be dotted, in a module; CandidateError if none."""
    found: Any = import_module(module)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            known = getattr(found, "__dict__", {})
            near = get_close_matches(part, [name for name, own in known.items() if callable(own)])
            rather = f"; it has {' and '.join(near)}" if near else ""
            raise CandidateError(f"module {module!r} has no {name!r}{rather}") from None
    if not callable(found):
        raise CandidateError(
            f"{module}:{name}={found!r:.100}: expected a function, not one of type "
            f"{type(found).__name__}"
        )
    function: Callable[..., Any] = found
    return function


def kernels_of(module: str) -> list[str]:
    """Return which functions that were written in a module bear an operation's name.

    Raises:
        CandidateError: there are none; it says what the module imports.
    """
    return kernels_in(import_module(module), module)


def kernels_in(found: ModuleType, module: str) -> list[str]:
    """Return the same of a module that was imported."""
    named = {name: getattr(found, name, None) for name in OPERATIONS}
    homes = {name: imported_from(found, each) for name, each in named.items() if callable(each)}
    names = [name for name, home in homes.items() if home is None]
    if names:
        return names
    problem = f"module {module!r}: expected a function with the name of an operation"
    if homes:
        imported = ", ".join(f"{name} from {home}" for name, home in homes.items())
        raise CandidateError(
            f"{problem} that was written there; it imports {imported}: to judge what is imported, "
            f"name it, as in {module}:{next(iter(homes))}"
        )
    raise CandidateError(f"{problem}: {', '.join(OPERATIONS)}")


def imported_from(module: ModuleType, kernel: Any) -> str | None:
    """Return which other module `module` has a kernel from; None if it was made in this one.

    What a decorator made of a function was made where that was, and a package makes what its
    modules do.  Other objects tell nothing of where they were made: only another module that
    has the very same one can be where it comes from.
    """
    own = module.__name__
    layer = kernel
    for _ in range(_LAYERS):
        file = getattr(getattr(layer, "__code__", None), "co_filename", None)
        home = f"{getattr(layer, '__module__', None)}."
        if home.startswith(f"{own}.") or file == getattr(module, "__file__", ""):
            return None
        layer = getattr(layer, "__wrapped__", None)
    for name, other in list(sys.modules.items()):
        has = getattr(other, "__dict__", {}).values()
        if other is not module and any(each is kernel for each in has):
            return name
    return None


def check_call(
    function: Callable[..., Any],
    place: str,
    operation: Operation,
    by_position: Sequence[str],
    by_name: Sequence[str],
) -> bool:
    """Return whether `function` takes `fore_layer`; CandidateError if not the arguments."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # built in: it does not tell
        return False
    try:
        signature.bind(*by_position, **dict.fromkeys(by_name))
    except TypeError as error:
        raise CandidateError(
            f"{place} cannot be called with the {len(operation.signature)} arguments of "
            f"{operation.name} ({', '.join(operation.signature)}): {error}"
        ) from None
    parameters = signature.parameters.values()
    return "fore_layer" in signature.parameters or any(p.kind is p.VAR_KEYWORD for p in parameters)
