//! How many draws per image? The study's augmented recipe with several transformed copies of each image.
//!
//! Every arm trains on the original images and as many further rows per epoch, at the rate of the study's augmented arm, so all
//! make the same number of updates. With 0 draws the further rows are the original images again, as in [`DUPLICATED`]; with
//! c draws, epoch e, counted from 0, has draw e mod c of the transformed copies. One draw is the study's augmented arm.

use mlprobe_data::augment::Preset;

use super::arms::{AUGMENTED_RATE, COPIES, DUPLICATED, bare_study};
use crate::engine::arm::Arm;
use crate::engine::session::Session;
use crate::error::Result;
use crate::features::{FeatureSource, Half};
use crate::settings::{Draws, Settings};
use crate::study::Study;

/// The comparison of these numbers of draws, ready to run: each with the fewest, and with the next smaller number.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) unless `numbers` are two or more that ascend, none above the number of epochs; and
/// those of extractor and cache.
pub fn draws<'a>(
    source: &'a FeatureSource<'a>,
    preset: Preset,
    numbers: &[Draws],
    settings: Settings,
    session: &Session<'_>,
) -> Result<Study<'a>> {
    Draws::check(numbers, &settings.protocol)?;
    let epochs = settings.protocol.epochs;
    let original = source.original(Half::Train, session)?;
    let mut study = bare_study(source, settings, session)?;
    for &number in numbers {
        let arm = Arm::new(name(number), AUGMENTED_RATE).with(&original);
        study = study.add(match number.in_epochs(epochs) {
            0 => arm.with(&original),
            draws => arm.with_seeded(source.augmented(preset.transforms(), COPIES).with_draws(draws)),
        });
    }
    let names: Vec<_> = numbers.iter().map(|&number| name(number)).collect();
    let with_fewest = names[1..].iter().map(|more| (more, &names[0]));
    let neighbours = names[1..].windows(2).map(|pair| (&pair[1], &pair[0]));
    for (a, b) in with_fewest.chain(neighbours) {
        study = study.compare(&format!("{a} against {b}"), a, b);
    }
    Ok(study)
}

/// The name of the arm with so many draws.
fn name(draws: Draws) -> String {
    match draws {
        Draws::Number(0) => DUPLICATED.to_owned(),
        Draws::Number(1) => "1-draw".to_owned(),
        draws => format!("{draws}-draws"),
    }
}
