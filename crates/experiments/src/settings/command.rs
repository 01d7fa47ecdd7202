//! What follows from settings: the command that repeats a run, and the name of its folder.

use std::path::Path;

use mlprobe_features::ExtractorSettings;

use super::{Compared, Images, Protocol, SetFile, Settings};

/// Sets named in the name of a folder; the others are counted.
const NAMED: usize = 3;

impl Settings {
    /// The command that repeats the run, quoted for a shell; `None` if no command line makes these settings.
    pub fn command(&self) -> Option<String> {
        let words = self.words()?;
        shlex::try_join(words.iter().map(String::as_str)).ok()
    }

    /// The words of the command that repeats the run. Every field is named here, so that none can be forgotten.
    pub fn words(&self) -> Option<Vec<String>> {
        let Self { compared, images, extractor, protocol } = self;
        let mut words = Words(vec!["mlprobe".to_owned()]);
        words.add(subcommand(compared)?);
        if let Some(Images { dataset, skip_broken }) = images {
            words.option("--dataset", dataset.to_str()?);
            words.flag("--skip-broken", *skip_broken);
        }
        if let Some(extractor) = extractor {
            words.extractor(extractor)?;
        }
        match compared {
            Compared::Reproduction { preset } => words.option("--preset", preset),
            Compared::Ablation => {}
            Compared::Tuned => words.option("--recipe", "tuned"),
            Compared::Files { sets, test, classes, standardise } => {
                words.sets(sets);
                words.option("--test", test);
                classes.iter().for_each(|classes| words.option("--classes", classes));
                words.flag("--standardise", *standardise);
            }
            Compared::Given => return None,
        }
        words.protocol(protocol, matches!(compared, Compared::Tuned))?;
        Some(words.0)
    }

    /// The name of the run's folder; `None` as for [`command`](Self::command).
    pub fn folder_name(&self) -> Option<String> {
        let Self { compared, images, extractor, protocol } = self;
        let mut parts = vec![subcommand(compared)?.to_owned()];
        parts.extend(images.iter().map(|Images { dataset, .. }| stem(dataset)));
        match compared {
            Compared::Reproduction { preset } => parts.push(preset.to_string()),
            Compared::Tuned => parts.push("tuned".to_owned()),
            Compared::Files { sets, .. } => {
                parts.extend(sets.iter().take(NAMED).map(|set| set.name.clone()));
                if sets.len() > NAMED {
                    parts.push(format!("and-{}", sets.len() - NAMED));
                }
            }
            Compared::Ablation | Compared::Given => {}
        }
        if let Some(extractor) = extractor {
            parts.extend(label(extractor));
            parts.push(format!("{}px", extractor.input_size()));
        }
        parts.push(format!("{}seeds-{}epochs", protocol.seeds.len(), protocol.epochs));
        Some(parts.join("-"))
    }
}

/// The command that runs such a study.
fn subcommand(compared: &Compared) -> Option<&'static str> {
    match compared {
        Compared::Reproduction { .. } | Compared::Tuned => Some("reproduce"),
        Compared::Ablation => Some("ablate"),
        Compared::Files { .. } => Some("compare"),
        Compared::Given => None,
    }
}

/// How a folder's name tells the network; the default one is not named.
fn label(extractor: &ExtractorSettings) -> Option<String> {
    match extractor {
        ExtractorSettings::SqueezeNet { .. } => None,
        ExtractorSettings::ResNet18 { normalization, .. } => {
            Some(format!("resnet18-{normalization}").replace('/', "-"))
        }
        ExtractorSettings::Onnx { path, normalization, .. } => {
            Some(format!("{}-{normalization}", stem(path)).replace('/', "-"))
        }
    }
}

/// The last part of a path without its ending, in letters that a file name may have everywhere.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    stem.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)), "-")
}

/// The words of a command line.
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, word: impl ToString) {
        self.0.push(word.to_string());
    }

    fn option(&mut self, name: &str, value: impl ToString) {
        self.add(name);
        self.add(value);
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.add(name);
        }
    }

    fn extractor(&mut self, extractor: &ExtractorSettings) -> Option<()> {
        match extractor {
            ExtractorSettings::SqueezeNet { input_size } => self.option("--input-size", input_size),
            ExtractorSettings::ResNet18 { input_size, normalization, weights } => {
                self.option("--extractor", "resnet18");
                self.option("--normalization", normalization);
                self.option("--input-size", input_size);
                if let Some(weights) = weights {
                    self.option("--weights", weights.to_str()?);
                }
            }
            ExtractorSettings::Onnx { path, input_size, normalization } => {
                self.option("--extractor", path.to_str()?);
                self.option("--normalization", normalization);
                self.option("--input-size", input_size);
            }
        }
        Some(())
    }

    /// `NAME=FILE` for each set, then one learning rate for all of them, or one for each.
    fn sets(&mut self, sets: &[SetFile]) {
        sets.iter().for_each(|SetFile { name, file, .. }| self.add(format!("{name}={file}")));
        let same = sets.iter().all(|set| set.learning_rate == sets[0].learning_rate);
        for SetFile { name, learning_rate, .. } in if same { &sets[..1.min(sets.len())] } else { sets } {
            let value = if same { learning_rate.to_string() } else { format!("{name}={learning_rate}") };
            self.option("--learning-rate", value);
        }
    }

    fn protocol(&mut self, protocol: &Protocol, is_tuned: bool) -> Option<()> {
        let Protocol { seeds, epochs, report_at, batch_size, hidden } = protocol;
        if !seeds.iter().copied().eq(0..seeds.len() as u64) {
            return None; // the command line counts seeds from 0
        }
        self.option("--seeds", seeds.len());
        if is_tuned {
            return Some(()); // the rest is the recipe's own
        }
        self.option("--epochs", epochs);
        if *report_at != Protocol::half_and_all(*epochs) {
            self.option("--report-at", list(report_at));
        }
        self.option("--batch-size", batch_size);
        if *hidden != Protocol::default().hidden {
            self.option("--hidden", list(hidden));
        }
        Some(())
    }
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}
