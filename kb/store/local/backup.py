"""`kb backup`: one file that holds a consistent copy of the knowledge base.

The file is a zip archive whose members are stored as they are: any program opens it, a member is
as long in the archive as outside of it (so nothing can swell when it is unpacked), and vectors
would not get smaller anyway. `backup.json` names the other members with their length and SHA-256.
The index is not in it: it is derived.

The copy is SQLite's own, made page by page inside one read transaction, so a writer neither waits
nor is waited for. Until it is complete, a backup lies under names that tell whose they are
(`backup_drafts.py`), so that the next one can clear away what a killed one left.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from kb import __version__
from kb.errors import StoreError, UsageError, failure
from kb.store import Backup
from kb.store.local import backup_drafts as drafts
from kb.store.local.database import (
    FILE,
    SCHEMA_VERSION,
    Database,
    connect,
    damaged,
    door,
    open_reader,
    version,
)
from kb.store.local.ledger import now
from kb.store.local.schema import sync_folder
from kb.store.local.steps import step

FORMAT: Final = "kb.backup/1"
MANIFEST: Final = "backup.json"
#: What may ride along, by name, and the longest it may be; no other name is ever written out.
EXTRAS: Final = {"kb.toml": 1 << 20}

_LONGEST_MANIFEST: Final = 1 << 20
_BLOCK: Final = 1 << 20
#: Pages copied at a time, so that Ctrl-C is heard in between.
_PAGES: Final = 2_048


def backup(home: Path, file: Path, *, extra: Mapping[str, bytes], force: bool) -> Backup:
    """Write the knowledge base in `home` to `file`; see `kb.store.backup_store`."""
    file, home = file.absolute(), home.absolute()
    _refuse(file, home, force=force)
    drafts.clear(file.parent)
    with drafts.begun(file.parent) as (draft, copy):
        manifest = _copy(home, copy)
        step("backup.copied")
        _pack(draft, copy, extra, manifest)
        drafts.drop_copy(draft)
        with opened(draft) as archive:
            archive.check()
            made = archive.summary(file)
        step("backup.packed")
        _publish(draft, file, force=force)
        return made


def _refuse(file: Path, home: Path, *, force: bool) -> None:
    with door(file):
        if file.is_dir():
            raise usage(f"{file} is a folder.", "Name a file: kb backup FILE")
        if not file.parent.is_dir():
            raise usage(f"There is no folder {file.parent}.", "Make it, or name another file.")
        if file.parent.resolve().is_relative_to(home.resolve()):
            raise usage(
                f"{file} lies inside the knowledge base, and would be lost with it.",
                "Name a file outside of its folder.",
            )
        if file.exists() and not force:
            raise _exists(file)


def usage(message: str, hint: str) -> UsageError:
    """Give the error of a command that asks for something that does not go."""
    return UsageError(failure("usage.invalid", message, hint=hint))


def _exists(file: Path) -> UsageError:
    return usage(f"{file} is there already.", "Name another file, or overwrite it with --force.")


def _copy(home: Path, copy: Path) -> dict[str, Any]:
    """Copy the database as it is now and check the copy; gives what the manifest says of it."""
    with door(home):
        there = (home / FILE).exists()
    if not there:
        message = f"There is no knowledge base in {home}."
        raise UsageError(failure("search.no_knowledge_base", message))
    source = open_reader(home / FILE)
    try:
        # One transaction around it all: without it, each commit of a writer would start it again.
        source.run("BEGIN")
        source.one("SELECT count(*) FROM generations")
        _take_over(source, copy)
    finally:
        source.close()
    return check_database(copy, damaged(home / FILE, "its copy is not whole"))


def _take_over(source: Database, copy: Path) -> None:
    with closing(connect(copy, "mode=rwc")) as target, door(copy):
        target.execute("PRAGMA synchronous = FULL")
        source.connection.backup(target, pages=_PAGES)
    with door(copy), copy.open("rb") as file:
        os.fsync(file.fileno())


def check_database(path: Path, broken: StoreError) -> dict[str, Any]:
    """Let SQLite read all of a database; gives its counts.

    Raises `broken` where it is damaged, and `StoreError` (`store.version`) for a newer format.
    """
    try:
        database = open_reader(path)
    except StoreError as error:
        if error.failure.code == "store.version":
            raise
        raise broken from error
    try:
        said = database.all("PRAGMA integrity_check(1)") + database.all("PRAGMA foreign_key_check")
        if said != [("ok",)]:
            raise broken
        tables = ("documents", "chunks", "vectors")
        counts = {table: database.one(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608
        return {"version": version(database)} | {
            table: row[0] for table, row in counts.items() if row is not None
        }
    finally:
        database.close()


def _pack(draft: Path, copy: Path, extra: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    """Write the archive, durably; the manifest comes last, for it names what was written."""
    files: dict[str, dict[str, Any]] = {}
    with door(draft), draft.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            with copy.open("rb") as data:
                files[FILE] = _member(archive, FILE, data)
            for name, content in extra.items():
                with archive.open(name, "w") as member:
                    member.write(content)
                digest = hashlib.sha256(content).hexdigest()
                files[name] = {"bytes": len(content), "sha256": digest}
            told = {"format": FORMAT, "kb": __version__, "made_at": now(), **facts, "files": files}
            archive.writestr(MANIFEST, json.dumps(told, indent=1))
        file.flush()
        os.fsync(file.fileno())


def _member(archive: zipfile.ZipFile, name: str, data: IO[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as member:
        while block := data.read(_BLOCK):
            digest.update(block)
            size += member.write(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _publish(draft: Path, file: Path, *, force: bool) -> None:
    with door(file):
        if force:
            draft.replace(file)
        else:
            try:
                os.link(draft, file)  # unlike a rename, this never overwrites
            except FileExistsError as error:
                raise _exists(file) from error
            except OSError:
                draft.rename(file)  # a file system without links
        sync_folder(file.parent)


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup file whose names and lengths are as they may be; its contents are not yet known."""

    path: Path
    zip: zipfile.ZipFile
    manifest: Mapping[str, Any]

    @property
    def extras(self) -> list[str]:
        """The names of the small files that ride along."""
        return [name for name in EXTRAS if name in self.manifest["files"]]

    def check(self) -> None:
        """Compare every byte with the manifest; raises `StoreError` (`store.corrupt`)."""
        for name in (FILE, *self.extras):
            for _ in self.blocks(name):
                pass

    def blocks(self, name: str) -> Iterator[bytes]:
        """Give a member's bytes; raises at its end where they are not what the manifest says."""
        digest = hashlib.sha256()
        with _translated(self.path), self.zip.open(name) as member:
            while block := member.read(_BLOCK):
                digest.update(block)
                yield block
        if digest.hexdigest() != self.manifest["files"][name]["sha256"]:
            raise broken_backup(self.path, f"{name} in it has another checksum")

    def summary(self, file: Path) -> Backup:
        """Give what a backup holds that is, or will be, called `file`."""
        with door(self.path):
            size = self.path.stat().st_size
        return Backup(
            file=file,
            bytes=size,
            documents=self.manifest["documents"],
            chunks=self.manifest["chunks"],
            vectors=self.manifest["vectors"],
            made_at=self.manifest["made_at"],
            settings=self.extras,
        )


def broken_backup(path: Path, fact: str) -> StoreError:
    """Give the error of a backup that cannot be used."""
    message = f"{path} is not a backup that can be used: {fact}."
    hint = "Use another backup; nothing was changed."
    return StoreError(failure("store.corrupt", message, hint=hint))


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a backup file and look at its names and lengths only.

    Raises `StoreError`: `store.corrupt` for anything else than a backup, `store.version` for one
    of a newer kb.
    """
    with _translated(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        size = path.stat().st_size
        allowed = {FILE, MANIFEST, *EXTRAS}
        if not {FILE, MANIFEST} <= set(names) <= allowed or len(names) != len(set(names)):
            raise broken_backup(path, "it does not hold the files of a backup, and only those")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise broken_backup(path, f"{member.filename} in it is packed or encrypted")
            limit = EXTRAS.get(member.filename, size)
            if member.filename == MANIFEST:
                limit = _LONGEST_MANIFEST
            if not member.file_size == member.compress_size <= limit:
                raise broken_backup(path, f"{member.filename} in it has an impossible length")
        yield Archive(path, archive, _manifest(path, archive))


def _manifest(path: Path, archive: zipfile.ZipFile) -> Mapping[str, Any]:
    try:
        told = json.loads(archive.read(MANIFEST))
        if told["format"] != FORMAT or told["version"] > SCHEMA_VERSION:
            message = f"{path} was made by a newer kb ({told['kb']})."
            raise StoreError(failure("store.version", message))
        good = isinstance(told["made_at"], str) and set(told["files"]) == (
            set(archive.namelist()) - {MANIFEST}
        )
        for name, facts in told["files"].items():
            good &= archive.getinfo(name).file_size == facts["bytes"]
            good &= isinstance(facts["sha256"], str)
        good &= all(isinstance(told[name], int) for name in ("documents", "chunks", "vectors"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise broken_backup(path, "its list of contents cannot be read") from error
    if not good:
        raise broken_backup(path, "its list of contents is not that of its files")
    return dict(told)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what zipfile says of a damaged or hostile file into our own error."""
    try:
        with door(path):
            yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise broken_backup(path, f"it cannot be read ({error})") from error
