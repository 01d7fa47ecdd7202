//! The factors of products as pairs of bf16 numbers, which the tiles of [`pairs`](crate::pairs) multiply.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2, CowArray, Ix2};

use crate::buffer::room;
use crate::precision::nearest;
use crate::{Bf16, Error, Isa, Precision};

/// One of the products whose sum is a·b: a part of a times a part of b.
pub(crate) struct Term {
    pub of_a: usize,
    pub of_b: usize,
}

const fn term(of_a: usize, of_b: usize) -> Term {
    Term { of_a, of_b }
}

/// The terms of a product, the smallest first; none in `f32`, which has no parts.
pub(crate) fn terms(precision: Precision) -> Option<&'static [Term]> {
    match precision {
        Precision::F32 => None,
        Precision::Bf16x3 => {
            Some(&const { [term(2, 0), term(1, 1), term(0, 2), term(1, 0), term(0, 1), term(0, 0)] })
        }
        Precision::Bf16 => Some(&const { [term(0, 0)] }),
    }
}

/// A number type that a product takes in any precision: `f32` or [`Bf16`]. Sealed.
pub trait Factor: Copy + Default + sealed::Parts {}
impl Factor for f32 {}
impl Factor for Bf16 {}

mod sealed {
    use super::*;

    pub trait Parts: Sized {
        /// The matrix in `f32`.
        fn exact(x: ArrayView2<'_, Self>) -> Result<CowArray<'_, f32, Ix2>, Error>;
        /// The bits of part I of the number: the bf16 number nearest to what the parts before it leave.
        fn part<const I: usize>(self) -> u32;
        /// Pairs along the rows as they lie in memory, if they do.
        #[expect(unused_variables, reason = "most have none")]
        fn pairs<'a>(x: ArrayView2<'a, Self>) -> Option<ArrayView2<'a, f32>> {
            None
        }
        /// Rounds the first of contiguous numbers to pairs, where the processor has an instruction for it; how many pairs.
        #[expect(unused_variables, reason = "most have none")]
        fn round(isa: Isa, row: &[Self], to: &mut [f32]) -> usize {
            0
        }
    }

    impl Parts for f32 {
        fn exact(x: ArrayView2<'_, f32>) -> Result<CowArray<'_, f32, Ix2>, Error> {
            Ok(x.into())
        }
        #[inline(always)]
        fn part<const I: usize>(self) -> u32 {
            let rest = (0..I).fold(self, |rest, _| rest - f32::from_bits(nearest(rest) << 16));
            // Nothing is left of a number that part 0 makes infinite, or that is not a number.
            if I > 0 && !rest.is_finite() { 0 } else { nearest(rest) }
        }
        #[cfg(target_arch = "x86_64")]
        fn round(isa: Isa, row: &[f32], to: &mut [f32]) -> usize {
            // SAFETY: the instructions were seen on this machine.
            if isa.has_bf16_vectors() { unsafe { crate::pairs::round(row, to) } } else { 0 }
        }
    }

    impl Parts for Bf16 {
        fn exact(x: ArrayView2<'_, Bf16>) -> Result<CowArray<'_, f32, Ix2>, Error> {
            room::<f32>("gemm_in", &[x.nrows(), x.ncols()])?; // an array that finds no room ends the program
            Ok(x.mapv(f32::from).into())
        }
        #[inline(always)]
        fn part<const I: usize>(self) -> u32 {
            if I == 0 { u32::from(self.to_bits()) } else { 0 }
        }
        fn pairs<'a>(x: ArrayView2<'a, Bf16>) -> Option<ArrayView2<'a, f32>> {
            let ((m, q), row) = (x.dim(), x.strides()[0]);
            let p = x.as_ptr().cast::<f32>();
            let fits = cfg!(target_endian = "little") && p.is_aligned() && q > 0 && q % 2 == 0;
            if !fits || x.strides()[1] != 1 || row < 0 || row % 2 != 0 {
                return None;
            }
            let shape = ndarray::ShapeBuilder::strides((m, q / 2), (row as usize / 2, 1));
            // SAFETY: the pairs are the same memory, aligned, for the same lifetime; any 32 bits are an f32.
            Some(unsafe { ArrayView2::from_shape_ptr(shape, p) })
        }
    }
}

/// x (Q, N) to pairs (P·T, width): the row of pair p and term t holds part `parts[t]` of rows 2p and 2p + 1 of x, with zeros
/// beyond N and Q.
pub(crate) fn pack<X: Factor>(
    isa: Isa,
    x: ArrayView2<'_, X>,
    parts: impl Iterator<Item = usize> + Clone,
    width: usize,
    to: &mut [f32],
) {
    let ((q, n), terms) = (x.dim(), parts.clone().count());
    // Columns that lie in one piece, as those of a transposed matrix do, are packed one after the other.
    if q > 1 && x.strides()[0] == 1 {
        to.chunks_exact_mut(width).for_each(|to| to[n..].fill(0.0));
        let mut pairs = vec![0.0; q.div_ceil(2)];
        for (j, column) in x.columns().into_iter().enumerate() {
            for (t, part) in parts.clone().enumerate() {
                pack_row_of(isa, part, &contiguous(column), &mut pairs);
                let places = to[t * width + j..].iter_mut().step_by(terms * width);
                places.zip(&pairs).for_each(|(to, pair)| *to = *pair);
            }
        }
        return;
    }
    let row = |i: usize| if i < q { contiguous(x.row(i)) } else { Cow::Owned(vec![X::default(); n]) };
    let mut rows = to.chunks_exact_mut(width);
    for p in (0..q).step_by(2) {
        let (first, second) = (&row(p)[..], &row(p + 1)[..]);
        for (part, to) in parts.clone().zip(&mut rows) {
            to[n..].fill(0.0);
            match part {
                0 => vectorized(isa, || interleave::<X, 0>(first, second, to)),
                1 => vectorized(isa, || interleave::<X, 1>(first, second, to)),
                _ => vectorized(isa, || interleave::<X, 2>(first, second, to)),
            }
        }
    }
}

/// The numbers in one piece: as they lie in memory, or copied.
pub(crate) fn contiguous<X: Factor>(numbers: ArrayView1<'_, X>) -> Cow<'_, [X]> {
    numbers.to_slice().map_or_else(|| Cow::Owned(numbers.to_vec()), Cow::Borrowed)
}

/// Part I of both rows (N), to N pairs.
#[inline(always)]
fn interleave<X: Factor, const I: usize>(first: &[X], second: &[X], to: &mut [f32]) {
    for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
        *to = pair::<X, I>(*first, *second);
    }
}

/// Contiguous numbers (Q) to pairs (P) of their first parts.
pub(crate) fn pack_row<X: Factor>(isa: Isa, row: &[X], to: &mut [f32]) {
    pairs_of::<X, 0>(isa, row, to);
}

/// Contiguous numbers (Q) to pairs, as if `zeros` zeros came before them. Pairs without any of the numbers stay as they are.
pub(crate) fn pack_row_after(isa: Isa, zeros: usize, row: &[f32], to: &mut [f32]) {
    let to = &mut to[zeros / 2..];
    match (zeros % 2, row, &mut *to) {
        (1, [first, rest @ ..], [to, following @ ..]) => {
            *to = pair::<f32, 0>(0.0, *first);
            pack_row(isa, rest, following);
        }
        _ => pack_row(isa, row, to),
    }
}

/// Contiguous numbers (Q) to pairs (P) of the parts with this number.
fn pack_row_of<X: Factor>(isa: Isa, part: usize, row: &[X], to: &mut [f32]) {
    match part {
        0 => pairs_of::<X, 0>(isa, row, to),
        1 => pairs_of::<X, 1>(isa, row, to),
        _ => pairs_of::<X, 2>(isa, row, to),
    }
}

/// Contiguous numbers (Q) to pairs (P) of part I; the last of an odd number is paired with zero.
fn pairs_of<X: Factor, const I: usize>(isa: Isa, row: &[X], to: &mut [f32]) {
    let done = if I == 0 { X::round(isa, row, to) } else { 0 };
    let ((pairs, last), to) = (row[2 * done..].as_chunks(), &mut to[done..]);
    vectorized(isa, || to.iter_mut().zip(pairs).for_each(|(to, &[x, y])| *to = pair::<X, I>(x, y)));
    if let ([last], Some(to)) = (last, to.get_mut(pairs.len())) {
        *to = pair::<X, I>(*last, X::default());
    }
}

/// Pixels of `channels` numbers, an even number (I), to pixels of pairs (T, I/2): the channels in the part of each term, one term
/// after the other.
pub(crate) fn pack_pixels(isa: Isa, terms: &[Term], channels: usize, pixels: &[f32], to: &mut [f32]) {
    let pairs = pixels.chunks_exact(channels).flat_map(|pixel| terms.iter().map(move |term| (pixel, term)));
    for (to, (pixel, term)) in to.chunks_exact_mut(channels / 2).zip(pairs) {
        let channels = to.iter_mut().zip(pixel.as_chunks().0);
        match term.of_a {
            0 => vectorized(isa, || channels.for_each(|(to, &[x, y])| *to = pair::<f32, 0>(x, y))),
            1 => vectorized(isa, || channels.for_each(|(to, &[x, y])| *to = pair::<f32, 1>(x, y))),
            _ => vectorized(isa, || channels.for_each(|(to, &[x, y])| *to = pair::<f32, 2>(x, y))),
        }
    }
}

/// The part with this number of two numbers.
pub(crate) fn pair_of(part: usize, first: f32, second: f32) -> f32 {
    match part {
        0 => pair::<f32, 0>(first, second),
        1 => pair::<f32, 1>(first, second),
        _ => pair::<f32, 2>(first, second),
    }
}

/// Part I of two numbers.
#[inline(always)]
fn pair<X: Factor, const I: usize>(first: X, second: X) -> f32 {
    f32::from_bits(first.part::<I>() | second.part::<I>() << 16)
}

/// Runs a loop that the compiler turns into vector instructions, on the widest ones. No result changes.
#[inline(always)]
fn vectorized(isa: Isa, run: impl FnOnce()) {
    #[cfg(target_arch = "x86_64")]
    if isa.level == crate::isa::Level::Avx512 {
        #[target_feature(enable = "avx512f")]
        fn wide(run: impl FnOnce()) {
            run();
        }
        // SAFETY: an Isa exists only where its instructions do.
        return unsafe { wide(run) };
    }
    let _ = isa;
    run();
}
