//! The cache returns what was kept, or makes it again; never something else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mlprobe_features::{Error, FeatureCache, Origin};
use ndarray::Array2;

struct Fixture {
    folder: tempfile::TempDir,
    extractions: Cell<usize>,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), extractions: Cell::new(0) }
    }

    fn get(&self, key: &[(&str, &str)]) -> (Array2<f32>, Origin) {
        let extract = || {
            self.extractions.set(self.extractions.get() + 1);
            Ok::<_, Error>(Array2::from_shape_fn((3, 5), |(i, j)| (i * 5 + j) as f32 / 7.0))
        };
        FeatureCache::new(self.folder.path()).get_or_extract(key, extract).unwrap()
    }

    fn files(&self) -> usize {
        count(self.folder.path())
    }

    fn file(&self, extension: &str) -> PathBuf {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().find(|path| path.extension().is_some_and(|e| e == extension)).unwrap()
    }
}

/// Files but for empty locks, which stay.
fn count(folder: &Path) -> usize {
    let is_lock =
        |path: &Path| path.extension().is_some_and(|e| e == "lock") && fs::read(path).unwrap().is_empty();
    fs::read_dir(folder).unwrap().filter(|entry| !is_lock(&entry.as_ref().unwrap().path())).count()
}

const KEY: [(&str, &str); 2] = [("dataset", "a"), ("extractor", "b")];

#[test]
fn features_come_back_bit_for_bit_without_a_second_extraction() {
    let fixture = Fixture::new();
    let (first, origin) = fixture.get(&KEY);
    assert_eq!(origin, Origin::Extracted);
    assert_eq!(fixture.get(&KEY), (first, Origin::Cached));
    assert_eq!(fixture.extractions.get(), 1);
}

#[test]
fn another_key_is_another_entry() {
    let fixture = Fixture::new();
    for key in [KEY, [("dataset", "ab"), ("extractor", "")], [("dataset", "a"), ("extractor", "c")]] {
        assert_eq!(fixture.get(&key).1, Origin::Extracted, "{key:?}");
    }
}

#[test]
fn a_damaged_entry_is_set_aside_and_made_again() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("a flipped bit", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("truncated", |bytes| bytes.truncate(100)),
        ("empty", Vec::clear),
        ("longer", |bytes| bytes.push(0)),
    ];
    for (name, damage) in damages {
        let fixture = Fixture::new();
        let (original, _) = fixture.get(&KEY);
        let path = fixture.file("npy");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();

        let (features, origin) = fixture.get(&KEY);
        assert_eq!(features, original, "{name}");
        let Origin::Rebuilt { set_aside } = origin else { panic!("{name}: {origin:?}") };
        assert_eq!(fs::read(set_aside).unwrap(), bytes, "{name}: kept for inspection");
        assert_eq!(fixture.get(&KEY).1, Origin::Cached, "{name}");
    }
}

#[test]
fn a_matrix_whose_sidecar_never_came_is_not_used() {
    let fixture = Fixture::new();
    fixture.get(&KEY);
    fs::remove_file(fixture.file("json")).unwrap();
    assert_eq!(fixture.get(&KEY).1, Origin::Extracted);
}

#[test]
fn an_error_of_the_extraction_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let cache = FeatureCache::new(fixture.folder.path());
    let failing = || Err(Error::Shape { operation: "test", expected: String::new(), actual: String::new() });
    assert!(cache.get_or_extract(&KEY, failing).is_err());
    assert_eq!(fixture.files(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = FeatureCache::new(file.path().join("inside"));
    let error = cache.get_or_extract(&KEY, || Ok::<_, Error>(Array2::zeros((1, 1)))).unwrap_err();
    assert!(error.to_string().contains("inside"), "{error}");
}

#[test]
fn of_those_that_want_the_same_features_at_once_one_extracts_and_the_others_wait() {
    let folder = tempfile::tempdir().unwrap();
    let extractions = AtomicUsize::new(0);
    let (started, has_started) = mpsc::channel();
    // Each with a cache and file handles of its own, as in processes of their own.
    let get = |before_extracting: &dyn Fn()| {
        let extract = || {
            extractions.fetch_add(1, Ordering::Relaxed);
            before_extracting();
            Ok::<_, Error>(Array2::from_elem((2, 3), 0.5))
        };
        FeatureCache::new(folder.path()).get_or_extract(&KEY, extract).unwrap()
    };
    let origins = thread::scope(|scope| {
        let first = scope.spawn(|| {
            get(&|| {
                started.send(()).unwrap();
                // Without a lock, this is time enough for the others to begin an extraction too.
                thread::sleep(Duration::from_millis(200));
            })
        });
        has_started.recv().unwrap();
        let others: Vec<_> = (0..3).map(|_| scope.spawn(|| get(&|| ()))).collect();
        let mut all = vec![first.join().unwrap()];
        all.extend(others.into_iter().map(|other| other.join().unwrap()));
        assert!(all.iter().all(|(features, _)| features == Array2::from_elem((2, 3), 0.5)));
        all.into_iter().map(|(_, origin)| origin).collect::<Vec<_>>()
    });
    assert_eq!(origins, [Origin::Extracted, Origin::Cached, Origin::Cached, Origin::Cached]);
    assert_eq!(extractions.into_inner(), 1);
    assert_eq!(count(folder.path()), 2, "matrix and sidecar, nothing else");
}

#[test]
fn what_a_kill_leaves_of_an_entry_is_neither_used_nor_in_the_way() {
    let fixture = Fixture::new();
    fixture.get(&KEY);
    let matrix = fixture.file("npy");
    // Killed while it wrote the matrix, holding the lock.
    fs::rename(&matrix, matrix.with_extension("npy.part")).unwrap();
    fs::write(matrix.with_extension("lock"), "").unwrap();
    fs::remove_file(matrix.with_extension("json")).unwrap();
    assert_eq!(fixture.get(&KEY).1, Origin::Extracted);
    assert_eq!(fixture.get(&KEY).1, Origin::Cached);
    assert_eq!(fixture.files(), 2, "nothing is left of it");
}

#[test]
fn after_one_fails_the_others_still_extract_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || FeatureCache::new(folder.path());
    let extracted = || Ok::<_, Error>(Array2::from_elem((2, 3), 0.5));
    let (failing, is_failing) = mpsc::channel();
    let (second, is_second) = mpsc::channel();
    let (third, is_third) = mpsc::channel();
    thread::scope(|scope| {
        let first = scope.spawn(move || {
            cache().get_or_extract(&KEY, || {
                failing.send(()).unwrap();
                // Time enough for the second to wait for the lock.
                thread::sleep(Duration::from_millis(200));
                Err(Error::Shape { operation: "test", expected: String::new(), actual: String::new() })
            })
        });
        is_failing.recv().unwrap();
        let waiting = scope.spawn(move || {
            cache().get_or_extract(&KEY, || {
                second.send(()).unwrap();
                // The third has come by now, and must not extract beside this one.
                assert!(is_third.recv_timeout(Duration::from_millis(300)).is_err());
                extracted()
            })
        });
        is_second.recv().unwrap();
        let last = cache().get_or_extract(&KEY, || {
            // Nobody may be listening any more.
            let _ = third.send(());
            extracted()
        });
        assert!(first.join().unwrap().is_err());
        assert_eq!(waiting.join().unwrap().unwrap().1, Origin::Extracted);
        assert_eq!(last.unwrap().1, Origin::Cached);
    });
}

#[cfg(unix)]
#[test]
fn an_entry_that_may_not_be_read_is_left_alone_and_its_features_are_extracted_without_keeping_them() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let (features, _) = fixture.get(&KEY);
    let forbid = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for extension in ["npy", "json"] {
        let path = fixture.file(extension);
        let before = fs::read(&path).unwrap();
        forbid(&path, 0o000);
        if fs::read(&path).is_ok() {
            eprintln!("SKIPPED: root may read everything");
            return;
        }
        assert_eq!(fixture.get(&KEY), (features.clone(), Origin::NotKept { path: path.clone() }));
        forbid(&path, 0o644);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fixture.get(&KEY).1, Origin::Cached);
    }
    // The lock of another user, whose entry never came.
    fs::remove_file(fixture.file("json")).unwrap();
    let lock = fixture.file("lock");
    forbid(&lock, 0o000);
    assert_eq!(fixture.get(&KEY), (features.clone(), Origin::NotKept { path: lock.clone() }));
    forbid(&lock, 0o444);
    assert_eq!(fixture.get(&KEY).1, Origin::Extracted);
}
