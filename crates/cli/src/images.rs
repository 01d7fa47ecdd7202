//! `--dataset`: the images that a command works on, known by name or by the content of a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_audit::Kept;
use mlprobe_data::image_folder::OnBroken;
use mlprobe_data::{Dataset, FOLDERS, OpenOptions, Source, cifar10, idx, mini};
use mlprobe_experiments::AuditRecord;
use mlprobe_experiments::settings::Images;

use crate::extractor::found;
use crate::progress::{Bars, Unit, print};
use crate::{data, front};

#[derive(Args)]
pub struct ImageOptions {
    /// Images: cifar10; mini, 3,000 images that come with the repository; auto, which is cifar10, or mini where
    /// cifar10 cannot be fetched; fashion-mnist; or a folder. The folder holds images of any size, one folder per class: DIR/train/CLASS/*
    /// and DIR/test/CLASS/*, or DIR/CLASS/*, of which every sixth becomes a test image. Or it holds the files of
    /// CIFAR-10, CIFAR-100, or MNIST and its like [default: auto, with --quick: mini]
    #[arg(long, value_name = "auto|cifar10|mini|fashion-mnist|DIR")]
    dataset: Option<PathBuf>,
    /// Leave out images that cannot be read, and say which, instead of stopping
    #[arg(long)]
    skip_broken: bool,
    /// A table of the names of images and their labels: CSV, TSV, JSON lines, or lines of a path and a label. Or `folders`, where
    /// tables say one thing and folders another and the folders are right
    #[arg(long, value_name = "FILE|folders")]
    labels: Option<PathBuf>,
    /// The column of labels in the table, if its name does not tell
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// The column of names of images in the table, if its name does not tell
    #[arg(long, value_name = "NAME")]
    image_column: Option<String>,
    /// Keep NA, nan, None, null and the like as classes, where a table has them as labels. Otherwise they are missing values and
    /// their images are left out
    #[arg(long)]
    pub keep_na: bool,
    /// The group of every image, such as a patient or a video. A folder without test images is then divided so that each group is
    /// on one side. For a folder of images, a CSV or TSV table of their names and groups; for other images, and for rows of
    /// features, one group per line: first those of the training set, then those of the test set
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
}

/// The images to work on, and the settings that choose them again.
pub struct Loaded {
    pub dataset: Dataset,
    pub images: Images,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
}

impl ImageOptions {
    /// Whether a data set was named.
    pub fn is_named(&self) -> bool {
        self.dataset.is_some()
    }

    /// Loads the images and says what they are. Those of a folder of images become `side` x `side` pixels.
    pub fn load(self, quick: bool, side: usize) -> Result<Loaded> {
        let Self { dataset, skip_broken, labels, label_column, image_column, keep_na, groups } = self;
        let choice = dataset.unwrap_or_else(|| if quick { "mini" } else { "auto" }.into());
        let groups = groups.map(|path| found("--groups", &path)).transpose()?;
        let images = |dataset: &Path| Images {
            skip_broken,
            labels: labels.clone(),
            label_column: label_column.clone(),
            image_column: image_column.clone(),
            keep_na,
            groups: groups.clone(),
            ..Images::of(dataset)
        };
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
    let named = |mut dataset: Dataset, comparable| {
        if let Some(groups) = &images.groups {
            dataset = dataset.with_groups(groups)?;
        }
        print(dataset.summary());
        let of_tables = [
            ("--labels", images.labels.is_some()),
            ("--label-column", images.label_column.is_some()),
            ("--image-column", images.image_column.is_some()),
            ("--keep-na", images.keep_na),
        ];
        if let Some((option, _)) = of_tables.into_iter().find(|(_, is_given)| *is_given) {
            bail!("{option} is for a folder of images; {} has its own labels", images.dataset.display());
        }
        Ok(Loaded { dataset, images: images.clone(), comparable })
    };
    match images.dataset.to_str() {
        Some("mini") => named(mini::load(front::mini()?)?, false),
        Some("cifar10") => {
            data::fetch_cifar10(None).context(
                "CIFAR-10 cannot be had. Put its files into data/cifar-10-batches-bin, or use --dataset mini",
            )?;
            named(cifar10::load(front::cifar10()?)?, true)
        }
        Some("fashion-mnist") => named(idx::load(fashion_mnist()?)?, false),
        _ => load_folder(images, side),
    }
}

/// The images that are not left out; `None` for all.
pub fn kept(images: &Images, dataset: &Dataset) -> Result<Option<Kept>> {
    let kept = images.without.as_ref().map(|audit| AuditRecord::read(audit)?.kept(dataset));
    kept.transpose().context("--without")
}

/// A folder of the user's. What is there is said before images are decoded, which takes a while, and what turned out after it.
fn load_folder(images: &Images, side: usize) -> Result<Loaded> {
    let folder = &images.dataset;
    if !folder.is_dir() {
        bail!(
            "--dataset {}: expected auto, cifar10, mini, fashion-mnist or a folder; check the path",
            folder.display()
        );
    }
    let images = Images {
        dataset: folder.canonicalize()?,
        labels: images.labels.as_deref().map(whole).transpose()?,
        ..images.clone()
    };
    let on_broken = if images.skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let options = OpenOptions {
        side,
        on_broken,
        labels: images.labels.clone(),
        label_column: images.label_column.clone(),
        image_column: images.image_column.clone(),
        keep_na: images.keep_na,
        groups: images.groups.clone(),
        ..OpenOptions::default()
    };
    let source = Source::find(&images.dataset, &options)?;
    source.summary().iter().for_each(print);
    let bar = (!source.is_empty())
        .then(|| Bars::default().start("reading images", Some(source.len() as u64), Unit::Count("images")));
    let opened = source.open(&|done| bar.iter().for_each(|bar| bar.add(done as u64)));
    drop(bar);
    let (dataset, oddities) = opened.context("Use --skip-broken to leave out images that cannot be read")?;
    if source.is_empty() {
        print(dataset.summary());
    }
    oddities.iter().for_each(|oddity| print(format_args!("  {oddity}")));
    Ok(Loaded { dataset, images, comparable: source.official })
}

/// The whole path of a table of labels; the word for folders as it is.
fn whole(labels: &Path) -> Result<PathBuf> {
    if labels == Path::new(FOLDERS) {
        return Ok(labels.to_owned());
    }
    labels.canonicalize().with_context(|| format!("--labels {}", labels.display()))
}

/// Where Fashion-MNIST is: in our folder of data, or where Debian's package puts it.
fn fashion_mnist() -> Result<PathBuf> {
    let ours = front::data()?.join("fashion-mnist");
    let debian = PathBuf::from("/usr/share/datasets/fashion-mnist");
    let is_there = |dir: &PathBuf| {
        idx::FILES.iter().all(|file| dir.join(file).exists() || dir.join(format!("{file}.gz")).exists())
    };
    match [ours, debian].into_iter().find(is_there) {
        Some(dir) => Ok(dir),
        None => bail!(
            "Fashion-MNIST is not here. On Debian and Ubuntu run `apt-get install dataset-fashion-mnist`; elsewhere \
             put its four files ({}, each with or without .gz) into data/fashion-mnist",
            idx::FILES.join(", ")
        ),
    }
}
