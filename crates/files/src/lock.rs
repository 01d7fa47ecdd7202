//! Files that are held by one process at a time.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Holds the file `path`, which is made if it is missing, locked against other processes until the result is dropped;
/// waits for its turn. Where the file system has no locks, there is no protection against a second process.
///
/// A file that serves as a lock is never removed, renamed or replaced by anybody: who waits for it would then hold a file
/// that others no longer find, and work beside them. So it stays, empty, and should have a name that starts with a dot where
/// users look. It may belong to another user.
///
/// # Errors
/// What the system reports.
pub fn lock(path: impl AsRef<Path>) -> io::Result<File> {
    let file = to_lock(path.as_ref())?;
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
    let file = to_lock(path.as_ref())?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(Some(file)),
    }
}

/// The open file of a lock. That of another user may perhaps be read only, which is enough in most file systems.
fn to_lock(path: &Path) -> io::Result<File> {
    match File::options().write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        file => file,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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

    #[test]
    fn a_lock_stays_the_same_file_and_keeps_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        fs::write(&path, b"content").unwrap();
        drop(lock(&path).unwrap());
        drop(try_lock(&path).unwrap().unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"content");
    }
}
