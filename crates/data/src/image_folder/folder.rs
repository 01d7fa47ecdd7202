//! Image files with labels, before they are decoded.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::arranged::{Arrangement, ByClass};
use super::arrangement::known_classes;
use super::columns::GROUPS;
use super::decode::decode;
use super::matching::Files;
use super::names::look_alike;
use super::table::Table;
use crate::error::first_of;
use crate::folder_tree::{Entry, Folder};
use crate::groups::{on_both_sides, split_by_group};
use crate::random::Random;
use crate::split::{choose, share_of};
use crate::summary::{Oddity, Summary};
use crate::{Dataset, Error, Result};

/// Image files with their classes, for training and for testing. Nothing is decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    /// The set's name.
    pub name: String,
    /// The classes' names, sorted; label `k` means `classes[k]`. Bytes that are not UTF-8 are written as `\xe9`.
    pub classes: Vec<String>,
    /// Training files with their labels.
    pub train: Vec<(PathBuf, u16)>,
    /// Test files with their labels.
    pub test: Vec<(PathBuf, u16)>,
    /// The group of every file; empty where none were named.
    groups: BTreeMap<PathBuf, String>,
    /// The folder that the files are named relative to in a [`Dataset`].
    root: PathBuf,
    /// What a user may not expect of the names.
    oddities: Vec<Oddity>,
}

/// How images are divided if none are set aside for testing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The share of each class that becomes test images, rounded to the nearest image: above 0 and below 1. A class
    /// keeps at least one training image, and of two or more gives at least one.
    pub test: f64,
    /// Chooses the images: those of class k are shuffled by stream k of this seed with the purpose `split`. Where images have
    /// groups, it chooses among groups: [`split_by_group`].
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

/// Labels are of 16 bits.
const MOST_CLASSES: usize = 1 << 16;

impl ImageFolder {
    /// The images of an `arrangement` found below `root`, with the groups that the table `groups` names.
    pub(crate) fn new(
        name: String,
        root: &Folder,
        arrangement: Arrangement,
        split: Split,
        groups: Option<&Path>,
    ) -> Result<Self> {
        if !(split.test > 0.0 && split.test < 1.0) {
            let expected = "a share of test images above 0 and below 1";
            return Err(Error::argument("Split", expected, split.test.to_string()));
        }
        let known = known_classes(&arrangement);
        let Arrangement { train, test, empty, tables, mut oddities } = arrangement;
        if let Some(test) = &test {
            all_known(&root.path, &known, test)?;
        }
        let groups = match groups {
            Some(path) => {
                groups_of(path, root, train.values().chain(test.iter().flat_map(ByClass::values)).flatten())?
            }
            None => BTreeMap::new(),
        };
        if test.is_some() || !groups.is_empty() {
            oddities.retain(|oddity| !matches!(oddity, Oddity::Grouped { .. }));
        }
        let (train, test) = match test {
            Some(test) => (train, test),
            None if groups.is_empty() => divide(train, split),
            None => divide_by_group(train, &groups, split)?,
        };
        let classes: BTreeSet<&String> = train.keys().chain(test.keys()).collect();
        let classes: Vec<String> = classes.into_iter().cloned().collect();
        let refused = |expected: String, actual: String| {
            Err(Error::Layout { dir: root.path.clone(), expected, actual })
        };
        if !(2..=MOST_CLASSES).contains(&classes.len()) {
            return refused(
                "2 to 65,536 classes".into(),
                format!("{} ({})", classes.len(), first_of(&classes)),
            );
        }
        let labelled = |files: &ByClass| -> Vec<(PathBuf, u16)> {
            let labels = (0..=u16::MAX).zip(&classes);
            labels
                .flat_map(|(k, class)| files.get(class).into_iter().flatten().map(move |f| (f.clone(), k)))
                .collect()
        };
        let (train, test) = (labelled(&train), labelled(&test));
        if train.is_empty() || test.is_empty() {
            return refused("training and test images".into(), format!("{} and {}", train.len(), test.len()));
        }
        let crossing = on_both_sides(
            &[&train, &test].map(|files| group_names(&groups, files.iter().map(|(file, _)| file))),
        );
        if !crossing.is_empty() {
            oddities.push(Oddity::GroupsOnBothSides(crossing));
        }
        let all: Vec<&String> = classes.iter().collect();
        if let Some([one, other]) = look_alike(&all, &all) {
            oddities.push(Oddity::Alike([one.clone(), other.clone()]));
        }
        let files = train.iter().chain(&test).map(|(file, _)| file).chain(&tables);
        let used: HashSet<&Path> = files.chain(&empty).map(PathBuf::as_path).collect();
        let mut unused = Vec::new();
        add_unused(root, &used, &mut unused);
        let lists = [Oddity::NotUsed(unused), Oddity::EmptyClasses(empty)];
        oddities.extend(lists.into_iter().filter(|oddity| oddity.count() > 0));
        Ok(Self { name, classes, train, test, groups, root: root.path.clone(), oddities })
    }

    /// Counts classes and images, and says what is odd about them, as far as names tell.
    pub fn summary(&self) -> Summary {
        let labels = |files: &[(PathBuf, u16)]| files.iter().map(|&(_, label)| label).collect::<Vec<u16>>();
        let mut summary =
            Summary::count(&self.name, &self.classes, &labels(&self.train), &labels(&self.test));
        summary.oddities.extend(self.oddities.iter().cloned());
        summary
    }

    /// Decodes all images, on the threads of the current rayon pool, to `side` x `side` pixels
    /// ([`crate::image_files::to_square`]). Memory is that of the result and of one image per thread. Also returns why
    /// images were left out, one error for each. `progress` is told, from any thread, how many images have just been done.
    ///
    /// # Errors
    /// [`Error::BrokenImages`] with [`OnBroken::Refuse`], or if no training or no test image is left; [`Error::Argument`]
    /// for a side outside 1..=65535, or images that do not fit into memory.
    pub fn load(
        &self,
        side: usize,
        on_broken: OnBroken,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Dataset, Vec<Error>)> {
        self.load_until(side, on_broken, progress, &AtomicBool::new(false))
    }

    /// As [`load`](Self::load), unless `stop` is set before it is done: [`Error::Stopped`].
    pub(crate) fn load_until(
        &self,
        side: usize,
        on_broken: OnBroken,
        progress: &(dyn Fn(usize) + Sync),
        stop: &AtomicBool,
    ) -> Result<(Dataset, Vec<Error>)> {
        let mut broken = Vec::new();
        let (train, of_train) = decode(&self.train, side, &mut broken, progress, stop)?;
        let (test, of_test) = decode(&self.test, side, &mut broken, progress, stop)?;
        let refused = on_broken == OnBroken::Refuse && !broken.is_empty();
        if refused || train.is_empty() || test.is_empty() {
            return Err(Error::BrokenImages { broken, total: self.train.len() + self.test.len() });
        }
        let mut dataset = Dataset::new(self.name.clone(), self.classes.clone(), train, test)?;
        dataset.groups = [&of_train, &of_test].map(|files| group_names(&self.groups, files.iter()));
        let relative = |file: PathBuf| file.strip_prefix(&self.root).map_or(file.clone(), Path::to_owned);
        dataset.files = [of_train, of_test].map(|files| files.into_iter().map(relative).collect());
        Ok((dataset, broken))
    }
}

/// Checks that the training set has the classes of the test set: a model cannot know others.
fn all_known(dir: &Path, train: &BTreeSet<String>, test: &ByClass) -> Result<()> {
    let unknown: Vec<&String> = test.keys().filter(|class| !train.contains(*class)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let train: Vec<&String> = train.iter().collect();
    let is_number = |class: &&String| class.bytes().all(|byte| byte.is_ascii_digit());
    let is_numbered = unknown.iter().all(is_number) && !train.iter().any(is_number);
    let numbers = is_numbered.then(|| {
        "; it has numbers where the training set has names: write the names in its table".to_owned()
    });
    let hint = look_alike(&unknown, &train)
        .map(|[one, other]| format!("; '{one}' and '{other}' differ only in case or Unicode normalisation"))
        .or(numbers);
    let test: Vec<&String> = test.keys().collect();
    Err(Error::unknown_classes(dir, &unknown, &train, &test, &hint.unwrap_or_default()))
}

/// Divides every class into training and test files, both in their old order.
fn divide(classes: ByClass, split: Split) -> (ByClass, ByClass) {
    let (mut train, mut test) = (ByClass::new(), ByClass::new());
    for (k, (class, files)) in classes.into_iter().enumerate() {
        let wanted = if files.len() < 2 { 0 } else { share_of(files.len(), split.test) };
        let mut random = Random::new(split.seed, b"split", k as u64);
        let chosen: BTreeSet<usize> = choose(files.len(), wanted, &mut random).into_iter().collect();
        let (of_test, of_train): (Vec<_>, Vec<_>) =
            files.into_iter().enumerate().partition(|(i, _)| chosen.contains(i));
        let files = |part: Vec<(usize, PathBuf)>| part.into_iter().map(|(_, file)| file).collect();
        train.insert(class.clone(), files(of_train));
        test.insert(class, files(of_test));
    }
    (train, test)
}

/// Divides the files by groups, so that none is on both sides and the shares of the classes fit as well as they can.
fn divide_by_group(
    classes: ByClass,
    groups: &BTreeMap<PathBuf, String>,
    split: Split,
) -> Result<(ByClass, ByClass)> {
    let (names, files): (Vec<String>, Vec<Vec<PathBuf>>) = classes.into_iter().unzip();
    let labels = (0..=u16::MAX).zip(&files).flat_map(|(k, files)| files.iter().map(move |_| k));
    let labels: Vec<u16> = labels.collect();
    let files: Vec<PathBuf> = files.into_iter().flatten().collect();
    let (train, test) = split_by_group(&labels, &group_names(groups, &files), 1.0 - split.test, split.seed)?;
    let part = |rows: Vec<usize>| {
        let mut part = ByClass::new();
        for row in rows {
            let class = names[usize::from(labels[row])].clone();
            part.entry(class).or_default().push(files[row].clone());
        }
        part
    };
    Ok((part(train), part(test)))
}

/// The groups of `files`, which are all named in the table `path`, as are no files but those below `root`.
fn groups_of<'a>(
    path: &Path,
    root: &Folder,
    files: impl Iterator<Item = &'a PathBuf>,
) -> Result<BTreeMap<PathBuf, String>> {
    let refused = |expected, actual| Err(Error::Groups { path: path.to_owned(), expected, actual });
    let (images, _) = root.all_files();
    let table = Table::read(path, &Files::new(&images), &GROUPS)?;
    if !table.unknown.is_empty() {
        let expected = format!("images in {}, each with a group", root.path.display());
        return refused(expected, format!("'{}', without an image or a group", first_of(&table.unknown)));
    }
    let groups: BTreeMap<PathBuf, String> =
        table.values.into_iter().map(|(image, said)| (images[image].clone(), said.value)).collect();
    let without: Vec<String> =
        files.filter(|file| !groups.contains_key(*file)).map(|file| file.display().to_string()).collect();
    if !without.is_empty() {
        return refused("a group for every image".into(), format!("none for {}", first_of(&without)));
    }
    Ok(groups)
}

/// The groups of these files; none where there are no groups.
fn group_names<'a>(
    groups: &BTreeMap<PathBuf, String>,
    files: impl IntoIterator<Item = &'a PathBuf>,
) -> Vec<String> {
    files.into_iter().filter_map(|file| groups.get(file).cloned()).collect()
}

/// Adds files and folders that hold nothing `used`; of a folder, not what is in it. Returns whether `folder` holds
/// anything used.
fn add_unused(folder: &Folder, used: &HashSet<&Path>, unused: &mut Vec<PathBuf>) -> bool {
    let mut any = false;
    for entry in &folder.entries {
        let before = unused.len();
        let (path, is_used) = match entry {
            Entry::Image(path) | Entry::Other(path) => (path, used.contains(path.as_path())),
            Entry::Folder(inner) => {
                (&inner.path, used.contains(inner.path.as_path()) || add_unused(inner, used, unused))
            }
        };
        if !is_used {
            unused.truncate(before);
            unused.push(path.clone());
        }
        any |= is_used;
    }
    any
}
