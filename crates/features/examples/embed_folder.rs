//! The features of every image below a folder, in an `.npy` file; and for the first of them the images most like it.
//!
//! ```text
//! cargo run --release -p mlprobe-features --features images --example embed_folder -- FOLDER features.npy
//! ```
//!
//! Stopped, by a kill or otherwise, and started again, it continues from there.

use std::env;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_data::image_files;
use mlprobe_features::embed::{Event, OnBroken, embed, extract_files};
use mlprobe_features::{FeatureFile, SqueezeNet};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, out] = &arguments[..] else { return Err("expected a folder and a file.npy".into()) };
    let files = image_files::find([folder])?;
    let network = SqueezeNet::new(SqueezeNet::DEFAULT_INPUT_SIZE)?;

    let done = AtomicUsize::new(0);
    let embedded = embed(&network, &files, out, OnBroken::Skip, &|event| {
        match event {
            Event::Resumed(count) | Event::Done(count) => {
                let done = done.fetch_add(count, Ordering::Relaxed) + count;
                eprint!("\r{done} of {} images", files.len());
            }
            Event::Broken(error) => eprintln!("\n{error}"),
        }
        ControlFlow::Continue(())
    })?;
    println!("\n{} rows of 512 numbers in {}", embedded.rows, out.display());

    // The first image that is not broken.
    let Some(query) = files.iter().find_map(|file| extract_files(&network, &[file]).ok()) else {
        return Ok(());
    };
    for neighbour in FeatureFile::open(out)?.nearest(query.row(0), 5)? {
        println!("{:.4}  {}", neighbour.similarity, neighbour.path.display());
    }
    Ok(())
}
