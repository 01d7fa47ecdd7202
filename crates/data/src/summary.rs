//! What a data set consists of, and what is odd about it, in a few lines.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::groups::on_both_sides;
use crate::{Dataset, LabelledImages};

/// A data set in numbers. Displayed, it is a few lines: images, classes, and one line for each oddity.
///
/// ```
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// let summary = mlprobe_data::mini::load(dir)?.summary();
/// assert_eq!(
///     summary.to_string(),
///     "cifar10-mini: 2000 training and 1000 test images in 10 classes, each with 200 and 100",
/// );
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The set's name.
    pub name: String,
    /// The classes in the order of their labels.
    pub classes: Vec<ClassCount>,
    /// What a user may not expect. Often there is nothing.
    pub oddities: Vec<Oddity>,
}

/// How many images a class has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCount {
    /// The class's name.
    pub name: String,
    /// Its training images.
    pub train: usize,
    /// Its test images.
    pub test: usize,
}

/// Something about a data set that its user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The images are in this folder, and not directly in the one that was named.
    FoundIn(PathBuf),
    /// The test images are those of this folder, because no folder called test has images of the training classes.
    Test(PathBuf),
    /// The labels come from this table.
    Labels(PathBuf),
    /// A table has labels for images that do not exist, or rows without a label.
    NoImage {
        /// The table.
        table: PathBuf,
        /// The names in it.
        names: Vec<String>,
    },
    /// Images are left out because a table's label for them stands for a missing value.
    NoLabel {
        /// The table.
        table: PathBuf,
        /// The names in it, with what stands for their labels.
        names: Vec<(String, String)>,
    },
    /// Names in a table are those of images only if the case of letters, zeros before numbers, and folders of another machine do
    /// not count.
    Matched {
        /// The table.
        table: PathBuf,
        /// How many names.
        names: usize,
        /// One of them and its image.
        example: (String, PathBuf),
    },
    /// A file divides the images into training and test images.
    Divided {
        /// The file, or the first of the files.
        file: PathBuf,
        /// Its column that does.
        column: Option<String>,
        /// The number of validation images, and whether they are the test images. Otherwise they are left out.
        validation: Option<(usize, bool)>,
    },
    /// A column of a table is called as one that divides the images, and does not.
    NoPart {
        /// The table.
        table: PathBuf,
        /// The column.
        column: String,
        /// What is in it.
        value: String,
    },
    /// A column of the table of labels seems to name groups, such as patients, that a division at random does not keep together.
    Grouped {
        /// The table.
        table: PathBuf,
        /// The column.
        column: String,
    },
    /// Lists of training and test images that do not divide them, since they have some images on both sides.
    Contradicting(Vec<PathBuf>),
    /// This folder counts as a class, although it is named like a part of a data set.
    ClassLikePart(PathBuf),
    /// Two classes whose names differ only in case or Unicode normalisation.
    Alike([String; 2]),
    /// Files and folders without images, and images without a class.
    NotUsed(Vec<PathBuf>),
    /// Folders among the classes that have no image. They are not classes.
    EmptyClasses(Vec<PathBuf>),
    /// Images that could not be read, each with the reason.
    Broken(Vec<String>),
    /// Classes with test images only: no model can learn them.
    Untrained(Vec<String>),
    /// Classes with training images only.
    Untested(Vec<String>),
    /// Groups that have both training and test images: a test image is then less new than it looks.
    GroupsOnBothSides(Vec<String>),
    /// Test images with the same pixels as a training image: a model may have memorised them.
    Leaked {
        /// How many test images.
        images: usize,
        /// How many of them have another label than each of their twins.
        contradicted: usize,
        /// A test image and its twin in the training set, by number.
        example: (usize, usize),
    },
}

impl Summary {
    /// Counts the images of each class, and finds the classes that lack training or test images.
    pub(crate) fn count(name: &str, classes: &[String], train: &[u16], test: &[u16]) -> Self {
        let count = |labels: &[u16]| {
            let mut counts = vec![0; classes.len()];
            labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
            counts
        };
        let (train, test) = (count(train), count(test));
        let classes: Vec<ClassCount> = classes
            .iter()
            .zip(train.into_iter().zip(test))
            .map(|(name, (train, test))| ClassCount { name: name.clone(), train, test })
            .collect();
        let names = |which: fn(&ClassCount) -> bool| -> Vec<String> {
            classes.iter().filter(|class| which(class)).map(|class| class.name.clone()).collect()
        };
        let oddities = [
            Oddity::Untrained(names(|class| class.train == 0)),
            Oddity::Untested(names(|class| class.test == 0 && class.train > 0)),
        ];
        let oddities = oddities.into_iter().filter(|oddity| oddity.count() > 0).collect();
        Self { name: name.to_owned(), classes, oddities }
    }
}

impl Dataset {
    /// Counts classes and images, and finds what is odd: classes that lack training or test images, and test images
    /// that are training images too, by the SHA-256 of their pixels, and groups on both sides.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::count(&self.name, &self.classes, &self.train.labels, &self.test.labels);
        let crossing = on_both_sides(&self.groups);
        summary.oddities.extend((!crossing.is_empty()).then_some(Oddity::GroupsOnBothSides(crossing)));
        summary.oddities.extend(leaked(&self.train, &self.test));
        summary
    }
}

fn leaked(train: &LabelledImages, test: &LabelledImages) -> Option<Oddity> {
    let digests = |set: &LabelledImages| -> Vec<[u8; 32]> {
        let images: Vec<_> = set.images.outer_iter().collect();
        let digest = |image: &ndarray::ArrayView3<u8>| match image.as_slice() {
            Some(pixels) => Sha256::digest(pixels).into(),
            None => Sha256::digest(image.iter().copied().collect::<Vec<u8>>()).into(),
        };
        images.par_iter().map(digest).collect()
    };
    let mut twins: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    for (i, digest) in digests(train).into_iter().enumerate() {
        twins.entry(digest).or_default().push(i);
    }
    let found: Vec<(usize, &Vec<usize>)> =
        digests(test).iter().enumerate().filter_map(|(i, digest)| Some((i, twins.get(digest)?))).collect();
    let &(first, of_first) = found.first()?;
    let contradicted =
        found.iter().filter(|(i, twins)| twins.iter().all(|&twin| train.labels[twin] != test.labels[*i]));
    Some(Oddity::Leaked {
        images: found.len(),
        contradicted: contradicted.count(),
        example: (first, of_first[0]),
    })
}

/// With more classes than this, or equally many images in each, a range is shown instead of a table.
const TABLE: usize = 20;
/// How many examples one line has.
const EXAMPLES: usize = 5;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, classes, oddities } = self;
        let sum = |part: fn(&ClassCount) -> usize| classes.iter().map(part).sum::<usize>();
        let (train, test) = (sum(|class| class.train), sum(|class| class.test));
        write!(f, "{name}: {train} training and {test} test images in {} classes", classes.len())?;
        let range = |part: fn(&ClassCount) -> usize| {
            let counts = || classes.iter().map(part);
            (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
        };
        match (range(|class| class.train), range(|class| class.test)) {
            ((a, b), (c, d)) if (a, c) == (b, d) => write!(f, ", each with {a} and {c}")?,
            ((a, b), (c, d)) if classes.len() > TABLE => {
                write!(f, ", each with {a} to {b} and {c} to {d}")?;
            }
            _ => {
                let width = classes.iter().map(|class| class.name.chars().count()).max().unwrap_or(0).max(5);
                write!(f, "\n  {:<width$} {:>8} {:>8}", "class", "training", "test")?;
                for ClassCount { name, train, test } in classes {
                    write!(f, "\n  {name:<width$} {train:>8} {test:>8}")?;
                }
            }
        }
        oddities.iter().try_for_each(|oddity| write!(f, "\n  {oddity}"))
    }
}

impl Oddity {
    /// How many files, images or classes it is about.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::FoundIn(_) | Self::Test(_) | Self::Labels(_) | Self::ClassLikePart(_) | Self::Alike(_) => 1,
            Self::Divided { .. } | Self::NoPart { .. } | Self::Grouped { .. } => 1,
            Self::NoImage { names, .. } => names.len(),
            Self::NoLabel { names, .. } => names.len(),
            Self::Matched { names, .. } => *names,
            Self::NotUsed(paths) | Self::EmptyClasses(paths) | Self::Contradicting(paths) => paths.len(),
            Self::Broken(list)
            | Self::Untrained(list)
            | Self::Untested(list)
            | Self::GroupsOnBothSides(list) => list.len(),
            Self::Leaked { images, .. } => *images,
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        let things = |one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        match self {
            Self::FoundIn(dir) => write!(f, "the images are in {}", dir.display()),
            Self::Test(dir) => write!(f, "the test images are those in {}", dir.display()),
            Self::Labels(path) => write!(f, "the labels come from {}", path.display()),
            Self::NoLabel { table, names } => {
                let things = things("image whose label", "images whose labels");
                let examples: Vec<String> = names
                    .iter()
                    .take(EXAMPLES + 1)
                    .map(|(name, label)| format!("{name} ('{label}')"))
                    .collect();
                let verb = if count == 1 { "is" } else { "are" };
                write!(
                    f,
                    "not used: {things} in {} {verb} missing: {}. ",
                    table.display(),
                    listed(&examples)
                )?;
                f.write_str("If this names a class, keep it (--keep-na)")
            }
            Self::Matched { table, example: (name, image), .. } => {
                let things = things("name", "names");
                write!(
                    f,
                    "{things} in {} matched without regard to case, leading zeros or folders elsewhere: for example '{name}' is {}",
                    table.display(),
                    image.display()
                )
            }
            Self::Divided { file, column, validation } => {
                f.write_str("training and test images are those of ")?;
                column.iter().try_for_each(|column| write!(f, "the column '{column}' of "))?;
                write!(f, "{}", file.display())?;
                match validation {
                    Some((number, true)) => write!(f, "; its {number} validation images are the test images"),
                    Some((number, false)) => write!(f, "; its {number} validation images are not used"),
                    None => Ok(()),
                }
            }
            Self::NoPart { table, column, value } => {
                let table = table.display();
                write!(
                    f,
                    "the column '{column}' of {table} does not say what is for training: it has '{value}' and the like"
                )
            }
            Self::Grouped { table, column } => {
                let table = table.display();
                write!(
                    f,
                    "images are divided at random, whatever the column '{column}' of {table} says. Images that belong together \
                     stay on one side with --labels {table} --groups {table}"
                )
            }
            Self::Contradicting(paths) => {
                write!(
                    f,
                    "lists of training and test images are not used, since an image is in both: {}",
                    paths_listed(paths)
                )
            }
            Self::NoImage { table, names } => {
                let things = things("row of", "rows of");
                write!(
                    f,
                    "not used: {things} {}, without an image or a label: {}",
                    table.display(),
                    listed(names)
                )
            }
            Self::ClassLikePart(dir) => {
                write!(f, "{} counts as a class, because it has no folders of classes", dir.display())
            }
            Self::Alike([one, other]) => {
                write!(f, "the classes '{one}' and '{other}' differ only in case or Unicode normalisation")
            }
            Self::NotUsed(paths) => {
                let things = things("file or folder", "files or folders");
                write!(f, "not used: {things} without images or class: {}", paths_listed(paths))
            }
            Self::EmptyClasses(paths) => {
                write!(
                    f,
                    "not used: {} without an image: {}",
                    things("class", "classes"),
                    paths_listed(paths)
                )
            }
            Self::Broken(reasons) => {
                write!(f, "left out: {}:", things("broken image", "broken images"))?;
                reasons.iter().try_for_each(|reason| write!(f, "\n    {reason}"))
            }
            Self::Untrained(names) => {
                let things = things("class has", "classes have");
                write!(f, "{things} no training image and cannot be learned: {}", listed(names))
            }
            Self::Untested(names) => {
                write!(f, "{} no test image: {}", things("class has", "classes have"), listed(names))
            }
            Self::GroupsOnBothSides(names) => {
                let things = things("group has", "groups have");
                write!(f, "{things} both training and test images: {}", listed(names))
            }
            Self::Leaked { contradicted, example: (test, train), .. } => {
                let things = things("test image is a training image", "test images are training images");
                write!(
                    f,
                    "{things} too ({contradicted} under another class): for example test image {test}, "
                )?;
                write!(f, "which is training image {train}")
            }
        }
    }
}

fn paths_listed(paths: &[PathBuf]) -> String {
    listed(&paths.iter().take(EXAMPLES + 1).map(|path| path.display().to_string()).collect::<Vec<_>>())
}

fn listed(names: &[String]) -> String {
    let more = if names.len() > EXAMPLES { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(EXAMPLES)].join(", "))
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn dataset(train: &[(u8, u16)], test: &[(u8, u16)]) -> Dataset {
        let part = |images: &[(u8, u16)]| {
            let pixels = Array4::from_shape_fn((images.len(), 2, 2, 3), |(i, ..)| images[i].0);
            LabelledImages::new(pixels, images.iter().map(|&(_, label)| label).collect()).unwrap()
        };
        let classes = ["cat", "dog", "owl"].map(String::from).to_vec();
        Dataset::new("pets", classes, part(train), part(test)).unwrap()
    }

    #[test]
    fn twins_of_training_images_among_test_images_are_counted() {
        // (pixel, label): the test images 1, 2 and 3 have twins; that of 2 has another label.
        let set = dataset(&[(9, 0), (8, 1), (7, 2), (7, 0)], &[(1, 0), (9, 0), (8, 2), (7, 0)]);
        let leaked = Oddity::Leaked { images: 3, contradicted: 1, example: (1, 0) };
        let summary = set.summary();
        assert_eq!(summary.oddities, [Oddity::Untested(vec!["dog".into()]), leaked]);
        let text = summary.to_string();
        assert!(text.contains("3 test images are training images too (1 under another class)"), "{text}");
        assert!(text.contains("test image 1, which is training image 0"), "{text}");
    }

    #[test]
    fn a_class_without_training_images_is_named() {
        let summary = dataset(&[(9, 0), (8, 1)], &[(1, 0), (2, 2), (3, 1)]).summary();
        assert_eq!(summary.oddities, [Oddity::Untrained(vec!["owl".into()])]);
        assert!(summary.to_string().contains("1 class has no training image"), "{summary}");
    }

    #[test]
    fn unequal_classes_are_a_table() {
        let text =
            dataset(&[(9, 0), (8, 1), (7, 2), (6, 2)], &[(1, 0), (2, 2), (3, 1)]).summary().to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0][..5], ["pets:", "4", "training", "and", "3"]);
        assert_eq!(lines[2..], [["cat", "1", "1"], ["dog", "1", "1"], ["owl", "2", "1"]]);
    }
}
