//! A data set in a folder, whatever its layout (feature `images`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::folder_tree::{Entry, Folder};
use crate::image_folder::{
    Arrangement, ImageFolder, LABELS, OnBroken, Split, Wanted, arrangement, divide_as_listed, listed, text_of,
};
use crate::layout::Layout;
use crate::summary::{ClassCount, Oddity, Summary};
use crate::{Dataset, Error, Result, cifar10, cifar100, idx, mini};

/// As [`OpenOptions::labels`]: the classes are folders.
pub const FOLDERS: &str = "folders";

/// How a folder is opened. Only [`Layout::Images`] needs any of it but the groups.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Height and width to which images are cut and resized, in pixels.
    pub side: usize,
    /// What to do about an image that cannot be read.
    pub on_broken: OnBroken,
    /// How images are divided if none are set aside for testing.
    pub split: Split,
    /// A table of the images' names and labels (CSV, TSV, JSON lines, or lines of a path and a label); or [`FOLDERS`], where
    /// folders are the classes whatever tables say. `None` to find out.
    pub labels: Option<PathBuf>,
    /// The header of the column of labels; one of the usual ones if `None`.
    pub label_column: Option<String>,
    /// The header of the column with the names of images; one of the usual ones if `None`.
    pub image_column: Option<String>,
    /// Whether labels in a table that stand for a missing value ([`crate::missing::is_missing`]) are classes. Otherwise their
    /// images are left out.
    pub keep_na: bool,
    /// The group of every image, such as a patient or a video. For images that are files, a table (CSV or TSV) of their names
    /// and groups: where they are divided, a group stays on one side. For other layouts, one group per line, first those of
    /// the training images, then those of the test images.
    pub groups: Option<PathBuf>,
}

impl Default for OpenOptions {
    /// 128 x 128 pixels; broken images are refused; a sixth for testing, seed 0.
    fn default() -> Self {
        Self {
            side: 128,
            on_broken: OnBroken::default(),
            split: Split::default(),
            labels: None,
            label_column: None,
            image_column: None,
            keep_na: false,
            groups: None,
        }
    }
}

/// A data set that was found and is not loaded yet.
///
/// ```no_run
/// use mlprobe_data::{OpenOptions, Source};
///
/// let source = Source::find("photos", &OpenOptions { side: 224, ..OpenOptions::default() })?;
/// if let Some(summary) = source.summary() {
///     println!("{summary}"); // before images are decoded
/// }
/// let (dataset, oddities) = source.open(&|_images_done| ())?;
/// oddities.iter().for_each(|oddity| println!("{oddity}"));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    /// The layout.
    pub layout: Layout,
    /// The folder that has it: the one that was named, or one in it.
    pub dir: PathBuf,
    /// Whether these are the official files of CIFAR-10, so that results can be compared with published ones.
    pub official: bool,
    name: String,
    images: Option<ImageFolder>,
    side: usize,
    on_broken: OnBroken,
    groups: Option<PathBuf>,
    oddities: Vec<Oddity>,
    stop: Arc<AtomicBool>,
}

impl Source {
    /// Looks for a data set in the folder `path`: image files ([`crate::image_folder`]), or the files of CIFAR-10,
    /// CIFAR-100, MNIST and its like, or the mini set. If it is not there, the folders below are searched. Where folders of
    /// classes lie beside such files, the images count.
    ///
    /// Images are not decoded yet.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] for a folder that cannot be read; [`Error::Layout`] if there is no data set, or
    /// more than one, or images whose classes are unclear; [`Error::UnknownClasses`] if the test images have a class that
    /// the training images have not; [`Error::Table`] for a table of labels that cannot be used; [`Error::Groups`] for groups that
    /// do not fit the images; [`Error::Argument`] for a
    /// split that is no share.
    ///
    /// ```
    /// use mlprobe_data::{Layout, OpenOptions, Source};
    ///
    /// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
    /// assert_eq!(Source::find(dir, &OpenOptions::default())?.layout, Layout::Mini);
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn find(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        if path.is_file() {
            let expected = "a folder with a data set";
            return Err(nothing(path, expected, "a file. Unpack it if it is an archive".into()));
        }
        let mut root = Folder::scan(path)?;
        if let Some(groups) = &options.groups {
            root.forget(groups); // it is no table of labels
        }
        let by_folders = options.labels.as_deref() == Some(Path::new(FOLDERS));
        let wanted = Wanted {
            column: options.label_column.as_deref(),
            names: options.image_column.as_deref(),
            keep_na: options.keep_na,
            by_folders,
            ..LABELS
        };
        let mut found = match &options.labels {
            Some(table) if !by_folders => match listed(&root, table, &wanted)? {
                Some(images) => Candidate::Images(path.to_owned(), Box::new(images)),
                None => return Err(nothing(path, "images with labels", "none".into())),
            },
            _ => only(path, &root, &wanted)?,
        };
        if let Candidate::Images(_, images) = &mut found
            && !images.is_divided()
        {
            divide_as_listed(&root, images);
        }
        let dir = match &found {
            Candidate::Images(dir, _) | Candidate::Files(_, dir) | Candidate::Python(dir) => dir.clone(),
        };
        let inner = (dir != path).then(|| Oddity::FoundIn(dir.clone()));
        let mut source = Self {
            layout: Layout::Images,
            name: name_of(path)?,
            official: false,
            images: None,
            side: options.side,
            on_broken: options.on_broken,
            groups: options.groups.clone(),
            oddities: inner.into_iter().collect(),
            stop: Arc::default(),
            dir,
        };
        match found {
            Candidate::Images(_, mut images) => {
                images.oddities.splice(0..0, source.oddities.drain(..));
                source.images = Some(ImageFolder::new(
                    source.name.clone(),
                    &root,
                    *images,
                    options.split,
                    options.groups.as_deref(),
                )?);
            }
            Candidate::Files(layout, _) => {
                source.layout = layout;
                source.name = name_of(&source.dir)?;
                source.official = layout == Layout::Cifar10
                    && cifar10::verify(&source.dir).iter().all(|file| file.outcome.is_ok());
            }
            Candidate::Python(_) => {
                return Err(Error::PythonVersion { path: source.dir });
            }
        }
        Ok(source)
    }

    /// The images and classes, and what is odd about them, as far as names tell. `None` unless the layout is
    /// [`Layout::Images`]: other files are counted when they are loaded.
    pub fn summary(&self) -> Option<Summary> {
        self.images.as_ref().map(ImageFolder::summary)
    }

    /// How many images will be decoded: 0 unless the layout is [`Layout::Images`].
    pub fn len(&self) -> usize {
        self.images.as_ref().map_or(0, |images| images.train.len() + images.test.len())
    }

    /// Whether nothing will be decoded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The image files, if the layout is [`Layout::Images`].
    pub fn images(&self) -> Option<&ImageFolder> {
        self.images.as_ref()
    }

    /// Another thread may set `stop` while images are decoded: [`open`](Self::open) then begins no further image, and ends with
    /// [`Error::Stopped`].
    pub fn until(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    /// Loads the data set. Also returns what is odd about it and not in the [`summary`](Self::summary) already: images left
    /// out, test images that are training images too. `progress` is told, from any thread, how many images have just been
    /// decoded.
    ///
    /// # Errors
    /// As [`ImageFolder::load`], or the function `load` of the layout's module; [`Error::UnknownClasses`] if no test image
    /// has a class of the training images.
    pub fn open(&self, progress: &(dyn Fn(usize) + Sync)) -> Result<(Dataset, Vec<Oddity>)> {
        let mut oddities = self.oddities.clone();
        let mut dataset = match (&self.images, self.layout) {
            (Some(images), _) => {
                let (dataset, broken) = images.load_until(self.side, self.on_broken, progress, &self.stop)?;
                if !broken.is_empty() {
                    oddities.push(Oddity::Broken(broken.iter().map(ToString::to_string).collect()));
                }
                some_class_is_common(&self.dir, &dataset)?;
                let known = images.summary().oddities;
                oddities
                    .extend(dataset.summary().oddities.into_iter().filter(|oddity| !known.contains(oddity)));
                return Ok((dataset, oddities));
            }
            (None, Layout::Mini) => mini::load(&self.dir),
            (None, Layout::Cifar100) => cifar100::load(&self.dir),
            (None, Layout::Idx) => idx::load(&self.dir),
            (None, Layout::Cifar10 | Layout::Images) => cifar10::load(&self.dir),
        }?;
        // These names say which images there are; other files are named after their folder.
        if !self.official && !matches!(dataset.name.as_str(), "cifar100" | "fashion-mnist") {
            dataset.name.clone_from(&self.name);
        }
        some_class_is_common(&self.dir, &dataset)?;
        if let Some(groups) = &self.groups {
            dataset = dataset.with_groups(groups)?;
        }
        oddities.extend(dataset.summary().oddities);
        Ok((dataset, oddities))
    }
}

impl Dataset {
    /// Opens the data set in the folder `path`, as [`Source::find`] and [`Source::open`] do with the default
    /// [`OpenOptions`]: image files become 128 x 128 pixels.
    ///
    /// # Errors
    /// Those of [`Source::find`] and [`Source::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Source::find(path, &OpenOptions::default())?.open(&|_| ())?.0)
    }
}

/// A data set somewhere below a folder.
enum Candidate {
    Images(PathBuf, Box<Arrangement>),
    Files(Layout, PathBuf),
    /// The Python version of CIFAR.
    Python(PathBuf),
}

/// The only data set in `root` or below.
fn only(path: &Path, root: &Folder, wanted: &Wanted) -> Result<Candidate> {
    let mut found = candidates(root, &[], wanted)?;
    if found.iter().any(|candidate| !matches!(candidate, Candidate::Python(_))) {
        found.retain(|candidate| !matches!(candidate, Candidate::Python(_)));
    }
    let expected = "two or more folders of images, one per class, possibly in train and test; images and a table (CSV) of \
                    their names and labels; the binary files of CIFAR-10 or CIFAR-100; or four IDX files such as MNIST's";
    match found.len() {
        0 => Err(nothing(path, expected, contents(root))),
        1 => Ok(found.remove(0)),
        n => {
            let list = |candidate: &Candidate| match candidate {
                Candidate::Images(dir, _) => format!("images in {}", dir.display()),
                Candidate::Files(layout, dir) => format!("{layout} in {}", dir.display()),
                Candidate::Python(dir) => format!("a Python version in {}", dir.display()),
            };
            let first: Vec<String> = found.iter().take(5).map(list).collect();
            let more = if n > 5 { ", ..." } else { "" };
            Err(nothing(
                path,
                "one data set",
                format!("{n}: {}{more}. Name one of these folders", first.join(", ")),
            ))
        }
    }
}

/// The data set in `dir`, or those below it if there is none.
fn candidates(dir: &Folder, above: &[&Folder], wanted: &Wanted) -> Result<Vec<Candidate>> {
    let outcome = match arrangement(dir, above, wanted) {
        Ok(Some(images)) => return Ok(vec![Candidate::Images(dir.path.clone(), Box::new(images))]),
        outcome => outcome.map(drop),
    };
    if let Some(layout) = Layout::of_files(&dir.path) {
        return Ok(vec![Candidate::Files(layout, dir.path.clone())]);
    }
    if Layout::is_python_cifar(&dir.path) {
        return Ok(vec![Candidate::Python(dir.path.clone())]);
    }
    let mut found = Vec::new();
    let mut first_error = None;
    let above = [above, &[dir]].concat();
    for inner in dir.folders() {
        match candidates(inner, &above, wanted) {
            Ok(inner) => found.extend(inner),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (outcome, first_error) {
        // Pictures beside a data set of another layout are no second one.
        (Err(error), _) => {
            found.retain(|candidate| matches!(candidate, Candidate::Files(..)));
            if found.is_empty() { Err(error) } else { Ok(found) }
        }
        (Ok(()), Some(error)) if found.is_empty() => Err(error),
        (Ok(()), _) => Ok(found),
    }
}

/// Checks that a model can know the class of some test image.
fn some_class_is_common(dir: &Path, dataset: &Dataset) -> Result<()> {
    let summary =
        Summary::count(&dataset.name, &dataset.classes, &dataset.train.labels, &dataset.test.labels);
    if summary.classes.iter().any(|class| class.train > 0 && class.test > 0) {
        return Ok(());
    }
    let names = |has: fn(&ClassCount) -> bool| -> Vec<String> {
        summary.classes.iter().filter(|class| has(class)).map(|class| class.name.clone()).collect()
    };
    let test = names(|class| class.test > 0);
    Err(Error::unknown_classes(dir, &test, &names(|class| class.train > 0), &test, ""))
}

/// What is in a folder without a data set.
fn contents(root: &Folder) -> String {
    let (images, others) = root.all_files();
    let mut endings: Vec<String> = others
        .iter()
        .map(|path| {
            path.extension().map_or_else(|| "no ending".into(), |ending| format!(".{}", text_of(ending)))
        })
        .collect();
    endings.sort_unstable();
    endings.dedup();
    let is_archive =
        |ending: &String| [".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"].contains(&ending.as_str());
    let unpack = if endings.iter().any(is_archive) { ". Unpack the archive" } else { "" };
    let endings = if endings.is_empty() { String::new() } else { format!(" ({})", endings.join(", ")) };
    format!(
        "{} images, {} other files{endings} and {} folders{unpack}",
        images.len(),
        others.len(),
        root.entries.iter().filter(|entry| matches!(entry, Entry::Folder(_))).count()
    )
}

/// What a folder is called, also one that is named `.` or `..`; torchvision keeps files in `MNIST/raw`.
fn name_of(path: &Path) -> Result<String> {
    let whole = path.canonicalize().map_err(Error::io("look at", path))?;
    let names: Vec<String> = whole.iter().rev().take(2).map(text_of).collect();
    Ok(match &names[..] {
        [name, parent] if name == "raw" => parent.clone(),
        [name, _] => name.clone(),
        _ => "images".into(),
    })
}

fn nothing(path: &Path, expected: &str, actual: String) -> Error {
    Error::Layout { dir: path.to_owned(), expected: expected.to_owned(), actual }
}
