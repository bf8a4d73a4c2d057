//! What every `list` command does: ask, merge, show.

use std::{collections::HashSet, hash::Hash};

use super::{
    cluster::ClusterError,
    error::Error,
    exit::Answer,
    output::{Cell, Columns, FormatArgs, ListView, Output},
    runtime,
    source::{Answers, Failure, SourceArgs},
};
use crate::api::{List, Located};

/// Flags of every `list` command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    source: SourceArgs,
}

impl ListArgs {
    /// Shows the items of every node that is asked.
    ///
    /// # Errors
    /// When an agent cannot be asked; what the others say is shown nevertheless.
    pub(crate) fn run<T: Columns>(
        self,
        out: &Output,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Answer, Error> {
        self.show(out, |answers| {
            answers.items.retain(|located| keep(&located.item));
            answers.asked.is_some()
        })
    }

    /// Shows the items of a cluster, of which several nodes may tell.
    ///
    /// # Errors
    /// When an agent cannot be asked; what the others say is shown nevertheless.
    pub(crate) fn run_merged<T: Columns>(
        self,
        out: &Output,
        merge: impl FnOnce(Vec<Located<T>>) -> Vec<Located<T>>,
    ) -> Result<Answer, Error> {
        self.show(out, |answers| {
            answers.items = merge(std::mem::take(&mut answers.items));
            false
        })
    }

    /// `arrange` tells whether the node of each item is shown.
    fn show<T: Columns>(
        self,
        out: &Output,
        arrange: impl FnOnce(&mut Answers<T>) -> bool,
    ) -> Result<Answer, Error> {
        let mut answers: Answers<T> =
            runtime::query(async { self.source.open().await?.list().await })?;
        let nodes = arrange(&mut answers);
        out.show(&ListView { list: List::of(answers.items), nodes }, self.format.format)?;
        complete(out, &answers.failures, answers.asked)
    }
}

/// Names the agents that did not answer.
///
/// # Errors
/// When there are any.
pub(crate) fn complete(
    out: &Output,
    failures: &[Failure],
    asked: Option<usize>,
) -> Result<Answer, Error> {
    for failure in failures {
        out.warn(&format!("node {}: {}", failure.node_name, failure.reason));
    }
    match (failures.len(), asked) {
        (0, _) | (_, None) => Ok(Answer::Yes),
        (failed, Some(total)) => Err(ClusterError::Partial { failed, total }.into()),
    }
}

/// Returns a merge that keeps the first item of each key.
pub(crate) fn first_by<T, K: Eq + Hash>(
    key: impl Fn(&T) -> K,
) -> impl FnOnce(Vec<Located<T>>) -> Vec<Located<T>> {
    move |items| {
        let mut seen = HashSet::new();
        items.into_iter().filter(|located| seen.insert(key(&located.item))).collect()
    }
}

/// Returns a cell for a fact.
pub(crate) fn yes_no(fact: bool) -> Cell {
    if fact { "yes".into() } else { "no".into() }
}
