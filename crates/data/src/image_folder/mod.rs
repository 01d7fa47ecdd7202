//! Data sets of image files (feature `images`), for training and for testing. Classes are folders, or come from a table.
//!
//! | layout | what happens |
//! |---|---|
//! | `DIR/train/CLASS/*`, `DIR/test/CLASS/*` | The parts are known in any case and by other usual names: `Training` and `Testing`, `training_set` and `test_set`, `seg_train/seg_train/CLASS`. `val`, `valid` or `validation` is the test set if there is no other. |
//! | `DIR/CLASS/*` | Every class is divided into training and test images: [`Split`]. |
//! | `DIR/FOLDER/...` | A folder that alone holds classes is looked into, at any depth. |
//! | Tiny ImageNet | Classes may have their images in `CLASS/images`, and `val/val_annotations.txt` labels `val/images`. |
//! | images and a CSV or TSV file | The table has columns of names and labels, such as `file,label`; the images need no folders. |
//!
//! A class is named after its folder and has all images below it ([`crate::image_files::find`]). What cannot be understood
//! without a guess is an error that says what was seen, for example a "class" with folders of images only.
//!
//! Names alone are read first, so that a user sees what is there before the work starts: [`crate::Source::find`].

mod arrangement;
mod columns;
mod decode;
mod folder;
mod listing;
mod matching;
mod names;
mod rows;
mod table;

pub(crate) use arrangement::{Arrangement, arrangement, listed};
pub(crate) use columns::{LABELS, Wanted};
pub use folder::{ImageFolder, OnBroken, Split};
pub(crate) use listing::divide_as_listed;
pub(crate) use names::text_of;
