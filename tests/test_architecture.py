"""Does the source still look as DECISIONS.md and the design say? Import rules, rooms, sizes, names, and what no file may do."""

import ast
import json
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MEMBERS = [
    ROOT / "shared",
    *sorted(path.parent for path in ROOT.glob("services/*/pyproject.toml")),
    ROOT / "gateway",
    ROOT / "deploy",
]
SERVICES = sorted(path.name for path in ROOT.glob("services/*/rfid3_*") if path.is_dir() and path.suffix != ".egg-info")
NEEDED_ROOMS = {
    "__init__",
    "app",
    "features",
    "model",
    "predict",
    "queries",
    "routes",
    "schemas",
    "settings",
    "train",
    "worker",
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc", "core"}
MOST_LINES, MEDIAN_LINES = 300, 100
MOST_NAMINGS = 12
HEAVY = ("lightgbm", "matplotlib", "mlforecast", "pandas", "pyarrow", "scipy", "sklearn", "statsforecast", "statsmodels")


def package_of(member: Path) -> Path:
    """The folder of a member's package."""
    return next(path for path in member.glob("rfid3_*") if (path / "__init__.py").exists())


def source_files() -> list[Path]:
    """Every Python file of the members and of bench."""
    folders = [*map(package_of, MEMBERS), ROOT / "bench"]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text())


def shown(path: Path) -> str:
    """The path below the project's root."""
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[str]:
    """The absolute names a file imports, anywhere in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers_of(*names: str) -> set[str]:
    """The files that import one of the modules or something below it."""
    return {
        shown(path)
        for path in source_files()
        for found in imports_of(path)
        if any(f"{found}.".startswith(f"{name}.") for name in names)
    }


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def calls_in(path: Path) -> set[str]:
    """The dotted names a file calls."""
    return {name for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call) and (name := dotted(node.func))}


class TestImports:
    def test_contracts_hold(self) -> None:
        """The import-linter contracts of pyproject.toml are kept."""
        script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

        run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

        assert run.returncode == 0, run.stdout + run.stderr

    def test_only_shared_jobs_imports_the_queue(self) -> None:
        """arq is in maintenance: it stays behind shared/jobs."""
        assert [path for path in importers_of("arq") if not path.startswith(("shared/rfid3_shared/jobs/", "bench/"))] == []

    def test_only_the_gateway_imports_an_http_client(self) -> None:
        """Members reach each other through the gateway's one seam, or shared/http."""
        found = importers_of("aiohttp", "httpx", "requests", "urllib.request", "http.client", "pyreqwest")

        assert {path for path in found if not path.startswith(("gateway/", "shared/rfid3_shared/http", "bench/"))} == set()

    def test_nothing_is_pickled(self) -> None:
        """Artefacts are text, parquet and JSON: a pickle runs code of whoever wrote it."""
        assert importers_of("pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal") == set()

    def test_every_service_is_covered_by_the_contracts(self) -> None:
        """A new service that the contracts do not name would be free of them; every room of a service stands in one of its layers."""
        linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
        rooms, members = (next(each for each in linter["contracts"] if each["id"] == name) for name in ("rooms", "members"))

        assert set(SERVICES) <= set(linter["root_packages"])
        assert set(SERVICES) <= set(members["layers"][1].split(" | "))
        assert sorted(rooms["containers"]) == SERVICES
        assert rooms["exhaustive"]

    @pytest.mark.parametrize(
        "module", ["rfid3_gateway.app", *(f"{name}.{room}" for name in SERVICES for room in ("app", "worker"))]
    )
    def test_serving_processes_stay_light(self, module: str) -> None:
        """What a serving process or a worker's parent imports never reaches a model library, and starts no thread."""
        script = (
            "import json, os, sys; os.environ['OPENBLAS_NUM_THREADS'] = '1'; __import__(sys.argv[1]);"
            "threads = len(os.listdir('/proc/self/task')) if os.path.exists('/proc/self/task') else 1;"
            "print(json.dumps([threads, sorted({name.partition('.')[0] for name in sys.modules})]))"
        )

        run = subprocess.run([sys.executable, "-c", script, module], cwd=ROOT, capture_output=True, text=True, check=True)
        threads, loaded = json.loads(run.stdout)

        assert [name for name in HEAVY if name in loaded] == []
        assert threads == 1, "something started threads when imported; they would be missing in every fork"


class TestRooms:
    @pytest.mark.parametrize("service", SERVICES)
    def test_services_have_the_same_rooms(self, service: str) -> None:
        """Who knows one service knows all: the rooms of architecture.md. That there are no others is a contract of pyproject.toml."""
        folder = next(ROOT.glob(f"services/*/{service}"))

        rooms = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

        assert NEEDED_ROOMS - rooms == set(), "rooms that are missing"

    def test_files_are_short(self) -> None:
        """A file is about one idea: at most 300 lines, half of them below 100."""
        lines = {shown(path): len(path.read_text().splitlines()) for path in source_files()}

        assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
        assert statistics.median(lines.values()) < MEDIAN_LINES

    def test_names_say_what_a_module_is_about(self) -> None:
        """No room is called utils, helpers, manager, base or common."""
        assert [shown(path) for path in source_files() if {path.stem, path.parent.name} & VAGUE_NAMES] == []


class TestWhatNoFileMayDo:
    def test_only_the_clock_reads_the_time(self) -> None:
        """The present moment comes from rfid3_shared.clock, so that tests can set it."""
        banned = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
        banned |= {f"datetime.{name}" for name in ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")}
        files = [path for path in source_files() if shown(path) != "shared/rfid3_shared/clock.py" and "bench" not in path.parts]

        assert {shown(path): found for path in files if (found := calls_in(path) & banned)} == {}

    def test_nothing_outside_the_twin_draws_random_numbers(self) -> None:
        """The same request gives the same answer: no chance outside the twin; secrets only where keys are made."""
        files = [path for path in source_files() if "twin" not in path.parts and "bench" not in path.parts]
        called = {
            shown(path) for path in files if any(name.startswith(("np.random", "numpy.random")) for name in calls_in(path))
        }
        imported = importers_of("random", "numpy.random") & {shown(path) for path in files}

        # the peer Prophet samples its own intervals: its seed is set there, so that its answer stays the same
        assert imported | called <= {"services/demand/rfid3_demand/evaluation/prophet_peer.py"}
        # keys must not be guessed, request ids must not meet; neither changes an answer
        assert importers_of("secrets") <= {"shared/rfid3_shared/auth.py", "shared/rfid3_shared/request_ids.py"}

    def test_everything_public_is_explained(self) -> None:
        """Every module, public class and public function of the members has a docstring."""
        missing = []
        for path in source_files():
            for owner, node in public_nodes(tree_of(path)):
                if ast.get_docstring(node) is None:
                    missing.append(f"{shown(path)}: {owner}")

        assert missing == []


def public_nodes(tree: ast.Module) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The module, its public functions and classes, and their public methods; an override's docstring is that of its base."""
    yield "module", tree
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.bases:
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method


class TestMembers:
    @pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)
    def test_cannot_be_uploaded_by_accident(self, member: Path) -> None:
        """Each member is a private distribution that pip and type checkers know."""
        project = tomllib.loads((member / "pyproject.toml").read_text())["project"]

        assert "Private :: Do Not Upload" in project["classifiers"]
        assert (package_of(member) / "py.typed").exists()

    def test_all_are_installed_by_the_requirements(self) -> None:
        """`make setup` installs every member, shared first."""
        lines = [line.removeprefix("-e ./").partition("[")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()]

        assert lines[0] == "shared"
        assert sorted(lines) == sorted(shown(member) for member in MEMBERS)

    @pytest.mark.parametrize("service", SERVICES)
    def test_a_service_is_named_in_few_places(self, service: str) -> None:
        """Outside its folder and the tests it costs a dozen lines: address, paths, import contracts, what is installed."""
        name, files = service.removeprefix("rfid3_"), ("Makefile", "pyproject.toml", "requirements.txt", "deploy/topology.toml")
        naming = re.compile(rf"{service}\b|services[./]{name}\b")

        lines = [line for file in files for line in (ROOT / file).read_text().splitlines() if naming.search(line)]

        assert len(lines) <= MOST_NAMINGS, lines

    def test_constraints_hold_exact_versions_only(self) -> None:
        """constraints.txt: `name==version`, one a line, no addresses."""
        lines = (ROOT / "constraints.txt").read_text().splitlines()

        assert [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][A-Za-z0-9.!+]*", line)] == []
        assert lines == sorted(set(lines))


def settings_modules() -> list[str]:
    """Every module that may define settings."""
    packages = ["rfid3_shared", "rfid3_gateway", *SERVICES]
    return [f"{package}.settings" for package in packages if find_spec(f"{package}.settings")]


class TestDocuments:
    def test_env_example_names_every_setting(self) -> None:
        """.env.example has a line for each setting of each member, and none for anything else."""
        from rfid3_shared.settings import Settings

        kinds = [kind for name in settings_modules() for kind in vars(import_module(name)).values() if isinstance(kind, type)]
        wanted = {f"RFID3_{field.upper()}" for kind in kinds if issubclass(kind, Settings) for field in kind.model_fields}
        written = set(re.findall(r"^#? ?(RFID3_[A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

        assert written - {name for name in written if name.startswith("RFID3_UPSTREAM_")} == wanted

    def test_env_example_says_what_services_say(self) -> None:
        """The services' part is what their settings say of themselves; `python -m rfid3_deploy.env_example` writes it."""
        from rfid3_deploy.env_example import FILE, whole
        from rfid3_deploy.topology import read_topology

        assert FILE.read_text() == whole(FILE.read_text(), read_topology())

    def test_readme_mentions_every_target(self) -> None:
        """Whoever reads the README learns of every `make` target."""
        targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
        readme = (ROOT / "README.md").read_text()

        assert [target for target in targets if not re.search(rf"\bmake (?:[a-z]+ \| )*{target}\b|\b{target}\b", readme)] == []
