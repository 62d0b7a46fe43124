"""Changes the code in small ways and lists the changes that no test notices: ``python tests/mutants.py AREA [--sample 50]``.

mutmut does it on a copy in ``build/mutants/AREA``, with the tests of that area alone; ``mutmut show NAME`` there prints one.
What is listed is either a test that is missing, or a change that makes no difference (a slower sort, a default written out).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "ad_autocategorize"
# What is changed, and the tests that should notice.
AREAS = {
    "titles": (
        [f"{PLUGIN}/titles/*.py", f"{PLUGIN}/titles/training/*.py"],
        [f"tests/titles/test_{name}.py" for name in ("scorer", "units", "weights", "golden", "chosen_numbers")],
    ),
    "label-errors": (
        [f"{PLUGIN}/titles/label_errors/*.py"],
        [
            "tests/titles/test_mislabels.py",
            "tests/titles/test_chosen_numbers.py",
            "tests/moderation/test_taxonomy_health.py",
        ],
    ),
    "evaluation": (
        [f"{PLUGIN}/titles/evaluation/*.py"],
        [f"tests/titles/test_evaluation_{name}.py" for name in ("data", "metrics", "protocol")],
    ),
    "sources": (
        [f"{PLUGIN}/sources/*.py"],
        [f"tests/plugin/test_{name}.py" for name in ("sources", "checks", "car_fields")],
    ),
    "label-weights": ([f"{PLUGIN}/categories/label_weights.py"], ["tests/moderation/test_label_weights.py"]),
    "moderation": (
        [f"{PLUGIN}/moderation/*.py"],
        [
            f"tests/moderation/test_{name}.py"
            for name in ("review", "queue", "bulk", "merging", "feedback", "car_review")
        ],
    ),
}
# Numbers of mutmut's results that are no survivors.
SURVIVED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("area", choices=AREAS)
    parser.add_argument("--sample", type=int, help="Try this many changes, drawn by chance; all of them without.")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = ROOT / "build" / "mutants" / options.area
    copy(folder, *AREAS[options.area])
    # Nothing has that name: the changes are made and the tests timed, no more.
    mutmut(folder, "run", "--max-children", "1", "none.has.this.name")
    results = read(folder)
    if not results:
        sys.exit(f"mutmut has changed nothing: see what it says in {folder}.")
    drawn = sorted(results)
    if options.sample:
        drawn = sorted(random.Random(options.seed).sample(drawn, min(options.sample, len(drawn))))
    mutmut(folder, "run", "--max-children", "1", *drawn)
    report(folder, drawn, len(results))


def copy(folder: Path, changed: list[str], tests: list[str]) -> None:
    """Copy what git tracks, and tell mutmut what to do there."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    lines = {
        "source_paths": ["ad_autocategorize", "taxonomy", "marketplace"],
        "only_mutate": changed,
        "also_copy": ["manage.py"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": tests,
    }
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))


def mutmut(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "mutmut", *arguments]
    with (folder / "mutmut.log").open("a", encoding="utf-8") as log:
        subprocess.run(command, cwd=folder, check=False, stdout=log, stderr=log)


def read(folder: Path) -> dict[str, int | None]:
    """Return the status by which the tests ended for each change; none for one that was not tried."""
    results: dict[str, int | None] = {}
    for path in (folder / "mutants").rglob("*.meta"):
        results |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return results


def report(folder: Path, drawn: list[str], number: int) -> None:
    results = read(folder)
    survived = [name for name in drawn if results[name] == SURVIVED]
    untested = [name for name in drawn if results[name] not in (None, SURVIVED, 1, 3)]
    for name in survived:
        command = [sys.executable, "-m", "mutmut", "show", name]
        shown = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True).stdout
        changes = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        print("\n".join([name, *changes, ""]))
    print(f"{len(drawn)} of {number} changes tried: {len(survived)} that no test notices,", end=" ")
    print(f"{len(untested)} that no test of this area reaches or that took too long.")


if __name__ == "__main__":
    main()
