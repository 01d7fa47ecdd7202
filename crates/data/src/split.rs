//! Dividing the images of each class at random, with every class in both parts.

use ndarray::Axis;

use crate::images::LabelledImages;
use crate::random::Random;

impl LabelledImages {
    /// Divides the images into two parts, for example for training and validation. The first has the share `first`
    /// (0..=1, otherwise the nearest of the two) of each class, rounded to the nearest image. Unless the share is 0 or 1,
    /// a class of two or more images has at least one in each part; a class of one image stays in the first.
    ///
    /// Both parts keep the order of the images. The images of class k are chosen by stream k of `seed` with the purpose
    /// `validation`.
    ///
    /// ```
    /// use mlprobe_data::LabelledImages;
    /// use ndarray::Array4;
    ///
    /// let images = LabelledImages::new(Array4::zeros((30, 8, 8, 3)), [vec![0; 20], vec![1; 10]].concat())?;
    /// let (train, validation) = images.split(0.9, 0);
    /// assert_eq!(train.labels, [vec![0; 18], vec![1; 9]].concat());
    /// assert_eq!(validation.labels, [0, 0, 1]);
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn split(&self, first: f64, seed: u64) -> (Self, Self) {
        let classes = self.labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
        let mut rows_of = vec![Vec::new(); classes];
        for (row, &label) in self.labels.iter().enumerate() {
            rows_of[usize::from(label)].push(row);
        }
        let mut is_second = vec![false; self.len()];
        for (class, rows) in rows_of.iter().enumerate() {
            let second = rows.len() - share_of(rows.len(), first);
            let mut random = Random::new(seed, b"validation", class as u64);
            for i in choose(rows.len(), second, &mut random) {
                is_second[rows[i]] = true;
            }
        }
        let part = |second: bool| {
            let rows: Vec<usize> = (0..self.len()).filter(|&row| is_second[row] == second).collect();
            let labels = rows.iter().map(|&row| self.labels[row]).collect();
            Self { images: self.images.select(Axis(0), &rows), labels }
        };
        (part(false), part(true))
    }
}

/// How many of `n` things are the share `share`, rounded to the nearest; a share within 0..1 leaves one of two or more on
/// either side.
pub(crate) fn share_of(n: usize, share: f64) -> usize {
    let rounded = (n as f64 * share.clamp(0.0, 1.0)).round() as usize;
    if share <= 0.0 || share >= 1.0 || n == 0 { rounded.min(n) } else { rounded.min(n - 1).max(1) }
}

/// Chooses `wanted` of the numbers 0..n, by the first steps of Fisher and Yates: place i takes any of the places from i on.
pub(crate) fn choose(n: usize, wanted: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in 0..wanted {
        order.swap(i, i + random.below((n - i) as u32) as usize);
    }
    order.truncate(wanted);
    order
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    /// Images of one value each, 0 to n - 1; image i has the label `label(i)`.
    fn images(n: usize, label: fn(usize) -> u16) -> LabelledImages {
        let pixels = Array4::from_shape_fn((n, 1, 1, 3), |(i, ..)| i as u8);
        LabelledImages::new(pixels, (0..n).map(label).collect()).unwrap()
    }

    fn values(images: &LabelledImages) -> Vec<u8> {
        images.images.outer_iter().map(|image| image[[0, 0, 0]]).collect()
    }

    #[test]
    fn every_image_is_in_one_part_with_its_label_and_the_order_stays() {
        let all = images(100, |i| (i % 3) as u16);
        let (train, validation) = all.split(0.8, 1);
        let mut together = [values(&train), values(&validation)].concat();
        for part in [&train, &validation] {
            assert!(values(part).is_sorted());
            assert!(
                values(part).iter().zip(&part.labels).all(|(value, &label)| u16::from(value % 3) == label)
            );
        }
        together.sort_unstable();
        assert_eq!(together, values(&all));
        // Classes of 34, 33 and 33 images give 27, 26 and 26.
        assert_eq!([0, 1, 2].map(|k| train.labels.iter().filter(|&&label| label == k).count()), [27, 26, 26]);
    }

    #[test]
    fn the_seed_chooses_the_images() {
        let all = images(60, |i| (i % 2) as u16);
        assert_eq!(all.split(0.5, 4), all.split(0.5, 4));
        assert_ne!(all.split(0.5, 4), all.split(0.5, 5));
    }

    #[test]
    fn the_chosen_images_are_pinned() {
        // From the definition: place i takes any of the places from i on, by the stream of the class.
        let mut random = Random::new(9, b"validation", 0);
        let mut order: Vec<u8> = (0..10).collect();
        for i in 0..3 {
            order.swap(i, i + random.below(10 - i as u32) as usize);
        }
        order[..3].sort_unstable();
        assert_eq!(values(&images(10, |_| 0).split(0.7, 9).1), order[..3]);
    }

    #[test]
    fn small_classes_and_shares_at_the_ends() {
        let pair = images(3, |i| u16::from(i == 2));
        for share in [0.01, 0.99] {
            let (first, second) = pair.split(share, 0);
            assert_eq!((first.labels, second.labels), (vec![0, 1], vec![0]));
        }
        for (share, n) in [(0.0, 0), (-1.0, 0), (1.0, 3), (7.0, 3)] {
            assert_eq!(pair.split(share, 0).0.len(), n);
        }
        assert_eq!(images(0, |_| 0).split(0.5, 0).0.len(), 0);
    }
}
