"""A program that uses the library from a bare script is run once, not once more in each worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

SCRIPT = """
import sys
from pathlib import Path
from kb.extract import open_extractor
from kb.model import Source
print("started")
path = Path(sys.argv[1])
source = Source(path="a.md", location=path, size=path.stat().st_size, mtime_ns=1, inode=1)
with open_extractor(workers=1) as extractor:
    for _, outcome in extractor.map([source]):
        print(outcome.text)
"""


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one page")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path / "a.md"],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split("\n") == ["started", "one page", ""], done.stderr
