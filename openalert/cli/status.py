"""openalert status export|mirrors"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openalert.cli.settings import configured, options
from openalert.config import Config
from openalert.domain.errors import OpenAlertError

if TYPE_CHECKING:
    from openalert.domain.public_page import PublicPage
    from openalert.domain.status_copy import CopyFile, MirrorState
    from openalert.storage.static_folder import Written
    from openalert.usecases.status_view import Archived


@click.group()
def status() -> None:
    """Copy status pages to where they live without this server, and see how the copies stand."""


@status.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@options
def mirrors(as_json: bool, config_file: str | None, data_dir: str | None, database_url: str | None) -> None:
    """Say how the mirrors of the configuration stand; exit code 1 if one fails."""
    from openalert.domain.instant import rfc3339

    config = configured(config_file, data_dir, database_url)
    known = {each.name: each for each in asyncio.run(_states(config))}
    told = []
    for mirror in config.status_pages.mirror:
        state = known.get(mirror.name)
        since, done = (state.failing_since, state.done_at) if state else (None, None)
        told.append(
            {
                "name": mirror.name,
                "to": mirror.bucket or mirror.folder or " ".join(mirror.command[:1]),
                "mirroredAt": rfc3339(done) if done else None,
                "failingSince": rfc3339(since) if since else None,
                "error": state.error if state else "",
            }
        )
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        if not told:
            click.echo(
                "No mirror is configured: [[status_pages.mirror]], see docs/status-pages.md.", err=True
            )
        for each in told:
            how = f"fails since {each['failingSince']}: {each['error']}" if each["failingSince"] else "well"
            click.echo(f"{each['name']} ({each['to']}): {how}; copied {each['mirroredAt'] or 'never'}")
    if any(each["failingSince"] for each in told):
        raise SystemExit(1)


async def _states(config: Config) -> "list[MirrorState]":
    from openalert.storage import open_reading, status_mirrors

    database = await open_reading(config.database_url)
    try:
        async with database.read() as reader:
            return await status_mirrors.every(reader)
    finally:
        await database.close()


@status.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--page", "slugs", metavar="SLUG", multiple=True, help="Only this page; repeat it for several.")
@click.option(
    "--private", "private", metavar="SLUG", multiple=True, help="This page, though it is not public."
)
@click.option("--json", "as_json", is_flag=True, help="Say what was done as JSON.")
@options
def export(
    folder: Path,
    slugs: tuple[str, ...],
    private: tuple[str, ...],
    as_json: bool,
    config_file: str | None,
    data_dir: str | None,
    database_url: str | None,
) -> None:
    """Write public status pages to DIR as files that any web server or bucket can show.

    One page that is named is DIR itself; otherwise each has a folder of its slug there. The server may go on running.
    What an earlier export left in DIR and is no more is taken away. Drafts are never in it, and pages that are not
    public only where --private names them.
    """
    from openalert.storage import static_folder

    config = configured(config_file, data_dir, database_url)
    pages, is_kept = asyncio.run(_pages(config))
    chosen = _chosen([page for page, _ in pages], slugs, private)
    archives = {page.id: old for page, old in pages}
    at_root = len(slugs) + len(private) == 1
    done = static_folder.write(folder, _files(chosen, archives, at_root=at_root))
    if as_json:
        click.echo(json.dumps(_as_json(folder, chosen, done, is_kept=is_kept), indent=2))
        return
    _say(folder, chosen, done, is_kept=is_kept)


async def _pages(config: Config) -> "tuple[list[tuple[PublicPage, Archived]], bool]":
    """Every page, from the database; where that cannot be read, from the pictures that the server keeps beside it."""
    from openalert.storage import open_reading, status_pages
    from openalert.usecases import status_view
    from openalert.web.status import board

    try:
        database = await open_reading(config.database_url)
        try:
            async with database.read() as reader:
                found = []
                for each in await status_pages.every(reader):
                    page = await status_view.of_page(reader, each, config.base_url)
                    found.append((page, await status_view.archived(reader, page)))
                return found, False
        finally:
            await database.close()
    except (OpenAlertError, sqlite3.Error):
        kept = await asyncio.to_thread(board.kept, config.data_dir / board.FOLDER)
        if not kept:
            raise
        return [(page, status_view.Archived()) for page in kept], True


def _chosen(
    pages: "Sequence[PublicPage]", slugs: Sequence[str], private: Sequence[str]
) -> "list[PublicPage]":
    """The pages that are meant; OpenAlertError for a name that is none, or not one of that kind."""
    if not slugs and not private:
        return sorted((each for each in pages if each.is_public), key=lambda each: each.slug)
    by_slug = {each.slug: each for each in pages}
    for slug in (*slugs, *private):
        if slug not in by_slug:
            raise OpenAlertError(
                f"There is no status page {slug!r}. Known: {_known(pages)}.", code="STATUS_PAGE_NOT_FOUND"
            )
    for slug in slugs:
        if not by_slug[slug].is_public and slug not in private:
            raise OpenAlertError(
                f"{slug} is not public. Is it to be copied all the same, say --private {slug}."
            )
    return [by_slug[slug] for slug in dict.fromkeys((*slugs, *private))]


def _known(pages: "Sequence[PublicPage]") -> str:
    return ", ".join(sorted(each.slug for each in pages)) or "none"


def _files(
    pages: "Sequence[PublicPage]", archives: "Mapping[str, Archived]", *, at_root: bool
) -> "Iterator[CopyFile]":
    from openalert.web.status.static import copy_of

    for page in pages:
        for file in copy_of(page, archives[page.id]):
            yield file if at_root else file.below(page.slug)


def _as_json(
    folder: Path, pages: "Sequence[PublicPage]", done: "Written", *, is_kept: bool
) -> dict[str, object]:
    from openalert.domain.instant import rfc3339

    return {
        "folder": str(folder.absolute()),
        "fromKeptPictures": is_kept,
        "pages": [
            {"slug": each.slug, "name": each.name, "asOf": rfc3339(each.as_of), "isPublic": each.is_public}
            for each in pages
        ],
        "written": done.written,
        "unchanged": len(done.unchanged),
        "removed": done.removed,
    }


def _say(folder: Path, pages: "Sequence[PublicPage]", done: "Written", *, is_kept: bool) -> None:
    from openalert.domain.instant import rfc3339

    if is_kept:
        click.echo("The database cannot be read; these are the pictures that the server kept.", err=True)
    for page in pages:
        click.echo(f"{page.slug}: {page.name}, as of {rfc3339(page.as_of)}")
    for path in done.removed:
        click.echo(f"removed {path}")
    click.echo(
        f"{len(pages)} status pages in {folder}: {len(done.written)} files written, "
        f"{len(done.unchanged)} unchanged, {len(done.removed)} removed."
    )
