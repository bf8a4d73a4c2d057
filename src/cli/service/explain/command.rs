//! Asks the agent that decides about a client, or those where its packets may arrive.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::view::ExplainView;
use crate::{
    api::{Asker, Located, QualifiedName, Scope, ServiceExplanation, ServiceQuestion},
    cli::{
        cluster::{Cluster, ClusterError},
        error::{Error, Kind},
        exit::Answer,
        list,
        output::{FormatArgs, Output},
        runtime,
        service::port::Port,
        source::{Answers, Source, SourceArgs},
    },
};

/// Say who takes a client's connections to a service
///
/// Says for each frontend of a service that a client finds what becomes of a new connection: which
/// backends may get it and why others do not, how near traffic is kept, how long the client stays with
/// its backend, and what of the service has no effect. For clients in the cluster their own node is
/// asked. Addresses of nobody in the cluster are clients outside: each node that is asked answers for
/// packets that arrive at it. The HOOK says where a backend is chosen: when a socket connects, or at the
/// first packet. ALLOWED says whether policies let the client reach a backend, and which decide; `skep
/// policy explain` tells more.
/// The exit code is 0 if every backend that may get a connection shown takes it, and 1 if one is refused,
/// dropped, denied or not balanced.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep service explain shop/web --from shop/client\n  skep service explain shop/web --from ip:203.0.113.9 --port 80/tcp -o json\n  skep service explain shop/web --from shop/client --port 30080 --to 172.31.0.11"
)]
pub(crate) struct Args {
    /// The service, as NAMESPACE/NAME
    #[arg(value_name = "SERVICE")]
    service: QualifiedName,
    /// Who connects: NAMESPACE/POD or ip:ADDRESS
    #[arg(long, value_name = "CLIENT")]
    from: Asker,
    /// To which port only, such as 80 or 53/udp
    #[arg(long, value_name = "PORT")]
    port: Option<Port>,
    /// To which address only; a node's for node ports
    #[arg(long, value_name = "ADDRESS")]
    to: Option<IpAddr>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    source: SourceArgs,
}

/// Nothing answers the client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

impl Args {
    pub(in crate::cli::service) fn run(self, out: &Output) -> Result<Answer, Error> {
        let format = self.format.format;
        let question = self.question();
        let answers = runtime::query(ask(&self.source, &question))?;
        let Answers { items, failures, asked } = answers;
        let view = ExplainView::new(own(items));
        if let Some(reason) = view.unanswered().filter(|_| !format.is_document()) {
            list::complete(out, &failures, asked)?;
            return Err(Error::new(Kind::No, NoAnswer(reason)));
        }
        out.show(&view, format)?;
        match list::complete(out, &failures, asked)? {
            Answer::Yes if view.is_taken() => Ok(Answer::Yes),
            _ => Ok(Answer::No),
        }
    }

    fn question(&self) -> ServiceQuestion {
        ServiceQuestion {
            service: self.service.clone(),
            from: self.from.clone(),
            port: self.port.as_ref().map(|port| port.number),
            protocol: self.port.as_ref().and_then(|port| port.protocol.map(str::to_owned)),
            to: self.to,
        }
    }
}

async fn ask(
    source: &SourceArgs,
    question: &ServiceQuestion,
) -> Result<Answers<ServiceExplanation>, Error> {
    let mut source = source.open().await?;
    if let Source::Cluster { cluster, nodes } = &mut source
        && let Asker::Pod(pod) = &question.from
        && nodes.is_empty()
    {
        nodes.push(node_of(cluster, pod).await?);
    }
    let command = command(question);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    source.ask(&command, async |client| client.explain_service(question).await).await
}

/// Finds the node whose agent decides about a pod's connections.
async fn node_of(cluster: &Cluster, pod: &QualifiedName) -> Result<String, Error> {
    let absent = |what: &str| Error::new(Kind::No, NoAnswer(format!("{what} {pod}")));
    let pods: Api<Pod> = Api::namespaced(cluster.client().clone(), &pod.namespace);
    let found = pods
        .get_opt(&pod.name)
        .await
        .map_err(|source| ClusterError::List { what: "pods", source: Box::new(source) })?;
    let found = found.ok_or_else(|| absent("there is no pod"))?;
    let node = found.spec.and_then(|spec| spec.node_name);
    node.ok_or_else(|| absent("no node was chosen yet for pod"))
}

/// Returns the command that asks the same on a node.
fn command(question: &ServiceQuestion) -> Vec<String> {
    let mut words: Vec<String> = ["service", "explain"].map(str::to_owned).into();
    words.extend([question.service.to_string(), "--from".into(), question.from.to_string()]);
    if let Some(port) = question.port {
        let protocol = question.protocol.as_ref().map(|name| format!("/{name}"));
        words.extend(["--port".into(), format!("{port}{}", protocol.unwrap_or_default())]);
    }
    if let Some(to) = question.to {
        words.extend(["--to".into(), to.to_string()]);
    }
    words
}

/// All agents can tell about a client in the cluster, but its own node decides.
fn own(items: Vec<Located<ServiceExplanation>>) -> Vec<Located<ServiceExplanation>> {
    let is_own = |located: &Located<ServiceExplanation>| {
        let client = located.item.client.as_ref();
        client.is_some_and(|client| client.node.as_ref() == Some(&located.node_name))
    };
    let is_inside = |located: &Located<ServiceExplanation>| {
        let client = located.item.client.as_ref();
        client.is_some_and(|client| client.scope == Scope::Internal)
    };
    let decides = items.iter().position(is_own).or_else(|| items.iter().position(is_inside));
    match decides {
        Some(place) => items.into_iter().skip(place).take(1).collect(),
        None => items,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ServiceClient;

    fn told(node: &str, client: Option<(Scope, Option<&str>)>) -> Located<ServiceExplanation> {
        let client = client.map(|(scope, node)| ServiceClient {
            addresses: vec![],
            scope,
            node: node.map(str::to_owned),
            zone: None,
        });
        let item = ServiceExplanation {
            service: "shop/web".parse().unwrap(),
            from: "shop/client".parse().unwrap(),
            client,
            reason: None,
            connections: vec![],
            findings: vec![],
        };
        Located { node_name: node.into(), item }
    }

    fn nodes(items: Vec<Located<ServiceExplanation>>) -> Vec<String> {
        own(items).into_iter().map(|located| located.node_name).collect()
    }

    #[test]
    fn the_clients_own_node_decides() {
        let inside = Some((Scope::Internal, Some("n2")));
        assert_eq!(nodes(vec![told("n1", inside), told("n2", inside)]), ["n2"]);
        assert_eq!(nodes(vec![told("n1", inside), told("n3", inside)]), ["n1"]);
        let outside = Some((Scope::External, None));
        assert_eq!(nodes(vec![told("n1", outside), told("n2", outside)]), ["n1", "n2"]);
        assert_eq!(nodes(vec![told("n1", None)]), ["n1"]);
    }

    #[test]
    fn the_same_is_asked_on_the_node() {
        let question = ServiceQuestion {
            service: "shop/web".parse().unwrap(),
            from: "ip:fd00::1".parse().unwrap(),
            port: Some(53),
            protocol: Some("UDP".into()),
            to: Some("fd00::2".parse().unwrap()),
        };
        assert_eq!(
            command(&question).join(" "),
            "service explain shop/web --from ip:fd00::1 --port 53/UDP --to fd00::2"
        );
    }
}
