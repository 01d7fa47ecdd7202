//! `--extractor`: the network that makes the features, from the command line or from a record.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::fetch::{Remote, Timeouts, fetch_file};
use mlprobe_features::{
    EfficientNetLite0, Extractor, ExtractorSettings, Normalization, Pool, Precision, ResNet18, SqueezeNet,
    same_network,
};
use mlprobe_kernels::Isa;

use crate::data::with_bars;
use crate::front;

/// Side in pixels of the images that efficientnet-lite0 is given unless the user says otherwise.
const EFFICIENTNET_INPUT_SIZE: usize = 128;

#[derive(Args, Clone, Default)]
pub struct ExtractorOptions {
    /// Network that makes the features: squeezenet (512 numbers per image) and efficientnet-lite0 (1280, more accurate and
    /// slower) are built in; resnet18 is the original course's, and its weights (47 MB) are fetched once; an ONNX file of your
    /// own needs a program built with `--features onnx` [default: squeezenet]
    #[arg(long, value_name = "squeezenet|efficientnet-lite0|resnet18|PATH.onnx")]
    extractor: Option<Network>,
    /// Side in pixels that images are resized to for the extractor; its time grows with the square
    /// [default: 128 for squeezenet and efficientnet-lite0, 224 for resnet18, 64 for a --quick study; what an ONNX file says, else 224]
    #[arg(long, value_name = "N")]
    input_size: Option<usize>,
    /// How pixels x are scaled: div255 is x/255, as the original course did; imagenet is (x/255 - mean)/deviation, as
    /// most networks were trained; or means and deviations of x/255, as in 0.5,0.5,0.5/0.25,0.25,0.25
    /// [default: div255 for resnet18, imagenet for an ONNX file that takes numbers; the built-in networks have their own]
    #[arg(long, value_name = "div255|imagenet|MEANS/DEVIATIONS")]
    normalization: Option<Normalization>,
    /// Weights of resnet18: any safetensors file with torchvision's tensor names
    /// [default: data/resnet18/model.safetensors, fetched and verified]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Output of an ONNX network that is used as features [default: the first]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// What is made of an output of tokens (N, T, D) of an ONNX network: the first token, or the mean
    #[arg(long, value_name = "cls|mean")]
    pool: Option<Pool>,
}

/// `--precision` of the commands that make features without training.
#[derive(Args, Clone, Copy)]
pub struct PrecisionOption {
    /// Precision of the network's products: bf16 rounds their factors to 8 bits and sums in f32, which is faster where the
    /// processor has instructions for it; bf16x3 splits every factor into three parts, as accurate as f32. Not for an ONNX file
    #[arg(long, value_name = "f32|bf16x3|bf16", default_value_t = Precision::F32)]
    pub precision: Precision,
}

/// The networks there are.
#[derive(Clone, Default)]
pub enum Network {
    #[default]
    SqueezeNet,
    EfficientNetLite0,
    ResNet18,
    Onnx(PathBuf),
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "squeezenet" => Ok(Self::SqueezeNet),
            "efficientnet-lite0" => Ok(Self::EfficientNetLite0),
            "resnet18" => Ok(Self::ResNet18),
            path if path.ends_with(".onnx") => Ok(Self::Onnx(path.into())),
            _ => {
                Err("expected squeezenet, efficientnet-lite0, resnet18 or a file whose name ends in .onnx"
                    .into())
            }
        }
    }
}

impl ExtractorOptions {
    /// Says where things are, and leaves everything else to a record.
    pub fn located(extractor: Option<Network>, weights: Option<PathBuf>) -> Self {
        Self { extractor, weights, ..Self::default() }
    }

    /// The network with its weights, fetched if they have to be, and what the options say in full. `quick` makes images
    /// small unless told otherwise.
    pub fn open(self, quick: bool, precision: Precision) -> Result<(Box<dyn Extractor>, ExtractorSettings)> {
        let Self { extractor, input_size, normalization, weights, output, pool } = self;
        let network = extractor.unwrap_or_default();
        if weights.is_some() && !matches!(network, Network::ResNet18) {
            bail!("--weights is for --extractor resnet18; leave it out");
        }
        if (output.is_some() || pool.is_some()) && !matches!(network, Network::Onnx(_)) {
            bail!("--output and --pool are for --extractor PATH.onnx; leave them out");
        }
        let size = |default: usize| input_size.unwrap_or(if quick { 64 } else { default });
        let settings = match network {
            Network::SqueezeNet | Network::EfficientNetLite0 if normalization.is_some() => {
                bail!("this network has its own normalization; leave --normalization out")
            }
            Network::SqueezeNet => {
                ExtractorSettings::SqueezeNet { input_size: size(SqueezeNet::DEFAULT_INPUT_SIZE), precision }
            }
            Network::EfficientNetLite0 => {
                ExtractorSettings::EfficientNetLite0 { input_size: size(EFFICIENTNET_INPUT_SIZE), precision }
            }
            Network::ResNet18 => ExtractorSettings::ResNet18 {
                input_size: size(ResNet18::DEFAULT_INPUT_SIZE),
                normalization: normalization.unwrap_or(Normalization::DIV255),
                weights: weights.as_deref().map(|path| found("--weights", path)).transpose()?,
                precision,
            },
            Network::Onnx(path) if precision != Precision::F32 => bail!(
                "--precision {precision}: {} is an ONNX network, which is computed in f32: leave --precision out, or use a \
                 network that is built in",
                path.display()
            ),
            Network::Onnx(path) => {
                return open_onnx(found("--extractor", &path)?, input_size, normalization, output, pool);
            }
        };
        Ok((open(&settings)?, settings))
    }

    /// Whether a network was asked for.
    pub fn names_a_network(&self) -> bool {
        self.extractor.is_some()
    }

    /// The extractor of a record; these options only say where its files are now. `fingerprint` is the record's; another one is
    /// refused unless `force` is set.
    pub fn reopen(
        self,
        settings: &ExtractorSettings,
        fingerprint: &str,
        force: bool,
    ) -> Result<Box<dyn Extractor>> {
        let Self { extractor, input_size, normalization, weights, output, pool } = self;
        if output.is_some() || pool.is_some() {
            bail!("the record says which output is used; leave --output and --pool out");
        }
        if input_size.is_some() || normalization.is_some() {
            bail!(
                "the record says how images are resized and scaled; leave --input-size and --normalization out"
            );
        }
        let mut settings = settings.clone();
        match (&mut settings, extractor, weights) {
            (_, None, None) => {}
            (ExtractorSettings::Onnx { path, .. }, Some(Network::Onnx(here)), None) => *path = here,
            (ExtractorSettings::ResNet18 { weights, .. }, None | Some(Network::ResNet18), Some(here)) => {
                *weights = Some(here);
            }
            (ExtractorSettings::SqueezeNet { .. }, Some(Network::SqueezeNet), None)
            | (ExtractorSettings::EfficientNetLite0 { .. }, Some(Network::EfficientNetLite0), None)
            | (ExtractorSettings::ResNet18 { .. }, Some(Network::ResNet18), None) => {}
            _ => bail!(
                "the record names its network; --extractor and --weights only say where its files are now"
            ),
        }
        let extractor = open(&settings)?;
        let actual = extractor.fingerprint();
        if !same_network(&actual, fingerprint) && !force {
            bail!(
                "the features of the record have the fingerprint {fingerprint}, and those of {} here have {actual}: name the \
                 same files with --extractor or --weights; run the command of the record again with this version; or accept \
                 features that differ, with --force",
                extractor.name()
            );
        }
        Ok(extractor)
    }
}

/// The network that settings describe, its weights fetched if they have to be.
pub fn open(settings: &ExtractorSettings) -> Result<Box<dyn Extractor>> {
    Isa::from_env()?;
    match settings {
        ExtractorSettings::SqueezeNet { input_size, precision } => {
            Ok(Box::new(SqueezeNet::new(*input_size)?.in_precision(*precision)))
        }
        ExtractorSettings::EfficientNetLite0 { input_size, precision } => {
            Ok(Box::new(EfficientNetLite0::new(*input_size)?.in_precision(*precision)))
        }
        ExtractorSettings::ResNet18 { input_size, normalization, weights, precision } => {
            let path = match weights {
                Some(path) => path.clone(),
                None => {
                    let path = front::resnet18()?;
                    obtain_weights(&ResNet18::remote(), &path, &Timeouts::default())?;
                    path
                }
            };
            Ok(Box::new(ResNet18::load_in(*precision, path, *input_size, *normalization)?))
        }
        ExtractorSettings::Onnx { path, input_size, normalization, output, pool } => {
            open_onnx(path.clone(), Some(*input_size), *normalization, output.clone(), *pool)
                .map(|(extractor, _)| extractor)
        }
    }
}

/// The whole path of a file that an option names.
pub fn found(option: &str, path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{option} {}: check the path", path.display()))
}

#[cfg(feature = "onnx")]
fn open_onnx(
    path: PathBuf,
    input_size: Option<usize>,
    normalization: Option<Normalization>,
    output: Option<String>,
    pool: Option<Pool>,
) -> Result<(Box<dyn Extractor>, ExtractorSettings)> {
    let options = mlprobe_features::OnnxOptions { input_size, normalization, output: output.clone(), pool };
    let network = mlprobe_features::Onnx::load(&path, options)?;
    let input_size = network.input_size();
    let settings = ExtractorSettings::Onnx { path, input_size, normalization, output, pool };
    Ok((Box::new(network), settings))
}

#[cfg(not(feature = "onnx"))]
fn open_onnx(
    path: PathBuf,
    _: Option<usize>,
    _: Option<Normalization>,
    _: Option<String>,
    _: Option<Pool>,
) -> Result<(Box<dyn Extractor>, ExtractorSettings)> {
    bail!(
        "--extractor {}: this program was built without ONNX; build it with its feature, as in \
         `cargo install --path crates/cli --features onnx`",
        path.display()
    )
}

/// Brings the weights to `path` if they are not there, and verifies them in any case.
fn obtain_weights(remote: &Remote, path: &Path, timeouts: &Timeouts) -> Result<()> {
    let there = path.exists();
    with_bars(|progress| fetch_file(remote, path, timeouts, progress)).with_context(|| {
        if there {
            format!(
                "{} is not the file that {} is. Remove it to fetch it again, or use it as it is with --weights {0}",
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
            assert!(error.contains("Remove it to fetch it again") && error.contains("--weights"), "{error}");
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
    fn an_extractor_is_opened_again_from_its_settings_and_checked_by_its_fingerprint() {
        let network = SqueezeNet::new(32).unwrap();
        let settings = ExtractorSettings::SqueezeNet { input_size: 32, precision: Precision::F32 };
        let options = ExtractorOptions::default();
        let again = options.clone().reopen(&settings, &network.fingerprint(), false).unwrap();
        assert_eq!((again.name(), again.fingerprint()), (network.name(), network.fingerprint()));

        let message = format!("{:#}", options.clone().reopen(&settings, "0123-avx2", false).err().unwrap());
        assert!(message.contains("0123-avx2") && message.contains(&network.fingerprint()), "{message}");
        assert!(message.contains("--force"), "{message}");
        assert!(options.reopen(&settings, "0123-avx2", true).is_ok());
        let other = ExtractorOptions { extractor: Some(Network::ResNet18), ..Default::default() };
        assert!(other.reopen(&settings, &network.fingerprint(), false).is_err());
    }

    #[test]
    fn every_network_but_an_onnx_one_is_opened_in_a_precision() {
        for network in [Network::SqueezeNet, Network::EfficientNetLite0] {
            let options = ExtractorOptions { extractor: Some(network), ..Default::default() };
            let (extractor, settings) = options.open(true, Precision::Bf16).unwrap();
            assert!(extractor.name().ends_with("@64-bf16"), "{}", extractor.name());
            assert_eq!(extractor.settings(), Some(settings));
        }
        let file = tempfile::NamedTempFile::with_suffix(".onnx").unwrap();
        let network = Network::Onnx(file.path().to_owned());
        let options = ExtractorOptions { extractor: Some(network), ..Default::default() };
        let message = options.open(true, Precision::Bf16).err().unwrap().to_string();
        assert!(message.contains("--precision bf16") && message.contains("leave"), "{message}");
    }

    #[test]
    fn squeezenet_takes_no_weights_and_no_normalization() {
        let options = ExtractorOptions { weights: Some("a".into()), ..Default::default() };
        assert!(options.open(true, Precision::F32).is_err());
        let options = ExtractorOptions { normalization: Some(Normalization::DIV255), ..Default::default() };
        assert!(options.open(true, Precision::F32).is_err());
    }
}
