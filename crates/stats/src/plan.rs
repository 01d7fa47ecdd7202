//! Planning a study: what S seeds and N test images can find, and how many of them a difference takes.

use crate::components::Components;
use crate::decision::FEWEST_SEEDS;
use crate::error::{Result, require};
use crate::power::{detectable_difference, provable_margin};
use serde::{Deserialize, Serialize};

/// What a comparison of two recipes with so many seeds and test images can be expected to find.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of seeds S.
    pub seeds: usize,
    /// Number of test images N.
    pub images: usize,
    /// Expected standard error of the difference in accuracy over new seeds and new test images.
    pub std_error: f64,
    /// Its degrees of freedom.
    pub degrees: f64,
    /// The smallest true difference that is found with probability 0.8.
    pub detectable: f64,
    /// The smallest margin that is proven with probability 0.8 where the true difference is 0.
    pub provable_margin: f64,
}

/// No plan has more seeds than this.
const MOST_SEEDS: usize = 10_000;
/// No plan has more test images than this.
const MOST_IMAGES: usize = 1 << 30;

/// Plans a study of `seeds` seeds and `images` test images from the components of variance of a `pilot`.
///
/// With A, B and E the pilot's variances of seeds, images and rest, the parts of the new study's variance are expected to be
///
/// v_S = A / S + E / (S N),  v_N = B / N + E / (S N),  v_E = E / (S N),
///
/// and standard error and degrees of freedom follow as in [`Components::contrast`]. A plan is as uncertain as its pilot:
/// with two seeds, A has one degree of freedom and is easily wrong by a factor of four in either direction.
///
/// # Errors
/// If there are fewer than 3 seeds, with which every answer is "undecided", or fewer than 2 images.
///
/// ```
/// use mlprobe_stats::{Components, plan};
///
/// // Five seeds and 10,000 test images; differences of models have standard deviation 0.002.
/// let pilot = Components {
///     seeds: 5, images: 10_000, mean: 0.001, seed_part: 0.8e-6, image_part: 5e-6, rest_part: 0.5e-6,
/// };
/// let ten = plan(&pilot, 10, 10_000)?;
/// assert!(ten.detectable < plan(&pilot, 5, 10_000)?.detectable);
/// assert!(ten.provable_margin > 0.006); // the test images alone have a standard error of 0.2 points
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn plan(pilot: &Components, seeds: usize, images: usize) -> Result<Plan> {
    const OPERATION: &str = "plan";
    require(
        seeds >= FEWEST_SEEDS,
        OPERATION,
        "3 or more seeds",
        seeds,
        "fewer can decide nothing: plan more seeds",
    )?;
    require(images >= 2, OPERATION, "2 or more test images", images, "plan more test images")?;
    let (s, n) = (seeds as f64, images as f64);
    let rest_part = pilot.rest_variance() / (s * n);
    let expected = Components {
        seeds,
        images,
        mean: 0.0,
        seed_part: pilot.seed_variance() / s + rest_part,
        image_part: pilot.image_variance() / n + rest_part,
        rest_part,
    };
    let contrast = expected.contrast();
    let (std_error, degrees) = (contrast.std_error, contrast.degrees);
    Ok(Plan {
        seeds,
        images,
        std_error,
        degrees,
        detectable: detectable_difference(std_error, degrees)?,
        provable_margin: provable_margin(std_error, degrees)?,
    })
}

/// The smallest study on `images` test images that finds a true difference of `effect` with probability 0.8.
///
/// # Errors
/// If `effect` is not a finite number above 0, there are fewer than 2 images, or no number of seeds up to 10,000 is enough,
/// because more seeds do not reduce the share of the test images.
///
/// ```
/// use mlprobe_stats::{Components, plan_seeds};
///
/// let pilot = Components {
///     seeds: 2, images: 10_000, mean: 0.001, seed_part: 8e-6, image_part: 2e-6, rest_part: 0.1e-6,
/// };
/// let plan = plan_seeds(&pilot, 0.006, 10_000)?;
/// assert!(plan.detectable <= 0.006 && plan.seeds > 3);
/// assert!(plan_seeds(&pilot, 0.001, 10_000).unwrap_err().to_string().contains("more test images"));
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn plan_seeds(pilot: &Components, effect: f64, images: usize) -> Result<Plan> {
    const OPERATION: &str = "number of seeds";
    check_effect(OPERATION, effect)?;
    let found = smallest(FEWEST_SEEDS, MOST_SEEDS, |seeds| plan(pilot, seeds, images), effect)?;
    let expected = format!("an effect that 10,000 seeds find, {} or more", found.detectable);
    let next = "use more test images, or look for a larger effect";
    require(found.detectable <= effect, OPERATION, &expected, effect, next)?;
    Ok(found)
}

/// The smallest study of `seeds` seeds that finds a true difference of `effect` with probability 0.8.
///
/// # Errors
/// If `effect` is not a finite number above 0, there are fewer than 3 seeds, or no number of test images up to a billion is
/// enough, because more images do not reduce the share of the seeds.
///
/// ```
/// use mlprobe_stats::{Components, plan_images};
///
/// let pilot = Components {
///     seeds: 5, images: 10_000, mean: 0.001, seed_part: 0.8e-6, image_part: 5e-6, rest_part: 0.5e-6,
/// };
/// let plan = plan_images(&pilot, 0.005, 10)?;
/// assert!(plan.images > 10_000 && plan.detectable <= 0.005);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn plan_images(pilot: &Components, effect: f64, seeds: usize) -> Result<Plan> {
    const OPERATION: &str = "number of test images";
    check_effect(OPERATION, effect)?;
    let found = smallest(2, MOST_IMAGES, |images| plan(pilot, seeds, images), effect)?;
    let expected = format!("an effect that a billion test images find, {} or more", found.detectable);
    let next = "run more seeds, or look for a larger effect";
    require(found.detectable <= effect, OPERATION, &expected, effect, next)?;
    Ok(found)
}

/// The plan of the smallest size from `least` to `most` that detects `effect`; that of `most` if none does.
fn smallest(least: usize, most: usize, plan: impl Fn(usize) -> Result<Plan>, effect: f64) -> Result<Plan> {
    // What is detectable falls with the size: double it until that is enough, then halve the bracket.
    let (mut few, mut many) = (least, least);
    let mut found = plan(many)?;
    while found.detectable > effect && many < most {
        few = many + 1;
        many = (2 * many).min(most);
        found = plan(many)?;
    }
    while found.detectable <= effect && few < many {
        let middle = few + (many - few) / 2;
        let smaller = plan(middle)?;
        if smaller.detectable <= effect {
            (many, found) = (middle, smaller);
        } else {
            few = middle + 1;
        }
    }
    Ok(found)
}

fn check_effect(operation: &'static str, effect: f64) -> Result<()> {
    let next = "state the difference to find, such as 0.005 for half a point";
    require(effect > 0.0 && effect.is_finite(), operation, "a finite effect above 0", effect, next)
}
