//! `skep bench`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{
    error::{Error, Kind},
    exit::Answer,
    output::{Cell, Detail, EncodeError, Format, Output, Render, Table, Tone},
    runtime::{Threads, serve},
};
use crate::bench::{
    self, Options, Progress, Report, Role, Row, RowSpec, Rows, ServicePart, Verdict,
};

/// Measure skep against bare veth and a bridge with iptables
///
/// Runs interleaved rounds of the same work on skep and on what else there is, in network
/// namespaces of its own, and shows ratios with their 95 % intervals. Needs root, but for the rows
/// about the policy engine. The exit code is 1 when a goal was missed.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "Example:\n  skep bench --rows veth,bridge --output bench.json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    hidden: Option<Hidden>,
    /// Rows to measure: names, groups or beginnings of names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    rows: Vec<String>,
    /// Rounds that count, each of 0.4 s per topology
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(3..=1000))]
    rounds: u16,
    /// List the rows and their goals instead of measuring
    #[arg(long)]
    list: bool,
    /// File to write the rows to, as JSON
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

/// What the bench starts by itself.
#[derive(Debug, clap::Subcommand)]
enum Hidden {
    /// Send or answer the load of a running bench
    #[command(hide = true)]
    Worker {
        /// client or server
        role: Role,
    },
    /// Measure the policy engine
    #[command(hide = true)]
    Policy,
    /// Measure services
    #[command(hide = true)]
    Service {
        /// Control group to measure connections in
        #[arg(long, value_name = "DIR")]
        cgroup: PathBuf,
        /// What to measure
        #[arg(long, value_name = "PART", value_delimiter = ',', required = true)]
        parts: Vec<ServicePart>,
    },
    /// Call the CNI plugin of the node that this runs on
    #[command(hide = true)]
    Cni {
        /// Directory of the network lists
        #[arg(long, value_name = "DIR")]
        conf_dir: PathBuf,
        /// Directory of the plugins
        #[arg(long, value_name = "DIR")]
        bin_dir: PathBuf,
        /// Calls one after the other
        #[arg(long, value_name = "N")]
        calls: u32,
        /// Calls at once
        #[arg(long, value_name = "N")]
        burst: u32,
    },
    /// Have the agent of the node that this runs on keep as many flows as it can
    #[command(hide = true)]
    Fill {
        /// Directory of the agent's sockets
        #[arg(long, value_name = "DIR", default_value = "/run/skep")]
        run_dir: PathBuf,
    },
}

impl Hidden {
    fn run(self, out: &Output) -> Result<(), Error> {
        match self {
            Self::Worker { role } => {
                Ok(bench::serve_worker(role, io::stdin().lock(), io::stdout().lock())?)
            }
            Self::Policy => {
                let times = bench::measure_policy()?;
                out.line(&serde_json::to_string(&times).map_err(EncodeError::Json)?)
            }
            Self::Service { cgroup, parts } => {
                let times = bench::measure_services(&cgroup, &parts)?;
                out.line(&serde_json::to_string(&times).map_err(EncodeError::Json)?)
            }
            Self::Cni { conf_dir, bin_dir, calls, burst } => {
                let plan = bench::CniCalls { conf_dir, bin_dir, calls, burst };
                let times = bench::measure_cni(&plan)?;
                out.line(&serde_json::to_string(&times).map_err(EncodeError::Json)?)
            }
            Self::Fill { run_dir } => {
                let filled = bench::fill(&run_dir);
                let filled = filled.map_err(|error| Error::new(Kind::Environment, error))?;
                out.line(&serde_json::to_string(&filled).map_err(EncodeError::Json)?)
            }
        }
    }
}

/// The results could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
struct Unwritable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        if let Some(hidden) = self.hidden {
            hidden.run(out)?;
            return Ok(Answer::Yes);
        }
        let rows = bench::choose(&self.rows).map_err(|unknown| {
            Error::new(Kind::Usage, format!("no row is called {}", unknown.join(", ")))
                .hint("skep bench --list")
        })?;
        if self.list {
            out.show(&Catalogue(rows), self.format)?;
            return Ok(Answer::Yes);
        }
        // Before minutes of measuring, not after.
        if let Some(path) = &self.output {
            write(path, &Rows { rows: Vec::new() })?;
        }
        let options = Options { rows, rounds: self.rounds.into(), program: env::current_exe()? };
        let report = measure(options, out)?;
        for note in &report.notes {
            out.note(&format!("note: {note}"));
        }
        if let Some(path) = &self.output {
            write(path, &Rows { rows: report.rows.clone() })?;
        }
        out.show(&Document::from(&report), self.format)?;
        let missed = report.rows.iter().any(|row| row.verdict == Verdict::Missed);
        Ok(if missed { Answer::No } else { Answer::Yes })
    }
}

fn measure(options: Options, out: &Output) -> Result<Report, Error> {
    let bar = Bar::new(out);
    serve(Threads::One, |cancel| async move {
        let finished = bar.0.clone();
        let run = tokio::task::spawn_blocking(move || bench::run(&options, &bar, &cancel));
        let report =
            run.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        finished.finish_and_clear();
        Ok(report?)
    })
}

fn write(path: &Path, rows: &Rows) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(rows).map_err(EncodeError::Json)?;
    text.push(b'\n');
    fs::write(path, text).map_err(|source| {
        Error::new(Kind::Environment, Unwritable { path: path.to_owned(), source })
    })
}

/// A bar on the terminal, or nothing.
struct Bar(ProgressBar);

impl Bar {
    fn new(out: &Output) -> Self {
        let target = if out.is_chatty() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos}/{len} {msg}")
            .expect("the template is valid");
        bar.set_style(style.progress_chars("=> "));
        Self(bar)
    }
}

impl Progress for Bar {
    fn plan(&self, samples: usize) {
        self.0.inc_length(samples as u64);
    }

    fn step(&self, what: &str) {
        // Rounds that are measured again come on top of the plan.
        if self.0.length().is_none_or(|length| self.0.position() >= length) {
            self.0.inc_length(1);
        }
        self.0.inc(1);
        self.0.set_message(what.to_owned());
    }
}

/// What `-o json` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a> From<&'a Report> for Document<'a> {
    fn from(report: &'a Report) -> Self {
        Self { api_version: "cli.skep.io/v1", kind: "BenchReport", report }
    }
}

impl Render for Document<'_> {
    type Document<'b>
        = &'b Self
    where
        Self: 'b;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new([
            "NAME",
            "GROUP",
            "UNIT",
            "SKEP",
            "REFERENCE",
            "RATIO",
            "INTERVAL",
            "GOAL",
            "VERDICT",
        ]);
        for row in &self.report.rows {
            table.row(cells(row));
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.report.rows.iter().map(|row| row.name.clone()).collect()
    }
}

fn cells(row: &Row) -> [Cell; 9] {
    let interval = row.low.zip(row.high).map(|(low, high)| format!("{low}..{high}"));
    let tone = match row.verdict {
        Verdict::Met => Tone::Good,
        Verdict::Missed => Tone::Bad,
        Verdict::Inconclusive => Tone::Warn,
    };
    [
        Cell::from(&row.name),
        Cell::from(&row.group),
        Cell::from(&row.unit),
        Cell::optional(row.skep),
        Cell::optional(row.reference),
        Cell::optional(row.ratio),
        Cell::optional(interval),
        Cell::from(&row.goal),
        Cell::toned(row.verdict, tone),
    ]
}

/// What `--list` shows.
#[derive(Debug)]
struct Catalogue(Vec<RowSpec>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CatalogueDocument {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<CatalogueItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CatalogueItem {
    name: String,
    group: &'static str,
    unit: &'static str,
    goal: String,
    about: String,
}

impl Render for Catalogue {
    type Document<'a> = CatalogueDocument;

    fn document(&self) -> CatalogueDocument {
        let item = |row: &RowSpec| CatalogueItem {
            name: row.name.clone(),
            group: row.group.name(),
            unit: row.unit,
            goal: row.goal.to_string(),
            about: row.about.clone(),
        };
        CatalogueDocument {
            api_version: "cli.skep.io/v1",
            kind: "BenchRowList",
            items: self.0.iter().map(item).collect(),
        }
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["NAME", "GROUP", "UNIT", "GOAL", "WHAT"]);
        for row in &self.0 {
            let goal = row.goal.to_string();
            table.row([
                Cell::from(&row.name),
                row.group.name().into(),
                row.unit.into(),
                goal.into(),
                Cell::from(&row.about),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|row| row.name.clone()).collect()
    }
}
