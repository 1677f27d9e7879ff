"""`python -m tests.write_readme`: run the README's sessions anew and write what they print."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from kb.errors import CATALOGUE
from tests.conftest import REPOSITORY
from tests.test_docs import README, run


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder)
        shutil.copytree(REPOSITORY / "sample_docs", desk / "sample_docs")
        text = re.sub(
            r"^```console\n(.*?)^```",
            lambda block: _session(block.group(1), desk),
            README,
            flags=re.MULTILINE | re.DOTALL,
        )
    head, rest = text.split("<!-- codes -->", 1)
    text = f"{head}<!-- codes -->\n{_codes()}\n## " + rest.split("\n## ", 1)[1]
    (REPOSITORY / "README.md").write_text(text, encoding="utf-8")


def _session(session: str, desk: Path) -> str:
    told = []
    for command in re.findall(r"^\$ (.*)$", session, flags=re.MULTILINE):
        printed = "\n".join(line.rstrip() for line in run(command, desk).splitlines())
        told.append(f"$ {command}\n{printed}\n" if printed else f"$ {command}\n")
    return "```console\n" + "\n".join(told) + "```"


def _codes() -> str:
    rows = [f"| `{code}` | {entry.cause} | {entry.cure} |" for code, entry in CATALOGUE.items()]
    table = "\n".join(["| code | what happened | what to do |", "| --- | --- | --- |", *rows])
    return f"{table}\n"


if __name__ == "__main__":
    main()
