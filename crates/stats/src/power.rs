//! What a study could have found: the smallest difference that it detects, and the smallest margin that it proves.

use crate::contrast::Contrast;
use crate::error::{Result, require};
use crate::interval::{students_t, t_quantile};
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
    Ok(where_reached(power, detected) * std / (n as f64).sqrt())
}

/// The smallest true difference that [`decide`](crate::decide) answers with "better" or "worse" with probability 0.8, from
/// an estimate with this standard error and these degrees of freedom; in the unit of `std_error`.
///
/// # Errors
/// If `std_error` is negative or not finite, or `degrees` is below 1 or not finite.
///
/// ```
/// use mlprobe_stats::{detectable_difference, minimal_detectable_effect};
///
/// // Five seeds with standard deviation 0.002, and nothing else that varies.
/// let five_seeds = detectable_difference(0.002 / 5_f64.sqrt(), 4.0)?;
/// assert!((five_seeds - minimal_detectable_effect(0.002, 5, 0.05, 0.8)?).abs() < 1e-9);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn detectable_difference(std_error: f64, degrees: f64) -> Result<f64> {
    const OPERATION: &str = "detectable difference";
    check(OPERATION, std_error, degrees)?;
    let critical = t_quantile(OPERATION, degrees, 0.95)?;
    let detected = |shift: f64| tail(critical, degrees, shift) + tail(critical, degrees, -shift);
    Ok(where_reached(POWER, detected) * std_error)
}

/// The smallest margin for which [`decide`](crate::decide) answers "equivalent" with probability 0.8 where the true
/// difference is 0, from an estimate with this standard error and these degrees of freedom; in the unit of `std_error`.
///
/// With t the 95 % quantile of Student's t with v degrees of freedom (one-sided), and u the ratio of the estimated to
/// the true standard error, whose v u² is chi-squared with v degrees of freedom, the result is std_error times the m with
///
/// ∫ max(0, 2 Φ(m - t u) - 1) f(u) du = 0.8
///
/// which tends to 1.645 + 1.282 = 2.93 for many degrees of freedom. The relative error is below 1e-5, measured against
/// SciPy. Source: Phillips, Journal of Pharmacokinetics and Biopharmaceutics 18, 1990, 137-144.
///
/// # Errors
/// If `std_error` is negative or not finite, or `degrees` is below 1 or not finite.
///
/// ```
/// // 10,000 test images with a standard error of 0.24 points prove a margin of 0.70 points, and none of 0.1.
/// let margin = mlprobe_stats::provable_margin(0.0024, 9_999.0)?;
/// assert!((margin - 0.0070).abs() < 1e-4);
/// # Ok::<(), mlprobe_stats::Error>(())
/// ```
pub fn provable_margin(std_error: f64, degrees: f64) -> Result<f64> {
    const OPERATION: &str = "provable margin";
    check(OPERATION, std_error, degrees)?;
    let t = t_quantile(OPERATION, degrees, 0.90)?;
    let normal = Normal::standard();
    let proven = |m: f64| over_std_error(degrees, |u| (2.0 * normal.cdf(m - t * u) - 1.0).max(0.0));
    Ok(where_reached(POWER, proven) * std_error)
}

/// Planned studies find what they look for with this probability.
const POWER: f64 = 0.8;

fn check(operation: &'static str, std_error: f64, degrees: f64) -> Result<()> {
    Contrast { difference: 0.0, std_error, degrees, seeds: 0 }.check(operation)?;
    require(degrees >= 1.0, operation, "1 or more degrees of freedom", degrees, "give 2 or more seeds")
}

/// The x >= 0 at which `probability`, which grows with x, reaches `power`.
fn where_reached(power: f64, probability: impl Fn(f64) -> f64) -> f64 {
    // Double until it is enough, then halve the bracket to f64's last bit.
    let (mut lo, mut hi) = (0.0, 1.0);
    while probability(hi) < power {
        (lo, hi) = (hi, 2.0 * hi);
    }
    while hi - lo > f64::EPSILON * hi {
        let middle = 0.5 * (lo + hi);
        if probability(middle) < power {
            lo = middle;
        } else {
            hi = middle;
        }
    }
    0.5 * (lo + hi)
}

/// P(T > critical) for noncentral t: T = (Z + shift) / U, Z standard normal, U² chi-squared over its degrees v.
///
/// P = ∫ Φ(shift - critical u) f(u) du
fn tail(critical: f64, v: f64, shift: f64) -> f64 {
    let normal = Normal::standard();
    over_std_error(v, |u| normal.cdf(shift - critical * u))
}

/// The mean of `value` over U, where U² is chi-squared over its degrees v: ∫ value(u) f(u) du,
///
/// f(u) = 2 (v/2)^(v/2) / Γ(v/2) u^(v-1) exp(-v u²/2)
///
/// by Simpson's rule over 1 ± 10/sqrt(v), more than 14 standard deviations of U, cut at 0.
fn over_std_error(v: f64, value: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 2000; // even
    let ln_constant = std::f64::consts::LN_2 + 0.5 * v * log(0.5 * v) - ln_gamma(0.5 * v);
    let integrand = |u: f64| {
        // u^0 is 1 at u = 0 too, where 0 ln 0 would not be a number.
        let ln_power = if v == 1.0 { 0.0 } else { (v - 1.0) * log(u) };
        let density = exp(ln_constant + ln_power - 0.5 * v * u * u);
        value(u) * density
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
