//! What kube-proxy would have for as many services: its rule sets, of the shape that it writes.
//!
//! Each service has one endpoint, which is the least that there can be of rules, and the client's address
//! is a pod's, so that nothing is masqueraded: peers are at their best.

use std::{
    fmt::Write as _,
    io,
    net::{IpAddr, SocketAddr},
};

use super::workload;
use crate::{
    bench::topology::feed,
    kernel::{NetNs, NetNsError, Netlink, NetlinkError, Route},
    model::IfIndex,
};

/// The loopback device is number 1 in every namespace.
const LOOPBACK: IfIndex = IfIndex(1);

/// Rules that balance services, and the tool that loads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// kube-proxy's mode `iptables`.
    Iptables,
    /// kube-proxy's mode `nftables`.
    Nftables,
}

/// A peer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// A namespace.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// An address or route.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A tool cannot be run.
    #[error("cannot run {tool}")]
    Run {
        /// The tool.
        tool: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A tool refuses the rules.
    #[error("{tool} refuses the rules: {reason}")]
    Refused {
        /// The tool.
        tool: &'static str,
        /// What it said.
        reason: String,
    },
}

impl Peer {
    /// Makes a namespace with an address, to which `serve` adds a server; the last of `count` services leads
    /// to it.
    ///
    /// # Errors
    /// When the system or the tool refuses.
    pub(super) fn scene<E>(
        self,
        count: u32,
        address: IpAddr,
        serve: impl FnOnce() -> Result<SocketAddr, E> + Send,
    ) -> Result<NetNs, E>
    where
        E: From<PeerError> + Send,
    {
        let netns = NetNs::anonymous().map_err(PeerError::from)?;
        netns
            .run(|| {
                settle(address, count)?;
                let server = serve()?;
                Ok::<_, E>(self.load(count, server)?)
            })
            .map_err(PeerError::from)??;
        Ok(netns)
    }

    fn load(self, count: u32, server: SocketAddr) -> Result<(), PeerError> {
        let (tool, args, rules): (_, &[&str], _) = match self {
            Self::Iptables => ("iptables-restore", &["--wait", "5"], iptables(count, server)),
            Self::Nftables => ("nft", &["-f", "-"], nftables(count, server)),
        };
        match feed(tool, args, &rules).map_err(|source| PeerError::Run { tool, source })? {
            Some(reason) => Err(PeerError::Refused { tool, reason }),
            None => Ok(()),
        }
    }
}

/// Packets to services must have a route before they are translated.
fn settle(address: IpAddr, count: u32) -> Result<(), PeerError> {
    let netlink = Netlink::open()?;
    netlink.set_up(LOOPBACK)?;
    netlink.add_address(LOOPBACK, address.into())?;
    for number in [0, count - 1] {
        let route = Route::to_host(workload::vip(number).ip()).dev(LOOPBACK);
        netlink.add_route(&route)?;
    }
    Ok(())
}

/// Returns where a service leads to: the last one to the server.
fn endpoint(number: u32, count: u32, server: SocketAddr) -> SocketAddr {
    if number + 1 == count { server } else { workload::endpoint(number) }
}

/// Returns the input of iptables-restore: all rules of table `nat` that a new connection meets.
fn iptables(count: u32, server: SocketAddr) -> String {
    let (mut chains, mut jumps, mut bodies) = (String::new(), String::new(), String::new());
    for number in 0..count {
        let vip = workload::vip(number);
        let (address, port) = (vip.ip(), vip.port());
        let target = endpoint(number, count, server);
        let source = target.ip();
        let matched = format!("-d {address}/32 -p tcp -m tcp --dport {port}");
        let line = |text: &mut String, words: std::fmt::Arguments<'_>| {
            text.write_fmt(words).expect("a string takes any text");
        };
        line(&mut chains, format_args!(":KUBE-SVC-{number} - [0:0]\n:KUBE-SEP-{number} - [0:0]\n"));
        line(&mut jumps, format_args!("-A KUBE-SERVICES {matched} -j KUBE-SVC-{number}\n"));
        line(
            &mut bodies,
            format_args!(
                "-A KUBE-SVC-{number} ! -s {pods} {matched} -j KUBE-MARK-MASQ\n\
                 -A KUBE-SVC-{number} -j KUBE-SEP-{number}\n\
                 -A KUBE-SEP-{number} -s {source}/32 -j KUBE-MARK-MASQ\n\
                 -A KUBE-SEP-{number} -p tcp -m tcp -j DNAT --to-destination {target}\n",
                pods = PODS,
            ),
        );
    }
    format!(
        "*nat\n\
         :KUBE-SERVICES - [0:0]\n:KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n\
         {chains}\
         -A PREROUTING -j KUBE-SERVICES\n\
         -A OUTPUT -j KUBE-SERVICES\n\
         -A POSTROUTING -j KUBE-POSTROUTING\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
         -A KUBE-POSTROUTING -j MASQUERADE --random-fully\n\
         {jumps}{bodies}COMMIT\n"
    )
}

/// Addresses of pods: endpoints, and the client.
const PODS: &str = "192.0.2.0/24";

/// Returns the input of nft: a map from services to chains, and a chain for each service and endpoint.
fn nftables(count: u32, server: SocketAddr) -> String {
    let (mut elements, mut chains) = (String::new(), String::new());
    for number in 0..count {
        let vip = workload::vip(number);
        let (address, port) = (vip.ip(), vip.port());
        let target = endpoint(number, count, server);
        let source = target.ip();
        writeln!(elements, "{address} . tcp . {port} : goto service-{number},")
            .expect("a string takes any text");
        writeln!(
            chains,
            "chain endpoint-{number} {{\n\
             ip saddr {source} ip daddr {address} jump mark-for-masquerade\n\
             meta l4proto tcp dnat to {target}\n}}\n\
             chain service-{number} {{\n\
             numgen random mod 1 vmap {{ 0 : goto endpoint-{number} }}\n}}",
        )
        .expect("a string takes any text");
    }
    format!(
        "table ip kube-proxy {{\n\
         chain mark-for-masquerade {{ meta mark set meta mark or 0x4000\n}}\n\
         chain masquerading {{\n\
         meta mark and 0x4000 == 0 return\n\
         meta mark set meta mark xor 0x4000\n\
         masquerade fully-random\n}}\n\
         {chains}\
         map service-ips {{\n\
         type ipv4_addr . inet_proto . inet_service : verdict\n\
         elements = {{\n{elements}}}\n}}\n\
         chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips\n}}\n\
         chain nat-prerouting {{ type nat hook prerouting priority -100;\njump services\n}}\n\
         chain nat-output {{ type nat hook output priority -100;\njump services\n}}\n\
         chain nat-postrouting {{ type nat hook postrouting priority 100;\njump masquerading\n}}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_service_leads_to_the_server() {
        let server = SocketAddr::from(([10, 99, 0, 1], 4321));
        for rules in [iptables(10, server), nftables(10, server)] {
            assert_eq!(rules.matches("10.99.0.1:4321").count(), 1);
            assert_eq!(rules.matches(&workload::endpoint(3).to_string()).count(), 1);
        }
        assert_eq!(iptables(10, server).matches("-A KUBE-SERVICES -d").count(), 10);
        assert_eq!(nftables(10, server).matches(" : goto service-").count(), 10);
    }
}
