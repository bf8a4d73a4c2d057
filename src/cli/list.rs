//! What every `list` command does: ask, merge, show.

use std::{cmp::Eq, collections::HashSet, hash::Hash};

use super::{
    error::Error,
    exit::Answer,
    output::{Cell, Columns, FormatArgs, ListView, Output},
    runtime,
    source::SourceArgs,
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
    /// When nobody can be asked.
    pub(crate) fn run<T: Columns>(
        self,
        out: &Output,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Answer, Error> {
        let mut list: List<T> = runtime::query(async { Ok(self.source.list().await?) })?;
        list.items.retain(|located| keep(&located.item));
        let nodes = false;
        out.show(&ListView { list, nodes }, self.format.format)?;
        Ok(Answer::Yes)
    }

    /// Shows the items of a cluster, of which several nodes may tell.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub(crate) fn run_merged<T: Columns>(
        self,
        out: &Output,
        merge: impl FnOnce(Vec<Located<T>>) -> Vec<Located<T>>,
    ) -> Result<Answer, Error> {
        let list: List<T> = runtime::query(async { Ok(self.source.list().await?) })?;
        let list = List::of(merge(list.items));
        out.show(&ListView { list, nodes: false }, self.format.format)?;
        Ok(Answer::Yes)
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
