//! `cargo xtask compare`: training sets from files, against each other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::HumanCount;
use mlprobe_experiments::page::Page;
use mlprobe_experiments::results::Fact;
use mlprobe_experiments::tuned::Standardisation;
use mlprobe_experiments::{About, Arm, LabelledFeatures, Progress, Protocol, RunFolder, Study};

use crate::display::{Display, print_summary};
use crate::options::{checkpoints, commit};
use crate::shell::quoted;
use crate::{interrupt, paths};

/// Compares training sets given as files of features and labels: the same network is trained on each, with the same seeds,
/// and scored on one test set.
///
/// A FILE is an .npz file with the arrays `features` (N, D), numbers, and `labels` (N), integers from 0; `X` and `y` will do
/// too. Or it is two files, FEATURES.npy:LABELS.npy. Every set is compared with the first.
#[derive(Args)]
pub struct Arguments {
    /// Training sets, two or more. A set is called NAME, or else like its file
    #[arg(value_name = "[NAME=]FILE", required = true, num_args = 2..)]
    sets: Vec<String>,
    /// The test set
    #[arg(long, value_name = "FILE")]
    test: String,
    /// The number of classes, or their names in the order of the labels [default: as many as the labels tell]
    #[arg(long, value_name = "K|NAME,NAME,...")]
    classes: Option<String>,
    /// How many seeds, 0, 1, 2, ...: runs of every set. Intervals need at least 2
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Passes over the training set; the report reads half of them too
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Rows an update averages over
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Step size of the gradient descent, for all sets or for one; may be given several times [default: 0.01]
    #[arg(long, value_name = "RATE|NAME=RATE")]
    learning_rate: Vec<String>,
    /// Give every feature mean 0 and deviation 1 on the first training set, and treat the other sets alike: for features of
    /// very different sizes, or far from 1
    #[arg(long)]
    standardise: bool,
    /// Threads; the results are the same for any number [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Folder for results, report, models and predictions [default: a folder in runs/ named after the sets]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let mut sets = arguments.sets.iter().map(|set| NamedSet::read(set)).collect::<Result<Vec<_>>>()?;
    for (i, set) in sets.iter().enumerate() {
        if sets[..i].iter().any(|other| other.name == set.name) {
            bail!("two training sets are called `{0}`; give one another name: OTHER={1}", set.name, set.file);
        }
    }
    let rates = rates(&arguments.learning_rate, &sets)?;
    let mut test = NamedSet::read(&arguments.test)?;
    for NamedSet { file, set, .. } in &sets {
        let (d, expected) = (set.dim(), test.set.dim());
        if d != expected {
            bail!(
                "{file} has {d} features a row, {} has {expected}; make every set in the same way",
                test.file
            );
        }
    }

    let largest = sets.iter().chain([&test]).flat_map(|set| set.set.labels()).max().copied().unwrap_or(0);
    let classes = classes(arguments.classes.as_deref(), usize::from(largest) + 1);
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    let mut about = About::features(&test.name, &classes);
    about.facts.extend(
        sets.iter().map(|set| set.fact(&format!("Training set {}", set.name))).collect::<Result<Vec<_>>>()?,
    );
    about.facts.push(test.fact("Test set")?);
    about.commit = commit();
    about.command = command(&arguments);
    let standardisation = arguments.standardise.then(|| Standardisation::fit(sets[0].set.features()));
    if let Some(standardisation) = &standardisation {
        let text =
            format!("to mean 0 and deviation 1 on {}; the models take them as they were", sets[0].name);
        about.facts.push(Fact { name: "Features scaled".into(), text });
        for NamedSet { set, .. } in sets.iter_mut().chain([&mut test]) {
            *set = LabelledFeatures::new(standardisation.apply(set.features()), set.labels().to_vec())?;
        }
    }
    let protocol = Protocol {
        seeds: (0..arguments.seeds).collect(),
        epochs: arguments.epochs as usize,
        batch_size: arguments.batch_size as usize,
        ..Protocol::default()
    };
    let mut study =
        Study::new(about, protocol, &test.set).threads(arguments.threads).baselines(&sets[0].set, rates[0]);
    for (set, rate) in sets.iter().zip(rates) {
        study = study.arm(Arm::new(&set.name, rate).with(&set.set));
    }
    if let Some(standardisation) = standardisation {
        study = study.standardised_by(standardisation);
    }

    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| paths::root().join("runs").join(folder_name(&sets, &arguments)));
    let folder = RunFolder::create(out)?;
    let display = Display::default();
    interrupt::listen(display.bars())?;
    let observer = display.observer();
    let progress = Progress::new(&observer).with_checkpoints(checkpoints(&folder)?);
    let outcome = study.run(&progress, |so_far| {
        folder.save(so_far)?;
        folder.save_page(&Page::new(&so_far.results))
    })?;
    progress.finish()?;
    print_summary(&outcome.results, folder.path());
    Ok(())
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
    fn fact(&self, what: &str) -> Result<Fact> {
        let (features, labels) =
            split_pair(&self.file).map_or((self.file.as_str(), None), |(x, y)| (x, Some(y)));
        let digests =
            [features].into_iter().chain(labels).map(digest).collect::<Result<Vec<_>>>()?.join(" and ");
        let (n, d) = self.set.features().dim();
        let (n, d) = (HumanCount(n as u64), HumanCount(d as u64));
        let text = format!("{}, {n} examples of {d} features, SHA-256 {digests}", self.file);
        Ok(Fact { name: what.to_owned(), text })
    }
}

/// The two files of `FEATURES.npy:LABELS.npy`.
fn split_pair(file: &str) -> Option<(&str, &str)> {
    let (features, _) = file.split_once(".npy:")?;
    let end = features.len() + ".npy".len();
    Some((&file[..end], &file[end + 1..]))
}

fn digest(path: &str) -> Result<String> {
    mlprobe_files::sha256(path).with_context(|| format!("reading {path}"))
}

/// The learning rate of each set.
fn rates(options: &[String], sets: &[NamedSet]) -> Result<Vec<f64>> {
    let mut rates = vec![0.01; sets.len()];
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
fn classes(option: Option<&str>, told: usize) -> Vec<String> {
    let numbers = |k: usize| (0..k).map(|class| class.to_string()).collect();
    match option.map(|option| (option, option.parse::<usize>())) {
        None => numbers(told),
        Some((_, Ok(k))) => numbers(k),
        Some((names, Err(_))) => names.split(',').map(|name| name.trim().to_owned()).collect(),
    }
}

fn folder_name(sets: &[NamedSet], arguments: &Arguments) -> String {
    let names: Vec<_> = sets.iter().take(3).map(|set| set.name.as_str()).collect();
    let more = if sets.len() > 3 { format!("-and-{}", sets.len() - 3) } else { String::new() };
    format!("compare-{}{more}-{}seeds-{}epochs", names.join("-"), arguments.seeds, arguments.epochs)
}

/// The command that repeats the comparison, in the same folder.
fn command(arguments: &Arguments) -> String {
    let Arguments { sets, test, classes, seeds, epochs, batch_size, learning_rate, standardise, .. } =
        arguments;
    let mut words = vec!["cargo".to_owned(), "xtask".into(), "compare".into()];
    words.extend(sets.iter().cloned());
    words.extend(["--test".into(), test.clone()]);
    words.extend(classes.iter().flat_map(|classes| ["--classes".to_owned(), classes.clone()]));
    for (option, value) in [
        ("--seeds", seeds.to_string()),
        ("--epochs", epochs.to_string()),
        ("--batch-size", batch_size.to_string()),
    ] {
        words.extend([option.to_owned(), value]);
    }
    words.extend(learning_rate.iter().flat_map(|rate| ["--learning-rate".to_owned(), rate.clone()]));
    words.extend(standardise.then(|| "--standardise".to_owned()));
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
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
