"""Types, documentation and what is imported."""

import doctest
import importlib.util
import inspect
import subprocess
import sys

import pytest

import mlprobe

MODULES = ["mlprobe", "mlprobe._augmenter", "mlprobe._classifier", "mlprobe._extractors", "mlprobe._folders", "mlprobe._result"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_the_documentation_run(module):
    found = doctest.testmod(sys.modules[module], optionflags=doctest.ELLIPSIS)
    assert found.failed == 0


def test_examples_exist():
    finder = doctest.DocTestFinder()
    examples = sum(len(test.examples) for module in MODULES for test in finder.find(sys.modules[module]))
    assert examples >= 20


def test_everything_public_is_documented():
    for name in mlprobe.__all__:
        thing = getattr(mlprobe, name)
        assert inspect.getdoc(thing), name
        if not inspect.isclass(thing) or name == "Images":
            continue
        for method, value in vars(thing).items():
            if not method.startswith("_") and callable(getattr(value, "fget", value)):
                assert inspect.getdoc(getattr(thing, method)) or method in ("coefs_", "intercepts_"), f"{name}.{method}"


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy")
def test_the_stubs_say_what_the_module_has():
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "mlprobe._mlprobe", "--ignore-missing-stub"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy")
def test_results_have_types_so_that_a_misspelt_method_is_found(tmp_path):
    """Each line below is right but for those that are marked as wrong."""
    program = tmp_path / "program.py"
    program.write_text("""
import mlprobe
images = mlprobe.load_folder("photos")
images.train_lables  # wrong
result = mlprobe.compare({"a": (images.train, images.train_labels)}, (images.test, images.test_labels), hidden_layer_sizes=8)
text: str = result.summary()
result.sumary()  # wrong
number: int = result.verdict  # wrong
mlprobe.reproduce("photos", "out").verdicts.sort()  # wrong
mlprobe.SqueezeNet().fit().transform(images.train).shpe  # wrong
mlprobe.Augmenter().fit().transform(images.train).astype(float)
mlprobe.Augmenter().draws(images.train).keys()  # wrong
table = result.to_pandas()
reveal_type(mlprobe.Result.to_pandas)
""")
    run = subprocess.run([sys.executable, "-m", "mypy", "--strict", program], capture_output=True, text=True)
    found = {int(line.split(":")[1]) for line in run.stdout.splitlines() if ": error:" in line}
    lines = program.read_text().splitlines()
    assert found - {i for i in found if "pandas" in lines[i - 1]} == {i for i, line in enumerate(lines, 1) if "# wrong" in line}, run.stdout


def test_the_licences_of_code_and_weights_are_in_the_package():
    from importlib.metadata import distribution

    files = {file.name: file for file in distribution("mlprobe").files or [] if "licenses" in file.parts}
    assert {"LICENSE-MIT", "LICENSE-APACHE", "SQUEEZENET.md"} <= set(files)
    assert "BSD LICENSE" in files["SQUEEZENET.md"].read_text()


def test_only_numpy_is_needed():
    """With everything else out of reach, each part still works."""
    program = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "pandas", "ray", "tqdm", "PIL", "pyarrow", "scipy"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import numpy as np, mlprobe, pickle
X = mlprobe.SqueezeNet(16).transform(mlprobe.Augmenter().transform(np.arange(4*16*16*3).astype(np.uint8).reshape(4, 16, 16, 3)))
y = ["a", "b", "a", "b"]
mlp = mlprobe.MLPClassifier((4,), random_state=0).fit(X, y)
assert mlp.get_params()["hidden_layer_sizes"] == (4,)
mlp.predict(X)
def points(n):
    P = np.random.default_rng(n).random((n, 2))
    return P, (P[:, 0] > 0.5).astype(int)
print(mlprobe.compare({"a": points(100), "b": points(100)}, points(300), seeds=3, epochs=50, learning_rate=0.1).verdict)
pickle.loads(pickle.dumps(mlp)).predict(X)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "equivalent" in run.stdout
