//! Files that are whole or not there.
//!
//! A file is written beside its place, brought onto the disk, and then renamed to its name: whatever happens on the way,
//! a full disk or a power cut, under the name is what was there before, or the new file and all of it.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("results.json");
//! mlprobe_files::write(&path, b"{}")?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

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
    builder.prefix(".").suffix(".tmp");
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
