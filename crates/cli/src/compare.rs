//! `mlprobe compare`: training sets from files, against each other.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_experiments::report::Page;
use mlprobe_experiments::results::FileInfo;
use mlprobe_experiments::settings::{Compared, SetFile};
use mlprobe_experiments::{About, Arm, Identity, LabelledFeatures, Settings, Study};
use mlprobe_features::arrays::{LabelledArrays, encode};

use crate::arrays::{ArrayOptions, match_columns, split_pair};
use crate::display::print_summary;
use crate::options::{Seeds, TrainingOptions, commit};
use crate::run::{RunOptions, Threads};

/// The learning rate of a set unless the user names one.
const LEARNING_RATE: f64 = 0.01;
/// Rows that an update averages over unless the user says otherwise.
const BATCH_SIZE: usize = 100;

/// Which training set is better? Compares files of features and labels
///
/// The same network is trained on each set, with the same seeds, and scored on one test set. A FILE is .npz, .safetensors, .csv,
/// .tsv or .parquet, with features (N, D) and labels (N), as numbers or as text, under their usual names; or it is two files,
/// FEATURES.npy:LABELS.npy. Every set is compared with the first. Interrupt the run at any time; rerunning the same command
/// resumes it.
#[derive(Args)]
pub struct Arguments {
    /// Training sets, two or more. Without NAME, a set is called after its file
    #[arg(value_name = "[NAME=]FILE", required = true, num_args = 2..)]
    sets: Vec<String>,
    /// The test set; it may be left out if the first file also holds one
    #[arg(long, value_name = "FILE")]
    test: Option<String>,
    #[command(flatten)]
    arrays: ArrayOptions,
    /// Take labels such as NA, nan and None for classes, not for missing values
    #[arg(long)]
    keep_na: bool,
    /// Number of classes, or their names in the order of the labels [default: as many as occur in the labels]
    #[arg(long, value_name = "K|NAME,NAME,...")]
    classes: Option<String>,
    /// Number of seeds, 0, 1, 2, ...: every set is trained with each. Intervals need at least 2, answers 3. With auto, seeds are
    /// added until the questions are answered, by a rule that allows for looking after every seed
    #[arg(long, value_name = "N|auto", default_value = "5")]
    seeds: Seeds,
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
    let (sets, test, names) = read(&arguments)?;
    let Arguments {
        arrays,
        keep_na,
        classes,
        seeds,
        epochs,
        training,
        learning_rate,
        standardise,
        threads,
        run,
        ..
    } = arguments;
    let threads = threads.start()?;
    let rates = rates(&learning_rate, &sets)?;
    let names = class_names(classes.as_deref(), names)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let mut about = About::features(&test.name, &names);
    about.commit = commit();
    about.files = sets.iter().map(|set| set.info(false)).collect::<Result<_>>()?;
    about.files.push(test.info(true)?);
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
        read: arrays.options(keep_na),
    };
    let protocol = training.protocol(seeds, epochs, BATCH_SIZE);
    protocol.check()?;
    let settings = Settings { compared, images: None, extractor: None, protocol };
    let identity = identity(&settings, &about, sets.iter().chain([&test]));

    let mut study = Study::new(&test.set).settings(settings).about(about).threads(threads);
    for (set, rate) in sets.iter().zip(&rates) {
        let arm = Arm::new(&set.name, *rate).with(&set.set);
        study = study.add(if standardise { arm.standardised() } else { arm });
    }
    study = study.baselines(&sets[0].set, rates[0]);
    for NamedSet { name, .. } in &sets[1..] {
        study = study.probe_neighbours(name, &sets[0].name).probe_logistic(name, &sets[0].name);
    }
    study.check()?;
    let folder = run.run(identity, |folder, session| {
        study.run_in(session, |so_far| {
            folder.save(so_far)?;
            folder.save_page(&Page::new(&so_far.results))
        })?;
        Ok(())
    })?;
    print_summary(folder.path())
}

/// What the run follows from: what was read of the files, whatever their paths are, which options chose it, and their names.
fn identity<'a>(settings: &Settings, about: &About, sets: impl Iterator<Item = &'a NamedSet>) -> Identity {
    let mut settings = settings.clone();
    if let Compared::Files { sets, test, .. } = &mut settings.compared {
        sets.iter_mut().map(|set| &mut set.file).chain([test]).for_each(|file| *file = file_names(file));
    }
    let files = about.files.iter().flat_map(|file| file.sha256.clone());
    let inputs = files.chain(sets.map(|set| set.set.digest().to_owned()));
    Identity { settings, inputs: inputs.collect() }
}

/// The names of a file, or of two, without their folders.
fn file_names(files: &str) -> String {
    let (one, other) = split_pair(files).map_or((files, None), |(one, other)| (one, Some(other)));
    let name =
        |file: &str| Path::new(file).file_name().unwrap_or(file.as_ref()).to_string_lossy().into_owned();
    [one].into_iter().chain(other).map(name).collect::<Vec<_>>().join(":")
}

/// A set, what it is called, and how the command line says where it is.
struct NamedSet {
    name: String,
    file: String,
    set: LabelledFeatures,
}

/// The training sets, the test set and the names of the classes, which all files number alike.
fn read(arguments: &Arguments) -> Result<(Vec<NamedSet>, NamedSet, Vec<String>)> {
    let Arguments { sets, test, arrays: options, keep_na, .. } = arguments;
    let mut places = sets.iter().map(|set| named(set)).collect::<Result<Vec<_>>>()?;
    for (i, (name, file)) in places.iter().enumerate() {
        if places[..i].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            bail!("two training sets are called `{name}`, in some case; give one another name: OTHER={file}");
        }
    }
    let mut files =
        places.iter().map(|(_, file)| options.read(file, *keep_na)).collect::<Result<Vec<_>>>()?;
    let test_set = match test {
        Some(test) => {
            let (name, file) = named(test)?;
            let read = options.read(&file, *keep_na)?;
            places.push((name, file));
            read.main
        }
        None => {
            let Some(test) = files[0].test.take() else {
                bail!("{} holds no test set; name one with --test", places[0].1);
            };
            places.push((format!("{}-test", places[0].0), places[0].1.clone()));
            test
        }
    };
    let mut arrays: Vec<LabelledArrays> = files.into_iter().map(|file| file.main).chain([test_set]).collect();
    match_columns(&mut arrays)?;
    let (labels, names) = encode(&arrays.iter().collect::<Vec<_>>())?;
    let mut read = Vec::new();
    for (((name, file), arrays), labels) in places.into_iter().zip(arrays).zip(labels) {
        read.push(NamedSet { name, file, set: LabelledFeatures::new(arrays.features, labels)? });
    }
    let test = read.pop().context("there is no test set")?;
    Ok((read, test, names))
}

/// Name and file of `[NAME=]FILE`. Without a name, it is the file's without folder and ending.
fn named(argument: &str) -> Result<(String, String)> {
    let (name, file) = match argument.split_once('=') {
        Some((name, file)) if !Path::new(argument).exists() => (Some(name), file),
        _ => (None, argument),
    };
    let features = split_pair(file).map_or(file, |(features, _)| features);
    if features == file && file.ends_with(".npy") {
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
    Ok((name, file.to_owned()))
}

impl NamedSet {
    /// Where the set came from, for the record.
    fn info(&self, is_test: bool) -> Result<FileInfo> {
        let (features, labels) =
            split_pair(&self.file).map_or((self.file.as_str(), None), |(x, y)| (x, Some(y)));
        let digest = |path| mlprobe_files::sha256(path).with_context(|| format!("reading {path}"));
        Ok(FileInfo {
            arm: (!is_test).then(|| self.name.clone()),
            file: self.file.clone(),
            rows: self.set.len(),
            sha256: [features].into_iter().chain(labels).map(digest).collect::<Result<_>>()?,
            test_rows: 0,
        })
    }
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

/// Names of the classes: as given, or as the files have them.
fn class_names(option: Option<&str>, of_files: Vec<String>) -> Result<Vec<String>> {
    let Some(option) = option else { return Ok(of_files) };
    if let Ok(k) = option.parse::<usize>() {
        let more = (of_files.len()..k).map(|class| class.to_string());
        return Ok(of_files.iter().cloned().chain(more).collect());
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

    #[test]
    fn a_run_follows_from_what_is_in_the_files_and_not_from_the_spelling_of_their_paths() {
        let set = |x: f32| {
            let set = LabelledFeatures::new(ndarray::array![[x]], vec![0]).unwrap();
            NamedSet { name: "a".into(), file: "a.npz".into(), set }
        };
        let identity = |file: &str, test: &str, x: f32| {
            let sets = vec![SetFile { name: "a".into(), file: file.into(), learning_rate: 0.1 }];
            let compared = Compared::Files {
                sets,
                test: test.into(),
                classes: None,
                standardise: false,
                read: Default::default(),
            };
            let protocol = mlprobe_experiments::settings::Protocol::new(vec![0], 1);
            let settings = Settings { compared, images: None, extractor: None, protocol };
            identity(&settings, &About::features("a", &["0"]), [&set(x)].into_iter())
        };
        let first = identity("a.npz", "x.npy:y.npy", 1.0);
        for (file, test) in [("./a.npz", "./x.npy:y.npy"), ("b/../a.npz", "/data/x.npy:/labels/y.npy")] {
            assert_eq!(identity(file, test, 1.0), first);
        }
        // Another file's name, and other arrays of the same file.
        assert_ne!(identity("b.npz", "x.npy:y.npy", 1.0), first);
        assert_ne!(identity("a.npz", "x.npy:y.npy", 2.0), first);
    }
}
