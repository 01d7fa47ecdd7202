#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod lock;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

pub use lock::{lock, try_lock};

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".";
const SUFFIX: &str = ".tmp";
/// How many letters and digits stand between.
const RANDOM: usize = 6;

/// Writes `bytes` as the file `path`, whose folder must exist. After an error, `path` is what it was before, unless the
/// error says that the new file is in place.
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
/// What the system reports; the temporary file is then removed. An error after the renaming says that the file is in place.
pub fn persist(file: NamedTempFile, path: impl AsRef<Path>) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    sync_folder(path.as_ref())
}

/// Brings the file `from` onto the disk and renames it to `to`, in the same folder.
///
/// # Errors
/// What the system reports: `from` then has its name still, unless the error says that the new file is in place.
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
        _ if error.get_ref().is_some_and(|inner| inner.is::<InPlace>()) => {
            "check the disk, and start again: what is in place is recognised"
        }
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
pub fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| middle.len() == RANDOM && middle.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The renaming of a file is done, but may not survive a power cut.
#[derive(Debug)]
struct InPlace(io::Error);

impl fmt::Display for InPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source) = self;
        write!(
            f,
            "the new file is in place, but a power cut may undo that: its folder was not brought onto the disk ({source})"
        )
    }
}

impl std::error::Error for InPlace {}

/// Makes a rename survive a power cut, where folders can be brought onto the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    let synced = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let synced = (|_| Ok(()))(path);
    in_place(synced)
}

/// What the attempt to bring a folder onto the disk says of a file that has been renamed in it.
fn in_place(synced: io::Result<()>) -> io::Result<()> {
    use ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match synced {
        // A folder that may be written but not read, and file systems that do not know this of folders: no more can be done.
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), InPlace(error))),
        Ok(()) => Ok(()),
    }
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
    fn when_only_the_folder_could_not_be_brought_onto_the_disk_the_error_says_that_the_file_is_in_place() {
        let error = in_place(Err(io::Error::from(ErrorKind::StorageFull))).unwrap_err();
        assert!(error.to_string().starts_with("the new file is in place, but a power cut"), "{error}");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(next_step(&error).contains("what is in place is recognised"), "{}", next_step(&error));
        // No promise was made where the system has none to give.
        for kind in [ErrorKind::InvalidInput, ErrorKind::Unsupported, ErrorKind::PermissionDenied] {
            in_place(Err(kind.into())).unwrap();
        }
        in_place(Ok(())).unwrap();
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
