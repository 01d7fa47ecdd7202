//! The settings of a study: one value, stored whole in `results.json`, from which the command that repeats a run, the
//! name of its folder and its fingerprint follow.

mod command;
mod draws;
mod protocol;

use std::path::PathBuf;

use mlprobe_data::augment::Preset;
use mlprobe_features::ExtractorSettings;
use mlprobe_features::arrays::Options;
use serde::{Deserialize, Serialize};

use crate::error::Result;

pub use draws::Draws;
pub use protocol::{Protocol, Subset};

/// Everything that the results of a study follow from, apart from the program and the content of the files it names.
///
/// ```
/// use mlprobe_data::augment::Preset;
/// use mlprobe_experiments::settings::{Compared, Images, Protocol, Settings};
/// use mlprobe_features::{ExtractorSettings, Precision};
///
/// let settings = Settings {
///     compared: Compared::Reproduction { preset: Preset::Y2022 },
///     images: Some(Images::of("cifar10")),
///     extractor: Some(ExtractorSettings::SqueezeNet { input_size: 128, precision: Precision::F32 }),
///     protocol: Protocol::default(),
/// };
/// assert_eq!(settings.folder_name().unwrap(), "reproduce-cifar10-2022-128px-5seeds-800epochs");
/// assert!(settings.command().unwrap().starts_with("mlprobe reproduce --dataset cifar10"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Which training sets are compared.
    pub compared: Compared,
    /// The images behind the features; `None` where features were given.
    pub images: Option<Images>,
    /// The network that makes the features; `None` where features were given.
    pub extractor: Option<ExtractorSettings>,
    /// How every arm is trained.
    pub protocol: Protocol,
}

/// Which training sets are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "study", rename_all = "snake_case")]
pub enum Compared {
    /// The original report's recipes and their controls.
    Reproduction {
        /// One of its transforms, drawn uniformly, is applied to each training image.
        preset: Preset,
    },
    /// Each transform alone, and each preset, against plain copies.
    Ablation,
    /// Several transformed copies of each training image against fewer, with as many updates.
    Draws {
        /// One of its transforms, drawn uniformly, is applied to each training image.
        preset: Preset,
        /// The numbers of draws, ascending.
        draws: Vec<Draws>,
    },
    /// The recipe that is selected on held-out training images.
    Tuned,
    /// Sets of features and labels from files.
    Files {
        /// The training sets, the first being the one that the others are compared with.
        sets: Vec<SetFile>,
        /// The test set.
        test: String,
        /// The number of classes, or their names separated by commas; `None` for as many as the labels tell.
        classes: Option<String>,
        /// Whether every feature was given mean 0 and deviation 1 on the first training set.
        standardise: bool,
        /// What was read of each file.
        #[serde(default)]
        read: Options,
    },
    /// Sets that a program passed to the library, or that an older record does not describe.
    Given,
}

/// Where images come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// `cifar10`, `mini`, `fashion-mnist`, or a folder.
    pub dataset: PathBuf,
    /// Whether images that cannot be read are left out.
    pub skip_broken: bool,
    /// A table of the images' names and labels, or `folders`; `None` where it is found out which of them names the classes.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// The table's column of labels; `None` for one of the usual names.
    #[serde(default)]
    pub label_column: Option<String>,
    /// The table's column of names of images; `None` for one of the usual names.
    #[serde(default)]
    pub image_column: Option<String>,
    /// Whether labels such as `NA` are classes.
    #[serde(default)]
    pub keep_na: bool,
    /// A file of the images' groups; `None` where none were named.
    #[serde(default)]
    pub groups: Option<PathBuf>,
    /// The `audit.json` that names images to leave out; `None` where all are used.
    #[serde(default)]
    pub without: Option<PathBuf>,
}

impl Images {
    /// All images of `dataset`, which is a name or a folder.
    pub fn of(dataset: impl Into<PathBuf>) -> Self {
        Self {
            dataset: dataset.into(),
            skip_broken: false,
            labels: None,
            label_column: None,
            image_column: None,
            keep_na: false,
            groups: None,
            without: None,
        }
    }
}

/// A training set in a file, and the learning rate it is trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetFile {
    /// What its arm is called.
    pub name: String,
    /// One file, or `FEATURES.npy:LABELS.npy`.
    pub file: String,
    /// Step size of the gradient descent.
    pub learning_rate: f64,
}

impl Settings {
    /// Settings of a study whose sets a program passes to the library.
    pub fn given(protocol: Protocol) -> Self {
        Self { compared: Compared::Given, images: None, extractor: None, protocol }
    }
}

impl Compared {
    /// What is compared can be compared under `protocol`.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) naming what cannot be run.
    pub fn check(&self, protocol: &Protocol) -> Result<()> {
        match self {
            Self::Draws { draws, .. } => Draws::check(draws, protocol),
            Self::Reproduction { .. } | Self::Ablation | Self::Tuned | Self::Files { .. } | Self::Given => {
                Ok(())
            }
        }
    }
}
