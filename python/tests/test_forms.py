"""What is given in other forms is taken as what it is, or refused in a sentence."""

import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

import mlprobe
from conftest import as_tensor
from mlprobe import _sets
from mlprobe._pictures import pixels
from mlprobe._sets import labels

pandas = pytest.importorskip("pandas")


def frames(order=("a", "b", "c"), n=60, seed=0):
    """The class follows from column c alone."""
    rng = np.random.default_rng(seed)
    X = pandas.DataFrame(rng.random((n, 3)), columns=["a", "b", "c"])
    return X[list(order)], np.where(X["c"] > 0.5, "high", "low")


OPTIONS = dict(seeds=3, epochs=10, learning_rate=0.1, batch_size=20)


def accuracies(result):
    return result.to_pandas().groupby("arm").test_accuracy.mean().to_dict()


def test_columns_are_matched_by_name():
    sets = {"one": frames(), "two": frames(seed=1)}
    turned = {"one": frames(), "two": frames("cab", seed=1)}
    test, turned_test = frames(n=90, seed=2), frames("bca", n=90, seed=2)
    expected = accuracies(mlprobe.compare(sets, test, **OPTIONS))
    assert accuracies(mlprobe.compare(turned, turned_test, **OPTIONS)) == expected
    X, y = frames(seed=1)
    with pytest.raises(ValueError, match=r"columns of two: expected those of one, but 'c' are missing and 'd' are in addition"):
        mlprobe.compare({"one": frames(), "two": (X.rename(columns={"c": "d"}), y)}, test, **OPTIONS)
    X, y = turned_test
    for library, frame in (("polars", "DataFrame"), ("pyarrow", "table")):
        of_library = getattr(pytest.importorskip(library), frame)
        assert accuracies(mlprobe.compare(turned, (of_library(X.to_dict("list")), y), **OPTIONS)) == expected


@pytest.mark.parametrize("nothing", [None, float("nan"), pandas.NA, np.datetime64("NaT", "s"), "nan", "NA", " ", "None"])
def test_missing_labels_are_refused(nothing):
    for y in (["yes", nothing, "no"], np.array(["yes", nothing, "no"], object), pandas.Series(["yes", nothing, "no"], dtype=object)):
        with pytest.raises(ValueError, match=r"labels of a: the label of row 1 is missing \(.*\), 1 of 3 in all"):
            labels(y, "a")
    X, y = frames()
    y = y.astype(object)
    y[7] = nothing
    with pytest.raises(ValueError, match=r"labels of b.*row 7"):
        mlprobe.compare({"a": frames(), "b": (X, y)}, frames(seed=2))


def test_labels_are_all_numbers_or_all_text():
    for y in ([0, 1, 2], np.array([[0], [1], [2]]), np.array([[0, 1, 2]], np.uint8), pandas.Series([0, 1, 2], dtype="Int64"),
              as_tensor([0, 1, 2]), (0, 1, 2.0)):  # fmt: skip
        assert labels(y, "a").tolist() == [0, 1, 2]
    assert labels(pandas.Categorical(["x", "y"]), "a").tolist() == ["x", "y"]
    with pytest.raises(ValueError, match="labels of a: expected all text or all numbers, got 1 in row 0 and '1' in row 1"):
        labels([1, "1"], "a")
    with pytest.raises(ValueError, match="labels of a: expected all text or all numbers, got b'x' in row 0"):
        labels([b"x"], "a")
    X, y = frames()
    with pytest.raises(ValueError, match="expected text in all sets or numbers in all sets"):
        mlprobe.compare({"a": (X, y), "b": (X, np.arange(len(X)) % 2)}, frames(seed=2))


@pytest.mark.parametrize("wrong", [[1e300, 0], [3e38, 3e38], [np.inf, 0], [0, -1e19], [0, np.nan]])
def test_numbers_that_are_missing_or_too_large_are_refused_with_their_column(wrong):
    column = 0 if wrong[0] else 1
    with pytest.raises(ValueError, match=f"features of a: row 1 of column {column} is "):
        _sets.features([[1, 2], wrong], "a")
    with pytest.raises(ValueError, match=f"features of a: row 1 of column '{'xy'[column]}' is "):
        _sets.features(pandas.DataFrame([[1, 2], wrong], columns=["x", "y"]), "a")


def test_features_are_taken_in_many_forms():
    expected = np.array([[1, 0], [0, 2]], np.float32)
    sparse = pytest.importorskip("scipy.sparse")
    frame = pandas.DataFrame(expected, columns=["x", "y"])

    def check(x):
        found = _sets.features(x, "a")
        assert found.dtype in (np.float32, np.float64)
        np.testing.assert_array_equal(found, expected)

    for x in (expected.tolist(), expected.astype(np.uint8), as_tensor(expected.astype(np.uint8)), sparse.csr_matrix(expected),
              sparse.coo_array(expected), frame, frame.astype("Int64"), frame.astype(object), frame.astype(bool) * frame):  # fmt: skip
        check(x)
    with pytest.raises(ValueError, match="features of a: row 1 of column 'y' is NaN"):
        _sets.features(frame.astype("Int64").mask(frame == 2), "a")
    check(pytest.importorskip("polars").DataFrame({"x": [1, 0], "y": [0, 2]}))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), r"expected numbers of shape \(N, D\), got \(2, 4, 4, 3\); turn images into features first"),
        ([[1, "a"]], "expected numbers, got"),
        ([[1], [2, 3]], r"expected numbers of shape \(N, D\): "),
        (np.ma.masked_array([[1.0, 2.0]], [[True, False]]), "some values are masked"),
        (np.zeros((2, 2), "m8[s]"), "expected numbers, got dates or times;"),
        (np.zeros((2, 2), complex), "expected numbers, got complex128"),
        (pandas.DataFrame({"x": [1.0], "kind": ["a"]}), "expected numbers, got text in column 'kind'"),
        (pandas.DataFrame({"day": pandas.to_datetime(["2026-01-01"])}), "expected numbers, got dates or times in column 'day'"),
    ],
)
def test_features_that_are_no_numbers_are_refused_in_words(x, words):
    with pytest.raises(ValueError, match=f"features of a: {words}"):
        _sets.features(x, "a")


def test_sets_may_be_pairs_of_name_and_set():
    result = mlprobe.compare([("one", frames()), ("two", list(frames(seed=1)))], frames(seed=2), **OPTIONS)
    assert list(result.verdicts) == ["two"]
    for sets, words in (
        ([frames(), frames(seed=1)], "expected names and sets, as in"),
        ([("a", frames()), ("a", frames())], "expected different names"),
        ({"a": frames()[0], "b": frames()}, r"a: expected a pair \(X, y\) of features and labels, got a DataFrame of 60 elements"),
    ):
        with pytest.raises(ValueError, match=words):
            mlprobe.compare(sets, frames(seed=2))


def test_all_cores_may_be_asked_for_as_elsewhere():
    images = np.zeros((1, 32, 32, 3), np.uint8)
    for call in (mlprobe.Augmenter(threads=1.5).transform, mlprobe.SqueezeNet(16, threads="4").transform):
        with pytest.raises(ValueError, match="threads: expected 1 or more, or -1"):
            call(images)
    assert mlprobe.Augmenter(threads=-1).transform(images).shape == images.shape
    assert mlprobe.SqueezeNet(16, threads=-1).transform(images).shape == (1, 512)
    assert mlprobe.compare({"a": frames(), "b": frames(seed=1)}, frames(seed=2), threads=-1, hidden_layer_sizes=8, **OPTIONS)
    with pytest.raises(ValueError, match="hidden_layer_sizes: expected whole numbers"):
        mlprobe.compare({"a": frames(), "b": frames(seed=1)}, frames(seed=2), hidden_layer_sizes="64")


def test_test_rows_in_a_training_set_are_refused_as_by_the_program():
    (X, y), test = frames(), frames(n=90, seed=2)
    leaked = pandas.concat([X, test[0]]), np.r_[y, test[1]]
    with pytest.raises(ValueError, match="90 of the 90 test rows in the training set of arm `b`"):
        mlprobe.compare({"a": (X, y), "b": leaked}, test)


def test_a_scale_from_which_nothing_is_learned_is_told():
    sets = {name: (1000 * X, y) for name, (X, y) in {"a": frames(), "b": frames(seed=1)}.items()}
    X, y = frames(seed=2)
    with pytest.warns(UserWarning, match=r"arm `a`: the features have a root mean square of .*standardise them \(standardise=True\)") as told:
        result = mlprobe.compare(sets, (1000 * X, y), seeds=3, epochs=2)
    assert len(told) >= 2 and told[0].filename == __file__
    assert any("root mean square" in note for note in result.notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mlprobe.compare(sets, (1000 * X, y), standardise=True, **OPTIONS)


@pytest.mark.parametrize("factor", [100, 1000])
def test_sets_from_which_nothing_was_learned_are_not_equivalent(features, factor):
    (X, y), (X_test, y_test) = features
    with pytest.warns(UserWarning, match="root mean square"):
        result = mlprobe.compare({"a": (factor * X, y), "b": (factor * X[::-1], y[::-1])}, (factor * X_test, y_test), epochs=10)
    assert max(accuracies(result).values()) < 0.15, "chance is 0.1"
    assert result.verdict == "undecided"
    assert any("not shown to be above" in note for note in result.notes)


def test_paths_and_images_are_taken_in_many_forms(photos):
    network = mlprobe.SqueezeNet(32)
    paths = [str(path) for path in sorted((photos / "frog").iterdir())[:4]]
    expected = network.transform(paths)
    frame = pandas.DataFrame({"path": paths, "label": "frog"})
    for form in (np.array(paths), np.array(paths, object), frame["path"], frame[["path"]], tuple(paths)):
        np.testing.assert_array_equal(network.transform(form), expected)
    with pytest.raises(ValueError, match="expected one column of paths, got 2"):
        network.transform(frame)
    arrays = [np.asarray(Image.open(path).resize((32, 32))) for path in paths]
    for form in (as_tensor(np.stack(arrays)), [as_tensor(array) for array in arrays]):
        np.testing.assert_array_equal(network.transform(form), network.transform(np.stack(arrays)))
    augmenter = mlprobe.Augmenter()
    for form in (arrays, [Image.fromarray(array) for array in arrays], as_tensor(np.stack(arrays))):
        np.testing.assert_array_equal(augmenter.transform(form), augmenter.transform(np.stack(arrays)))
        assert augmenter.draws(form) == augmenter.draws(np.stack(arrays))
    with pytest.raises(ValueError, match="all of one shape"):
        augmenter.transform([arrays[0], arrays[0][:9]])
    with pytest.raises(ValueError, match="read files with"):
        augmenter.transform(paths)


RNG = np.random.default_rng(0)
RGBA = Image.fromarray(RNG.integers(0, 256, (24, 20, 4), np.uint8), "RGBA")
GREY_16 = RNG.integers(0, 65_536, (24, 20), np.uint16)
PALETTE = RGBA.convert("RGB").quantize(16)


@pytest.mark.parametrize(
    ("image", "ending", "options"),
    [
        (RGBA.convert("1"), "png", {}),
        (RGBA.convert("L"), "png", {}),
        (RGBA.convert("L"), "png", {"transparency": 7}),
        (PALETTE, "png", {}),
        (PALETTE, "png", {"transparency": 3}),
        (RGBA.convert("LA"), "png", {}),
        (RGBA, "png", {}),
        (RGBA, "tiff", {}),
        (RGBA.convert("RGB"), "png", {"transparency": RGBA.convert("RGB").getpixel((0, 0))}),
        (Image.fromarray(GREY_16), "png", {}),
        (Image.fromarray(GREY_16), "tiff", {}),
        (Image.fromarray(GREY_16 // 300), "png", {}),
        (RGBA.convert("RGB").convert("CMYK"), "tiff", {}),
    ],
    ids=lambda value: getattr(value, "mode", None) or str(value),
)  # fmt: skip
def test_an_image_of_pil_is_read_as_its_file_is(image, ending, options, tmp_path):
    path = tmp_path / f"image.{ending}"
    image.save(path, **options)
    network = mlprobe.SqueezeNet(32)
    from_file, *from_pil = network.transform([path, Image.open(path), *([] if options else [image])])
    for row in from_pil:
        np.testing.assert_array_equal(row, from_file)


def test_images_of_pil_whose_white_is_unknown_are_refused():
    for array, words in ((GREY_16 / 65_535, "mode F"), (GREY_16.astype(np.int32) * 9, "integers from"), (GREY_16.astype(np.int32) // 300, "integers from 0 to 218")):
        with pytest.raises(ValueError, match=words):
            mlprobe.SqueezeNet(32).transform([Image.fromarray(array.astype(np.float32) if array.dtype == float else array)])
    np.testing.assert_array_equal(pixels(Image.fromarray(GREY_16.astype(np.int32))), pixels(Image.fromarray(GREY_16)))
    assert pixels(Image.fromarray(GREY_16))[0, 0].tolist() == [int(GREY_16[0, 0] / 257 + 0.5)] * 3


def orientation(value, type):
    """An EXIF block that says which way is up, as a number of this type."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHI", 8, 1, 0x0112, type, 1) + struct.pack("<H2x" if type == 3 else "<I", value) + bytes(4)


@pytest.mark.parametrize("type", [3, 4], ids=["SHORT", "LONG"])
def test_images_are_turned_as_by_pil(type, tmp_path):
    expected = set()
    for value in range(1, 9):
        path = tmp_path / "ab"[value % 2] / f"{value}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (24, 24, 3), np.uint8)).save(path, exif=orientation(value, type))
        turned = np.asarray(ImageOps.exif_transpose(Image.open(path)))
        assert value == 1 or (turned != np.asarray(Image.open(path))).any()
        expected.add(turned.tobytes())
    images = mlprobe.load_folder(tmp_path, side=24)
    assert {image.tobytes() for image in [*images.train, *images.test]} == expected


def test_half_a_jpeg_with_an_end_marker_is_refused_by_its_name(photos, tmp_path):
    for path in sorted(photos.glob("*/*.png")):
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        Image.open(path).save((tmp_path / path.parent.name / path.name).with_suffix(".jpg"))
    whole = mlprobe.load_folder(tmp_path, side=32)
    half = tmp_path / "frog/07.jpg"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2] + b"\xff\xd9")
    with pytest.raises(ValueError, match="frog/07.jpg"):
        mlprobe.load_folder(tmp_path, side=32)
    with pytest.warns(UserWarning, match="1 .*cannot be read|could not be read|left out"):
        left = mlprobe.load_folder(tmp_path, side=32, skip_broken=True)
    assert len(left.train) + len(left.test) == len(whole.train) + len(whole.test) - 1
