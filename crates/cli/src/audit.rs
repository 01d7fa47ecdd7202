//! `mlprobe audit`: what in the data distorts a verdict, and the rows without it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_audit::{
    Audit, CERTAIN, DEFAULT_THRESHOLD, classes_on_one_side, crossing, label_errors, near_duplicates,
};
use mlprobe_features::arrays::{LabelledArrays, encode, write_npz};
use mlprobe_nn::Params;
use ndarray::Axis;

use crate::arrays::ArrayOptions;
use crate::run::Threads;
use crate::{front, output};

/// Folds of the cross-validation that finds wrong labels.
const FOLDS: usize = 5;

/// The share of the training rows that are left out, the most doubtful first: most labels further down the list are right.
const SUREST: f64 = 0.02;

/// What distorts the verdict? Finds near-duplicates between training and test, wrong labels, and groups on both sides
///
/// The files are features and labels, as `export features` writes them. In the folder, audit.json lists every finding, the surest
/// first: a finding is a reason to look, not a proof. train-clean.npz and test-clean.npz hold the rows without the surest of them,
/// and train-all.npz the whole training set, so that `compare` can compute the verdict again.
#[derive(Args)]
pub struct Arguments {
    /// The training set, as `compare` takes it: .npz, .safetensors, .csv, .tsv, .parquet, or FEATURES.npy:LABELS.npy
    #[arg(value_name = "TRAIN")]
    train: String,
    /// The test set; it may be left out if the file of the training set also holds one
    #[arg(long, value_name = "TEST")]
    test: Option<String>,
    #[command(flatten)]
    arrays: ArrayOptions,
    /// Similarity from which a test row counts as a duplicate of a training row; the default was found on planted copies
    #[arg(long, value_name = "X", default_value_t = DEFAULT_THRESHOLD)]
    threshold: f64,
    /// Text file with the group of each row, one per line: first those of the training set, then those of the test set. A group,
    /// such as a patient or a video, should be on one side only
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// Folder for audit.json and the clean sets; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

pub fn run(Arguments { train, test, arrays, threshold, groups, out, threads }: Arguments) -> Result<()> {
    threads.start()?;
    let file = arrays.read(&train)?;
    let test = match &test {
        Some(test) => arrays.read(test)?.main,
        None => file.test.with_context(|| format!("{train} holds no test set; name one with --test"))?,
    };
    let train = file.main;
    let (labels, names) = encode(&[&train, &test])?;
    let [train_labels, test_labels] = &labels[..] else { bail!("expected two sets") };
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let crossings = match &groups {
        None => Vec::new(),
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            let groups: Vec<&str> = text.lines().collect();
            let rows = train_labels.len() + test_labels.len();
            if groups.len() != rows {
                bail!(
                    "{} has {} lines, and there are {rows} rows: give one line per row",
                    path.display(),
                    groups.len()
                );
            }
            let (of_train, of_test) = groups.split_at(train_labels.len());
            crossing(of_train, of_test)
        }
    };
    let mut audit = Audit {
        train_rows: train_labels.len(),
        test_rows: test_labels.len(),
        threshold,
        duplicates: near_duplicates(train.features.view(), test.features.view(), threshold)?,
        suspects: label_errors(train.features.view(), train_labels, FOLDS, 0, &Params::new([64]).epochs(20))?,
        crossings,
        one_sided: classes_on_one_side(train_labels, test_labels, names.len())?,
    };
    audit.duplicates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let json = serde_json::to_string_pretty(&audit)?;
    let path = out.join("audit.json");
    mlprobe_files::write(&path, json.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    let mut surest = audit.clone();
    surest.duplicates.retain(|pair| pair.similarity >= CERTAIN);
    surest.suspects.truncate((SUREST * audit.train_rows as f64) as usize);
    let clean = surest.clean()?;
    let write = |name: &str, set: &LabelledArrays, labels: &[u16], rows: &[usize]| {
        let labels: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
        write_npz(out.join(name), set.features.select(Axis(0), rows).view(), &labels)
    };
    write("train-all.npz", &train, train_labels, &(0..train_labels.len()).collect::<Vec<_>>())?;
    write("train-clean.npz", &train, train_labels, &clean.train_kept)?;
    write("test-clean.npz", &test, test_labels, &clean.test_kept)?;

    let (counts, left_out) = (audit.counts(), surest.counts());
    let share =
        |number: usize, of: usize| format!("{number} of {of} ({:.1} %)", 100.0 * number as f64 / of as f64);
    let shown = out.display();
    output::write(&format!(
        "Test rows that may be copies of a training row: {}; left out, with a similarity of {CERTAIN} or more: {}\n\
         Training rows whose label is doubtful: {}; left out, as the most doubtful {:.0} %: {}\n\
         Most doubtful labels are right: where 2 % of CIFAR-10's labels were flipped, 20 % of such a list were flipped ones, and\n\
         72 % of the most doubtful 2 %.\n\
         Groups on both sides: {}, with {} test rows, all left out\n\
         Classes on one side only: {}\n\n\
         Findings: {shown}/audit.json\n\
         The verdict without the rows left out: {} compare {shown}/train-all.npz {shown}/train-clean.npz --test {shown}/test-clean.npz\n",
        share(counts.test_rows_duplicated, audit.test_rows),
        left_out.test_rows_duplicated,
        share(counts.suspects, audit.train_rows),
        100.0 * SUREST,
        left_out.suspects,
        counts.groups_on_both_sides,
        counts.test_rows_of_crossing_groups,
        counts.classes_on_one_side,
        front::command(),
    ))
}
