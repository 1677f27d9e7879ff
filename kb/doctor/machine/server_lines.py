"""Lines of a vLLM log that end it, from version 0.6 to 0.33: what each means, what mends it.

The words are those that vLLM, torch and the system print; each pattern is looked for in one line.
A message and a hint may name what the pattern found, e.g. {path}; `{port}` is the server's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One kind of line: a stable name, how it looks, what it means, and what mends it."""

    kind: str
    pattern: re.Pattern[str]
    message: str
    hint: str
    #: It only says that something else went wrong.
    follows: bool = False


def _known(kind: str, pattern: str, message: str, hint: str, *, follows: bool = False) -> Known:
    return Known(
        kind=kind, pattern=re.compile(pattern), message=message, hint=hint, follows=follows
    )


KNOWN: Final = (
    _known(
        "weights",
        r"Cannot find any model weights with [`'\"]?(?P<path>[^`'\"\s]+)",
        "There are no weights in {path}.",
        "Put the model's *.safetensors files beside its config.json there "
        "(`hf download MODEL --local-dir {path}`), or name the folder that holds them.",
    ),
    _known(
        "weights_damaged",
        r"SafetensorError|Error while deserializing header|UnpicklingError"
        r"|PytorchStreamReader failed",
        "A file of weights is damaged or was not downloaded to its end.",
        "Download it again. A *.safetensors file of some hundred bytes is a pointer: run "
        "`git lfs pull` in its folder.",
    ),
    _known(
        "weights_mismatch",
        r"There is no module or parameter named|weights were not initialized from checkpoint"
        r"|size mismatch for|KeyError: '(layers|model|embed_tokens|lm_head)\.",
        "The weights do not fit the architecture that config.json names.",
        "Download config.json and the weights together again, and update vLLM "
        "(`pip install -U vllm`).",
    ),
    _known(
        "path",
        r"Repo id must be in the form .*?: ?'(?P<path>[^']+)'",
        "There is no folder {path} where the server runs; it was taken for a name on the hub.",
        "Correct the path; in a container, mount the folder: `-v {path}:{path}`.",
    ),
    _known(
        "path",
        r"(?:^|\s)(?P<path>\S+) does not appear to have a file named config\.json"
        r"|Invalid repository ID or local directory specified: '(?P<path2>[^']+)'",
        "There is no model in {path}: no config.json.",
        "Name the folder that holds config.json and *.safetensors; in a cache of the hub that is "
        "`snapshots/<revision>`.",
    ),
    _known(
        "hub",
        r"GatedRepoError|gated repo|RepositoryNotFoundError|is not a valid model identifier"
        r"|40[13] Client Error",
        "The Hugging Face hub refuses the model: its name is wrong, or it is gated.",
        "Check the model's name; for a gated one accept its terms on its page and set HF_TOKEN.",
    ),
    _known(
        "hub",
        r"LocalEntryNotFoundError|OfflineModeIsEnabled|offline mode is enabled"
        r"|[Cc]ouldn't connect to .{0,40}huggingface|Failed to resolve 'huggingface"
        r"|host='huggingface\.co'.{0,200}Max retries",
        "The model is not on the server's disk, and the Hugging Face hub was not reached.",
        "Give `vllm serve` the path of a folder with the model; or unset HF_HUB_OFFLINE, or set "
        "HF_ENDPOINT to a mirror that the server reaches.",
    ),
    _known(
        "kv_cache",
        r"max seq len \((?P<length>\d+)\).*?stored in KV cache \((?P<fits>\d+)\)"
        r"|max seq len \((?P<length2>\d+)\).*?larger than the available KV cache memory"
        r"(?:.*?estimated maximum model length is (?P<fits2>\d+))?",
        "The GPU memory left over is too small for inputs of {length} tokens.",
        "Start vLLM with `--max-model-len {fits}`, or raise --gpu-memory-utilization (0.95).",
    ),
    _known(
        "kv_cache",
        r"No available memory for the cache blocks",
        "After loading the weights no GPU memory is left for vLLM's cache.",
        "Raise --gpu-memory-utilization (0.95), or lower --max-model-len (8192) and "
        "--max-num-batched-tokens.",
    ),
    _known(
        "memory",
        r"Free memory on device.*?\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\).*?less than desired",
        "Only {free} of {total} GiB of GPU memory were free when the server started.",
        "Stop what else uses the GPU (`nvidia-smi` names it), or start with "
        "`--gpu-memory-utilization {share}`.",
    ),
    _known(
        "memory",
        r"OutOfMemoryError|(CUDA|HIP) out of memory|CUDA error: out of memory"
        r"|CUBLAS_STATUS_ALLOC_FAILED",
        "The GPU's memory ran out.",
        "See with `nvidia-smi` who else uses the GPU; else start with a lower --max-model-len "
        "(8192), --max-num-seqs (64) or --gpu-memory-utilization (0.85).",
    ),
    _known(
        "max_model_len",
        r"User-specified max_model_len \((?P<length>\d+)\) is greater than the derived "
        r"max_model_len \(\w+=(?P<fits>[\d.]+)",
        "--max-model-len {length} is more than the model was made for ({fits}).",
        "Start with `--max-model-len {fits}`, or leave it out.",
    ),
    _known(
        "architecture",
        r"Model architectures? \[?'?(?P<name>\w+)[^]]*\]? (?:are|is) not supported"
        r"|Model architectures? \[?'?(?P<name2>\w+)[^]]*\]? failed to be inspected"
        r"|model type [`'\"]?(?P<name3>[\w-]+)[`'\"]? but Transformers does not recognize"
        r"|KeyError: '(?P<name4>qwen3|gemma3|modernbert|nomic_bert|new)'",
        "This version of vLLM does not know the architecture {name}.",
        "Update vLLM and transformers (`pip install -U vllm`); Qwen3-Embedding needs vLLM 0.8.5.",
    ),
    _known(
        "runner",
        r"does not support [`'\"]--(runner|task) \w+|does not support the '\w+' task"
        r"|Engine does not support \w+ (task|pooling)",
        "The model was started for another task than embedding.",
        "Start an embedding model with `--runner pooling` (vLLM before 0.10: `--task embed`).",
    ),
    _known(
        "arguments",
        r"error: (unrecognized arguments|argument|ambiguous option|the following arguments).*"
        r"|error: unrecognized arguments: (?P<what>\S+)",
        "vLLM did not understand its command line.",
        "Correct the option that the line names. `--runner pooling` replaced `--task embed` in "
        "vLLM 0.10; `vllm serve --help` lists what this version knows.",
    ),
    _known(
        "trust",
        r"trust.remote.code=True|contains custom code which must be executed",
        "The model brings program code of its own, which vLLM does not run unasked.",
        "If you trust its makers, start with `--trust-remote-code`.",
    ),
    _known(
        "dtype",
        r"[Bb]float16 is only supported on GPUs with compute capability",
        "This GPU cannot compute with bfloat16.",
        "Start with `--dtype half`.",
    ),
    _known(
        "driver",
        r"NVIDIA driver on your system is too old|driver version is insufficient"
        r"|forward compatibility was attempted|unsupported display driver",
        "The NVIDIA driver is too old for this build of vLLM.",
        "Update the driver (`nvidia-smi` shows the CUDA version that it can do), or use a vLLM "
        "built for that CUDA version.",
    ),
    _known(
        "gpu",
        r"[Nn]o CUDA GPUs are available|Failed to infer device type|Found no NVIDIA driver"
        r"|libcuda\.so\.1: cannot open|no CUDA-capable device|NVML Shared Library Not Found",
        "The server found no GPU.",
        "See whether `nvidia-smi` works where it runs, and what CUDA_VISIBLE_DEVICES says; start "
        "a container with `--gpus all`.",
    ),
    _known(
        "gpu",
        r"no kernel image is available|not compatible with the current PyTorch installation",
        "This build of vLLM has no program code for this GPU: it is too old, or too new for it.",
        "Update vLLM for a new GPU; for an old one use a version that still lists it.",
    ),
    _known(
        "port",
        r"[Aa]ddress already in use|EADDRINUSE",
        "Another program has the server's port {port}.",
        "See who it is with `ss -ltnp | grep {port}` and stop it, or choose another `--port` and "
        "set KB_BASE_URL to it.",
    ),
    _known(
        "compile",
        r"[Ff]ailed to find C compiler|Cannot find a functional C|InvalidCxxCompiler"
        r"|CppCompileError"
        r"|Python\.h: No such file|stddef\.h: No such file|InductorError|BackendCompilerFailed"
        r"|triton\.\S*(CompilationError|OutOfResources)|PTXASError|ptxas fatal",
        "Compiling the model failed.",
        "Install a compiler and Python's headers (`apt install gcc g++ python3-dev`), or start "
        "with `--enforce-eager`, which compiles nothing.",
    ),
    _known(
        "shared_memory",
        r"[Bb]us error|SIGBUS|/dev/shm.{0,80}(No space|too small)|No space left on device.*shm",
        "The container's shared memory is too small.",
        "Start the container with `--ipc=host`, or with `--shm-size=8g`.",
    ),
    _known(
        "disk",
        r"No space left on device|Disk quota exceeded",
        "The server's disk is full.",
        "Make room (`df -h`), or let HF_HOME and VLLM_CACHE_ROOT name a larger disk.",
    ),
    _known(
        "killed",
        r"^\s*Killed\s*$|\bKilled\s+(vllm|python)|\bOOMKilled\b|Out of memory: Killed process"
        r"|oom-kill|SIGKILL|[Ss]ignal 9\b|exit(ed)?( with)?( code| status)?[ :=(]+(137|-9)\b"
        r"|exitcode[ :=]+-9\b",
        "The server was killed, as the system does when the main memory runs out.",
        "See `dmesg | grep -i oom`; give the machine or container more memory (`--memory`), or "
        "start with a lower --max-model-len and no --cpu-offload-gb.",
    ),
    _known(
        "crash",
        r"[Ss]egmentation fault|SIGSEGV|CUDA error: |illegal memory access|device-side assert"
        r"|NCCL error|ncclSystemError",
        "The server crashed in the code that drives the GPU.",
        "Start it again; if it comes back, update vLLM and the driver, or try --enforce-eager.",
    ),
    _known(
        "engine",
        r"EngineDeadError|EngineCore encountered (an issue|a fatal error)"
        r"|Engine loop is not running|EngineCore (failed to start|hit an exception)"
        r"|Engine core initialization failed|Engine process failed to start"
        r"|[Bb]ackground (task|loop) (failed|has errored)|died unexpectedly"
        r"|WorkerProc initialization failed",
        "The engine stopped working; the cause is in the lines above.",
        "Read the log above that line, then start the server again; an ingest goes on where it "
        "stopped with the same command.",
        follows=True,
    ),
)

#: What a server does before it answers, in order; {done} is a share in percent.
STAGES: Final = (
    (re.compile(r"Initializing an? .*engine|Resolved architecture"), "reading the configuration"),
    (
        re.compile(
            r"(?:Downloading|Fetching \d+ files|model[\w.-]{0,60}\.safetensors)[^%]{0,80}?"
            r"\b(?P<done>\d{1,3})%"
        ),
        "downloading the model",
    ),
    (re.compile(r"Starting to load model|Time spent downloading weights"), "loading the weights"),
    (
        re.compile(r"Loading .{0,30}checkpoint shards:\s*(?P<done>\d{1,3})%"),
        "loading the weights",
    ),
    (
        re.compile(r"(Loading weights|[Mm]odel loading) took|Available KV cache memory|profil"),
        "measuring its memory",
    ),
    (
        re.compile(
            r"Dynamo bytecode transform|Compiling a graph|torch\.compile (took|takes)|cudagraph dis"
        ),
        "compiling the model",
    ),
    (
        re.compile(r"Capturing (?:the model|CUDA graph)(?:[^%]{0,80}?\b(?P<done>\d{1,3})%)?"),
        "capturing CUDA graphs",
    ),
    (
        re.compile(r"Started server process|Starting vLLM (API )?server|Graph capturing finished"),
        "opening its port",
    ),
)

READY: Final = re.compile(r"Application startup complete|Uvicorn running on")
STOPPED: Final = re.compile(
    r"\[shutdown\] .*shutdown triggered|INFO:\s+Shutting down|Received signal SIG(TERM|INT)"
    r"|KeyboardInterrupt|Received SIG(TERM|INT)|INFO:\s+Finished server process"
)
#: Levels at which nothing ends; a collector of logs may write a level of its own before it.
HARMLESS: Final = re.compile(r"^(?!.*\b(?:ERROR|CRITICAL|FATAL)\b).*\b(?:DEBUG|INFO|WARNING)\b[: ]")
#: The first line of a start.
START: Final = re.compile(r"vLLM API server version|[█▀▄] {1,4}version \d")
