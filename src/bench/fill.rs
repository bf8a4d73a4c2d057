//! A node whose agent keeps as many flows as it has room for.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::{
    api::{Client, Endpoint, hubble::reach},
    hubble::observer::{
        ServerStatusRequest, ServerStatusResponse, observer_client::ObserverClient,
    },
};

/// Datagrams of a turn, half of which are dropped.
const BURST: usize = 512;
/// Flows that an agent is told, by what it has room for: both forwarded and dropped ones are more than it can keep.
const TIMES: u64 = 3;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where nobody listens, which is no matter.
const PORT: u16 = 9;
/// The last address but one of a node's /24 and of its /64: labs give out the first ones.
const NOBODY: u8 = 0xfe;

/// What an agent keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Flows kept.
    pub stored: u64,
    /// Flows that there is room for.
    pub room: u64,
}

/// Sends datagrams to pods of the node that this process runs on until its agent has no room for more flows.
///
/// # Errors
/// When the agent cannot be asked, there are no pods, or the agent is not told of enough flows.
pub fn fill(run_dir: &Path) -> io::Result<Filled> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill_up(run_dir))
}

async fn fill_up(run_dir: &Path) -> io::Result<Filled> {
    let mut agent = Client::connect(&run_dir.join("agent.sock")).await.map_err(io::Error::other)?;
    let endpoints = agent.list::<Endpoint>().await.map_err(io::Error::other)?;
    let pods: Vec<IpAddr> =
        endpoints.items.iter().flat_map(|endpoint| endpoint.item.addresses.iter()).collect();
    if pods.is_empty() {
        return Err(io::Error::other("the node has no pods to send something to"));
    }
    let to: Vec<IpAddr> = pods.iter().flat_map(|pod| [*pod, nobody(*pod)]).collect();
    let socket = format!("unix:{}", run_dir.join("hubble.sock").display());
    let mut observer = ObserverClient::new(reach(&socket));
    let end = Instant::now() + PATIENCE;
    loop {
        let status = observer.server_status(ServerStatusRequest {}).await;
        let status = status.map_err(io::Error::other)?.into_inner();
        let ServerStatusResponse { num_flows, max_flows, seen_flows, .. } = status;
        if seen_flows >= TIMES * max_flows {
            return Ok(Filled { stored: num_flows, room: max_flows });
        }
        if Instant::now() > end {
            let told = format!("the agent was told {seen_flows} flows only");
            return Err(io::Error::new(io::ErrorKind::TimedOut, told));
        }
        to.iter().cycle().take(BURST).try_for_each(|to| send(*to))?;
    }
}

/// Returns an address of the same node that no pod has.
fn nobody(pod: IpAddr) -> IpAddr {
    match pod {
        IpAddr::V4(pod) => {
            let [a, b, c, _] = pod.octets();
            [a, b, c, NOBODY].into()
        }
        IpAddr::V6(pod) => {
            let mut octets = pod.octets();
            octets[8..].fill(NOBODY);
            octets.into()
        }
    }
}

/// Sends a datagram of a connection of its own. What the kernel says of earlier ones is no matter.
fn send(to: IpAddr) -> io::Result<()> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let _ = UdpSocket::bind(any)?.send_to(b"skep", (to, PORT));
    Ok(())
}
