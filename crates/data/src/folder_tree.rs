//! What lies below a folder: one walk that reads names only, follows links, and never loops.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::{Error, Result};

/// The endings of names, in any case, by which a file is taken for an image.
pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// A folder with what lies below it, sorted by name. Names that begin with a dot are left out, and so is `__MACOSX`, which
/// archives made on a Mac contain.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

/// What a folder contains.
pub(crate) enum Entry {
    /// A file that is named as an image, or what may be one and cannot be looked at: a link that leads nowhere or back to
    /// a folder above it, or a folder that may not be read. Reading it gives the reason.
    Image(PathBuf),
    /// Any other file.
    Other(PathBuf),
    Folder(Folder),
}

impl Folder {
    /// Walks through everything below `path`. A file is a folder that contains itself, as an image.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if `path` itself cannot be read.
    pub(crate) fn scan(path: &Path) -> Result<Self> {
        let visible = |entry: &DirEntry| {
            let name = entry.file_name();
            entry.depth() == 0 || !(name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX")
        };
        let mut open = vec![Self::new(path.to_owned())];
        for entry in
            WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible)
        {
            let depth = entry.as_ref().map_or_else(walkdir::Error::depth, DirEntry::depth);
            close(&mut open, depth.max(1));
            let entry = match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    if depth > 0 {
                        open.push(Self::new(entry.into_path()));
                    }
                    continue;
                }
                Ok(entry) if depth == 0 || is_image(entry.path()) => Entry::Image(entry.into_path()),
                Ok(entry) => Entry::Other(entry.into_path()),
                Err(error) if depth == 0 => return Err(Error::io("read", path)(error.into())),
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_owned();
                    let other = error.loop_ancestor().is_none() && at.extension().is_some() && !is_image(&at);
                    if other { Entry::Other(at) } else { Entry::Image(at) }
                }
            };
            if let Some(parent) = open.last_mut() {
                parent.entries.push(entry);
            }
        }
        close(&mut open, 1);
        Ok(open.remove(0))
    }

    fn new(path: PathBuf) -> Self {
        Self { path, entries: Vec::new() }
    }

    /// The folders directly in this one.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Self> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Folder(folder) => Some(folder),
            _ => None,
        })
    }

    /// The images directly in this folder.
    pub(crate) fn images(&self) -> impl Iterator<Item = &PathBuf> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Image(path) => Some(path),
            _ => None,
        })
    }

    /// The files directly in this folder that are no images.
    pub(crate) fn others(&self) -> impl Iterator<Item = &PathBuf> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Other(path) => Some(path),
            _ => None,
        })
    }

    /// Whether there is an image anywhere below.
    pub(crate) fn has_images(&self) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Image(_) => true,
            Entry::Other(_) => false,
            Entry::Folder(folder) => folder.has_images(),
        })
    }

    /// Takes the file `path`, however it is written, out of the folder that holds it.
    pub(crate) fn forget(&mut self, path: &Path) {
        let is_it = |other: &Path| {
            other.file_name() == path.file_name()
                && matches!((other.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b)
        };
        self.entries.retain(|entry| !matches!(entry, Entry::Other(other) if is_it(other)));
        for entry in &mut self.entries {
            if let Entry::Folder(folder) = entry {
                folder.forget(path);
            }
        }
    }

    /// All images below, and all other files, in the order of their paths.
    pub(crate) fn all_files(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut images, mut others) = (Vec::new(), Vec::new());
        self.collect(&mut images, &mut others);
        (images, others)
    }

    fn collect(&self, images: &mut Vec<PathBuf>, others: &mut Vec<PathBuf>) {
        for entry in &self.entries {
            match entry {
                Entry::Image(path) => images.push(path.clone()),
                Entry::Other(path) => others.push(path.clone()),
                Entry::Folder(folder) => folder.collect(images, others),
            }
        }
    }
}

/// Puts the folders below `depth` into their parents.
fn close(open: &mut Vec<Folder>, depth: usize) {
    while open.len() > depth {
        if let (Some(folder), Some(parent)) = (open.pop(), open.last_mut()) {
            parent.entries.push(Entry::Folder(folder));
        }
    }
}

/// Whether the name ends as that of an image file: one of [`EXTENSIONS`].
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}
