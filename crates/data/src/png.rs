//! PNG files of a known size.

use std::io::Cursor;
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, ImageReader, Limits};

use crate::{Error, Result};

/// Decodes `bytes`, the content of `path`, which must be RGB of 8 bits and of exactly `width` x `height` pixels. The
/// result has height * width * 3 values, row by row. A header that claims another size is refused before memory is
/// taken for it.
pub(crate) fn decode(bytes: &[u8], path: &Path, width: u32, height: u32) -> Result<Vec<u8>> {
    let expected = format!("a PNG of {width}x{height} RGB pixels");
    let mut limits = Limits::default();
    limits.max_image_width = Some(width);
    limits.max_image_height = Some(height);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    reader.limits(limits);
    match reader.decode() {
        Ok(DynamicImage::ImageRgb8(image)) if image.dimensions() == (width, height) => Ok(image.into_raw()),
        Ok(other) => {
            let actual = format!("{}x{} {:?}", other.width(), other.height(), other.color());
            Err(Error::format(path, "header", expected, actual))
        }
        Err(error) => Err(Error::format(path, "PNG data", expected, error.to_string())),
    }
}

/// Encodes RGB `pixels` (height * width * 3 values) as small as the encoder can. `path` is named in errors.
pub(crate) fn encode(pixels: &[u8], path: &Path, width: u32, height: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|e| Error::format(path, "encoding", "a PNG", e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_survive() {
        let pixels: Vec<u8> = (0..5 * 7 * 3).map(|x| x as u8 * 2).collect();
        let bytes = encode(&pixels, Path::new("a.png"), 7, 5).unwrap();
        assert_eq!(decode(&bytes, Path::new("a.png"), 7, 5).unwrap(), pixels);
    }

    #[test]
    fn another_size_or_kind_is_refused() {
        let bytes = encode(&[0; 5 * 7 * 3], Path::new("a.png"), 7, 5).unwrap();
        for (width, height) in [(6, 5), (7, 4), (8, 5), (7, 6), (5, 7)] {
            let error = decode(&bytes, Path::new("a.png"), width, height).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
        }
        let mut grey = Vec::new();
        PngEncoder::new(&mut grey).write_image(&[0; 4], 2, 2, ExtendedColorType::L8).unwrap();
        let error = decode(&grey, Path::new("a.png"), 2, 2).unwrap_err().to_string();
        assert!(error.contains("2x2 RGB") && error.contains("L8"), "{error}");
    }

    #[test]
    fn damaged_bytes_give_an_error_that_names_the_file() {
        let mut bytes = encode(&[9; 5 * 7 * 3], Path::new("a.png"), 7, 5).unwrap();
        bytes.truncate(bytes.len() / 2);
        let error = decode(&bytes, Path::new("a.png"), 7, 5).unwrap_err();
        assert!(matches!(&error, Error::Format { path, .. } if path.ends_with("a.png")), "{error}");
    }
}
