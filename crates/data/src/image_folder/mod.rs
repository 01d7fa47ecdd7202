//! Data sets of image files (feature `images`), for training and for testing. Classes are folders, or come from a table.
//!
//! | layout | what happens |
//! |---|---|
//! | `DIR/train/CLASS/*`, `DIR/test/CLASS/*` | The parts are known in any case and by other usual names: `Training` and `Testing`, `training_set` and `test_set`, `seg_train/seg_train/CLASS`. `val`, `valid` or `validation` is the test set if there is no other. |
//! | `DIR/CLASS/*` | Every class is divided into training and test images: [`Split`]. |
//! | `DIR/FOLDER/...` | A folder that alone holds classes is looked into, at any depth. |
//! | Tiny ImageNet | Classes may have their images in `CLASS/images`, and `val/val_annotations.txt` labels `val/images`. |
//! | images and a table | The table has columns of names and labels, such as `file,label`; the images need no folders. It is CSV or TSV, JSON lines (`metadata.jsonl`), lines of a path and a label (`val.txt`), or has a column of 0 and 1 for each class. |
//! | `DIR/part_1/*`, `DIR/part_2/*` and a table | The table names the classes; the folders number parts (`batch`, `shard`, `images_001`, `00` and so on). |
//!
//! Where a table and folders divide the images in different ways and it is not clear which of them are classes, both readings are
//! shown and refused, until [`crate::OpenOptions::labels`] names the table or says [`crate::FOLDERS`].
//!
//! Who divides the images into training and test images: folders; else a column of the table such as `split`, `subset` or
//! `is_valid`; else a file in the folder, which is `train_test_split.txt` of CUB-200, a table of names and parts, or lists such
//! as `train.txt`, `trainval.txt` and `test.txt`; else [`Split`]. In such a column, 0, 1 and 2 are training, validation and test
//! images where all three are there, as in CelebA. Lists that contradict each other are named and not used. Validation
//! images are the test images where there are no others, and are left out where there are. The summary says which it was.
//!
//! A name in a table that no image has is taken for that of the one image that differs from it only in the case of letters, in
//! zeros before a number, in `\` for `/`, or in the first folders of a path from another machine; the summary says so. A label that
//! stands for a missing value ([`crate::missing::is_missing`]) is none: its image is left out, and the summary names it.
//!
//! A class is named after its folder and has all images below it ([`crate::image_files::find`]). What cannot be understood
//! without a guess is an error that says what was seen, for example a "class" with folders of images only.
//!
//! Names alone are read first, so that a user sees what is there before the work starts: [`crate::Source::find`].

mod arranged;
mod arrangement;
mod choice;
mod columns;
mod decode;
mod folder;
mod listing;
mod matching;
mod names;
mod rows;
mod table;

pub(crate) use arranged::Arrangement;
pub(crate) use arrangement::arrangement;
pub(crate) use choice::listed;
pub(crate) use columns::{LABELS, Wanted};
pub use folder::{ImageFolder, OnBroken, Split};
pub(crate) use listing::divide_as_listed;
pub(crate) use names::text_of;
