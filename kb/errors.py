"""What can go wrong, at which stage, and what mends it.

    KbError                     carries one Failure; ends the command with its exit code
    ├── StageError              one document (or page, or chunk) failed; the run goes on
    ├── UsageError              wrong usage or settings                           exit 2
    ├── EndpointError           the embedding endpoint cannot be used             exit 3
    └── StoreError              the knowledge base cannot be used                 exit 4

A stage raises `StageError`; `kb.pipeline` alone catches it and writes the failure down. The
other three stop the run: what was committed before stays. `CATALOGUE` holds every code that
`kb` can give, with one sentence of cause and one command or edit that mends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

EXIT_OK: Final = 0
EXIT_PARTIAL: Final = 1
EXIT_USAGE: Final = 2
EXIT_ENDPOINT: Final = 3
EXIT_STORE: Final = 4
EXIT_INTERRUPTED: Final = 130


class Stage(StrEnum):
    """The stages of the pipeline, in the order a document passes them."""

    DISCOVER = "discover"
    EXTRACT = "extract"
    CHUNK = "chunk"
    EMBED = "embed"
    STORE = "store"
    SEARCH = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that did not work: where, why, and what to do about it."""

    stage: Stage
    code: str
    message: str
    #: The document (its path as stored), or None when no single document is to blame.
    source: str | None = None
    #: The place in the document, e.g. "page 3" or "chunk 12".
    locator: str | None = None
    hint: str = ""
    #: True when the same input may succeed later (a timeout, a busy server).
    retriable: bool = False
    attempts: int = 1
    #: What the other side said: HTTP status, first 500 characters of its body. Never a secret.
    detail: dict[str, Any] = field(default_factory=dict)

    def at(self, source: str | None = None, locator: str | None = None) -> Failure:
        """Give the same failure, tied to a document and a place in it."""
        return replace(self, source=source or self.source, locator=locator or self.locator)

    def as_json(self) -> dict[str, Any]:
        """Give the FAILURE object of the JSON contract."""
        return {
            "stage": self.stage.value,
            "code": self.code,
            "source": self.source,
            "locator": self.locator,
            "message": self.message,
            "hint": self.hint,
            "retriable": self.retriable,
            "attempts": self.attempts,
            "detail": self.detail,
        }


class KbError(Exception):
    """Any failure that `kb` knows and names; `failure` says all of it."""

    exit_code: int = EXIT_PARTIAL

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class StageError(KbError):
    """One document, page or chunk failed at one stage; its neighbours go on."""


class UsageError(KbError):
    """The command or the settings are wrong; nothing was done."""

    exit_code = EXIT_USAGE


class EndpointError(KbError):
    """The embedding endpoint is down, wrong or refuses; what was finished is kept."""

    exit_code = EXIT_ENDPOINT


class StoreError(KbError):
    """The knowledge base is locked, damaged, full or of another version."""

    exit_code = EXIT_STORE


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What a failure code means and what mends it."""

    cause: str
    cure: str
    retriable: bool = False


def _entry(cause: str, cure: str, *, retriable: bool = False) -> CatalogueEntry:
    return CatalogueEntry(cause, cure, retriable)


CATALOGUE: Final[dict[str, CatalogueEntry]] = {
    "usage.invalid": _entry(
        "The command cannot be understood.",
        "`kb --help` and `kb COMMAND --help` say what there is.",
    ),
    "usage.settings": _entry(
        "A setting does not fit.",
        "`kb config` shows every setting and where it comes from.",
    ),
    "run.interrupted": _entry(
        "Interrupted: what was finished is kept.",
        "Run the same command again to go on.",
    ),
    "run.unforeseen": _entry(
        "An error happened that kb does not know.",
        "Run the command with --debug for the traceback, and report it.",
    ),
    "discover.missing": _entry(
        "There is no file or folder of that name.",
        "Check the spelling; `kb list` shows what is in the knowledge base.",
    ),
    "discover.unreadable": _entry(
        "The file or folder cannot be read.",
        "Give yourself read permission (`chmod u+r FILE`) and run the command again.",
    ),
    "extract.unsupported": _entry(
        "This kind of file is not read by kb.",
        "Convert it to PDF, DOCX, HTML, Markdown or plain text.",
    ),
    "extract.empty": _entry(
        "The file is empty.",
        "Put text into it, or remove it from the folder.",
    ),
    "extract.corrupt": _entry(
        "The file is damaged or is not what its name says.",
        "Open it in its own program and save it again.",
    ),
    "extract.encrypted": _entry(
        "The file is protected by a password.",
        "Give the password of a PDF: `kb retry --code extract.encrypted --password-file FILE`, or "
        "in KB_PDF_PASSWORDS. Of other files, save a copy without it and ingest that.",
    ),
    "extract.no_text": _entry(
        "The page holds a picture and no text layer, as a scan does.",
        "Install an engine that recognises letters (`pip install 'clausekb[ocr]'`, or the program "
        "tesseract), then `kb retry`.",
    ),
    "extract.encoding": _entry(
        "The text encoding cannot be told with certainty.",
        "Save the file as UTF-8.",
    ),
    "extract.too_large": _entry(
        "The file is larger than kb accepts, as stored or unpacked.",
        "Split it into smaller files.",
    ),
    "extract.timeout": _entry(
        "Reading the file took too long and was stopped.",
        "Open it in its own program and save it again, then `kb retry --stage extract`.",
        retriable=True,
    ),
    "extract.crashed": _entry(
        "The reader of this file format died while reading it.",
        "Open the file in its own program and save it again, then `kb retry --stage extract`.",
        retriable=True,
    ),
    "chunk.failed": _entry(
        "The text could not be divided into passages.",
        "Report this document as a bug of kb.",
    ),
    "embed.unreachable": _entry(
        "Nothing answers at the embedding endpoint's address.",
        "Start the server or correct KB_BASE_URL, then run the same command again.",
        retriable=True,
    ),
    "embed.timeout": _entry(
        "The embedding endpoint did not answer in time.",
        "Look at the server's load; raise KB_TIMEOUT_S if it is only slow; then `kb retry`.",
        retriable=True,
    ),
    "embed.tls": _entry(
        "The secure connection to the embedding endpoint failed.",
        "Check http against https in KB_BASE_URL and the server's certificate.",
    ),
    "embed.localhost_in_container": _entry(
        "The address names this container itself, not the machine that runs the server.",
        "Use the service's name or host.docker.internal in place of localhost in KB_BASE_URL.",
    ),
    "embed.unauthorized": _entry(
        "The embedding endpoint refused the API key.",
        "Set KB_API_KEY to the key that the server was started with.",
    ),
    "embed.rate_limited": _entry(
        "The embedding endpoint asks for fewer requests.",
        "Lower KB_CONCURRENCY, or wait, then `kb retry --stage embed`.",
        retriable=True,
    ),
    "embed.overloaded": _entry(
        "The embedding endpoint is loading or its queue is full.",
        "Wait until the server is ready, or lower KB_CONCURRENCY, then `kb retry --stage embed`.",
        retriable=True,
    ),
    "embed.server_error": _entry(
        "The embedding endpoint failed while working on the request.",
        "Read the server's log, then `kb retry --stage embed`.",
        retriable=True,
    ),
    "embed.wrong_path": _entry(
        "The address answers, but there is no /embeddings below it.",
        "Set KB_BASE_URL to the address that ends in /v1, with nothing after it.",
    ),
    "embed.model_not_found": _entry(
        "The embedding endpoint does not serve the model asked for.",
        "Set KB_MODEL to one of the served models.",
    ),
    "embed.not_embedding_model": _entry(
        "The endpoint serves a model that generates text, not one that embeds it.",
        "Start the server with an embedding model (vLLM: `--runner pooling`).",
    ),
    "embed.bad_request": _entry(
        "The embedding endpoint refused this text.",
        "Look at the passage with `kb show`; then `kb retry --stage embed`.",
    ),
    "embed.input_too_long": _entry(
        "The text is longer than the model accepts, and cannot be cut into shorter ones.",
        "Let the endpoint accept longer texts, then `kb retry --stage embed`.",
    ),
    "embed.empty_input": _entry(
        "The text is blank.",
        "Nothing needs to be done: a blank passage cannot be searched.",
    ),
    "embed.invalid_response": _entry(
        "What the endpoint answered is not a list of embeddings.",
        "Check that KB_BASE_URL names an embedding server, not a web page or a chat program.",
    ),
    "embed.count_mismatch": _entry(
        "The endpoint answered with another number of vectors than it was given texts.",
        "Update or replace the server: its answers cannot be matched to the texts.",
    ),
    "embed.dimension_mismatch": _entry(
        "The vectors have another length than this knowledge base was made with.",
        "Point KB_MODEL at the model the knowledge base was made with, or run `kb reindex`.",
    ),
    "embed.invalid_vector": _entry(
        "The endpoint answered with a vector that is not finite or is all zeros.",
        "Serve the model in bfloat16 or float32 instead of float16, then `kb retry --stage embed`.",
        retriable=True,
    ),
    "embed.profile_mismatch": _entry(
        "The settings differ from those the knowledge base was made with.",
        "Put the old settings back, or run `kb reindex` to make all passages anew with these.",
    ),
    "embed.drift": _entry(
        "The endpoint no longer gives the vectors it gave when the knowledge base was made.",
        "Serve the former model again, or run `kb reindex` to make all passages anew.",
    ),
    "store.locked": _entry(
        "Another command is writing to this knowledge base.",
        "Wait until it is done and run the command again.",
        retriable=True,
    ),
    "store.disk_full": _entry(
        "The disk is full.",
        "Free some space and run the same command again: it goes on where it stopped.",
        retriable=True,
    ),
    "store.corrupt": _entry(
        "The knowledge base is damaged.",
        "Run `kb verify --repair`; where that does not help, `kb restore FILE --force`.",
    ),
    "store.version": _entry(
        "The knowledge base was made by a newer kb.",
        "Install the newer kb (`pip install -U clausekb`).",
    ),
    "store.unreachable": _entry(
        "The knowledge base's folder or engine cannot be used.",
        "Check the folder's permissions and that its disk is there.",
        retriable=True,
    ),
    "search.empty_query": _entry(
        "The question is empty.",
        'Say what to look for: `kb search "how to refund"`.',
    ),
    "search.no_knowledge_base": _entry(
        "There is no knowledge base here.",
        "Make one with `kb ingest FOLDER`, or name one with --home.",
    ),
    "search.bad_filter": _entry(
        "The filter, or the reference, names nothing in this knowledge base.",
        "`kb list` shows the documents and collections there are.",
    ),
}


def failure(
    code: str,
    message: str = "",
    *,
    source: str | None = None,
    locator: str | None = None,
    hint: str = "",
    **detail: Any,  # noqa: ANN401 - whatever the other side said, for people to read
) -> Failure:
    """Make a `Failure` from the catalogue; `message` and `hint` replace its sentences.

    >>> failure("extract.empty", source="a.txt").message
    'The file is empty.'
    """
    entry = CATALOGUE[code]
    # What belongs to no stage is told as the first one's: nothing later is to blame.
    stage = code.partition(".")[0]
    return Failure(
        stage=Stage.DISCOVER if stage in ("usage", "run") else Stage(stage),
        code=code,
        message=message or entry.cause,
        source=source,
        locator=locator,
        hint=hint or entry.cure,
        retriable=entry.retriable,
        detail=detail,
    )
