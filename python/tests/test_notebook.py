"""The notebook runs from a folder of pictures to a verdict and a table."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).parents[1] / "examples/folder_to_verdict.ipynb"


def test_the_notebook_shows_a_verdict_and_a_table(photos):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert len(code.source.splitlines()) < 15
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(photos.parent)}}).execute()
    said = next(output.text for output in code.outputs if output.output_type == "stream")
    assert said.startswith("Against as many plain copies, augmented images are ")
    assert any(f"are {verdict}." in said for verdict in ("better", "worse", "equivalent", "undecided"))
    (shown,) = (output.data for output in code.outputs if output.output_type == "execute_result")
    assert "<table>" in shown["text/html"] and "augmented" in shown["text/html"] and "<iframe" not in shown["text/html"]
