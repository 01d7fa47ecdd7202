//! Numbers in parts: rounded to one bf16 number, or split into three. Pairs of such numbers are the elements that the tiles of
//! [`pairs`](crate::pairs) multiply.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2};

use crate::dispatch::vectorized;
use crate::format::{Format, Kept, Pack};
use crate::isa::{Isa, Matrices};
#[cfg(target_arch = "x86_64")]
use crate::pairs;
use crate::precision::nearest;
#[cfg(target_arch = "x86_64")]
use crate::tile::x86;
use crate::tile::{PORTABLE_PAIRS, TileTable};
use crate::{Bf16, amx};

/// Numbers as sums of bf16 numbers, of which pairs are elements.
#[derive(Clone, Copy)]
pub(crate) struct Pairs {
    isa: Isa,
    /// a·b is the sum of the products of part `left[i]` of a and part `right[i]` of b, the smallest first.
    left: &'static [usize],
    right: &'static [usize],
}

impl Pairs {
    /// Every number is rounded.
    pub fn rounded(isa: Isa) -> Self {
        Self { isa, left: &[0], right: &[0] }
    }

    /// Every number has three parts, of whose nine products the six largest count.
    pub fn of_three(isa: Isa) -> Self {
        Self { isa, left: &[2, 1, 0, 1, 0, 0], right: &[0, 1, 2, 0, 1, 0] }
    }
}

impl Format for Pairs {
    type Number = f32;
    const EXACT: bool = false;

    fn isa(self) -> Isa {
        self.isa
    }

    fn table(self) -> &'static TileTable<f32> {
        match self.isa.matrices {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Matrices::Amx => &amx::MATRICES,
            Matrices::Emulated => &amx::EMULATED,
            #[cfg(target_arch = "x86_64")]
            Matrices::Vectors if self.isa.has_bf16() => &x86::AVX512_PAIRS,
            Matrices::Vectors => &PORTABLE_PAIRS,
        }
    }

    fn swapped(self) -> Self {
        Self { left: self.right, right: self.left, ..self }
    }

    fn elements(self, numbers: usize) -> usize {
        numbers.div_ceil(2).saturating_mul(self.left.len())
    }
}

impl<X: Parts> Pack<X> for Pairs {
    fn in_place(self, a: ArrayView2<'_, X>) -> Option<ArrayView2<'_, f32>> {
        if self.left.len() == 1 { X::pairs(a) } else { None }
    }

    fn row(self, run: usize, before: usize, numbers: &[X], to: &mut [f32]) {
        let to = &mut to[before / 2 * self.left.len()..];
        match (before % 2, numbers, &mut *to) {
            // Only rounded numbers come in odd runs.
            (1, [first, rest @ ..], [to, following @ ..]) => {
                *to = pair::<X, 0>(X::default(), *first);
                split(self.isa, self.left, run, rest, following);
            }
            _ => split(self.isa, self.left, run, numbers, to),
        }
    }

    fn columns(self, run: usize, b: ArrayView2<'_, X>, width: usize, to: &mut [f32]) {
        let (q, n) = b.dim();
        let run = if self.left.len() == 1 { 2 } else { run };
        // Columns that lie in one piece, as those of a transposed matrix do, are packed one after the other.
        if q > 1 && b.strides()[0] == 1 {
            to.chunks_exact_mut(width).for_each(|to| to[n..].fill(0.0));
            let mut elements = vec![0.0; self.elements(q)];
            for (j, column) in b.columns().into_iter().enumerate() {
                split(self.isa, self.right, run, &contiguous(column), &mut elements);
                to[j..].iter_mut().step_by(width).zip(&elements).for_each(|(to, from)| *to = *from);
            }
            return;
        }
        let zeros = vec![X::default(); if q % 2 == 1 { n } else { 0 }];
        let row = |i: usize| if i < q { contiguous(b.row(i)) } else { Cow::Borrowed(&zeros[..]) };
        let mut rows = to.chunks_exact_mut(width);
        for first in (0..q).step_by(run) {
            for part in self.right {
                for (p, to) in (first..q.min(first + run)).step_by(2).zip(&mut rows) {
                    let (first, second) = (&row(p)[..], &row(p + 1)[..]);
                    to[n..].fill(0.0);
                    match part {
                        0 => vectorized(self.isa, || interleave::<X, 0>(first, second, to)),
                        1 => vectorized(self.isa, || interleave::<X, 1>(first, second, to)),
                        _ => vectorized(self.isa, || interleave::<X, 2>(first, second, to)),
                    }
                }
            }
        }
    }
}

/// Contiguous numbers to elements of these `parts`.
fn split<X: Parts>(isa: Isa, parts: &[usize], run: usize, numbers: &[X], to: &mut [f32]) {
    if parts.len() == 1 {
        return pairs_of::<X, 0>(isa, numbers, to);
    }
    let pairs = numbers.len().div_ceil(2);
    let mut each = vec![0.0; 3 * pairs];
    pairs_of::<X, 0>(isa, numbers, &mut each[..pairs]);
    pairs_of::<X, 1>(isa, numbers, &mut each[pairs..2 * pairs]);
    pairs_of::<X, 2>(isa, numbers, &mut each[2 * pairs..]);
    for (i, part) in parts.iter().enumerate() {
        let from = &each[part * pairs..][..pairs];
        match run / 2 {
            1 => to.iter_mut().skip(i).step_by(parts.len()).zip(from).for_each(|(to, from)| *to = *from),
            run => {
                let places = to.chunks_exact_mut(run).skip(i).step_by(parts.len());
                places.zip(from.chunks_exact(run)).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
    }
}

/// The numbers in one piece: as they lie in memory, or copied.
fn contiguous<X: Copy>(numbers: ArrayView1<'_, X>) -> Cow<'_, [X]> {
    numbers.to_slice().map_or_else(|| Cow::Owned(numbers.to_vec()), Cow::Borrowed)
}

/// Part I of both rows (N), to N pairs.
#[inline(always)]
fn interleave<X: Parts, const I: usize>(first: &[X], second: &[X], to: &mut [f32]) {
    for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
        *to = pair::<X, I>(*first, *second);
    }
}

/// Contiguous numbers to pairs of part I; the last of an odd number is paired with zero.
fn pairs_of<X: Parts, const I: usize>(isa: Isa, numbers: &[X], to: &mut [f32]) {
    let done = if I == 0 { X::round(isa, numbers, to) } else { 0 };
    let ((pairs, last), to) = (numbers[2 * done..].as_chunks(), &mut to[done..]);
    vectorized(isa, || to.iter_mut().zip(pairs).for_each(|(to, &[x, y])| *to = pair::<X, I>(x, y)));
    if let ([last], Some(to)) = (last, to.get_mut(pairs.len())) {
        *to = pair::<X, I>(*last, X::default());
    }
}

/// Part I of two numbers.
#[inline(always)]
fn pair<X: Parts, const I: usize>(first: X, second: X) -> f32 {
    f32::from_bits(first.part::<I>() | second.part::<I>() << 16)
}

/// Numbers that have parts.
pub trait Parts: Kept<f32> {
    /// The bits of part I of the number: the bf16 number nearest to what the parts before it leave.
    fn part<const I: usize>(self) -> u32;
    /// The pairs along the rows of a matrix where they lie, if they lie as pairs.
    #[expect(unused_variables, reason = "most do not")]
    fn pairs(x: ArrayView2<'_, Self>) -> Option<ArrayView2<'_, f32>> {
        None
    }
    /// Rounds the first of contiguous numbers to pairs, where the processor has an instruction for it; how many pairs.
    #[expect(unused_variables, reason = "most have none")]
    fn round(isa: Isa, numbers: &[Self], to: &mut [f32]) -> usize {
        0
    }
}

impl Parts for f32 {
    #[inline(always)]
    fn part<const I: usize>(self) -> u32 {
        let rest = (0..I).fold(self, |rest, _| rest - f32::from_bits(nearest(rest) << 16));
        // Nothing is left of a number that part 0 makes infinite, or that is not a number.
        if I > 0 && !rest.is_finite() { 0 } else { nearest(rest) }
    }
    #[cfg(target_arch = "x86_64")]
    fn round(isa: Isa, numbers: &[f32], to: &mut [f32]) -> usize {
        // SAFETY: the instructions were seen on this machine.
        if isa.has_bf16_vectors() { unsafe { pairs::round(numbers, to) } } else { 0 }
    }
}

impl Parts for Bf16 {
    #[inline(always)]
    fn part<const I: usize>(self) -> u32 {
        if I == 0 { u32::from(self.to_bits()) } else { 0 }
    }
    fn pairs(x: ArrayView2<'_, Bf16>) -> Option<ArrayView2<'_, f32>> {
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
