//! The study of the original report: augmented against unaugmented training images, with the controls that
//! tell apart what differs between the two recipes.
//!
//! | arm | training set | learning rate |
//! |---|---|---|
//! | [`UNAUGMENTED`] | the original images | 0.008 |
//! | [`AUGMENTED`] | the original images and a transformed copy of each | 0.01 |
//! | [`DUPLICATED`] | each original image twice | 0.01 |
//! | [`UNAUGMENTED_FAST`] | the original images | 0.01 |
//!
//! The first two are the report's. Its augmented recipe differs from its unaugmented one in three ways at once;
//! walking from arm to arm changes one of them at a time: from the first to the last the rate, from there to
//! `duplicated` the number of updates, from there to `augmented` the images themselves.

mod ablation;
mod arms;
mod draws;
mod questions;
mod study;

pub use ablation::ablation;
pub use arms::{AUGMENTED, DUPLICATED, UNAUGMENTED, UNAUGMENTED_FAST};
pub use draws::draws;
pub use questions::questions;
pub use study::{FeatureSets, feature_sets, study};
