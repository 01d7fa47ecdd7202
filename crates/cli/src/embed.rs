//! `mlprobe embed`: images to features, in a file.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::image_files;
use mlprobe_features::Error;
use mlprobe_features::embed::{Event, OnBroken, embed};

use crate::extractor::{ExtractorOptions, PrecisionOption};
use crate::progress::{Bars, Unit};
use crate::run::Threads;
use crate::{interrupt, output};

/// Turn images into features: one row of an .npy file per image
///
/// A row has 512 numbers with squeezenet and resnet18, and 1280 with efficientnet-lite0. NumPy reads the file.
///
/// Beside FILE.npy stands FILE.jsonl, a manifest with JSON in every line: first the extractor and its fingerprint, then
/// the row, path and size in bytes of each image. Images may have any size: the centre square is taken, and made as large
/// as the extractor wants it.
///
/// Memory does not grow with the number of images, except for the list of their paths. While the work is under way, the names of
/// both files end in .part. Interrupt it at any time; rerunning the same command resumes it and ends with the same bytes.
///
/// One process at a time may write them: it locks the empty file .FILE.npy.lock, which stays beside them and may be removed when
/// no such command is running.
#[derive(Args)]
pub struct Arguments {
    /// Image files (PNG, JPEG, WebP, BMP, GIF, TIFF), and folders, in which all such files are taken, sorted by name
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The file of features to write; its name ends in .npy
    #[arg(long, value_name = "FILE.npy")]
    out: PathBuf,
    /// Leave out images that cannot be read, and name them, instead of stopping at the first
    #[arg(long)]
    skip_broken: bool,
    #[command(flatten)]
    extractor: ExtractorOptions,
    #[command(flatten)]
    precision: PrecisionOption,
    #[command(flatten)]
    threads: Threads,
}

pub fn run(Arguments { paths, out, skip_broken, extractor, precision, threads }: Arguments) -> Result<()> {
    let bars = Bars::default();
    interrupt::listen(bars.clone())?;
    threads.start()?;
    let looking = bars.start("looking for images", None, Unit::Count("images"));
    let files = find(&paths)?;
    drop(looking);
    let (extractor, _) = extractor.open(false, precision.precision)?;
    let label = format!("features by {}", extractor.name());
    let bar = bars.start(&label, Some(files.len() as u64), Unit::Count("images"));
    let on_broken = if skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let embedded = embed(extractor.as_ref(), &files, &out, on_broken, &|event| {
        match event {
            Event::Resumed(0) => {}
            Event::Resumed(count) => {
                bar.add_earlier(count as u64);
                bars.line(format_args!("{count} of {} images were done before.", files.len()));
            }
            Event::Done(count) => bar.add(count as u64),
            Event::Broken(error) => {
                bar.add(1);
                bars.line(format_args!("Skipped: {error}"));
            }
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    drop(bar);
    let embedded = match embedded {
        Err(error @ Error::Broken { .. }) => {
            return Err(error).context("use --skip-broken to go on without images that cannot be read");
        }
        embedded => embedded?,
    };
    let mut said = format!(
        "{}: {} x {} features.\n{} says which row is which image.\n",
        out.display(),
        embedded.rows,
        extractor.dim(),
        out.with_extension("jsonl").display()
    );
    if embedded.broken > 0 {
        said += &format!("{} broken images were left out; the reasons are in it too.\n", embedded.broken);
    }
    output::write(&said)
}

/// The image files at `paths`, one or more.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if let Some(path) = paths.iter().find(|path| !path.exists()) {
        bail!("{} is not there: check the path", path.display());
    }
    let files = image_files::find(paths)?;
    if files.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        bail!(
            "there is no image in {}: expected files whose names end in {}; check the path",
            paths.join(", "),
            image_files::EXTENSIONS.join(", ")
        );
    }
    Ok(files)
}
