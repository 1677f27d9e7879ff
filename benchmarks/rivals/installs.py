"""Who is compared, how each is set up, and a virtual environment of its own for each."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PIP_LIMIT_S: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """One side: its script, what is installed for it, and how it is set up."""

    name: str
    module: str
    packages: tuple[str, ...]
    settings: str
    #: What its script is told at the end, for the sides that one script serves.
    word: str = ""


RIVALS: Final = (
    Rival(
        name="txtai",
        module="txtai",
        packages=("txtai",),
        settings="default FAISS index (IVF,Flat above 5,000 vectors, default nprobe); "
        "content=True keeps the texts; no index of words",
    ),
    Rival(
        name="lancedb",
        module="lancedb",
        packages=("lancedb",),
        settings="default: no index of vectors, compares with every one; no index of words",
    ),
    Rival(
        name="lancedb-idx",
        module="lancedb",
        packages=("lancedb",),
        word="indexed",
        settings="IvfPq index as it comes (cosine), nprobes 50, refine_factor 50; FTS index as "
        "it comes: English words with stems, but no word within a Chinese sentence",
    ),
    Rival(
        name="chroma",
        module="chroma",
        packages=("chromadb",),
        settings="default HNSW (M 16, construction 100, search 100); its own table of all "
        "threes of characters: no Chinese words of two",
    ),
    Rival(
        name="milvus-lite",
        module="milvus",
        packages=("pymilvus", "milvus-lite"),
        settings="default quick set-up (AUTOINDEX, cosine); no index of words",
    ),
    Rival(
        name="sqlite-vec",
        module="sqlite_vec",
        packages=("sqlite-vec", "pysqlite3-binary"),
        settings="vec0, compares with every vector (it has no other); no index of words",
    ),
    Rival(
        name="sqlite-vec+fts",
        module="sqlite_vec",
        packages=("sqlite-vec", "pysqlite3-binary"),
        word="fts",
        settings="vec0, compares with every vector; FTS5 over words with stems and pairs of "
        "Chinese characters (made in Python)",
    ),
)


def interpreter(rival: Rival, folder: Path) -> tuple[Path | None, str]:
    """Give the Python that has the rival and the versions it has, or None and why not.

    The environment is made under `folder` where it is not there yet.
    """
    home = folder / rival.module
    python = home / "bin" / "python"
    try:
        if not python.exists():
            _quietly([sys.executable, "-m", "venv", str(home)])
        if _versions(python, rival) is None:
            _quietly([str(python), "-m", "pip", "install", "-q", "numpy", *rival.packages])
    except subprocess.TimeoutExpired:
        return None, f"pip needs more than {_PIP_LIMIT_S} s"
    except subprocess.CalledProcessError as error:
        return None, last_line(error.stderr)
    versions = _versions(python, rival)
    return (python, versions) if versions else (None, "pip installed it, yet it is not there")


def last_line(told: str) -> str:
    """Give the last line that says something, cut to a row of the table."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1][:100] if lines else "it gave no reason"


def _versions(python: Path, rival: Rival) -> str | None:
    code = (
        "import sys, numpy\nfrom importlib.metadata import version\n"
        "print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))"
    )
    command = [str(python), "-c", code, *rival.packages]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PIP_LIMIT_S)
