"""Record what the functions of the notebook do, for `test_notebook.py`.

Usage: python tests/harness/record_notebook.py NOTEBOOK_TEXT

NOTEBOOK_TEXT is a text export of the notebook: cells headed by lines like `In [1]:`.
Only its four kernels are run, with NumPy as `np`.
"""

import ast
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from test_notebook import KERNELS, RECORDING, digest, groups, parameters


def kernels_in(text: str) -> dict[str, Any]:
    """Return the four kernels that `text` defines, by name."""
    cells = re.split(r"^In \[[^\]]*\]:\s*$", text, flags=re.MULTILINE)[1:]
    namespace: dict[str, Any] = {"np": np}
    for cell in cells:
        for node in ast.parse(cell).body:
            if isinstance(node, ast.FunctionDef) and node.name in KERNELS:
                code = compile(ast.Module([node], []), "<notebook>", "exec")
                exec(code, namespace)  # noqa: S102  (to run the notebook is the purpose)
    missing = [name for name in KERNELS if name not in namespace]
    if missing:
        raise SystemExit(f"no function {', '.join(missing)} in the cells of the notebook")
    return {name: namespace[name] for name in KERNELS}


def main() -> None:
    """Write the recording."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    kernels = kernels_in(text)
    recorded = {
        "notebook_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "numpy": np.__version__,
        "parameters": parameters(kernels),
        "groups": {group: digest(group, kernels) for group in groups()},
    }
    RECORDING.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
