//! Damaged files, and memory counted while they are read: what the robustness tests of several crates share.
//!
//! `PROPTEST_CASES` sets how many cases there are of each format; docs/robustness.md records long runs.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use proptest::sample::Index;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that may be taken whatever the size of a file: buffers, messages, and the test's own needs.
pub const SOME: usize = 1 << 20;

/// One change of a file.
#[derive(Clone, Debug)]
pub enum Damage {
    Cut(Index),
    Flip(Index, u8),
    /// A number of so many bytes, big-endian or not, among the first 64 bytes: where lengths are.
    Number(Index, u64, usize, bool),
    /// A row of decimal digits, in a header of text, becomes this digit.
    Digits(Index, u8),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Replace(Vec<u8>),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Flip(at, mask) => {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= mask;
                }
            }
            Self::Number(at, number, width, big_endian) => {
                let at = at.index(64);
                let mut number = number.to_le_bytes()[..*width].to_vec();
                if *big_endian {
                    number.reverse();
                }
                if let Some(place) = bytes.get_mut(at..at + width) {
                    place.copy_from_slice(&number);
                }
            }
            Self::Digits(at, digit) => {
                let is_start =
                    |&i: &usize| bytes[i].is_ascii_digit() && (i == 0 || !bytes[i - 1].is_ascii_digit());
                let starts: Vec<usize> = (0..bytes.len()).filter(is_start).collect();
                if !starts.is_empty() {
                    let start = starts[at.index(starts.len())];
                    bytes[start..].iter_mut().take_while(|c| c.is_ascii_digit()).for_each(|c| *c = *digit);
                }
            }
            Self::Remove(at, count) => {
                let at = at.index(bytes.len() + 1);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Replace(other) => bytes.clone_from(other),
        }
    }
}

/// One to three changes.
pub fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let number = prop_oneof![
        Just(0),
        Just(1),
        Just(0x7fff),
        Just(0xffff),
        Just(0x7fff_ffff),
        Just(u64::from(u32::MAX)),
        Just(u64::MAX),
        Just(i64::MAX as u64),
        any::<u64>()
    ];
    let few = || proptest::collection::vec(any::<u8>(), 0..40);
    let one = prop_oneof![
        3 => any::<Index>().prop_map(Damage::Cut),
        6 => (any::<Index>(), 1u8..).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        6 => (any::<Index>(), number, prop_oneof![Just(2), Just(4), Just(8)], any::<bool>())
            .prop_map(|(at, number, width, big)| Damage::Number(at, number, width, big)),
        3 => (any::<Index>(), b'0'..=b'9').prop_map(|(at, digit)| Damage::Digits(at, digit)),
        1 => (any::<Index>(), 1..40usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        1 => (any::<Index>(), few()).prop_map(|(at, more)| Damage::Insert(at, more)),
        1 => few().prop_map(Damage::Replace),
    ];
    proptest::collection::vec(one, 1..4)
}

/// `whole` after `damage`.
pub fn damaged(whole: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    damage.iter().for_each(|damage| damage.apply(&mut bytes));
    bytes
}

/// To be held by every case: memory is counted for the whole program, so one case at a time.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `work` returns, and how many bytes of memory it took at most beside those that were taken before.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (result, MEMORY.peak_usage().saturating_sub(before))
}
