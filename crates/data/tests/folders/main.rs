//! Folders of image files become data sets: what is a class, what is split how, and what is said about the rest.
#![cfg(feature = "images")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod forms;
mod groups;
mod names;
mod pictures;
mod readings;
mod sources;
mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_data::image_folder::{OnBroken, Split};
use mlprobe_data::summary::Oddity;
use mlprobe_data::{Error, OpenOptions, Source};
use ndarray::Axis;

use pictures::{classes, find, folder, open, open_path, put};

/// File names with labels.
fn file_names(files: &[(PathBuf, u16)]) -> Vec<(String, u16)> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|(path, label)| (name(path), *label)).collect()
}

#[test]
fn train_and_test_folders_become_a_data_set_with_sorted_classes() {
    let dir = folder(&[
        ("train/owl/1.png", 30),
        ("train/cat/b.png", 20),
        ("train/cat/a.png", 10),
        ("test/cat/deeper/z.png", 40),
        ("test/owl/y.png", 50),
    ]);
    let (set, broken) = open(&dir).unwrap().load(4, OnBroken::Refuse, &|_| ()).unwrap();
    assert!(broken.is_empty());
    assert_eq!(set.classes, ["cat", "owl"]);
    assert_eq!(set.train.images.dim(), (3, 4, 4, 3));
    let colours = |images: &ndarray::Array4<u8>| -> Vec<u8> {
        images.axis_iter(Axis(0)).map(|image| image[[3, 2, 0]]).collect()
    };
    assert_eq!((colours(&set.train.images), set.train.labels), (vec![10, 20, 30], vec![0, 0, 1]));
    assert_eq!((colours(&set.test.images), set.test.labels), (vec![40, 50], vec![0, 1]));
}

#[test]
fn a_validation_folder_is_the_test_set_where_there_is_no_other() {
    let dir = folder(&[("train/a/1.png", 1), ("train/b/1.png", 2), ("val/a/1.png", 3), ("val/b/1.png", 4)]);
    let folder = open(&dir).unwrap();
    assert_eq!((folder.test.len(), folder.summary().oddities), (2, vec![]));
    put(dir.path(), "test/a/1.png", 5);
    let folder = open(&dir).unwrap();
    assert_eq!(folder.test.len(), 1);
    assert!(folder.summary().oddities.contains(&Oddity::NotUsed(vec![dir.path().join("val")])));
}

#[test]
fn one_folder_is_split_in_every_class_by_the_seed() {
    let dir = classes(3, 12);
    let split = |seed, test| {
        let options = OpenOptions { split: Split { seed, test }, ..OpenOptions::default() };
        Source::find(dir.path(), &options).unwrap().images().unwrap().clone()
    };
    let folder = split(1, 0.25);
    assert_eq!(folder.summary().classes.iter().map(|c| (c.train, c.test)).collect::<Vec<_>>(), [(9, 3); 3]);
    let all: BTreeSet<_> = folder.train.iter().chain(&folder.test).collect();
    assert_eq!(all.len(), 36);
    assert_eq!(split(1, 0.25), folder);
    assert_ne!(split(2, 0.25).test, folder.test);
    // The classes are not split alike.
    let of_class = |k| -> Vec<String> {
        file_names(&folder.test).into_iter().filter(|(_, label)| *label == k).map(|(name, _)| name).collect()
    };
    assert!(of_class(0) != of_class(1) || of_class(1) != of_class(2));
}

#[test]
fn the_split_is_pinned() {
    // From the definition: class k is shuffled by Random::new(seed, b"split", k), place i taking one of those from i on.
    let mut expected = Vec::new();
    for class in 0..2 {
        let mut random = mlprobe_data::random::Random::new(0, b"split", class);
        let mut order: Vec<usize> = (0..12).collect();
        for i in 0..2 {
            order.swap(i, i + random.below(12 - i as u32) as usize);
        }
        order[..2].sort_unstable();
        expected.extend(order[..2].iter().map(|i| (format!("{i:02}.png"), class as u16)));
    }
    let dir = classes(2, 12);
    assert_eq!(file_names(&open(&dir).unwrap().test), expected);
}

#[test]
fn small_classes_keep_a_training_image() {
    let dir = classes(2, 2);
    put(dir.path(), "single/1.png", 99);
    let summary = open(&dir).unwrap().summary();
    let counts: Vec<_> = summary.classes.iter().map(|c| (c.name.as_str(), c.train, c.test)).collect();
    assert_eq!(counts, [("class0", 1, 1), ("class1", 1, 1), ("single", 1, 0)]);
    assert!(summary.oddities.contains(&Oddity::Untested(vec!["single".into()])));
}

#[test]
fn what_is_odd_is_said_before_anything_is_decoded() {
    let dir = folder(&[("train/a/1.png", 1), ("train/b/1.png", 2), ("test/a/1.png", 3), ("test/c/1.png", 4)]);
    fs::create_dir(dir.path().join("train/c")).unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("readme.md"), "").unwrap();
    fs::write(at("train/a/notes.txt"), "").unwrap();
    fs::write(at("train/loose.png"), "not decoded").unwrap();
    fs::create_dir(at("train/empty")).unwrap();
    let summary = open(&dir).unwrap().summary();
    assert_eq!(
        summary.oddities,
        [
            Oddity::Untrained(vec!["c".into()]),
            Oddity::Untested(vec!["b".into()]),
            Oddity::NotUsed(["readme.md", "train/a/notes.txt", "train/loose.png"].map(at).to_vec()),
            Oddity::EmptyClasses(vec![at("train/c"), at("train/empty")]),
        ]
    );
    let text = summary.to_string();
    for part in ["3 files or folders", "readme.md", "2 classes without an image", "cannot be learned: c"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
}

#[test]
fn broken_images_are_all_named_or_left_out() {
    let dir = classes(2, 6);
    fs::write(dir.path().join("class0/03.png"), "no image").unwrap();
    fs::write(dir.path().join("class1/05.png"), "").unwrap();
    let folder = open(&dir).unwrap();
    let done = AtomicUsize::new(0);
    let count = |n| {
        done.fetch_add(n, Ordering::Relaxed);
    };
    let error = folder.load(4, OnBroken::Refuse, &count).unwrap_err();
    assert_eq!(done.into_inner(), 12);
    assert!(matches!(&error, Error::BrokenImages { broken, total: 12 } if broken.len() == 2), "{error}");
    let text = error.to_string();
    for part in ["2 of 12", "class0/03.png", "class1/05.png", "empty file"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    let (set, broken) = folder.load(4, OnBroken::Skip, &|_| ()).unwrap();
    assert_eq!((set.train.len() + set.test.len(), broken.len()), (10, 2));
    // What follows a gap keeps its own pixels and label.
    for part in [&set.train, &set.test] {
        for (image, &label) in part.images.axis_iter(Axis(0)).zip(&part.labels) {
            assert_eq!(u16::from(image[[0, 0, 0]]) / 6, label);
        }
    }
}

#[test]
fn the_images_are_the_same_for_any_number_of_threads() {
    let dir = classes(3, 7);
    let folder = open(&dir).unwrap();
    let load = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| folder.load(9, OnBroken::Refuse, &|_| ()).unwrap().0)
    };
    assert_eq!(load(1), load(3));
}

#[test]
fn what_is_no_set_of_classes_is_refused_with_the_next_step() {
    let one = folder(&[("only/1.png", 1)]);
    let beside = folder(&[("train/a/1.png", 1), ("train/b/1.png", 1), ("new/a/1.png", 1)]);
    let unlabelled = folder(&[("train/a/1.png", 1), ("train/b/1.png", 1), ("test/1.png", 1)]);
    let loose = folder(&[("1.png", 1), ("2.png", 2)]);
    for (dir, part) in [
        (&one, "images in only, not sorted into classes"),
        (&beside, "to have it divided"),
        (&unlabelled, "1 images without classes"),
        (&loose, "2 images and no folders"),
    ] {
        let error = open(dir).unwrap_err();
        assert!(matches!(error, Error::Layout { .. }), "{error}");
        assert!(error.to_string().contains(part), "{part} not in {error}");
    }
    let error = open_path(Path::new("no/such/folder")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    for test in [0.0, 1.0, -0.5, f64::NAN] {
        let options = OpenOptions { split: Split { test, seed: 0 }, ..OpenOptions::default() };
        let dir = classes(2, 2);
        let error = Source::find(dir.path(), &options).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
}

#[test]
fn a_thousand_classes_of_five_images_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    for class in 0..1000 {
        for i in 0..5u8 {
            let path = dir.path().join(format!("n{class:08}/{i}.ppm.bmp"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, pictures::bmp([class as u8, (class / 256) as u8, i], None)).unwrap();
        }
    }
    let options = OpenOptions { side: 2, ..OpenOptions::default() };
    let (set, oddities) = Source::find(dir.path(), &options).unwrap().open(&|_| ()).unwrap();
    assert_eq!((set.classes.len(), set.train.len(), set.test.len()), (1000, 4000, 1000));
    assert!(oddities.is_empty(), "{oddities:?}");
    for part in [&set.train, &set.test] {
        for (image, &label) in part.images.axis_iter(Axis(0)).zip(&part.labels) {
            assert_eq!(u16::from(image[[1, 1, 0]]) + 256 * u16::from(image[[0, 0, 1]]), label);
        }
    }
}

#[test]
fn a_bmp_of_version_5_without_transparency_shows_its_colours() {
    let dir = tempfile::tempdir().unwrap();
    for (class, colour) in [("red", [200, 1, 2]), ("blue", [3, 4, 200])] {
        for (i, alpha) in [None, Some(0), Some(255)].into_iter().enumerate() {
            pictures::write(&dir, &format!("{class}/{i}.bmp"), pictures::bmp(colour, alpha));
        }
    }
    let (set, _) = find(&dir).unwrap().open(&|_| ()).unwrap();
    assert_eq!(set.classes, ["blue", "red"]);
    for part in [&set.train, &set.test] {
        for (image, label) in part.images.axis_iter(Axis(0)).zip(&part.labels) {
            let colour = if *label == 0 { [3, 4, 200] } else { [200, 1, 2] };
            assert_eq!([0, 1, 2].map(|c| image[[0, 0, c]]), colour);
        }
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_back_are_skipped_like_broken_images() {
    use std::os::unix::fs::symlink;
    let dir = classes(2, 6);
    let at = |name: &str| dir.path().join(name);
    symlink("gone.png", at("class0/broken.png")).unwrap();
    symlink("gone", at("class0/folder")).unwrap();
    symlink("..", at("class1/loop")).unwrap();
    symlink("self.png", at("class1/self.png")).unwrap();
    symlink("gone.txt", at("class1/notes.txt")).unwrap();
    let error = find(&dir).unwrap().open(&|_| ()).unwrap_err().to_string();
    for part in [
        "4 of 16",
        "gone.png, which does not exist",
        "folder is a link",
        "a folder above the link",
        "self.png",
    ] {
        assert!(error.contains(part), "{part} not in {error}");
    }
    let options = OpenOptions { side: 4, on_broken: OnBroken::Skip, ..OpenOptions::default() };
    let (set, oddities) = Source::find(dir.path(), &options).unwrap().open(&|_| ()).unwrap();
    assert_eq!(set.train.len() + set.test.len(), 12);
    assert!(matches!(&oddities[0], Oddity::Broken(reasons) if reasons.len() == 4), "{oddities:?}");
}
