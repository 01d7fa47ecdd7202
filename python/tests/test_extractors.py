"""Images in every form to features."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import mlprobe
from conftest import ROOT

TOKENS = ROOT / "crates/features/tests/golden/onnx/tokens.onnx"


@pytest.fixture(scope="module")
def network():
    return mlprobe.SqueezeNet(input_size=32)


def test_every_form_of_the_same_images_gives_the_same_features(network, photos):
    paths = sorted((photos / "frog").iterdir())
    images = [Image.open(path) for path in paths]
    expected = network.transform(images)
    assert (expected.shape, expected.dtype) == ((24, 512), np.float32)
    for form in (
        [np.asarray(image) for image in images],
        [path.read_bytes() for path in paths],
        paths,
        [str(path) for path in paths],
        (path for path in paths),
    ):
        np.testing.assert_array_equal(network.transform(form), expected)


def test_an_array_gives_what_a_list_of_its_images_gives(network, mini):
    for images in (mini.train[:5], mini.train[:5, :20], np.repeat(np.repeat(mini.train[:3], 3, 1), 2, 2)):
        np.testing.assert_array_equal(network.transform(images), network.transform(list(images)))


def test_a_row_depends_on_its_image_alone(network, mini):
    whole = network.transform(mini.train[:100])
    np.testing.assert_array_equal(network.transform(mini.train[37:38]), whole[37:38])
    np.testing.assert_array_equal(network.transform(mini.train[:100][::-1]), whole[::-1])
    np.testing.assert_array_equal(network.transform(np.asfortranarray(mini.train[:100])), whole)


def test_transparent_and_turned_images_of_pil_are_read_as_their_files_are(network, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 4), np.uint8)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "clear.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels[..., :3]).save(tmp_path / "turned.png", exif=turned)
    Image.fromarray(pixels[..., 0], "L").save(tmp_path / "grey.png")
    for path in sorted(tmp_path.iterdir()):
        rows = network.transform([path, Image.open(path)])
        np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((2, 8, 8, 3)), ValueError, r"shape \(2, 8, 8, 3\) and type float64"),
        (np.zeros((2, 8, 8, 4), np.uint8), ValueError, r"shape \(2, 8, 8, 4\)"),
        (np.zeros((8, 8, 3), np.uint8)[0], ValueError, "uint8"),
        ("a folder", TypeError, "a list of such images"),
        (3, TypeError, "a list of such images"),
        ([b"no image"], ValueError, "image 0, given as bytes.*PNG"),
        ([b""], ValueError, "an empty file"),
        (["/nowhere/a.png"], FileNotFoundError, "/nowhere/a.png"),
        ([np.zeros((0, 4, 3), np.uint8)], ValueError, "not empty"),
        ([3.5], TypeError, "float"),
    ],
)
def test_what_is_no_image_is_refused_in_words(network, images, error, words):
    with pytest.raises(error, match=words):
        network.transform(images)


def test_parameters_out_of_range_and_missing_files_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match=r"expected an input size of 16\.\.=1024, got 8"):
        mlprobe.SqueezeNet(8).fit()
    with pytest.raises(FileNotFoundError, match="nowhere.safetensors"):
        mlprobe.ResNet18("nowhere.safetensors").fit()
    with pytest.raises(FileNotFoundError, match="nowhere.onnx"):
        mlprobe.Onnx("nowhere.onnx").fit()
    (tmp_path / "weights").write_bytes(b"abc")
    with pytest.raises(ValueError, match="get the file again from its source"):
        mlprobe.ResNet18(tmp_path / "weights").fit()
    with pytest.raises(ValueError, match="which need the option pool"):
        mlprobe.Onnx(TOKENS).fit()


def test_an_onnx_network_gives_its_output(mini):
    network = mlprobe.Onnx(TOKENS, input_size=16, normalization="div255", output="tokens", pool="cls")
    rows = network.transform(mini.train[:4])
    assert (rows.shape, network.dim, network.name) == ((4, 6), 6, "tokens.onnx#tokens#cls@16-div255")
    assert np.isfinite(rows).all()


def test_no_images_give_no_rows(network):
    assert network.transform(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 512)
    assert network.transform([]).shape == (0, 512)


def test_extractors_are_cloned_pickled_and_part_of_pipelines(network, mini):
    for copy in (clone(network), pickle.loads(pickle.dumps(network))):
        assert (copy.input_size, copy.fingerprint) == (32, network.fingerprint)
    assert len(pickle.dumps(network.fit())) < 1000, "weights are not pickled"
    changed = clone(network).set_params(input_size=64)
    assert changed.name == "squeezenet1_1@64"
    images, labels = mini.train[:200], mini.train_labels[:200]
    pipeline = make_pipeline(network, LogisticRegression(max_iter=200)).fit(images, labels)
    assert pipeline.score(images, labels) > 0.8
    assert list(network.get_feature_names_out()[:2]) == ["squeezenet0", "squeezenet1"]


def test_pixels_that_change_during_a_call_are_not_looked_at_without_the_gil(network, mini):
    """Every row is that of the image before or after the change, never of a mixture that grew under the kernel's hands."""
    import threading

    images = np.zeros((300, 32, 32, 3), np.uint8)
    before, after = network.transform(images[:1]), network.transform(np.full((1, 32, 32, 3), 255, np.uint8))
    changer = threading.Thread(target=lambda: [images.__setitem__(i, 255) for i in range(len(images))])
    changer.start()
    rows = network.transform(images)
    changer.join()
    is_one = [(row == before[0]).all() or (row == after[0]).all() for row in rows]
    assert all(is_one)


