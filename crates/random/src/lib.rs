#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of random numbers.
///
/// ```
/// use mlprobe_random::Random;
///
/// let mut a = Random::new(7, b"example", 0);
/// let mut b = Random::new(7, b"example", 0);
/// assert_eq!(a.below(1000), b.below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream `number` of `seed` for one `purpose`: at most 24 bytes, checked when compiling.
    ///
    /// Different purposes under the same seed give unrelated numbers.
    pub fn new<const P: usize>(seed: u64, purpose: &[u8; P], number: u64) -> Self {
        const { assert!(P <= 24, "a purpose has at most 24 bytes") };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..8 + P].copy_from_slice(purpose);
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_stream(number);
        Self(words)
    }

    /// A whole number uniform in `0..bound`, without bias; 0 for a `bound` of 0.
    ///
    /// Lemire's method ("Fast Random Integer Generation in an Interval", 2019, algorithm 5): with the next word x,
    /// the high half of the 64-bit product x * bound is the result, unless its low half is below 2^32 mod bound;
    /// then another word is drawn.
    pub fn below(&mut self, bound: u32) -> u32 {
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(bound);
            let low = product as u32;
            // 2^32 mod bound is below bound: the division is seldom needed.
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (product >> 32) as u32;
            }
        }
    }

    /// Shuffles in place, every order equally likely: Fisher and Yates, from the last place down (Knuth, "The Art of Computer
    /// Programming", volume 2, 3.4.2, algorithm P), for up to 2^32 items. Place i is swapped with place [`below`](Self::below)(i + 1).
    ///
    /// ```
    /// let mut rows: Vec<usize> = (0..100).collect();
    /// mlprobe_random::Random::new(1, b"example", 0).shuffle(&mut rows);
    /// assert!(!rows.is_sorted());
    /// rows.sort();
    /// assert!(rows.into_iter().eq(0..100));
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }

    /// A number uniform in `low..high`: low + (high - low) * k / 2^53, where k is the upper 53 bits of the next two
    /// words (the first is the lower half).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        low + (high - low) * ((self.0.next_u64() >> 11) as f64 * STEP)
    }

    /// True with probability 1/2: the highest bit of the next word.
    pub fn coin(&mut self) -> bool {
        self.0.next_u32() >> 31 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stream_is_chacha8() {
        // First words of the ChaCha8 key stream for a key and nonce of zeros, as published with the cipher's test
        // vectors (draft-strombergson-chacha-test-vectors-01, TC1, 8 rounds): 3e 00 ef 2f 89 5f 40 d6 ...
        let mut random = Random::new(0, b"", 0);
        assert_eq!(random.0.next_u32(), 0x2fef_003e);
        assert_eq!(random.0.next_u32(), 0xd640_5f89);
    }

    #[test]
    fn the_sequence_is_pinned() {
        // Printed by tests/augment_reference.py, an implementation of its own. The last number takes its two words from
        // two blocks of the cipher.
        let mut random = Random::new(7, b"pinned", 3);
        let integers: Vec<u32> = (0..6).map(|_| random.below(1000)).collect();
        assert_eq!(integers, [907, 384, 659, 620, 947, 696]);
        assert_eq!(
            [random.uniform(0.0, 1.0), random.uniform(-180.0, 180.0)],
            [0.661856386377796, 92.35750728090687]
        );
        let coins: Vec<bool> = (0..5).map(|_| random.coin()).collect();
        assert_eq!(coins, [true, true, false, true, true]);
        assert_eq!(random.uniform(0.0, 1.0), 0.27397077550791393);
    }

    #[test]
    fn seed_purpose_and_number_each_change_the_stream() {
        let first = |mut random: Random| random.0.next_u64();
        let base = first(Random::new(1, b"a", 1));
        assert_ne!(first(Random::new(2, b"a", 1)), base);
        assert_ne!(first(Random::new(1, b"b", 1)), base);
        assert_ne!(first(Random::new(1, b"a", 2)), base);
        assert_eq!(first(Random::new(1, b"a", 1)), base);
    }

    #[test]
    fn integers_below_a_bound_are_unbiased_and_cover_it() {
        // 60,000 draws: each of six counts is 10,000 with a standard deviation of 91; five deviations are 456.
        let mut random = Random::new(0, b"test", 0);
        let mut counts = [0i32; 6];
        for _ in 0..60_000 {
            counts[random.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 456), "{counts:?}");
    }

    #[test]
    fn a_word_below_the_threshold_is_drawn_again() {
        // With bound 3 * 2^30, a quarter of the words is rejected: 2^32 mod bound = 2^30.
        let (mut random, mut words) = (Random::new(0, b"test", 1), Random::new(0, b"test", 1).0);
        let bound = 3 << 30;
        for _ in 0..100 {
            let expected = loop {
                let product = u64::from(words.next_u32()) * bound;
                if product & 0xffff_ffff >= 1 << 30 {
                    break product >> 32;
                }
            };
            assert_eq!(u64::from(random.below(bound as u32)), expected);
        }
    }

    #[test]
    fn bounds_of_zero_and_one_give_zero() {
        let mut random = Random::new(0, b"test", 2);
        assert_eq!([random.below(0), random.below(1)], [0, 0]);
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..6000 {
            let mut items = [0, 1, 2];
            Random::new(0, b"test", number).shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // 1,000 expected of each, with a standard deviation of 29; five deviations are 145.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count: &i32| (count - 1000).abs() < 145), "{counts:?}");
    }

    #[test]
    fn uniform_numbers_fill_their_interval() {
        let mut random = Random::new(0, b"test", 3);
        let draws: Vec<f64> = (0..10_000).map(|_| random.uniform(-2.0, 6.0)).collect();
        assert!(draws.iter().all(|x| (-2.0..6.0).contains(x)));
        // The mean is 2 with a standard deviation of 8 / sqrt(12 * 10,000) = 0.023; five deviations are 0.12.
        assert!((draws.iter().sum::<f64>() / 10_000.0 - 2.0).abs() < 0.12);
        assert!(draws.iter().any(|&x| x < -1.9) && draws.iter().any(|&x| x > 5.9));
    }
}
