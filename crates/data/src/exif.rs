//! The orientation that a camera noted beside the pixels.

use image::metadata::Orientation;

/// The orientation in `exif`, a TIFF structure: the tag 0x112 of its first directory, whichever integer type it has. Cameras write
/// a SHORT, other programs LONG or BYTE.
pub(crate) fn orientation(exif: &[u8]) -> Option<Orientation> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_little = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = exif.get(at..at.checked_add(size)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    };
    let directory = usize::try_from(number(4, 4)?).ok()?;
    let entries = usize::try_from(number(directory, 2)?).ok()?;
    (0..entries).find_map(|entry| {
        let at = directory + 2 + 12 * entry;
        if number(at, 2)? != 0x112 || number(at + 4, 4)? != 1 {
            return None;
        }
        // BYTE, SHORT, LONG, and the same with a sign: the orientation is 1 to 8.
        let size = match number(at + 2, 2)? {
            1 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 13 => 4,
            _ => return None,
        };
        Orientation::from_exif(u8::try_from(number(at + 8, size)?).ok()?)
    })
}
