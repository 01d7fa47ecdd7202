//! Detects once, at run time, which instructions the machine has.

use std::fmt;
use std::sync::OnceLock;

use crate::{Error, Precision};

/// An instruction set that this machine supports.
///
/// Values come only from the functions below, each of which looks at the machine first. So a value proves that its instructions may
/// be executed, and the safe kernels rely on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa {
    /// The vector instructions.
    pub(crate) level: Level,
    pub(crate) matrices: Matrices,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// What multiplies matrices of bf16 numbers as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Matrices {
    /// Nothing: vector instructions multiply them.
    Vectors,
    /// The tiles of AMX, emulated.
    Emulated,
    /// The tiles of AMX.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
}

impl Isa {
    /// The environment variable that names an instruction set: `avx512`, `avx2`, `neon` or `portable`, or `amx` or `amx-emulated`,
    /// which are used only if they are named.
    pub const VARIABLE: &str = "MLPROBE_ISA";

    /// The instruction set in use: the one that `MLPROBE_ISA` names if the machine has it, else the one with the widest vectors.
    ///
    /// Programs should call [`Isa::from_env`] once at their start, to report a bad value, which this function ignores.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::from_env().unwrap_or_else(|_| Self::widest()))
    }

    /// Reads `MLPROBE_ISA`; unset or empty means the set with the widest vectors.
    ///
    /// # Errors
    /// [`Error::Isa`] if the variable names an instruction set that is unknown or that this machine lacks.
    pub fn from_env() -> Result<Self, Error> {
        match std::env::var(Self::VARIABLE) {
            Ok(name) if !name.is_empty() => Self::named(&name),
            _ => Ok(Self::widest()),
        }
    }

    /// The sets of vector instructions that this machine has, the widest first; `portable` is always the last.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                found.push(Self::of(Level::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::of(Level::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            found.push(Self::of(Level::Neon));
        }
        found.push(Self::of(Level::Portable));
        found
    }

    /// AVX-512 with the matrix unit AMX for products in bf16; none where the machine lacks AMX, or AMX does not give the bits of its
    /// emulation. AMX is never chosen unless it is asked for, because its speed has not been measured. The first call asks the
    /// system for permission, and compares AMX with its emulation in a process of its own.
    pub fn amx() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if is_x86_feature_detected!("avx512f") && crate::amx::is_usable() {
            return Some(Self { level: Level::Avx512, matrices: Matrices::Amx });
        }
        None
    }

    /// The widest vector instructions of this machine, with AMX emulated in plain Rust. It is slow, and it gives the bits of a machine
    /// that has AMX, if this one rounds a multiply-add once (all but `portable` do).
    pub fn emulating_amx() -> Self {
        Self { matrices: Matrices::Emulated, ..Self::widest() }
    }

    /// Its name as `MLPROBE_ISA` spells it.
    pub fn name(self) -> &'static str {
        match self.matrices {
            Matrices::Vectors => self.level.name(),
            Matrices::Emulated => "amx-emulated",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Matrices::Amx => "amx",
        }
    }

    /// The name of what results in this precision follow from: in `f32` that of the vector instructions alone, because AMX computes
    /// nothing in `f32`.
    pub fn name_in(self, precision: Precision) -> &'static str {
        if precision == Precision::F32 { self.level.name() } else { self.name() }
    }

    /// Whether products in bf16 run on instructions made for them (AMX or AVX-512 BF16), else they are emulated, to the same bits.
    pub fn has_bf16(self) -> bool {
        match self.matrices {
            Matrices::Vectors => self.has_bf16_vectors(),
            Matrices::Emulated => false,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Matrices::Amx => true,
        }
    }

    /// Whether vectors of bf16 numbers have instructions.
    pub(crate) fn has_bf16_vectors(self) -> bool {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => is_x86_feature_detected!("avx512bf16"),
            _ => false,
        }
    }

    /// Whether AMX computes products in bf16 and bf16x3, in hardware or emulated. Their bits then differ from those on all other
    /// instruction sets, and in bf16 more convolutions are rounded.
    pub fn is_amx(self) -> bool {
        self.matrices != Matrices::Vectors
    }

    fn of(level: Level) -> Self {
        Self { level, matrices: Matrices::Vectors }
    }

    fn widest() -> Self {
        Self::available()[0]
    }

    fn named(name: &str) -> Result<Self, Error> {
        let mut offered = Self::available();
        offered.push(Self::emulating_amx());
        if name == "amx" {
            offered.extend(Self::amx());
        }
        offered.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            #[cfg_attr(not(all(target_arch = "x86_64", target_os = "linux")), expect(unused_mut))]
            let mut names: Vec<_> = offered.iter().map(|isa| isa.name()).collect();
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            if name != "amx" && crate::amx::is_present() {
                names.push("amx");
            }
            Error::Isa { requested: name.to_string(), available: names.join(", ") }
        })
    }
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_is_always_available_and_last() {
        assert_eq!(Isa::available().last().map(|isa| isa.name()), Some("portable"));
    }

    #[test]
    fn amx_and_its_emulation_are_used_only_if_they_are_named() {
        let emulating = Isa::emulating_amx();
        assert_eq!((emulating.name(), emulating.has_bf16()), ("amx-emulated", false));
        assert_eq!(Isa::named("amx-emulated"), Ok(emulating));
        assert_eq!(Isa::named("amx").ok(), Isa::amx());
        for isa in Isa::available() {
            assert!(!isa.is_amx());
            assert_eq!(Isa::named(isa.name()), Ok(isa));
        }
    }

    #[test]
    fn in_f32_a_set_with_amx_has_the_name_of_its_vectors() {
        let vectors = Isa::available()[0];
        for isa in Isa::amx().into_iter().chain([Isa::emulating_amx()]) {
            assert_eq!(isa.name_in(Precision::F32), vectors.name());
            assert_eq!(isa.name_in(Precision::Bf16), isa.name());
            assert_eq!(isa.name_in(Precision::Bf16x3), isa.name());
        }
        assert_eq!(Precision::ALL.map(|precision| vectors.name_in(precision)), [vectors.name(); 3]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_that_work() {
        let message = Isa::named("avx9000").unwrap_err().to_string();
        assert!(message.contains("MLPROBE_ISA=avx9000") && message.contains("portable"), "{message}");
    }
}
