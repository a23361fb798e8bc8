"""Size of the runtime install and cost of `import mien`: `python benchmarks/install_size.py`.

Installs the package without extras into a fresh environment, measures its size, and times `import mien` in fresh
processes, in CPU seconds, which depend less on other programs.
Writes benchmarks/results/install_size.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from layout import RESULTS, ROOT, commit, keep, this_machine

RESULT = RESULTS / "install_size.json"
TIMER = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
REPEATS = 9
MB = 1_000_000


def bytes_under(folder: Path) -> int:
    """Sum of the sizes of all files under `folder`."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def packages_of(python: Path) -> set[str]:
    """Names of the packages in an environment."""
    listed = [python, "-m", "pip", "list", "--format", "json"]
    found = json.loads(subprocess.run(listed, capture_output=True, text=True, check=True).stdout)
    return {package["name"] for package in found}


def import_seconds(python: Path, module: str, folder: Path) -> list[float]:
    """Processor seconds of `import module` in each of `REPEATS` fresh processes, after one to fill the disk cache."""
    command = [python, "-c", TIMER.format(module)]
    runs = [subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True) for _ in range(REPEATS + 1)]
    return [round(float(run.stdout), 4) for run in runs[1:]]


def main() -> None:
    """Measure and write the record."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        before, found_there = bytes_under(folder / "env"), packages_of(python)
        install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", ROOT]
        subprocess.run(install, check=True)
        packages = packages_of(python) - found_there
        result = {
            "measured": "pip install . without extras, mien included, and without a new environment's own packages",
            "commit": commit(),
            "installed_mb": round((bytes_under(folder / "env") - before) / MB, 1),
            "torch_installed": "torch" in packages,
            "packages": len(packages),
            "import_mien_cpu_s": {
                "median": statistics.median(seconds := import_seconds(python, "mien", folder)),
                "max": max(seconds),
                "repeats": REPEATS,
            },
            "machine": this_machine(),
        }
    keep(result, RESULT)
    if result["torch_installed"] or result["installed_mb"] >= 400 or result["import_mien_cpu_s"]["median"] >= 0.3:
        sys.exit("The runtime install must be without torch, under 400 MB, and `import mien` under 0.3 s.")


if __name__ == "__main__":
    main()
