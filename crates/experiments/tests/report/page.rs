//! The page as its readers and their browsers meet it.

use std::collections::BTreeSet;

use mlprobe_experiments::report::{Page, Pictures, markdown};
use mlprobe_experiments::results::{ArmNote, Classifier, FileInfo};
use mlprobe_experiments::tuned::{Report, Run, Scores, Tried, candidates};
use mlprobe_experiments::{About, LabelledFeatures, Note, Protocol, Results, Study, settings::Settings};
use mlprobe_stats::summary;
use ndarray::Array2;

use crate::common::{DATASET, PAGE, RESULTS, pictures, render, results};

/// What stands between the first `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start} is not there"));
    rest.split_once(end).unwrap_or_else(|| panic!("{end} does not follow {start}")).0
}

/// The words of `html`, without its tags.
fn words(html: &str) -> Vec<&str> {
    let parts = html.split('<').filter_map(|part| part.split_once('>'));
    parts.map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect()
}

#[test]
fn every_number_of_the_arms_is_in_their_table() {
    let cells = words(between(&PAGE, "<table id=\"table-arms\">", "</table>"));
    let mut rest = cells.as_slice();
    for arm in &RESULTS.arms {
        let start = rest.iter().position(|&cell| cell == arm.name).unwrap_or_else(|| panic!("{}", arm.name));
        rest = &rest[start..];
        for reading in &arm.readings {
            let accuracy = &reading.test_accuracy;
            let percent = |fraction: f64| format!("{:.2}", 100.0 * fraction);
            let row = [
                reading.epoch.to_string(),
                percent(accuracy.mean),
                percent(accuracy.std.unwrap()),
                percent(accuracy.min),
                percent(accuracy.max),
                accuracy.n.to_string(),
                percent(reading.train_accuracy.mean),
                reading.updates.to_string(),
            ];
            let found = rest.windows(row.len()).any(|cells| cells.iter().zip(&row).all(|(a, b)| a == b));
            assert!(found, "{} at epoch {}: {row:?} is not in {rest:?}", arm.name, reading.epoch);
        }
    }
    let mut comparable = RESULTS.clone();
    comparable.about.dataset.comparable = true;
    let page = render(&comparable, None);
    for original in ["77.5", "79.6"] {
        assert!(
            words(between(&page, "<table id=\"table-arms\">", "</table>")).contains(&original),
            "{original}"
        );
        assert!(!cells.contains(&original), "{original} may not be compared with");
    }
}

#[test]
fn every_figure_has_a_title_a_description_and_named_axes() {
    let axes = [
        ("arms", vec!["Test accuracy (%)"]),
        ("differences", vec!["First arm − second arm (percentage points)"]),
        ("decomposition", vec!["Test accuracy (%)", "unaugmented", "updates", "augmented"]),
        ("test-accuracy", vec!["Epoch", "Accuracy (%)"]),
        ("train-accuracy", vec!["Epoch", "Accuracy (%)"]),
        ("test-loss", vec!["Epoch", "Cross-entropy (nats)"]),
        ("train-loss", vec!["Epoch", "Cross-entropy (nats)"]),
        ("accuracy-gap", vec!["Epoch", "Gap (percentage points)"]),
        ("loss-gap", vec!["Epoch", "Gap (nats)"]),
        ("cost-epochs", vec!["Test accuracy to reach (%)", "Epochs"]),
        ("cost-updates", vec!["Test accuracy to reach (%)", "Updates"]),
        ("cost-seconds", vec!["Test accuracy to reach (%)", "Seconds on one thread"]),
        ("robustness", vec!["Transform", "Arm; test accuracy (%)", "contrast flip"]),
        ("confusion-3", vec!["True class", "Predicted class (% of the true class)", "frog"]),
        (
            "reliability-3",
            vec!["Accuracy: share that is right (%)", "Confidence: probability of the predicted class (%)"],
        ),
    ];
    for (id, names) in axes {
        let svg = between(&PAGE, &format!("<figure id=\"fig-{id}\">"), "</figure>");
        for (start, end) in [
            ("<figcaption>".to_owned(), "</figcaption>"),
            (format!("<title id=\"{id}-title\">"), "</title>"),
            (format!("<desc id=\"{id}-description\">"), "</desc>"),
        ] {
            assert!(between(svg, &start, end).len() > 3, "{id} has no {start}");
        }
        let words = words(svg);
        for name in names {
            assert!(words.contains(&name), "{name:?} is not in figure {id}");
        }
    }
    let titles = PAGE.matches("<svg ").count();
    assert_eq!(PAGE.matches("<title id=").count(), titles);
    assert_eq!(PAGE.matches("role=\"img\"").count(), titles);
}

#[test]
fn nothing_is_asked_for_from_elsewhere() {
    // Base64 holds slashes too.
    let parts = PAGE.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest));
    let text = parts.collect::<String>().replace("http://www.w3.org/2000/svg", "");
    for part in ["http:", "https:", "//", "<script", "@import", "url(", "javascript:"] {
        assert!(!text.contains(part), "{part}");
    }
    for source in PAGE.split(" src=\"").skip(1) {
        assert!(source.starts_with("data:image/png;base64,"), "{}", &source[..60]);
    }
}

#[test]
fn the_page_says_what_its_figures_may_not_be_compared_with_and_what_is_missing() {
    assert!(PAGE.contains("Not comparable with published figures."));
    assert!(!PAGE.contains("Not finished"));
    let mut part = RESULTS.clone();
    part.settings.protocol.seeds.push(7);
    part.about.dataset.comparable = true;
    let page = render(&part, None);
    assert!(page.contains("Not finished: 3 of 4 seeds."));
    assert!(!page.contains("Not comparable"));
}

#[test]
fn names_from_outside_are_escaped() {
    const NAME: &str = "<b>\"cat\" & 'dog'</b>";
    let mut results = RESULTS.clone();
    results.about.dataset.classes = (0..10).map(|k| format!("{NAME}{k}")).collect();
    results.about.dataset.name = NAME.into();
    results.settings.images.as_mut().unwrap().dataset = NAME.into();
    results.about.machine.cpu = NAME.into();
    results.comparisons.iter_mut().for_each(|comparison| comparison.effect = NAME.into());
    results.baselines.iter_mut().for_each(|b| b.classifier = Classifier::Named { name: NAME.into() });
    let text = Note::Text { text: NAME.into() };
    results.notes.push(ArmNote { arm: NAME.into(), seeds: vec![0], note: text });
    let file = FileInfo {
        arm: Some(NAME.into()),
        file: NAME.into(),
        rows: 1,
        sha256: vec![NAME.into()],
        test_rows: 0,
    };
    results.about.files.push(file);
    let of_probes = results.probes.iter_mut().map(|probe| &mut probe.answer);
    for answer in results.answers.iter_mut().chain(of_probes) {
        (answer.contrast.a, answer.contrast.b) = (NAME.into(), NAME.into());
    }
    results.arms.iter_mut().for_each(|arm| arm.name = format!("{NAME}{}", arm.name));
    let mut dataset = DATASET.clone();
    dataset.classes.clone_from(&results.about.dataset.classes);
    let page = render(&results, Some(Pictures { dataset: &dataset, ..pictures() }));
    assert!(!page.contains("<b>") && !page.contains("\"cat\""));
    assert!(page.contains("&lt;b&gt;"));
    check_tags(&page);
}

#[test]
fn parts_that_are_not_there_are_left_out() {
    let mut bare = RESULTS.clone();
    bare.comparisons.clear();
    bare.robustness.clear();
    bare.costs.clear();
    bare.baselines.clear();
    bare.probes.clear();
    bare.claims.clear();
    bare.answers.clear();
    bare.settings = Settings::given(bare.settings.protocol);
    bare.stages.clear();
    bare.about.extractor = None;
    bare.arms.iter_mut().for_each(|arm| arm.quality = None);
    let page = render(&bare, None);
    for id in ["differences", "claims", "cost", "robustness", "baselines", "probes", "gallery", "mistakes"] {
        assert!(!page.contains(&format!("<section id=\"{id}\">")), "{id}");
    }
    check_tags(&page);

    let mut before_the_first_seed = RESULTS.clone();
    before_the_first_seed.seeds_done = 0;
    before_the_first_seed.answers.clear();
    before_the_first_seed.claims.clear();
    before_the_first_seed.arms.iter_mut().for_each(|arm| {
        arm.runs.clear();
        arm.readings.clear();
        arm.quality = None;
    });
    let bare = Results { arms: before_the_first_seed.arms.clone(), seeds_done: 0, ..bare };
    for results in [before_the_first_seed, bare] {
        let page = render(&results, Some(pictures()));
        assert!(page.contains("No seed has finished yet."));
        check_tags(&page);
    }
}

#[test]
fn every_probe_is_told_in_a_sentence_and_in_a_row_and_is_called_a_probe() {
    let section = between(&PAGE, "<section id=\"probes\">", "</section>");
    let report = markdown(&RESULTS).unwrap();
    for (probe, name) in RESULTS.probes.iter().zip(["10 nearest neighbours by cosine", "logistic regression"])
    {
        let sentence = format!("Probe, {name}: ");
        assert!(section.contains(&sentence) && report.contains(&sentence), "{sentence}");
        let number = format!("{:.2}", 100.0 * probe.a_accuracy.mean);
        assert!(words(section).contains(&number.as_str()) && report.contains(&number), "{number}");
    }
}

#[test]
fn one_seed_gives_a_page_without_intervals() {
    let page = render(&results(1), Some(pictures()));
    assert!(page.contains("one seed gives no interval"));
    check_tags(&page);
}

#[test]
fn tags_are_balanced_ids_unique_and_links_lead_somewhere() {
    check_tags(&PAGE);
}

#[test]
fn the_gallery_shows_what_the_first_seed_drew() {
    let gallery = between(&PAGE, "<figure id=\"fig-gallery\">", "</figure>");
    assert_eq!(gallery.matches("<img ").count(), 2 * 3 * 4); // three pairs of each of four transforms
    for part in
        ["<strong>rotation</strong>", "<strong>cutout</strong>", "<strong>crop</strong>", ", mirrored", "°"]
    {
        assert!(gallery.contains(part), "{part}");
    }
}

#[test]
fn mistakes_are_named_with_their_classes_and_confidence() {
    let arm = RESULTS.arm("augmented").unwrap();
    let mistakes = between(&PAGE, "<figure id=\"fig-mistakes-0\">", "</figure>");
    let words = words(mistakes);
    let quality = arm.quality.as_ref().unwrap();
    assert_eq!(mistakes.matches("<img ").count(), quality.mistakes.len());
    for mistake in &quality.mistakes {
        let [label, predicted] = [mistake.label, mistake.predicted].map(|k| &DATASET.classes[usize::from(k)]);
        let sure = format!("{:.1}\u{a0}% sure; is {label}", 100.0 * mistake.confidence);
        let named = words.windows(2).any(|pair| pair == [predicted.as_str(), sure.as_str()]);
        assert!(named, "{predicted}: {sure} is not in {words:?}");
    }
}

#[test]
fn an_ablation_and_a_tuned_recipe_become_sections() {
    let seeds = [0.842, 0.846];
    let scores =
        |accuracy| Scores { loss: 0.5, accuracy, averaged_loss: 0.4, averaged_accuracy: accuracy + 0.01 };
    let tried =
        |(index, &candidate)| Tried { candidate, validation: scores(0.1 * index as f64), seconds: 1.0 };
    let report = Report {
        settings: None,
        about: RESULTS.about.clone(),
        validation_images: 200,
        candidates: (0..).zip(&candidates()[..3]).map(tried).collect(),
        selected: 1,
        runs: (0..).zip(seeds).map(|(seed, a)| Run { seed, test: scores(a), seconds: 1.0 }).collect(),
        accuracy: summary(&seeds).unwrap(),
        averaged_accuracy: summary(&seeds.map(|a| a + 0.01)).unwrap(),
        seconds: 100.0,
    };
    let page =
        Page { ablation: Some(&RESULTS), tuned: Some(&report), ..Page::new(&RESULTS) }.render().unwrap();
    check_tags(&page);
    let tuned = words(between(&page, "<section id=\"tuned\">", "</section>"));
    for part in ["84.40&nbsp;%", "85.40&nbsp;%", "84.20", "85.60", "0.5000"] {
        assert!(tuned.contains(&part), "{part} is not in {tuned:?}");
    }
    let selected = format!("{} (selected)", report.candidates[1].candidate);
    assert!(tuned.contains(&selected.as_str()), "{selected} is not in {tuned:?}");

    let ablation = words(between(&page, "<table id=\"table-ablation\">", "</table>"));
    let whole = RESULTS.comparisons.iter().find(|c| c.a == "augmented" && c.is_at(RESULTS.epochs())).unwrap();
    let difference = format!("{:+.2}", 100.0 * whole.mean).replace('-', "\u{2212}");
    assert!(ablation.contains(&difference.as_str()), "{difference} is not in {ablation:?}");
    assert!(page.contains("<figure id=\"fig-ablation\">"));
}

#[test]
fn the_same_results_give_the_same_page_of_a_size_that_opens_at_once() {
    assert_eq!(*PAGE, render(&RESULTS, Some(pictures())));
    assert!(PAGE.len() < 3 << 20, "{} bytes", PAGE.len());
}

#[test]
fn images_of_another_data_set_are_refused() {
    let mut other = DATASET.clone();
    other.test.labels.pop();
    let pictures = Some(Pictures { dataset: &other, ..pictures() });
    let error = Page { pictures, ..Page::new(&RESULTS) }.render().unwrap_err().to_string();
    assert!(error.contains("expected 1000 test images, got 999"), "{error}");
}

/// Every tag is closed in order, every id is there once, and every link leads to one.
pub fn check_tags(page: &str) {
    const EMPTY: [&str; 4] = ["meta", "link", "img", "!doctype"];
    let (mut open, mut ids, mut links) = (Vec::new(), BTreeSet::new(), Vec::new());
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split([' ', '\n', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "<{tag}>");
        } else if !tag.ends_with('/') && !EMPTY.contains(&name) {
            open.push(name);
        }
        for id in tag.split(" id=\"").skip(1) {
            let id = id.split('"').next().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
        }
        links.extend(tag.split(" href=\"#").skip(1).map(|link| link.split('"').next().unwrap()));
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    for link in links {
        assert!(ids.contains(link), "nothing at #{link}");
    }
}

#[test]
fn a_comparison_of_given_features_speaks_of_nothing_else() {
    let set = |n: usize| {
        // Every set has rows of its own.
        let features =
            Array2::from_shape_fn((n, 4), |(i, j)| ((i * 7 + j * 3) % 13) as f32 / 13.0 + n as f32 / 1000.0);
        LabelledFeatures::new(features, (0..n).map(|i| (i % 3) as u16).collect()).unwrap()
    };
    let mut about = About::features("points", &["a", "b", "c"]);
    let few = FileInfo {
        arm: Some("few".into()),
        file: "few.npz".into(),
        rows: 20,
        sha256: vec!["0123".into()],
        test_rows: 0,
    };
    about.files.push(few);
    let results = Study::new(&set(60))
        .about(about)
        .protocol(Protocol { batch_size: 10, hidden: vec![5], ..Protocol::new(vec![0, 1], 4) })
        .baselines(&set(20), 0.1)
        .arm("few", &set(20))
        .arm("many", &set(40))
        .further_test("other points", &set(30))
        .run()
        .unwrap()
        .results;
    for report in [render(&results, None), markdown(&results).unwrap()] {
        let lower = report.split("</style>").last().unwrap().to_lowercase();
        for word in ["image", "cifar", "augment", "transformed", "original", "claim", "top 5", "top-5"] {
            assert!(!lower.contains(word), "{word}: {}", between(&lower, word, "\n"));
        }
        for words in ["few.npz", "many against few", "test examples", "training set", "4–5–3", "other points"]
        {
            let words = if report.starts_with("<!") { words.to_owned() } else { words.replace('–', "-") };
            assert!(report.contains(&words), "{words} is not in {report}");
        }
    }
}
