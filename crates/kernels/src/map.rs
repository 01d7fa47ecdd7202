//! Feature maps: batches of images between the layers of a network.

use crate::Error;
use crate::buffer::{Aligned, grow};

/// N images of height × width × channels (NHWC: channels of a pixel adjacent), `f32`, aligned to cache lines.
///
/// A map is meant to be reused: [`Map::reshape`] gives it the next layer's shape without allocating again.
#[derive(Debug, Clone)]
pub struct Map {
    data: Aligned<f32>,
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl Default for Map {
    fn default() -> Self {
        Self { data: Aligned::new(64), images: 0, height: 0, width: 0, channels: 0 }
    }
}

impl Map {
    /// A map of zeros.
    ///
    /// # Errors
    /// As [`Map::reshape`].
    pub fn zeros(shape: (usize, usize, usize, usize)) -> Result<Self, Error> {
        let mut map = Self::default();
        map.reshape(shape)?;
        Ok(map)
    }

    /// Gives the map another shape (images, height, width, channels). Its contents stay if the shape does; otherwise they are
    /// unspecified.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for so many numbers; the map then stays as it was.
    pub fn reshape(
        &mut self,
        (images, height, width, channels): (usize, usize, usize, usize),
    ) -> Result<(), Error> {
        grow("Map::reshape", &mut self.data, &[images, height, width, channels])?;
        (self.images, self.height, self.width, self.channels) = (images, height, width, channels);
        Ok(())
    }

    /// (images, height, width, channels)
    pub fn shape(&self) -> (usize, usize, usize, usize) {
        (self.images, self.height, self.width, self.channels)
    }

    /// All numbers, image after image, row after row, pixel after pixel.
    pub fn data(&self) -> &[f32] {
        &self.data[..self.images * self.image_len()]
    }

    /// All numbers, for writing.
    pub fn data_mut(&mut self) -> &mut [f32] {
        let len = self.images * self.image_len();
        &mut self.data[..len]
    }

    /// The numbers of each image.
    pub fn images(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.images).map(|index| self.image(index))
    }

    /// The numbers of one image, whose `index` is below the number of images.
    pub(crate) fn image(&self, index: usize) -> &[f32] {
        &self.data()[index * self.image_len()..][..self.image_len()]
    }

    /// As [`Map::image`], for writing.
    pub(crate) fn image_mut(&mut self, index: usize) -> &mut [f32] {
        let len = self.image_len();
        &mut self.data_mut()[index * len..][..len]
    }

    /// The number of pixels in all images.
    pub(crate) fn pixels(&self) -> usize {
        self.images * self.height * self.width
    }

    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Fails unless the map has this shape.
    pub(crate) fn expect(
        &self,
        operation: &'static str,
        expected: (usize, usize, usize, usize),
    ) -> Result<(), Error> {
        if self.shape() == expected {
            return Ok(());
        }
        Err(Error::Shape {
            operation,
            expected: format!("a map of (images, height, width, channels) {expected:?}"),
            actual: format!("{:?}", self.shape()),
        })
    }
}
