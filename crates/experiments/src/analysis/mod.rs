//! From finished runs to results: everything that is computed once training is done.

pub(crate) mod analyse;
pub(crate) mod answers;
pub(crate) mod arms;
pub(crate) mod baselines;
pub(crate) mod chance;
pub(crate) mod comparison;
pub(crate) mod costs;
pub(crate) mod machine;
pub(crate) mod probes;
pub(crate) mod quality;
pub(crate) mod questions;
pub(crate) mod reading;
pub(crate) mod results;
