//! `mlprobe similar`: the images most like another one.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_features::embed::{Neighbour, extract_files};
use mlprobe_features::{ExtractorSettings, FeatureFile, Normalization};
use serde_json::json;

use crate::embed::find;
use crate::extractor::{ExtractorOptions, Network};
use crate::output;

/// Find the images most like another one
///
/// It searches among the images that `embed` has made features of.
///
/// Similarity is the cosine of the angle between two rows of features: 1 for the same image, near 0 for images with
/// nothing in common. The query's features are made by the network that the manifest names; the others are read from the
/// disk piece by piece, so there may be any number of images.
#[derive(Args)]
pub struct Arguments {
    /// The image to compare with; it need not be among the others
    #[arg(long, value_name = "IMAGE")]
    query: PathBuf,
    /// Features from `embed`, with their manifest beside them
    #[arg(long = "in", value_name = "FILE.npy")]
    features: PathBuf,
    /// How many images to list
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Where the network is, if the manifest names an ONNX file
    #[arg(long, value_name = "PATH.onnx")]
    extractor: Option<Network>,
    /// Where the network's weights are, if it is resnet18 with weights of your own
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
}

pub fn run(Arguments { query, features, top, json, extractor, weights }: Arguments) -> Result<()> {
    let file = FeatureFile::open(features)?;
    let options = ExtractorOptions::located(extractor, weights);
    let settings = named(file.extractor())?;
    let extractor = options.reopen(&settings, file.fingerprint(), false)?;
    let query = find(&[query])?;
    let [query] = &query[..] else { bail!("--query takes one image, and here are {}", query.len()) };
    let row = extract_files(extractor.as_ref(), &[query])?;
    let nearest = file.nearest(row.row(0), top as usize)?;
    if json {
        let images = nearest.iter().map(
            |Neighbour { row, path, similarity }| {
                json!({"row": row, "path": path.to_string_lossy(), "similarity": similarity})
            },
        );
        let images: Vec<_> = images.collect();
        let answer = json!({"query": query, "extractor": extractor.name(), "nearest": images});
        return output::write(&format!("{answer:#}\n"));
    }
    let mut table = format!("similarity  image (of {}, by {})\n", file.rows(), extractor.name());
    for Neighbour { path, similarity, .. } in nearest {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{similarity:>10.4}  {}", path.display());
    }
    output::write(&table)
}

/// The settings of a network that a manifest names, as in `squeezenet1_1@128`.
fn named(name: &str) -> Result<ExtractorSettings> {
    let unknown = || format!("the features were made by {name}, which this version does not know");
    let (network, settings) = name.rsplit_once('@').with_context(unknown)?;
    let (size, normalization) = match settings.split_once('-') {
        Some((size, normalization)) => (size, normalization.parse().with_context(unknown)?),
        None => (settings, Normalization::DIV255),
    };
    let input_size = size.parse().with_context(unknown)?;
    match network {
        "squeezenet1_1" => Ok(ExtractorSettings::SqueezeNet { input_size }),
        "resnet18" => Ok(ExtractorSettings::ResNet18 { input_size, normalization, weights: None }),
        "efficientnet_lite0" => Ok(ExtractorSettings::EfficientNetLite0 { input_size }),
        file if file.ends_with(".onnx") => Ok(ExtractorSettings::Onnx {
            path: file.into(),
            input_size,
            normalization: Some(normalization),
            output: None,
            pool: None,
        }),
        _ => bail!(unknown()),
    }
}
