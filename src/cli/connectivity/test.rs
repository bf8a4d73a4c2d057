//! `skep connectivity test`.

use std::{fs, io, path::PathBuf, time::Duration};

use super::{
    agents::Agents,
    list::{Scenarios, SelectionArgs},
    progress::Teller,
    view::ReportView,
};
use crate::{
    cli::{
        error::{Error, Kind},
        exit::Answer,
        output::{FormatArgs, Output},
        runtime::{self, Threads},
        source::ClusterArgs,
    },
    connectivity::{self, External, InvalidTarget, Options, Outside, Profile, Report, junit},
};

/// Seconds that a probe may take unless told otherwise.
const TIMEOUT: u32 = 3;

/// Test who reaches whom
///
/// Makes a namespace with a few pods on some nodes, lets them reach each other, the nodes and the
/// outside in every way that should work, or fail in a certain way, and removes everything again.
/// Needs the Kubernetes API only: any cluster can be tested, whatever its network is made of. The
/// exit code is 1 when a scenario fails.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep connectivity test
  skep connectivity test --profile smoke --junit report.xml
  skep connectivity test --test /pod-to-pod --test '!large' -o json
  skep connectivity test --test world --external-target one.one.one.one:443
  skep connectivity test --test outside --outside 'ssh gateway skep'")]
pub(crate) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    /// List what would be run, and run nothing
    #[arg(long)]
    list: bool,
    /// Write a report for CI systems, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Seconds that one probe may take
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u32).range(1..=600))]
    timeout: u32,
    /// Seconds that the pods may take to start
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    start_timeout: u32,
    /// How many pods try at once
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    parallel: u16,
    /// Place outside the cluster; may be repeated
    ///
    /// An address or a name, with a TCP port unless it is 443. A lab announces its own.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = external)]
    external_target: Vec<External>,
    /// Command that runs skep outside the cluster, for clients there
    ///
    /// As a shell takes it; arguments of skep follow. In a lab, where it is not given, clients run in the lab's world.
    #[arg(long, value_name = "COMMAND")]
    outside: Option<String>,
    /// Namespace to make for the pods; must not exist
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    test_namespace: Option<String>,
    /// Image of the pods, with skep in it; unused in a lab
    #[arg(long, value_name = "IMAGE", default_value_t = connectivity::default_image())]
    image: String,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

fn external(text: &str) -> Result<External, InvalidTarget> {
    text.parse()
}

/// Text that is no namespace's name.
#[derive(Debug, thiserror::Error)]
#[error(
    "a namespace's name has 1 to 63 letters a to z, digits and dashes, with no dash at its ends"
)]
struct InvalidName;

fn namespace(text: &str) -> Result<String, InvalidName> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = text.starts_with('-') || text.ends_with('-');
    let fits = (1..=63).contains(&text.len()) && text.chars().all(fine) && !ends;
    if fits { Ok(text.to_owned()) } else { Err(InvalidName) }
}

/// The report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
struct JunitError {
    path: PathBuf,
    source: io::Error,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let scenarios = self.selection.select()?;
        if self.list {
            out.show(&Scenarios(scenarios), self.format.format)?;
            return Ok(Answer::Yes);
        }
        let flags = self.flags();
        let options = Options {
            scenarios,
            profile: self.selection.profile.into(),
            namespace: self.test_namespace,
            image: self.image,
            externals: self.external_target,
            outside: self.outside.as_deref().map(Outside::by_command),
            timeout: Duration::from_secs(self.timeout.into()),
            start_timeout: Duration::from_secs(self.start_timeout.into()),
            parallel: self.parallel.into(),
        };
        runtime::serve(Threads::Many(2), |cancel| async move {
            let cluster = self.cluster.connect().await?;
            let teller = Teller::new(out);
            let witness = Agents { cluster: &cluster };
            let tell = |event: connectivity::Event<'_>| teller.tell(&event);
            let run = connectivity::run(cluster.client(), &options, &witness, cancel, tell).await;
            drop(teller);
            let report = run?;
            let passed = report.passed();
            let written = self.junit.map_or(Ok(()), |path| write(path, &report, &flags));
            out.show(&ReportView { report, flags }, self.format.format)?;
            written?;
            Ok(if passed { Answer::Yes } else { Answer::No })
        })
    }

    /// Returns the flags that a command to repeat a scenario needs, with a space in front.
    fn flags(&self) -> String {
        let mut flags = self.cluster.flags();
        let mut add = |flag: &str, value: &str| flags.extend([flag.to_owned(), value.to_owned()]);
        let profile: Profile = self.selection.profile.into();
        if profile != Profile::Standard {
            add("--profile", profile.name());
        }
        if self.timeout != TIMEOUT {
            add("--timeout", &self.timeout.to_string());
        }
        if self.image != connectivity::default_image() {
            add("--image", &self.image);
        }
        for External { host, port, .. } in &self.external_target {
            add("--external-target", &format!("{host}:{port}"));
        }
        if let Some(command) = &self.outside {
            add("--outside", command);
        }
        flags.iter().map(|word| format!(" {}", quoted(word))).collect()
    }
}

/// Quotes a word for a shell, if it needs that.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn write(path: PathBuf, report: &Report, flags: &str) -> Result<(), Error> {
    fs::write(&path, junit(report, flags))
        .map_err(|source| Error::new(Kind::Environment, JunitError { path, source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_when_a_shell_would_read_more_into_them() {
        for (word, expected) in [
            ("smoke", "smoke"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("[fd00::1]:80", "'[fd00::1]:80'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn names_of_namespaces_are_checked_before_anyone_is_asked() {
        for (name, fine) in [
            ("skep-test", true),
            ("a", true),
            ("", false),
            ("A", false),
            ("-a", false),
            ("a_b", false),
        ] {
            assert_eq!(namespace(name).is_ok(), fine, "{name}");
        }
    }
}
