//! Memory that a thread keeps from call to call, aligned to cache lines.

use aligned_vec::{AVec, ConstAlign};

use crate::Error;

/// Memory on cache-line boundaries: a vector load that straddles two lines counts twice.
pub(crate) type Aligned<T> = AVec<T, ConstAlign<64>>;

/// The buffers of a matrix product, kept from product to product, so that none allocates.
pub(crate) struct Scratch<T> {
    /// Rows of A, packed.
    pub a: Aligned<T>,
    /// B, packed.
    pub b: Aligned<T>,
    /// A tile that is wider than what is left of C.
    pub edge: Aligned<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { a: Aligned::new(64), b: Aligned::new(64), edge: Aligned::new(64) }
    }
}

/// Makes room for as many numbers as the product of `lengths`, and never gives any back: buffers change their size from layer to
/// layer, and filling the difference again each time would cost as much as a layer.
///
/// # Errors
/// [`Error::Memory`], also where the product of the lengths is too large for a number. Places in a buffer that has grown can therefore
/// be computed without a check.
pub(crate) fn grow<T: Copy + Default>(
    operation: &'static str,
    buffer: &mut Aligned<T>,
    lengths: &[usize],
) -> Result<(), Error> {
    let len = product(operation, lengths)?;
    if buffer.len() < len {
        buffer.try_reserve(len - buffer.len()).map_err(|_| no_room(operation, lengths))?;
        buffer.resize(len, T::default());
    }
    Ok(())
}

/// The product of `lengths`, if memory could hold so many numbers.
///
/// # Errors
/// [`Error::Memory`] if not, even where one of the lengths is 0.
pub(crate) fn product(operation: &'static str, lengths: &[usize]) -> Result<usize, Error> {
    const MOST: usize = isize::MAX as usize / size_of::<f64>();
    let of_others = lengths.iter().filter(|&&length| length > 0);
    let product = of_others.fold(1_usize, |product, &length| product.saturating_mul(length));
    match product {
        0..=MOST => Ok(if lengths.contains(&0) { 0 } else { product }),
        _ => Err(no_room(operation, lengths)),
    }
}

fn no_room(operation: &'static str, lengths: &[usize]) -> Error {
    let lengths: Vec<_> = lengths.iter().map(usize::to_string).collect();
    Error::Memory { operation, numbers: lengths.join(" x ") }
}
