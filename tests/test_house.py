"""House rules that no linter knows: size, layers, catalogue of failures, what is committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import CATALOGUE, Stage, failure
from tests.conftest import REPOSITORY

CODE = sorted([*REPOSITORY.glob("kb/**/*.py"), *REPOSITORY.glob("cli/**/*.py")])
LONGEST_MODULE = 350
RAISED = re.compile(r"""["']((?:discover|extract|chunk|embed|store|search|usage)\.[a-z_]+)["']""")


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("module", CODE, ids=_name)
def test_a_module_can_be_read_at_one_sitting(module: Path) -> None:
    assert module.read_text(encoding="utf-8").count("\n") <= LONGEST_MODULE


@pytest.mark.parametrize("module", CODE, ids=_name)
def test_a_function_fits_on_a_page(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    steps = {"store.py"}
    for module in CODE:
        for code in RAISED.findall(module.read_text(encoding="utf-8")):
            if code in steps or _is_step(module, code):
                continue
            assert code in CATALOGUE, f"{_name(module)} gives {code}"


def _is_step(module: Path, code: str) -> bool:
    """Settings and named steps for crash tests look like codes, and are none."""
    text = module.read_text(encoding="utf-8")
    return f'step("{code}")' in text or f'_setting("{code}"' in text or f'("{code}", ' in text


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_says_what_and_what_to_do_in_whole_sentences(code: str) -> None:
    entry = CATALOGUE[code]
    assert entry.cause[0].isupper()
    assert entry.cause.endswith(".")
    assert len(entry.cure) > 20
    assert failure(code).stage in Stage


LINTERS = {
    "layers": ["lint-imports", "--no-cache"],
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
}


@pytest.mark.parametrize("name", LINTERS)
def test_the_code_passes_its_linters(name: str) -> None:
    program, *arguments = LINTERS[name]
    linter = Path(sys.executable).parent / program
    if not linter.exists():
        pytest.skip(f"{program} is not installed beside this Python")
    done = subprocess.run(
        [linter, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_committed_names_a_registry_host_or_a_machine() -> None:
    hosts = ("files.python" + "hosted", "pypi" + ".org/simple", "registry.npm" + "js")
    homes = re.compile(r"(?<![\w.])/(?:root|work|farm|home/\w+)/")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        assert not any(host in text for host in hosts), name
        assert not homes.search(text), name
