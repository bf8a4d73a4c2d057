//! `skep policy diff`.

use std::{collections::HashSet, fmt::Write, path::PathBuf};

use serde::Serialize;

use super::{error::PolicyError, fetch, files, source::MeaningArgs};
use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{EncodeError, Output, Tone, escape},
        runtime,
        source::ClusterArgs,
    },
    policy::{
        Input,
        cluster::Actor,
        diff::{Change, Changes, Extent, Probe, Set, diff},
        judge::Mode,
        text::{Document, Node},
    },
};

/// Show what changes in connectivity from one set of manifests to another
///
/// Judges every pair of workloads, and of workloads and the outside, before and after, and shows what is
/// gained and lost. Pods of a workload are merged. Ports are those that rules and pods of either set
/// name, the usual ones, and one that stands for all others. With a single path, OLD is the cluster, and
/// NEW the cluster with the objects of the path in place of its own. If only one set has pods, they
/// stand for both.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep policy diff old/ new/
  skep policy diff old/ new/ -f workloads.yaml --fail-on lost
  skep policy diff new-policy.yaml -o markdown")]
pub(crate) struct Args {
    /// Manifests before; of a single path, those that are to be: the cluster is what was before
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Manifests after
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// Manifests that belong to both sets, such as workloads
    #[arg(short = 'f', long = "filename", value_name = "FILES", num_args = 1..)]
    shared: Vec<PathBuf>,
    /// A peer beside host and world; may be repeated
    #[arg(long, value_name = "SPEC")]
    peer: Vec<String>,
    /// Exit with 1 if there are such changes
    #[arg(long, value_enum, value_name = "CHANGES")]
    fail_on: Option<FailOn>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: DiffFormat,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Something does not pass any more
    Lost,
    /// Something passes now
    Gained,
    /// Either of them
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DiffFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// A table for a pull request
    Markdown,
}

/// Ends beside the pods.
const PEERS: [&str; 3] = ["entity:host", "entity:world-ipv4", "entity:world-ipv6"];

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let (old, new) = self.sets()?;
        let (old, new) = (self.input(&old, out)?, self.input(&new, out)?);
        let changes = compare(&old, &new, &self.peer, self.meaning.mode())?;
        self.show(out, &changes)?;
        Ok(self.answer(&changes))
    }

    fn answer(&self, changes: &Changes) -> Answer {
        let lost = changes.changes.iter().any(|change| !change.lost.is_empty());
        let gained = changes.changes.iter().any(|change| !change.gained.is_empty());
        let fails = match self.fail_on {
            None => false,
            Some(FailOn::Lost) => lost,
            Some(FailOn::Gained) => gained,
            Some(FailOn::Any) => lost || gained,
        };
        if fails { Answer::No } else { Answer::Yes }
    }

    /// Reads both sets of documents.
    fn sets(&self) -> Result<(Vec<Document>, Vec<Document>), Error> {
        let mut shared = Vec::new();
        for path in &self.shared {
            shared.extend(files::read(path)?);
        }
        let (old, new) = match &self.new {
            Some(new) => (files::read(&self.old)?, files::read(new)?),
            None => {
                let new = files::read(&self.old)?;
                let cluster = runtime::query(async {
                    let cluster = self.cluster.connect().await?;
                    Ok::<_, Error>(fetch::fetch(&cluster).await?)
                })?;
                (cluster.clone(), replaced(cluster, new))
            }
        };
        let with = |set: Vec<Document>| set.into_iter().chain(shared.clone()).collect();
        Ok((with(old), with(new)))
    }

    fn input(&self, documents: &[Document], out: &Output) -> Result<Input, Error> {
        let mut input = Input::new(self.meaning.settings());
        for document in documents {
            input.add(document).map_err(PolicyError::from)?;
        }
        super::source::accepted(input, out)
    }

    fn show(&self, out: &Output, changes: &Changes) -> Result<(), Error> {
        match self.output {
            DiffFormat::Text => out.text(&text(out, changes)),
            DiffFormat::Markdown => out.text(&markdown(changes)),
            DiffFormat::Json => {
                let json = serde_json::to_string_pretty(&View::of(changes));
                out.text(&(json.map_err(EncodeError::from)? + "\n"))
            }
        }
    }
}

/// Compares two sets; if only one has pods, they stand for both. `peers` are ends beside the usual ones.
pub(super) fn compare(
    old: &Input,
    new: &Input,
    peers: &[String],
    mode: Mode,
) -> Result<Changes, PolicyError> {
    let settings = &new.settings;
    let pods = |input: &Input| input.inventory.pods(settings);
    let (mut before, mut after) = (pods(old), pods(new));
    let places = if before.is_empty() { new } else { old };
    if before.is_empty() {
        before.clone_from(&after);
    } else if after.is_empty() {
        after.clone_from(&before);
    }
    if before.is_empty() {
        return Err(PolicyError::NoPods);
    }
    let specs = PEERS.into_iter().chain(peers.iter().map(String::as_str));
    let peers = specs.map(|spec| places.inventory.actor(spec, settings));
    let peers = peers.collect::<Result<Vec<Actor>, _>>()?;
    let (old_policies, new_policies) = (old.policies(), new.policies());
    let (old_services, new_services) = (old.inventory.services(), new.inventory.services());
    let old = Set {
        policies: &old_policies,
        services: &old_services,
        groups: old.inventory.groups(),
        pods: &before,
    };
    let new = Set {
        policies: &new_policies,
        services: &new_services,
        groups: new.inventory.groups(),
        pods: &after,
    };
    Ok(diff(old, new, &peers, settings, mode))
}

/// Puts objects in the place of those of the same name.
fn replaced(objects: Vec<Document>, by: Vec<Document>) -> Vec<Document> {
    let key = |document: &Document| {
        let root = &document.root;
        let text = |path: &[&str]| root.at(path).and_then(Node::text).unwrap_or("").to_owned();
        let namespace = text(&["metadata", "namespace"]);
        let namespace = if namespace.is_empty() { "default".to_owned() } else { namespace };
        (text(&["kind"]), namespace, text(&["metadata", "name"]))
    };
    let taken: HashSet<_> = by.iter().map(key).collect();
    let kept = objects.into_iter().filter(|document| !taken.contains(&key(document)));
    kept.chain(by).collect()
}

/// Writes changes for people.
pub(super) fn text(out: &Output, changes: &Changes) -> String {
    let mut text = String::new();
    for Change { from, to, gained, lost } in &changes.changes {
        let _ = writeln!(text, "{} -> {}", escape(from), escape(to));
        for (sign, word, tone, probes) in
            [("-", "lost", Tone::Bad, lost), ("+", "gained", Tone::Good, gained)]
        {
            if !probes.is_empty() {
                let line = format!("{sign} {word:6} {}", list(probes));
                let _ = writeln!(text, "  {}", out.paint(&line, tone));
            }
        }
    }
    for (word, names) in [("new", &changes.added), ("gone", &changes.removed)] {
        if !names.is_empty() {
            let _ = writeln!(text, "{word} workloads, not compared: {}", escape(&names.join(", ")));
        }
    }
    let count = |of: fn(&Change) -> bool| changes.changes.iter().filter(|c| of(c)).count();
    let (lost, gained) = (count(|c| !c.lost.is_empty()), count(|c| !c.gained.is_empty()));
    let _ = writeln!(
        text,
        "{}",
        if changes.changes.is_empty() {
            "No connectivity changes.".to_owned()
        } else {
            format!("Lost for {}, gained for {}.", pairs(lost), pairs(gained))
        }
    );
    text
}

fn pairs(count: usize) -> String {
    if count == 1 { "1 pair".to_owned() } else { format!("{count} pairs") }
}

/// Lists ports; those that change for some pods only are marked.
fn list(probes: &[(Probe, Extent)]) -> String {
    let one = |(probe, extent): &(Probe, Extent)| match extent {
        Extent::All => probe.to_string(),
        Extent::Some => format!("{probe} (some pods)"),
    };
    probes.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn markdown(changes: &Changes) -> String {
    if changes.changes.is_empty() {
        return "No connectivity changes.\n".to_owned();
    }
    let cell = |text: &str| escape(text).replace('|', "\\|");
    let mut text = "| From | To | Lost | Gained |\n| --- | --- | --- | --- |\n".to_owned();
    for Change { from, to, gained, lost } in &changes.changes {
        let (from, to) = (cell(from), cell(to));
        let _ = writeln!(text, "| {from} | {to} | {} | {} |", list(lost), list(gained));
    }
    for (word, names) in [("New", &changes.added), ("Gone", &changes.removed)] {
        if !names.is_empty() {
            let _ = writeln!(text, "\n{word} workloads, not compared: {}", cell(&names.join(", ")));
        }
    }
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<ItemView<'a>>,
    added_workloads: &'a [String],
    removed_workloads: &'a [String],
}

#[derive(Serialize)]
struct ItemView<'a> {
    from: &'a str,
    to: &'a str,
    lost: Vec<ProbeView>,
    gained: Vec<ProbeView>,
}

/// A port that changes; `null` stands for all that no rule and no pod names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProbeView {
    protocol: String,
    port: Option<u16>,
    /// `all` or `some` pods of the pair.
    pods: &'static str,
}

impl<'a> View<'a> {
    fn of(changes: &'a Changes) -> Self {
        let probes = |list: &[(Probe, Extent)]| list.iter().map(ProbeView::of).collect();
        let item = |change: &'a Change| ItemView {
            from: &change.from,
            to: &change.to,
            lost: probes(&change.lost),
            gained: probes(&change.gained),
        };
        Self {
            api_version: API_VERSION,
            kind: "PolicyDiffList",
            items: changes.changes.iter().map(item).collect(),
            added_workloads: &changes.added,
            removed_workloads: &changes.removed,
        }
    }
}

impl ProbeView {
    fn of((probe, extent): &(Probe, Extent)) -> Self {
        Self {
            protocol: probe.protocol.name().to_ascii_uppercase(),
            port: probe.port,
            pods: match extent {
                Extent::All => "all",
                Extent::Some => "some",
            },
        }
    }
}
