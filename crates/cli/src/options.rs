//! The options that say what a study trains on and how.

use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use mlprobe_audit::Kept;
use mlprobe_data::Dataset;
use mlprobe_experiments::results::DatasetInfo;
use mlprobe_experiments::settings::{Compared, Subset};
use mlprobe_experiments::{FeatureSource, Identity, Protocol, Settings, digest_of_kept};
use mlprobe_features::{Extractor, FeatureCache};
use mlprobe_nn::Precision;

use crate::extractor::{ExtractorOptions, found};
use crate::images::{ImageOptions, Loaded};
use crate::progress::print;
use crate::run::Threads;
use crate::{front, images};

#[derive(Args)]
pub struct StudyOptions {
    #[command(flatten)]
    pub images: ImageOptions,
    /// Leave out the images that this audit.json of `audit` lists under left_out
    #[arg(long, value_name = "AUDIT.json")]
    pub without: Option<PathBuf>,
    /// Number of seeds, 0, 1, 2, ...: every arm is trained with each. Intervals need at least 2, answers 3. With auto, seeds are
    /// added until the questions about accuracy are answered, by a rule that allows for looking after every seed [default: 5,
    /// with --quick 2]
    #[arg(long, value_name = "N|auto")]
    pub seeds: Option<Seeds>,
    /// Passes over the training set [default: 800, with --quick 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    #[command(flatten)]
    training: TrainingOptions,
    #[command(flatten)]
    extractor: ExtractorOptions,
    #[command(flatten)]
    pub threads: Threads,
    /// A first look in under a minute that touches everything: the mini set, 2 seeds, 20 epochs, 64 pixels, unless you ask
    /// for others
    #[arg(long)]
    quick: bool,
}

/// How the network is trained, beside seeds and epochs.
#[derive(Args)]
pub struct TrainingOptions {
    /// Epochs after which arms are compared, in ascending order. The last epoch is always one of them [default: half of the epochs]
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    report_at: Vec<usize>,
    /// Rows that an update averages over [default: 500; 100 for compare]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,
    /// Widths of the hidden layers [default: 64]
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// The most seeds that --seeds auto may use, 3 to 100
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=100))]
    max_seeds: u64,
    /// Largest difference in test accuracy that does not matter, in percentage points: a smaller one counts as none. State it
    /// before the run [default: what this many test images can prove, 0.70 for 10,000]
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    margin: Option<f64>,
    /// Precision of the products in training, and in the network that makes the features: bf16 rounds their factors to 8 bits and
    /// sums in f32; bf16x3 splits every factor into three parts, as accurate as f32
    #[arg(long, value_name = "f32|bf16x3|bf16", default_value_t = Precision::F32)]
    precision: Precision,
    /// Train every seed on another part of the training images, the same for all arms, so that intervals also cover new
    /// training images
    #[arg(long, value_name = "PART", num_args = 0..=1, default_missing_value = "0.8")]
    resample: Option<f64>,
}

/// How many seeds.
#[derive(Clone, Copy)]
pub enum Seeds {
    Fixed(u64),
    /// Until the questions are answered.
    Auto,
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(seeds @ 1..=1000)) => Ok(Self::Fixed(seeds)),
            _ => Err("expected a number from 1 to 1000, or auto".to_owned()),
        }
    }
}

impl TrainingOptions {
    /// The protocol with these seeds and epochs.
    pub fn protocol(self, seeds: Seeds, epochs: u32, batch_size: usize) -> Protocol {
        let Self { mut report_at, batch_size: given, hidden, max_seeds, margin, precision, resample } = self;
        let (most, until_decided) = match seeds {
            Seeds::Fixed(seeds) => (seeds, false),
            Seeds::Auto => (max_seeds, true),
        };
        let mut protocol = Protocol::new((0..most).collect(), epochs as usize);
        protocol.until_decided = until_decided;
        protocol.precision = precision;
        protocol.margin = margin.map(|points| points / 100.0);
        protocol.subset = resample.map(|fraction| Subset { fraction, per_seed: true });
        if !report_at.is_empty() {
            report_at.retain(|&epoch| epoch != protocol.epochs);
            report_at.push(protocol.epochs);
            protocol.report_at = report_at;
        }
        if !hidden.is_empty() {
            protocol.hidden = hidden;
        }
        protocol.batch_size = given.map_or(batch_size, |size| size as usize);
        protocol
    }
}

/// What a study works on.
pub struct Inputs {
    pub dataset: Dataset,
    /// The images that are not left out; `None` for all.
    pub kept: Option<Kept>,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
    pub settings: Settings,
    pub extractor: Box<dyn Extractor>,
    pub cache: FeatureCache,
}

impl StudyOptions {
    /// Whether the images were named, if only by --quick.
    pub fn names_images(&self) -> bool {
        self.quick || self.images.is_named()
    }

    /// Loads the images and opens the network.
    pub fn load(self, compared: Compared) -> Result<Inputs> {
        let Self { images, without, seeds, epochs, training, extractor, threads: _, quick } = self;
        let seeds = seeds.unwrap_or(Seeds::Fixed(if quick { 2 } else { 5 }));
        let epochs = epochs.unwrap_or(if quick { 20 } else { 800 });
        let protocol = training.protocol(seeds, epochs, Protocol::default().batch_size);
        protocol.check()?;
        compared.check(&protocol)?;
        let (extractor, network) = extractor.open(quick, protocol.precision)?;
        let Loaded { dataset, mut images, comparable } = images.load(quick, extractor.input_size())?;
        images.without = without.map(|path| found("--without", &path)).transpose()?;
        let kept = images::kept(&images, &dataset)?;
        if let Some(kept) = &kept {
            print(format_args!("Kept: {} training and {} test images.", kept.train.len(), kept.test.len()));
        }
        print(format_args!("Features by {}.", extractor.name()));
        let settings = Settings { compared, images: Some(images), extractor: Some(network), protocol };
        Ok(Inputs {
            dataset,
            kept,
            comparable,
            settings,
            extractor,
            cache: FeatureCache::new(front::cache()?),
        })
    }
}

impl Inputs {
    /// The features of the images.
    pub fn source(&self) -> FeatureSource<'_> {
        let Self { dataset, kept, comparable, extractor, cache, .. } = self;
        FeatureSource::new(dataset, *comparable, extractor.as_ref(), cache, commit()).keeping(kept.as_ref())
    }

    /// What the run follows from.
    pub fn identity(&self, source: &FeatureSource<'_>) -> Identity {
        Identity { settings: self.settings.clone(), inputs: source.inputs() }
    }
}

/// The images of stored settings, and which of them were kept; `None` without images, or with the reason on standard error if they
/// are not there any more.
pub fn images_of(settings: &Settings, about: &DatasetInfo) -> Option<(Dataset, Option<Kept>)> {
    let (images, extractor) = (settings.images.as_ref()?, settings.extractor.as_ref()?);
    let loaded = images::load(images, extractor.input_size())
        .and_then(|Loaded { dataset, images, .. }| Ok((images::kept(&images, &dataset)?, dataset)));
    let reason = match loaded {
        Ok((kept, dataset))
            if dataset.test.digest() == about.test_digest
                && kept.as_ref().map(digest_of_kept) == about.kept_digest =>
        {
            return Some((dataset, kept));
        }
        Ok(_) => "they have changed since".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    print(format_args!("The page shows no images of {}: {reason}.", images.dataset.display()));
    None
}

/// The commit of the repository, marked if it has changes; empty where there is none or Git cannot tell.
pub fn commit() -> String {
    let Some(repository) = front::repository() else { return String::new() };
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&repository).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"]))
    {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => String::new(),
    }
}
