"""Every failure code that `kb` can give: what it means, and what mends it. Codes never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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
    "usage.dataset": _entry(
        "This is not a set of labelled questions.",
        "`kb eval --help` shows what a set is, and the README what stands in its files.",
    ),
    "usage.runs": _entry(
        "These two runs cannot be compared.",
        "Make both with `kb eval DATASET --out FILE`, from the same questions.",
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
        "Check the spelling; `kb list` shows what is in the knowledge base, and `kb remove PATH` "
        "forgets a name that was wrong.",
    ),
    "discover.unreadable": _entry(
        "The file or folder cannot be read.",
        "Give yourself read permission (`chmod u+r FILE`) and run the command again.",
    ),
    "extract.unsupported": _entry(
        "This kind of file is not read by kb.",
        "Convert it to PDF, DOCX, HTML, Markdown or plain text, or leave it out with .kbignore.",
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
    "search.rerank_unreachable": _entry(
        "The reranker does not answer, so the hits are in the order found without it.",
        "Start it or correct KB_RERANK_URL; `kb search --no-rerank` does without it.",
        retriable=True,
    ),
    "search.rerank_refused": _entry(
        "The reranker refuses to score, so the hits are in the order found without it.",
        "Set KB_RERANK_URL, KB_RERANK_MODEL and KB_RERANK_API_KEY to what it was started with.",
    ),
    "search.rerank_invalid": _entry(
        "What the reranker answered is no list of scores, so the hits are in the order found "
        "without it.",
        "Check that KB_RERANK_URL names a reranker, not a web page or another program.",
    ),
}
