//! Where the variance of a difference comes from: seeds, test images, and each pair of the two on its own.

use crate::contrast::Contrast;
use crate::error::{Result, require, require_finite};
use crate::summary::summary;
use ndarray::{Array2, ArrayView2, Axis, Zip};
use serde::{Deserialize, Serialize};

/// The two-way analysis of variance of a table (S seeds, N test images), each part as a variance of the table's mean.
///
/// The table follows x(s, i) = mean + seed effect + image effect + rest, with independent effects of variances A, B and
/// E (crossed random effects; Searle, Casella and McCulloch, *Variance Components*, 1992, chapter 4).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Components {
    /// Number of seeds S, 2 or more.
    pub seeds: usize,
    /// Number of test images N, 2 or more.
    pub images: usize,
    /// Mean of the table.
    pub mean: f64,
    /// Variance of the S seed means (divisor S - 1) over S; it estimates A / S + E / (S N).
    pub seed_part: f64,
    /// Variance of the N image means (divisor N - 1) over N; it estimates B / N + E / (S N).
    pub image_part: f64,
    /// Mean square of the rest (divisor (S - 1) (N - 1)) over S N; it estimates E / (S N).
    pub rest_part: f64,
}

impl Components {
    /// Components of the difference in accuracy; `correct_a` and `correct_b` are (S, N), true where the model of seed s
    /// has image i right, rows paired by seed and columns by image.
    ///
    /// # Errors
    /// If the shapes differ, or there are fewer than 2 seeds or 2 images.
    ///
    /// ```
    /// use mlprobe_stats::Components;
    /// use ndarray::Array2;
    ///
    /// let a = Array2::from_shape_fn((5, 100), |(s, i)| (s + i) % 5 != 0); // 80 % correct
    /// let b = Array2::from_shape_fn((5, 100), |(s, i)| (s + i) % 4 != 0); // 75 % correct
    /// let gain = Components::of_difference(a.view(), b.view())?;
    /// assert!((gain.mean - 0.05).abs() < 1e-12);
    /// assert!(gain.seed_part < 1e-12); // every seed has the same difference
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn of_difference(correct_a: ArrayView2<'_, bool>, correct_b: ArrayView2<'_, bool>) -> Result<Self> {
        let d = differences("components of variance", correct_a, correct_b)?;
        Self::of_table(&d, &vec![0.0; d.nrows()])
    }

    /// Components of the mean of offset(s) + correct_a(s, i) - correct_b(s, i): see
    /// [`crossed_bootstrap_with_offsets`](crate::crossed_bootstrap_with_offsets), which resamples the same table.
    ///
    /// # Errors
    /// As [`of_difference`](Self::of_difference), and unless `offsets` (S) holds one finite number per seed.
    pub fn of_difference_with_offsets(
        offsets: &[f64],
        correct_a: ArrayView2<'_, bool>,
        correct_b: ArrayView2<'_, bool>,
    ) -> Result<Self> {
        const OPERATION: &str = "components of variance";
        let d = differences(OPERATION, correct_a, correct_b)?;
        check_offsets(OPERATION, offsets, d.nrows())?;
        Self::of_table(&d, offsets)
    }

    /// The components that a stored record implies: `differences` (S) of accuracy per seed, the `discordant` images that
    /// exactly one of the two models has right, summed over seeds, the number of test `images`, and the `degrees` of
    /// freedom of its crossed interval ([`CrossedBootstrap::contrast`](crate::CrossedBootstrap::contrast)).
    ///
    /// The seed part follows from the differences. The image part v_N solves Satterthwaite's formula
    /// (v_S + v_N)² / (v_S² / (S - 1) + v_N² / (N - 1)) = degrees, and the rest is what remains of the sum of squares,
    /// which is `discordant` - S N mean².
    ///
    /// # Errors
    /// If there are fewer than 2 differences or 2 images, one is not finite, all differences are equal (the degrees of
    /// freedom then say nothing of the images), or no table has these figures.
    pub fn of_record(differences: &[f64], discordant: u64, images: usize, degrees: f64) -> Result<Self> {
        const OPERATION: &str = "components of a stored comparison";
        const NEXT: &str = "score the stored predictions again";
        let sizes = format_args!("{} and {images}", differences.len());
        let enough = differences.len() >= 2 && images >= 2;
        require(enough, OPERATION, "2 or more seeds and images", sizes, "run more seeds")?;
        let summary = summary(differences)?;
        let (seeds, mean) = (summary.n, summary.mean);
        let (s, n) = (seeds as f64, images as f64);
        let spread = summary.std.unwrap_or(0.0);
        let seed_part = spread * spread / s;
        require(seed_part > 0.0, OPERATION, "differences that vary from seed to seed", "equal ones", NEXT)?;

        // With r = v_N / v_S: (1 + r)² = degrees (1 / (S - 1) + r² / (N - 1)), that is
        // (1 - degrees / (N - 1)) r² + 2 r + (1 - degrees / (S - 1)) = 0, of which r is the smaller root >= 0.
        let (curve, constant) = (1.0 - degrees / (n - 1.0), 1.0 - degrees / (s - 1.0));
        let discriminant = 1.0 - curve * constant;
        let ratio = -constant / (1.0 + discriminant.max(0.0).sqrt());
        // Rounding may leave degrees just under S - 1, and the rest just under 0.
        let solved = degrees.is_finite() && discriminant >= 0.0 && ratio >= -1e-6;
        let expected = format!("degrees of freedom between {} and {}", s - 1.0, s + n - 2.0);
        require(solved, OPERATION, &expected, degrees, NEXT)?;
        let image_part = seed_part * ratio.max(0.0);
        let total = discordant as f64 - s * n * mean * mean;
        let by_seed = n * s * (s - 1.0) * seed_part;
        let by_image = s * n * (n - 1.0) * image_part;
        let rest = total - by_seed - by_image;
        let possible = rest >= -1e-6 * total;
        require(possible, OPERATION, "discordant images that explain the differences", discordant, NEXT)?;
        let rest_part = rest.max(0.0) / ((s - 1.0) * (n - 1.0) * s * n);
        Ok(Self { seeds, images, mean, seed_part, image_part, rest_part })
    }

    /// The mean with the standard error that [`crossed_bootstrap`](crate::crossed_bootstrap) tends to with more and more
    /// resamples, without their random error and in a fraction of the time:
    ///
    /// std_error² = v_S + (1 - 1/N) (v_N + v_E),  v_S, v_N and v_E the parts of seeds, images and rest
    ///
    /// (Owen, Annals of Applied Statistics 1, 2007, 386-411, section 4). As v_S and v_N each hold v_E already, the rest
    /// counts three times: the error is never understated.
    ///
    /// ```
    /// use mlprobe_stats::{Components, crossed_bootstrap};
    /// use ndarray::Array2;
    ///
    /// let a = Array2::from_shape_fn((4, 50), |(s, i)| (s * s + i) % 5 != 0);
    /// let b = Array2::from_shape_fn((4, 50), |(s, i)| (3 * s + i * i) % 4 != 0);
    /// let exact = Components::of_difference(a.view(), b.view())?.contrast();
    /// let drawn = crossed_bootstrap(a.view(), b.view(), 10_000, 0, 0.95)?;
    /// assert!((drawn.std_error / exact.std_error - 1.0).abs() < 0.03);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn contrast(&self) -> Contrast {
        let finite = 1.0 - 1.0 / self.images as f64;
        Contrast {
            difference: self.mean,
            std_error: (self.seed_part + finite * (self.image_part + self.rest_part)).sqrt(),
            degrees: self.degrees(),
            seeds: self.seeds,
        }
    }

    /// Variance A of the seed effect: what remains of the differences' variance on endless test images, 0 or more.
    pub fn seed_variance(&self) -> f64 {
        (self.seeds as f64 * (self.seed_part - self.rest_part)).max(0.0)
    }

    /// Variance B of the image effect: how much images differ once averaged over endless seeds, 0 or more.
    pub fn image_variance(&self) -> f64 {
        (self.images as f64 * (self.image_part - self.rest_part)).max(0.0)
    }

    /// Variance E of the rest: each pair of seed and image on its own.
    pub fn rest_variance(&self) -> f64 {
        self.seeds as f64 * self.images as f64 * self.rest_part
    }

    /// Satterthwaite's degrees of freedom of the mean, between S - 1 and S + N - 2.
    pub(crate) fn degrees(&self) -> f64 {
        let (v_s, f_s) = (self.seed_part, (self.seeds - 1) as f64);
        let (v_n, f_n) = (self.image_part, (self.images - 1) as f64);
        if v_s + v_n == 0.0 {
            return f_s; // nothing varies: every resample is the same, and so is its interval
        }
        (v_s + v_n).powi(2) / (v_s * v_s / f_s + v_n * v_n / f_n)
    }

    /// `table` (S, N) plus `offsets` (S), both checked.
    pub(crate) fn of_table(table: &Array2<i32>, offsets: &[f64]) -> Result<Self> {
        let (seeds, images) = table.dim();
        let means = |axis: Axis| -> Vec<f64> {
            table
                .axis_iter(axis)
                .map(|line| f64::from(line.iter().sum::<i32>()) / line.len() as f64)
                .collect()
        };
        let (mut by_seed, by_image) = (means(Axis(0)), means(Axis(1)));
        let table_mean = table.iter().map(|&x| i64::from(x)).sum::<i64>() as f64 / table.len() as f64;
        // Mean square of the rest, from what the seed and image means of the table leave of its sum of squares.
        let (s, n) = (seeds as f64, images as f64);
        let around = |means: &[f64]| means.iter().map(|x| (x - table_mean).powi(2)).sum::<f64>();
        let total = table.iter().map(|&x| f64::from(x * x)).sum::<f64>() - s * n * table_mean * table_mean;
        let rest = (total - n * around(&by_seed) - s * around(&by_image)).max(0.0);
        let rest_part = rest / ((s - 1.0) * (n - 1.0) * s * n);

        by_seed.iter_mut().zip(offsets).for_each(|(mean, offset)| *mean += offset);
        let part = |means: &[f64]| {
            let std = summary(means)?.std.unwrap_or(0.0);
            Ok::<_, crate::Error>(std * std / means.len() as f64)
        };
        let mean = table_mean + offsets.iter().sum::<f64>() / s;
        let (seed_part, image_part) = (part(&by_seed)?, part(&by_image)?);
        Ok(Self { seeds, images, mean, seed_part, image_part, rest_part })
    }
}

/// correct_a - correct_b (S, N) in {-1, 0, 1}, if both have one shape with 2 or more seeds and images.
pub(crate) fn differences(
    operation: &'static str,
    correct_a: ArrayView2<'_, bool>,
    correct_b: ArrayView2<'_, bool>,
) -> Result<Array2<i32>> {
    let (seeds, images) = correct_a.dim();
    let shapes = format!("{:?} and {:?}", correct_a.dim(), correct_b.dim());
    let enough = seeds >= 2 && (2..=u32::MAX as usize).contains(&images);
    require(
        correct_a.dim() == correct_b.dim() && enough,
        operation,
        "two arms of one shape (S, N), 2 or more seeds and images",
        shapes,
        "score both arms with the same seeds on one test set",
    )?;
    Ok(Zip::from(correct_a).and(correct_b).map_collect(|&a, &b| i32::from(a) - i32::from(b)))
}

/// One finite offset per seed.
pub(crate) fn check_offsets(operation: &'static str, offsets: &[f64], seeds: usize) -> Result<()> {
    let actual = format_args!("{} for {seeds}", offsets.len());
    require(offsets.len() == seeds, operation, "one offset per seed", actual, "give one per run")?;
    require_finite(operation, offsets)
}
