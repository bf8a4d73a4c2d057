//! How frontends are shown.

use crate::{
    api::BpfFrontend,
    cli::{
        output::{Cell, Columns, Detail, Tone},
        service::{family, vip},
    },
};

impl Columns for BpfFrontend {
    const PLURAL: &'static str = "frontends in the maps";
    const COMMAND: &'static [&'static str] = &["bpf", "lb", "list", "--frontends"];

    fn headings(detail: Detail) -> Vec<&'static str> {
        let mut headings =
            vec!["FRONTEND", "FAMILY", "SCOPE", "NUMBER", "BACKENDS", "AFFINITY", "FLAGS"];
        if detail.is_wide() {
            headings.push("NUMBERS");
        }
        headings
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        let affinity = (self.affinity_seconds != 0).then(|| format!("{}s", self.affinity_seconds));
        let mut cells = vec![
            Cell::from(vip(self.address, self.port, &self.protocol)),
            family(self.address).into(),
            self.scope.name().into(),
            self.id.into(),
            backends(self),
            Cell::optional(affinity),
            self.flags.join(",").into(),
        ];
        if detail.is_wide() {
            let numbers: Vec<String> = self.backends.iter().map(ToString::to_string).collect();
            cells.push(numbers.join(",").into());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", vip(self.address, self.port, &self.protocol), self.scope.name())
    }
}

/// A place without a backend refuses connections, so it must be seen.
fn backends(frontend: &BpfFrontend) -> Cell {
    let found = frontend.backends.len();
    match usize::try_from(frontend.places) {
        Ok(0) => Cell::toned(0, Tone::Warn),
        Ok(places) if places == found => found.into(),
        _ => Cell::toned(format!("{found}/{}", frontend.places), Tone::Bad),
    }
}
