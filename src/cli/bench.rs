//! `skep bench`.

use std::{fs, path::PathBuf};

use super::{
    error::{Error, Kind},
    exit::Answer,
    output::{Cell, Detail, Format, Output, Render, Table, Tone},
};
use crate::{
    bench::{self, BenchError, Options, Report, Row, Verdict},
    kernel,
};

/// Measure skep against bare veth and a bridge with iptables
///
/// Runs interleaved rounds of the same work on skep and on what else there is, and shows ratios
/// with their intervals. Everything happens in network namespaces that are gone afterwards. Needs
/// root.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bench --output bench.json\n  skep bench --rows rr,connect --rounds 12"
)]
pub(crate) struct Args {
    /// Rows to measure: names or groups, comma separated
    ///
    /// Names: rr, connect, stream, udp, prog-run (with -v4 or -v6 for one family), instructions.
    /// Groups: veth, bridge, check, program.
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    rows: Vec<String>,

    /// Rounds of each row
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// File to write the results to, as JSON
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        kernel::require().map_err(|missing| {
            let hint = missing.hint;
            Error::new(Kind::Environment, missing).hint(hint)
        })?;
        let options = Options { rows: self.rows, rounds: self.rounds.into(), ..Options::default() };
        let report = bench::run(&options, &mut |what| out.note(what)).map_err(explain)?;
        if let Some(path) = &self.output {
            let json = serde_json::to_string_pretty(&report)
                .map_err(|error| Error::new(Kind::Bug, error))?;
            fs::write(path, json + "\n").map_err(|source| {
                Error::new(Kind::Environment, Unwritten { path: path.clone(), source })
            })?;
        }
        out.show(&report, Format::Table)?;
        Ok(Answer::Yes)
    }
}

/// The results could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the results to {path}")]
struct Unwritten {
    path: PathBuf,
    source: std::io::Error,
}

fn explain(error: BenchError) -> Error {
    match &error {
        BenchError::NoSuchRow(_) => {
            Error::new(Kind::Usage, error).hint("`skep bench --help` lists the rows")
        }
        BenchError::MissingProgram(_) => Error::new(Kind::Environment, error).hint(
            "install it (the package is usually called iptables), or leave the rows out: \
             --rows program",
        ),
        _ => Error::new(Kind::Environment, error),
    }
}

impl Render for Report {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, _detail: Detail) -> Table {
        let mut table = Table::new([
            "NAME",
            "AGAINST",
            "SKEP",
            "REFERENCE",
            "UNIT",
            "RATIO",
            "INTERVAL",
            "GOAL",
            "VERDICT",
        ]);
        for row in &self.rows {
            table.row(cells(row));
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.name.clone()).collect()
    }
}

fn cells(row: &Row) -> [Cell; 9] {
    let interval = row.low.is_finite().then(|| format!("{:.3}-{:.3}", row.low, row.high));
    let verdict = match row.verdict {
        Verdict::Met => Cell::toned("met", Tone::Good),
        Verdict::Missed => Cell::toned("missed", Tone::Bad),
        Verdict::Inconclusive => Cell::toned("inconclusive", Tone::Warn),
    };
    [
        (&row.name).into(),
        row.group.into(),
        figure(row.skep),
        figure(row.reference),
        row.unit.into(),
        Cell::optional(row.ratio.is_finite().then(|| format!("{:.3}", row.ratio))),
        Cell::optional(interval),
        row.goal.into(),
        verdict,
    ]
}

/// Three digits that count.
fn figure(value: f64) -> Cell {
    let text = match value.abs() {
        size if !size.is_finite() => None,
        size if size >= 100.0 => Some(format!("{value:.0}")),
        size if size >= 10.0 => Some(format!("{value:.1}")),
        _ => Some(format!("{value:.2}")),
    };
    Cell::optional(text)
}
