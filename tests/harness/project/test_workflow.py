"""The workflow that users are shown: it can be read, its actions are pinned, its steps run."""

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pages import FIRST, PAGES, ROOT, blocks
from pytest_runs import environment

YAML: Any = import_module("yaml")
(TEXT,) = blocks("yaml", PAGES[ROOT / "reports" / "README.md"])
(SHORT,) = blocks("yaml", PAGES[FIRST])
WORKFLOW = YAML.safe_load(TEXT)
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["convcheck"]["steps"]
TAKE, JUDGE = (each["run"] for each in STEPS if "name" in each)
EXPRESSION = re.compile(r"\$\{\{ hashFiles\('(.*)'\) && '(.*)' \}\}")
# Whatever judges more than two tests takes minutes.
LITTLE = "-k 'boundary and (remainder or batch)' --hypothesis-profile=quick -p no:cacheprovider"
KERNELS = "from convcheck.reference.notebook import convolution\n"


def evaluated(script: str, where: Path) -> str:
    """Return a script with its expression put in, as GitHub does."""
    found = EXPRESSION.search(script)
    there = found and (where / found[1]).exists()
    return EXPRESSION.sub(found[2] if found and there else "", script)


def ran(script: str, where: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does, beside a module of kernels."""
    (where / "mykernels.py").write_text(KERNELS, encoding="utf-8")
    path = f"{where}:{Path(sys.executable).parent}:{environment()['PATH']}"
    given = {"PATH": path, "PYTEST_ADDOPTS": LITTLE, "GITHUB_REPOSITORY": "me/mine", **more}
    return subprocess.run(  # noqa: S603  (the page's own text)
        ["bash", "-e", "-o", "pipefail", "-c", evaluated(script, where)],  # noqa: S607
        cwd=where,
        env=environment(**given),
        capture_output=True,
        text=True,
        check=False,
    )


def test_actions_have_a_major_version() -> None:
    """Nobody gets another one unasked; the token may do no more than read."""
    actions = [each["uses"] for each in STEPS if "uses" in each]
    assert len(actions) == 3
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", each) for each in actions)
    assert {*WORKFLOW["permissions"].values()} == {"read"}
    named = re.findall(r"\$\{\{(.*?)\}\}", TEXT)
    assert [each.split()[0].partition("(")[0] for each in named] == ["github.token", "hashFiles"]


def test_the_steps_that_judge_run(tmp_path: Path) -> None:
    """First without an earlier report, then with one; the artifact has all that the next needs."""
    assert EXPRESSION.search(JUDGE)
    for told in ("", "Since "):
        done = ran(JUDGE, tmp_path, GITHUB_STEP_SUMMARY="s.md")
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("Since " in (tmp_path / "s.md").read_text(encoding="utf-8")) == bool(told)
    (upload,) = (each["with"]["path"] for each in STEPS if "upload" in each.get("uses", ""))
    left = {each.name for each in (tmp_path / upload).iterdir()}
    assert left == {"report.json", "index.html", "history.jsonl"}
    assert (tmp_path / upload / "history.jsonl").read_bytes().count(b"\n") == 2


def test_the_first_page_s_step_runs(tmp_path: Path) -> None:
    """It leaves the page."""
    (step,) = (each["run"] for each in YAML.safe_load(SHORT) if "convcheck check" in each["run"])
    done = ran(step, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report.html").exists()


GH = """#!/bin/sh
echo "$@" >> calls
case $1 in
api) test "$3" = --jq && jq -r "$4" artifacts.json ;;
run) mkdir -p "$7" && touch "$7/report.json" ;;
esac
"""


def artifact(run: int, branch: str, *, fork: bool = False, expired: bool = False) -> dict[str, Any]:
    """Return an artifact as GitHub lists it."""
    home = {"id": run, "repository_id": 1, "head_repository_id": 1 + fork, "head_branch": branch}
    return {"name": "convcheck", "expired": expired, "workflow_run": home}


def test_the_last_report_of_the_main_branch_is_taken(tmp_path: Path) -> None:
    """Not that of a change, nor of somebody else's main branch, nor one that is gone."""
    if shutil.which("jq") is None:
        pytest.skip("no jq on the PATH: apt-get install jq")
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o700)
    listed = [
        artifact(5, "change"),
        artifact(4, "main", fork=True),
        artifact(3, "main", expired=True),
        artifact(2, "main"),
        artifact(1, "main"),
    ]
    (tmp_path / "artifacts.json").write_text(json.dumps({"artifacts": listed}), encoding="utf-8")
    done = ran(TAKE, tmp_path)
    assert done.returncode == 0, done.stderr
    asked, taken = (
        line
        for line in (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
        if line.startswith(("api", "run"))
    )
    assert asked.startswith("api repos/me/mine/actions/artifacts?name=convcheck --jq [")
    assert taken == "run download 2 --name convcheck --dir report"
    assert (tmp_path / "report" / "report.json").exists()
