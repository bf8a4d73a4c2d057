//! The run: which rows, how long.

use std::{fs, time::Duration};

use super::{BenchError, Machine, Report, compare, programs};

/// Groups and rows, by the names that `--rows` takes.
const NAMES: [&str; 10] = [
    "veth",
    "bridge",
    "check",
    "program",
    "rr",
    "connect",
    "stream",
    "udp",
    "prog-run",
    "instructions",
];

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rows by name, name without family, or group; empty means all.
    pub rows: Vec<String>,
    /// Rounds.
    pub rounds: usize,
    /// Time of one sample.
    pub sample: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: Vec::new(), rounds: 6, sample: Duration::from_millis(400) }
    }
}

/// Takes one line about what goes on.
pub type Progress<'a> = dyn FnMut(&str) + 'a;

impl Options {
    pub(super) fn wants(&self, name: &str, group: &str) -> bool {
        self.rows.is_empty()
            || self.rows.iter().any(|wanted| {
                let rest = name.strip_prefix(wanted.as_str());
                wanted == group || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
    }

    fn check(&self) -> Result<(), BenchError> {
        let known = |row: &str| {
            let base = row.trim_end_matches("-v4").trim_end_matches("-v6");
            NAMES.contains(&base)
        };
        match self.rows.iter().find(|row| !known(row)) {
            Some(row) => Err(BenchError::NoSuchRow(row.clone())),
            None => Ok(()),
        }
    }
}

/// Runs the benchmarks. Needs root; everything happens in namespaces that are gone afterwards.
///
/// # Errors
/// When a network cannot be built or traffic fails.
pub fn run(options: &Options, progress: &mut Progress<'_>) -> Result<Report, BenchError> {
    options.check()?;
    let before = load_average();
    let (mut rows, repeated) = compare::run(options, progress)?;
    rows.extend(programs::run(options, progress)?);
    let machine = Machine {
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map(|release| release.trim().to_owned())
            .unwrap_or_default(),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        load: [before, load_average()],
        rounds: options.rounds,
        repeated,
    };
    Ok(Report { rows, machine })
}

fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_family_or_group_and_unknown_ones_are_refused() {
        let options = |row: &str| Options { rows: vec![row.into()], ..Options::default() };
        assert!(Options::default().wants("rr-v4", "veth"));
        assert!(options("rr").wants("rr-v6", "veth") && options("rr-v6").wants("rr-v6", "veth"));
        assert!(
            !options("rr-v6").wants("rr-v4", "veth") && options("veth").wants("udp-v4", "veth")
        );
        assert!(!options("stream").wants("str", "veth"));
        assert!(options("udp-v6").check().is_ok());
        let refused = options("tcp").check().unwrap_err();
        assert_eq!(refused.to_string(), "no row is called \"tcp\"");
    }
}
