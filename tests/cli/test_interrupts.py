import json
import os
import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import CLEAN, ROOT

#: The interrupt meets a text run as a program; the making of a class; an import that fails of it.
MET = {
    "program": 'exec("os.kill(os.getpid(), NUMBER)")',
    "class": """
class Field:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), NUMBER)

class Row:
    field = Field()
""",
    "import": """
try:
    os.kill(os.getpid(), NUMBER)
except BaseException as error:
    raise ImportError("half a module") from error
""",
}
PROGRAM = """
import os, sys, types
import click
import cli.main

def work(*arguments, **options):
{met}

cli.main.cli.invoke = work
sys.exit(cli.main.main({arguments}))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", MET)
def test_an_interrupt_is_told_as_one_wherever_it_meets_python(tmp_path, place, number):
    met = MET[place].replace("NUMBER", str(int(number)))
    met = "".join(f"    {line}\n" for line in met.splitlines())
    text = PROGRAM.format(met=met, arguments=["status"])
    (tmp_path / "interrupted.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        env=CLEAN | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("Interrupted: ")
    assert done.stderr.count("\n") == 1


def test_a_command_that_was_to_outlive_its_terminal_ignores_it_still(tmp_path):
    program = (
        "import os, signal, cli.main\n"
        "cli.main.cli.invoke = lambda ctx: os.kill(os.getpid(), signal.SIGINT)\n"
        "raise SystemExit(cli.main.main(['status']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=CLEAN | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_without_interrupt_stays_what_it_is(kb, monkeypatch):
    def fail(*arguments):
        raise OSError(os.strerror(5))

    monkeypatch.setattr("cli.main.cli.invoke", fail)
    result = kb("status")
    assert result.code != 130
    assert "Input/output error" in result.err


STARTING = """
import os, signal, sys

class Meets:
    def find_spec(self, name, path=None, target=None):
        if name == "cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Meets())
sys.argv = ["kb", "status", "--json"]
import cli.start
sys.exit(cli.start.main())
"""


def test_an_interrupt_is_told_as_one_while_the_program_is_being_read(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STARTING],
        cwd=tmp_path,
        env=CLEAN | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("Interrupted: ")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["error"]["code"] == "run.interrupted"
