//! `mlprobe predict`: images classified by a trained model.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_experiments::results::{ArmResults, read_results};
use mlprobe_experiments::tuned;
use mlprobe_features::embed::extract_files;
use mlprobe_features::{Extractor, ExtractorSettings, Precision};
use mlprobe_nn::Mlp;
use ndarray::{Array2, Axis};
use serde_json::json;

use crate::embed::find;
use crate::extractor::ExtractorOptions;
use crate::output;
use crate::progress::{Bars, Unit, print};

/// Classify images with a trained model
///
/// The model is that of the run's first arm with its first seed, unless --arm and --seed choose another. The run's record names
/// the classes and the network that made the features. Images may have any size: the centre square is taken. A model knows
/// images like those it was trained on; those of CIFAR-10 have 32 pixels per side.
#[derive(Args)]
pub struct Arguments {
    /// A run folder of `reproduce` or `ablate`, or one of its models,
    /// RUN/models/ARM-seedS.safetensors. A model that lies elsewhere needs --extractor
    #[arg(long, value_name = "RUN")]
    model: PathBuf,
    /// The arm whose model answers [default: the first of the run]
    #[arg(long, value_name = "NAME")]
    arm: Option<String>,
    /// The seed of the model that answers [default: the first of the run]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Image files (PNG, JPEG, WebP, BMP, GIF, TIFF), and folders, in which all such files are taken, sorted by name
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// How many classes to show of each image, the likeliest first
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Leave out images that cannot be read, and name them, instead of stopping at the first
    #[arg(long)]
    skip_broken: bool,
    /// Classify even if this version makes other features than the model was trained on
    #[arg(long)]
    force: bool,
    #[command(flatten, next_help_heading = "The network, where the run's record does not say enough")]
    extractor: ExtractorOptions,
    /// Precision of the network's products, for a model that was trained on features made in it [default: f32]
    #[arg(
        long,
        value_name = "f32|bf16x3|bf16",
        help_heading = "The network, where the run's record does not say enough"
    )]
    precision: Option<Precision>,
}

/// Images whose features are in memory at a time.
const CHUNK: usize = 256;

pub fn run(
    Arguments { model, arm, seed, images, top, json, force, skip_broken, extractor, precision }: Arguments,
) -> Result<()> {
    let files = find(&images)?;
    let predictor = Predictor::open(model, arm, seed, (extractor, precision), force)?;
    let answers = predictor.answers(&files, top as usize, skip_broken)?;
    let (path, extractor) = (predictor.path.display(), predictor.extractor.name());
    if json {
        let images = answers.iter().map(|(path, classes)| {
            let classes = classes.iter().map(|(class, p)| json!({"class": class, "probability": p}));
            json!({"path": path, "classes": classes.collect::<Vec<_>>()})
        });
        let images: Vec<_> = images.collect();
        let answer = json!({"model": predictor.path, "extractor": extractor, "images": images});
        return output::write(&format!("{answer:#}\n"));
    }
    output::write(&format!("{}\nBy {path}, from features by {extractor}.\n", table(&answers)))
}

/// A model and what makes its features.
struct Predictor {
    path: PathBuf,
    model: tuned::Model,
    extractor: Box<dyn Extractor>,
    /// K names.
    classes: Vec<String>,
}

/// Classes with their probabilities, the likeliest first.
type Answer<'a> = Vec<(&'a str, f32)>;

impl Predictor {
    /// Of `model`, a run folder or a file.
    fn open(
        model: PathBuf,
        arm: Option<String>,
        seed: Option<u64>,
        extractor: (ExtractorOptions, Option<Precision>),
        force: bool,
    ) -> Result<Self> {
        let record = Record::of(&model)?;
        let path = match &record {
            _ if model.is_file() && (arm.is_some() || seed.is_some()) => bail!(
                "--arm and --seed choose among the models of a run folder, and {} is one model: leave them out",
                model.display()
            ),
            _ if model.is_file() => model,
            Some(record) => model.join(record.choose(arm, seed)?),
            None => bail!(
                "--model {}: expected a folder with results.json or tuned.json, as `reproduce` leaves it \
                 under runs/, or a .safetensors file from its models/",
                model.display()
            ),
        };
        let model = tuned::Model {
            seed: seed.unwrap_or_default(),
            square_roots: record.as_ref().is_some_and(|record| record.square_roots),
            precision: record.as_ref().map_or_else(Precision::default, |record| record.precision),
            network: Mlp::load(&path)?,
        };
        let extractor = open_extractor(extractor, record.as_ref(), &path, force)?;
        let (inputs, k) = (model.network.inputs(), model.network.classes());
        if inputs != extractor.dim() {
            bail!(
                "{} takes {inputs} features, and {} makes {}: name the network it was trained with by --extractor",
                path.display(),
                extractor.name(),
                extractor.dim()
            );
        }
        let classes = match record {
            Some(record) if record.classes.len() == k => record.classes,
            _ => (0..k).map(|class| format!("class {class}")).collect(),
        };
        Ok(Self { path, model, extractor, classes })
    }

    /// The `top` classes of every file, with its name.
    fn answers(&self, files: &[PathBuf], top: usize, skip_broken: bool) -> Result<Vec<(String, Answer<'_>)>> {
        let label = format!("features by {}", self.extractor.name());
        let bar = Bars::default().start(&label, Some(files.len() as u64), Unit::Count("images"));
        let mut answers = Vec::new();
        for files in files.chunks(CHUNK) {
            let (files, features) = self.features(files, skip_broken)?;
            let probabilities = self.model.probabilities(features.view())?;
            for (file, row) in files.iter().zip(probabilities.outer_iter()) {
                let mut answer: Answer<'_> =
                    self.classes.iter().map(String::as_str).zip(row.iter().copied()).collect();
                // Stable: of equally likely ones the first.
                answer.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                answer.truncate(top);
                answers.push((file.display().to_string(), answer));
            }
            bar.add(files.len() as u64);
        }
        Ok(answers)
    }

    /// The features of those of `files` that can be read.
    fn features(&self, files: &[PathBuf], skip_broken: bool) -> Result<(Vec<PathBuf>, Array2<f32>)> {
        match extract_files(self.extractor.as_ref(), files) {
            Ok(features) => return Ok((files.to_vec(), features)),
            Err(error) if !skip_broken => {
                return Err(error).context("use --skip-broken to leave out images that cannot be read");
            }
            Err(_) => {}
        }
        let (mut read, mut features) = (Vec::new(), Array2::zeros((0, self.extractor.dim())));
        for file in files {
            match extract_files(self.extractor.as_ref(), std::slice::from_ref(file)) {
                Ok(row) => {
                    features.append(Axis(0), row.view())?;
                    read.push(file.clone());
                }
                Err(error) => print(format_args!("Skipped: {error}")),
            }
        }
        Ok((read, features))
    }
}

/// What a run says of its models.
struct Record {
    /// The network and its fingerprint; `None` if the run was given features, or the record is an older one.
    extractor: Option<(ExtractorSettings, String)>,
    classes: Vec<String>,
    /// Arms with their seeds.
    arms: Vec<(String, Vec<u64>)>,
    /// Whether models take square roots of features.
    square_roots: bool,
    /// The precision in which models were trained and tested.
    precision: Precision,
}

impl Record {
    /// Of `model`, a run folder or a file in its folder models; `None` if it is neither.
    fn of(model: &Path) -> Result<Option<Self>> {
        let folder = if model.is_file() {
            let path = model.canonicalize().with_context(|| format!("reading {}", model.display()))?;
            let folder = path.parent().filter(|folder| folder.ends_with("models")).and_then(Path::parent);
            let Some(folder) = folder else { return Ok(None) };
            folder.to_owned()
        } else {
            model.to_owned()
        };
        let (about, settings, arms, square_roots) = if folder.join("results.json").exists() {
            let results = read_results(folder.join("results.json"))?;
            let seeds = |arm: &ArmResults| arm.runs.iter().map(|run| run.seed).collect();
            let arms = results.arms.iter().map(|arm| (arm.name.clone(), seeds(arm))).collect();
            (results.about, Some(results.settings), arms, false)
        } else if folder.join("tuned.json").exists() {
            let report = tuned::Report::read(folder.join("tuned.json"))?;
            let selected = report.candidates.get(report.selected);
            let square_roots = selected.is_some_and(|tried| tried.candidate.square_roots);
            let seeds = report.runs.iter().map(|run| run.seed).collect();
            (report.about, report.settings, vec![(tuned::ARM.to_owned(), seeds)], square_roots)
        } else {
            return Ok(None);
        };
        let fingerprint = about.extractor.map(|extractor| extractor.fingerprint);
        let precision =
            settings.as_ref().map_or_else(Precision::default, |settings| settings.protocol.precision);
        Ok(Some(Self {
            extractor: settings.and_then(|settings| settings.extractor).zip(fingerprint),
            classes: about.dataset.classes,
            arms,
            square_roots,
            precision,
        }))
    }

    /// The file of the model that is asked for, in the run folder.
    fn choose(&self, arm: Option<String>, seed: Option<u64>) -> Result<PathBuf> {
        let names: Vec<&str> = self.arms.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = arm.as_deref().or(names.first().copied()).unwrap_or_default();
        let Some((name, seeds)) = self.arms.iter().find(|(name, _)| name == wanted) else {
            bail!("--arm {wanted}: expected one of {}", names.join(", "));
        };
        let seed = seed.or(seeds.first().copied()).unwrap_or_default();
        if !seeds.contains(&seed) {
            let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
            bail!("--seed {seed}: expected one of {}, which {name} has been trained with", seeds.join(", "));
        }
        Ok(Path::new("models").join(format!("{name}-seed{seed}.safetensors")))
    }
}

/// That of the record, or the one that is asked for where a record does not name one.
fn open_extractor(
    (options, precision): (ExtractorOptions, Option<Precision>),
    record: Option<&Record>,
    model: &Path,
    force: bool,
) -> Result<Box<dyn Extractor>> {
    match record.and_then(|record| record.extractor.as_ref()) {
        Some(_) if precision.is_some() => {
            bail!("the record says in which precision features were made; leave --precision out")
        }
        Some((settings, fingerprint)) => options.reopen(settings, fingerprint, force),
        None if options.names_a_network() => Ok(options.open(false, precision.unwrap_or_default())?.0),
        None => bail!(
            "nothing says which network makes the features that {} takes: it does not lie in the models folder of a run, \
             or the run was given features. Name it with --extractor, and its --input-size",
            model.display()
        ),
    }
}

/// A line for each class, with the image before the first.
fn table(answers: &[(String, Answer<'_>)]) -> String {
    let images = answers.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
    let classes = answers.iter().flat_map(|(_, answer)| answer);
    let classes = classes.map(|(class, _)| class.chars().count()).max().unwrap_or(0);
    let mut table = String::new();
    for (path, answer) in answers {
        for (i, (class, probability)) in answer.iter().enumerate() {
            let path = if i == 0 { path.as_str() } else { "" };
            table += &format!("{path:<images$}  {class:<classes$}  {:>5.1} %\n", 100.0 * probability);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_image_once() {
        let answers = vec![
            ("cat.png".to_owned(), vec![("cat", 0.931), ("airplane", 0.04)]),
            ("é.png".to_owned(), vec![("dog", 1.0)]),
        ];
        let expected = "cat.png  cat        93.1 %\n         airplane    4.0 %\né.png    dog       100.0 %\n";
        assert_eq!(table(&answers), expected);
    }
}
