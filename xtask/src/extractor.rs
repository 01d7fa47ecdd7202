//! `--extractor`: the network that makes the features, from the command line or from a record.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::fetch::{Remote, Timeouts, fetch_file};
use mlprobe_features::{Extractor, Normalization, ResNet18, SqueezeNet, same_network};
use mlprobe_kernels::Isa;

use crate::data::with_bars;
use crate::paths;
use crate::shell::quoted;

#[derive(Args, Clone, Default)]
pub struct ExtractorOptions {
    /// Network that makes the features: squeezenet, which is built in; resnet18, the original course's, whose weights
    /// (47 MB) are fetched once; or an ONNX file of your own, which takes images (N, 3, height, width), with
    /// `cargo xtask-onnx` in place of `cargo xtask` [default: squeezenet]
    #[arg(long, value_name = "squeezenet|resnet18|PATH.onnx")]
    extractor: Option<Network>,
    /// Side in pixels that images are resized to for the extractor; its time grows with the square
    /// [default: 128 for squeezenet, 224 for resnet18, 64 for a --quick study; what an ONNX file says, else 224]
    #[arg(long, value_name = "N")]
    input_size: Option<usize>,
    /// How pixels x are scaled: div255 is x/255, as the original course did; imagenet is (x/255 - mean)/deviation, as
    /// most networks were trained; or means and deviations of x/255, as in 0.5,0.5,0.5/0.25,0.25,0.25
    /// [default: div255 for resnet18, imagenet for an ONNX file; squeezenet has its own]
    #[arg(long, value_name = "div255|imagenet|MEANS/DEVIATIONS")]
    normalization: Option<Normalization>,
    /// Weights of resnet18: any safetensors file with torchvision's tensor names
    /// [default: data/resnet18/model.safetensors, fetched and verified]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

/// The networks there are.
#[derive(Clone, Default)]
pub enum Network {
    #[default]
    SqueezeNet,
    ResNet18,
    Onnx(PathBuf),
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "squeezenet" => Ok(Self::SqueezeNet),
            "resnet18" => Ok(Self::ResNet18),
            path if path.ends_with(".onnx") => Ok(Self::Onnx(path.into())),
            _ => Err("expected squeezenet, resnet18 or a file whose name ends in .onnx".into()),
        }
    }
}

/// An extractor, and how the command line names it.
pub struct Chosen {
    pub extractor: Box<dyn Extractor>,
    /// The options that choose it again, each with a space before it.
    pub options: String,
    /// For the name of a run folder; empty for the default network.
    pub label: String,
}

impl ExtractorOptions {
    /// Says where things are, and leaves everything else to a record.
    pub fn located(extractor: Option<Network>, weights: Option<PathBuf>) -> Self {
        Self { extractor, weights, ..Self::default() }
    }

    /// The network with its weights, fetched if they have to be. `quick` makes images small unless told otherwise.
    pub fn open(self, quick: bool) -> Result<Chosen> {
        Isa::from_env()?;
        let Self { extractor, input_size, normalization, weights } = self;
        let network = extractor.unwrap_or_default();
        if weights.is_some() && !matches!(network, Network::ResNet18) {
            bail!("--weights is for --extractor resnet18: leave it out");
        }
        let size = |default: usize| input_size.unwrap_or(if quick { 64 } else { default });
        match network {
            Network::SqueezeNet => {
                if normalization.is_some() {
                    bail!("squeezenet has its own normalization: leave --normalization out");
                }
                let size = size(SqueezeNet::DEFAULT_INPUT_SIZE);
                Ok(Chosen {
                    extractor: Box::new(SqueezeNet::new(size)?),
                    options: format!(" --input-size {size}"),
                    label: String::new(),
                })
            }
            Network::ResNet18 => {
                let size = size(ResNet18::DEFAULT_INPUT_SIZE);
                let normalization = normalization.unwrap_or(Normalization::DIV255);
                let mut options =
                    format!(" --extractor resnet18 --normalization {normalization} --input-size {size}");
                let path = match weights {
                    Some(path) => {
                        let path =
                            path.canonicalize().with_context(|| format!("--weights {}", path.display()))?;
                        options += &format!(" --weights {}", quoted(&path.display().to_string()));
                        path
                    }
                    None => {
                        let path = paths::resnet18();
                        obtain_weights(&ResNet18::remote(), &path, &Timeouts::default())?;
                        path
                    }
                };
                Ok(Chosen {
                    extractor: Box::new(ResNet18::load(path, size, normalization)?),
                    options,
                    label: format!("-resnet18-{normalization}").replace('/', "-"),
                })
            }
            Network::Onnx(path) => {
                open_onnx(&path, input_size, normalization.unwrap_or(Normalization::IMAGENET))
            }
        }
    }

    /// Whether a network was asked for.
    pub fn names_a_network(&self) -> bool {
        self.extractor.is_some()
    }

    /// The extractor of a record, which has its name and fingerprint. The options say what the record cannot: where the
    /// file of the network or its weights is.
    pub fn reopen(mut self, name: &str, fingerprint: &str) -> Result<Box<dyn Extractor>> {
        let unknown = || format!("the features were made by {name}, which this version does not know");
        let (network, settings) = name.rsplit_once('@').with_context(unknown)?;
        let (size, normalization) = match settings.split_once('-') {
            Some((size, normalization)) => (size, Some(normalization.parse().with_context(unknown)?)),
            None => (settings, None),
        };
        let size: usize = size.parse().with_context(unknown)?;
        if self.extractor.is_none() {
            self.extractor = Some(match network {
                "squeezenet1_1" => Network::SqueezeNet,
                "resnet18" => Network::ResNet18,
                file if file.ends_with(".onnx") => {
                    bail!("the features were made by {file}: say where it is with --extractor PATH/{file}")
                }
                _ => bail!(unknown()),
            });
        }
        self.input_size = self.input_size.or(Some(size));
        self.normalization = self.normalization.or(normalization);
        let extractor = self.open(false)?.extractor;
        let actual = extractor.fingerprint();
        if !same_network(&actual, fingerprint) {
            bail!(
                "the features were made by {name} with fingerprint {fingerprint}, and {} here has {actual}: name the same \
                 network with --extractor, or its weights with --weights; or make all of it again with this version",
                extractor.name()
            );
        }
        Ok(extractor)
    }
}

#[cfg(feature = "onnx")]
fn open_onnx(path: &Path, input_size: Option<usize>, normalization: Normalization) -> Result<Chosen> {
    let options = mlprobe_features::OnnxOptions {
        input_size,
        normalization: Some(normalization),
        ..Default::default()
    };
    let network = mlprobe_features::Onnx::load(path, options)?;
    let (path, size) = (path.canonicalize()?, network.input_size());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Chosen {
        options: format!(
            " --extractor {} --normalization {normalization} --input-size {size}",
            quoted(&path.display().to_string())
        ),
        label: format!("-{stem}-{normalization}").replace('/', "-"),
        extractor: Box::new(network),
    })
}

#[cfg(not(feature = "onnx"))]
fn open_onnx(path: &Path, _: Option<usize>, _: Normalization) -> Result<Chosen> {
    bail!(
        "--extractor {}: this build reads no ONNX files; use `cargo xtask-onnx` in place of `cargo xtask`",
        path.display()
    )
}

/// Brings the weights to `path` if they are not there, and verifies them in any case.
fn obtain_weights(remote: &Remote, path: &Path, timeouts: &Timeouts) -> Result<()> {
    let there = path.exists();
    with_bars(|progress| fetch_file(remote, path, timeouts, progress)).with_context(|| {
        if there {
            format!(
                "{} is not the file that {} is. Remove it to fetch it anew, or use it as it is with --weights {0}",
                path.display(),
                remote.url
            )
        } else {
            format!(
                "the weights of resnet18 cannot be had. Put {} at {}, or name such a file with --weights FILE",
                remote.url,
                path.display()
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    /// Short: nobody answers.
    const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(2), stall: Duration::from_secs(2) };

    fn remote(size: u64, sha256: &str) -> Remote {
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Remote { url: format!("http://{address}/model.safetensors"), size, sha256: sha256.into() }
    }

    /// SHA-256 of "abc", the first example of FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn weights_that_are_there_and_right_are_taken_without_a_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        fs::write(&path, "abc").unwrap();
        obtain_weights(&remote(3, ABC), &path, &TIMEOUTS).unwrap();
    }

    #[test]
    fn weights_that_are_there_and_wrong_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for content in ["abd", "abcd"] {
            fs::write(&path, content).unwrap();
            let error = format!("{:#}", obtain_weights(&remote(3, ABC), &path, &TIMEOUTS).unwrap_err());
            assert!(error.contains("Remove it to fetch it anew") && error.contains("--weights"), "{error}");
            assert!(error.contains("expected"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn without_a_network_the_message_says_what_to_put_where() {
        let folder = tempfile::tempdir().unwrap();
        let (path, remote) = (folder.path().join("new/model.safetensors"), remote(3, ABC));
        let error = format!("{:#}", obtain_weights(&remote, &path, &TIMEOUTS).unwrap_err());
        for part in [remote.url.as_str(), &path.display().to_string(), "--weights FILE"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!path.exists());
    }

    #[test]
    fn an_extractor_is_opened_again_by_its_name_and_checked_by_its_fingerprint() {
        let network = SqueezeNet::new(32).unwrap();
        let options = ExtractorOptions::default();
        let again = options.clone().reopen(&network.name(), &network.fingerprint()).unwrap();
        assert_eq!((again.name(), again.fingerprint()), (network.name(), network.fingerprint()));

        let message = |options: &ExtractorOptions, name: &str, fingerprint: &str| {
            format!("{:#}", options.clone().reopen(name, fingerprint).err().unwrap())
        };
        let other = message(&options, "squeezenet1_1@32", "0123-avx2");
        assert!(other.contains("0123-avx2") && other.contains(&network.fingerprint()), "{other}");
        let resized = ExtractorOptions { input_size: Some(33), ..options.clone() };
        assert!(message(&resized, &network.name(), &network.fingerprint()).contains("squeezenet1_1@33"));
        let file = message(&options, "my.onnx@224-imagenet", "0123-avx2");
        assert!(file.contains("--extractor PATH/my.onnx"), "{file}");
        for name in ["tiles", "tiles@32", "squeezenet1_1@x", "resnet18@224-nothing"] {
            let unknown = message(&options, name, "0123-avx2");
            assert!(unknown.contains(name) && unknown.contains("does not know"), "{unknown}");
        }
    }

    #[test]
    fn squeezenet_takes_no_weights_and_no_normalization() {
        let options = ExtractorOptions { weights: Some("a".into()), ..Default::default() };
        assert!(options.open(true).is_err());
        let options = ExtractorOptions { normalization: Some(Normalization::DIV255), ..Default::default() };
        assert!(options.open(true).is_err());
    }
}
