//! Reading, linting, reporting.

use std::{collections::BTreeMap, path::PathBuf};

use clap::builder::ValueParser;
use ipnet::IpNet;

use super::{fixes, github, human, json, junit, sarif};
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::Output,
        policy::{
            error::PolicyError,
            fetch,
            files::{self, Manifest},
            source::MeaningArgs,
        },
        runtime,
        source::ClusterArgs,
    },
    policy::{
        lint::{
            Code, Corpus, Finding, Release, Safety, Selection, Suppressions, Whole, is_choice, lint,
        },
        parse::Severity,
        text::{self, Document},
    },
};

/// Find mistakes in network policies
///
/// Looks for what is rejected, matches nobody, isolates more than is meant, opens too much or locks
/// somebody out, and says why, with the ends and rules that show it. Manifests may hold pods, workloads,
/// services and nodes beside policies: the more is known, the more is found. Exits with 1 if there are
/// findings of the level of --fail-on, and with 4 if something cannot be read.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Not to hear of a finding: a comment `# skep-lint: disable=CODE reason` at its
line or above it, or the annotation skep.io/lint-ignore: CODE,CODE on the object. Codes may be cut
short: NP2 is all of NP2xxx.

Examples:
  skep policy lint examples/policies
  kustomize build | skep policy lint -
  skep policy lint --cluster --fail-on warn
  skep policy lint manifests/ --diff --unsafe-fixes
  skep policy lint --explain NP3001"
)]
pub(crate) struct Args {
    /// Manifests: files, directories, or - for stdin; the working directory if there are none
    #[arg(value_name = "FILES")]
    paths: Vec<PathBuf>,
    /// Lint the policies of the cluster, or FILES among its pods and services
    #[arg(long)]
    cluster: bool,
    /// Codes to look for, perhaps cut short, or ALL; may be repeated
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = choice())]
    select: Vec<String>,
    /// Codes not to look for; may be repeated
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = choice())]
    ignore: Vec<String>,
    /// The level from which findings are a failure
    #[arg(
        long,
        visible_alias = "fail-level",
        value_enum,
        value_name = "LEVEL",
        default_value = "error"
    )]
    fail_on: Level,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "human")]
    output: LintFormat,
    /// Make the changes that are safe, then report what is left
    #[arg(long, conflicts_with = "diff")]
    fix: bool,
    /// Show the changes that --fix would make, and make none
    #[arg(long)]
    diff: bool,
    /// With --fix or --diff: changes of verdicts, too, and what they do to connectivity
    #[arg(long)]
    unsafe_fixes: bool,
    /// Show the page of a code
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// The release of Cilium that policies are for, such as 1.17; any by default
    #[arg(long, value_name = "RELEASE")]
    cilium_version: Option<Release>,
    /// A prefix of pods, where manifests have no nodes to tell; may be repeated
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Vec<IpNet>,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    whom: ClusterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// Errors only
    Error,
    /// Errors and warnings
    Warn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LintFormat {
    /// With the source line
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A JUnit report
    Junit,
}

#[derive(Debug, thiserror::Error)]
#[error("no code is called so; codes are NP and four digits, or names such as no-dns-egress")]
struct NoCode;

fn choice() -> ValueParser {
    ValueParser::from(|text: &str| if is_choice(text) { Ok(text.to_owned()) } else { Err(NoCode) })
}

/// What reports need.
pub(super) struct Report<'a> {
    /// The findings, in order.
    pub(super) findings: &'a [Finding],
    /// Texts of the files, by name.
    pub(super) texts: &'a BTreeMap<String, String>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        if let Some(code) = &self.explain {
            let code = Code::find(code).ok_or_else(|| PolicyError::Code(code.clone()))?;
            out.text(&format!("{}\n", code.page()))?;
            return Ok(Answer::Yes);
        }
        let mut manifests = self.manifests()?;
        let mut findings = self.findings(&manifests, out)?;
        if self.fix || self.diff {
            let most = if self.unsafe_fixes { Safety::Unsafe } else { Safety::Safe };
            let fixed = fixes::fixed(&manifests, &findings, &self.meaning.settings(), most);
            if self.unsafe_fixes {
                fixes::tell_connectivity(out, &manifests, &fixed, &self.meaning)?;
            }
            if self.diff {
                return fixes::show(out, &manifests, &fixed);
            }
            let is_stdout = fixes::write(out, &manifests, &fixed)?;
            for (manifest, text) in manifests.iter_mut().zip(fixed) {
                manifest.text = text;
            }
            findings = self.findings(&manifests, out)?;
            if is_stdout {
                return Ok(self.answer(&findings));
            }
        }
        let texts = manifests.into_iter().map(|m| (m.name(), m.text)).collect();
        self.show(out, &Report { findings: &findings, texts: &texts })?;
        Ok(self.answer(&findings))
    }

    fn answer(&self, findings: &[Finding]) -> Answer {
        let level = match self.fail_on {
            Level::Error => Severity::Error,
            Level::Warn => Severity::Warn,
        };
        let fails = findings.iter().any(|finding| finding.severity >= level);
        if fails { Answer::No } else { Answer::Yes }
    }

    fn manifests(&self) -> Result<Vec<Manifest>, Error> {
        let here = [PathBuf::from(".")];
        let paths = match &self.paths[..] {
            [] if self.cluster => &[],
            [] => &here[..],
            paths => paths,
        };
        let mut manifests: Vec<Manifest> = Vec::new();
        for path in paths {
            for manifest in files::texts(path)? {
                // A file may be named twice, by itself and by its directory.
                if manifests.iter().all(|known| known.path != manifest.path) {
                    manifests.push(manifest);
                }
            }
        }
        Ok(manifests)
    }

    /// Lints texts, and the cluster if it was asked for.
    fn findings(&self, manifests: &[Manifest], out: &Output) -> Result<Vec<Finding>, Error> {
        let whole = if self.cluster { Whole::Cluster } else { Whole::Part };
        let mut corpus = Corpus::new(self.meaning.settings(), whole);
        corpus.release = self.cilium_version;
        for prefix in &self.pod_cidr {
            corpus.add_pod_prefix(*prefix);
        }
        let mut comments = BTreeMap::new();
        for manifest in manifests {
            let name = manifest.name();
            for document in text::parse(&name, &manifest.text).map_err(PolicyError::from)? {
                corpus.add(document);
            }
            let found = Suppressions::read(&manifest.text);
            for unknown in found.unknown() {
                out.warn(&format!(
                    "{name}: a comment of skep-lint names {unknown:?}, which is no code"
                ));
            }
            comments.insert(name, found);
        }
        if self.cluster {
            for document in self.cluster_documents(out)? {
                corpus.add(document);
            }
        }
        if corpus.objects.is_empty() {
            out.note("No policies found.");
        }
        let selection = Selection { select: self.select.clone(), ignore: self.ignore.clone() };
        let mut findings = lint(&corpus, &selection);
        findings.retain(|finding| {
            !comments.get(&*finding.object.file).is_some_and(|comments| comments.cover(finding))
        });
        if self.cluster && !manifests.is_empty() {
            // The files are what was asked about; the cluster is only around them.
            findings.retain(|finding| !finding.object.file.is_empty());
        }
        Ok(findings)
    }

    fn cluster_documents(&self, out: &Output) -> Result<Vec<Document>, Error> {
        let found = runtime::query(async {
            let cluster = self.whom.connect().await?;
            Ok::<_, Error>(fetch::fetch_all(&cluster).await?)
        })?;
        if !found.refused.is_empty() {
            let kinds = found.refused.join(", ");
            out.warn(&format!("{kinds} may not be read: what they would show is not looked for"));
        }
        Ok(found.documents)
    }

    fn show(&self, out: &Output, report: &Report<'_>) -> Result<(), Error> {
        match self.output {
            LintFormat::Human => out.text(&human::text(out, report)),
            LintFormat::Json => out.text(&json::text(report)?),
            LintFormat::Sarif => out.text(&sarif::text(report)?),
            LintFormat::Github => out.text(&github::text(report)),
            LintFormat::Junit => out.text(&junit::text(report)),
        }
    }
}

/// Returns the name of a severity.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "info",
        Severity::Pedantic => "pedantic",
    }
}
