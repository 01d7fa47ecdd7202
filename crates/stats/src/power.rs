//! What a study of n seeds could have found: the smallest effect a paired t test detects.

use crate::error::{Result, require};
use crate::interval::students_t;
use libm::{exp, log};
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::ln_gamma;

/// The smallest true mean difference that a two-sided paired t test over `n` seeds at error rate `alpha`
/// declares with probability `power`, where single differences have standard deviation `std`; in the unit of
/// `std`.
///
/// With critical value c = F⁻¹(1 - alpha/2), F Student's t with n - 1 degrees of freedom, the result is the
/// effect e for which a noncentral t variable T with noncentrality e sqrt(n) / std has
///
/// P(|T| > c) = power
///
/// The probability is integrated numerically and the root found by bisection; the relative error is below 1e-8,
/// measured against SciPy's `nct`. `std` is usually the sample's own, and then the answer is as uncertain as it: read
/// it as the resolution of the study, not as evidence about this effect.
/// Source: D. B. Owen, "A survey of properties and applications of the noncentral t-distribution",
/// Technometrics 10, 1968, 445-478.
///
/// # Errors
/// If n < 2, `std` is negative or not finite, or not 0.01 <= alpha <= power <= 0.999: even an effect of 0 is declared
/// with probability alpha, and outside of 0.01 and 0.999 the integral is not checked.
///
/// ```
/// use mlprobe_stats::minimal_detectable_effect;
///
/// let five_seeds = minimal_detectable_effect(0.002, 5, 0.05, 0.8)?;
/// assert!((five_seeds - 0.003_36).abs() < 1e-5); // a third of a percentage point
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn minimal_detectable_effect(std: f64, n: usize, alpha: f64, power: f64) -> Result<f64> {
    const OPERATION: &str = "minimal_detectable_effect";
    require(n >= 2, OPERATION, "2 or more seeds", n, "run more seeds")?;
    require(std.is_finite() && std >= 0.0, OPERATION, "a finite std of 0 or more", std, "estimate it first")?;
    let probabilities = format_args!("alpha {alpha}, power {power}");
    let ordered = 0.01 <= alpha && alpha <= power && power <= 0.999;
    require(ordered, OPERATION, "0.01 <= alpha <= power <= 0.999", probabilities, "0.05 and 0.8 are usual")?;

    let degrees = (n - 1) as f64;
    let critical = students_t(OPERATION, degrees)?.inverse_cdf(1.0 - 0.5 * alpha);
    let detected = |shift: f64| tail(critical, degrees, shift) + tail(critical, degrees, -shift);

    // Power grows with the shift: double until it is enough, then halve the bracket to f64's last bit.
    let (mut lo, mut hi) = (0.0, 1.0);
    while detected(hi) < power {
        (lo, hi) = (hi, 2.0 * hi);
    }
    while hi - lo > f64::EPSILON * hi {
        let middle = 0.5 * (lo + hi);
        if detected(middle) < power {
            lo = middle;
        } else {
            hi = middle;
        }
    }
    Ok(0.5 * (lo + hi) * std / (n as f64).sqrt())
}

/// P(T > critical) for noncentral t: T = (Z + shift) / U, Z standard normal, U² chi-squared over its degrees v.
///
/// P = ∫ Φ(shift - critical u) f(u) du,  f(u) = 2 (v/2)^(v/2) / Γ(v/2) u^(v-1) exp(-v u²/2)
///
/// by Simpson's rule over 1 ± 10/sqrt(v), more than 14 standard deviations of U, cut at 0.
fn tail(critical: f64, v: f64, shift: f64) -> f64 {
    const STEPS: usize = 2000; // even
    let ln_constant = std::f64::consts::LN_2 + 0.5 * v * log(0.5 * v) - ln_gamma(0.5 * v);
    let integrand = |u: f64| {
        // u^0 is 1 at u = 0 too, where 0 ln 0 would not be a number.
        let ln_power = if v == 1.0 { 0.0 } else { (v - 1.0) * log(u) };
        let density = exp(ln_constant + ln_power - 0.5 * v * u * u);
        Normal::standard().cdf(shift - critical * u) * density
    };
    let reach = 10.0 / v.sqrt();
    let start = (1.0 - reach).max(0.0);
    let step = (1.0 + reach - start) / STEPS as f64;
    let sum: f64 = (0..=STEPS)
        .map(|i| {
            let weight = match i {
                0 | STEPS => 1.0,
                _ if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * integrand(start + i as f64 * step)
        })
        .sum();
    sum * step / 3.0
}
