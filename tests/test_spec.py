"""Every sentence of the page has an id, every id is proved by a test, and every id that a test names exists."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spec import IDS, PAGE, Sentence, proves

HERE = Path(__file__).parent
OURS = {HERE / "spec.py", Path(__file__)}
SEED = HERE.parent.parent / "shared" / "seed"
BEGINNING = "\nOverview\n"
HEADINGS = {
    "Overview",
    "Connection Details",
    "Path Parameters",
    "Connection Flow",
    "1. Client Connects",
    "2. Server Sends Catchup Message",
    "3. Server Streams Progress Updates",
    "4. Server Sends Completion Message",
    "5. Keepalive Messages",
    "Message Types Summary",
    "TypeWhen SentDescription",
    "Error Responses",
    "Usage Example",
    "Important Notes",
    "Build docs developers (and LLMs) love",
}
BRACES = {"}", "};"}
"""What closes an example whose parts are sentences of their own."""
INDENTED = r"(?:[^\n]*\n(?= ))*?[^\n]*?\s*"
"""The `[...]` of a sentence."""


def page() -> str:
    """The published page, from its overview to its end."""
    found = sorted(SEED.glob("*.txt"))
    if not found:
        pytest.skip("the published page is not beside this checkout")
    whole = found[0].read_text()
    assert BEGINNING in whole
    return whole[whole.index(BEGINNING) :]


def left_over(text: str, sentences: tuple[Sentence, ...]) -> list[str]:
    """What a page has beside its headings and these sentences, line by line, and which of them it lacks."""
    left = ""
    for sentence in sentences:
        if found := pattern(sentence).search(text):
            left += f"{text[: found.start()]}\n"
            text = text[found.end() :]
        else:
            left += f"(not here: {sentence.id})\n"
    lines = (line.strip() for line in (left + text).splitlines())
    return [line for line in lines if line and line not in HEADINGS | BRACES]


def pattern(sentence: Sentence) -> re.Pattern[str]:
    """What finds a sentence in the page: whole lines, or whole sentences of a line."""
    return re.compile(INDENTED.join(re.escape(part) for part in sentence.text.split("[...]")))


def marks(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """What is marked in a file, and its mark; a mark that decorates nothing comes with itself."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_proves(node.func)]
    decorated = {id(each): node for node in ast.walk(tree) for each in getattr(node, "decorator_list", [])}
    for call in calls:
        yield decorated.get(id(call), call), call


def _is_proves(called: ast.expr) -> bool:
    return proves.__name__ in (getattr(called, "id", ""), getattr(called, "attr", ""))


def why_no_proof(tree: ast.Module, marked: ast.AST) -> str:
    """Why pytest would not run what is marked; empty: it would."""
    if not isinstance(marked, ast.FunctionDef | ast.AsyncFunctionDef) or not marked.name.startswith("test_"):
        return "it is no test"
    if marked not in tree.body:
        return "it does not stand at the top of its file"
    if [getattr(node, "name", "") for node in tree.body].count(marked.name) > 1:
        return "another has its name"
    conditions = [*marked.decorator_list, *(node for node in tree.body if isinstance(node, ast.Assign))]
    if any(re.search(r"\bskip|\bxfail|^__test__", ast.unparse(each)) for each in conditions):
        return "it is not always run"
    return ""


def proved(path: Path, folder: Path) -> Iterator[str]:
    """The ids that the tests of a file prove.

    Raises:
        AssertionError: what is marked is no test that pytest runs, or not marked word by word.
    """
    tree = ast.parse(path.read_text())
    for marked, mark in marks(tree):
        place = f"{path.name}:{mark.lineno}"
        assert path.parent == folder, f"{place}: it does not stand beside the other tests"
        assert path.match("test_*.py"), f"{place}: its file is none of tests"
        reason = why_no_proof(tree, marked)
        assert not reason, f"{place}: {reason}"
        assert mark.args, f"{place}: it proves nothing"
        assert all(isinstance(each, ast.Constant) for each in mark.args), f"{place}: an id is no plain text"
        yield from (each.value for each in mark.args)  # type: ignore[attr-defined]


def everything_proved(folder: Path = HERE) -> Counter[str]:
    """The ids that tests name, and how often."""
    files = {*folder.rglob("*.py")} - OURS
    return Counter(each for path in files for each in proved(path, folder))


def test_every_sentence_is_proved_by_a_test() -> None:
    assert sorted(IDS - set(everything_proved())) == []


def test_every_sentence_that_a_test_names_is_one_of_the_page() -> None:
    assert sorted(set(everything_proved()) - IDS) == []


def test_no_two_sentences_have_the_same_id() -> None:
    assert [name for name, count in Counter(sentence.id for sentence in PAGE).items() if count > 1] == []


def test_every_sentence_of_the_page_has_an_id() -> None:
    assert left_over(page(), PAGE) == []


def test_each_sentence_is_noticed_when_it_has_no_id() -> None:
    text = page()
    assert all(left_over(text, PAGE[:place] + PAGE[place + 1 :]) for place in range(len(PAGE)))


def test_a_sentence_that_the_page_gets_is_noticed() -> None:
    added = page().replace("\nUsage Example\n", "\nIt may rain.\n\nUsage Example\n")
    assert left_over(added, PAGE) == ["It may rain."]


def test_a_sentence_that_the_page_loses_is_noticed() -> None:
    lost = page().replace("Processing continues in the background.", "")
    assert left_over(lost, PAGE) == ["(not here: ws:notes:background)"]


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("test_a.py", '@proves("x")\ndef check_a(): ...', "no test"),
        ("test_a.py", '@proves("x")\nclass TestA: ...', "no test"),
        ("test_a.py", 'proves("x")(test_a)', "no test"),
        ("test_a.py", 'class A:\n @proves("x")\n def test_a(self): ...', "top of its file"),
        ("test_a.py", 'if 0:\n @proves("x")\n def test_a(): ...', "top of its file"),
        ("test_a.py", '@proves("x")\ndef test_a(): ...\ndef test_a(): ...', "another has its name"),
        ("test_a.py", '@pytest.mark.skip\n@proves("x")\ndef test_a(): ...', "not always run"),
        ("test_a.py", '@proves("x")\n@pytest.mark.xfail(strict=False)\ndef test_a(): ...', "not always run"),
        ("test_a.py", 'pytestmark = pytest.mark.skip\n@proves("x")\ndef test_a(): ...', "not always run"),
        ("test_a.py", "@proves()\ndef test_a(): ...", "proves nothing"),
        ("test_a.py", "@proves(*IDS)\ndef test_a(): ...", "no plain text"),
        ("a.py", '@spec.proves("x")\ndef test_a(): ...', "none of tests"),
        ("below/test_a.py", '@proves("x")\ndef test_a(): ...', "beside the other tests"),
    ],
)
def test_what_pytest_does_not_run_proves_nothing(tmp_path: Path, name: str, source: str, reason: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    with pytest.raises(AssertionError, match=reason):
        everything_proved(tmp_path)


def test_a_test_proves_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text('@proves("x", "y")\nasync def test_a(): ...\ndef test_b(): ...')
    assert everything_proved(tmp_path) == {"x": 1, "y": 1}


def test_a_mark_with_an_id_that_does_not_exist_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no sentence has the id ws:weather"):
        proves("ws:weather")
