//! What follows from settings: the command that repeats a run, and the name of its folder.

use std::path::Path;

use mlprobe_features::ExtractorSettings;
use mlprobe_features::arrays::Options;
use mlprobe_nn::Precision;

use super::{Compared, Draws, Images, Protocol, SetFile, Settings, Subset};

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
        if let Some(images) = images {
            let Images { dataset, skip_broken, labels, label_column, image_column, keep_na, groups, without } =
                images;
            words.option("--dataset", dataset.to_str()?);
            words.flag("--skip-broken", *skip_broken);
            for (option, file) in [("--labels", labels), ("--groups", groups), ("--without", without)] {
                if let Some(file) = file {
                    words.option(option, file.to_str()?);
                }
            }
            for (option, column) in [("--label-column", label_column), ("--image-column", image_column)] {
                column.iter().for_each(|column| words.option(option, column));
            }
            words.flag("--keep-na", *keep_na);
        }
        if let Some(extractor) = extractor {
            if extractor.precision() != protocol.precision {
                return None; // one option sets both
            }
            words.extractor(extractor)?;
        }
        match compared {
            Compared::Reproduction { preset } => words.option("--preset", preset),
            Compared::Ablation => {}
            Compared::Draws { preset, draws } => {
                words.option("--preset", preset);
                words.option("--draws", list(draws));
            }
            Compared::Tuned => words.option("--recipe", "tuned"),
            Compared::Files { sets, test, classes, standardise, read } => {
                let Options { features_key, labels_key, bfloat16, keep_na } = read;
                words.sets(sets);
                words.option("--test", test);
                features_key.iter().for_each(|key| words.option("--features-key", key));
                labels_key.iter().for_each(|key| words.option("--labels-key", key));
                if *bfloat16 {
                    words.option("--dtype", "bfloat16");
                }
                words.flag("--keep-na", *keep_na);
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
        if let Some(Images { dataset, groups, without, .. }) = images {
            parts.push(stem(dataset));
            parts.extend(groups.iter().map(|file| format!("by-{}", stem(file))));
            parts.extend(without.iter().map(|file| format!("without-{}", stem(file))));
        }
        match compared {
            Compared::Reproduction { preset } => parts.push(preset.to_string()),
            Compared::Draws { preset, draws } => {
                parts.push(preset.to_string());
                parts.extend(draws.iter().map(Draws::to_string));
            }
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
        let seeds = if protocol.until_decided { "auto".to_owned() } else { protocol.seeds.len().to_string() };
        parts.push(format!("{seeds}seeds-{}epochs", protocol.epochs));
        if protocol.precision != Precision::F32 {
            parts.push(protocol.precision.to_string());
        }
        parts.extend(protocol.subset.map(|subset| format!("part{}", subset.fraction)));
        Some(parts.join("-"))
    }
}

/// The command that runs such a study.
fn subcommand(compared: &Compared) -> Option<&'static str> {
    match compared {
        Compared::Reproduction { .. } | Compared::Tuned => Some("reproduce"),
        Compared::Ablation => Some("ablate"),
        Compared::Draws { .. } => Some("draws"),
        Compared::Files { .. } => Some("compare"),
        Compared::Given => None,
    }
}

/// How a folder's name tells the network; the default one is not named.
fn label(extractor: &ExtractorSettings) -> Option<String> {
    match extractor {
        ExtractorSettings::SqueezeNet { .. } => None,
        ExtractorSettings::EfficientNetLite0 { .. } => Some("efficientnet-lite0".to_owned()),
        ExtractorSettings::ResNet18 { normalization, .. } => {
            Some(format!("resnet18-{normalization}").replace('/', "-"))
        }
        ExtractorSettings::Onnx { path, normalization, .. } => {
            let by = normalization.map(|by| format!("-{by}").replace('/', "-")).unwrap_or_default();
            Some(stem(path) + &by)
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
            ExtractorSettings::SqueezeNet { input_size, .. } => self.option("--input-size", input_size),
            ExtractorSettings::EfficientNetLite0 { input_size, .. } => {
                self.option("--extractor", "efficientnet-lite0");
                self.option("--input-size", input_size);
            }
            ExtractorSettings::ResNet18 { input_size, normalization, weights, .. } => {
                self.option("--extractor", "resnet18");
                self.option("--normalization", normalization);
                self.option("--input-size", input_size);
                if let Some(weights) = weights {
                    self.option("--weights", weights.to_str()?);
                }
            }
            ExtractorSettings::Onnx { path, input_size, normalization, output, pool } => {
                self.option("--extractor", path.to_str()?);
                normalization.iter().for_each(|by| self.option("--normalization", by));
                self.option("--input-size", input_size);
                output.iter().for_each(|output| self.option("--output", output));
                pool.iter().for_each(|pool| self.option("--pool", pool));
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
        let Protocol {
            seeds,
            epochs,
            report_at,
            batch_size,
            hidden,
            margin,
            until_decided,
            precision,
            subset,
        } = protocol;
        if !seeds.iter().copied().eq(0..seeds.len() as u64) {
            return None; // the command line counts seeds from 0
        }
        match until_decided {
            false => self.option("--seeds", seeds.len()),
            true => {
                self.option("--seeds", "auto");
                self.option("--max-seeds", seeds.len());
            }
        }
        if *precision != Precision::F32 {
            self.option("--precision", precision);
        }
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
        if let Some(margin) = margin {
            self.option("--margin", 100.0 * margin);
        }
        match subset {
            None => {}
            Some(Subset { fraction, per_seed: true }) => self.option("--resample", fraction),
            Some(Subset { per_seed: false, .. }) => return None, // part of a curve
        }
        Some(())
    }
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use mlprobe_data::augment::Preset;

    use super::*;

    fn images(dataset: &str, skip_broken: bool) -> Option<Images> {
        Some(Images { skip_broken, ..Images::of(dataset) })
    }

    fn sets(rates: &[f64]) -> Vec<SetFile> {
        let set = |(i, &learning_rate): (usize, &f64)| {
            let name = ["few", "many", "clean", "noisy", "all"][i];
            SetFile { name: name.into(), file: format!("{name}.npz"), learning_rate }
        };
        rates.iter().enumerate().map(set).collect()
    }

    fn files(sets: Vec<SetFile>) -> Compared {
        let (classes, read) = (None, Options::default());
        Compared::Files { sets, test: "test.npz".into(), classes, standardise: false, read }
    }

    fn protocol(seeds: u64, epochs: usize) -> Protocol {
        Protocol::new((0..seeds).collect(), epochs)
    }

    /// Settings with the command and the folder that they name.
    fn table() -> Vec<(Settings, &'static str, &'static str)> {
        let resnet = |normalization: &str, weights: Option<&str>| ExtractorSettings::ResNet18 {
            input_size: 224,
            normalization: normalization.parse().unwrap(),
            weights: weights.map(Into::into),
            precision: Precision::F32,
        };
        let squeezenet = |precision| ExtractorSettings::SqueezeNet { input_size: 128, precision };
        vec![
            (
                Settings {
                    compared: Compared::Ablation,
                    images: Some(Images {
                        groups: Some("/data/patients.csv".into()),
                        without: Some("found/audit.json".into()),
                        ..Images::of("photos")
                    }),
                    extractor: Some(ExtractorSettings::SqueezeNet {
                        input_size: 64,
                        precision: Precision::F32,
                    }),
                    protocol: protocol(3, 10),
                },
                "mlprobe ablate --dataset photos --groups /data/patients.csv --without found/audit.json --input-size 64 \
                 --seeds 3 --epochs 10 --batch-size 500",
                "ablate-photos-by-patients-without-audit-64px-3seeds-10epochs",
            ),
            (
                Settings {
                    compared: Compared::Reproduction { preset: Preset::Y2023 },
                    images: images("cifar10", false),
                    extractor: Some(squeezenet(Precision::F32)),
                    protocol: protocol(5, 800),
                },
                "mlprobe reproduce --dataset cifar10 --input-size 128 --preset 2023 --seeds 5 --epochs 800 \
                 --batch-size 500",
                "reproduce-cifar10-2023-128px-5seeds-800epochs",
            ),
            (
                Settings {
                    compared: Compared::Reproduction { preset: Preset::Y2022 },
                    images: images("cifar10", false),
                    extractor: Some(squeezenet(Precision::Bf16)),
                    protocol: Protocol { precision: Precision::Bf16, ..protocol(5, 800) },
                },
                "mlprobe reproduce --dataset cifar10 --input-size 128 --preset 2022 --seeds 5 --precision bf16 --epochs 800 \
                 --batch-size 500",
                "reproduce-cifar10-2022-128px-5seeds-800epochs-bf16",
            ),
            (
                Settings {
                    compared: Compared::Ablation,
                    images: images("my photos/cats & dogs", true),
                    extractor: Some(resnet("imagenet", Some("weights.safetensors"))),
                    protocol: Protocol {
                        report_at: vec![10, 20, 30],
                        batch_size: 100,
                        hidden: vec![32, 16],
                        ..protocol(3, 30)
                    },
                },
                "mlprobe ablate --dataset 'my photos/cats & dogs' --skip-broken --extractor resnet18 --normalization \
                 imagenet --input-size 224 --weights weights.safetensors --seeds 3 --epochs 30 --report-at '10,20,30' \
                 --batch-size 100 --hidden '32,16'",
                "ablate-cats---dogs-resnet18-imagenet-224px-3seeds-30epochs",
            ),
            (
                Settings {
                    compared: Compared::Draws {
                        preset: Preset::Y2022,
                        draws: vec![Draws::Number(0), Draws::Number(4), Draws::Fresh],
                    },
                    images: images("mini", false),
                    extractor: Some(ExtractorSettings::SqueezeNet {
                        input_size: 64,
                        precision: Precision::F32,
                    }),
                    protocol: protocol(3, 20),
                },
                "mlprobe draws --dataset mini --input-size 64 --preset 2022 --draws '0,4,fresh' --seeds 3 --epochs 20 \
                 --batch-size 500",
                "draws-mini-2022-0-4-fresh-64px-3seeds-20epochs",
            ),
            (
                Settings {
                    compared: Compared::Tuned,
                    images: Some(Images {
                        labels: Some("/data/labels.csv".into()),
                        label_column: Some("kind of pet".into()),
                        image_column: Some("photo".into()),
                        keep_na: true,
                        ..Images::of("mini")
                    }),
                    extractor: Some(ExtractorSettings::Onnx {
                        path: "nets/my net.onnx".into(),
                        input_size: 96,
                        normalization: Some("imagenet".parse().unwrap()),
                        output: Some("tokens".into()),
                        pool: Some(mlprobe_features::Pool::Mean),
                    }),
                    protocol: protocol(2, 30),
                },
                "mlprobe reproduce --dataset mini --labels /data/labels.csv --label-column 'kind of pet' --image-column photo \
                 --keep-na --extractor 'nets/my net.onnx' --normalization imagenet --input-size 96 \
                 --output tokens --pool mean --recipe tuned --seeds 2",
                "reproduce-mini-tuned-my-net-imagenet-96px-2seeds-30epochs",
            ),
            (
                Settings {
                    compared: files(sets(&[0.01, 0.01])),
                    images: None,
                    extractor: None,
                    protocol: protocol(5, 100),
                },
                "mlprobe compare 'few=few.npz' 'many=many.npz' --learning-rate 0.01 --test test.npz --seeds 5 --epochs 100 \
                 --batch-size 500",
                "compare-few-many-5seeds-100epochs",
            ),
            (
                Settings {
                    compared: Compared::Files {
                        sets: sets(&[0.01, 0.02, 0.01, 0.01, 0.01]),
                        test: "x.npy:y.npy".into(),
                        classes: Some("a,b".into()),
                        standardise: true,
                        read: Options {
                            features_key: Some("pooled".into()),
                            labels_key: Some("coarse label".into()),
                            bfloat16: true,
                            keep_na: true,
                        },
                    },
                    images: None,
                    extractor: None,
                    protocol: protocol(5, 1),
                },
                "mlprobe compare 'few=few.npz' 'many=many.npz' 'clean=clean.npz' 'noisy=noisy.npz' 'all=all.npz' \
                 --learning-rate 'few=0.01' --learning-rate 'many=0.02' --learning-rate 'clean=0.01' --learning-rate \
                 'noisy=0.01' --learning-rate 'all=0.01' --test x.npy:y.npy --features-key pooled --labels-key 'coarse \
                 label' --dtype bfloat16 --keep-na --classes 'a,b' --standardise --seeds 5 --epochs 1 --batch-size 500",
                "compare-few-many-clean-and-2-5seeds-1epochs",
            ),
        ]
    }

    #[test]
    fn the_command_and_the_folder_follow_from_the_settings() {
        for (settings, command, folder) in table() {
            assert_eq!(settings.command().unwrap(), command);
            assert_eq!(settings.folder_name().unwrap(), folder);
            let words = settings.words().unwrap();
            assert_eq!(shlex::split(command).unwrap(), words, "a shell takes it apart into the same words");
            let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(folder.chars().all(good), "{folder} is a file name everywhere");
        }
    }

    #[test]
    fn settings_are_read_back_as_they_were_written() {
        let given = Settings::given(Protocol { hidden: Vec::new(), ..protocol(3, 7) });
        for settings in table().into_iter().map(|(settings, ..)| settings).chain([given]) {
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings, "{json}");
        }
    }

    #[test]
    fn what_no_command_line_makes_has_no_command() {
        let given = Settings::given(protocol(5, 100));
        assert_eq!((given.command(), given.folder_name()), (None, None));
        let (mut settings, ..) = table().remove(0);
        settings.protocol.seeds = vec![3, 4];
        assert_eq!(settings.command(), None, "the command line counts seeds from 0");
        let (mut settings, ..) = table().remove(0);
        settings.protocol.precision = Precision::Bf16;
        assert_eq!(settings.command(), None, "one option sets the precision of training and of features");
    }

    #[test]
    fn no_sets_make_no_learning_rate() {
        let settings =
            Settings { compared: files(Vec::new()), images: None, extractor: None, protocol: protocol(1, 1) };
        assert!(!settings.command().unwrap().contains("--learning-rate"));
    }
}
