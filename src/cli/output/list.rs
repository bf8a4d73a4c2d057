//! Lists: many things of one kind, perhaps from many nodes.

use super::{
    format::Render,
    table::{Cell, Detail, Table},
};
use crate::api;

/// How one kind of item is shown.
pub(crate) trait Columns: api::Listed {
    /// What an empty list lacks, as in "No endpoints found."
    const PLURAL: &'static str;
    /// The command that lists it, without `skep`.
    const COMMAND: &'static [&'static str];

    /// Returns the headings.
    fn headings(detail: Detail) -> Vec<&'static str>;

    /// Returns the cells of one row.
    fn cells(&self, detail: Detail) -> Vec<Cell>;

    /// Returns what `-o name` prints.
    fn name(&self) -> String;
}

/// A list and where it came from.
#[derive(Debug)]
pub(crate) struct ListView<T> {
    /// The list.
    pub(crate) list: api::List<T>,
    /// Show the node of each item.
    pub(crate) nodes: bool,
}

impl<T: Columns> Render for ListView<T> {
    type Document<'a>
        = &'a api::List<T>
    where
        T: 'a;

    fn document(&self) -> &api::List<T> {
        &self.list
    }

    fn table(&self, detail: Detail) -> Table {
        let node = self.nodes.then_some("NODE");
        let mut table = Table::new(node.into_iter().chain(T::headings(detail)));
        for located in &self.list.items {
            let node = self.nodes.then(|| Cell::from(&located.node_name));
            table.row(node.into_iter().chain(located.item.cells(detail)));
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.list.items.iter().map(|located| located.item.name()).collect()
    }

    fn empty(&self) -> String {
        format!("No {} found.", T::PLURAL)
    }
}
