"""`kb` as a process: what it imports, closed pipes, full disks, terminals, signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from cli.lazy import COMMANDS

HEAVY = ("rich", "numpy", "faiss", "httpx", "sqlite3", "pypdf", "docx", "lxml", "pebble")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]")

IMPORTS = """
import sys
from cli.start import main
code = main()
print(code, *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
print(*(name for name in sys.modules if name.startswith(("kb.", "cli."))), file=sys.stderr)
"""

WAITING = """
import sys, time
import kb.pipeline.catalogue as catalogue
def documents(*_):
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(30)
catalogue.documents = documents
from cli.main import main
sys.exit(main(["list"]))
"""


def python(script, *arguments, cwd, env=None):
    root = str(Path(__file__).parents[2])
    environ = {k: v for k, v in os.environ.items() if not k.startswith("KB_")}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=environ | {"PYTHONPATH": root, "COLUMNS": "80"} | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def imported(*arguments, cwd):
    with python(IMPORTS, *arguments, cwd=cwd) as process:
        _, err = process.communicate(timeout=60)
    top, rooms = err.strip().splitlines()[-2:]
    code, *modules = top.split()
    assert code == "0"
    return set(modules), set(rooms.split())


def test_the_version_costs_next_to_nothing(tmp_path):
    modules, rooms = imported("--version", cwd=tmp_path)
    assert not modules.intersection({*HEAVY, "click", "json", "dataclasses", "re"})
    assert rooms == {"cli.start"}


@pytest.mark.parametrize("arguments", [("--help",), ("search", "--help"), ("completion", "zsh")])
def test_help_imports_nothing_heavy(tmp_path, arguments):
    modules, rooms = imported(*arguments, cwd=tmp_path)
    assert not modules.intersection(HEAVY)
    assert not {room for room in rooms if room.startswith(("kb.pipeline", "kb.store"))}


def test_config_needs_no_library(tmp_path):
    modules, _ = imported("config", cwd=tmp_path)
    assert not modules.intersection(HEAVY[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_fits_and_has_examples(kb, name):
    for option in ("-h", "--help"):
        result = kb(name, option, columns="200")
        assert result.code == 0
        assert all(cell_len(line) <= 80 for line in result.out.split("\n"))
        assert "Examples:\n    kb" in result.out.replace('eval "$(kb', "kb")
        assert all(each in result.out for each in ("--home", "--json", "--quiet", "--debug"))


def test_help_lists_every_command_and_none_that_is_not_there(kb):
    out = kb("--help").out
    listed = out.split("Commands:\n")[1].split("\n\n")[0].split("\n")
    assert tuple(line.split()[0] for line in listed) == COMMANDS
    assert not [line for line in listed if "..." in line]


def test_version(kb):
    import kb as package

    assert kb("--version").out == f"kb {package.__version__}\n"
    assert kb("--version", "--json").json["version"] == package.__version__


@pytest.mark.parametrize("arguments", [("config",), ("config", "--json"), ("--help",)])
def test_a_reader_that_goes_away_is_no_error(tmp_path, kb_apart, arguments):
    read, write = os.pipe()
    os.close(read)
    try:
        result = kb_apart(*arguments, cwd=tmp_path, stdout=write)
    finally:
        os.close(write)
    assert (result.code, result.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_output_that_cannot_be_written_is_told(tmp_path, kb_apart):
    with Path("/dev/full").open("wb") as full:
        result = kb_apart("config", cwd=tmp_path, stdout=full)
    assert result.code == 1
    assert "could not be written" in result.err
    assert "Traceback" not in result.err
    assert "Exception ignored" not in result.err


def test_closed_streams_are_no_error(tmp_path):
    root = str(Path(__file__).parents[2])
    command = f'"{sys.executable}" -m cli.main config >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, check=False
    )
    assert done.returncode == 0


def test_styles_on_a_terminal_and_nowhere_else(tmp_path, kb_on_terminal, kb_apart):
    code, shown = kb_on_terminal("config", cwd=tmp_path)
    assert code == 0
    assert "\x1b[1m" in shown
    assert "\x1b" not in kb_apart("config", cwd=tmp_path).out


def test_no_color_is_heard(tmp_path, kb_on_terminal):
    code, shown = kb_on_terminal("list", cwd=tmp_path)
    assert code == 2
    assert COLOUR.search(shown)
    code, shown = kb_on_terminal("list", cwd=tmp_path, env={"NO_COLOR": "1"})
    assert code == 2
    assert not COLOUR.search(shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_command_with_one_line(tmp_path, number):
    with python(WAITING, cwd=tmp_path) as process:
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.startswith("Interrupted: what was finished is kept;")
    assert err.count("\n") == 1


def test_completion_offers_commands_and_options(tmp_path, kb_apart):
    words = {"COMP_WORDS": "kb se", "COMP_CWORD": "1", "_KB_COMPLETE": "bash_complete"}
    assert kb_apart(cwd=tmp_path, env=words).out == "plain,search\n"
    words |= {"COMP_WORDS": "kb search --mo", "COMP_CWORD": "2"}
    assert kb_apart(cwd=tmp_path, env=words).out == "plain,--mode\n"
