//! `mlprobe similar`: the images most like another one.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_features::FeatureFile;
use mlprobe_features::embed::{Neighbour, extract_files};
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
    let settings = file.settings().with_context(|| {
        let made = file.extractor();
        format!(
            "the features were made by {made}, which is not a network of mlprobe; embed the images with one"
        )
    })?;
    let extractor = options.reopen(settings, file.fingerprint(), false)?;
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
