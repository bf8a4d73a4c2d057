//! The flows between two addresses, for reports.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{compact::Style, follow::Question, merge, print::warner};
use crate::{
    cli::{
        cluster::Cluster,
        error::Error,
        output::{ColorChoice, Output, Settings},
    },
    flows::{Request, Window},
    hubble::{
        flow::{Flow, FlowFilter},
        observer::GetFlowsResponse,
    },
};

/// Which flows.
pub(crate) struct Between<'a> {
    /// Both addresses, in any direction.
    pub(crate) ends: (IpAddr, IpAddr),
    /// Protocols, by name.
    pub(crate) protocols: &'a [&'a str],
    /// Not older.
    pub(crate) since: Timestamp,
    /// So many of the newest.
    pub(crate) last: usize,
}

/// Returns flows as the agents of `nodes` saw them; without colours, with the names of nodes.
///
/// # Errors
/// When the agents cannot be asked, or there are none.
pub(crate) async fn between(
    cluster: &Cluster,
    nodes: &[String],
    asked: &Between<'_>,
) -> Result<Vec<String>, Error> {
    let filter = |source: IpAddr, destination: IpAddr| FlowFilter {
        source_ip: vec![source.to_string()],
        destination_ip: vec![destination.to_string()],
        protocol: asked.protocols.iter().map(|name| (*name).to_owned()).collect(),
        ..FlowFilter::default()
    };
    let (one, other) = asked.ends;
    let request = Request {
        window: Some(Window::Last(asked.last)),
        since: Some(asked.since),
        allow: vec![filter(one, other), filter(other, one)],
        ..Request::default()
    };
    let plain = plain();
    let style = Style { node: true, ..Style::default() };
    let flows = stored(cluster, nodes, &request).await?;
    Ok(flows.iter().map(|flow| style.line(flow, &plain)).collect())
}

/// Returns the flows that the agents of `nodes` have stored, in order of time.
///
/// # Errors
/// When the agents cannot be asked, or there are none.
pub(crate) async fn stored(
    cluster: &Cluster,
    nodes: &[String],
    request: &Request,
) -> Result<Vec<Flow>, Error> {
    let mut flows = Vec::new();
    let show = |message: &GetFlowsResponse| {
        flows.extend(message.flow().cloned());
        Ok(())
    };
    let (question, out) = (Question::once(request.clone()), plain());
    merge::observe(cluster, nodes, &question, &warner(&out), show).await?;
    Ok(flows)
}

/// Writes a flow as a line without colours.
pub(crate) fn plain_line(flow: &Flow) -> String {
    Style::default().line(flow, &plain())
}

fn plain() -> Output {
    Output::new(Settings { color: ColorChoice::Never, quiet: true })
}
