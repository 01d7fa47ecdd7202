//! `--dataset`: the images that a command works on, known by name or by a folder's content, and summed up.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::image_folder::{ImageFolder, OnBroken, Split};
use mlprobe_data::summary::Oddity;
use mlprobe_data::{Dataset, Layout, cifar10, cifar100, idx, mini};
use mlprobe_experiments::About;

use crate::progress::{Bars, Unit};
use crate::shell::{quoted, words};
use crate::{data, paths};

#[derive(Args)]
pub struct ImageOptions {
    /// Images: cifar10; mini, 3,000 images that come with the repository; auto, cifar10 if it can be had and mini
    /// otherwise; fashion-mnist; or a folder. The folder holds images of any size, one folder a class: DIR/train/CLASS/*
    /// and DIR/test/CLASS/*, or DIR/CLASS/*, of which every sixth becomes a test image. Or it holds the files of
    /// CIFAR-10, CIFAR-100, or MNIST and its like [default: auto, with --quick: mini]
    #[arg(long, value_name = "auto|cifar10|mini|fashion-mnist|DIR")]
    dataset: Option<String>,
    /// Leave out images that cannot be read, and say which, instead of stopping
    #[arg(long)]
    skip_broken: bool,
}

/// The images to work on, and how the command line names them.
pub struct Images {
    pub dataset: Dataset,
    /// The options that choose them again, with a space before each.
    pub option: String,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
}

impl ImageOptions {
    /// Loads the images and says what they are. Those of a folder of images become `side` x `side` pixels.
    pub fn load(self, quick: bool, side: usize) -> Result<Images> {
        let choice = self.dataset.unwrap_or_else(|| if quick { "mini" } else { "auto" }.to_owned());
        let on_broken = if self.skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
        load(&choice, side, on_broken)
    }
}

/// The images that a record is about, loaded as its command says; `None`, with the reason on standard error, if they are
/// not there any more or have changed.
pub fn of_record(about: &About) -> Option<Dataset> {
    let words = words(&about.command);
    let value = |option: &str| words.iter().skip_while(|word| *word != option).nth(1);
    let choice = value("--dataset").map_or("", String::as_str);
    // Only folders of images are resized.
    let side = value("--input-size").and_then(|side| side.parse().ok()).unwrap_or(0);
    let on_broken =
        if words.iter().any(|w| w == "--skip-broken") { OnBroken::Skip } else { OnBroken::Refuse };
    let reason = match load(choice, side, on_broken) {
        Ok(Images { dataset, .. }) if dataset.test.digest() == about.dataset.test_digest => {
            return Some(dataset);
        }
        Ok(_) => "they have changed since".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    eprintln!("The page will show no images of {}: {reason}.", about.dataset.name);
    None
}

fn load(choice: &str, side: usize, on_broken: OnBroken) -> Result<Images> {
    let (dataset, option, comparable) = match choice {
        "auto" => {
            return load("cifar10", side, on_broken).or_else(|error| {
                eprintln!(
                    "\n*** CIFAR-10 cannot be had: going on with the mini set. ***\n\
                     *** Its figures are not comparable with published ones.  ***\n\n{error:#}\n"
                );
                load("mini", side, on_broken)
            });
        }
        "mini" => (mini::load(paths::mini())?, choice.to_owned(), false),
        "cifar10" => {
            data::fetch_cifar10(None).context(
                "CIFAR-10 cannot be had. Put its files into data/cifar-10-batches-bin, or use --dataset mini",
            )?;
            (cifar10::load(paths::cifar10())?, choice.to_owned(), true)
        }
        "fashion-mnist" => (idx::load(fashion_mnist()?)?, choice.to_owned(), false),
        folder => {
            let folder = Path::new(folder);
            if !folder.is_dir() {
                bail!(
                    "--dataset {}: expected auto, cifar10, mini, fashion-mnist or a folder; check the path",
                    folder.display()
                );
            }
            let folder = folder.canonicalize()?;
            let option = quoted(&folder.display().to_string());
            if Layout::of(&folder)? == Layout::Images {
                let dataset = load_images(&folder, side, on_broken)?;
                let skip = if on_broken == OnBroken::Skip { " --skip-broken" } else { "" };
                return Ok(Images {
                    dataset,
                    option: format!(" --dataset {option}{skip}"),
                    comparable: false,
                });
            }
            let (dataset, comparable) = load_files(&folder)?;
            (dataset, option, comparable)
        }
    };
    eprintln!("{}", dataset.summary());
    Ok(Images { dataset, option: format!(" --dataset {option}"), comparable })
}

/// A folder of the user's with the files of a set that is known, named after the folder where its content is not.
fn load_files(folder: &Path) -> Result<(Dataset, bool)> {
    let layout = Layout::of(folder)?;
    let comparable =
        layout == Layout::Cifar10 && cifar10::verify(folder).iter().all(|file| file.outcome.is_ok());
    let mut dataset = match layout {
        Layout::Mini => mini::load(folder),
        Layout::Cifar100 => cifar100::load(folder),
        Layout::Idx => idx::load(folder),
        _ => cifar10::load(folder),
    }?;
    if !comparable && !matches!(dataset.name.as_str(), "cifar100" | "fashion-mnist") {
        dataset.name = folder.file_name().map_or("images".into(), |name| name.to_string_lossy().into_owned());
    }
    Ok((dataset, comparable))
}

/// Folders of images: what is there is said before decoding, which takes a while, and what turned out after it.
fn load_images(folder: &Path, side: usize, on_broken: OnBroken) -> Result<Dataset> {
    let folder = ImageFolder::open(folder, Split::default())?;
    let before = folder.summary();
    eprintln!("{before}");
    let total = folder.train.len() + folder.test.len();
    let bar = Bars::default().start("reading images", Some(total as u64), Unit::Count("images"));
    let loaded = folder.load(side, on_broken, &|done| bar.add(done as u64));
    drop(bar);
    let (dataset, broken) =
        loaded.context("Use --skip-broken to go on without images that cannot be read")?;
    if !broken.is_empty() {
        eprintln!("  {}", Oddity::Broken(broken.iter().map(ToString::to_string).collect()));
    }
    for oddity in dataset.summary().oddities {
        if !before.oddities.contains(&oddity) {
            eprintln!("  {oddity}");
        }
    }
    Ok(dataset)
}

/// Where Fashion-MNIST is: in our folder of data, or where Debian's package puts it.
fn fashion_mnist() -> Result<PathBuf> {
    let ours = paths::root().join("data/fashion-mnist");
    let debian = PathBuf::from("/usr/share/datasets/fashion-mnist");
    let is_there = |dir: &PathBuf| matches!(Layout::of(dir), Ok(Layout::Idx));
    match [ours, debian].into_iter().find(is_there) {
        Some(dir) => Ok(dir),
        None => bail!(
            "Fashion-MNIST is not here. On Debian and Ubuntu run `apt-get install dataset-fashion-mnist`; elsewhere \
             put its four files ({}, each with or without .gz) into data/fashion-mnist",
            idx::FILES.join(", ")
        ),
    }
}
