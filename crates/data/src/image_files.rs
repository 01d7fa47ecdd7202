//! Image files of any size: found below folders, decoded to RGB, and made square (feature `images`).
//!
//! PNG, JPEG, WebP, BMP, GIF (the first frame) and TIFF are read. The format is known from the content, not the name.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits, Rgba};
use ndarray::{Array3, ArrayView3};

pub use crate::folder_tree::{EXTENSIONS, is_image};

use crate::folder_tree::Folder;
use crate::{Error, Result, exif, jpeg};

/// The most bytes that a decoded image, and that a file, may have: 256 MiB, which is 89 million RGB pixels.
pub const MAX_BYTES: u64 = 256 << 20;

/// The image files in `paths`, in their order. A path may be a file of any name; or a folder, which stands for all files
/// below it with the name of an image ([`is_image`]), sorted by name, folder by folder.
///
/// Links are followed. Below a folder, names that begin with a dot are left out, and so is `__MACOSX`. A link that leads
/// nowhere or back to a folder above it, and a folder that may not be read, are in the list like a damaged image: [`read`]
/// gives the reason.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] for one of `paths` that is not there or cannot be read.
///
/// ```
/// use mlprobe_data::image_files;
///
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// let found = image_files::find([dir])?;
/// assert_eq!(found.len(), 3);
/// assert!(found[0].ends_with("test.png"));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn find<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(Folder::scan(path.as_ref())?.all_files().0);
    }
    Ok(found)
}

/// Reads an image file: RGB pixels 0..=255 of shape (height, width, 3).
///
/// The image is turned as its EXIF orientation says. Transparent pixels are laid over white, unless a BMP or TIFF is
/// transparent everywhere: then its fourth channel is not meant as transparency. Grey becomes RGB by repeating the channel,
/// 16 bits are rounded to 8, and the first frame of an animation is taken. Colour profiles are not applied.
///
/// # Errors
/// [`Error::Missing`], [`Error::Link`] or [`Error::Io`] for a file that cannot be read; [`Error::TooLarge`] for one larger
/// than [`MAX_BYTES`], decoded or not; [`Error::Format`] for one that is no image, damaged or truncated. That includes a JPEG
/// whose coded data end early, though an end marker follows.
///
/// ```
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// # let path = format!("{dir}/test.png");
/// let image = mlprobe_data::image_files::read(path)?;
/// assert_eq!(image.dim(), (800, 1280, 3));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array3<u8>> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|reason| bad_link(path).unwrap_or_else(|| Error::io("read", path)(reason)))?;
    decode(&bytes, path)
}

/// Decodes `bytes`, the content of the file `path`, as [`read`] does.
///
/// # Errors
/// As [`read`], except for those of reading the file.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Array3<u8>> {
    let broken = |at: &str, actual: String| Err(Error::format(path, at, EXPECTED, actual));
    if bytes.len() as u64 > MAX_BYTES {
        let (actual, limit) = ("more than 256 MiB".into(), "256 MiB".into());
        return Err(Error::TooLarge { path: path.to_owned(), actual, limit });
    }
    let format = match image::guess_format(bytes) {
        Ok(format) if FORMATS.contains(&format) => format,
        Ok(format) => return broken("first bytes", format!("{format:?}")),
        Err(_) if bytes.is_empty() => return broken("length", "an empty file".into()),
        Err(_) => return broken("first bytes", "another kind of file".into()),
    };
    let (mut image, orientation) = match decode_as(format, bytes) {
        Ok(Ok(decoded)) => decoded,
        Ok(Err([width, height])) => {
            let millions = f64::from(width) * f64::from(height) / 1e6;
            let actual = format!("{width} x {height} = {millions:.0} million pixels");
            let limit = "256 MiB when decoded, that is 89 million RGB pixels of 8 bits".into();
            return Err(Error::TooLarge { path: path.to_owned(), actual, limit });
        }
        Err(error) => return broken("image data", error.to_string()),
    };
    if let (ImageFormat::Jpeg, Some(fault)) = (format, jpeg::fault(bytes, image.as_bytes())) {
        return broken("image data", fault);
    }
    image.apply_orientation(orientation);
    if image.height() == 0 || image.width() == 0 {
        return broken("size", format!("{} x {} pixels", image.width(), image.height()));
    }
    let shape = (image.height() as usize, image.width() as usize, 3);
    // Programs that know no transparency leave zeros in the fourth channel of these formats.
    let is_unused = matches!(format, ImageFormat::Bmp | ImageFormat::Tiff) && is_clear(&image);
    let has_alpha = image.color().has_alpha() && !is_unused;
    let pixels = if has_alpha { over_white(image) } else { image.into_rgb8().into_raw() };
    Array3::from_shape_vec(shape, pixels).or_else(|e| broken("image data", e.to_string()))
}

/// The centre of `image` (height, width, 3) in `side` x `side` pixels: the largest centred square, resized.
///
/// The shorter side becomes `side`, and the longer side is cut to the same length, equally at both ends, as torchvision's
/// `Resize(side)` and `CenterCrop(side)` do: nothing is stretched. The filter is bilinear with antialiasing, as Pillow's.
/// A square image of that side is copied.
///
/// # Errors
/// [`Error::Argument`] if the image is empty or not RGB, or `side` is 0 or above 65,535.
///
/// ```
/// use ndarray::Array3;
///
/// let wide = Array3::from_shape_fn((10, 30, 3), |(_, x, _)| if (10..20).contains(&x) { 200 } else { 0 });
/// let square = mlprobe_data::image_files::to_square(wide.view(), 5)?;
/// assert_eq!(square.dim(), (5, 5, 3));
/// assert_eq!(square[[2, 2, 0]], 200);
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn to_square(image: ArrayView3<u8>, side: usize) -> Result<Array3<u8>> {
    let refused = |actual: String| {
        Error::argument(
            "to_square",
            "an image of shape (height, width, 3), not empty, and a side in 1..=65535",
            actual,
        )
    };
    let (height, width, channels) = image.dim();
    if channels != 3 || image.is_empty() || !(1..=65_535).contains(&side) {
        return Err(refused(format!("{:?} and side {side}", image.shape())));
    }
    if (height, width) == (side, side) {
        return Ok(image.to_owned());
    }
    let failed = |e: &dyn std::fmt::Display| refused(format!("{:?}: {e}", image.shape()));
    let layout = image.as_standard_layout();
    let pixels = layout.as_slice().unwrap_or_default();
    // Typed images: through dynamic ones, the resizer is compiled for every type of pixel, which takes half a minute.
    let source = TypedImageRef::<U8x3>::from_buffer(width as u32, height as u32, pixels);
    let source = source.map_err(|e| failed(&e))?;
    let mut square = vec![0; side * side * 3];
    let mut target =
        TypedImage::<U8x3>::from_buffer(side as u32, side as u32, &mut square).map_err(|e| failed(&e))?;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .fit_into_destination(Some((0.5, 0.5)));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
    drop(target);
    Array3::from_shape_vec((side, side, 3), square).map_err(|e| failed(&e))
}

const EXPECTED: &str = "an image (PNG, JPEG, WebP, BMP, GIF or TIFF)";
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
];

/// Decodes within [`MAX_BYTES`], and says how to turn the image upright; the width and height of one that is larger.
fn decode_as(
    format: ImageFormat,
    bytes: &[u8],
) -> ImageResult<Result<(DynamicImage, Orientation), [u32; 2]>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // The size that the header claims, before memory is taken for it.
    if decoder.total_bytes() > MAX_BYTES {
        let (width, height) = decoder.dimensions();
        return Ok(Err([width, height]));
    }
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = match format {
        // The file is itself what holds the orientation elsewhere. Large ones (BigTIFF) are of another form.
        ImageFormat::Tiff => exif::orientation(bytes),
        _ => decoder.exif_metadata()?.and_then(|exif| exif::orientation(&exif)),
    };
    let orientation = orientation.map_or_else(|| decoder.orientation(), Ok)?;
    Ok(Ok((DynamicImage::from_decoder(decoder)?, orientation)))
}

/// What is wrong with a link that cannot be read.
fn bad_link(path: &Path) -> Option<Error> {
    let target = std::fs::read_link(path).ok()?;
    let problem = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => "does not exist",
        Err(_) => "cannot be reached",
        Ok(metadata) if metadata.is_dir() => "is a folder above the link",
        Ok(_) => return None,
    };
    Some(Error::Link { path: path.to_owned(), target, problem })
}

/// Whether the image has a channel of transparency that is zero at every pixel.
fn is_clear(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgba8(image) => image.pixels().all(|pixel| pixel.0[3] == 0),
        DynamicImage::ImageRgba16(image) => image.pixels().all(|pixel| pixel.0[3] == 0),
        _ => false,
    }
}

/// The pixels over white: c' = (a c + (255 - a) 255) / 255, to the nearest integer, for every channel.
fn over_white(image: DynamicImage) -> Vec<u8> {
    let mix = |c: u8, a: u8| {
        let (c, a) = (u32::from(c), u32::from(a));
        ((a * c + (255 - a) * 255 + 127) / 255) as u8
    };
    image.into_rgba8().pixels().flat_map(|&Rgba([r, g, b, a])| [mix(r, a), mix(g, a), mix(b, a)]).collect()
}
