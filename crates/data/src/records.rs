//! Files of CIFAR's binary versions: records of one or two label bytes, then the red, the green and the blue plane of
//! a 32x32 image, each row by row.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array4;

use crate::{Error, LabelledImages, Result};

/// Height and width of an image in pixels.
pub(crate) const SIDE: usize = 32;

const PIXELS: usize = SIDE * SIDE;

/// Bytes of a record with `labels` label bytes.
pub(crate) const fn length(labels: usize) -> usize {
    labels + 3 * PIXELS
}

/// Reads files one after another. `classes` holds a bound for each label byte; the last byte is the label.
pub(crate) fn read(paths: &[PathBuf], classes: &[usize]) -> Result<LabelledImages> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        parse(&bytes, path, classes, &mut pixels, &mut labels)?;
    }
    let shape = (labels.len(), SIDE, SIDE, 3);
    let images = Array4::from_shape_vec(shape, pixels)
        .map_err(|e| Error::argument("reading records", "whole records", e.to_string()))?;
    LabelledImages::new(images, labels)
}

/// Appends the records in `bytes` to `pixels`, turned from planes into (32, 32, 3), and to `labels`.
fn parse(
    bytes: &[u8],
    path: &Path,
    classes: &[usize],
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u16>,
) -> Result<()> {
    let length = length(classes.len());
    if bytes.is_empty() || !bytes.len().is_multiple_of(length) {
        return Err(Error::format(
            path,
            format!("length {}", bytes.len()),
            format!(
                "a positive multiple of {length} bytes ({} for labels and 3 planes of {PIXELS})",
                classes.len()
            ),
            format!("{} bytes after {} whole records", bytes.len() % length, bytes.len() / length),
        ));
    }
    // Exactly: doubling would take twice the memory of the set.
    pixels.reserve_exact(bytes.len() / length * 3 * PIXELS);
    for (i, record) in bytes.chunks_exact(length).enumerate() {
        let (record_labels, planes) = record.split_at(classes.len());
        for (at, (&label, &classes)) in record_labels.iter().zip(classes).enumerate() {
            if usize::from(label) >= classes {
                return Err(Error::format(
                    path,
                    format!("record {i} (byte offset {})", i * length + at),
                    format!("a label in 0..={}", classes - 1),
                    format!("label {label}"),
                ));
            }
        }
        labels.extend(record_labels.last().map(|&label| u16::from(label)));
        let (red, rest) = planes.split_at(PIXELS);
        let (green, blue) = rest.split_at(PIXELS);
        pixels.extend(red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]));
    }
    Ok(())
}
