//! Images on the page: what augmentation made of training images, what transforms did to test images, and what the
//! models got wrong.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use mlprobe_audit::Kept;
use mlprobe_data::augment::{Augmenter, Draw, Transform};
use mlprobe_data::{Dataset, LabelledImages};
use ndarray::{ArrayView3, Axis, Slice};
use serde::Serialize;

use super::format::{fixed, thousands};
use super::model::decomposition;
use crate::analysis::arms::ArmResults;
use crate::analysis::quality::Quality;
use crate::analysis::results::Results;
use crate::error::{Error, Result};
use crate::features::TEST_SEED;

/// Images shown for each transform of the training images.
const EACH: usize = 3;
/// Test images shown under every test transform.
const TESTS: usize = 2;
/// Sides above this are thinned out: the page is for looking at, not for keeping images.
const SIDE: usize = 64;

/// The images that the results are about.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    /// Training and test images.
    pub dataset: &'a Dataset,
    /// The transforms that augmented training images were drawn from; empty without augmentation.
    pub transforms: &'a [Transform],
    /// The images that the results are about; `None` for all.
    pub kept: Option<&'a Kept>,
}

/// Everything that is shown, in the order of the page.
#[derive(Serialize)]
pub(super) struct Shown {
    /// Training images beside their copies, as many of each transform.
    gallery: Vec<Pair>,
    /// The seed whose augmented copies these are.
    seed: u64,
    /// Test images under each test transform; the first of each row is the image itself.
    tests: Vec<Vec<Picture>>,
    /// Confused pairs and confident mistakes of some arms.
    arms: Vec<Mistakes>,
}

#[derive(Serialize)]
struct Pair {
    original: Picture,
    copy: Picture,
}

/// What the models of an arm get wrong.
#[derive(Serialize)]
struct Mistakes {
    arm: String,
    pairs: Vec<Confused>,
    confident: Vec<Picture>,
}

#[derive(Serialize)]
struct Confused {
    label: String,
    predicted: String,
    /// Predictions of all seeds together, and their share of the class's.
    count: u32,
    share: f64,
    examples: Vec<Picture>,
}

/// An image with its words.
#[derive(Serialize)]
pub(super) struct Picture {
    pub uri: String,
    pub title: String,
    /// May be empty.
    pub note: String,
    pub alt: String,
}

impl<'a> Pictures<'a> {
    /// All images of `dataset`, whose training images these transforms augment.
    pub fn of(dataset: &'a Dataset, transforms: &'a [Transform]) -> Self {
        Self { dataset, transforms, kept: None }
    }

    /// Everything of these images that the page shows.
    pub(super) fn shown(&self, results: &Results) -> Result<Shown> {
        let (found, expected) = (self.test_rows().len(), results.about.dataset.test_images);
        if found != expected {
            return Err(Error::Argument {
                operation: "showing the images behind results",
                expected: format!("{expected} test images"),
                actual: found.to_string(),
                next: "give the data set that the results are about",
            });
        }
        let seed = results.settings.protocol.seeds.first().copied().unwrap_or(0);
        let arms = featured(results).into_iter();
        Ok(Shown {
            gallery: self.gallery(seed)?,
            seed,
            tests: self.tests(results)?,
            arms: arms
                .filter_map(|arm| Some(self.mistakes(arm, arm.quality.as_ref()?)))
                .collect::<Result<_>>()?,
        })
    }

    /// For each transform the first training images that it was drawn for, all of different classes.
    fn gallery(&self, seed: u64) -> Result<Vec<Pair>> {
        if self.transforms.is_empty() {
            return Ok(Vec::new());
        }
        let train = &self.dataset.train;
        let (_, height, width, _) = train.images.dim();
        let augmenter = Augmenter::new(self.transforms, seed)?;
        let mut pairs = Vec::new();
        for &transform in self.transforms {
            let mut labels = Vec::new();
            for index in self.train_rows() {
                let draw = augmenter.draw(index as u64, height, width);
                // The second of three is mirrored: both kinds are shown.
                let unlike = matches!(draw, Draw::ContrastFlip { flip, .. } if flip != (labels.len() == 1));
                if transform_of(&draw) != transform || labels.contains(&train.labels[index]) || unlike {
                    continue;
                }
                labels.push(train.labels[index]);
                let class = self.class(train.labels[index]);
                let image = train.images.index_axis(Axis(0), index);
                let copy = draw.apply(image)?;
                let (name, parameters) = described(&draw);
                pairs.push(Pair {
                    original: Picture {
                        uri: data_uri(image)?,
                        title: class.to_owned(),
                        note: format!("training image {}", thousands(index as u64)),
                        alt: format!("A training image of class {class}."),
                    },
                    copy: Picture {
                        uri: data_uri(copy.view())?,
                        alt: format!("The same image after {name}: {parameters}."),
                        title: name.to_owned(),
                        note: parameters,
                    },
                });
                if labels.len() == EACH {
                    break;
                }
            }
        }
        Ok(pairs)
    }

    /// The first test images of different classes, as they are and under every test transform.
    fn tests(&self, results: &Results) -> Result<Vec<Vec<Picture>>> {
        let transforms: Vec<Transform> =
            results.robustness.iter().filter_map(|row| transform_called(&row.test)).collect();
        if transforms.is_empty() {
            return Ok(Vec::new());
        }
        let test = &self.dataset.test;
        let (_, height, width, _) = test.images.dim();
        let mut rows: Vec<Vec<Picture>> = Vec::new();
        let mut labels = Vec::new();
        for index in self.test_rows() {
            if rows.len() == TESTS || labels.contains(&test.labels[index]) {
                continue;
            }
            labels.push(test.labels[index]);
            let class = self.class(test.labels[index]);
            let image = test.images.index_axis(Axis(0), index);
            let mut row = vec![Picture {
                uri: data_uri(image)?,
                title: "none".to_owned(),
                note: format!("{class}, test image {}", thousands(index as u64)),
                alt: format!("A test image of class {class}."),
            }];
            for &transform in &transforms {
                let draw = Augmenter::new(&[transform], TEST_SEED)?.draw(index as u64, height, width);
                let (name, note) = described(&draw);
                row.push(Picture {
                    uri: data_uri(draw.apply(image)?.view())?,
                    alt: format!("The same test image after {name}: {note}."),
                    title: name.to_owned(),
                    note,
                });
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn mistakes(&self, arm: &ArmResults, quality: &Quality) -> Result<Mistakes> {
        let confident = quality.mistakes.iter().filter_map(|mistake| {
            let [label, predicted] = [mistake.label, mistake.predicted].map(|class| self.class(class));
            let sure = fixed(100.0 * f64::from(mistake.confidence), 1);
            self.test_image(mistake.index, predicted.to_owned(), format!("{sure}\u{a0}% sure; is {label}"))
        });
        let pairs = quality.confused.iter().map(|pair| {
            let count = pair.confused.images;
            let [label, predicted] =
                [pair.confused.label, pair.confused.predicted].map(|class| self.class(class));
            let examples = pair
                .examples
                .iter()
                .filter_map(|&index| self.test_image(index, String::new(), String::new()));
            Ok(Confused {
                label: label.to_owned(),
                predicted: predicted.to_owned(),
                count,
                share: pair.share,
                examples: examples.collect::<Result<_>>()?,
            })
        });
        Ok(Mistakes {
            arm: arm.name.clone(),
            pairs: pairs.collect::<Result<_>>()?,
            confident: confident.collect::<Result<_>>()?,
        })
    }

    fn test_image(&self, index: usize, title: String, note: String) -> Option<Result<Picture>> {
        let LabelledImages { images, labels } = &self.dataset.test;
        let index = self.kept.map_or(Some(index), |kept| kept.test.get(index).copied())?;
        let alt = format!("Test image {index}, of class {}.", self.class(*labels.get(index)?));
        Some(data_uri(images.index_axis(Axis(0), index)).map(|uri| Picture { uri, title, note, alt }))
    }

    fn train_rows(&self) -> Vec<usize> {
        self.kept.map_or_else(|| (0..self.dataset.train.len()).collect(), |kept| kept.train.clone())
    }

    fn test_rows(&self) -> Vec<usize> {
        self.kept.map_or_else(|| (0..self.dataset.test.len()).collect(), |kept| kept.test.clone())
    }

    fn class(&self, label: u16) -> &str {
        self.dataset.classes.get(usize::from(label)).map_or("?", String::as_str)
    }
}

/// The two arms of the comparison that the page takes apart, else of the first one; without any, the first arm.
fn featured(results: &Results) -> Vec<&ArmResults> {
    match decomposition(results).map(|parts| parts.whole).or(results.comparisons.first()) {
        Some(comparison) => {
            [&comparison.a, &comparison.b].into_iter().filter_map(|arm| results.arm(arm)).collect()
        }
        None => results.arms.iter().take(1).collect(),
    }
}

fn transform_of(draw: &Draw) -> Transform {
    match draw {
        Draw::Rotation { .. } => Transform::Rotation,
        Draw::Cutout { .. } => Transform::Cutout,
        Draw::Crop { .. } => Transform::Crop,
        Draw::ContrastFlip { .. } => Transform::ContrastFlip,
        Draw::Enhancement => Transform::Enhancement,
        Draw::Posterize { .. } => Transform::Posterize,
    }
}

fn transform_called(name: &str) -> Option<Transform> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// A draw in words: the transform, and what was drawn for it.
fn described(draw: &Draw) -> (&'static str, String) {
    let name = match transform_of(draw) {
        Transform::ContrastFlip => "contrast and flip",
        transform => transform.name(),
    };
    let parameters = match *draw {
        Draw::Rotation { degrees } => format!("{}°", fixed(degrees, 1)),
        Draw::Cutout { top, left, height, width, value } => {
            format!("{height}×{width} at row {top}, column {left}, value {value}")
        }
        Draw::Crop { top, left } => format!("window at row {top}, column {left}"),
        Draw::ContrastFlip { contrast, flip } => {
            format!("contrast ×{}, {}", fixed(contrast, 2), if flip { "mirrored" } else { "not mirrored" })
        }
        Draw::Enhancement => "values stretched to 0 to 255".to_owned(),
        Draw::Posterize { min, max } => format!("values {min} to {max}"),
    };
    (name, parameters)
}

/// `image` (height, width, 3) as a PNG in a data URI.
pub(super) fn data_uri(image: ArrayView3<'_, u8>) -> Result<String> {
    let (height, width, _) = image.dim();
    let step = height.max(width).div_ceil(SIDE).max(1);
    let thinned = image.slice_each_axis(|axis| {
        Slice::from(..).step_by(if axis.axis == Axis(2) { 1 } else { step as isize })
    });
    let (height, width, _) = thinned.dim();
    let pixels: Vec<u8> = thinned.iter().copied().collect();
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(&pixels, width as u32, height as u32, ExtendedColorType::Rgb8)
        .map_err(|error| Error::Rendering { what: "an image", message: error.to_string() })?;
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)))
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn every_transform_is_known_by_its_name() {
        use Transform::*;
        for transform in [Rotation, Cutout, Crop, ContrastFlip, Enhancement, Posterize] {
            assert_eq!(transform_called(transform.name()), Some(transform));
        }
        assert_eq!(transform_called("none"), None);
    }

    #[test]
    fn a_picture_holds_the_pixels_and_large_ones_are_thinned() {
        let image = Array3::from_shape_fn((130, 40, 3), |(y, x, c)| (y + 2 * x + c) as u8);
        let uri = data_uri(image.view()).unwrap();
        let png = BASE64_STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let decoded = image::load_from_memory(&png).unwrap().into_rgb8();
        assert_eq!(decoded.dimensions(), (14, 44)); // every third pixel
        assert_eq!(decoded.get_pixel(2, 10).0, [30 + 12, 30 + 13, 30 + 14]);
    }
}
