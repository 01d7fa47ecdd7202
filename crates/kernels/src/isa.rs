//! Detects once, at run time, which instructions the machine has.

use std::fmt;
use std::sync::OnceLock;

use crate::Error;

/// An instruction set that this machine supports.
///
/// Values come only from [`Isa::current`], [`Isa::available`], [`Isa::from_env`] and [`Isa::emulating_amx`], so a value proves
/// that the instructions may be executed; the safe kernels rely on that.
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
    /// The environment variable that forces an instruction set: `amx`, `avx512`, `avx2`, `neon` or `portable`; or `amx-emulated`.
    pub const VARIABLE: &str = "MLPROBE_ISA";

    /// The instruction set in use: the one that `MLPROBE_ISA` names if the machine has it, else the widest.
    ///
    /// Programs should call [`Isa::from_env`] once at their start, to report a bad value, which this function ignores.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::from_env().unwrap_or_else(|_| Self::widest()))
    }

    /// Reads `MLPROBE_ISA`; unset or empty means the widest set.
    ///
    /// # Errors
    /// [`Error::Isa`] if the variable names an instruction set that is unknown or that this machine lacks.
    pub fn from_env() -> Result<Self, Error> {
        match std::env::var(Self::VARIABLE) {
            Ok(name) if !name.is_empty() => Self::named(&name),
            _ => Ok(Self::widest()),
        }
    }

    /// The instruction sets this machine supports, widest first; `portable` is always the last.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                #[cfg(target_os = "linux")]
                if crate::amx::is_usable() {
                    found.push(Isa { level: Level::Avx512, matrices: Matrices::Amx });
                }
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

    /// The widest vector instructions of this machine, with AMX emulated in plain Rust: slow, but with the bits of a machine that has
    /// AMX, if this one rounds a multiply-add once (all but `portable` do).
    pub fn emulating_amx() -> Self {
        Self { matrices: Matrices::Emulated, ..Self::widest() }
    }

    /// Its name as `MLPROBE_ISA` spells it.
    pub fn name(self) -> &'static str {
        match (self.matrices, self.level) {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            (Matrices::Amx, _) => "amx",
            (Matrices::Emulated, _) => "amx-emulated",
            #[cfg(target_arch = "x86_64")]
            (_, Level::Avx512) => "avx512",
            #[cfg(target_arch = "x86_64")]
            (_, Level::Avx2) => "avx2",
            #[cfg(target_arch = "aarch64")]
            (_, Level::Neon) => "neon",
            (_, Level::Portable) => "portable",
        }
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

    /// Whether products in bf16 and bf16x3 are those of AMX, in hardware or emulated: in bits, and for convolutions also in what is
    /// rounded, they differ from those on all other instruction sets.
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
        let mut available = Self::available();
        available.push(Self::emulating_amx());
        available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| Error::Isa {
            requested: name.to_string(),
            available: available.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", "),
        })
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
    fn amx_is_used_only_where_it_was_found_to_work_and_emulated_only_by_name() {
        let emulating = Isa::emulating_amx();
        assert_eq!((emulating.name(), emulating.has_bf16()), ("amx-emulated", false));
        assert_eq!(Isa::named("amx-emulated"), Ok(emulating));
        assert!(!Isa::available().contains(&emulating));
        assert_eq!(Isa::named("amx").is_ok(), Isa::available()[0].name() == "amx");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_that_work() {
        let message = Isa::named("avx9000").unwrap_err().to_string();
        assert!(message.contains("MLPROBE_ISA=avx9000") && message.contains("portable"), "{message}");
    }
}
