//! `mlprobe compare`: training sets from files, against each other.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_experiments::report::Page;
use mlprobe_experiments::results::FileInfo;
use mlprobe_experiments::settings::{Compared, SetFile};
use mlprobe_experiments::{About, Arm, Identity, LabelledFeatures, Settings, Study};

use crate::display::print_summary;
use crate::options::{TrainingOptions, commit};
use crate::run::{RunOptions, Threads};

/// The learning rate of a set unless the user names one.
const LEARNING_RATE: f64 = 0.01;
/// Rows that an update averages over unless the user says otherwise.
const BATCH_SIZE: usize = 100;

/// Which training set is better? Compares files of features and labels
///
/// The same network is trained on each set, with the same seeds, and scored on one test set. A FILE is an .npz file with the
/// arrays `features` (N, D), numbers, and `labels` (N), integers from 0; `X` and `y` will do too. Or it is two files,
/// FEATURES.npy:LABELS.npy. Every set is compared with the first. Interrupt the run at any time; rerunning the same command
/// resumes it.
#[derive(Args)]
pub struct Arguments {
    /// Training sets, two or more. A set is called NAME, or else like its file
    #[arg(value_name = "[NAME=]FILE", required = true, num_args = 2..)]
    sets: Vec<String>,
    /// The test set
    #[arg(long, value_name = "FILE")]
    test: String,
    /// Number of classes, or their names in the order of the labels [default: as many as the labels tell]
    #[arg(long, value_name = "K|NAME,NAME,...")]
    classes: Option<String>,
    /// Number of seeds, 0, 1, 2, ...: every set is trained with each. Intervals need at least 2, answers 3
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Passes over the training set
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    #[command(flatten)]
    training: TrainingOptions,
    /// Step size of the gradient descent, for all sets or for one; may be given several times [default: 0.01]
    #[arg(long, value_name = "RATE|NAME=RATE")]
    learning_rate: Vec<String>,
    /// Give every feature mean 0 and deviation 1, as measured on each arm's own training set: for features of very different
    /// sizes, or far from 1
    #[arg(long)]
    standardise: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    run: RunOptions,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { sets, test, classes, seeds, epochs, training, learning_rate, standardise, threads, run } =
        arguments;
    let threads = threads.start()?;
    let sets = sets.iter().map(|set| NamedSet::read(set)).collect::<Result<Vec<_>>>()?;
    for (i, set) in sets.iter().enumerate() {
        if sets[..i].iter().any(|other| other.name.eq_ignore_ascii_case(&set.name)) {
            bail!(
                "two training sets are called `{0}`, in some case; give one another name: OTHER={1}",
                set.name,
                set.file
            );
        }
    }
    let rates = rates(&learning_rate, &sets)?;
    let test = NamedSet::read(&test)?;
    for NamedSet { file, set, .. } in &sets {
        let (d, expected) = (set.dim(), test.set.dim());
        if d != expected {
            bail!(
                "{file} has {d} features per row, {} has {expected}; make every set in the same way",
                test.file
            );
        }
    }
    let largest = sets.iter().chain([&test]).flat_map(|set| set.set.labels()).max().copied().unwrap_or(0);
    let names = class_names(classes.as_deref(), usize::from(largest) + 1)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let mut about = About::features(&test.name, &names);
    about.commit = commit();
    about.files = sets.iter().map(|set| set.info(true)).collect::<Result<_>>()?;
    about.files.push(test.info(false)?);
    let set_file = |(set, &learning_rate): (&NamedSet, &f64)| SetFile {
        name: set.name.clone(),
        file: set.file.clone(),
        learning_rate,
    };
    let compared = Compared::Files {
        sets: sets.iter().zip(&rates).map(set_file).collect(),
        test: test.file.clone(),
        classes,
        standardise,
    };
    let protocol = training.protocol(seeds, epochs, BATCH_SIZE);
    let settings = Settings { compared, images: None, extractor: None, protocol };
    let inputs = about.files.iter().flat_map(|file| file.sha256.clone()).collect();
    let identity = Identity { settings: settings.clone(), inputs };

    let mut study = Study::new(&test.set).settings(settings).about(about).threads(threads);
    for (set, rate) in sets.iter().zip(&rates) {
        let arm = Arm::new(&set.name, *rate).with(&set.set);
        study = study.add(if standardise { arm.standardised() } else { arm });
    }
    let study = study.baselines(&sets[0].set, rates[0]);
    let folder = run.run(identity, |folder, session| {
        study.run_in(session, |so_far| {
            folder.save(so_far)?;
            folder.save_page(&Page::new(&so_far.results))
        })?;
        Ok(())
    })?;
    print_summary(folder.path())
}

/// A set, what it is called, and how the command line says where it is.
struct NamedSet {
    name: String,
    file: String,
    set: LabelledFeatures,
}

impl NamedSet {
    /// From `[NAME=]FILE`. Without a name, it is the file's without folder and ending.
    fn read(argument: &str) -> Result<Self> {
        let (name, file) = match argument.split_once('=') {
            Some((name, file)) if !Path::new(argument).exists() => (Some(name), file),
            _ => (None, argument),
        };
        let (features, labels) = split_pair(file).unwrap_or((file, file));
        if features == labels && file.ends_with(".npy") {
            bail!("{file} holds one array; give a set as two, FEATURES.npy:LABELS.npy, or as one .npz file");
        }
        let name = match name {
            Some(name) => name.to_owned(),
            None => {
                let stem = Path::new(features).file_stem().unwrap_or_default().to_string_lossy().into_owned();
                // Arms name files.
                stem.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)), "-")
            }
        };
        let set = LabelledFeatures::read_pair(features, labels)
            .with_context(|| format!("cannot read {file} as features and labels"))?;
        Ok(Self { name, file: file.to_owned(), set })
    }

    /// Where the set came from, for the record.
    fn info(&self, is_training_set: bool) -> Result<FileInfo> {
        let (features, labels) =
            split_pair(&self.file).map_or((self.file.as_str(), None), |(x, y)| (x, Some(y)));
        let digest = |path| mlprobe_files::sha256(path).with_context(|| format!("reading {path}"));
        Ok(FileInfo {
            arm: is_training_set.then(|| self.name.clone()),
            file: self.file.clone(),
            rows: self.set.len(),
            sha256: [features].into_iter().chain(labels).map(digest).collect::<Result<_>>()?,
        })
    }
}

/// The two files of `FEATURES.npy:LABELS.npy`.
fn split_pair(file: &str) -> Option<(&str, &str)> {
    let (features, _) = file.split_once(".npy:")?;
    let end = features.len() + ".npy".len();
    Some((&file[..end], &file[end + 1..]))
}

/// The learning rate of each set.
fn rates(options: &[String], sets: &[NamedSet]) -> Result<Vec<f64>> {
    let mut rates = vec![LEARNING_RATE; sets.len()];
    let parse = |rate: &str| match rate.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => bail!("--learning-rate {rate}: expected a number above 0, or NAME=NUMBER"),
    };
    for rate in options.iter().filter(|option| !option.contains('=')) {
        rates.fill(parse(rate)?);
    }
    for (name, rate) in options.iter().filter_map(|option| option.rsplit_once('=')) {
        let Some(i) = sets.iter().position(|set| set.name == name) else {
            let names: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
            bail!("--learning-rate {name}={rate}: no set is called `{name}`, but {}", names.join(", "));
        };
        rates[i] = parse(rate)?;
    }
    Ok(rates)
}

/// Names of the classes: as given, or numbers; `told` is how many the labels tell of.
fn class_names(option: Option<&str>, told: usize) -> Result<Vec<String>> {
    let numbers = |k: usize| (0..k).map(|class| class.to_string()).collect();
    let Some(option) = option else { return Ok(numbers(told)) };
    if let Ok(k) = option.parse::<usize>() {
        return Ok(numbers(k));
    }
    let names: Vec<String> = option.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        Some((_, name)) => bail!("--classes {option}: `{name}` is there twice; name each class once"),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_npy_files_is_told_from_one_file() {
        assert_eq!(split_pair("a/x.npy:b/y.npy"), Some(("a/x.npy", "b/y.npy")));
        assert_eq!(split_pair("c:/x.npz"), None);
        assert_eq!(split_pair("x.npy"), None);
    }

    #[test]
    fn rates_are_for_all_sets_or_for_one() {
        let set = LabelledFeatures::new(ndarray::Array2::zeros((1, 1)), vec![0]);
        let set = set.unwrap();
        let sets = ["a", "b"].map(|name| NamedSet { name: name.into(), file: name.into(), set: set.clone() });
        let rates = |options: &[&str]| {
            rates(&options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>(), &sets)
        };
        assert_eq!(rates(&[]).unwrap(), [0.01, 0.01]);
        assert_eq!(rates(&["b=0.5", "0.1"]).unwrap(), [0.1, 0.5]);
        for (option, words) in
            [("c=0.1", "no set is called `c`, but a, b"), ("a=-1", "a number above 0"), ("x", "NAME=NUMBER")]
        {
            let message = rates(&[option]).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
