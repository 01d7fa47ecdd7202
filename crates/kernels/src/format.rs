//! Arithmetic as one value: how the numbers of a product become the elements that tiles multiply, and which tiles those are.
//!
//! Matrix products and both kinds of convolution are written once, for any [`Format`]:
//!
//! ```text
//! factors of a sum over Q numbers  →  elements (E)  →  sums
//!                         Pack::row, Pack::columns   Format::table
//! ```
//!
//! [`Exact`] numbers are the elements themselves, E = Q. [`Pairs`](crate::parts::Pairs) are pairs of bf16 numbers, E = T·Q/2, where T
//! is 1 for rounded numbers and 6 for the products of numbers in three parts.

use std::cell::RefCell;
use std::marker::PhantomData;

use ndarray::{ArrayView1, ArrayView2, NdFloat};

use crate::buffer::Scratch;
use crate::isa::{Isa, Level};
#[cfg(target_arch = "aarch64")]
use crate::tile::neon;
#[cfg(target_arch = "x86_64")]
use crate::tile::x86;
use crate::tile::{PORTABLE_F32, PORTABLE_F64, TileTable};
use crate::{Bf16, Precision};

/// In which precision products are computed, and on which instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arithmetic {
    /// The instruction set.
    pub isa: Isa,
    /// How exactly `f32` factors are taken; those in `f64` are always taken as they are.
    pub precision: Precision,
}

impl From<Precision> for Arithmetic {
    /// On the instruction set in use, [`Isa::current`].
    fn from(precision: Precision) -> Self {
        Self { isa: Isa::current(), precision }
    }
}

impl From<(Isa, Precision)> for Arithmetic {
    fn from((isa, precision): (Isa, Precision)) -> Self {
        Self { isa, precision }
    }
}

/// An arithmetic that products are compiled for.
pub(crate) trait Format: Copy + Send + Sync + 'static {
    /// What sums are made of.
    type Number: Element;
    /// Whether the elements are the numbers, so that they can be multiplied where they lie.
    const EXACT: bool;
    fn isa(self) -> Isa;
    fn table(self) -> &'static TileTable<Self::Number>;
    /// The same for the factors in the other order.
    fn swapped(self) -> Self {
        self
    }
    /// How many elements hold this many numbers along a sum. Saturates.
    fn elements(self, numbers: usize) -> usize;
}

/// A format that takes factors kept as `X`.
///
/// Where a number has several parts, those of `run` numbers that follow each other along the sum, an even number, lie together: first the
/// parts for the first product, then those for the second, and so on.
pub(crate) trait Pack<X>: Format {
    /// The elements (M, E) of a matrix (M, Q), if it can be read as them where it lies.
    fn in_place(self, a: ArrayView2<'_, X>) -> Option<ArrayView2<'_, Self::Number>>;
    /// Contiguous numbers, as if `before` zeros came before them, to the elements of a left factor. Elements without any of the
    /// numbers stay as they are.
    fn row(self, run: usize, before: usize, numbers: &[X], to: &mut [Self::Number]);
    /// A right factor (Q, N) to its elements (E, width), with zeros beyond N.
    fn columns(self, run: usize, b: ArrayView2<'_, X>, width: usize, to: &mut [Self::Number]);
}

/// Numbers as they are.
#[derive(Clone, Copy)]
pub(crate) struct Exact<T>(Isa, PhantomData<T>);

impl<T> Exact<T> {
    pub fn new(isa: Isa) -> Self {
        Self(isa, PhantomData)
    }
}

impl<T: Element> Format for Exact<T> {
    type Number = T;
    const EXACT: bool = true;

    fn isa(self) -> Isa {
        self.0
    }

    fn table(self) -> &'static TileTable<T> {
        T::table(self.0)
    }

    fn elements(self, numbers: usize) -> usize {
        numbers
    }
}

impl<T: Element, X: Kept<T>> Pack<X> for Exact<T> {
    fn in_place(self, a: ArrayView2<'_, X>) -> Option<ArrayView2<'_, T>> {
        X::exact(a)
    }

    fn row(self, _run: usize, before: usize, numbers: &[X], to: &mut [T]) {
        to[before..].iter_mut().zip(numbers).for_each(|(to, &from)| *to = from.into());
    }

    fn columns(self, _run: usize, b: ArrayView2<'_, X>, width: usize, to: &mut [T]) {
        for (row, to) in b.rows().into_iter().zip(to.chunks_exact_mut(width)) {
            let (to, beyond) = to.split_at_mut(row.len());
            copy(row, to);
            beyond.fill(T::default());
        }
    }
}

fn copy<T, X: Copy + Into<T>>(from: ArrayView1<'_, X>, to: &mut [T]) {
    match from.as_slice() {
        Some(from) => to.iter_mut().zip(from).for_each(|(to, &from)| *to = from.into()),
        None => to.iter_mut().zip(from).for_each(|(to, &from)| *to = from.into()),
    }
}

/// In what form numbers of type `T` are kept.
pub trait Kept<T>: Copy + Default + Into<T> {
    /// The matrix, if it is kept as `T`.
    #[expect(unused_variables, reason = "some are not")]
    fn exact(a: ArrayView2<'_, Self>) -> Option<ArrayView2<'_, T>> {
        None
    }
}
impl Kept<f32> for f32 {
    fn exact(a: ArrayView2<'_, f32>) -> Option<ArrayView2<'_, f32>> {
        Some(a)
    }
}
impl Kept<f64> for f64 {
    fn exact(a: ArrayView2<'_, f64>) -> Option<ArrayView2<'_, f64>> {
        Some(a)
    }
}
impl Kept<f32> for Bf16 {}

/// A type that sums are made of: `f32` or `f64`. Sealed.
pub trait Element: NdFloat + Default + Tiled {}
impl Element for f32 {}
impl Element for f64 {}

mod sealed {
    use super::{Isa, Scratch, TileTable};
    pub trait Tiled: Sized {
        #[expect(private_interfaces, reason = "sealed: callers outside this crate cannot name it")]
        fn table(isa: Isa) -> &'static TileTable<Self>;
        #[expect(private_bounds, reason = "as above")]
        fn with_scratch<R>(run: impl FnOnce(&mut Scratch<Self>) -> R) -> R;
    }
}

pub(crate) use sealed::Tiled;

macro_rules! tiled {
    ($t:ty, $portable:ident, $avx2:ident, $avx512:ident, $neon:ident) => {
        impl Tiled for $t {
            #[expect(private_interfaces, reason = "sealed: callers outside this crate cannot name it")]
            fn table(isa: Isa) -> &'static TileTable<$t> {
                match isa.level {
                    Level::Portable => &$portable,
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => &x86::$avx2,
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => &x86::$avx512,
                    #[cfg(target_arch = "aarch64")]
                    Level::Neon => &neon::$neon,
                }
            }
            #[expect(private_bounds, reason = "as above")]
            fn with_scratch<R>(run: impl FnOnce(&mut Scratch<$t>) -> R) -> R {
                thread_local! {
                    static SCRATCH: RefCell<Scratch<$t>> = RefCell::default();
                }
                SCRATCH.with_borrow_mut(run)
            }
        }
    };
}
tiled!(f32, PORTABLE_F32, AVX2_F32, AVX512_F32, NEON_F32);
tiled!(f64, PORTABLE_F64, AVX2_F64, AVX512_F64, NEON_F64);
