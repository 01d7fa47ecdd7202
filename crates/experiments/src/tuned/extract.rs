//! The features that the recipe needs, through the same cache as those of the study.

use mlprobe_data::LabelledImages;
use ndarray::Axis;

use crate::error::Result;
use crate::progress::Progress;
use crate::reproduction::Reproduction;
use crate::tuned::{Data, Views};

impl Reproduction<'_> {
    /// What [`tuned::run`](crate::tuned::run) takes: the features of training and test images, as they are and mirrored.
    /// Preset and protocol of `self` are not used.
    ///
    /// # Errors
    /// Those of extractor and cache.
    pub fn tuned_data(&self, progress: &Progress<'_>) -> Result<Data> {
        let views = |images: &LabelledImages, what: &str| {
            let digest = images.digest();
            let original =
                self.features(&format!("features of the {what} images"), images, &digest, None, progress)?;
            let mirrored = mirrored(images);
            let stage = format!("features of the mirrored {what} images");
            let mirrored = self.features(&stage, &mirrored, &mirrored.digest(), None, progress)?;
            Ok::<_, crate::Error>((Views::new(original, mirrored)?, digest))
        };
        let (train, train_digest) = views(&self.dataset.train, "training")?;
        let (test, test_digest) = views(&self.dataset.test, "test")?;
        let augmentation = "mirrored left-right, where the selected recipe has mirrored copies".to_owned();
        Ok(Data { about: self.about(augmentation, train_digest, test_digest), train, test })
    }
}

/// Images (N, height, width, 3) with left and right exchanged.
fn mirrored(images: &LabelledImages) -> LabelledImages {
    let mut reversed = images.images.view();
    reversed.invert_axis(Axis(2));
    LabelledImages { images: reversed.as_standard_layout().into_owned(), labels: images.labels.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn mirroring_exchanges_left_and_right_and_nothing_else() {
        let images = Array4::from_shape_fn((2, 3, 4, 3), |(n, y, x, c)| (n * 100 + y * 30 + x * 7 + c) as u8);
        let images = LabelledImages::new(images, vec![3, 1]).unwrap();
        let mirrored = mirrored(&images);
        assert_eq!(mirrored.labels, [3, 1]);
        for ((n, y, x, c), &value) in mirrored.images.indexed_iter() {
            assert_eq!(value, images.images[[n, y, 3 - x, c]]);
        }
    }
}
