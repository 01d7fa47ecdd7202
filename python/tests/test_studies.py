"""Comparisons and the reproduction."""

import json
import pickle
import re

import numpy as np
import pytest

import mlprobe


def points(n, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((n, 2), np.float32)
    y = (X[:, 0] > 0.5).astype(int)
    flipped = rng.random(n) < noise
    return X, np.where(flipped, 1 - y, y)


@pytest.fixture(scope="module")
def result():
    sets = {"clean": points(100), "noisy": points(100, noise=0.8), "again": points(100)}
    return mlprobe.compare(sets, test=points(300, seed=1), seeds=4, learning_rate=0.1)


def test_verdicts_say_which_set_is_better(result):
    assert result.verdicts == {"noisy": "worse", "again": "equivalent"}
    assert result.verdict == "worse"
    assert "noisy is less accurate than clean after 100 epochs" in result.summary()
    assert repr(result) == "Result(noisy: worse, again: equivalent)"


def test_results_are_the_same_for_any_number_of_threads_and_types(result):
    def timeless(results):
        if isinstance(results, dict):
            return {k: timeless(v) for k, v in results.items() if k not in ("seconds", "stages", "machine", "costs")}
        return [timeless(v) for v in results] if isinstance(results, list) else results

    sets = {"clean": points(100), "noisy": points(100, noise=0.8), "again": points(100)}
    double = {name: (X.astype(np.float64), y.tolist()) for name, (X, y) in sets.items()}
    again = mlprobe.compare(double, test=points(300, seed=1), seeds=4, learning_rate=0.1, threads=1)
    assert timeless(again.results) == timeless(result.results)


def test_a_table_has_a_row_per_run(result):
    table = result.to_pandas()
    assert len(table) == 3 * 4
    assert list(table.columns[:4]) == ["arm", "seed", "train_accuracy", "test_accuracy"]
    means = table.groupby("arm").test_accuracy.mean()
    assert means["clean"] == means["again"] > means["noisy"]


def test_the_page_is_shown_and_saved(result, tmp_path):
    result.save_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert page.count("<svg") >= 2 and "noisy" in page
    assert result.learning_curves().startswith("<svg")


def test_a_notebook_that_is_not_trusted_shows_what_was_found_in_its_own_colours(result):
    """What Jupyter removes from such a notebook, and what would not follow a dark theme, is not there."""
    shown = result._repr_html_()
    assert len(shown) < 3000
    assert set(re.findall(r"<(\w+)", shown)) == {"p", "table", "thead", "tbody", "tr", "th", "td", "code"}
    assert "style" not in shown and "color" not in shown
    cells = re.findall(r"<tr><th>(\w+)</th>((?:<td>[^<]+ ± [^<]+</td>)+)</tr>", shown)
    assert [name for name, _ in cells] == ["clean", "noisy", "again"]
    assert "<p>noisy is less accurate than clean after 100 epochs" in shown


def test_results_are_pickled_and_read_back_exactly(result, tmp_path):
    assert pickle.loads(pickle.dumps(result)) == result
    result.save(tmp_path / "results.json")
    assert mlprobe.Result.read(tmp_path / "results.json") == result
    with pytest.raises(ValueError, match="expected results of this version"):
        mlprobe.Result(json.dumps({"claims": [], "answers": []})).summary()


def test_labels_may_be_text_and_name_the_classes():
    sets = {"a": points(40), "b": points(60)}
    named = {name: (X, np.array(["left", "right"])[y]) for name, (X, y) in sets.items()}
    X, y = points(80, seed=1)
    result = mlprobe.compare(named, test=(X, np.array(["left", "right"])[y]), seeds=1, epochs=2)
    assert result.results["dataset"]["classes"] == ["left", "right"]
    assert result.verdict == "undecided"  # one seed decides nothing


def test_rates_may_differ_and_features_be_standardised():
    sets = {"a": points(40), "b": points(40)}
    result = mlprobe.compare(sets, test=points(80), seeds=2, epochs=2, learning_rate={"a": 0.1, "b": 0.2}, standardise=True)
    assert [arm["learning_rate"] for arm in result.results["arms"]] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("sets", "options", "words"),
    [
        ({"a": points(9)}, {}, "two or more"),
        ({"a": points(9), "b": (points(9)[0], [0, 1])}, {}, "expected 9 labels"),
        ({"a": points(9), "b": (np.zeros((3, 5)), [0, 1, 0])}, {}, "expected 2 features per row.*5 in arm `b`"),
        ({"a": points(9), "b": (np.full((1, 2), np.nan), [0])}, {}, "features of b: row 0 of column 0 is NaN"),
        ({"a": points(9), "b/c": points(9)}, {}, "arm names of letters"),
        ({"a": (np.zeros((2, 2)), [5, 5]), "b": (np.zeros((2, 2)), [5, 5])}, {}, "no training set has the test classes"),
        ({"a": points(9), "b": points(9)}, {"learning_rate": {"a": 0.1}}, "learning_rate"),
        ({"a": points(9), "b": points(9)}, {"learning_rate": -1.0}, "learning_rate"),
        ({"a": points(9), "b": points(9)}, {"epochs": 0}, "epoch"),
        ({"a": points(9), "b": (points(9)[0], np.zeros((9, 2)))}, {}, r"labels of b: expected shape \(N,\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(sets, options, words):
    with pytest.raises(ValueError, match=words):
        mlprobe.compare(sets, test=points(20), **options)


def test_a_folder_is_reproduced_and_a_finished_run_is_recognised(photos, tmp_path):
    network = mlprobe.SqueezeNet(32)
    options = dict(extractor=network, seeds=2, epochs=3, cache=tmp_path / "cache")
    result = mlprobe.reproduce(photos, tmp_path / "run", **options)
    assert set(result.verdicts) == {"C1", "C2", "C3"}
    assert len(result.to_pandas()) == 4 * 2
    for name in ("results.json", "report.html", "report.md", "models/augmented-seed1.safetensors"):
        assert (tmp_path / "run" / name).exists()
    assert mlprobe.Result.read(tmp_path / "run") == result
    assert mlprobe.reproduce(photos, tmp_path / "run", **options) == result
    with pytest.raises(FileExistsError, match="finished run of other settings"):
        mlprobe.reproduce(photos, tmp_path / "run", **{**options, "epochs": 4})
    with pytest.raises(FileNotFoundError, match="nowhere"):
        mlprobe.reproduce("nowhere", tmp_path / "other", **options)


def test_a_folder_is_loaded_with_its_classes(photos):
    images = mlprobe.load_folder(photos, side=40)
    assert images.classes == ["airplane", "frog"]
    assert (images.train.shape, images.test.shape) == ((40, 40, 40, 3), (8, 40, 40, 3))
    assert sorted(np.bincount(images.train_labels)) == [20, 20]
    assert images.train_labels.dtype == images.test_labels.dtype == np.int64, "differences of unsigned labels would wrap around"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        mlprobe.load_folder("nowhere")
