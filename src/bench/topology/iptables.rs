//! The rules that kube-proxy and flannel would have, for a few services.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::{Command, Stdio},
};

use super::pair::TopologyError;
use crate::{bench::catalogue::Ip, kernel::NetNs};

/// Services, and endpoints of each; so few that iptables is at its best.
const SERVICES: u16 = 10;
const ENDPOINTS: u16 = 10;
/// Seconds to wait for another iptables on the machine.
const LOCK_WAIT: &str = "5";

/// Loads the rules with the first iptables that is installed; returns its name. The legacy one is
/// taken first: it is the faster peer.
///
/// # Errors
/// When none is installed, or it refuses.
pub(super) fn install(node: &NetNs, ip: Ip) -> Result<String, TopologyError> {
    let tools = match ip {
        Ip::V4 => ["iptables-legacy-restore", "iptables-restore"],
        Ip::V6 => ["ip6tables-legacy-restore", "ip6tables-restore"],
    };
    let text = rules(ip);
    for tool in tools {
        let outcome = node.run(|| feed(tool, &["--wait", LOCK_WAIT], &text))?;
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(TopologyError::Run { tool: tool.to_owned(), source }),
            Ok(None) => return Ok(tool.trim_end_matches("-restore").to_owned()),
            Ok(Some(reason)) => {
                return Err(TopologyError::Refused { tool: tool.to_owned(), reason });
            }
        }
    }
    Err(TopologyError::NoTool(tools.join(", ")))
}

/// Runs a tool that reads rules; returns what it complained about, if it failed.
///
/// # Errors
/// When it cannot be run.
pub(in crate::bench) fn feed(tool: &str, args: &[&str], text: &str) -> io::Result<Option<String>> {
    let mut child = Command::new(tool)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // A tool that gives up early closes the pipe; its words say why.
    let _ = child.stdin.take().expect("standard input is piped").write_all(text.as_bytes());
    let output = child.wait_with_output()?;
    let reason = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Ok((!output.status.success()).then_some(reason))
}

/// Addresses as the rules need them.
struct Plan {
    pods: &'static str,
    host: u8,
}

impl Plan {
    fn of(ip: Ip) -> Self {
        match ip {
            Ip::V4 => Self { pods: "10.99.0.0/24", host: 32 },
            Ip::V6 => Self { pods: "fd99::/64", host: 128 },
        }
    }

    fn service(&self, ip: Ip, number: u16) -> String {
        match ip {
            Ip::V4 => format!("10.96.0.{number}/{}", self.host),
            Ip::V6 => format!("fd96::{number:x}/{}", self.host),
        }
    }
}

fn endpoint(ip: Ip, service: u16, number: u16) -> (String, String) {
    match ip {
        Ip::V4 => {
            let address = format!("10.98.{service}.{number}");
            (format!("{address}/32"), format!("{address}:8080"))
        }
        Ip::V6 => {
            let address = format!("fd98::{service:x}:{number:x}");
            (format!("{address}/128"), format!("[{address}]:8080"))
        }
    }
}

/// Returns the input of iptables-restore: the chains that every packet and every new connection
/// walks, with the services that none of them is for.
fn rules(ip: Ip) -> String {
    format!("{}{}", filter(&Plan::of(ip)), nat(ip, &Plan::of(ip)))
}

fn filter(plan: &Plan) -> String {
    let pods = plan.pods;
    let new = "-m conntrack --ctstate NEW";
    format!(
        "*filter\n\
         :KUBE-FIREWALL - [0:0]\n\
         :KUBE-FORWARD - [0:0]\n\
         :KUBE-SERVICES - [0:0]\n\
         :KUBE-EXTERNAL-SERVICES - [0:0]\n\
         :KUBE-NODEPORTS - [0:0]\n\
         :KUBE-PROXY-FIREWALL - [0:0]\n\
         :FLANNEL-FWD - [0:0]\n\
         -A INPUT {new} -j KUBE-PROXY-FIREWALL\n\
         -A INPUT -j KUBE-NODEPORTS\n\
         -A INPUT {new} -j KUBE-EXTERNAL-SERVICES\n\
         -A INPUT -j KUBE-FIREWALL\n\
         -A FORWARD {new} -j KUBE-PROXY-FIREWALL\n\
         -A FORWARD -j KUBE-FORWARD\n\
         -A FORWARD {new} -j KUBE-SERVICES\n\
         -A FORWARD {new} -j KUBE-EXTERNAL-SERVICES\n\
         -A FORWARD -j FLANNEL-FWD\n\
         -A OUTPUT {new} -j KUBE-PROXY-FIREWALL\n\
         -A OUTPUT {new} -j KUBE-SERVICES\n\
         -A OUTPUT -j KUBE-FIREWALL\n\
         -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n\
         -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT\n\
         -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A FLANNEL-FWD -s {pods} -j ACCEPT\n\
         -A FLANNEL-FWD -d {pods} -j ACCEPT\n\
         COMMIT\n"
    )
}

fn nat(ip: Ip, plan: &Plan) -> String {
    let pods = plan.pods;
    let mut chains = String::new();
    let mut jumps = String::new();
    let mut bodies = String::new();
    let line = |text: &mut String, words: std::fmt::Arguments<'_>| {
        text.write_fmt(words).expect("a string takes any text");
        text.push('\n');
    };
    for service in 1..=SERVICES {
        let address = plan.service(ip, service);
        let tcp = format!("-d {address} -p tcp -m tcp --dport 80");
        line(&mut chains, format_args!(":KUBE-SVC-{service} - [0:0]"));
        line(&mut jumps, format_args!("-A KUBE-SERVICES {tcp} -j KUBE-SVC-{service}"));
        line(
            &mut bodies,
            format_args!("-A KUBE-SVC-{service} ! -s {pods} {tcp} -j KUBE-MARK-MASQ"),
        );
        for number in 1..=ENDPOINTS {
            let (source, target) = endpoint(ip, service, number);
            let chain = format!("KUBE-SEP-{service}-{number}");
            let share = match ENDPOINTS - number {
                0 => String::new(),
                left => format!(
                    "-m statistic --mode random --probability {:.10} ",
                    1.0 / f64::from(left + 1)
                ),
            };
            line(&mut chains, format_args!(":{chain} - [0:0]"));
            line(&mut bodies, format_args!("-A KUBE-SVC-{service} {share}-j {chain}"));
            line(&mut bodies, format_args!("-A {chain} -s {source} -j KUBE-MARK-MASQ"));
            line(
                &mut bodies,
                format_args!("-A {chain} -p tcp -m tcp -j DNAT --to-destination {target}"),
            );
        }
    }
    format!(
        "*nat\n\
         :KUBE-SERVICES - [0:0]\n\
         :KUBE-NODEPORTS - [0:0]\n\
         :KUBE-POSTROUTING - [0:0]\n\
         :KUBE-MARK-MASQ - [0:0]\n\
         :FLANNEL-POSTRTG - [0:0]\n\
         {chains}\
         -A PREROUTING -j KUBE-SERVICES\n\
         -A OUTPUT -j KUBE-SERVICES\n\
         -A POSTROUTING -j KUBE-POSTROUTING\n\
         -A POSTROUTING -j FLANNEL-POSTRTG\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
         -A KUBE-POSTROUTING -j MASQUERADE --random-fully\n\
         -A FLANNEL-POSTRTG -s {pods} -d {pods} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {pods} -j MASQUERADE --random-fully\n\
         {jumps}\
         -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n\
         {bodies}\
         COMMIT\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chain_that_is_used_is_declared() {
        for ip in Ip::ALL {
            for table in rules(ip).split_inclusive("COMMIT\n") {
                let words: Vec<&str> = table.split_whitespace().collect();
                let used = words.windows(2).filter(|pair| ["-A", "-j"].contains(&pair[0]));
                for chain in used.map(|pair| pair[1]).filter(|name| name.starts_with("KUBE")) {
                    assert!(table.contains(&format!(":{chain} - ")), "{ip}: {chain}");
                }
            }
        }
    }

    #[test]
    fn each_service_spreads_over_all_its_endpoints() {
        for ip in Ip::ALL {
            let text = rules(ip);
            assert_eq!(text.matches("-A KUBE-SERVICES -d ").count(), usize::from(SERVICES));
            let targets = text.matches("--to-destination").count();
            assert_eq!(targets, usize::from(SERVICES * ENDPOINTS));
            assert!(text.contains("--probability 0.5000000000"));
        }
    }
}
