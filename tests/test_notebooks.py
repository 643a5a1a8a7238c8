"""The notebooks run on the demo as they are in git, without outputs, and draw every character they name."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from demo import CONFIG
from pipeline.store.output import Output
from pipeline.terminal import query
from pipeline.terminal.overview_page import write
from tests.audits import audit
from tests.test_queries import register

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHARED = Path(__file__).parents[2] / "shared" / "data" / "corpus"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's run with a register of rounds beside it."""
    out = tmp_path_factory.mktemp("notebooks") / "out"
    audit("run", CONFIG, "--out", out)
    register(out)
    return out


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Kernels keep what they write away from the home of whoever runs the tests."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    yield


def executed(notebook: Path, out: Path) -> Any:
    """The notebook with its outputs, run as Jupyter would in its folder. Raises CellExecutionError."""
    book = nbformat.read(notebook, as_version=4)
    environment = {
        **os.environ,
        "CORPUS_AUDIT_OUT": str(out),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    client = NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=environment)
    return book


def outputs(book: Any) -> Iterator[Any]:
    return (output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs)


def problems(book: Any) -> list[str]:
    """What went to stderr: a glyph no font has is a warning there."""
    return [output.text for output in outputs(book) if output.output_type == "stream" and output.name == "stderr"]


def pictures(book: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(book))


def test_there_are_four() -> None:
    assert [notebook.name[:2] for notebook in NOTEBOOKS] == ["01", "02", "03", "04"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_runs_on_the_demo(notebook: Path, demo: Path) -> None:
    book = executed(notebook, demo)
    assert problems(book) == []
    assert pictures(book) >= 1
    shown = "".join(output.get("text", "") for output in outputs(book))
    if notebook.name.startswith("03"):
        assert "逐条相同" in shown and "R0002" in shown
        texts = nbformat.writes(book)
        sample = query.ask(run_of(demo), ["sample_composition"])[0]
        assert sample.rows and "manual_sample" in texts
        assert not any(text in texts for text in manual_texts(demo))


def manual_texts(out: Path) -> list[str]:
    from tests.audits import sql

    return [text for (text,) in sql(out, "SELECT text[:40] FROM manual_sample WHERE len(text) > 40 LIMIT 500")]


def run_of(out: Path) -> Any:
    run = Output(out).current
    assert run is not None
    return run


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_what_is_in_git_has_no_outputs_and_headings_in_both_languages(notebook: Path) -> None:
    book = json.loads(notebook.read_text("utf-8"))
    assert notebook.read_text("utf-8") == json.dumps(book, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    for cell in book["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
    headings = [
        line
        for cell in book["cells"]
        if cell["cell_type"] == "markdown"
        for line in "".join(cell["source"]).splitlines()
        if line.startswith("#")
    ]
    assert len(headings) > 3
    for heading in headings:
        chinese, english = heading.lstrip("# ").split(" / ")
        assert re.search("[\u4e00-\u9fff]", chinese) and not re.search("[\u4e00-\u9fff]", english)


def test_a_character_without_a_glyph_fails_these_tests(demo: Path, tmp_path: Path) -> None:
    book = nbformat.read(NOTEBOOKS[0], as_version=4)
    setup = next(cell for cell in book.cells if cell.cell_type == "code")
    setup.source = setup.source.replace(
        'plt.rcParams.update({"font.family": "Noto Sans SC"', 'plt.rcParams.update({"font.family": "DejaVu Sans"'
    )
    book.cells = book.cells[: book.cells.index(setup) + 1]
    book.cells.append(nbformat.v4.new_code_cell("plt.figure()\nplt.title('语料')\nplt.show()"))
    nbformat.write(book, tmp_path / "tofu.ipynb")
    assert any("Glyph" in text for text in problems(executed(tmp_path / "tofu.ipynb", demo)))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpus is not beside the project")
def test_everything_for_auditors_runs_on_the_shared_corpus(tmp_path: Path) -> None:
    sources = [
        {"id": folder.name, "name": folder.name, "kind": "open", "region": "domestic", "paths": [f"{folder}/**"]}
        for folder in sorted(SHARED.iterdir())
        if folder.is_dir()
    ]
    (tmp_path / "config.json").write_text(json.dumps({"seed": "shared", "sources": sources}), encoding="utf-8")
    audit("run", tmp_path / "config.json", "--out", tmp_path / "out", "--workers", 2, timeout=900)
    run = run_of(tmp_path / "out")
    for answer in query.ask(run, list(query.named_queries())):
        query.render([answer], "csv", tmp_path / f"{answer.name}.csv")
    for notebook in NOTEBOOKS:
        book = executed(notebook, tmp_path / "out")
        assert problems(book) == [] and pictures(book) >= 1
    assert write(run, tmp_path / "overview.html").stat().st_size > 20_000
