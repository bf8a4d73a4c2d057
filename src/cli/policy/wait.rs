//! `skep policy wait`.

use std::time::Duration;

use kube::{Api, api::DynamicObject};
use tokio::time::{Instant, sleep};

use super::error::PolicyError;
use crate::{
    api::{Located, Policy, PolicyState},
    cli::{
        cluster::{Cluster, ClusterError},
        duration::duration,
        error::Error,
        exit::Answer,
        output::Output,
        runtime,
        source::{Answers, Source, SourceArgs},
    },
    kubernetes::resource,
    policy::rule::PolicyKind,
};

/// How often the agents are asked.
const POLL: Duration = Duration::from_millis(200);

/// Wait until every node enforces a policy
///
/// Returns when every agent has the newest version of the object in its datapath. Exits with 1 when the time is
/// up, or at once when a node cannot accept the policy.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep policy wait web-ingress -n shop\n  kubectl apply -f policy.yaml && skep policy wait deny-all --kind CiliumClusterwideNetworkPolicy --timeout 10s"
)]
pub(crate) struct Args {
    /// Name of the policy
    name: String,
    /// Its namespace, for kinds that have one
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// Its kind; without it, every kind is looked through
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<PolicyKind>,
    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    timeout: Duration,
    #[command(flatten)]
    source: SourceArgs,
}

/// Not the name of a kind of policies.
#[derive(Debug, thiserror::Error)]
#[error("no kind of policies; there are {}", PolicyKind::ALL.map(PolicyKind::name).join(", "))]
struct NotAKind;

fn kind(text: &str) -> Result<PolicyKind, NotAKind> {
    PolicyKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text)).ok_or(NotAKind)
}

/// The object that is waited for.
struct Wanted {
    kind: PolicyKind,
    generation: i64,
}

/// What the agents say.
enum Progress {
    Done(usize),
    /// A node cannot accept it, and why.
    Rejected(String, String),
    /// Nodes that do not have it yet, or do not answer.
    Waiting(Vec<String>),
}

impl Args {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Error> {
        runtime::query(async {
            let progress = out.progress();
            progress.say("looking for the policy");
            let source = self.source.open().await?;
            let Source::Cluster { cluster, .. } = &source else {
                return Err(PolicyError::NoCluster.into());
            };
            let wanted = self.find(cluster).await?;
            let end = Instant::now() + self.timeout;
            loop {
                match self.progress(&source, &wanted).await? {
                    Progress::Done(nodes) => {
                        drop(progress);
                        let s = if nodes == 1 { "" } else { "s" };
                        let kind = wanted.kind.name();
                        out.note(&format!("{kind} {} is enforced on {nodes} node{s}", self.name));
                        return Ok(Answer::Yes);
                    }
                    Progress::Rejected(node, reason) => {
                        drop(progress);
                        out.warn(&format!("node {node} cannot accept it: {reason}"));
                        return Ok(Answer::No);
                    }
                    Progress::Waiting(nodes) if Instant::now() >= end => {
                        drop(progress);
                        out.warn(&format!("not enforced in time on {}", nodes.join(", ")));
                        return Ok(Answer::No);
                    }
                    Progress::Waiting(nodes) => {
                        progress.say(format!("waiting for {}", nodes.join(", ")));
                    }
                }
                sleep(POLL).await;
            }
        })
    }

    /// Asks the API server for the newest version.
    async fn find(&self, cluster: &Cluster) -> Result<Wanted, Error> {
        let kinds = self.kind.map_or(PolicyKind::ALL.to_vec(), |kind| vec![kind]);
        for kind in kinds {
            let (version, plural) = kind.resource();
            let resource = resource(kind.group(), version, kind.name(), plural);
            let client = cluster.client().clone();
            let api: Api<DynamicObject> = if kind.is_namespaced() {
                Api::namespaced_with(client, &self.namespace, &resource)
            } else {
                Api::all_with(client, &resource)
            };
            let found = api
                .get_opt(&self.name)
                .await
                .map_err(|source| ClusterError::List { what: plural, source: Box::new(source) })?;
            if let Some(object) = found {
                let generation = object.metadata.generation.unwrap_or_default();
                return Ok(Wanted { kind, generation });
            }
        }
        Err(PolicyError::Absent { name: self.name.clone(), namespace: self.namespace.clone() }
            .into())
    }

    async fn progress(&self, source: &Source, wanted: &Wanted) -> Result<Progress, Error> {
        let answers: Answers<Policy> = source.list().await?;
        let mut waiting: Vec<String> =
            answers.failures.iter().map(|failure| failure.node_name.clone()).collect();
        let asked = answers.asked.unwrap_or_default();
        let own: Vec<&Located<Policy>> =
            answers.items.iter().filter(|located| self.is_meant(&located.item, wanted)).collect();
        for Located { node_name, item } in &own {
            match item.state {
                _ if item.generation < wanted.generation => waiting.push(node_name.clone()),
                PolicyState::Rejected => {
                    return Ok(Progress::Rejected(node_name.clone(), item.reason.clone()));
                }
                PolicyState::Pending => waiting.push(node_name.clone()),
                PolicyState::Enforced => {}
            }
        }
        // A node that does not list the policy has not seen it.
        let silent = asked.saturating_sub(own.len() + answers.failures.len());
        if silent > 0 {
            waiting.push(format!("{silent} of {asked} nodes"));
        }
        Ok(if waiting.is_empty() { Progress::Done(asked) } else { Progress::Waiting(waiting) })
    }

    fn is_meant(&self, policy: &Policy, wanted: &Wanted) -> bool {
        let namespace = if wanted.kind.is_namespaced() { self.namespace.as_str() } else { "" };
        (&*policy.kind, &*policy.namespace, &*policy.name)
            == (wanted.kind.name(), namespace, &*self.name)
    }
}
