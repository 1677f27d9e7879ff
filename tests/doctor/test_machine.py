"""The GPU as nvidia-smi tells it, and the server's log from its first line to its last."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.doctor.check import Check
from kb.doctor.examination import Examination, Wanted
from kb.doctor.machine import checks as machine
from kb.doctor.machine import gpu, log_file
from kb.doctor.machine.log_story import clean, story_of
from kb.doctor.machine.server_lines import KNOWN
from kb.doctor.machine.server_log import checks as log_checks
from kb.pipeline.base import locate

HERE = "http://127.0.0.1:8000/v1"


@pytest.fixture
def examine(tmp_path: Path) -> Callable[..., Examination]:
    def examine(base: str = HERE, *facts: str, **more: Any) -> Examination:
        environ = {"KB_API_KEY": "own-key"}
        home = locate(tmp_path / ".kb", environ=environ, cwd=tmp_path)
        given = {"wanted": Wanted(), "container": False} | more
        return Examination(base_of=home, base=base, facts=set(facts), **given)

    return examine


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program named nvidia-smi with this shell code first in the path."""

    def put(code: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{code}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


def says(gpus: str, processes: str = "") -> str:
    return f"""case "$*" in
*query-gpu*) printf '%s\\n' '{gpus}';;
*) printf '%s\\n' '{processes}';;
esac"""


def one(examination: Examination) -> Check:
    [check] = machine.checks(examination)
    assert check.id == "machine.gpu"
    assert check.hint or check.status in {"ok", "skip"}
    return check


# -- nvidia-smi ----------------------------------------------------------------------------


def test_two_gpus_and_their_users(
    examine: Callable[..., Examination], smi: Callable[[str], None]
) -> None:
    smi(
        says(
            "0, NVIDIA H200, 129000, 143771, 14000, 37\n1, NVIDIA H200, 4, 143771, 143000, 0",
            "4242, VLLM::EngineCore, 128500\n77, /srv/models/bin/python3, [N/A]",
        )
    )
    check = one(examine(HERE, "vectors"))
    assert check.status == "ok"
    assert "GPU 0 NVIDIA H200: 126.0 of 140.4 GiB used, 37% busy; GPU 1" in check.message
    assert "VLLM::EngineCore (pid 4242, 125.5 GiB), python3 (pid 77)" in check.message
    assert "someone" not in f"{check}"
    assert [each["used"] for each in check.detail["gpus"]] == [129000, 4]


def test_a_full_gpu_and_an_idle_one(
    examine: Callable[..., Examination], smi: Callable[[str], None]
) -> None:
    smi(says("0, NVIDIA L4, 22800, 23034, 100, 0", "9, python3, 22700"))
    check = one(examine(HERE, "vectors"))
    assert check.status == "warn"
    assert "nearly full" in check.message
    assert "--gpu-memory-utilization" in check.hint
    smi(says("0, NVIDIA L4, 3, 23034, 22700, 0"))
    assert "works on the CPU" in one(examine(HERE, "vectors")).hint
    assert one(examine(HERE)).status == "ok"


def test_what_the_driver_does_not_say_is_left_out(
    examine: Callable[..., Examination], smi: Callable[[str], None]
) -> None:
    smi(says("0, NVIDIA GB10, [N/A], [N/A], [N/A], [Not Supported]"))
    check = one(examine(HERE, "vectors"))
    assert check.status == "ok"
    assert "memory unknown" in check.message
    assert "%" not in check.message


@pytest.mark.parametrize(
    ("said", "code", "hint"),
    [
        ("Failed to initialize NVML: Driver/library version mismatch", 18, "restart the machine"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9, "mod"),
        ("No devices were found", 6, "lspci"),
        ("No devices were found", 0, "lspci"),
        ("Unable to determine the device handle for GPU 0000:01:00.0", 255, "dmesg"),
        ("", 1, "dmesg"),
    ],
)
def test_a_driver_that_fails(
    examine: Callable[..., Examination],
    smi: Callable[[str], None],
    said: str,
    code: int,
    hint: str,
) -> None:
    smi(f'echo "{said}"; exit {code}')
    check = one(examine())
    assert check.status == "fail"
    assert said.rstrip(".") in check.message
    assert hint in check.hint
    assert one(examine(HERE, "vectors")).status == "warn"


def test_a_driver_that_hangs(smi: Callable[[str], None]) -> None:
    smi("exec sleep 30")
    found = gpu.look(patience=0.2)
    assert isinstance(found, gpu.Trouble)
    assert found.timeout


def test_a_program_that_cannot_be_run(
    examine: Callable[..., Examination], smi: Callable[[str], None], tmp_path: Path
) -> None:
    smi("")
    (tmp_path / "bin/nvidia-smi").write_bytes(b"\x7fELF nonsense")
    assert one(examine()).status == "fail"


def test_where_there_is_none(
    examine: Callable[..., Examination], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "another machine" in one(examine()).message
    assert "--gpus all" in one(examine(container=True)).message


def test_a_server_elsewhere_is_not_looked_at(
    examine: Callable[..., Examination], smi: Callable[[str], None]
) -> None:
    smi(says("0, NVIDIA L4, 22900, 23034, 100, 0"))
    for base in ("http://gpu.example:8000/v1", "http://192.0.2.7:8000/v1"):
        check = one(examine(base))
        assert check.status == "skip"
        assert "Run `nvidia-smi` there" in check.message
    assert "no endpoint is set" in one(examine("")).message
    for base in (f"http://{socket.gethostname()}:8000/v1", "http://127.9.9.9/v1"):
        assert one(examine(base)).status != "skip"


@given(gpus=st.text(alphabet="01,. [N/A]\nMiB-e", max_size=60))
@settings(max_examples=60)
def test_any_answer_of_nvidia_smi_is_read(gpus: str) -> None:
    for row in gpu._rows(gpus):
        made = gpu._gpu(row)
        assert made is None or made.share is None or 0 <= made.share <= 1


# -- the log -------------------------------------------------------------------------------

BANNER = "(APIServer pid=7) INFO 11-22 19:21:54 [api_utils.py:347]   █▄█▀ █  version 0.32.0"
ARGS = (
    "(APIServer pid=7) INFO 11-22 19:21:54 [api_utils.py:286] non-default args: "
    "{'model_tag': '/models/bge', 'port': 8123, 'api_key': ['k-77-secret'], 'model': '/models/bge'}"
)
ENGINE = (
    "(EngineCore pid=9) INFO 11-22 19:22:02 [core.py:133] Initializing a V1 LLM engine (v0.32.0) "
    "with config: model='/models/bge', speculative_config=None, dtype=torch.bfloat16, "
    "max_seq_len=8192, device_config=cuda, pooler_config=PoolerConfig(pooling_type='CLS')"
)
WEIGHTS = (
    "(EngineCore pid=9) INFO 11-22 19:22:11 [gpu_model_runner.py:5040] Starting to load model x..."
)
READY = [
    (
        "(APIServer pid=7) INFO 11-22 19:22:14 [entry.py:140] Starting vLLM server on "
        "http://0.0.0.0:8123"
    ),
    "INFO:     Started server process [7]",
    "INFO:     Waiting for application startup.",
    "INFO:     Application startup complete.",
]
START = [BANNER, ARGS, ENGINE, WEIGHTS]
OLD = [
    "INFO 11-18 18:07:01 api_server.py:585] vLLM API server version 0.6.4.post1",
    (
        "INFO 11-18 18:07:01 api_server.py:586] args: Namespace(host=None, port=8000, "
        "api_key='k-77-secret', model='intfloat/e5-mistral-7b-instruct', task='embedding')"
    ),
]


@pytest.fixture
def told(examine: Callable[..., Examination], tmp_path: Path) -> Callable[..., list[Check]]:
    """Give the checks of a log with these lines."""

    def told(*lines: str, facts: tuple[str, ...] = ()) -> list[Check]:
        file = tmp_path / "vllm.log"
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")
        found = list(log_checks(examine(HERE, *facts), file))
        assert found[0].id == "machine.log"
        assert len({check.id for check in found}) == len(found)
        assert "k-77-secret" not in f"{found}"
        return found

    return told


Told = Callable[..., list[Check]]


def test_a_finished_start(told: Told) -> None:
    [check] = told(*START, *READY, 'INFO:     10.0.0.9:1 - "GET /health HTTP/1.1" 200 OK')
    assert check.status == "ok"
    assert check.message == (
        "The log shows a finished start: vLLM 0.32.0 with /models/bge "
        "(max_model_len 8192, bfloat16, CLS, cuda)."
    )
    [check] = told(*OLD, "INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)")
    assert check.status == "ok"
    assert "0.6.4.post1" in check.message


#: Kind, the line, a word of the message, a word of the hint. Written after what versions from
#: 0.6 to 0.33 print; paths and names are made up.
FATAL = [
    (
        "weights",
        (
            "(Worker pid=9) ERROR 11-22 19:42:23 [multiproc_executor.py:953] RuntimeError: "
            "Cannot find "
            "any model weights with `/models/bge`"
        ),
        "no weights in /models/bge",
        "*.safetensors",
    ),
    (
        "weights_damaged",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
        "damaged",
        "git lfs pull",
    ),
    (
        "weights_mismatch",
        (
            "ERROR 07-18 10:28:51 [core.py:396] ValueError: There is no module or parameter named "
            "'roberta' in BertModel"
        ),
        "do not fit",
        "config.json",
    ),
    (
        "path",
        (
            "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or "
            "'namespace/repo_name': '/models/nothing'. Use `repo_type` argument if needed."
        ),
        "no folder /models/nothing",
        "-v /models/nothing:/models/nothing",
    ),
    (
        "path",
        "OSError: /models/empty does not appear to have a file named config.json. Checkout ...",
        "no model in /models/empty",
        "config.json",
    ),
    (
        "hub",
        "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-66)",
        "refuses the model",
        "HF_TOKEN",
    ),
    (
        "hub",
        (
            "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and "
            "couldn't "
            "find them in the cached files."
        ),
        "was not reached",
        "HF_HUB_OFFLINE",
    ),
    (
        "kv_cache",
        (
            "(EngineCore_DP0 pid=9) ValueError: To serve at least one request with the "
            "models's max "
            "seq len (40960), (5.62 GiB KV cache is needed, which is larger than the available KV "
            "cache memory (3.18 GiB). Based on the available memory, the estimated maximum model "
            "length is 23152. Try increasing `gpu_memory_utilization`"
        ),
        "inputs of 40960 tokens",
        "--max-model-len 23152",
    ),
    (
        "kv_cache",
        (
            "ERROR 11-18 18:07:28 engine.py:366] ValueError: The model's max seq len (32768) "
            "is larger "
            "than the maximum number of tokens that can be stored in KV cache (7344). Try"
        ),
        "inputs of 32768 tokens",
        "--max-model-len 7344",
    ),
    (
        "kv_cache",
        "ERROR 11-18 18:07:28 engine.py:366] ValueError: No available memory for the cache blocks.",
        "no GPU memory is left",
        "--gpu-memory-utilization",
    ),
    (
        "memory",
        (
            "(EngineCore pid=9) ERROR 11-22 [core.py:1] ValueError: Free memory on device cuda:0 "
            "(6.44/11.63 GiB) on startup is less than desired GPU memory utilization (0.9, "
            "10.47 GiB)."
        ),
        "6.44 of 11.63 GiB",
        "--gpu-memory-utilization 0.53",
    ),
    (
        "memory",
        (
            "ERROR 04-09 05:39:54 [core.py:390] torch.OutOfMemoryError: CUDA out of memory. "
            "Tried to "
            "allocate 350.00 MiB. GPU 0 has a total capacity of 23.68 GiB of which 212.81 MiB "
            "is free."
        ),
        "memory ran out",
        "nvidia-smi",
    ),
    (
        "max_model_len",
        (
            "  Value error, User-specified max_model_len (9999) is greater than the derived "
            "max_model_len (max_position_embeddings=512 or model_max_length=None in model's config)"
        ),
        "(512)",
        "--max-model-len 512",
    ),
    (
        "architecture",
        (
            "ERROR 11-27 08:40:23 engine.py:366] ValueError: Model architectures "
            "['NewEmbedModel'] are "
            "not supported for now. Supported architectures: dict_keys(['AquilaModel'])"
        ),
        "NewEmbedModel",
        "pip install -U vllm",
    ),
    (
        "architecture",
        (
            "  Value error, The checkpoint you are trying to load has model type `qwen3` but "
            "Transformers does not recognize this architecture."
        ),
        "qwen3",
        "0.8.5",
    ),
    (
        "runner",
        "  Value error, This model does not support `--runner pooling`. ",
        "another task",
        "--runner pooling",
    ),
    (
        "arguments",
        "vllm: error: unrecognized arguments: --task embed",
        "command line",
        "--runner pooling",
    ),
    (
        "trust",
        (
            "  Value error, The repository /models/x contains custom code which must be "
            "executed to "
            "correctly load the model."
        ),
        "program code of its own",
        "--trust-remote-code",
    ),
    (
        "dtype",
        "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0.",
        "bfloat16",
        "--dtype half",
    ),
    (
        "driver",
        "RuntimeError: The NVIDIA driver on your system is too old (found version 12040).",
        "too old",
        "Update the driver",
    ),
    (
        "gpu",
        "RuntimeError: Failed to infer device type, please set the environment variable",
        "no GPU",
        "--gpus all",
    ),
    (
        "gpu",
        (
            "torch.AcceleratorError: CUDA error: no kernel image is available for execution on the "
            "device"
        ),
        "no program code for this GPU",
        "Update vLLM",
    ),
    (
        "port",
        "OSError: [Errno 98] Address already in use",
        "port 8123",
        "ss -ltnp | grep 8123",
    ),
    (
        "compile",
        (
            "ERROR 03-22 09:50:04 [core.py:340] RuntimeError: Failed to find C compiler. Please "
            "specify via CC environment variable."
        ),
        "Compiling",
        "--enforce-eager",
    ),
    (
        "shared_memory",
        (
            "ERROR: Unexpected bus error encountered in worker. This might be caused by "
            "insufficient "
            "shared memory (shm)."
        ),
        "shared memory",
        "--ipc=host",
    ),
    ("disk", "OSError: [Errno 28] No space left on device", "disk is full", "df -h"),
    ("killed", "Killed", "was killed", "dmesg"),
    (
        "killed",
        (
            "(EngineCore pid=9) ERROR 11-22 [multiproc_executor.py:316] Worker proc "
            "VllmWorker-0 died "
            "unexpectedly (exit code: -9), shutting down executor."
        ),
        "was killed",
        "--memory",
    ),
    (
        "crash",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "crashed",
        "--enforce-eager",
    ),
    (
        "engine",
        (
            "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack "
            "trace (above) for the root cause."
        ),
        "engine stopped working",
        "same command",
    ),
]
#: What follows most causes.
CONSEQUENCES = [
    "(EngineCore pid=9) ERROR 11-22 19:42:25 [core.py:1510] EngineCore failed to start.",
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s)",
]


@pytest.mark.parametrize(("kind", "line", "message", "hint"), FATAL)
def test_a_known_end_is_told_with_its_cure(
    told: Told, kind: str, line: str, message: str, hint: str
) -> None:
    [check] = told(*START, line, *CONSEQUENCES)
    assert check.status == "fail"
    assert check.detail["found"] == kind
    assert message in check.message
    assert hint in check.hint
    assert "line 5 of the log, before the start was finished" in check.message
    [check] = told(*START, *READY, line)
    assert "after the start was finished" in check.message
    [check] = told(*START, line, facts=("vectors",))
    assert check.status == "warn"
    assert "answers now" in check.hint


def test_every_known_kind_is_tried() -> None:
    assert {known.kind for known in KNOWN} == {kind for kind, *_ in FATAL}


def test_every_hint_names_something_to_type_or_to_look_at() -> None:
    for known in KNOWN:
        assert known.message.endswith(".")
        assert known.hint.endswith(".")
        assert any(mark in known.hint for mark in ("`", "--", "HF_", "Update", "log above"))


def test_the_cause_comes_first_and_another_after_it(told: Told) -> None:
    first, second = told(
        *START,
        "ERROR 11-22 [core.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1",
        "OSError: [Errno 98] Address already in use",
        *CONSEQUENCES,
    )
    assert (first.detail["found"], second.detail["found"]) == ("memory", "port")
    assert second.id == "machine.log_port"


def test_only_the_latest_start_counts(told: Told) -> None:
    [check] = told(*START, "Killed", *START, *READY)
    assert check.status == "ok"
    assert check.detail["starts"] == 2
    [check] = told(*START, *READY, *START, "Killed")
    assert "before the start was finished" in check.message


def test_a_server_that_was_stopped_is_no_failure(told: Told) -> None:
    stop = (
        "(APIServer pid=7) INFO 11-22 [launcher.py:254] [shutdown] API server: shutdown triggered"
    )
    after = "(APIServer pid=7) ERROR 11-22 [async_llm.py:906] vllm.EngineDeadError: EngineCore enc"
    [check] = told(*START, *READY, stop, after)
    assert check.status == "warn"
    assert "being stopped, after it had started (line 9)" in check.message
    [check] = told(*START, stop, facts=("vectors",))
    assert check.status == "ok"
    [check] = told(*START, *READY, after, "INFO:     Shutting down")
    assert check.detail["found"] == "engine"


def test_harmless_lines_with_fatal_words_are_passed_over(told: Told) -> None:
    [check] = told(
        "WARNING 10-10 10:22:58 _custom_ops.py:18] Failed to import from vllm._C with ImportError("
        "'libcuda.so.1: cannot open shared object file: No such file or directory')",
        *START,
        "(EngineCore pid=9) WARNING 11-22 [utils.py:648] [shutdown] No space left on device",
        'INFO:     10.0.0.9:1 - "POST /v1/embeddings HTTP/1.1" 401 Unauthorized',
        *READY,
    )
    assert check.status == "ok"


def test_the_program_lines_of_a_traceback_are_passed_over(told: Told) -> None:
    [check] = told(
        *START,
        "(EngineCore pid=9) ERROR 11-22 [core.py:1510] Traceback (most recent call last):",
        '(EngineCore pid=9) ERROR 11-22 [core.py:1510]   File "/v/utils.py", line 7, in check',
        '(EngineCore pid=9) ERROR 11-22 [core.py:1510]     raise ValueError("No space left on dev',
        "(EngineCore pid=9) ERROR 11-22 [core.py:1510]     CUDA out of memory",
        "(EngineCore pid=9) ERROR 11-22 [core.py:1510] ValueError: Address already in use",
    )
    assert check.detail["found"] == "port"
    assert check.detail["line"] == 9


def test_an_error_that_is_not_known_is_quoted(told: Told) -> None:
    [check] = told(
        *START,
        "Traceback (most recent call last):",
        '  File "/v/x.py", line 1, in <module>',
        "    x()",
        "AttributeError: 'NoneType' object has no attribute 'hf_abcdefgh12345'",
    )
    assert check.status == "fail"
    assert "AttributeError: 'NoneType' object" in check.message
    assert "abcdefgh" not in check.message


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([BANNER, ARGS], "it is starting."),
        ([BANNER, ARGS, ENGINE], "reading the configuration"),
        (
            [*START, "model-00001-of-00002.safetensors:  43%|████      | 2.1G/4.9G"],
            "downloading the model (43%)",
        ),
        (START, "loading the weights."),
        (
            [
                *START,
                (
                    "\rLoading safetensors checkpoint shards:   0% Completed | 0/2"
                    "\rLoading safetensors checkpoint shards:  50% Completed | 1/2 [00:03<00:03]"
                ),
            ],
            "loading the weights (50%)",
        ),
        (
            [*START, "INFO 05-07 02:14:09 [backends.py:148] Compiling a graph for general shape"],
            "compiling the model",
        ),
        ([*START, "Capturing CUDA graph shapes:  63%|██████    | 22/35"], "CUDA graphs (63%)"),
        ([*START, *READY[:3]], "opening its port"),
    ],
)
def test_a_start_that_is_not_finished_says_how_far_it_is(
    told: Told, lines: list[str], words: str
) -> None:
    [check] = told(*lines)
    assert check.status == "warn"
    assert words in check.message
    assert "Application startup complete" in check.hint


def test_colours_journals_and_windows_shells(
    told: Told, examine: Callable[..., Examination], tmp_path: Path
) -> None:
    red = "\x1b[1;31mERROR\x1b[0m 11-22 [core.py:1] \x1b[31mtorch.OutOfMemoryError\x1b[0m: CUDA"
    [check] = told(*START, red)
    assert check.detail["found"] == "memory"
    assert "\x1b" not in f"{check}"
    [check] = told(*(f"Nov 22 19:00:00 host vllm[7]: {line}" for line in [*START, *READY]))
    assert check.status == "ok"
    file = tmp_path / "windows.log"
    file.write_text("\r\n".join([*START, *READY]), encoding="utf-16")
    [check] = log_checks(examine(), file)
    assert check.status == "ok"


def test_a_file_that_is_no_log_of_vllm(told: Told) -> None:
    [check] = told("127.0.0.1 localhost", "")
    assert check.status == "warn"
    assert "docker logs" in check.hint


def test_files_that_cannot_be_read(
    examine: Callable[..., Examination], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "vllm.log.gz"
    packed.write_bytes(gzip.compress(b"x"))
    pipe = Path("/dev/null")
    for file, words in (
        (tmp_path / "missing.log", "There is no file"),
        (tmp_path, "is a folder"),
        (packed, "is compressed"),
        (pipe, "no ordinary file"),
    ):
        [check] = log_checks(examine(), file)
        assert check.status == "fail"
        assert words in check.message
        assert check.hint

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    secret = tmp_path / "secret.log"
    secret.touch()
    examination = examine()
    monkeypatch.setattr(Path, "open", refuse)
    [check] = log_checks(examination, secret)
    assert "Permission denied" in check.message
    assert "chmod" in check.hint


def test_of_a_large_log_both_ends_are_read_and_the_lines_counted(
    examine: Callable[..., Examination], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "HEAD_BYTES", 2000)
    monkeypatch.setattr(log_file, "TAIL_BYTES", 1000)
    access = 'INFO:     127.0.0.1:33064 - "POST /v1/embeddings HTTP/1.1" 200 OK'
    file = tmp_path / "large.log"
    lines = [*START, *READY, *[access] * 500, "Killed"]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert len(log_file.read_lines(file)) < 60
    [check] = log_checks(examine(), file)
    assert check.detail["found"] == "killed"
    assert check.detail["model"] == "/models/bge"
    assert check.detail["line"] == len(lines)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=80))
def test_keys_never_stand_in_what_is_quoted(around: str) -> None:
    for line in (
        "api_key='K3Y-value'",
        "'api_key': ['K3Y-value']",
        "--api-key K3Y-value",
        "VLLM_API_KEY=K3Y-value",
        "HF_TOKEN=K3Y-value",
        "Authorization: Bearer K3Y-value",
        "https://user:K3Y-value@proxy.example",
    ):
        assert "K3Y-value" not in clean(f"{line} {around}")


@given(st.lists(st.sampled_from([*START, *READY, *OLD, *(row[1] for row in FATAL)]) | st.text()))
def test_any_lines_make_a_story(lines: list[str]) -> None:
    story = story_of([(number, text) for number, text in enumerate(lines, 1)])
    assert story.stopped == 0 or story.stopped <= len(lines)
    assert all(1 <= found.line <= len(lines) for found in story.found)
    assert len({found.kind for found in story.found}) == len(story.found)
    assert not any("{" in found.hint for found in story.found if found.kind != "architecture")


@given(content=st.binary(max_size=300))
def test_any_file_ends_in_checks(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.log"
    file.write_bytes(content)
    base = locate(tmp_path_factory.getbasetemp() / ".kb", environ={})
    found = list(log_checks(Examination(base_of=base, wanted=Wanted(), container=False), file))
    assert found
    assert all(check.hint or check.status == "ok" for check in found)
