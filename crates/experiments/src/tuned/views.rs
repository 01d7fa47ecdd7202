//! Two views of each image, as it is and mirrored, which always stay together.

use std::collections::BTreeMap;

use mlprobe_data::random::Random;
use mlprobe_stats::require;
use ndarray::{Array2, ArrayView2};

use crate::engine::sets::LabelledFeatures;
use crate::error::Result;

/// One in this many images of a class is held out for validation.
const HELD_OUT: usize = 10;

/// Features of N images, and of the same images mirrored left-right. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Views {
    original: LabelledFeatures,
    mirrored: LabelledFeatures,
}

impl Views {
    /// Row i of both sets, (N, D) each, is about image i.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] if sizes or labels differ.
    pub fn new(original: LabelledFeatures, mirrored: LabelledFeatures) -> Result<Self> {
        const OPERATION: &str = "pairing images with their mirror images";
        const NEXT: &str = "extract both from the same images with the same extractor";
        let [expected, actual] = [&original, &mirrored].map(|set| (set.len(), set.dim()));
        let shapes_fit = expected == actual;
        require(shapes_fit, OPERATION, &format!("features {expected:?}"), format_args!("{actual:?}"), NEXT)?;
        let labels_fit = original.labels() == mirrored.labels();
        require(labels_fit, OPERATION, "the same label for both", "different ones", NEXT)?;
        Ok(Self { original, mirrored })
    }

    /// Of the images as they are.
    pub fn original(&self) -> &LabelledFeatures {
        &self.original
    }

    /// Of the mirrored images.
    pub fn mirrored(&self) -> &LabelledFeatures {
        &self.mirrored
    }

    /// (N), the class of each image.
    pub fn labels(&self) -> &[u16] {
        self.original.labels()
    }

    /// The images to train on and the images held out for validation: a tenth of each class (rounded down), drawn by
    /// `seed`. Both views of an image go the same way. The order of the images is kept.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] if no class has ten images.
    pub fn split(&self, seed: u64) -> Result<(Self, Self)> {
        let mut is_held_out = vec![false; self.labels().len()];
        let mut classes: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (row, &label) in self.labels().iter().enumerate() {
            classes.entry(label).or_default().push(row);
        }
        for (class, mut rows) in classes {
            let mut random = Random::new(seed, b"validation split", class.into());
            for place in 0..rows.len() / HELD_OUT {
                // The first places of a shuffle: each takes one of the rows not yet placed.
                let left = (rows.len() - place) as u32;
                rows.swap(place, place + random.below(left) as usize);
                is_held_out[rows[place]] = true;
            }
        }
        let (held_out, kept): (Vec<usize>, Vec<usize>) =
            (0..is_held_out.len()).partition(|&row| is_held_out[row]);
        require(
            !held_out.is_empty(),
            "holding out images for validation",
            &format!("a class of {HELD_OUT} training images or more"),
            format_args!("{} images in all", self.labels().len()),
            "give more training images",
        )?;
        Ok((self.select(&kept)?, self.select(&held_out)?))
    }

    /// Only these images.
    fn select(&self, rows: &[usize]) -> Result<Self> {
        Ok(Self { original: self.original.select(rows)?, mirrored: self.mirrored.select(rows)? })
    }

    /// Other features of the same images: `change` takes (N, D) to (N, D).
    pub(super) fn map(&self, change: impl Fn(ArrayView2<'_, f32>) -> Array2<f32>) -> Result<Self> {
        let of =
            |set: &LabelledFeatures| LabelledFeatures::new(change(set.features()), set.labels().to_vec());
        Ok(Self { original: of(&self.original)?, mirrored: of(&self.mirrored)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// 30 images of class 0, 25 of class 1, 9 of class 2. The only feature is the number of the image, negative if
    /// mirrored.
    fn views() -> Views {
        let labels: Vec<u16> = (0..64).map(|i| if i < 30 { 0 } else { u16::from(i >= 55) + 1 }).collect();
        let set = |sign: f32| {
            let features = Array2::from_shape_fn((64, 1), |(i, _)| sign * (i + 1) as f32);
            LabelledFeatures::new(features, labels.clone()).unwrap()
        };
        Views::new(set(1.0), set(-1.0)).unwrap()
    }

    fn images(set: &LabelledFeatures) -> BTreeSet<i32> {
        set.features().iter().map(|&number| (number as i32).abs()).collect()
    }

    #[test]
    fn an_image_and_its_mirror_image_are_never_on_different_sides() {
        for seed in 0..20 {
            let (kept, held_out) = views().split(seed).unwrap();
            for side in [&kept, &held_out] {
                assert_eq!(side.original().features(), side.mirrored().features().mapv(|number| -number));
            }
            assert!(images(kept.original()).is_disjoint(&images(held_out.mirrored())), "seed {seed}");
            assert_eq!(kept.labels().len() + held_out.labels().len(), 64, "seed {seed}");
        }
    }

    #[test]
    fn a_tenth_of_each_class_is_held_out() {
        let (_, held_out) = views().split(3).unwrap();
        assert_eq!(held_out.labels(), [0, 0, 0, 1, 1]);
    }

    #[test]
    fn the_split_follows_from_the_seed() {
        let held_out = |seed| images(views().split(seed).unwrap().1.original());
        assert_eq!(held_out(1), held_out(1));
        let ever: BTreeSet<i32> = (0..200).flat_map(held_out).collect();
        // Every image of the classes 0 and 1; one is spared 200 times with a probability of 0.9²⁰⁰ = 7e-10.
        assert_eq!(ever, (1..=55).collect());
    }

    #[test]
    fn views_of_different_images_are_refused() {
        let set = |n: usize, label| LabelledFeatures::new(Array2::zeros((n, 2)), vec![label; n]).unwrap();
        let message = |mirrored| Views::new(set(9, 0), mirrored).unwrap_err().to_string();
        assert!(message(set(8, 0)).contains("expected features (9, 2), got (8, 2)"));
        assert!(message(set(9, 1)).contains("expected the same label"));
        let error = Views::new(set(9, 0), set(9, 0)).unwrap().split(0).unwrap_err().to_string();
        assert!(error.contains("a class of 10 training images or more, got 9 images"), "{error}");
    }
}
