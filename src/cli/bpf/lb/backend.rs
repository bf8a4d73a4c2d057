//! How backends are shown.

use crate::{
    api::BpfBackend,
    cli::output::{Cell, Columns, Detail},
};

impl Columns for BpfBackend {
    const PLURAL: &'static str = "backends in the maps";
    const COMMAND: &'static [&'static str] = &["bpf", "lb", "list", "--backends"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["NUMBER", "ADDRESS", "PORT", "PROTOCOL"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        vec![self.id.into(), self.address.into(), self.port.into(), (&self.protocol).into()]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}
