"""`rfid3 store`: what a person at a shell sees and does about revisions, and which exit code a script gets."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from store_pictures import OLD_TABLES, contents, make_old_store, only
from typer.testing import CliRunner

from rfid3_shared.auth_commands import app as keys
from rfid3_shared.db import open_engine
from rfid3_shared.migrate import NEWEST, VERSION_TABLE, ensure_schema
from rfid3_shared.migrate_commands import app


@pytest.fixture
def run(dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RFID3_STORE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments, on=app, **options: CliRunner().invoke(on, list(arguments), **options)


@pytest.fixture
def in_store(dsn: str):
    def do(use: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            engine = open_engine(dsn)
            try:
                return await use(engine)
            finally:
                await engine.dispose()

        return asyncio.run(opened())

    return do


async def written_by_newer_code(engine: AsyncEngine) -> None:
    await ensure_schema(engine)
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))


class TestStatus:
    def test_tells_the_revision_and_changes_nothing(self, run, in_store) -> None:
        """Old, then new: exit code 1 says that an upgrade is due, 0 that none is."""
        in_store(make_old_store)

        assert (run("status").exit_code, "before 0001" in run("status").stdout) == (1, True)
        in_store(ensure_schema)
        assert (run("status").exit_code, f"revision: {NEWEST}" in run("status").stdout) == (0, True)

    def test_an_empty_store_is_called_empty(self, run) -> None:
        """Nothing is there, and looking creates nothing."""
        assert "it is empty" in run("status").stdout
        assert "it is empty" in run("status").stdout

    def test_a_newer_store_is_told(self, run, in_store) -> None:
        """Exit code 2, in plain words, with both revisions."""
        in_store(written_by_newer_code)

        answer = run("status")

        assert answer.exit_code == 2
        assert "newer version" in answer.output
        assert "0099" in answer.output

    def test_a_password_is_not_shown(self, run, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is printed ends up in tickets."""
        monkeypatch.setenv("RFID3_STORE_URL", "mysql://rfid3:geheim@127.0.0.1:1/none")

        answer = run("status")

        assert answer.exit_code == 2
        assert "geheim" not in answer.output


class TestUpgradeAndDowngrade:
    def test_there_and_back(self, run, in_store) -> None:
        """Both tell what they did; the rows are there all the time."""
        in_store(make_old_store)
        rows = in_store(contents)

        assert "was none" in run("upgrade").stdout
        assert "as it was" in run("upgrade").stdout
        after = in_store(contents)
        assert run("downgrade", "--to", "0001", "--yes").stdout.endswith("revision 0001\n")

        assert {name: only(after[name], rows[name][0]) for name in OLD_TABLES} == rows == in_store(contents)

    def test_going_back_asks_first(self, run, in_store) -> None:
        """It drops what the older revision has no place for; without a yes nothing happens."""
        in_store(ensure_schema)

        answer = run("downgrade", "--to", "0001", input="n\n")

        assert answer.exit_code == 1
        assert run("status").exit_code == 0

    def test_going_forward_by_downgrade_is_refused(self, run, in_store) -> None:
        """A revision that is none, or no older one, is told with those that are known."""
        in_store(ensure_schema)

        answer = run("downgrade", "--to", "0009", "--yes")

        assert answer.exit_code == 1
        assert "0001" in answer.output


class TestOtherCommands:
    def test_carry_the_store_over_by_themselves(self, run, in_store) -> None:
        """A key made before the upgrade is in the list of the first command afterwards."""
        in_store(make_old_store)

        assert "the shop" in run("list", on=keys).stdout
        assert run("status").exit_code == 0

    def test_print_nothing_but_what_was_asked_for(self, run, in_store) -> None:
        """A script reads the key from standard output; that the store was upgraded goes to standard error."""
        in_store(make_old_store)

        answer = run("create", "--owner", "a script", "--quiet", on=keys)

        assert re.fullmatch(r"rfid3_\S+\n", answer.stdout)

    def test_refuse_a_newer_store(self, run, in_store) -> None:
        """Exit code 2 and plain words, and no key is written into it."""
        in_store(written_by_newer_code)

        answer = run("create", "--owner", "me", on=keys)

        assert answer.exit_code == 2
        assert "newer version" in answer.output
        assert in_store(lambda engine: contents(engine, ("api_keys",)))["api_keys"] == []
