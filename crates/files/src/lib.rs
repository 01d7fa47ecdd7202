#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".";
const SUFFIX: &str = ".tmp";
/// How many letters and digits stand between.
const RANDOM: usize = 6;

/// Writes `bytes` as the file `path`, whose folder must exist. After an error, `path` is what it was before.
///
/// # Errors
/// What the system reports; [`next_step`] says what to do about it.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], with what `content` writes. It may write in small pieces.
///
/// # Errors
/// What `content` returns, or the system reports.
pub fn write_with(
    path: impl AsRef<Path>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = beside(&path)?;
    let mut writer = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    content(&mut writer)?;
    writer.flush()?;
    drop(writer);
    persist(file, path)
}

/// A temporary file in the folder of `path`, removed when dropped, for [`persist`].
///
/// # Errors
/// What the system reports.
pub fn beside(path: impl AsRef<Path>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    // Temporary files are private by default; this one becomes an ordinary file, which others may read.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path.as_ref())).map_err(plain)
}

/// Brings a file from [`beside`] onto the disk and to its final name.
///
/// # Errors
/// What the system reports; the temporary file is then removed.
pub fn persist(file: NamedTempFile, path: impl AsRef<Path>) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    sync_folder(path.as_ref())
}

/// Brings the file `from` onto the disk and renames it to `to`, in the same folder.
///
/// # Errors
/// What the system reports.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    File::open(&from)?.sync_all()?;
    fs::rename(from, &to)?;
    sync_folder(to.as_ref())
}

/// Removes from `folder` the files of [`beside`] that a killed process left there. Nobody else may be writing to the
/// folder meanwhile. A folder that does not exist holds none.
///
/// # Errors
/// What the system reports.
pub fn sweep(folder: impl AsRef<Path>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if is_temporary(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Holds the file `path`, which is made if it is missing, locked against other processes until the result is dropped;
/// waits for its turn. Where the file system has no locks, there is no protection against a second process.
///
/// # Errors
/// What the system reports.
pub fn lock(path: impl AsRef<Path>) -> io::Result<File> {
    let file = File::create(path)?;
    match file.lock() {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(file),
        result => result.map(|()| file),
    }
}

/// As [`lock`], without waiting: `None` if another process holds the file.
///
/// # Errors
/// What the system reports.
pub fn try_lock(path: impl AsRef<Path>) -> io::Result<Option<File>> {
    let file = File::create(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(Some(file)),
    }
}

/// The SHA-256 of the file `path` in lower-case hexadecimal. The file may be larger than memory.
///
/// # Errors
/// What the system reports.
pub fn sha256(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(n) => digest.update(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What to do about an error in reading or writing a file, for the end of a message.
pub fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space, or choose a folder on another disk"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write to"
        }
        ErrorKind::FileTooLarge => "raise the limit on the size of files (ulimit -f), or choose another disk",
        ErrorKind::NotFound => "check the path: a part of it does not exist",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "check the path: a part of it is a file, not a folder"
        }
        ErrorKind::IsADirectory => "check the path: it is a folder, not a file",
        _ => "check that the path is right, that you may use it, and that the disk is not full",
    }
}

/// Whether [`beside`] gives names like this: `.`, letters and digits, `.tmp`.
fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| middle.len() == RANDOM && middle.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Makes a rename survive a power cut (a no-op where folders cannot be synchronised).
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Without the temporary file's name, which says nothing to a reader.
fn plain(error: io::Error) -> io::Error {
    let system =
        error.get_ref().and_then(|inner| inner.source()?.downcast_ref::<io::Error>()?.raw_os_error());
    system.map_or(error, io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for content in [&b"first"[..], b"", b"the third and longest"] {
            write(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn an_error_half_way_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"before").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(&[0; 1 << 20])?;
            Err(io::Error::other("on purpose"))
        });
        assert_eq!(error.unwrap_err().to_string(), "on purpose");
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn an_error_is_the_systems_and_has_a_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let (file, missing) = (folder.path().join("file"), folder.path().join("missing"));
        write(&file, b"").unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        let table = [
            (file.join("x"), "Not a directory", "is a file, not a folder"),
            (missing.join("x"), "No such file", "does not exist"),
            (folder.path().join("folder"), "Is a directory", "it is a folder"),
        ];
        for (path, says, next) in table {
            let error = write(&path, b"x").unwrap_err();
            assert!(error.to_string().starts_with(says), "{error}");
            assert!(next_step(&error).contains(next), "{error}");
        }
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn the_digest_is_that_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        // python3 -c 'import hashlib; print(hashlib.sha256(bytes(i % 251 for i in range(150_000))).hexdigest())'
        write(&path, &(0..150_000).map(|i| (i % 251) as u8).collect::<Vec<_>>()).unwrap();
        let expected = "02675bf9284bd74223e98ceea96ebee4c9a469272ead358f462d89753f8c909b";
        assert_eq!(sha256(&path).unwrap(), expected);
    }

    #[test]
    fn what_was_not_yet_renamed_is_swept_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (_, killed) = beside(folder.path().join("a")).unwrap().keep().unwrap();
        assert!(killed.exists());
        for name in ["a", ".mine.tmp", "mine.tmp"] {
            write(folder.path().join(name), b"x").unwrap();
        }
        sweep(folder.path()).unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [".mine.tmp", "a", "mine.tmp"]);
        sweep(folder.path().join("missing")).unwrap();
    }

    #[test]
    fn a_lock_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || lock(path).map(drop)
        });
        drop(held);
        waiting.join().unwrap().unwrap();
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
        write(&ours, b"x").unwrap();
        fs::write(&ordinary, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}
