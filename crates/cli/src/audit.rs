//! `mlprobe audit`: what in the data moves a verdict, and the verdict without it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_audit::{Audit, DEFAULT_THRESHOLD, Side};
use mlprobe_data::augment::Preset;
use mlprobe_data::groups::read_groups;
use mlprobe_experiments::report::AuditPage;
use mlprobe_experiments::settings::Compared;
use mlprobe_experiments::{About, AuditRecord, Half, LabelledFeatures, Verdicts};
use mlprobe_features::arrays::{encode, write_npz};
use ndarray::Axis;

use crate::arrays::{ArrayOptions, match_columns};
use crate::options::{StudyOptions, commit};
use crate::progress::print;
use crate::reproduce::run_part;
use crate::run::{RunOptions, in_session};
use crate::{front, output};

/// The sets that an audit of arrays writes: all training rows, and both sides without what is left out.
const SETS: [&str; 3] = ["train-all.npz", "train-clean.npz", "test-clean.npz"];

/// What in the data moves the verdict? Finds duplicates between training and test, wrong labels, and groups on both sides
///
/// For images, it then trains the study of `reproduce` twice in the folder, with all images and without those of the surest
/// findings, and the page shows both verdicts. For TRAIN, a file of features and labels, it writes the sets without these rows,
/// and the command that compares them. audit.html shows the first findings of each kind, the surest first, and audit.json has
/// all. A finding is a reason to look, not a proof: `reproduce --without audit.json` leaves out what audit.json lists under
/// left_out, and you may change that list. Interrupt the command at any time; rerunning it resumes.
#[derive(Args)]
pub struct Arguments {
    /// Features and labels instead of images, as `compare` takes them: .npz, .safetensors, .csv, .tsv, .parquet, or
    /// FEATURES.npy:LABELS.npy
    #[arg(value_name = "TRAIN", conflicts_with_all = [
        "dataset", "skip_broken", "labels", "label_column", "image_column", "without", "seeds", "epochs", "quick", "preset", "fresh",
        "checkpoint_every", "TrainingOptions", "ExtractorOptions",
    ])]
    train: Option<String>,
    /// The test set of TRAIN; it may be left out if that file also holds one
    #[arg(long, value_name = "TEST", requires = "train")]
    test: Option<String>,
    #[command(flatten)]
    arrays: Option<ArrayOptions>,
    /// Similarity from which a test row counts as a duplicate of a training row; the default was found on planted copies
    #[arg(long, value_name = "X", default_value_t = DEFAULT_THRESHOLD, allow_negative_numbers = true)]
    threshold: f64,
    #[command(flatten)]
    study: StudyOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Transforms of the augmented images
    #[arg(long, value_name = "2022|2023", default_value_t = Preset::default())]
    preset: Preset,
}

pub fn run(Arguments { train, test, arrays, threshold, study, run, preset }: Arguments) -> Result<()> {
    match train {
        Some(train) => {
            of_arrays(&train, test.as_deref(), &arrays.unwrap_or_default(), threshold, &study, &run)
        }
        None if arrays.is_some() => {
            bail!(
                "--features-key, --labels-key and --dtype are for TRAIN, a file of features and labels; leave them out"
            )
        }
        None => of_images(study, run, preset, threshold),
    }
}

fn of_images(study: StudyOptions, run: RunOptions, preset: Preset, threshold: f64) -> Result<()> {
    if study.without.is_some() {
        bail!("--without: an audit looks at all images; leave the option out");
    }
    let threads = study.threads.start()?;
    let mut inputs = study.load(Compared::Reproduction { preset })?;
    let out = match (run.out(), inputs.settings.folder_name()) {
        (Some(out), _) => out,
        (None, name) => {
            let name = name.context("the audit has no folder; name one with --out")?;
            front::runs().join(name.replacen("reproduce-", "audit-", 1))
        }
    };
    let mut record = {
        let source = inputs.source();
        let [train, test] = in_session(|session| {
            Ok([source.original(Half::Train, session)?, source.original(Half::Test, session)?])
        })?;
        print("Looking for duplicates and doubtful labels.");
        let [of_train, of_test] = &inputs.dataset.groups;
        let classes = inputs.dataset.classes.len();
        let audit = Audit::of(side(&train, of_train), side(&test, of_test), classes, threshold)?;
        AuditRecord::new(audit, source.about(), Some(&inputs.dataset))
    };
    let held = RunOptions::hold(&out)?;
    if !run.force() {
        record.resume(&held)?;
    }
    if record.with_all.is_none() {
        let page = AuditPage { record: &record, dataset: Some(&inputs.dataset), command: None };
        save(&out, &page)?;
        print(page.summary()?);
    }
    // An error only after the findings are there to look at.
    let kept = record.kept(&inputs.dataset)?;

    print("The study with all images:");
    let with_all = run_part(&inputs, run.clone().inside(out.join("all")), threads, preset)?;
    record.with_all = Some(Verdicts::of(&with_all));
    if let Some(images) = &mut inputs.settings.images {
        let path = out.join("audit.json");
        images.without = Some(path.canonicalize().with_context(|| format!("reading {}", path.display()))?);
    }
    if record.left_out.is_empty() {
        record.without.clone_from(&record.with_all);
    } else {
        print("The study without the images left out:");
        inputs.kept = Some(kept);
        let without = run_part(&inputs, run.inside(out.join("without")), threads, preset)?;
        record.without = Some(Verdicts::of(&without));
    }
    let command = inputs.settings.command().filter(|_| !record.left_out.is_empty());
    let page = AuditPage { record: &record, dataset: Some(&inputs.dataset), command: command.as_deref() };
    save(&out, &page)?;
    tell(&out, &page)
}

fn of_arrays(
    train: &str,
    test: Option<&str>,
    arrays: &ArrayOptions,
    threshold: f64,
    study: &StudyOptions,
    run: &RunOptions,
) -> Result<()> {
    study.threads.start()?;
    let out = run.out().context("name a folder for what is found with --out")?;
    let file = arrays.read(train, study.images.keep_na)?;
    let test = match test {
        Some(test) => arrays.read(test, study.images.keep_na)?.main,
        None => file.test.with_context(|| format!("{train} holds no test set; name one with --test"))?,
    };
    let mut sets = [file.main, test];
    match_columns(&mut sets)?;
    let [train_set, test_set] = sets;
    let (mut labels, names) = encode(&[&train_set, &test_set])?;
    let (Some(test_labels), Some(train_labels)) = (labels.pop(), labels.pop()) else {
        bail!("expected two sets")
    };
    let train_set = LabelledFeatures::new(train_set.features, train_labels)?;
    let test_set = LabelledFeatures::new(test_set.features, test_labels)?;
    let rows = [train_set.len(), test_set.len()];
    let mut of_train = match &study.images.groups {
        Some(path) => read_groups(path, rows.iter().sum())?,
        None => Vec::new(),
    };
    let of_test = of_train.split_off(rows[0].min(of_train.len()));
    let audit = Audit::of(side(&train_set, &of_train), side(&test_set, &of_test), names.len(), threshold)?;
    let name = Path::new(train).file_stem().unwrap_or_default().to_string_lossy();
    let mut about = About::features(name, &names.iter().map(String::as_str).collect::<Vec<_>>());
    [about.dataset.train_images, about.dataset.test_images] = rows;
    about.commit = commit();
    about.dataset.train_digest = train_set.digest().to_owned();
    about.dataset.test_digest = test_set.digest().to_owned();
    let mut record = AuditRecord::new(audit, about, None);
    let held = RunOptions::hold(&out)?;
    if !run.force() {
        record.resume(&held)?;
        let is_first = !out.join("audit.json").exists();
        if let (true, Some(name)) = (is_first, SETS.iter().find(|name| out.join(name).exists())) {
            bail!(
                "{} has a file {name} that is not of this audit; choose another folder with --out, or replace it with --force",
                out.display()
            );
        }
    }
    // The record first: by it a later start knows the sets for its own.
    let page = AuditPage { record: &record, dataset: None, command: None };
    save(&out, &page)?;
    let kept = match record.left_out.kept(rows[0], rows[1]) {
        Ok(kept) => kept,
        Err(error) => {
            tell(&out, &page)?;
            return Err(error.into());
        }
    };
    let (front, shown) = (front::command(), out.display());
    let command = format!(
        "{front} compare {shown}/train-all.npz {shown}/train-clean.npz --test {shown}/test-clean.npz"
    );
    let page = AuditPage { record: &record, dataset: None, command: Some(&command) };
    let write = |name: &str, set: &LabelledFeatures, rows: &[usize]| {
        let labels: Vec<u16> = rows.iter().map(|&row| set.labels()[row]).collect();
        write_npz(out.join(name), set.features().select(Axis(0), rows).view(), &labels)
    };
    let [all, train_clean, test_clean] = SETS;
    write(all, &train_set, &(0..rows[0]).collect::<Vec<_>>())?;
    write(train_clean, &train_set, &kept.train)?;
    write(test_clean, &test_set, &kept.test)?;
    save(&out, &page)?;
    tell(&out, &page)
}

fn side<'a>(set: &'a LabelledFeatures, groups: &'a [String]) -> Side<'a> {
    Side { features: set.features(), labels: set.labels(), groups }
}

/// Writes audit.json, audit.html and audit.md.
fn save(out: &Path, page: &AuditPage<'_>) -> Result<()> {
    let json = serde_json::to_string_pretty(page.record)?;
    for (name, content) in
        [("audit.json", json), ("audit.html", page.render()?), ("audit.md", page.markdown()?)]
    {
        let path = out.join(name);
        mlprobe_files::write(&path, content.as_bytes())
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn tell(out: &Path, page: &AuditPage<'_>) -> Result<()> {
    let command =
        page.command.map(|command| format!("Without what is left out: {command}\n")).unwrap_or_default();
    output::write(&format!(
        "\n{}\n\nPage:     {}\nFindings: {}\n{command}",
        page.summary()?.trim_end(),
        out.join("audit.html").display(),
        out.join("audit.json").display(),
    ))
}
