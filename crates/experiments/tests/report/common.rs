//! A finished study with the arms of the original report, on features that need no network.

use std::sync::LazyLock;

use mlprobe_data::augment::Preset;
use mlprobe_data::{Dataset, LabelledImages, mini};
use mlprobe_experiments::report::{Page, Pictures};
use mlprobe_experiments::reproduction::questions;
use mlprobe_experiments::results::ExtractorInfo;
use mlprobe_experiments::settings::{Compared, Images, Settings};
use mlprobe_experiments::{About, Arm, LabelledFeatures, Protocol, Results, Study};
use mlprobe_features::{ExtractorSettings, Precision};
use ndarray::{Array2, Axis};

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");

pub static DATASET: LazyLock<Dataset> = LazyLock::new(|| mini::load(MINI).unwrap());
pub static RESULTS: LazyLock<Results> = LazyLock::new(|| results(3));
pub static PAGE: LazyLock<String> = LazyLock::new(|| render(&RESULTS, Some(pictures())));

pub fn render(results: &Results, pictures: Option<Pictures<'_>>) -> String {
    Page { pictures, ..Page::new(results) }.render().unwrap()
}

pub fn pictures() -> Pictures<'static> {
    Pictures::of(&DATASET, Preset::Y2022.transforms())
}

/// Mean colours: three numbers per image, the last one shifted.
fn features(images: &LabelledImages, shift: f32) -> LabelledFeatures {
    let features = Array2::from_shape_fn((images.len(), 3), |(n, c)| {
        let image = images.images.index_axis(Axis(0), n);
        let channel = image.index_axis(Axis(2), c);
        channel.iter().map(|&x| f32::from(x)).sum::<f32>() / (255.0 * 1024.0)
            + if c == 2 { shift } else { 0.0 }
    });
    LabelledFeatures::new(features, images.labels.clone()).unwrap()
}

/// The arms, comparisons and questions of the original report.
pub fn results(seeds: u64) -> Results {
    let classes: Vec<&str> = DATASET.classes.iter().map(String::as_str).collect();
    let mut about = About::features("cifar10-mini", &classes);
    about.dataset.train_images = DATASET.train.len();
    about.extractor = Some(ExtractorInfo { name: "colours".into(), dim: 3, fingerprint: "0123abcd".into() });
    about.commit = "abc1234".into();
    let settings = Settings {
        compared: Compared::Reproduction { preset: Preset::Y2022 },
        images: Some(Images::of("mini")),
        extractor: Some(ExtractorSettings::SqueezeNet { input_size: 64, precision: Precision::F32 }),
        protocol: Protocol::new((0..seeds).collect(), 12),
    };
    let (original, shifted) = (features(&DATASET.train, 0.0), features(&DATASET.train, 0.1));
    let study = Study::new(&features(&DATASET.test, 0.0))
        .settings(settings)
        .about(about)
        .baselines(&original, 0.1)
        .add(Arm::new("unaugmented", 0.1).with(&original))
        .add(Arm::new("augmented", 0.2).with(&original).with(&shifted))
        .add(Arm::new("duplicated", 0.2).with(&original).with(&original))
        .add(Arm::new("fast", 0.2).with(&original))
        .compare("all three", "augmented", "unaugmented")
        .compare("higher rate", "fast", "unaugmented")
        .compare("more updates", "duplicated", "fast")
        .compare("augmented images", "augmented", "duplicated")
        .separate_questions()
        .probe_neighbours("augmented", "unaugmented")
        .probe_logistic("augmented", "duplicated")
        .further_test("rotation", &features(&DATASET.test, 0.2))
        .further_test("contrast_flip", &features(&DATASET.test, -0.2));
    questions().into_iter().fold(study, Study::ask).run().unwrap().results
}
