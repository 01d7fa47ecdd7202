//! The module `mlprobe._mlprobe`: what the Python package `mlprobe` computes with.

#![deny(unsafe_code)]

mod augment;
mod calls;
mod convert;
mod dataset;
mod errors;
mod extractors;
mod images;
mod networks;
mod reproduction;
mod studies;
mod validation;

use pyo3::prelude::*;

#[pymodule]
mod _mlprobe {
    #[pymodule_export]
    use crate::augment::Augmenter;
    #[pymodule_export]
    use crate::dataset::{Dataset, load_folder};
    #[pymodule_export]
    use crate::extractors::Extractor;
    #[pymodule_export]
    use crate::images::find_images;
    #[pymodule_export]
    use crate::networks::{Network, odd_scale};
    #[pymodule_export]
    use crate::reproduction::Reproduction;
    #[pymodule_export]
    use crate::studies::{compare, is_missing, learning_curves, notes, page, summary};
    #[pymodule_export]
    use crate::validation::held_out;
}
