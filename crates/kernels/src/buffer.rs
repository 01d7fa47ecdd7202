//! Memory that a thread keeps from call to call, aligned to cache lines.

use aligned_vec::{AVec, ConstAlign};

/// Memory on cache-line boundaries: a vector load that straddles two lines counts twice.
pub(crate) type Aligned<T> = AVec<T, ConstAlign<64>>;

/// The buffers of a matrix product, kept from product to product, so that none allocates.
pub(crate) struct Scratch<T> {
    /// B, packed.
    pub packed: Aligned<T>,
    /// A tile that is wider than what is left of C.
    pub edge: Aligned<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { packed: Aligned::new(64), edge: Aligned::new(64) }
    }
}

/// Makes room for `len` numbers, and never gives any back: buffers change their size from layer to layer, and filling
/// the difference again each time would cost as much as a layer.
pub(crate) fn grow<T: Copy + Default>(buffer: &mut Aligned<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
