//! `cargo xtask embed`: images to features, in a file.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::image_files;
use mlprobe_features::Error;
use mlprobe_features::embed::{Event, OnBroken, embed};
use rayon::ThreadPoolBuilder;

use crate::extractor::ExtractorOptions;
use crate::interrupt;
use crate::progress::{Bars, Unit};

/// Writes the features of images to an .npy file, which NumPy reads: a row for each image, of 512 numbers with squeezenet
/// and resnet18.
///
/// Beside FILE.npy stands FILE.jsonl, a manifest with JSON in every line: first the extractor and its fingerprint, then
/// the row, path and size in bytes of each image. Images may have any size: the centre square is taken, and made as large
/// as the extractor wants it.
///
/// Memory does not grow with the number of images, but for the list of their paths. While the work is under way both files
/// end in .part. Stopped or killed, it goes on where it was when the same command is started again, and ends with the same
/// bytes.
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
    /// Threads; the features are the same for any number [default: one a core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

pub fn run(Arguments { paths, out, skip_broken, extractor, threads }: Arguments) -> Result<()> {
    let bars = Bars::default();
    interrupt::listen(bars.clone())?;
    ThreadPoolBuilder::new().num_threads(threads).build_global().context("starting worker threads")?;
    let looking = bars.start("looking for images", None, Unit::Count("images"));
    let files = find(&paths)?;
    drop(looking);
    let extractor = extractor.open(false)?.extractor;
    let label = format!("features by {}", extractor.name());
    let bar = bars.start(&label, Some(files.len() as u64), Unit::Count("images"));
    let on_broken = if skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let embedded = embed(extractor.as_ref(), &files, &out, on_broken, &|event| {
        match event {
            Event::Resumed(0) => {}
            Event::Resumed(count) => {
                bar.add_earlier(count as u64);
                bars.line(format_args!("Done before: {count} of {} images.", files.len()));
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
    println!("{}: {} x {} features.", out.display(), embedded.rows, extractor.dim());
    println!("{} says which row is which image.", out.with_extension("jsonl").display());
    if embedded.broken > 0 {
        println!("Left out as broken, with the reason in it: {}.", embedded.broken);
    }
    Ok(())
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
