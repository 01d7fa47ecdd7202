//! Which of the arrays in a file are features and labels, by the names that people give them.

use super::labelled::Options;
use super::problem::{Problem, listed};

/// Names of features in lower case, without separators.
const FEATURES: [&str; 9] =
    ["features", "feature", "feats", "feat", "x", "embeddings", "embedding", "emb", "data"];
/// Names of labels, likewise.
const LABELS: [&str; 7] = ["labels", "label", "y", "targets", "target", "class", "species"];
/// What `numpy.savez` calls the arrays of `numpy.savez(file, features, labels)`.
const UNNAMED: [&str; 2] = ["arr_0", "arr_1"];

/// What an array holds.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Features,
    Labels,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Labels => "labels",
        }
    }
}

/// The names of features and labels.
pub type Pair = [String; 2];

/// The arrays of a file: its only or its training set, and the test set if there is one beside it.
#[derive(Debug)]
pub struct Found {
    pub main: Pair,
    pub test: Option<Pair>,
}

/// The pairs of features and labels among `names`.
pub fn find(names: &[String], options: &Options) -> Result<Found, (Kind, Problem)> {
    let of_test = |kind| candidates(names, kind, true);
    let pick = |kind| pick(names, kind, options).map_err(|problem| (kind, problem));
    let main = [pick(Kind::Features)?, pick(Kind::Labels)?];
    if main[0] == main[1] {
        return Err((Kind::Labels, unclear(names, Kind::Labels)));
    }
    let is_named = options.features_key.is_some() || options.labels_key.is_some();
    let test = match (&of_test(Kind::Features)[..], &of_test(Kind::Labels)[..]) {
        _ if is_named => None,
        ([], []) => None,
        ([features], [labels]) if main == [*features, *labels].map(String::as_str) => None,
        ([features], [labels]) => Some([*features, *labels].map(String::clone)),
        ([_], _) => return Err((Kind::Labels, unclear(names, Kind::Labels))),
        _ => return Err((Kind::Features, unclear(names, Kind::Features))),
    };
    Ok(Found { main: main.map(str::to_owned), test })
}

/// The one of `names` that holds `kind`: the one that was asked for, the one with a common name, or the only one.
pub fn pick<'a>(names: &'a [String], kind: Kind, options: &Options) -> Result<&'a str, Problem> {
    let key = match kind {
        Kind::Features => &options.features_key,
        Kind::Labels => &options.labels_key,
    };
    if let Some(key) = key {
        let found = names.iter().find(|&name| name == key);
        return found.map(String::as_str).ok_or_else(|| Problem::Wrong {
            expected: format!("`{}`", key),
            actual: listed(names),
            next: "choose one of these",
        });
    }
    let unnamed = || names.len() == 2 && UNNAMED.iter().all(|name| names.iter().any(|other| other == name));
    match (&candidates(names, kind, false)[..], &candidates(names, kind, true)[..], names) {
        (&[name], _, _) | ([], &[name], _) | ([], [], [name]) => Ok(name),
        ([], [], _) if unnamed() => Ok(UNNAMED[kind as usize]),
        _ => Err(unclear(names, kind)),
    }
}

/// The names by which `kind` is known, of a test set or of another one.
fn candidates(names: &[String], kind: Kind, of_test: bool) -> Vec<&String> {
    names.iter().filter(|name| recognise(name) == Some((kind, of_test))).collect()
}

/// What an array of this name holds, and whether it is of a test set: `X_test`, `train_labels`, `Embeddings`.
pub fn recognise(name: &str) -> Option<(Kind, bool)> {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let without = |part: &str| Some(name.strip_prefix(part).or_else(|| name.strip_suffix(part))?.to_owned());
    let test = without("testing").or_else(|| without("test"));
    let train = without("training").or_else(|| without("train"));
    let of_test = test.is_some();
    let plain = test.or(train).unwrap_or(name);
    if FEATURES.contains(&plain.as_str()) {
        Some((Kind::Features, of_test))
    } else {
        LABELS.contains(&plain.as_str()).then_some((Kind::Labels, of_test))
    }
}

fn unclear(names: &[String], kind: Kind) -> Problem {
    let (known, next) = match kind {
        Kind::Features => {
            ("features, X, embeddings or data", "say which one it is with --features-key and --labels-key")
        }
        Kind::Labels => ("labels, y or targets", "say which one it is with --labels-key"),
    };
    Problem::Wrong {
        expected: format!("one array of {}, under a name such as {known}", kind.name()),
        actual: listed(names),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Option<(Pair, Option<Pair>)> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        find(&names, &Options::default()).ok().map(|Found { main, test }| (main, test))
    }

    #[test]
    fn common_names_are_understood() {
        let pairs = [
            ["features", "labels"],
            ["X", "y"],
            ["x", "y"],
            ["X_train", "y_train"],
            ["train_embeddings", "train_targets"],
            ["Xtrain", "Ytrain"],
            ["embeddings", "labels"],
            ["data", "target"],
            ["feature", "label"],
            ["arr_0", "arr_1"],
            ["X_test", "y_test"],
        ];
        for pair in pairs {
            let expected = Some((pair.map(str::to_owned), None));
            assert_eq!(found(&pair), expected);
            assert_eq!(found(&[pair[1], pair[0]]), expected);
            if pair[0] != "arr_0" {
                assert_eq!(found(&["ids", pair[0], pair[1]]), expected);
            }
        }
        let test = Some(["x_test", "y_test"].map(str::to_owned));
        for main in [["x_train", "y_train"], ["features", "labels"]] {
            assert_eq!(
                found(&[main[0], "x_test", main[1], "y_test"]),
                Some((main.map(str::to_owned), test.clone()))
            );
        }
    }

    #[test]
    fn what_is_not_clear_is_not_guessed() {
        for names in [
            &[][..],
            &["features"],
            &["labels"],
            &["a", "b"],
            &["features", "embeddings", "labels"],
            &["X", "x", "y"],
            &["X", "y", "label"],
            &["X", "y", "X_train", "y_train"],
            &["X_train", "y_train", "X_test"],
            &["X_train", "y_train", "y_test"],
            &["X_train", "y_test"],
            &["arr_0", "arr_1", "arr_2"],
            &["arr_0"],
        ] {
            assert_eq!(found(names), None, "{names:?}");
        }
    }

    #[test]
    fn names_that_are_asked_for_are_taken_or_missed() {
        let names = ["X_train", "y_train", "coarse", "X_test"].map(str::to_owned);
        let options = |features: Option<&str>, labels: Option<&str>| Options {
            features_key: features.map(str::to_owned),
            labels_key: labels.map(str::to_owned),
            ..Options::default()
        };
        let found = |options: &Options| find(&names, options).ok().map(|found| (found.main, found.test));
        let expected = |pair: [&str; 2]| Some((pair.map(str::to_owned), None));
        assert_eq!(found(&options(None, Some("coarse"))), expected(["X_train", "coarse"]));
        assert_eq!(found(&options(Some("X_test"), Some("coarse"))), expected(["X_test", "coarse"]));
        assert_eq!(found(&options(None, Some("fine"))), None);
        assert_eq!(found(&options(Some("y_train"), None)), None);
    }
}
