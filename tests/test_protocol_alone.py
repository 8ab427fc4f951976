"""The protocol is a distribution of its own: built here, installed into empty environments, without a network.

What it needs is packed into wheels again from the environment that the tests run in.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.jobs import Bench
from tests.served import Served

PROTOCOL = Path(__file__).parent.parent / "protocol"
LIMIT_S = 90
DOORS = "protocol.messages, protocol.words, protocol.requests, protocol.view"
OF_THE_INSTALLER = {"INSTALLER", "REQUESTED", "direct_url.json"}

LOADED = f"""
import json, msgspec, sys
before = set(sys.modules)
import {DOORS}
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(tops - sys.stdlib_module_names)))
"""
INSTALLED = f"""
import importlib.metadata, json, {DOORS}
print(json.dumps([protocol.__file__, sorted(each.name for each in importlib.metadata.distributions())]))
"""


def output_of(*command: object, status: int = 0, environ: Mapping[str, str] | None = None) -> str:
    """What a command says, run in no particular place and with no configuration of ours."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "TAGSTREAM_"))}
    ended = subprocess.run(
        [*map(str, command)],
        cwd="/",
        env=plain | {"PIP_CONFIG_FILE": os.devnull} | dict(environ or {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def needed(requirement: Requirement) -> Iterator[str]:
    """The distributions that a requirement brings here, itself first."""
    yield requirement.name
    for text in importlib.metadata.requires(requirement.name) or []:
        each = Requirement(text)
        extras = {"", *requirement.extras}
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras):
            yield from needed(each)


def pack(name: str, folder: Path) -> None:
    """A wheel of a distribution that is installed here."""
    found = importlib.metadata.distribution(name)
    tag = next(line.split()[1] for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:"))
    files = [each for each in found.files or [] if ".." not in each.parts and each.suffix != ".pyc"]
    stem = found.metadata["Name"].replace("-", "_")
    with zipfile.ZipFile(folder / f"{stem}-{found.version}-{tag}.whl", "w") as wheel:
        for each in files:
            if each.name not in OF_THE_INSTALLER:
                wheel.write(str(each.locate()), str(each))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the protocol's wheel, and with those of all that it and its extra ask for."""
    folder = tmp_path_factory.mktemp("wheels")
    source = shutil.copytree(
        PROTOCOL, tmp_path_factory.mktemp("source") / "protocol", ignore=shutil.ignore_patterns("__pycache__")
    )
    build = (
        f"import os; os.chdir({str(source)!r}); from setuptools import build_meta as b; b.build_wheel({str(folder)!r})"
    )
    output_of(sys.executable, "-W", "ignore", "-c", build)
    project = tomllib.loads((PROTOCOL / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["client"]]
    for name in {each for requirement in requirements for each in needed(Requirement(requirement))}:
        pack(name, folder)
    return folder


def environment(folder: Path, wheels: Path, requirement: str) -> Path:
    """The interpreter of a new environment that holds what this requirement brings, and nothing else."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links", wheels, requirement)
    output_of(sys.executable, "-m", "pip", "--python", python, *install)
    return python


@pytest.fixture(scope="module")
def alone(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("alone"), wheels, "tagstream-protocol")


@pytest.fixture(scope="module")
def with_client(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("client"), wheels, "tagstream-protocol[client]")


def test_the_doors_load_nothing_but_msgspec() -> None:
    known = {"PYTHONPATH": str(PROTOCOL.parent)}
    assert json.loads(output_of(sys.executable, "-c", LOADED, environ=known)) == ["protocol"]


def test_alone_it_brings_msgspec_and_nothing_else(alone: Path) -> None:
    place, distributions = json.loads(output_of(alone, "-I", "-c", INSTALLED))
    assert distributions == ["msgspec", "tagstream-protocol"]
    assert Path(place).is_relative_to(alone.parent.parent)


def test_alone_it_is_typed_and_whole(alone: Path) -> None:
    place, _ = json.loads(output_of(alone, "-I", "-c", INSTALLED))
    installed = {path.name for path in Path(place).parent.iterdir()}
    assert installed >= {path.name for path in PROTOCOL.glob("*.py")} | {"py.typed"}


def test_alone_the_command_line_says_what_it_lacks(alone: Path) -> None:
    said = output_of(alone, "-I", "-m", "protocol", "--help", status=2)
    assert said.endswith("is missing: install tagstream-protocol[client]\n")
    assert "Traceback" not in said


def test_with_the_extra_the_command_line_starts_a_batch(
    with_client: Path, api: Served, bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "docs.csv").write_text("title,url\nA,https://example.org/a.pdf\n")
    known = {"TAGSTREAM_URL": api.url, "TAGSTREAM_TOKEN": api.token()}
    command = (with_client, "-I", "-m", "protocol")
    said = output_of(*command, "start", tmp_path / "docs.csv", "--job-id", "mine", environ=known)
    assert said == "mine\nread as CSV in UTF-8 with commas\n"
    assert bench.facts("mine")["total"] == "1"
    assert output_of(*command, "cancel", "mine", environ=known) == "job mine: cancelled\n"
