//! How the source of answers is shown.

use crate::{
    api::BpfRevNat,
    cli::{
        output::{Cell, Columns, Detail},
        service::{family, vip},
    },
};

impl Columns for BpfRevNat {
    const PLURAL: &'static str = "frontends in the maps";
    const COMMAND: &'static [&'static str] = &["bpf", "lb", "list", "--revnat"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["FRONTEND", "FAMILY", "NUMBERS", "CONNECTIONS"]
    }

    fn cells(&self, _: Detail) -> Vec<Cell> {
        let numbers: Vec<String> = self.numbers.iter().map(ToString::to_string).collect();
        vec![
            Cell::from(vip(self.address, self.port, &self.protocol)),
            family(self.address).into(),
            numbers.join(",").into(),
            self.connections.into(),
        ]
    }

    fn name(&self) -> String {
        vip(self.address, self.port, &self.protocol)
    }
}
