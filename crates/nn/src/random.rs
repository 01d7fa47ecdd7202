//! Random draws whose bits are part of the crate's promise: ChaCha8 keyed by (seed, purpose), one stream per
//! item.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The generator of one item.
///
/// The 32-byte key is the seed in little-endian order, then `purpose` (at most 24 bytes of ASCII), then
/// zeros; the stream is the number of the item. Two different triples never share a sequence.
pub(crate) fn generator(seed: u64, purpose: &str, stream: u64) -> ChaCha8Rng {
    assert!(purpose.len() <= 24, "the purpose has to fit in the key: {purpose}");
    let mut key = [0; 32];
    let bytes = seed.to_le_bytes().into_iter().chain(purpose.bytes());
    key.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// Uniform in [-bound, bound): 53 random bits are a number u in [0, 1), the draw is bound (2u - 1).
pub(crate) fn symmetric(generator: &mut ChaCha8Rng, bound: f64) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    let unit = (generator.next_u64() >> 11) as f64 * STEP;
    bound * (2.0 * unit - 1.0)
}

/// True with probability `p`, 0 to 1, to the nearest 2⁻³².
pub(crate) fn bernoulli(generator: &mut ChaCha8Rng, p: f64) -> bool {
    f64::from(generator.next_u32()) < p * (1u64 << 32) as f64
}

/// Shuffles in place, every order equally likely: Fisher and Yates, from the last place down (Knuth, TAOCP 2,
/// 3.4.2 P).
pub(crate) fn shuffle<T>(generator: &mut ChaCha8Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last as u64 + 1) as usize);
    }
}

/// Uniform in 0..n, without bias and almost always without a division.
///
/// The high word of x·n, where x is uniform in 0..2⁶⁴; the few x that would make some results likelier are
/// drawn again (Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019, algorithm
/// 5).
fn below(generator: &mut ChaCha8Rng, n: u64) -> u64 {
    loop {
        let product = u128::from(generator.next_u64()) * u128::from(n);
        let low = product as u64;
        // Only low words below 2⁶⁴ mod n would cause a bias, and 2⁶⁴ mod n is below n.
        if low >= n || low >= n.wrapping_neg() % n {
            return (product >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_purpose_and_stream_each_change_the_sequence() {
        let draw = |seed, purpose, stream| generator(seed, purpose, stream).next_u64();
        let base = draw(1, "a", 0);
        assert_eq!(base, draw(1, "a", 0));
        for other in [draw(2, "a", 0), draw(1, "b", 0), draw(1, "a", 1)] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn the_sequence_is_the_documented_one() {
        // Computed with a separate implementation of ChaCha8 in Python. A change here changes every published
        // result.
        let mut order: Vec<u32> = (0..10).collect();
        shuffle(&mut generator(1, "mlprobe/nn/order", 0), &mut order);
        assert_eq!(order, [6, 5, 7, 9, 1, 0, 4, 3, 2, 8]);
    }

    #[test]
    fn symmetric_draws_fill_the_interval() {
        let mut generator = generator(3, "test", 0);
        let draws: Vec<f64> = (0..10_000).map(|_| symmetric(&mut generator, 2.0)).collect();
        assert!(draws.iter().all(|x| (-2.0..2.0).contains(x)));
        // Mean 0 and variance 4/3; the standard errors are 0.0115 and 0.0119.
        let mean = draws.iter().sum::<f64>() / 1e4;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.05 && (variance - 4.0 / 3.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn every_order_of_four_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for stream in 0..24_000 {
            let mut items = [0u8, 1, 2, 3];
            shuffle(&mut generator(5, "test", stream), &mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // 1000 expected for each, standard deviation 31: six of them.
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|&count: &i32| (count - 1000).abs() < 190), "{counts:?}");
    }

    #[test]
    fn integers_below_a_bound_are_unbiased() {
        // Without drawing again, half of the results below 3·2⁶² would be multiples of 3, not a third.
        let mut generator = generator(1, "test", 0);
        let multiples = (0..9000).filter(|_| below(&mut generator, 3 << 62).is_multiple_of(3)).count();
        // 3000 expected, standard deviation 45: six of them.
        assert!(multiples.abs_diff(3000) < 270, "{multiples}");
    }
}
