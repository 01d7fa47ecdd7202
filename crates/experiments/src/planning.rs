//! From a pilot to a plan: how many seeds and test images it takes to find a difference, and what margin can be proven.

use mlprobe_stats::{Components, Plan, plan, plan_images, plan_seeds, require};
use serde::Serialize;

use crate::analysis::machine::Machine;
use crate::analysis::results::Results;
use crate::error::Result;
use crate::study::STAGE;

/// What a pilot says of a larger study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyPlan {
    /// The difference in test accuracy to find, a fraction.
    pub effect: f64,
    /// Seeds of the pilot.
    pub pilot_seeds: usize,
    /// Seeds that are planned for.
    pub seeds: usize,
    /// Test images that are planned for.
    pub images: usize,
    /// The pilot's machine.
    pub machine: Machine,
    /// Whether that is the machine that this runs on.
    pub is_this_machine: bool,
    /// Seconds that one more seed of all arms takes there, from the first epoch to the last score.
    pub seconds_per_seed: f64,
    /// Seconds that the features of a seed took the pilot; about none if it found them in the cache.
    pub feature_seconds_per_seed: f64,
    /// One per comparison after the last epoch.
    pub contrasts: Vec<ContrastPlan>,
    /// Comparisons, as "a - b", of which every seed of the pilot gave the same difference: they say nothing of how much seeds
    /// vary.
    pub left_out: Vec<String>,
}

/// What the pilot says of one comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContrastPlan {
    /// What differs between the two arms.
    pub effect: String,
    /// Name of the first arm.
    pub a: String,
    /// Name of the second arm.
    pub b: String,
    /// With the planned seeds and test images.
    pub planned: Plan,
    /// The fewest seeds that find the effect with power 0.8 on the planned test images; `None` if no number does.
    pub seeds_needed: Option<usize>,
    /// The fewest test images that find it with the planned seeds; `None` if no number does.
    pub images_needed: Option<usize>,
}

/// Plans a study like the recorded one for a difference in test accuracy of `effect`, a fraction, with so many `seeds` and
/// test `images`.
///
/// # Errors
/// [`Error::Statistics`](crate::Error::Statistics) if the pilot has fewer than two seeds, an argument is out of range, or a
/// recorded comparison contradicts itself.
pub fn plan_study(pilot: &Results, effect: f64, seeds: usize, images: usize) -> Result<StudyPlan> {
    let done = pilot.seeds_done;
    require(done >= 2, "planning a study", "a pilot of 2 or more seeds", done, "run a pilot with --seeds 2")?;
    let tested = pilot.about.dataset.test_images;
    let (mut contrasts, mut left_out) = (Vec::new(), Vec::new());
    for comparison in pilot.final_comparisons() {
        let Some(bootstrap) = comparison.bootstrap else { continue };
        if comparison.paired.is_none_or(|paired| paired.std == 0.0) {
            left_out.push(format!("{} - {}", comparison.a, comparison.b));
            continue;
        }
        let discordant = comparison.mcnemar.iter().map(|test| test.only_a + test.only_b).sum();
        let degrees = bootstrap.contrast(done)?.degrees;
        let components = Components::of_record(&comparison.differences, discordant, tested, degrees)?;
        contrasts.push(ContrastPlan {
            effect: comparison.effect.clone(),
            a: comparison.a.clone(),
            b: comparison.b.clone(),
            planned: plan(&components, seeds, images)?,
            seeds_needed: plan_seeds(&components, effect, images).ok().map(|plan| plan.seeds),
            images_needed: plan_images(&components, effect, seeds).ok().map(|plan| plan.images),
        });
    }
    let machine = pilot.about.machine.clone();
    let here = Machine { threads: machine.threads, ..Machine::detect() };
    let stages = |is_one: fn(&str) -> bool| -> f64 {
        let of_kind = pilot.stages.iter().filter(|stage| is_one(&stage.name));
        of_kind.map(|stage| stage.seconds).sum::<f64>() / done as f64
    };
    Ok(StudyPlan {
        effect,
        pilot_seeds: done,
        seeds,
        images,
        is_this_machine: machine == here,
        machine,
        seconds_per_seed: stages(|name| name == STAGE || name.starts_with("probe: ")),
        feature_seconds_per_seed: stages(|name| name.starts_with("features of ") && name.contains(", seed ")),
        contrasts,
        left_out,
    })
}
