//! The real program where it cannot write: a full disk, a limit on files, a read-only or forbidden folder. It says which
//! file, why and what to do, and leaves what was there.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with a feature cache and a run folder.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// Runs the study of one seed and so many epochs in a shell that `wrapper` starts, after the lines `before`; it may replace an
    /// earlier one. `$out` and
    /// `$cache` are its folders.
    fn run(&self, wrapper: &[&str], before: &str, epochs: &str) -> Output {
        let script = format!(
            "{before}\n\"$xtask\" reproduce --dataset mini --input-size 16 --seeds 1 --epochs {epochs} --force --out \"$out\""
        );
        let mut command = Command::new(wrapper.first().unwrap_or(&"sh"));
        command.args(wrapper.iter().skip(1));
        if !wrapper.is_empty() {
            command.arg("sh");
        }
        command
            .args(["-c", &script])
            .env("xtask", env!("CARGO_BIN_EXE_mlprobe"))
            .env("out", self.out())
            .env("cache", self.cache())
            .env("MLPROBE_CACHE", self.cache())
            .output()
            .unwrap()
    }

    fn succeeds(&self) {
        let output = self.run(&[], "", "1");
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// Runs where it must fail by itself, with a message that has all `parts`.
    fn fails(&self, wrapper: &[&str], before: &str, parts: &[&str]) {
        let output = self.run(wrapper, before, "2");
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in parts {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every file under `folder` with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// What a report, model or prediction is among the files of a run folder.
fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_result = |path: &Path| {
        let extensions = ["json", "md", "svg", "html", "npy", "safetensors"];
        let is_record = path.ends_with("run.json"); // says whose folder it is, from the first moment on
        !is_record
            && path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known))
    };
    files(folder).into_iter().filter(|(path, _)| is_result(path)).collect()
}

/// Whether `wrapper` can do `what` here; says so if not, since the test then shows nothing.
fn can(wrapper: &[&str], what: &str) -> bool {
    let works = Command::new(wrapper[0]).args(&wrapper[1..]).args(["sh", "-c", what]).output();
    let works = works.is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("SKIPPED: {wrapper:?} cannot do `{what}` here");
    }
    works
}

/// A mount that is gone with the process.
const OWN_MOUNTS: [&str; 2] = ["unshare", "--mount"];

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_leaves_no_part() {
    let place = Place::new();
    // In blocks of 512 or 1,024 bytes: less than the 4 MB of features, more than any lock.
    place.fails(&[], "ulimit -f 512", &["writing ", ".npy", "File too large", "ulimit -f"]);
    // Locks stay, and are empty.
    assert!(files(&place.cache()).values().all(Vec::is_empty), "{:?}", files(&place.cache()).keys());
}

#[test]
fn results_stay_when_newer_ones_are_too_large_and_the_same_command_goes_on_without_the_limit() {
    let place = Place::new();
    place.succeeds();
    let before = results(&place.out());
    assert!(before.len() > 10);
    // The features are there, and need not be written; a network has 130 KB.
    place.fails(&[], "ulimit -f 64", &["out", "File too large", "ulimit -f"]);
    assert_eq!(before, results(&place.out()));
    let output = place.run(&[], "", "2");
    assert!(output.status.success(), "{}", stderr(&output));
    let undisturbed = Place::new();
    assert!(undisturbed.run(&[], "", "2").status.success());
    let models = |place: &Place| {
        let models = results(&place.out().join("models")).into_values().collect::<Vec<_>>();
        assert_eq!(models.len(), 4);
        models
    };
    assert_eq!(models(&place), models(&undisturbed));
}

#[test]
fn a_full_disk_is_an_error_that_says_to_free_some_space() {
    if !can(&OWN_MOUNTS, "mount -t tmpfs -o size=1m tmpfs /tmp") {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.cache()).unwrap();
    let full = "mount -t tmpfs -o size=1m tmpfs \"$cache\"";
    place.fails(&OWN_MOUNTS, full, &["writing ", ".npy", "No space left on device", "free some space"]);

    place.succeeds();
    let before = results(&place.out());
    // The results of an earlier run fill the disk.
    let full = "mkdir \"$out.kept\"; cp -r \"$out/.\" \"$out.kept\"; mount -t tmpfs -o size=3m tmpfs \"$out\"
        cp -r \"$out.kept/.\" \"$out\"; head -c 3m /dev/zero > \"$out/other\"; rm -r \"$out.kept\"
        trap 'mkdir \"$out.kept\"; rm -f \"$out/other\"; cp -r \"$out/.\" \"$out.kept\"' EXIT";
    place.fails(&OWN_MOUNTS, full, &["No space left on device", "free some space"]);
    let kept = place.0.path().join("out.kept");
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>, root: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        files
            .iter()
            .map(|(path, bytes)| (path.strip_prefix(root).unwrap().to_owned(), bytes.clone()))
            .collect()
    };
    assert!(before.len() > 10);
    assert_eq!(names(&before, &place.out()), names(&results(&kept), &kept));
}

#[test]
fn a_read_only_disk_is_an_error_before_anything_is_computed() {
    if !can(&OWN_MOUNTS, "mount -t tmpfs -o ro tmpfs /tmp") {
        return;
    }
    let place = Place::new();
    for folder in [place.cache(), place.out()] {
        fs::create_dir_all(&folder).unwrap();
        let read_only = format!("mount -t tmpfs -o ro tmpfs '{}'", folder.display());
        let name = folder.display().to_string();
        place.fails(&OWN_MOUNTS, &read_only, &[&name, "Read-only file system", "that you may write to"]);
        assert!(results(place.0.path()).is_empty(), "nothing was computed in vain");
    }
}

#[test]
fn a_folder_without_permission_is_an_error_that_says_to_choose_another() {
    // Root may write everywhere, unless it gives that power up.
    let powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"];
    if !can(
        &powerless,
        "mkdir -m 555 /tmp/mlprobe-$$ && ! touch /tmp/mlprobe-$$/x; code=$?; rmdir /tmp/mlprobe-$$; exit $code",
    ) {
        return;
    }
    let place = Place::new();
    place.fails(
        &powerless,
        "mkdir -m 555 \"$cache\"",
        &["cache", "Permission denied", "choose a folder that you may write to"],
    );
}

#[test]
fn a_folder_below_a_file_is_an_error_that_says_so() {
    let place = Place::new();
    fs::write(place.out(), "a file").unwrap();
    place.fails(&[], "out=\"$out/below\"", &["out/below", "Not a directory", "a part of it is a file"]);
    assert_eq!(fs::read(place.out()).unwrap(), b"a file");
    assert!(!place.cache().exists(), "nothing was computed in vain");
}
