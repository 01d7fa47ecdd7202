//! `audit.html` and `audit.md`: the findings of an audit with their images, and the verdict with and without the rows left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use mlprobe_audit::{CERTAIN, Counts, SUREST};
use mlprobe_data::{Dataset, LabelledImages};
use ndarray::Axis;
use serde::Serialize;

use super::format::thousands;
use super::pictures::{Picture, data_uri};
use super::templates::render;
use crate::analysis::answers::Answer;
use crate::auditing::{AuditRecord, Verdicts};
use crate::error::{Error, Result};

/// The most findings of a kind that are shown: the page stays small, and `audit.json` has all of them.
const PAIRS: usize = 24;
const DOUBTS: usize = 48;
const GROUPS: usize = 12;

/// What the page of an audit is made of.
#[derive(Clone, Copy, Debug)]
pub struct AuditPage<'a> {
    /// What was found.
    pub record: &'a AuditRecord,
    /// The images that it was found in; without them the page has numbers and names only.
    pub dataset: Option<&'a Dataset>,
    /// The command that computes the verdict without the rows left out.
    pub command: Option<&'a str>,
}

/// Everything that the templates tell.
#[derive(Serialize)]
struct Model<'a> {
    record: &'a AuditRecord,
    /// What a row is: an image or a row.
    item: &'static str,
    counts: Counts,
    left_out: Counts,
    certain: f64,
    surest: f64,
    pairs: Vec<Pair>,
    doubts: Vec<Doubt>,
    groups: Vec<Group<'a>>,
    train_only: Vec<String>,
    test_only: Vec<String>,
    /// Names of the classes of one training row.
    single: Vec<String>,
    answers: Vec<Row<'a>>,
    /// How many answers differ.
    changed: usize,
    command: Option<&'a str>,
}

/// A test row and the training row that is most like it.
#[derive(Serialize)]
struct Pair {
    test: Picture,
    train: Picture,
    similarity: f64,
    is_left_out: bool,
}

/// A training row whose label is doubtful.
#[derive(Serialize)]
struct Doubt {
    image: Picture,
    given: String,
    suggested: String,
    confidence: f64,
    is_left_out: bool,
}

/// A group on both sides, with its first image on each.
#[derive(Serialize)]
struct Group<'a> {
    group: &'a str,
    train_rows: usize,
    test_rows: usize,
    test: Option<Picture>,
    train: Option<Picture>,
}

/// One question, answered from all rows and without those left out.
#[derive(Serialize)]
struct Row<'a> {
    with_all: &'a Answer,
    without: &'a Answer,
    differs: bool,
}

impl AuditPage<'_> {
    /// `audit.html`: one file that needs no network and no script.
    ///
    /// # Errors
    /// [`Error::Argument`] if the images are not those of the record; [`Error::Rendering`], which no record that this crate made
    /// should cause.
    pub fn render(&self) -> Result<String> {
        self.filled("audit.html")
    }

    /// `audit.md`.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn markdown(&self) -> Result<String> {
        self.filled("audit.md")
    }

    /// A few lines for a terminal.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn summary(&self) -> Result<String> {
        self.filled("audit.txt")
    }

    fn filled(&self, template: &'static str) -> Result<String> {
        #[derive(Serialize)]
        struct Whole<'a> {
            m: Model<'a>,
        }
        render(template, &Whole { m: self.model()? })
    }

    fn model(&self) -> Result<Model<'_>> {
        let Self { record, command, .. } = *self;
        let AuditRecord { audit, left_out, with_all, without, .. } = record;
        let mut tested = BTreeSet::new();
        let best = audit.duplicates.iter().filter(|pair| tested.insert(pair.test)).take(PAIRS);
        let pair = |pair: &mlprobe_audit::Pair| {
            Ok(Pair {
                test: self.test(pair.test)?,
                train: self.train(pair.train)?,
                similarity: pair.similarity,
                is_left_out: left_out.test.contains(&pair.test),
            })
        };
        let doubt = |suspect: &mlprobe_audit::Suspect| {
            Ok(Doubt {
                image: self.train(suspect.row)?,
                given: self.class(suspect.given),
                suggested: self.class(suspect.suggested),
                confidence: suspect.confidence,
                is_left_out: left_out.train.contains(&suspect.row),
            })
        };
        let answers = with_all.iter().zip(without).flat_map(|(all, without)| side_by_side(all, without));
        let answers: Vec<Row<'_>> = answers.collect();
        let names = |classes: &[u16]| classes.iter().map(|&class| self.class(class)).collect();
        Ok(Model {
            record,
            item: if record.about.extractor.is_some() { "image" } else { "row" },
            counts: audit.counts(),
            left_out: audit.surest().counts(),
            certain: CERTAIN,
            surest: SUREST,
            pairs: best.map(pair).collect::<Result<_>>()?,
            doubts: audit.suspects.iter().take(DOUBTS).map(doubt).collect::<Result<_>>()?,
            groups: audit
                .crossings
                .iter()
                .take(GROUPS)
                .map(|group| self.group(group))
                .collect::<Result<_>>()?,
            train_only: names(&audit.one_sided.train_only),
            test_only: names(&audit.one_sided.test_only),
            single: names(&audit.single),
            changed: answers.iter().filter(|row| row.differs).count(),
            answers,
            command,
        })
    }

    fn group<'a>(&self, group: &'a mlprobe_audit::Crossing) -> Result<Group<'a>> {
        let first = |rows: &[usize]| rows.first().copied();
        Ok(Group {
            group: &group.group,
            train_rows: group.train.len(),
            test_rows: group.test.len(),
            test: first(&group.test).map(|row| self.test(row)).transpose()?,
            train: first(&group.train).map(|row| self.train(row)).transpose()?,
        })
    }

    fn train(&self, row: usize) -> Result<Picture> {
        self.picture("training", self.dataset.map(|dataset| &dataset.train), &self.record.train_files, row)
    }

    fn test(&self, row: usize) -> Result<Picture> {
        self.picture("test", self.dataset.map(|dataset| &dataset.test), &self.record.test_files, row)
    }

    /// A row with its class and its name; without images, its number alone.
    fn picture(
        &self,
        side: &str,
        images: Option<&LabelledImages>,
        files: &BTreeMap<usize, PathBuf>,
        row: usize,
    ) -> Result<Picture> {
        let (uri, class) = match images {
            None => (String::new(), String::new()),
            Some(LabelledImages { images, labels }) => {
                let label = labels.get(row).ok_or_else(|| Error::Argument {
                    operation: "showing the images of an audit",
                    expected: format!("{side} images below {}", labels.len()),
                    actual: row.to_string(),
                    next: "give the images that the audit was made from",
                })?;
                (data_uri(images.index_axis(Axis(0), row))?, self.class(*label))
            }
        };
        let name = match files.get(&row) {
            Some(file) => file.display().to_string(),
            None => {
                format!("{side} {} {}", if images.is_some() { "image" } else { "row" }, thousands(row as u64))
            }
        };
        Ok(Picture { uri, alt: format!("{name}, of class {class}"), title: class, note: name })
    }

    fn class(&self, label: u16) -> String {
        self.record
            .about
            .dataset
            .classes
            .get(usize::from(label))
            .cloned()
            .unwrap_or_else(|| label.to_string())
    }
}

/// The questions that both sets of answers have.
fn side_by_side<'a>(with_all: &'a Verdicts, without: &'a Verdicts) -> impl Iterator<Item = Row<'a>> {
    with_all.answers.iter().filter_map(|answer| {
        let without = without.answers.iter().find(|other| other.contrast == answer.contrast)?;
        Some(Row { with_all: answer, without, differs: answer.answer != without.answer })
    })
}
