//! How Maglev tables are shown.

use crate::{
    api::{BpfMaglev, MaglevShare},
    cli::{
        output::{Cell, Columns, Detail, Tone},
        service::{family, vip},
    },
};

/// How many shares a cell shows.
const SHOWN: usize = 4;

impl Columns for BpfMaglev {
    const PLURAL: &'static str = "Maglev tables in the maps";
    const COMMAND: &'static [&'static str] = &["bpf", "lb", "list", "--maglev"];

    fn headings(_: Detail) -> Vec<&'static str> {
        vec!["TABLE", "FRONTEND", "FAMILY", "SCOPE", "NUMBER", "ENTRIES", "BACKENDS", "SHARES"]
    }

    fn cells(&self, detail: Detail) -> Vec<Cell> {
        vec![
            Cell::from(self.table),
            vip(self.address, self.port, &self.protocol).into(),
            family(self.address).into(),
            self.scope.name().into(),
            self.frontend.into(),
            entries(self),
            self.shares.len().into(),
            shares(&self.shares, detail).into(),
        ]
    }

    fn name(&self) -> String {
        self.table.to_string()
    }
}

/// An entry that leads to nobody drops connections, so it must be seen.
fn entries(table: &BpfMaglev) -> Cell {
    match table.missing {
        0 => table.entries.into(),
        missing => Cell::toned(format!("{}/{}", table.entries - missing, table.entries), Tone::Bad),
    }
}

/// Writes backends by number, each with its entries and what part of the table they are.
fn shares(all: &[MaglevShare], detail: Detail) -> String {
    let word = |one: &MaglevShare| format!("{}:{} ({:.1}%)", one.backend, one.entries, one.percent);
    let shown = if detail.is_wide() { all.len() } else { SHOWN.min(all.len()) };
    let mut words: Vec<String> = all[..shown].iter().map(word).collect();
    if shown < all.len() {
        words.push(format!("+{}", all.len() - shown));
    }
    words.join(",")
}
