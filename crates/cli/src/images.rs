//! `--dataset`: the images that a command works on, known by name or by the content of a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_data::image_folder::{ImageFolder, OnBroken, Split};
use mlprobe_data::summary::Oddity;
use mlprobe_data::{Dataset, Layout, cifar10, cifar100, idx, mini};
use mlprobe_experiments::settings::Images;

use crate::progress::{Bars, Unit, print};
use crate::{data, front};

#[derive(Args)]
pub struct ImageOptions {
    /// Images: cifar10; mini, 3,000 images that come with the repository; auto, cifar10 if it can be had and mini
    /// otherwise; fashion-mnist; or a folder. The folder holds images of any size, one folder per class: DIR/train/CLASS/*
    /// and DIR/test/CLASS/*, or DIR/CLASS/*, of which every sixth becomes a test image. Or it holds the files of
    /// CIFAR-10, CIFAR-100, or MNIST and its like [default: auto, with --quick: mini]
    #[arg(long, value_name = "auto|cifar10|mini|fashion-mnist|DIR")]
    dataset: Option<PathBuf>,
    /// Leave out images that cannot be read, and say which, instead of stopping
    #[arg(long)]
    skip_broken: bool,
}

/// The images to work on, and the settings that choose them again.
pub struct Loaded {
    pub dataset: Dataset,
    pub images: Images,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
}

impl ImageOptions {
    /// Loads the images and says what they are. Those of a folder of images become `side` x `side` pixels.
    pub fn load(self, quick: bool, side: usize) -> Result<Loaded> {
        let choice = self.dataset.unwrap_or_else(|| if quick { "mini" } else { "auto" }.into());
        let images = |dataset: &Path| Images { dataset: dataset.to_owned(), skip_broken: self.skip_broken };
        if choice.as_os_str() != "auto" {
            return load(&images(&choice), side);
        }
        load(&images(Path::new("cifar10")), side).or_else(|error| {
            print(format_args!(
                "\n*** CIFAR-10 cannot be had, so the mini set is used.      ***\n\
                 *** Its figures are not comparable with published ones. ***\n\n{error:#}\n"
            ));
            load(&images(Path::new("mini")), side)
        })
    }
}

/// The images of these settings.
pub fn load(images: &Images, side: usize) -> Result<Loaded> {
    let loaded = |dataset: Dataset, comparable| {
        print(dataset.summary());
        Ok(Loaded { dataset, images: images.clone(), comparable })
    };
    match images.dataset.to_str() {
        Some("mini") => loaded(mini::load(front::mini()?)?, false),
        Some("cifar10") => {
            data::fetch_cifar10(None).context(
                "CIFAR-10 cannot be had. Put its files into data/cifar-10-batches-bin, or use --dataset mini",
            )?;
            loaded(cifar10::load(front::cifar10()?)?, true)
        }
        Some("fashion-mnist") => loaded(idx::load(fashion_mnist()?)?, false),
        _ => {
            let folder = &images.dataset;
            if !folder.is_dir() {
                bail!(
                    "--dataset {}: expected auto, cifar10, mini, fashion-mnist or a folder; check the path",
                    folder.display()
                );
            }
            let folder = folder.canonicalize()?;
            let images = Images { dataset: folder.clone(), skip_broken: images.skip_broken };
            if Layout::of(&folder)? == Layout::Images {
                let on_broken = if images.skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
                return Ok(Loaded { dataset: load_images(&folder, side, on_broken)?, images, comparable: false });
            }
            let (dataset, comparable) = load_files(&folder)?;
            print(dataset.summary());
            Ok(Loaded { dataset, images, comparable })
        }
    }
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
    print(&before);
    let total = folder.train.len() + folder.test.len();
    let bar = Bars::default().start("reading images", Some(total as u64), Unit::Count("images"));
    let loaded = folder.load(side, on_broken, &|done| bar.add(done as u64));
    drop(bar);
    let (dataset, broken) =
        loaded.context("Use --skip-broken to go on without images that cannot be read")?;
    if !broken.is_empty() {
        print(format_args!("  {}", Oddity::Broken(broken.iter().map(ToString::to_string).collect())));
    }
    for oddity in dataset.summary().oddities {
        if !before.oddities.contains(&oddity) {
            print(format_args!("  {oddity}"));
        }
    }
    Ok(dataset)
}

/// Where Fashion-MNIST is: in our folder of data, or where Debian's package puts it.
fn fashion_mnist() -> Result<PathBuf> {
    let ours = front::data()?.join("fashion-mnist");
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
