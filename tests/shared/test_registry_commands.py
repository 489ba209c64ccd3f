"""`rfid3 models`: what a person at a shell sees of models, decides about them, and which exit code a script gets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.registry import CHANNEL, Registry, Verdict, Version, open_storage
from rfid3_shared.registry.commands import app, headline, service_of

TRAINED = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
Run = Callable[..., Any]


@pytest.fixture
def run(store_dsn: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("RFID3_REDIS_URL", redis_url)
    monkeypatch.setenv("RFID3_REGISTRY_DIR", str(tmp_path / "registry"))
    monkeypatch.setenv("COLUMNS", "250")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


class Shop:
    """A registry with a champion and its forerunner, a shadow, a rejected version and one of another service."""

    def __init__(self, dsn: str, folder: Path, storage_url: str | None = None) -> None:
        self.dsn, self.folder, self.storage_url = dsn, folder, storage_url
        states = (("retired", "champion"), ("champion", "champion"), ("rejected", "rejected"), ("shadow", "shadow"))
        self.versions = {
            name: self.do(lambda registry, number=number, verdict=verdict: self._publish(registry, "demand", number, verdict))  # type: ignore[misc]
            for number, (name, verdict) in enumerate(states)
        }
        self.versions["packs"] = self.do(lambda registry: self._publish(registry, "packs", 9, "champion"))

    def __getitem__(self, name: str) -> str:
        return self.versions[name].model_version

    def do(self, use: Callable[[Registry], Awaitable[Any]]) -> Any:
        """What `use` makes of the registry, in an event loop of its own."""

        async def opened() -> Any:
            engine = open_engine(self.dsn)
            await ensure_schema(engine)
            try:
                return await use(Registry(self.folder / "registry", engine, Clock(), open_storage(self.storage_url)))
            finally:
                await engine.dispose()

        return asyncio.run(opened())

    def states(self) -> dict[str, str]:
        """The state of every version by the name it began with."""
        found = self.do(lambda registry: registry.versions())
        now = {version.model_version: version.state for version in found}
        return {name: now[version.model_version] for name, version in self.versions.items()}

    def spec(self, name: str) -> Path:
        """A file of the version's artefact."""
        version = self.versions[name]
        return self.folder / "registry" / version.service / version.folder_name / "spec.json"

    async def _publish(self, registry: Registry, service: str, number: int, state: Any) -> Version:
        folder = self.folder / f"trained-{number}"
        folder.mkdir()
        (folder / "spec.json").write_text(json.dumps({"number": number}))
        version = await registry.publish(
            service, folder, model_type="ensemble", metrics={"wape": 0.21, "kind": "x", "naive_wape": 0.34}, data_from=date(2024, 1, 1),
            data_to=date(2026, 11, 15), parameters={"seed": 7}, trained_at=TRAINED + timedelta(hours=number),
        )  # fmt: skip
        return await registry.settle(version, Verdict(state, f"[reason] {number}", {"losses": [0.2]}), by="job j1")


@pytest.fixture
def shop(store_dsn: str, tmp_path: Path) -> Shop:
    return Shop(store_dsn, tmp_path)


class TestList:
    def test_shows_each_version_with_what_matters(self, run: Run, shop: Shop) -> None:
        """Name, state, span of the data, first numbers and the reason, newest first."""
        told = run("list").stdout

        lines = [line for line in told.splitlines() if "_v2026" in line]
        assert [line.split()[0] for line in lines] == [
            shop[name] for name in ("packs", "shadow", "rejected", "champion", "retired")
        ]  # fmt: skip
        champion = next(line for line in lines if shop["champion"] in line)
        below = told.splitlines()[told.splitlines().index(champion) + 1]
        for words, line in (("champion", champion), ("2024-01-01", champion), ("wape 0.21", champion), ("[reason] 1", champion),
                            ("– 2026-11-15", below), ("naive_wape 0.34", below)):  # fmt: skip
            assert words in line

    def test_filters(self, run: Run, shop: Shop) -> None:
        """By service, by state, and no more than asked for."""
        assert shop["packs"] not in run("list", "--service", "demand").stdout
        assert shop["shadow"] in run("list", "--state", "shadow").stdout
        assert shop["champion"] not in run("list", "--state", "shadow").stdout
        assert run("list", "--limit", "1").stdout.count("_v2026") == 1

    def test_an_unknown_state_is_refused_with_the_known_ones(self, run: Run) -> None:
        """A typing error is told, not answered with an empty list."""
        answer = run("list", "--state", "shdow")

        assert (answer.exit_code, "rejected" in answer.output) == (2, True)

    def test_without_models_says_how_to_get_one(self, run: Run) -> None:
        """An empty store is no error, and no empty table either."""
        answer = run("list")

        assert (answer.exit_code, "rfid3 train" in answer.stdout) == (0, True)

    def test_a_store_out_of_reach_is_told_plainly(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Exit code 2, and no traceback."""
        monkeypatch.setenv("RFID3_STORE_URL", "mysql://nobody@127.0.0.1:1/none")

        answer = run("list")

        assert (answer.exit_code, "Traceback" in answer.output, "cannot be reached" in answer.output) == (2, False, True)


class TestShow:
    def test_prints_the_whole_version_as_json(self, run: Run, shop: Shop) -> None:
        """What is printed can be read by a program, and is what the registry holds."""
        told = json.loads(run("show", shop["shadow"]).stdout)

        assert told == json.loads(json.dumps(shop.versions["shadow"].as_dict()))

    @pytest.mark.parametrize("name", ["demand_v1", "nonsense"])
    def test_an_unknown_name_is_exit_code_2(self, run: Run, shop: Shop, name: str) -> None:
        """A request that names nothing cannot be answered."""
        assert run("show", name).exit_code == 2


class TestEvents:
    def test_lists_changes_with_who_and_why(self, run: Run, shop: Shop) -> None:
        """Every change of the service's states is a line; another service's is not."""
        lines = [line for line in run("events", "--service", "demand").stdout.splitlines() if "_v2026" in line]

        assert len(lines) == 5
        assert shop["shadow"] in lines[0]
        assert "job j1" in lines[0]
        assert shop["packs"] in run("events").stdout


class TestPromote:
    def test_makes_it_champion_and_tells_running_processes(self, run: Run, shop: Shop, redis_url: str) -> None:
        """The state changes with the reason given, and services hear of it at once."""
        import redis

        with redis.Redis.from_url(redis_url) as client, client.pubsub() as heard:
            heard.subscribe(CHANNEL)
            heard.get_message(timeout=1)

            answer = run("promote", shop["rejected"], "--reason", "Better for [tents].")

            word = heard.get_message(ignore_subscribe_messages=True, timeout=2)
        assert (answer.exit_code, word and word["data"]) == (0, b"demand")
        assert shop["rejected"] in answer.stdout
        assert shop.states() == {
            "retired": "retired", "champion": "retired", "rejected": "champion", "shadow": "rejected", "packs": "champion",
        }  # fmt: skip
        event = next(event for event in shop.do(lambda registry: registry.events("demand")) if event.to_state == "champion")
        assert event.reason == "Better for [tents]."
        assert event.changed_by.endswith("the shell")

    @pytest.mark.parametrize(
        ("name", "words"), [("champion", "is champion"), ("nonsense", "no version")], ids=["already champion", "unknown"]
    )
    def test_what_cannot_be_done_is_exit_code_2(self, run: Run, shop: Shop, name: str, words: str) -> None:
        """A pointless or unknown choice is refused in plain words and changes nothing."""
        answer = run("promote", shop[name] if name in shop.versions else "demand_v0", "--reason", "why not")

        assert (answer.exit_code, words in answer.output.replace("\n", " ")) == (2, True)
        assert shop.states()["champion"] == "champion"

    def test_a_reason_is_needed(self, run: Run, shop: Shop) -> None:
        """Nobody decides without saying why."""
        assert run("promote", shop["rejected"]).exit_code == 2

    def test_damaged_files_are_refused(self, run: Run, shop: Shop) -> None:
        """What serves stays when the files of the chosen one are not what was published."""
        shop.spec("rejected").write_text("{}")

        answer = run("promote", shop["rejected"], "--reason", "try it")

        assert (answer.exit_code, "MODEL_UNAVAILABLE" in answer.output) == (2, True)
        assert shop.states()["champion"] == "champion"

    def test_without_redis_it_is_done_all_the_same(self, run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Processes that hear nothing find it themselves: the command does not fail."""
        monkeypatch.setenv("RFID3_REDIS_URL", "redis://127.0.0.1:1/0")

        assert run("promote", shop["rejected"], "--reason", "try it").exit_code == 0
        assert shop.states()["rejected"] == "champion"


class TestRollback:
    def test_goes_back_one_champion(self, run: Run, shop: Shop) -> None:
        """The champion before answers again."""
        answer = run("rollback", "demand", "--reason", "tents look wrong")

        assert (answer.exit_code, shop["retired"] in answer.stdout) == (0, True)
        assert (shop.states()["retired"], shop.states()["champion"]) == ("champion", "retired")

    def test_goes_back_to_the_one_named(self, run: Run, shop: Shop) -> None:
        """A retired version may be named."""
        run("promote", shop["rejected"], "--reason", "try it")

        answer = run("rollback", "demand", "--to", shop["retired"], "--reason", "back to the start")

        assert (answer.exit_code, shop.states()["retired"]) == (0, "champion")

    @pytest.mark.parametrize("service", ["packs", "pricing"])
    def test_with_nowhere_to_go_is_exit_code_2(self, run: Run, shop: Shop, service: str) -> None:
        """A first champion stays, and a service without one is named."""
        assert run("rollback", service, "--reason", "no way back").exit_code == 2
        assert shop.states()["packs"] == "champion"


class TestReject:
    def test_ends_a_shadow(self, run: Run, shop: Shop) -> None:
        """A shadow that was decided against is rejected; a champion cannot be."""
        answer = run("reject", shop["shadow"], "--reason", "wrong about tents")

        assert (answer.exit_code, shop.states()["shadow"]) == (0, "rejected")
        assert run("reject", shop["champion"], "--reason", "no").exit_code == 2


class TestVerify:
    def test_whole_files_are_exit_code_0(self, run: Run, shop: Shop) -> None:
        """By default champion and shadow of every service are checked, and no other."""
        answer = run("verify")

        assert (answer.exit_code, answer.stdout.count("whole"), answer.stdout.count("none is set")) == (0, 3, 3)
        assert shop["retired"] not in answer.stdout

    @pytest.mark.parametrize("damage", ["changed", "gone"])
    def test_damage_is_named_and_exit_code_1(self, run: Run, shop: Shop, damage: str) -> None:
        """A script can act on it; a version that is not on duty counts when it is named."""
        spec = shop.spec("retired")
        spec.write_text("{}") if damage == "changed" else spec.unlink()

        assert run("verify").exit_code == 0
        answer = run("verify", shop["retired"], shop["champion"])
        assert (answer.exit_code, answer.stdout.count("damaged or missing"), answer.stdout.count("whole")) == (1, 1, 1)

    def test_damage_is_mended_from_the_storage(
        self, run: Run, store_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where all hosts share a storage, what is damaged here is fetched again; what it lacks as well is told."""
        (tmp_path / "share").mkdir()
        url = f"file://{tmp_path}/share"
        monkeypatch.setenv("RFID3_REGISTRY_URL", url)
        shop = Shop(store_dsn, tmp_path, url)
        shop.spec("champion").write_text("{}")

        first, second = run("verify", shop["champion"]), run("verify", shop["champion"])
        (tmp_path / "share").rename(tmp_path / "elsewhere")
        away = run("verify", shop["champion"])

        assert (first.exit_code, "fetched again" in first.stdout, "yes" in first.stdout) == (0, True, True)
        assert (second.exit_code, "whole" in second.stdout) == (0, True)
        assert (away.exit_code, "out of reach" in away.stdout) == (0, True)

    def test_an_unknown_name_is_exit_code_2(self, run: Run, shop: Shop) -> None:
        """A request that names nothing cannot be answered."""
        assert run("verify", "demand_v0").exit_code == 2


class TestWords:
    def test_headline_holds_numbers_only(self) -> None:
        """The first four numbers; words, lists and what is not known are left out."""
        metrics = {"a": 1, "b": "text", "c": None, "d": 0.12345, "e": [1], "f": 3, "g": 4, "h": 5}

        assert headline(metrics) == "a 1\nd 0.123\nf 3\ng 4"
        assert headline({}) == ""

    def test_a_name_begins_with_its_service(self) -> None:
        """A service whose own name holds the separator is found as well."""
        assert service_of("demand_v20261122_003100_1f0c9a2b") == "demand"
        assert service_of("my_vans_v20261122_003100_1f0c9a2b") == "my_vans"
        assert service_of("nonsense") == ""

    def test_help_teaches_the_states(self, run: Run) -> None:
        """Who asks for help learns what a champion is, and what can be done."""
        told = run("--help").stdout

        assert all(word in told for word in ("candidate", "shadow", "champion", "retired", "rejected", "rollback", "verify"))
