//! In which precision products are computed, and the number format bf16.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How exactly the factors of products are taken. Sums are always in `f32`.
///
/// | | factors | error of a product, relative to \|a\|\|b\| |
/// |---|---|--:|
/// | `f32` | as they are | 2⁻²⁴ |
/// | `bf16x3` | each split into three bf16 numbers, of whose nine products the six largest count | 2⁻²³ |
/// | `bf16` | each rounded to bf16, 8 bits | 2⁻⁷ |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Precision {
    /// Every factor as it is.
    #[default]
    F32,
    /// Every factor as a sum of three bf16 numbers.
    Bf16x3,
    /// Every factor rounded to bf16.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16x3, Self::Bf16];

    /// Its name on command lines and in files: `f32`, `bf16x3` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16x3 => "bf16x3",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| Error::Precision { requested: name.to_string() })
    }
}

/// A number of 8 significant bits with the exponents of `f32`: the upper half of an `f32` ("brain floating point").
///
/// Numbers too small for the full 8 bits, below 2⁻¹²⁶, do not exist: they are rounded to zero, because the processor's
/// instructions for bf16 take them as zero.
///
/// ```
/// use mlprobe_kernels::Bf16;
///
/// assert_eq!(f32::from(Bf16::from(1.0 + 1.0 / 256.0)), 1.0); // halfway: to the even neighbour
/// assert_eq!(f32::from(Bf16::from(1.0 + 3.0 / 256.0)), 1.0 + 2.0 / 128.0);
/// assert_eq!(f32::from(Bf16::from(1e-39)), 0.0);
/// ```
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bf16(u16);

impl Bf16 {
    /// Its 16 bits: those of an `f32` without the lower half.
    pub fn to_bits(self) -> u16 {
        self.0
    }
}

impl From<f32> for Bf16 {
    /// The nearest number; if two are equally near, the even one.
    fn from(x: f32) -> Self {
        Self(nearest(x) as u16)
    }
}

impl From<Bf16> for f32 {
    fn from(x: Bf16) -> Self {
        f32::from_bits(u32::from(x.0) << 16)
    }
}

impl fmt::Debug for Bf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f32::from(*self).fmt(f)
    }
}

/// The bits of the bf16 number nearest to x. In 32 bits and without branches, so that loops become vector instructions.
#[inline(always)]
pub(crate) fn nearest(x: f32) -> u32 {
    let bits = x.to_bits();
    let even = bits >> 16 & 1;
    let rounded = bits.wrapping_add(0x7fff + even) >> 16;
    let quiet = bits >> 16 | 0x40;
    let number = if x.is_nan() { quiet } else { rounded };
    if x.abs() < f32::MIN_POSITIVE { bits >> 16 & 0x8000 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        let message = "fp8".parse::<Precision>().unwrap_err().to_string();
        assert!(message.contains("fp8") && message.contains("f32, bf16x3 or bf16"), "{message}");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn files_have_the_names_that_command_lines_have() {
        for precision in Precision::ALL {
            let json = serde_json::to_string(&precision).unwrap();
            assert_eq!(json, format!("\"{precision}\""));
            assert_eq!(serde_json::from_str::<Precision>(&json).unwrap(), precision);
        }
    }

    #[test]
    fn rounding_goes_to_the_nearest_number_and_keeps_those_that_are_exact() {
        for i in 0..1 << 16 {
            let exact = f32::from_bits(i << 16);
            let back = f32::from(Bf16::from(exact));
            let kept = if exact.is_subnormal() { 0.0 } else { exact };
            assert!(back == kept || (back.is_nan() && exact.is_nan()), "{exact:e}: {back:e}");
            // A quarter of the way to the next number, half of it, three quarters.
            let next = f32::from_bits((i + 1) << 16);
            if exact.is_normal() && next.is_normal() && i & 0x7fff < 0x7f7f {
                let even = if i % 2 == 0 { exact } else { next };
                for (lower, nearest) in [(0x4000, exact), (0x8000, even), (0xc000, next)] {
                    assert_eq!(f32::from(Bf16::from(f32::from_bits(i << 16 | lower))), nearest);
                }
            }
        }
    }
}
