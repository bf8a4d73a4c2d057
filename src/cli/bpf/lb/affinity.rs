//! How clients that stay with a backend are shown.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    api::BpfAffinity,
    cli::output::{Cell, Columns, Detail, age},
};

impl Columns for BpfAffinity {
    const PLURAL: &'static str = "clients that stay with a backend";
    const COMMAND: &'static [&'static str] = &["bpf", "lb", "list", "--affinity"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["CLIENT", "FRONTEND", "BACKEND", "AGE"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        let age_of = Timestamp::now().duration_since(self.last_used);
        vec![
            Cell::from(&self.client),
            self.frontend.into(),
            self.backend.into(),
            // A time that lies ahead, by a few clock ticks, counts as now.
            age(Duration::try_from(age_of).unwrap_or_default()).into(),
        ]
    }

    fn name(&self) -> String {
        format!("{}/{}", self.client, self.frontend)
    }
}
