//! Data sets wherever they are below a folder, and which of several counts.

use mlprobe_data::summary::Oddity;
use mlprobe_data::{Dataset, Error, LabelledImages, Layout, OpenOptions, Source};
use ndarray::Array4;
use tempfile::TempDir;

use crate::pictures::{counts, expected, files, find, open, put, write};

/// Six small files of CIFAR-10 in `dir`.
fn cifar10(dir: &TempDir, folder: &str) {
    for (i, file) in mlprobe_data::cifar10::FILES.iter().enumerate() {
        let record: Vec<u8> =
            (0..3073).map(|at| if at == 0 { (i % 5) as u8 } else { (at % 200 + i) as u8 }).collect();
        write(dir, &format!("{folder}/{}", file.name), record);
    }
}

/// Four small IDX files in `dir`.
fn idx(dir: &TempDir, folder: &str) {
    for (name, kind) in mlprobe_data::idx::FILES.into_iter().zip([3u8, 1, 3, 1]) {
        let dimensions: &[u8] = if kind == 3 { &[2, 1, 2] } else { &[2] };
        let header = dimensions.iter().flat_map(|&n| [0, 0, 0, n]);
        let content = if kind == 3 { vec![1, 2, 3, name.as_bytes()[1]] } else { vec![0, 1] };
        write(dir, &format!("{folder}/{name}"), [vec![0, 0, 8, kind], header.collect(), content].concat());
    }
}

#[test]
fn layouts_are_known_by_their_files() {
    for (names, layout) in [
        (&["index.csv", "SHA256SUMS"][..], Layout::Mini),
        (&["data_batch_3.bin"], Layout::Cifar10),
        (&["train.bin"], Layout::Cifar100),
        (&["t10k-labels.idx1-ubyte"], Layout::Idx),
        (&["train-images-idx3-ubyte.gz"], Layout::Idx),
    ] {
        let dir = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| write(&dir, name, ""));
        assert_eq!(find(&dir).unwrap().layout, layout, "{names:?}");
    }
}

#[test]
fn files_are_found_below_a_parent_and_named_after_their_folder() {
    for (place, layout, name) in [
        ("cifar-10-batches-bin", Layout::Cifar10, "cifar-10-batches-bin"),
        ("MNIST/raw", Layout::Idx, "MNIST"),
        ("a/b/mine", Layout::Idx, "mine"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        if layout == Layout::Idx {
            idx(&dir, place)
        } else {
            cifar10(&dir, place)
        }
        write(&dir, "readme.txt", "");
        // Pictures that show the data set are no data set.
        put(dir.path(), "figures/sheet.png", 1);
        let source = find(&dir).unwrap();
        assert_eq!((source.layout, source.official), (layout, false));
        assert_eq!((&source.dir, source.len()), (&dir.path().join(place), 0));
        let (set, oddities) = source.open(&|_| ()).unwrap();
        assert_eq!(set.name, name);
        assert_eq!(oddities[0], Oddity::FoundIn(dir.path().join(place)));
    }
}

#[test]
fn image_folders_are_found_below_single_folders() {
    for place in ["photos", "archive/photos", "dataset", "photos/photos/photos"] {
        for (parts, train) in [(["train/", "test/"], 2), (["", "./"], 0)] {
            let dir = tempfile::tempdir().unwrap();
            for (i, name) in ["a/1.png", "a/2.png", "b/3.png", "b/4.png"].iter().enumerate() {
                put(dir.path(), &format!("{place}/{}{name}", parts[0]), i as u8);
            }
            if train > 0 {
                put(dir.path(), &format!("{place}/test/a/5.png"), 9);
            }
            write(&dir, "licence.txt", "");
            put(dir.path(), "__MACOSX/photos/1.png", 1);
            let found = open(&dir).unwrap();
            let expected_counts =
                if train > 0 { [("a", 2, 1), ("b", 2, 0)] } else { [("a", 1, 1), ("b", 1, 1)] };
            assert_eq!(counts(&found), expected(&expected_counts), "{place}");
            assert_eq!(
                found.summary().oddities.iter().find(|oddity| matches!(oddity, Oddity::FoundIn(_))),
                Some(&Oddity::FoundIn(dir.path().join(place)))
            );
            assert_eq!(found.name, dir.path().file_name().unwrap().to_str().unwrap());
        }
    }
}

#[test]
fn a_training_folder_alone_is_divided_and_this_is_said() {
    let dir = files(&["train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png"]);
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("a", 1, 1), ("b", 1, 1)]));
    assert_eq!(found.summary().oddities, [Oddity::FoundIn(dir.path().join("train"))]);
}

#[test]
fn images_with_classes_win_over_files_of_other_layouts() {
    for names in [&["index.csv"][..], &["test.bin"], &["data_batch_1.bin", "index.csv", "SHA256SUMS"]] {
        let dir = files(&["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
        names.iter().for_each(|name| write(&dir, name, "anything"));
        let source = find(&dir).unwrap();
        assert_eq!(source.layout, Layout::Images, "{names:?}");
        let unused =
            names.iter().map(|name| dir.path().join(name)).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(source.summary().unwrap().oddities, [Oddity::NotUsed(unused.into_iter().collect())]);
    }
}

#[test]
fn several_data_sets_are_refused_with_their_places() {
    let dir = files(&["photos/a/1.png", "photos/b/1.png", "more/a/1.png", "more/b/1.png"]);
    idx(&dir, "mnist");
    let error = open(&dir).unwrap_err().to_string();
    for part in ["one data set", "images in", "more", "photos", "IDX files in", "Name one"] {
        assert!(error.contains(part), "{part} not in {error}");
    }
}

#[test]
fn the_python_version_is_named_unless_the_binary_one_is_there() {
    for names in [&["data_batch_1", "batches.meta"][..], &["meta", "train", "test"]] {
        let dir = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| write(&dir, &format!("cifar-py/{name}"), "pickle"));
        for path in [dir.path().to_owned(), dir.path().join("cifar-py")] {
            let error = Source::find(path, &OpenOptions::default()).unwrap_err();
            assert!(matches!(error, Error::PythonVersion { .. }), "{error}");
            assert!(error.to_string().contains("pickle") && error.to_string().contains("binary"), "{error}");
        }
        cifar10(&dir, "cifar-10-batches-bin");
        assert_eq!(find(&dir).unwrap().layout, Layout::Cifar10);
    }
}

#[test]
fn what_is_in_a_folder_without_a_data_set_is_said() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir, "data/0.parquet", "");
    let error = find(&dir).unwrap_err();
    assert!(matches!(error, Error::Layout { .. }), "{error}");
    let text = error.to_string();
    for part in ["0 images, 1 other files (.parquet)", "IDX"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    write(&dir, "data/photos.zip", "");
    let error = find(&dir).unwrap_err().to_string();
    assert!(error.contains("Unpack the archive"), "{error}");
    let error = Source::find(dir.path().join("data/0.parquet"), &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("archive"), "{error}");
}

#[test]
fn a_picture_beside_the_classes_does_not_hide_them() {
    for classes in [["PetImages/cat", "PetImages/dog"], ["chest/train/cat", "chest/train/dog"]] {
        let dir = files(&[
            &format!("{}/1.png", classes[0]),
            &format!("{}/2.png", classes[0]),
            &format!("{}/3.png", classes[1]),
            &format!("{}/4.png", classes[1]),
        ]);
        let logo = classes[0].split('/').next().unwrap();
        put(dir.path(), &format!("{logo}/logo.png"), 77);
        let found = open(&dir).unwrap();
        assert_eq!(counts(&found), expected(&[("cat", 1, 1), ("dog", 1, 1)]));
        let unused = Oddity::NotUsed(vec![dir.path().join(logo).join("logo.png")]);
        assert!(found.summary().oddities.contains(&unused), "{:?}", found.summary());
    }
}

#[test]
fn files_whose_test_labels_are_never_trained_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    idx(&dir, "set");
    write(&dir, "set/t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 2, 7, 8]);
    let error = find(&dir).unwrap().open(&|_| ()).unwrap_err();
    assert!(matches!(error, Error::UnknownClasses { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("training classes: 0, 1\n") && text.contains("test classes: 7, 8\n"), "{text}");
}

#[test]
fn a_data_set_is_opened_by_one_call() {
    let dir = files(&["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
    let set = Dataset::open(dir.path()).unwrap();
    assert_eq!(set.train.images.dim(), (2, 128, 128, 3));
    assert_eq!(set.test.labels, [0, 1]);
    let _: (LabelledImages, LabelledImages) = set.train.split(0.5, 0);
    let _: &Array4<u8> = &set.train.images;
}
