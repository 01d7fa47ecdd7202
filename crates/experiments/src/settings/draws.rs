//! How many draws of augmentation an arm trains on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Protocol;
use crate::error::{Error, Result};

/// How many transformed copies of each image an arm trains on, one of them per epoch.
///
/// ```
/// use mlprobe_experiments::settings::Draws;
///
/// assert_eq!("4".parse(), Ok(Draws::Number(4)));
/// assert_eq!(Draws::Fresh.to_string(), "fresh");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Draws {
    /// Draw e mod c in epoch e, counted from 0, for c draws. With 0 draws, plain copies take their place.
    Number(u32),
    /// A new draw in every epoch.
    Fresh,
}

impl Draws {
    /// How many there are in so many epochs.
    pub(crate) fn in_epochs(self, epochs: usize) -> u32 {
        match self {
            Self::Number(draws) => draws,
            Self::Fresh => epochs as u32,
        }
    }

    /// These can be compared under `protocol`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are two or more numbers that ascend, none above the number of epochs.
    pub(crate) fn check(draws: &[Self], protocol: &Protocol) -> Result<()> {
        let epochs = protocol.epochs;
        let problem = |expected: String, next| {
            let actual = draws.iter().map(Self::to_string).collect::<Vec<_>>().join(",");
            Err(Error::Argument { operation: "comparing numbers of draws", expected, actual, next })
        };
        let ascend = draws.windows(2).all(|pair| pair[0].in_epochs(epochs) < pair[1].in_epochs(epochs));
        if draws.len() < 2 || !ascend {
            let expected = format!("two or more different numbers, where fresh is {epochs}, one per epoch");
            return problem(expected, "name each number once, as in 0,1,4");
        }
        if draws.iter().any(|draws| draws.in_epochs(epochs) as usize > epochs) {
            let expected = format!("at most one draw for each of {epochs} epochs");
            return problem(expected, "name smaller numbers, or train for more epochs");
        }
        Ok(())
    }
}

impl fmt::Display for Draws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(draws) => write!(f, "{draws}"),
            Self::Fresh => f.write_str("fresh"),
        }
    }
}

impl FromStr for Draws {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match (text, text.parse()) {
            ("fresh", _) => Ok(Self::Fresh),
            (_, Ok(draws)) => Ok(Self::Number(draws)),
            _ => Err(format!("expected a whole number or fresh, got {text}")),
        }
    }
}

impl From<Draws> for String {
    fn from(draws: Draws) -> Self {
        draws.to_string()
    }
}

impl TryFrom<String> for Draws {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_compared_are_refused_with_what_to_do() {
        let check = |text: &str, epochs| {
            let draws: Vec<Draws> = text.split(',').map(|draws| draws.parse().unwrap()).collect();
            Draws::check(&draws, &Protocol::new(vec![0], epochs)).map_err(|error| error.to_string())
        };
        assert_eq!(check("0,1,2,4,8,fresh", 9), Ok(()));
        for (text, epochs, part) in [
            ("0", 9, "two or more different numbers"),
            ("1,1", 9, "name each number once"),
            ("4,2", 9, "two or more different numbers"),
            ("0,9,fresh", 9, "where fresh is 9, one per epoch, got 0,9,fresh"),
            ("0,8", 5, "at most one draw for each of 5 epochs, got 0,8"),
        ] {
            let message = check(text, epochs).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert!("some".parse::<Draws>().unwrap_err().contains("got some"));
    }
}
