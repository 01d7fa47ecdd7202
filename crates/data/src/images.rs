//! Images with labels, and a data set of training and test images.

use std::path::PathBuf;

use ndarray::Array4;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// N images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledImages {
    /// Pixels 0..=255, shape (N, height, width, 3), channels in the order red, green, blue.
    pub images: Array4<u8>,
    /// The class number of each image, N in all.
    pub labels: Vec<u16>,
}

impl LabelledImages {
    /// Combines `images` (N, height, width, 3) with their N `labels`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels, or not as many labels as images.
    ///
    /// ```
    /// use mlprobe_data::LabelledImages;
    /// use ndarray::Array4;
    ///
    /// let two = LabelledImages::new(Array4::zeros((2, 32, 32, 3)), vec![0, 9])?;
    /// assert_eq!(two.len(), 2);
    /// assert!(LabelledImages::new(Array4::zeros((2, 32, 32, 1)), vec![0, 9]).is_err());
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn new(images: Array4<u8>, labels: Vec<u16>) -> Result<Self> {
        let (n, _, _, channels) = images.dim();
        if channels != 3 || labels.len() != n {
            return Err(Error::argument(
                "LabelledImages::new",
                "images of shape (N, height, width, 3) and N labels",
                format!("images of shape {:?} and {} labels", images.shape(), labels.len()),
            ));
        }
        Ok(Self { images, labels })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// A name for exactly these images: the SHA-256, in lower-case hexadecimal, over the shape (four u64, little
    /// endian), the pixels in the order (N, height, width, 3) and the labels. Caches are addressed by it.
    ///
    /// Labels count as one byte each if all of them are below 256, and as two, little endian, otherwise.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for &length in self.images.shape() {
            digest.update((length as u64).to_le_bytes());
        }
        // Image by image, so that an array in another memory order is never copied whole.
        for image in self.images.outer_iter() {
            match image.as_slice() {
                Some(pixels) => digest.update(pixels),
                None => image.iter().for_each(|&value| digest.update([value])),
            }
        }
        match self.labels.iter().map(|&label| u8::try_from(label)).collect::<Result<Vec<u8>, _>>() {
            Ok(bytes) => digest.update(bytes),
            Err(_) => self.labels.iter().for_each(|label| digest.update(label.to_le_bytes())),
        }
        mlprobe_files::hex(&digest.finalize())
    }
}

/// Images to train on and images to test with, under one list of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// What the set is called in reports and caches, for example `cifar10`.
    pub name: String,
    /// The classes' names; label `k` means `classes[k]`.
    pub classes: Vec<String>,
    /// What a model learns from.
    pub train: LabelledImages,
    /// What a model is tested with.
    pub test: LabelledImages,
    /// The files of the training and of the test images, relative to the data set's folder and in the order of the images;
    /// empty where an image is no file of its own.
    pub files: [Vec<PathBuf>; 2],
    /// The groups of the training and of the test images, such as patients or videos; empty where none were named.
    pub groups: [Vec<String>; 2],
}

impl Dataset {
    /// Combines training and test images to a data set, without files and groups.
    ///
    /// # Errors
    /// [`Error::Argument`] if a label has no class.
    pub fn new(
        name: impl Into<String>,
        classes: Vec<String>,
        train: LabelledImages,
        test: LabelledImages,
    ) -> Result<Self> {
        for (part, images) in [("training", &train), ("test", &test)] {
            if let Some(i) = images.labels.iter().position(|&label| usize::from(label) >= classes.len()) {
                return Err(Error::argument(
                    "Dataset::new",
                    format!("labels below {}, the number of classes", classes.len()),
                    format!("label {} at {part} image {i}", images.labels[i]),
                ));
            }
        }
        let (files, groups) = Default::default();
        Ok(Self { name: name.into(), classes, train, test, files, groups })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> LabelledImages {
        let images = Array4::from_shape_fn((2, 3, 5, 3), |(n, y, x, c)| (n * 45 + y * 15 + x * 3 + c) as u8);
        LabelledImages::new(images, vec![1, 0]).unwrap()
    }

    #[test]
    fn as_many_labels_as_images_are_required() {
        let error = LabelledImages::new(Array4::zeros((2, 4, 4, 3)), vec![0]).unwrap_err().to_string();
        assert!(error.contains("[2, 4, 4, 3] and 1 labels"), "{error}");
    }

    #[test]
    fn the_digest_is_the_documented_sha256() {
        // python3 -c 'import hashlib,struct; print(hashlib.sha256(struct.pack("<4Q",2,3,5,3)+bytes(range(90))
        //   +bytes([1,0])).hexdigest())'
        let expected = "1b6172b3b69fdd771c8db80fef659d915067769cc0438f5f4b6dbce0f0cffb15";
        assert_eq!(two().digest(), expected);
    }

    #[test]
    fn the_digest_of_labels_above_255_has_two_bytes_for_each() {
        // The same with + struct.pack("<2H",300,0)
        let mut images = two();
        images.labels = vec![300, 0];
        assert_eq!(images.digest(), "a5c165233e14380d918d4cad911ec53383419a5caf38d5a1ec7aae76ce70eb35");
    }

    #[test]
    fn the_digest_does_not_depend_on_memory_order() {
        let mut images = two();
        let fortran = Array4::from_shape_fn(ndarray::ShapeBuilder::f((2, 3, 5, 3)), |i| images.images[i]);
        assert!(!fortran.is_standard_layout());
        let digest = images.digest();
        images.images = fortran;
        assert_eq!(images.digest(), digest);
    }

    #[test]
    fn the_digest_tells_pixels_labels_and_shapes_apart() {
        let original = two();
        let mut pixel = original.clone();
        pixel.images[[1, 2, 4, 2]] ^= 1;
        let mut label = original.clone();
        label.labels[1] = 1;
        let mut shape = original.clone();
        shape.images = original.images.clone().into_shape_with_order((2, 5, 3, 3)).unwrap();
        for other in [pixel, label, shape] {
            assert_ne!(other.digest(), original.digest());
        }
    }

    #[test]
    fn a_label_without_a_class_is_refused() {
        let error = Dataset::new("d", vec!["only".into()], two(), two()).unwrap_err().to_string();
        assert!(error.contains("label 1 at training image 0"), "{error}");
    }
}
