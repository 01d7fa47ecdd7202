"""Random transforms of images."""

import pickle

import numpy as np
import pytest

import mlprobe


def test_images_follow_from_seed_and_index(mini):
    images = mini.train[:40]
    augmenter = mlprobe.Augmenter(seed=3)
    whole = augmenter.transform(images)
    assert (whole.shape, whole.dtype) == (images.shape, np.uint8)
    np.testing.assert_array_equal(augmenter.transform(images[25:], first=25), whole[25:])
    np.testing.assert_array_equal(mlprobe.Augmenter(seed=3, threads=1).transform(images), whole)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(augmenter)).transform(images), whole)
    assert (mlprobe.Augmenter(seed=4).transform(images) != whole).any()


def test_draws_say_what_was_done(mini):
    images = mini.train[:60]
    augmenter = mlprobe.Augmenter(seed=0)
    augmented, draws = augmenter.transform(images), augmenter.draws(images)
    assert {draw["transform"] for draw in draws} == {"rotation", "cutout", "crop", "contrast_flip"}
    assert augmenter.draws(images[20:], first=20) == draws[20:]
    for image, result, draw in zip(images, augmented, draws, strict=True):
        if draw["transform"] == "cutout":
            rows = slice(draw["top"], draw["top"] + draw["height"])
            columns = slice(draw["left"], draw["left"] + draw["width"])
            expected = image.copy()
            expected[rows, columns] = draw["value"]
            np.testing.assert_array_equal(result, expected)
        if draw["transform"] == "crop":
            padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
            np.testing.assert_array_equal(
                result, padded[draw["top"] : draw["top"] + 32, draw["left"] : draw["left"] + 32]
            )


def test_transforms_can_be_named(mini):
    augmenter = mlprobe.Augmenter(transforms=["posterize", "enhancement"])
    assert {draw["transform"] for draw in augmenter.draws(mini.train[:30])} == {"posterize", "enhancement"}
    assert augmenter.describe() == "augment/1 posterize,enhancement seed=0"


@pytest.mark.parametrize(
    ("augmenter", "images", "words"),
    [
        (mlprobe.Augmenter("2024"), np.zeros((1, 4, 4, 3), np.uint8), "2022 or 2023"),
        (mlprobe.Augmenter(transforms=["spin"]), np.zeros((1, 4, 4, 3), np.uint8), "unknown variant `spin`.*crop"),
        (mlprobe.Augmenter(transforms=[]), np.zeros((1, 4, 4, 3), np.uint8), "at least one transform"),
        (mlprobe.Augmenter(), np.zeros((1, 4, 4, 1), np.uint8), r"\(1, 4, 4, 1\)"),
        (mlprobe.Augmenter(), np.zeros((1, 4, 4, 3)), "float64"),
    ],
)
def test_wrong_parameters_and_images_are_refused_in_words(augmenter, images, words):
    with pytest.raises(ValueError, match=words):
        augmenter.transform(images)
