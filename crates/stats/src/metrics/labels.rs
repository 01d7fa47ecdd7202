//! Labels are checked once, before anything is computed from them.

use crate::error::{Result, require};

/// Labels are 16 bits wide.
const MAX_CLASSES: usize = 1 << 16;

/// Refuses `labels` unless there are N of them, one for each of `rows`, N above 0, all below `classes`.
///
/// # Errors
/// If the lengths differ, there is no row, `classes` is out of range or a label is not below it.
pub fn check_labels(operation: &'static str, labels: &[u16], rows: usize, classes: usize) -> Result<()> {
    let lengths = format_args!("{} labels and {rows} rows", labels.len());
    let equal = labels.len() == rows && rows > 0;
    require(
        equal,
        operation,
        "one label for each row, and one row or more",
        lengths,
        "pass the set's own labels",
    )?;
    require(
        (1..=MAX_CLASSES).contains(&classes),
        operation,
        "1 to 65,536 classes",
        classes,
        "leave rare classes out",
    )?;
    for (i, &label) in labels.iter().enumerate() {
        let actual = format_args!("{label} at index {i}");
        let below = usize::from(label) < classes;
        require(below, operation, &format!("labels below {classes}"), actual, "pass the number of classes")?;
    }
    Ok(())
}
