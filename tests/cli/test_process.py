"""`kb` as a process: what it imports, closed pipes, full disks, terminals, signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.cells import cell_len

from cli.lazy import COMMANDS
from tests.cli.conftest import CLEAN, ROOT
from tests.fakes.endpoint import FakeEndpoint

HEAVY = ("rich", "numpy", "faiss", "httpx", "sqlite3", "pypdf", "docx", "lxml")
#: What may be loaded for some search, whole packages and parts of them.
DEAR = {
    *HEAVY,
    *("anyio", "certifi", "cryptography", "filelock", "h11", "httpcore", "httpx._main", "idna"),
    *(
        "onnxruntime",
        "pygments",
        "pypdfium2",
        "rich.console",
        "rich.text",
        "sqlite_utils",
        "ssl",
        "http.client",
    ),
}
#: What a search loads of it: to find words, to find meanings, to ask.
WORDS, MEANINGS, QUESTION = {"sqlite3"}, {"numpy", "faiss"}, {"h11"}
#: What only an ingest with something to do loads: whole packages, and rooms of kb.
WORK = ("multiprocessing", "concurrent", "kb.extract", "kb.chunk", "kb.embed")
WORK_PARTS = {
    *("kb.pipeline.flow", "kb.pipeline.members", "kb.pipeline.embedder", "kb.store.local.writer"),
    *("kb.store.local.words", "kb.store.local.seals"),
}
#: What an ingest that finds nothing to do has no use for: to make their classes would be a fifth
#: of what it costs.
NOUNS = {
    *("kb.model.documents", "kb.model.passages", "kb.store.rows", "kb.store.gaps"),
    *("kb.store.drafts", "kb.store.generations", "kb.store.local.segments"),
    *("kb.store.passages", "kb.store.local.gaps"),
    *("kb.store.local.summary", "kb.pipeline.toml_file", "kb.pipeline.observe"),
    *("kb.source.patterns", "kb.source.changes", "kb.source.mounts", "kb.source.writers"),
}
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]")

IMPORTS = """
import sys
from cli.start import main
code = main()
print(code, *sys.modules, file=sys.stderr)
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


def imported(*arguments, cwd, env=None):
    """Run a command; give all modules that were loaded, and those of them that are kb's own."""
    with python(IMPORTS, *arguments, cwd=cwd, env=env) as process:
        _, err = process.communicate(timeout=60)
    code, *modules = err.strip().splitlines()[-1].split()
    assert code == "0", err
    return set(modules), {name for name in modules if name.startswith(("kb.", "cli."))}


@pytest.fixture(scope="module")
def endpoint():
    with FakeEndpoint() as server:
        yield server


@pytest.fixture(scope="module")
def bases(tmp_path_factory, endpoint, kb_apart):
    """Give two knowledge bases with an index: of the built-in model, and of an endpoint."""
    # Fewer would be searched without an index.
    texts = "\n\n".join(
        f"# Part {n}\n\nThe warranty of part number {n} ends after {n} months of use."
        for n in range(1100)
    )
    made = {}
    lines = {"builtin": "", "endpoint": f'[embedding]\nbase_url = "{endpoint.base_url}"\n'}
    for name, embedding in lines.items():
        made[name] = tmp_path_factory.mktemp(name)
        (made[name] / "a.md").write_text(texts, encoding="utf-8")
        (made[name] / ".kb").mkdir()
        small = "[chunking]\ntarget_tokens = 30\noverlap_tokens = 0\n"
        (made[name] / ".kb" / "kb.toml").write_text(embedding + small, encoding="utf-8")
        assert kb_apart("ingest", "a.md", cwd=made[name]).code == 0
    return made


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


@pytest.mark.parametrize("shape", [(), ("--json",)])
@pytest.mark.parametrize(
    ("base", "mode", "loaded"),
    [
        ("builtin", "lexical", WORDS),
        ("endpoint", "lexical", WORDS),
        ("builtin", "dense", WORDS | MEANINGS),
        ("endpoint", "dense", WORDS | MEANINGS | QUESTION),
        ("endpoint", "hybrid", WORDS | MEANINGS | QUESTION),
    ],
)
def test_a_search_loads_what_it_needs(bases, base, mode, loaded, shape):
    modules, rooms = imported("search", "warranty", "--mode", mode, *shape, cwd=bases[base])
    assert modules & DEAR == loaded
    if mode == "lexical":
        assert "kb.store.local.segments" not in rooms
        # OpenSSL comes with it; the digest of the profile is told in JSON alone.
        assert ("hashlib" in modules) == (shape == ("--json",))


@pytest.mark.parametrize("base", ["builtin", "endpoint"])
@pytest.mark.parametrize("shape", [(), ("--json",), ("--prune",)])
def test_an_ingest_of_unchanged_files_loads_nothing_that_reads_or_embeds(bases, base, shape):
    modules, rooms = imported("ingest", "a.md", *shape, cwd=bases[base])
    assert modules & DEAR == {"sqlite3"}
    assert not {name for name in modules if name.split(".")[0] in WORK}
    assert not {name for name in rooms if name.startswith(WORK)} | (rooms & WORK_PARTS)
    # To forget what is gone, it reads all that is known.
    assert rooms & NOUNS == ({"kb.store.rows"} if shape == ("--prune",) else set())
    # OpenSSL comes with it; the digest of the profile is told in JSON alone.
    assert ("hashlib" in modules) == (shape == ("--json",))


def test_an_ingest_of_a_new_file_loads_what_reads_and_embeds(bases):
    (bases["builtin"] / "new.txt").write_text("A new note.", encoding="utf-8")
    try:
        modules, rooms = imported("ingest", "new.txt", cwd=bases["builtin"])
    finally:
        (bases["builtin"] / "new.txt").unlink()
    assert rooms >= WORK_PARTS
    assert {*WORK, "numpy"} <= modules


def test_a_search_through_a_proxy_loads_no_command_line(bases, endpoint):
    url = "http://gpu.invalid/v1"
    with FakeEndpoint(prefix=url) as proxy:
        env = {"KB_BASE_URL": url, "http_proxy": proxy.base_url.removesuffix(url), "no_proxy": ""}
        modules, _ = imported("search", "warranty", "--json", cwd=bases["endpoint"], env=env)
        assert proxy.embedded
    assert "httpx" in modules
    assert not modules & {"httpx._main", "rich", "pygments", "lxml", "pypdf", "sqlite_utils"}


def test_what_is_printed_is_the_same_with_rich_and_without(bases, kb_apart):
    without, through = (
        kb_apart("search", "warranty", "-k", "3", cwd=bases["builtin"], env=env)
        for env in ({}, {"FORCE_COLOR": "1"})
    )
    assert "\x1b" not in without.out
    assert "\x1b" in through.out
    assert re.sub(r"\x1b\[[0-9;]*m", "", through.out) == without.out


@pytest.mark.parametrize(
    ("arguments", "collects"), [(("search", "warranty"), False), (("list",), True)]
)
def test_only_a_short_command_leaves_its_garbage(bases, arguments, collects):
    script = "import gc\nfrom cli.start import main\nmain()\nprint(gc.isenabled())"
    with python(script, *arguments, cwd=bases["builtin"]) as process:
        out, _ = process.communicate(timeout=60)
    assert out.endswith(f"{collects}\n")


def test_a_search_starts_no_threads_of_a_blas(bases):
    script = """
import os
from cli.start import main
main()
print(len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1)
"""
    arguments = ("search", "warranty", "--mode", "dense")
    with python(script, *arguments, cwd=bases["endpoint"]) as process:
        out, _ = process.communicate(timeout=60)
    assert out.endswith("\n1\n")


@pytest.mark.parametrize(("env", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_a_blas_has_one_thread_unless_somebody_wants_more(tmp_path, env, threads):
    script = "import os\nfrom cli.start import main\nmain()\nprint(os.environ['%s'])"
    with python(script % "OPENBLAS_NUM_THREADS", "config", cwd=tmp_path, env=env) as process:
        out, _ = process.communicate(timeout=60)
    assert out.endswith(f"\n{threads}\n")


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


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="the extra minilm is not installed")
def test_what_kb_imports_tells_nobody_of_it(tmp_path):
    program = (
        "import sys, cli.start; sys.argv = ['kb', 'config', '--json']; "
        "code = cli.start.main(); import onnxruntime; sys.exit(code)"
    )
    kept = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=CLEAN | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(kept), "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))
