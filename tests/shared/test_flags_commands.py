"""`rfid3 flags`: what a person at a shell sees, what it changes, and which exit code a script gets."""

import asyncio
import getpass
import json

import pytest
from typer.testing import CliRunner

from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.flags import AuditPage, Flag, FlagState, audit, read_states
from rfid3_shared.flags.commands import app

MASTER, DEMAND = "PREDICTIVE_ANALYTICS_ENABLED", "DEMAND_FORECASTING_ENABLED"


@pytest.fixture
def run(store_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("COLUMNS", "250")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def stored(store_dsn: str):
    """Reads the state of a flag and the whole audit."""

    def read(name: str = DEMAND) -> tuple[FlagState, AuditPage]:
        async def look() -> tuple[FlagState, AuditPage]:
            engine = open_engine(store_dsn)
            await create_tables(engine, store_metadata)
            async with transaction(engine) as connection:
                found = (await read_states(connection))[Flag(name)], await audit(connection)
            await engine.dispose()
            return found

        return asyncio.run(look())

    return read


class TestList:
    def test_shows_every_flag_before_anything_was_set(self, run) -> None:
        """On an empty store: all ten, with their defaults."""
        answer = run("list")

        assert answer.exit_code == 0
        assert all(flag.value in answer.stdout for flag in Flag)
        assert "(default)" in answer.stdout

    def test_tells_set_from_in_force(self, run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A flag that is on under a master that is off, or against the environment, is not in force, and why."""
        run("on", DEMAND, "--reason", "go")
        without_master = line_of(run("list").stdout, DEMAND)
        run("on", MASTER, "--reason", "go")
        with_master = line_of(run("list").stdout, DEMAND)
        monkeypatch.setenv("RFID3_FLAGS_OFF", DEMAND)
        braked = line_of(run("list").stdout, DEMAND)

        assert "no: master off" in without_master
        assert "yes" in with_master
        assert "no: switched off by RFID3_FLAGS_OFF" in braked


class TestOn:
    def test_says_what_is_on_and_from_when(self, run, stored) -> None:
        """The new state in words, the time it takes, and who did it in the audit."""
        answer = run("on", MASTER, "--reason", "phase E")

        state, page = stored(MASTER)
        assert answer.exit_code == 0
        assert f"{MASTER} is on (version 1)." in answer.stdout
        assert "within 5 seconds" in answer.stdout
        assert (state.enabled, state.percent) == (True, 100)
        assert (page.changes[0].changed_by, page.changes[0].reason) == (f"shell:{getpass.getuser()}", "phase E")

    def test_warns_while_the_master_is_off(self, run) -> None:
        """A switch without effect must not look like one."""
        answer = run("on", DEMAND, "--reason", "go")

        assert "Not in force" in answer.stdout
        assert f"rfid3 flags on {MASTER}" in answer.stdout

    @pytest.mark.parametrize(
        ("options", "percent", "entities", "words"),
        [
            (["--percent", "12.5"], 12.5, (), "on for 12.5 % of keys"),
            (["--entity", "store:8101", "--entity", "key:abc"], 0, ("store:8101", "key:abc"), "on for store:8101 and key:abc"),
            (["--percent", "5", "--entity", "store:728"], 5, ("store:728",), "on for 5 % of keys and store:728"),
        ],
    )
    def test_rolls_out_to_whom_is_named(self, run, stored, options: list[str], percent, entities, words: str) -> None:
        """A share, certain ones only, or both."""
        answer = run("on", DEMAND, "--reason", "go", *options)

        state, _ = stored()
        assert words in answer.stdout
        assert (state.percent, state.entities) == (percent, entities)


class TestOff:
    def test_keeps_the_roll_out_for_later(self, run, stored) -> None:
        """Off now; `set --enabled` goes on where it stood."""
        run("on", DEMAND, "--percent", "10", "--reason", "go")
        off = run("off", DEMAND, "--reason", "complaints")
        run("set", DEMAND, "--enabled", "--reason", "fixed")

        state, page = stored()
        assert f"{DEMAND} is off (version 2)." in off.stdout
        assert (state.enabled, state.percent, state.version) == (True, 10, 3)
        assert [change.reason for change in page.changes] == ["fixed", "complaints", "go"]

    def test_twice_changes_nothing_and_says_so(self, run, stored) -> None:
        """The second time there is nothing to record."""
        run("off", DEMAND, "--reason", "x")
        again = run("off", DEMAND, "--reason", "x")

        assert "nothing changed" in again.stdout
        assert stored()[1].total == 1


class TestSet:
    def test_changes_only_what_is_named(self, run, stored) -> None:
        """Share and entities one at a time; entities can be taken away."""
        run("set", DEMAND, "--entity", "store:8101", "--reason", "x")
        run("set", DEMAND, "--percent", "20", "--reason", "x")
        kept = stored()[0]
        run("set", DEMAND, "--no-entities", "--reason", "x")

        assert (kept.enabled, kept.percent, kept.entities) == (False, 20, ("store:8101",))
        assert stored()[0].entities == ()

    def test_refuses_to_overwrite_another_version(self, run, stored) -> None:
        """A script that names the version it looked at is told when that is gone."""
        run("set", DEMAND, "--percent", "20", "--reason", "x")

        answer = run("set", DEMAND, "--percent", "30", "--reason", "x", "--expected-version", "0")

        assert (answer.exit_code, stored()[0].percent) == (2, 20)
        assert "CONFLICT" in answer.output


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["on", "DEMAND_FORCAST", "--reason", "x"], "No flag is called"),
            (["on", DEMAND], "--reason"),
            (["on", DEMAND, "--reason", " "], "reason"),
            (["on", DEMAND, "--reason", "x", "--percent", "101"], "percent"),
            (["on", DEMAND, "--reason", "x", "--entity", "8101"], "kind:name"),
            (["set", DEMAND, "--reason", "x"], "Say what to change"),
            (["show", "nothing"], "No flag is called"),
        ],
    )
    def test_are_told_and_change_nothing(self, run, stored, arguments: list[str], told: str) -> None:
        """Exit code 2, plain words, and no entry in the audit."""
        answer = run(*arguments)

        assert answer.exit_code == 2
        assert told in answer.output
        assert stored()[1].total == 0


class TestShow:
    def test_prints_json_with_the_last_changes(self, run) -> None:
        """What is printed can be read by a program."""
        run("on", DEMAND, "--reason", "go")

        found = json.loads(run("show", "demand-forecasting").stdout)

        assert (found["name"], found["enabled"], found["hindrance"]) == (DEMAND, True, "master off")
        assert [change["reason"] for change in found["changes"]] == ["go"]


class TestAudit:
    def test_tells_who_when_why_and_what_there_is_more(self, run) -> None:
        """Newest first; a page says how many there are in all."""
        run("on", MASTER, "--reason", "first")
        run("on", DEMAND, "--reason", "second")
        run("off", DEMAND, "--reason", "third")

        everything = run("audit").stdout
        page = run("audit", DEMAND, "--limit", "1").stdout

        assert everything.index("third") < everything.index("second") < everything.index("first")
        assert getpass.getuser() in everything
        assert "third" in page
        assert "2 changes in all; see more with --offset 1" in page
        assert "first" not in run("audit", DEMAND).stdout


def line_of(table: str, name: str) -> str:
    """The row of a table that shows a flag."""
    return next(line for line in table.splitlines() if name in line)
