"""Each command: what it asks of the pipeline, what it prints, how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from kb.errors import EndpointError, StoreError, UsageError
from kb.model import DocumentCounts, Filter

HIT_KEYS = {
    "rank", "score", "ref", "path", "title", "collection", "page_start", "page_end", "section",
    "char_start", "char_end", "line_start", "line_end", "text", "scores",
}  # fmt: skip
PASSAGE_KEYS = {
    "ref", "char_start", "char_end", "line_start", "line_end", "page_start", "page_end", "section",
    "text",
}  # fmt: skip
FAILURE_KEYS = {
    "stage", "code", "source", "locator", "message", "hint", "retriable", "attempts", "detail",
}  # fmt: skip


def narrow(result):
    assert all(cell_len(line) <= 80 for line in (result.out + result.err).split("\n"))
    return result


# --- search


def test_search_asks_for_what_was_typed(kb, here, make, faked):
    calls = faked("search.search", make.answer(make.hit()))
    result = kb("search", "how", "long", "-k", "3", "--mode", "dense", "--collection", "c",
                "--path", "a/**", "--context", "2", "is it")  # fmt: skip
    assert result.code == 0
    (_, query), options = calls[0]
    asking = options["asking"]
    assert query == "how long is it"
    assert (asking.top_k, asking.mode, asking.around) == (3, "dense", 2)
    assert asking.within == Filter(collection="c", path="a/**")


def test_search_prints_hits(kb, here, make, faked):
    faked("search.search", make.answer(make.hit(1), make.hit(2), warnings=("words alone",)))
    result = narrow(kb("search", "退货"))
    assert result.code == 0
    assert result.out.count("退货应当在七日内提出") == 2
    assert "\x1b" not in result.out
    assert result.err == "Warning: words alone\n"


def test_search_as_json(kb, here, make, faked):
    faked("search.search", make.answer(make.hit(), warnings=("w",), exit_code=3))
    result = kb("search", "--json", "退货")
    assert result.code == 3
    assert result.err == ""
    told = result.json
    assert told["schema"] == "kb.search/1"
    assert set(told) == {
        "schema", "query", "mode", "profile", "hits", "warnings", "timings_ms",
    }  # fmt: skip
    assert set(told["hits"][0]) >= HIT_KEYS
    assert told["hits"][0]["section"] == ["售后服务条款", "第3.2条"]
    assert "售后" in result.out


def test_search_as_json_with_context(kb, here, make, faked):
    answer = make.answer(make.hit(), context={"c123": ((make.passage(),), ())})
    faked("search.search", answer)
    told = kb("search", "--json", "--context", "1", "x").json["hits"][0]
    assert set(told["before"][0]) >= PASSAGE_KEYS
    assert told["after"] == []


def test_search_without_a_hit_is_fine_and_helps(kb, here, make, faked):
    faked("search.search", make.answer())
    result = narrow(kb("search", "xyzzy"))
    assert (result.code, result.out) == (0, "")
    assert "kb list" in result.err


@pytest.mark.parametrize("count", ["0", "1001", "x"])
def test_search_refuses_a_silly_k(kb, here, count):
    assert kb("search", "-k", count, "x").code == 2


def test_an_empty_query_is_wrong_usage(kb, here):
    result = kb("search", "--json", "  ")
    assert result.code == 2
    assert result.json["error"]["code"] == "search.empty_query"


# --- ingest, retry


@pytest.fixture
def failures(make):
    return [
        make.failure("extract.no_text", source="inbox/扫描件.pdf", locator="page 3"),
        make.failure("embed.bad_request", source="a.md", locator="chunk 12", status=400,
                     body="input is\x1b[31m bad"),
    ]  # fmt: skip


def test_ingest_asks_for_what_was_typed(kb, here, make, faked):
    calls = faked("ingest.ingest", make.report())
    result = kb("ingest", "a", "b/c", "--collection", "c", "--prune", "--force", "--workers", "3")
    assert result.code == 0
    (_, paths), options = calls[0]
    how = options["how"]
    assert paths == [Path("a"), Path("b/c")]
    assert (how.wanted.collection, how.wanted.prune, how.wanted.force) == ("c", True, True)
    assert (how.workers, how.dry_run) == (3, False)


def test_ingest_report(kb, here, make, faked, failures):
    faked("ingest.ingest", make.report("partial", failures))
    result = narrow(kb("ingest", "-q", "."))
    assert result.code == 1
    assert "stage     attempted  succeeded  failed  skipped  seconds" in result.out
    assert "12 documents: 10 added, 2 failed. 240 chunks: 200 added, 40 reused.\n" in result.out
    assert "extract · inbox/扫描件.pdf · page 3   extract.no_text\n" in result.out
    assert "tesseract" in result.out
    assert "status: 400" in result.out
    assert "\x1b" not in result.out


def test_a_path_that_is_not_there_is_counted_where_there_is_a_ledger(kb, here, make, faked):
    missing = make.failure("discover.missing", source="gone.md")
    faked("ingest.ingest", make.report("partial", [missing]))
    assert kb("ingest", "gone.md").out.splitlines()[-1].startswith("1 failure; kb failures lists")
    faked("ingest.ingest", make.report("partial", [missing], profile=None))
    assert "kb failures" not in kb("ingest", "gone.md").out


def test_ingest_as_json(kb, here, make, faked, failures):
    faked("ingest.ingest", make.report("partial", failures))
    told = kb("ingest", "--json", "-q", ".").json
    assert told["schema"] == "kb.ingest/1"
    assert set(told) >= {
        "schema", "run", "status", "seconds", "profile", "stages", "documents", "chunks",
        "failures",
    }  # fmt: skip
    assert set(told["stages"][0]) == {
        "stage", "attempted", "succeeded", "failed", "skipped", "seconds",
    }  # fmt: skip
    assert set(told["documents"]) == {"added", "updated", "unchanged", "removed", "failed"}
    assert set(told["chunks"]) == {"added", "reused", "removed", "failed"}
    assert set(told["failures"][0]) == FAILURE_KEYS


@pytest.mark.parametrize("name", ["ingest", "retry"])
def test_an_interrupted_run_is_told(kb, here, make, faked, name):
    faked(f"{name}.{name}", make.report("interrupted"))
    result = kb(name, *(["."] if name == "ingest" else []), "-q")
    assert result.code == 130
    assert result.err.endswith("Interrupted: what was finished is kept; run the same command "
                               "again to go on.\n")  # fmt: skip


def test_an_endpoint_that_stopped_the_run_gives_3(kb, here, make, faked):
    failure = make.failure("embed.unreachable")
    faked("ingest.ingest", make.report("failed", [failure], error=failure))
    result = narrow(kb("ingest", "."))
    assert result.code == 3
    assert "run the same command again" in result.out


def test_a_dry_run_says_what_would_be_done(kb, here, make, faked):
    counts = DocumentCounts(added=10, updated=1, removed=2)
    faked("ingest.ingest", make.report(run="dry-run", documents=counts))
    result = kb("ingest", "--dry-run", ".")
    assert result.out == (
        "Dry run: nothing was changed.\n11 documents: 10 to add, 1 to update, 2 to remove.\n"
    )


def test_very_many_failures_of_one_code_are_told_as_a_number(kb, here, make, faked):
    many = [make.failure("extract.no_text", source=f"{n}.pdf") for n in range(42)]
    one = make.failure("extract.empty", source="empty.md")
    faked("ingest.ingest", make.report("partial", [*many, one]))
    out = kb("ingest", ".").out
    assert out.count(".pdf   extract.no_text") == 5
    assert "and 37 more: kb failures --code extract.no_text" in out
    assert "empty.md" in out


def test_retry_asks_for_what_was_typed(kb, here, make, faked):
    calls = faked("retry.retry", make.report())
    assert kb("retry", "--stage", "embed", "--code", "embed.timeout").code == 0
    options = calls[0][1]
    assert (options["stage"], options["code"]) == ("embed", "embed.timeout")


def test_a_code_that_does_not_exist_is_refused(kb, here):
    result = kb("retry", "--code", "extract.notext")
    assert result.code == 2
    assert "did you mean extract.no_text" in " ".join(result.err.split())


# --- show, list, status, failures, remove, init, config, completion


def test_show_a_document_verbatim(kb, here, make, faked):
    text = "第一行" * 40 + "\n\nSecond line.\n"
    faked("show.show", make.shown(text=text))
    assert text in kb("show", "x").out
    told = kb("show", "--json", "x").json
    assert told["schema"] == "kb.show/1"
    assert told["text"] == text
    assert told["path"] == "policies/售后服务条款.md"


def test_show_a_passage_with_what_stands_around_it(kb, here, make, faked):
    before, at, after = (make.passage(n, n * 10, f"passage {n}") for n in (1, 2, 3))
    calls = faked(
        "show.show", make.shown(text="passage 2", passage=at, before=(before,), after=(after,))
    )
    result = narrow(kb("show", "c2", "--context", "4"))
    assert calls[0][1] == {"around": 4}
    assert result.out.split("\n\n")[1:] == ["passage 1", "passage 2", "passage 3\n"]
    told = kb("show", "--json", "c2").json
    assert set(told) >= PASSAGE_KEYS | {"path", "before", "after"}
    assert told["text"] == "passage 2"
    assert (told["ref"], told["char_start"], told["char_end"]) == ("c2", 20, 29)
    assert told["before"][0]["ref"] == "c1"


def test_show_a_paged_document_page_by_page(kb, here, make, faked):
    from kb.model import Page, PageState

    pages = (
        Page(number=1, start=0, end=4),
        Page(number=2, start=4, end=4, state=PageState.IMAGE_ONLY),
    )
    faked("show.show", make.shown(text="one\n", document=make.row(pages=2), pages=pages))
    told = kb("show", "x", "--context", "0").out
    assert "-- page 1 --\none\n\n-- page 2 (image_only) --\n" in told
    assert kb("show", "x").out == "one\n", "a pipe gets the stored text and no more"
    assert kb("show", "x", "--json").json["pages"][1]["state"] == "image_only"


def test_list(kb, here, make, faked):
    rows = [
        make.row(),
        make.row("合同/" + "很长的文件名" * 10 + ".pdf", pages=9, coverage={"image_only": 2}),
    ]
    calls = faked("catalogue.documents", rows)
    result = narrow(kb("list", "--collection", "c", "--path", "*.md"))
    assert calls[0][0][1] == Filter(collection="c", path="*.md")
    assert "7 of 9 pages" in result.out
    assert "….pdf" not in result.out
    assert "2 documents, 24 chunks." in result.out
    told = kb("list", "--json").json
    assert told["schema"] == "kb.list/1"
    assert set(told["documents"][0]) >= {
        "path", "title", "collection", "format", "pages", "chunks", "bytes", "sha256", "state",
        "ingested_at",
    }  # fmt: skip


def test_an_empty_list_says_so(kb, here, faked):
    faked("catalogue.documents", [])
    assert kb("list").out == "No documents yet; see: kb ingest --help\n"
    assert kb("list", "--path", "x").out == "No document fits.\n"


def test_status(kb, here, make, faked):
    faked("catalogue.status", make.summary())
    out = narrow(kb("status")).out
    for told in (
        "multilingual-e5-large",
        "3.2 MiB",
        "政策",
        "inbox/扫描件.pdf",
        "Pages 3, 7-9 are not found.",
    ):
        assert told in out
    told = kb("status", "--json").json
    assert told["schema"] == "kb.status/1"
    assert set(told) >= {
        "documents", "chunks", "profile", "generation", "collections", "failures_by_stage",
        "not_searchable", "bytes", "last_run",
    }  # fmt: skip


def test_status_of_an_empty_knowledge_base(kb, here, make, faked):
    empty = {"collections": {}, "failures_by_stage": {}, "not_searchable": [], "index": {}}
    faked("catalogue.status", make.summary(**empty, profile=None, last_run=None))
    assert "none yet" in narrow(kb("status")).out
    assert kb("status", "--json").json["profile"] is None


def test_failures(kb, here, faked, failures):
    calls = faked("catalogue.failures", failures)
    result = narrow(kb("failures", "--stage", "extract"))
    assert calls[0][1] == {"stage": "extract", "code": None}
    assert result.code == 0
    assert "2 failures" in result.out
    told = kb("failures", "--json").json
    assert told["schema"] == "kb.failures/1"
    assert set(told["failures"][0]) == FAILURE_KEYS


def test_failures_that_differ_only_in_place_share_a_block(kb, here, make, faked):
    faked("catalogue.failures", [make.failure("extract.empty", source=f"{n}.md") for n in "ab"])
    out = kb("failures").out
    assert out.count("The file is empty.") == 1
    assert "a.md" in out
    assert "b.md" in out


def test_no_failures(kb, here, faked):
    faked("catalogue.failures", [])
    assert kb("failures").out == "No failure stands.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", ""),
        ("ingest", "--include", "", "."),
        ("ingest", "--exclude", "", "."),
        ("ingest", "--collection", "", "."),
        ("ingest", "--password-file", "", "."),
        ("remove", ""),
        ("remove", "a.md", ""),
        ("show", ""),
        ("search", "--path", "", "refund"),
        ("list", "--collection", ""),
        ("backup", ""),
        ("restore", ""),
    ],
)
def test_what_an_unset_variable_gives_names_nothing(kb, here, arguments):
    result = kb(*arguments, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage.invalid")
    assert "it is empty" in result.json["error"]["message"]
    assert not list(here.iterdir())


def test_what_only_looks_like_an_option_is_told_how_to_write(kb, here):
    assert "goes `--`" in kb("search", "-x").err
    assert "goes `--`" in kb("ingest", "-x.md").err
    assert "goes" not in kb("status", "-x").err


def test_one_failure_is_tried_again(kb, here, make, faked):
    faked("catalogue.failures", [make.failure("extract.empty")])
    assert kb("failures").out.startswith("1 failure; kb retry tries it again.\n")


def test_what_is_lost_for_the_same_reason_is_told_once(kb, here, make, faked):
    lost = {
        "reason": "failed", "code": "extract.empty", "message": "The file is empty.",
        "hint": "Put text into it.",
    }  # fmt: skip
    entries = [lost | {"path": path} for path in ("a.md", "b.md")]
    faked("catalogue.status", make.summary(documents=1200, not_searchable=entries))
    out = kb("status").out
    assert out.endswith(
        "  a.md   extract.empty\n  b.md   extract.empty\n"
        "    Nothing of it is found. The file is empty.\n    → Put text into it.\n"
    )
    assert "Documents       1,200\n" in out


def test_remove(kb, here, make, faked):
    from kb.pipeline.catalogue import Removal

    faked("catalogue.remove", Removal(documents=1, chunks=12, failures=()))
    result = kb("remove", "a.md")
    assert (result.code, result.out) == (0, "Forgotten: 1 file, 12 chunks.\n")
    missing = make.failure("discover.missing", source="b.md")
    faked("catalogue.remove", Removal(documents=0, chunks=0, failures=(missing,)))
    assert kb("remove", "b.md").code == 1
    result = kb("remove", "--json", "b.md")
    assert result.code == 1
    assert result.json["schema"] == "kb.remove/1"
    assert result.json["failures"][0]["code"] == "discover.missing"


def test_init(kb, here, make, faked):
    calls = faked("setup.init", make.profile)
    result = kb("init", "--base-url", "http://gpu1:8000", "--model", "m", "--prompts", "none")
    assert result.code == 0
    base = calls[0][0][0]
    assert base.home == here / ".kb"
    assert (base.settings.base_url, base.settings.model) == ("http://gpu1:8000", "m")
    assert "Knowledge base made: .kb" in result.out
    told = kb("init", "--json").json
    assert told["schema"] == "kb.init/1"
    assert told["created"] is True
    assert told["profile"]["dimensions"] == 1024


def test_init_makes_its_own_knowledge_base_below_another(kb, here, make, faked, monkeypatch):
    (here / ".kb").mkdir()
    (here / ".kb" / "kb.sqlite3").touch()
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    calls = faked("setup.init", make.profile)
    kb("init")
    assert calls[0][0][0].home == here / "below" / ".kb"


def test_config(kb, here):
    environ = {"KB_API_KEY": "sk-very-secret", "KB_BASE_URL": "http://me:hunter22@gpu1:8000/v1"}
    result = narrow(kb("config", env=environ))
    assert result.code == 0
    assert "search.mode" in result.out
    told = kb("config", "--json", env=environ)
    assert told.json["schema"] == "kb.config/1"
    rows = {each["key"]: each for each in told.json["settings"]}
    assert rows["embedding.base_url"]["origin"] == "environment (KB_BASE_URL)"
    for shown in (result.out, told.out):
        assert "sk-very-secret" not in shown
        assert "hunter22" not in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(kb, shell):
    result = kb("completion", shell)
    assert result.code == 0
    assert "_KB_COMPLETE" in result.out
    assert kb("completion", shell, "--json").json["shell"] == shell


# --- options before and after the command


def test_common_options_stand_on_both_sides(kb, here, make, faked):
    calls = faked("catalogue.documents", [])
    for arguments in (["--home", "x", "--json", "list"], ["list", "--home", "x", "--json"]):
        assert kb(*arguments).json["schema"] == "kb.list/1"
    assert [call[0][0].home for call in calls] == [here / "x", here / "x"]


# --- errors


@pytest.mark.parametrize(
    ("kind", "code", "exit_code"),
    [
        (UsageError, "search.no_knowledge_base", 2),
        (EndpointError, "embed.unreachable", 3),
        (StoreError, "store.locked", 4),
    ],
)
@pytest.mark.usefixtures("here")
def test_errors_have_their_exit_code_and_say_what_to_do(kb, faked, make, kind, code, exit_code):
    failure = make.failure(code, source="很长" * 60, locator="page 1", status=503, body="x" * 600)
    faked("catalogue.documents", kind(failure))
    result = narrow(kb("list"))
    assert (result.code, result.out) == (exit_code, "")
    assert code in result.err
    assert failure.hint.split()[0] in result.err
    assert "Traceback" not in result.err
    told = kb("list", "--json")
    assert told.code == exit_code
    assert told.err == ""
    assert told.json == json.loads(
        json.dumps({"schema": "kb.error/1", "error": failure.as_json()}, ensure_ascii=False)
    )


def test_an_unknown_error_is_one_sentence(kb, here, faked):
    faked("catalogue.documents", ZeroDivisionError("it went wrong"))
    result = narrow(kb("list"))
    assert result.code == 1
    assert "kb met an error that it does not know: ZeroDivisionError: it went wrong." in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in kb("list", "--debug").err
    assert kb("list", "--json").json["error"]["message"].startswith("kb met an error")


def test_secrets_are_never_printed(kb, here, make, faked):
    key = "sk-0123456789abcdef"
    failure = make.failure("embed.unauthorized", f"Wrong key {key}.", body=f"key {key} is unknown")
    for error in (EndpointError(failure), ValueError(key)):
        faked("catalogue.documents", error)
        for more in ([], ["--json"], ["--debug"]):
            result = kb("list", *more, env={"KB_API_KEY": key})
            assert key not in result.out + result.err
    faked("ingest.ingest", make.report("partial", [failure]))
    for more in ([], ["--json"]):
        result = kb("ingest", ".", *more, env={"KB_API_KEY": key})
        assert key not in result.out + result.err


def test_a_placeholder_key_does_not_garble_documents(kb, here, make, faked):
    faked("search.search", make.answer(make.hit(text="EMPTY the tank")))
    assert "EMPTY the tank" in kb("search", "x", env={"KB_API_KEY": "EMPTY"}).out


def test_no_command_prints_the_help(kb):
    result = kb()
    assert (result.code, result.out) == (2, "")
    assert "Commands:" in result.err
    assert kb("--json").json["error"]["code"] == "usage.invalid"


def test_usage_errors_are_json_too(kb):
    for arguments in (["serch"], ["search"], ["list", "--nope"], ["search", "-k", "x", "y"]):
        result = kb(*arguments, "--json")
        assert result.code == 2
        assert result.json["error"]["code"] == "usage.invalid"
    assert "Did you mean search?" in kb("serch").err


def test_an_interrupt_is_told_in_one_line(kb, here, faked):
    faked("catalogue.documents", KeyboardInterrupt())
    result = kb("list")
    assert (result.code, result.out) == (130, "")
    assert result.err.count("\n") == 1
    told = kb("list", "--json")
    assert (told.code, told.json["error"]["code"]) == (130, "run.interrupted")


# --- encodings


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
def test_a_stdout_that_is_not_utf_8_is_no_error(kb, here, make, faked, encoding):
    odd = "退货 € 😀 \udc80"
    faked("search.search", make.answer(make.hit(text=odd), make.hit(path=odd)))
    assert kb("search", "x", encoding=encoding).code == 0
    told = kb("search", "x", "--json", encoding=encoding)
    assert told.json["hits"][0]["text"] == odd


def test_lone_surrogates_do_not_break_json(kb, here, make, faked):
    faked("catalogue.documents", [make.row(path="a\udce9.md")])
    assert kb("list", "--json").json["documents"][0]["path"] == "a\udce9.md"
    assert kb("list").code == 0
