//! `audit.json`: what an audit of a data set found, the rows that it leaves out, and the verdict with and without them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mlprobe_audit::{Audit, Kept, LeftOut};
use mlprobe_data::Dataset;
use serde::{Deserialize, Serialize};

use crate::analysis::answers::Answer;
use crate::analysis::questions::Measure;
use crate::analysis::reading::read_json;
use crate::analysis::results::{About, Results};
use crate::error::{Error, Result};
use crate::folder::RunFolder;

/// An audit of a data set. `reproduce --without` reads the rows to leave out from it: whoever has looked at the findings may
/// change these lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Everything that was found.
    #[serde(flatten)]
    pub audit: Audit,
    /// The rows that the second verdict is computed without: those of the surest findings.
    pub left_out: LeftOut,
    /// The files of the training images that a finding names, by row; empty where images are no files of their own.
    pub train_files: BTreeMap<usize, PathBuf>,
    /// The files of the test images that a finding names, by row.
    pub test_files: BTreeMap<usize, PathBuf>,
    /// Where the rows come from.
    #[serde(flatten)]
    pub about: About,
    /// What the study says of all rows; `None` until it has been run.
    pub with_all: Option<Verdicts>,
    /// What the study says without the rows left out; `None` until it has been run.
    pub without: Option<Verdicts>,
}

/// What a study says: its answers, apart from those about seconds, which differ from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Training images before augmentation.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Seeds that every arm has finished.
    pub seeds: usize,
    /// Mean test accuracy of every arm after the last epoch, a fraction, by name.
    pub arms: Vec<(String, f64)>,
    /// The questions that were put before the run, answered.
    pub answers: Vec<Answer>,
}

impl AuditRecord {
    /// The record of an `audit` of the rows that `about` describes, and the images of `dataset` where these are images.
    pub fn new(audit: Audit, about: About, dataset: Option<&Dataset>) -> Self {
        let Audit { duplicates, suspects, crossings, .. } = &audit;
        let train =
            duplicates.iter().map(|pair| pair.train).chain(suspects.iter().map(|suspect| suspect.row));
        let train: BTreeSet<usize> =
            train.chain(crossings.iter().flat_map(|group| group.train.clone())).collect();
        let test = duplicates.iter().map(|pair| pair.test);
        let test: BTreeSet<usize> =
            test.chain(crossings.iter().flat_map(|group| group.test.clone())).collect();
        let files = |side: usize, rows: BTreeSet<usize>| {
            let file = |row: usize| Some((row, dataset?.files[side].get(row)?.clone()));
            rows.into_iter().filter_map(file).collect()
        };
        Self {
            left_out: audit.surest().left_out(),
            train_files: files(0, train),
            test_files: files(1, test),
            audit,
            about,
            with_all: None,
            without: None,
        }
    }

    /// Reads an `audit.json`.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::Argument`] if it holds something else.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        read_json(path)?.and_then(serde_json::from_value).map_err(|error| Error::Argument {
            operation: "reading an audit",
            expected: "what `audit` writes".into(),
            actual: format!("{}, {error}", path.display()),
            next: "name the audit.json of an audit of these images",
        })
    }

    /// Takes over the verdicts that an earlier start of this very audit has left in `folder`, so that they are not lost when this
    /// record is written there.
    ///
    /// # Errors
    /// [`Error::Occupied`] if the folder has the `audit.json` of another audit, or one whose lists were changed.
    pub fn resume(&mut self, folder: &RunFolder) -> Result<()> {
        let path = folder.path().join("audit.json");
        let is_there = path.try_exists().map_err(|source| Error::File {
            operation: "reading",
            path: path.clone(),
            source,
        })?;
        if !is_there {
            return Ok(());
        }
        let earlier = Self::read(path).ok().filter(|earlier| {
            let of_same = |record: &Self| (record.about.dataset.clone(), record.about.extractor.clone());
            of_same(earlier) == of_same(self)
                && (&earlier.audit, &earlier.left_out) == (&self.audit, &self.left_out)
        });
        let Some(earlier) = earlier else {
            let what = "the audit.json of another audit, or one whose lists were changed".to_owned();
            return Err(Error::Occupied { path: folder.path().to_owned(), what });
        };
        (self.with_all, self.without) = (earlier.with_all, earlier.without);
        Ok(())
    }

    /// The rows of `dataset` that are not left out.
    ///
    /// # Errors
    /// [`Error::Argument`] if the audit was made from other images; [`Error::Audit`] if no image is left.
    pub fn kept(&self, dataset: &Dataset) -> Result<Kept> {
        let known = &self.about.dataset;
        for (side, known, actual) in [
            ("training", &known.train_digest, dataset.train.digest()),
            ("test", &known.test_digest, dataset.test.digest()),
        ] {
            if *known != actual {
                return Err(Error::Argument {
                    operation: "leaving out what an audit found",
                    expected: format!("the {side} images that it was made from, with the digest {known}"),
                    actual: format!("images with the digest {actual}"),
                    next: "run `audit` on these images, with the same network",
                });
            }
        }
        Ok(self.left_out.kept(dataset.train.len(), dataset.test.len())?)
    }
}

impl Verdicts {
    /// What these results say.
    pub fn of(results: &Results) -> Self {
        let arm = |arm: &crate::analysis::arms::ArmResults| {
            Some((arm.name.clone(), arm.readings.last()?.test_accuracy.mean))
        };
        let answers = results.answers.iter().filter(|answer| answer.contrast.measure != Measure::Seconds);
        Self {
            train_images: results.about.dataset.train_images,
            test_images: results.about.dataset.test_images,
            seeds: results.seeds_done,
            arms: results.arms.iter().filter_map(arm).collect(),
            answers: answers.cloned().collect(),
        }
    }
}
