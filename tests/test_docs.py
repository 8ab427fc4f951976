"""What the documentation says is what stands in the code."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from actors.environment import BARE_NAMES, BadSetting, from_environment
from actors.settings import Settings
from api.app import create_app
from protocol.messages import Catchup, Completed, JobState, Keepalive, Progress, Row
from protocol.requests import Document, TaggingConfig
from protocol.words import DocumentStatus, ErrorCode, ErrorType, JobStatus

ROOT = Path(__file__).parent.parent
README_LINES_MAX = 120
SECRET_KEY = "k" * 32

_SETTING = re.compile(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]+)`|(\w+)) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
_RANGE = re.compile(r"([\d.]+) to (\d+)$")
_ROUTE = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \|", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
# A home, a mount or a scratch folder, where a path begins; a registry's or a mirror's address.
_MACHINE = re.compile(r"(?<![\w./:}])/(?:home|root|Users|work|mnt|tmp/\w)[/\w]")
_REGISTRY = re.compile(r"\b(?:files\.)?py(?:pi|thonhosted)\.org|--(?:extra-)?index-url|registry\.\w+\.\w+")


def read(name: str) -> str:
    """A document of this repository."""
    return (ROOT / name).read_text()


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, not what lies about in its folder."""
    if shutil.which("git") is None:
        pytest.skip("there is no git to list the repository's files")
    command = ["git", "ls-files", "--cached", "-z", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip(f"git lists no files here: {listed.stderr}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def documented() -> dict[str, tuple[str, str]]:
    """Setting → default and range, as the page on operating has them."""
    return {
        name: (quoted or bare, limits) for name, quoted, bare, limits in _SETTING.findall(read("docs/operating.md"))
    }


def variable(field: "Field[Any]") -> str:
    """The environment's name of a setting."""
    return BARE_NAMES.get(field.name, f"TAGSTREAM_{field.name.upper()}")


def shown(field: "Field[Any]") -> str:
    """How a setting's default is told to people."""
    if field.default is MISSING:
        return "required"
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    if isinstance(field.default, float):
        return f"{field.default:g}"
    return str(field.default) if isinstance(field.default, int | str) and field.default != "" else "empty"


def ranges() -> Iterator[tuple[str, str, str]]:
    """Setting, lowest and highest value, of those that are numbers."""
    for name, (_, limits) in documented().items():
        if found := _RANGE.search(limits):
            yield name, found[1], found[2]


def test_every_setting_is_documented_with_its_default_and_nothing_else_is() -> None:
    assert {name: default for name, (default, _) in documented().items()} == {
        variable(each): shown(each) for each in fields(Settings)
    }


def test_a_documented_range_is_the_one_that_is_checked() -> None:
    numbers = {variable(each) for each in fields(Settings) if each.type in (int, float)}
    assert {name for name, _, _ in ranges()} == numbers
    for name, low, high in ranges():
        for bound in (low, high):
            from_environment({"TAGSTREAM_SECRET_KEY": SECRET_KEY, name: bound})
        for beyond in (str(float(low) - 1).removesuffix(".0"), str(int(high) + 1)):
            with pytest.raises(BadSetting):
                from_environment({"TAGSTREAM_SECRET_KEY": SECRET_KEY, name: beyond})


def test_every_variable_that_is_named_anywhere_exists() -> None:
    known = {variable(each) for each in fields(Settings)} | {"TAGSTREAM_URL", "TAGSTREAM_TOKEN"}
    for page in tracked("*.md"):
        assert set(re.findall(r"\bTAGSTREAM_[A-Z0-9_]+\b", page.read_text())) <= known, page


def test_every_route_is_documented_with_its_method_and_no_other() -> None:
    app = create_app(Settings(secret_key=SECRET_KEY))
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}
    }
    assert set(_ROUTE.findall(read("docs/protocol.md"))) == served


@pytest.mark.parametrize("kind", [Row, JobState, Catchup, Progress, Completed, Keepalive, Document, TaggingConfig])
def test_every_field_on_the_wire_is_documented(kind: Any) -> None:
    page = read("docs/protocol.md")
    ours = {"columns"}  # what a document's "any other" fields become
    for name in set(kind.__struct_fields__) - ours:
        assert re.search(rf"[`, ]{name}[`,]", page), f"{kind.__name__}.{name}"


@pytest.mark.parametrize("words", [JobStatus, DocumentStatus, ErrorType, ErrorCode])
def test_every_word_on_the_wire_is_documented(words: Any) -> None:
    page = read("docs/protocol.md")
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_readme_is_short_and_its_targets_exist() -> None:
    text = read("README.md")
    assert len(text.splitlines()) <= README_LINES_MAX
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    code = [*_FENCE.findall(text), *re.findall(r"`[^`\n]+`", _FENCE.sub("", text))]
    asked = {target for each in code for target in re.findall(r"\bmake (?:-s )?([a-z]+)", each)}
    assert {"demo", "up", "test", "token"} <= asked
    assert asked <= targets


def test_links_within_the_repository_lead_somewhere() -> None:
    for page in tracked("*.md"):
        for target in _LINK.findall(_FENCE.sub("", page.read_text())):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            aim = (page.parent / path).resolve() if path else page
            assert aim.exists(), f"{page}: {target}"
            if anchor:
                assert anchor in {slug(heading) for heading in _HEADING.findall(_FENCE.sub("", aim.read_text()))}, (
                    target
                )


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_locks_name_versions_and_hashes_and_no_host() -> None:
    locks = tracked("requirements-*.txt", "protocol/requirements-*.txt")
    assert {lock.name for lock in locks} == {f"requirements-{role}.txt" for role in ("api", "worker", "dev", "client")}
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--index" not in text, lock
        for requirement in text.replace("\\\n", " ").splitlines():
            assert _PIN.match(requirement), f"{lock.name}: {requirement[:60]}"
            assert "--hash=sha256:" in requirement, f"{lock.name}: {requirement[:60]}"


def test_all_locks_agree_on_versions() -> None:
    everything = dict(_PIN.findall(read("requirements-dev.txt")))
    for role in ("api", "worker"):
        assert dict(_PIN.findall(read(f"requirements-{role}.txt"))).items() <= everything.items()


def test_the_image_holds_what_its_dockerfile_copies() -> None:
    allowed = re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    assert sorted(allowed) == sorted(name for line in copied for name in line.split())
    assert all((ROOT / name).exists() for name in allowed)


def test_nothing_names_a_place_of_one_machine_or_a_registry() -> None:
    for path in tracked():
        text = path.read_text(errors="ignore")
        if path != Path(__file__):
            assert not _MACHINE.search(text), path
            assert not _REGISTRY.search(text), path
