//! Data sets of image files in folders: `DIR/train/CLASS/*` and `DIR/test/CLASS/*`, or `DIR/CLASS/*`, which is split
//! (feature `images`).
//!
//! [`ImageFolder::open`] looks at names alone, so that a user sees what is there before work starts;
//! [`ImageFolder::load`] decodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array4;
use rayon::prelude::*;

use crate::random::Random;
use crate::split::choose;
use crate::summary::{Oddity, Summary};
use crate::{Dataset, Error, LabelledImages, Result, image_files};

/// Image files with their classes, for training and for testing. Nothing is decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    /// The folder's name.
    pub name: String,
    /// The classes' names, sorted; label `k` means `classes[k]`.
    pub classes: Vec<String>,
    /// Training files with their labels.
    pub train: Vec<(PathBuf, u16)>,
    /// Test files with their labels.
    pub test: Vec<(PathBuf, u16)>,
    oddities: Vec<Oddity>,
}

/// How a folder without `test` is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The share of every class that becomes test images, rounded to the nearest image: above 0 and below 1. A class
    /// keeps at least one training image, and of two or more gives at least one.
    pub test: f64,
    /// Chooses the images: those of class k are shuffled by the stream k of this seed with the purpose `split`.
    pub seed: u64,
}

impl Default for Split {
    /// A sixth for testing, as in CIFAR-10; seed 0.
    fn default() -> Self {
        Self { test: 1.0 / 6.0, seed: 0 }
    }
}

/// What to do about an image that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBroken {
    /// Fail, and say which images are broken.
    #[default]
    Refuse,
    /// Leave it out, and say so.
    Skip,
}

impl ImageFolder {
    /// Looks for classes and their images in `dir`.
    ///
    /// With a folder `train` in it and one called `test` (else `val`, `valid` or `validation`), the folders in these two
    /// are the classes. Otherwise the folders in `dir` are, and `split` divides them. A class is known by its folder's
    /// name, and has all image files below it ([`image_files::find`]).
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] for a folder that is not there or cannot be read; [`Error::Layout`] unless
    /// there are 2 to 65,536 classes, training images and test images; [`Error::Argument`] for a split that is no share.
    ///
    /// ```no_run
    /// use mlprobe_data::image_folder::{ImageFolder, OnBroken, Split};
    ///
    /// let folder = ImageFolder::open("photos", Split::default())?;
    /// println!("{}", folder.summary());
    /// let (dataset, broken) = folder.load(128, OnBroken::Skip, &|_done| ())?;
    /// println!("{} images, {} broken ones left out", dataset.train.len() + dataset.test.len(), broken.len());
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn open(dir: impl AsRef<Path>, split: Split) -> Result<Self> {
        let dir = dir.as_ref();
        if !(split.test > 0.0 && split.test < 1.0) {
            return Err(Error::argument(
                "Split",
                "a share of test images above 0 and below 1",
                split.test.to_string(),
            ));
        }
        let mut odd = Odd::default();
        let (train, test) = match parts(dir)? {
            Some([train, test]) => {
                odd.unused.extend(children(dir)?.into_iter().filter(|path| *path != train && *path != test));
                (files_by_class(&train, &mut odd)?, files_by_class(&test, &mut odd)?)
            }
            None => divide(files_by_class(dir, &mut odd)?, split),
        };
        let classes: BTreeSet<&String> = train.keys().chain(test.keys()).collect();
        let classes: Vec<String> = classes.into_iter().cloned().collect();
        let layout = |expected: &str, actual: String| {
            Err(Error::Layout { dir: dir.to_owned(), expected: expected.to_owned(), actual })
        };
        if !(2..=65_536).contains(&classes.len()) {
            return layout("2 to 65,536 folders with images, one a class", classes.len().to_string());
        }
        let labelled = |files: BTreeMap<String, Vec<PathBuf>>| -> Vec<(PathBuf, u16)> {
            let labels = (0..=u16::MAX).zip(&classes);
            labels
                .flat_map(|(label, class)| {
                    files.get(class).into_iter().flatten().map(move |f| (f.clone(), label))
                })
                .collect()
        };
        let (train, test) = (labelled(train), labelled(test));
        if train.is_empty() || test.is_empty() {
            return layout("training and test images", format!("{} and {}", train.len(), test.len()));
        }
        let name = dir.canonicalize().map_err(Error::io("look at", dir))?;
        let name =
            name.file_name().map_or_else(|| "images".into(), |name| name.to_string_lossy().into_owned());
        Ok(Self { name, classes, train, test, oddities: odd.into_oddities() })
    }

    /// Classes, images, and what is odd, as far as names tell.
    pub fn summary(&self) -> Summary {
        let labels = |files: &[(PathBuf, u16)]| files.iter().map(|&(_, label)| label).collect::<Vec<u16>>();
        let mut summary = Summary::new(&self.name, &self.classes, &labels(&self.train), &labels(&self.test));
        summary.oddities.extend(self.oddities.iter().cloned());
        summary
    }

    /// Decodes all images, on the threads of the current rayon pool, to `side` x `side` pixels
    /// ([`image_files::to_square`]); memory is that of the result and of an image a thread. Also returns why images were
    /// left out, one error each. `progress` is told, from any thread, how many images have just been done.
    ///
    /// # Errors
    /// [`Error::BrokenImages`] with [`OnBroken::Refuse`], or if no training or no test image is left; [`Error::Argument`]
    /// for a side outside of 1..=65535, or images that memory does not hold.
    pub fn load(
        &self,
        side: usize,
        on_broken: OnBroken,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Dataset, Vec<Error>)> {
        let mut broken = Vec::new();
        let mut read = |files| read_part(files, side, &mut broken, progress);
        let (train, test) = (read(&self.train)?, read(&self.test)?);
        let total = self.train.len() + self.test.len();
        let refused = on_broken == OnBroken::Refuse && !broken.is_empty();
        if refused || train.is_empty() || test.is_empty() {
            return Err(Error::BrokenImages { broken, total });
        }
        Ok((Dataset::new(self.name.clone(), self.classes.clone(), train, test)?, broken))
    }
}

/// Names of folders with test images.
const TEST: [&str; 4] = ["test", "val", "valid", "validation"];

/// The folders of training and of test images, if `dir` has them.
fn parts(dir: &Path) -> Result<Option<[PathBuf; 2]>> {
    let train = dir.join("train");
    if !train.is_dir() {
        return Ok(None);
    }
    match TEST.iter().map(|name| dir.join(name)).find(|test| test.is_dir()) {
        Some(test) => Ok(Some([train, test])),
        None => Err(Error::Layout {
            dir: dir.to_owned(),
            expected: format!("a folder test (or {}) beside train", TEST[1..].join(", ")),
            actual: format!("train alone, which can be split: name {} instead", train.display()),
        }),
    }
}

/// What belongs to no class.
#[derive(Default)]
struct Odd {
    unused: Vec<PathBuf>,
    empty: Vec<PathBuf>,
}

impl Odd {
    fn into_oddities(self) -> Vec<Oddity> {
        let mut oddities = Vec::new();
        if !self.unused.is_empty() {
            oddities.push(Oddity::NotUsed(self.unused));
        }
        if !self.empty.is_empty() {
            oddities.push(Oddity::EmptyClasses(self.empty));
        }
        oddities
    }
}

/// Files and folders in `dir`, sorted, without those whose names begin with a dot.
fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut children = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let entry = entry.map_err(Error::io("read", dir))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            children.push(entry.path());
        }
    }
    children.sort();
    Ok(children)
}

/// The images below every folder in `dir`, by the folder's name.
fn files_by_class(dir: &Path, odd: &mut Odd) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut classes = BTreeMap::new();
    for path in children(dir)? {
        if !path.is_dir() {
            odd.unused.push(path);
            continue;
        }
        let (images, others) = image_files::walk(&path)?;
        odd.unused.extend(others);
        match path.file_name() {
            Some(name) if !images.is_empty() => {
                classes.insert(name.to_string_lossy().into_owned(), images);
            }
            _ => odd.empty.push(path),
        }
    }
    Ok(classes)
}

type ByClass = BTreeMap<String, Vec<PathBuf>>;

/// Divides every class into training and test files, both in their old order.
fn divide(classes: ByClass, split: Split) -> (ByClass, ByClass) {
    let (mut train, mut test) = (ByClass::new(), ByClass::new());
    for (k, (class, files)) in classes.into_iter().enumerate() {
        let n = files.len();
        let wanted = ((n as f64 * split.test).round() as usize).max(1).min(n - 1);
        let mut random = Random::new(split.seed, b"split", k as u64);
        let chosen: BTreeSet<usize> = choose(n, wanted, &mut random).into_iter().collect();
        let (mut of_train, mut of_test) = (Vec::new(), Vec::new());
        for (i, file) in files.into_iter().enumerate() {
            if chosen.contains(&i) { of_test.push(file) } else { of_train.push(file) }
        }
        train.insert(class.clone(), of_train);
        test.insert(class, of_test);
    }
    (train, test)
}

/// Decodes `files` to images (N, side, side, 3); those that cannot be read are left out and go to `broken`.
fn read_part(
    files: &[(PathBuf, u16)],
    side: usize,
    broken: &mut Vec<Error>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<LabelledImages> {
    let refused = |actual: String| {
        let expected = "images that fit into memory, of a side in 1..=65535";
        Error::argument("ImageFolder::load", expected, format!("{} of side {side}: {actual}", files.len()))
    };
    let image = side.checked_pow(2).and_then(|square| square.checked_mul(3)).unwrap_or(0);
    if image == 0 {
        return Err(refused("no pixels".into()));
    }
    let total = image.checked_mul(files.len()).ok_or_else(|| refused("too much".into()))?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(total).map_err(|e| refused(e.to_string()))?;
    pixels.resize(total, 0);
    let outcomes: Vec<Result<()>> = pixels
        .par_chunks_exact_mut(image)
        .zip(files)
        .map(|(out, (path, _))| {
            let square = image_files::read(path).and_then(|image| image_files::to_square(image.view(), side));
            progress(1);
            out.iter_mut().zip(&square?).for_each(|(to, &from)| *to = from);
            Ok(())
        })
        .collect();
    let mut labels = Vec::with_capacity(files.len());
    for (i, (outcome, &(_, label))) in outcomes.into_iter().zip(files).enumerate() {
        match outcome {
            Ok(()) => {
                // Closes the gaps that broken images leave.
                pixels.copy_within(i * image..(i + 1) * image, labels.len() * image);
                labels.push(label);
            }
            Err(error) => broken.push(error),
        }
    }
    pixels.truncate(labels.len() * image);
    let images =
        Array4::from_shape_vec((labels.len(), side, side, 3), pixels).map_err(|e| refused(e.to_string()))?;
    LabelledImages::new(images, labels)
}
