//! The chains that kube-proxy and a simple overlay network put on a node, in the structure that
//! packets walk: services by destination, a random endpoint, marks for masquerading, forwarding.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

const ENDPOINTS: u8 = 10;

/// Returns the rules for iptables-restore: `services` services of ten endpoints each.
pub(super) fn rules(services: u8, first: IpAddr, pods: &str) -> String {
    let mut nat = Section::new("nat");
    nat.chain("KUBE-SERVICES").chain("KUBE-POSTROUTING").chain("KUBE-MARK-MASQ");
    nat.chain("OVERLAY-POSTROUTING");
    nat.rule("-A PREROUTING -j KUBE-SERVICES");
    nat.rule("-A OUTPUT -j KUBE-SERVICES");
    nat.rule("-A POSTROUTING -j KUBE-POSTROUTING");
    nat.rule("-A POSTROUTING -j OVERLAY-POSTROUTING");
    nat.rule("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000");
    nat.rule("-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN");
    nat.rule("-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0");
    nat.rule("-A KUBE-POSTROUTING -j MASQUERADE --random-fully");
    nat.rule(&format!("-A OVERLAY-POSTROUTING -s {pods} -d {pods} -j RETURN"));
    nat.rule(&format!("-A OVERLAY-POSTROUTING -s {pods} -j MASQUERADE --random-fully"));
    for service in 1..=services {
        nat.service(service, offset(first, service), pods);
    }

    let mut filter = Section::new("filter");
    for chain in ["KUBE-FORWARD", "KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "OVERLAY-FORWARD"] {
        filter.chain(chain);
    }
    filter.rule("-A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL");
    filter.rule("-A INPUT -j KUBE-FIREWALL");
    filter.rule("-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL");
    filter.rule("-A FORWARD -j KUBE-FORWARD");
    filter.rule("-A FORWARD -j OVERLAY-FORWARD");
    filter.rule("-A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL");
    filter.rule("-A OUTPUT -j KUBE-FIREWALL");
    filter.rule("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP");
    filter.rule("-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT");
    filter.rule("-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    filter.rule(&format!("-A OVERLAY-FORWARD -s {pods} -j ACCEPT"));
    filter.rule(&format!("-A OVERLAY-FORWARD -d {pods} -j ACCEPT"));
    nat.finish() + &filter.finish()
}

struct Section {
    head: String,
    body: String,
}

impl Section {
    fn new(table: &str) -> Self {
        Self { head: format!("*{table}\n"), body: String::new() }
    }

    fn chain(&mut self, name: &str) -> &mut Self {
        writeln!(self.head, ":{name} - [0:0]").expect("a string takes everything");
        self
    }

    fn rule(&mut self, rule: &str) {
        writeln!(self.body, "{rule}").expect("a string takes everything");
    }

    fn service(&mut self, number: u8, address: IpAddr, pods: &str) {
        let chain = format!("KUBE-SVC-{number:016X}");
        self.chain(&chain);
        self.rule(&format!("-A KUBE-SERVICES -d {address} -p tcp -m tcp --dport 80 -j {chain}"));
        self.rule(&format!(
            "-A {chain} ! -s {pods} -d {address} -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ"
        ));
        for endpoint in 0..ENDPOINTS {
            let jump = format!("KUBE-SEP-{number:08X}{endpoint:08X}");
            let target = backend(address, number, endpoint);
            self.chain(&jump);
            // The last endpoint takes what is left.
            let chance = match ENDPOINTS - endpoint {
                1 => String::new(),
                left => {
                    let share = 1.0 / f64::from(left);
                    format!("-m statistic --mode random --probability {share:.10} ")
                }
            };
            self.rule(&format!("-A {chain} {chance}-j {jump}"));
            self.rule(&format!("-A {jump} -s {target} -j KUBE-MARK-MASQ"));
            let socket = std::net::SocketAddr::new(target, 80);
            self.rule(&format!("-A {jump} -p tcp -m tcp -j DNAT --to-destination {socket}"));
        }
    }

    fn finish(self) -> String {
        self.head + &self.body + "COMMIT\n"
    }
}

fn offset(first: IpAddr, number: u8) -> IpAddr {
    match first {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() + u32::from(number))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() + u128::from(number))),
    }
}

fn backend(like: IpAddr, service: u8, endpoint: u8) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(10, 244, 100 + service, endpoint + 1)),
        IpAddr::V6(_) => {
            let service = 0x100 + u16::from(service);
            IpAddr::V6(Ipv6Addr::new(
                0xfd00,
                0x10,
                0x244,
                service,
                0,
                0,
                0,
                u16::from(endpoint) + 1,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chain_that_is_jumped_to_is_declared_in_both_families() {
        for (first, pods) in [("10.96.0.0", "10.244.0.0/16"), ("fd00:10:96::", "fd00:10:244::/48")]
        {
            let rules = rules(3, first.parse().unwrap(), pods);
            let declared: Vec<_> = rules
                .lines()
                .filter_map(|line| line.strip_prefix(':')?.split(' ').next())
                .collect();
            for jump in rules.lines().filter_map(|line| line.split(" -j ").nth(1)) {
                let target = jump.split(' ').next().unwrap();
                let built_in = ["MARK", "MASQUERADE", "RETURN", "ACCEPT", "DROP", "DNAT"];
                assert!(declared.contains(&target) || built_in.contains(&target), "{target}");
            }
            assert_eq!(rules.matches("DNAT").count(), 30);
        }
    }
}
