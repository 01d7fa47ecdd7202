//! What is known of a study before it is trained: whether it can be run, and what its scores alone will not say.

use super::Study;
use crate::analysis::results::ArmNote;
use crate::engine::labels::check_labels;
use crate::engine::overlap::check_overlaps;
use crate::engine::scale::check_scales;
use crate::engine::{check_arms, check_sets};
use crate::error::{Error, Result};

impl Study<'_> {
    /// Checks the study before anything is trained, as [`run_in`](Self::run_in) does first, and returns what there is to know
    /// beside the scores: the notes that its results begin with.
    ///
    /// ```
    /// use mlprobe_experiments::{LabelledFeatures, Study};
    /// use ndarray::Array2;
    ///
    /// let rows = |first: usize, n: usize| {
    ///     let features = Array2::from_shape_fn((n, 2), |(i, j)| (first + i + j) as f32);
    ///     LabelledFeatures::new(features, (0..n).map(|i| (i % 2) as u16).collect())
    /// };
    /// let (train, test) = (rows(0, 20)?, rows(20, 10)?);
    /// assert!(Study::new(&test).arm("a", &train).check()?.len() > 0); // features far from mean 0 and deviation 1
    /// let error = Study::new(&test).arm("a", &test).check().unwrap_err();
    /// assert!(error.to_string().contains("10 of the 10 test rows in the training set of arm `a`"));
    /// # Ok::<(), mlprobe_experiments::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if the protocol cannot be run, a name is unknown, shapes or labels do not fit each other, there are
    /// fewer than two classes or test rows, an arm trains on more than half of the test rows, or its features are of another
    /// scale than those of the test set.
    pub fn check(&self) -> Result<Vec<ArmNote>> {
        let protocol = &self.settings.protocol;
        check_arms(protocol, &self.arms)?;
        let further = self.further.iter().map(|(name, set)| (format!("test set `{name}`"), set));
        let baseline =
            self.baseline.iter().map(|(train, _)| ("the baselines' training set".to_owned(), train));
        let of_arms =
            self.arms.iter().flat_map(|arm| arm.fixed().map(|set| (format!("arm `{}`", arm.name()), set)));
        let classes = self.classes();
        check_sets(&self.test, classes.len(), further.chain(of_arms).chain(baseline))?;
        self.pairs(&self.arms.iter().collect::<Vec<_>>())?;
        self.check_questions()?;
        let mut notes = check_labels(&self.arms, &self.test, &classes)?;
        notes.extend(check_overlaps(&self.arms, &self.test)?);
        notes.extend(check_scales(&self.arms, &self.test)?);
        notes.extend(self.arms.iter().filter_map(|arm| Some((arm.name(), arm.small_batch(protocol)?))));
        let note = |(arm, note): (&str, _)| ArmNote { arm: arm.to_owned(), seeds: Vec::new(), note };
        Ok(notes.into_iter().map(note).collect())
    }

    /// There is an arm called `name`.
    pub(super) fn check_name(&self, name: &str) -> Result<()> {
        if self.arms.iter().any(|arm| arm.name() == name) {
            return Ok(());
        }
        Err(Error::Argument {
            operation: "planning the comparisons",
            expected: "names of the study's arms".into(),
            actual: format!("{name:?}"),
            next: "add the arm or correct the name",
        })
    }

    fn check_questions(&self) -> Result<()> {
        let probed = self.probes.iter().map(|(_, question)| question);
        self.questions
            .iter()
            .chain(probed)
            .flat_map(|q| [&q.a, &q.b])
            .try_for_each(|name| self.check_name(name))
    }
}
