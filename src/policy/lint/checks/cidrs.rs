//! Addresses: NP2006-NP2008, NP2016, NP4002, NP4006, NP6003 and NP7003.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::{
    context::Context,
    cover::overlap,
    edit::add_entry,
    finding::{Edit, Finding, Safety},
    tree::{Item, RuleNode, is_cilium},
};
use crate::policy::{
    cluster::Actor,
    parse::Compat,
    rule::{Direction, LabelKey, Subject},
    text::Node,
};

/// Prefixes of a peer as written.
struct Block<'a> {
    item: Item<'a>,
    node: &'a Node,
    net: IpNet,
    except: Vec<IpNet>,
}

impl Block<'_> {
    /// Tells whether an address is meant, and not left out.
    fn holds(&self, addr: IpAddr) -> bool {
        self.net.contains(&addr) && !self.except.iter().any(|except| except.contains(&addr))
    }

    /// Tells whether part of a prefix is meant.
    fn meets(&self, net: &IpNet) -> bool {
        overlap(&self.net, net) && !self.except.iter().any(|except| except.contains(net))
    }

    fn is_everything(&self) -> bool {
        self.net.prefix_len() == 0
    }
}

fn prefix(node: &Node) -> Option<IpNet> {
    Some(node.text()?.parse::<IpNet>().ok()?.trunc())
}

fn blocks<'a>(rule: &RuleNode<'a>) -> Vec<Block<'a>> {
    let read = |item: Item<'a>| {
        let (holder, node) = match item.field {
            "fromCIDR" | "toCIDR" => (item.node, item.node),
            "fromCIDRSet" | "toCIDRSet" => (item.node, item.node.get("cidr")?),
            _ => {
                let block = item.node.get("ipBlock")?;
                (block, block.get("cidr")?)
            }
        };
        let except = holder.get("except").map(Node::items).unwrap_or_default();
        let except = except.iter().filter_map(prefix).collect();
        Some(Block { net: prefix(node)?, node, except, item })
    };
    rule.peers().into_iter().filter_map(read).collect()
}

pub(in super::super) fn check(context: &Context<'_>) {
    let facts = &context.corpus.facts;
    let versions =
        |v4: bool| facts.pod_prefixes.iter().any(|net| matches!(net, IpNet::V4(_)) == v4);
    let is_dual = versions(true) && versions(false);
    for (_, rule) in context.rules() {
        let blocks = blocks(rule);
        for block in &blocks {
            inside(context, rule, block);
        }
        world(context, rule, &blocks);
        if is_dual {
            families(context, rule, &blocks);
        }
        hidden(context, rule, &blocks);
        groups(context, rule);
    }
}

/// NP2006, NP2007, NP2008 and NP7003.
fn inside(context: &Context<'_>, rule: &RuleNode<'_>, block: &Block<'_>) {
    if block.is_everything() {
        return;
    }
    let facts = &context.corpus.facts;
    let reference = &rule.object.parsed.reference;
    let at = (block.node, block.item.path.as_str());
    let is_block = !is_cilium(rule.object);
    let pods = facts.pod_prefixes.iter().find(|net| block.meets(net)).map(ToString::to_string);
    let pods = pods.or_else(|| {
        let of = |pod: &&Actor| pod.nets.iter().any(|net| block.holds(net.addr()));
        let pod = context.pods.iter().find(of)?;
        Some(format!("{} of pod {}", pod.nets.first()?.addr(), pod.name))
    });
    let follows_api = is_block && context.corpus.settings.compat == Compat::Kubernetes;
    if let Some(pods) = pods {
        if follows_api {
            let message = format!(
                "covers pods ({pods}); whether that includes them differs between network plugins"
            );
            context.report(
                Finding::new("NP7003", reference, at, message)
                    .note("say it with a podSelector, which is the same everywhere"),
            );
        } else {
            let message = format!("{} covers {pods}, but addresses never match pods", block.net);
            context.report(
                Finding::new("NP2006", reference, at, message)
                    .note("select them by labels: fromEndpoints or toEndpoints"),
            );
        }
    } else if is_block && is_private(&block.net) && facts.pod_prefixes.is_empty() {
        let message = format!(
            "{} may hold pods, and whether an ipBlock includes pods differs between network plugins",
            block.net
        );
        context.report(Finding::new("NP7003", reference, at, message));
    }
    if let Some(addr) =
        facts.node_addrs.iter().find(|addr| block.holds(**addr)).filter(|_| !follows_api)
    {
        let message = format!(
            "{} covers the node address {addr}, but addresses do not match nodes",
            block.net
        );
        context.report(
            Finding::new("NP2007", reference, at, message)
                .note("use the entities host, remote-node or kube-apiserver"),
        );
    }
    let hit = facts.services.iter().find_map(|service| {
        let addr = service.addrs.iter().find(|addr| block.holds(**addr))?;
        Some((addr, format!("{}/{}", service.namespace, service.name)))
    });
    if let Some((addr, service)) = hit {
        let message = format!(
            "{} covers {addr} of Service {service}, but policy sees the pods behind it",
            block.net
        );
        context.report(
            Finding::new("NP2008", reference, at, message)
                .note("use toServices, or select the pods"),
        );
    }
}

fn is_private(net: &IpNet) -> bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .any(|private| private.contains(net))
}

/// NP4002: everywhere, and with it what is near.
fn world(context: &Context<'_>, rule: &RuleNode<'_>, blocks: &[Block<'_>]) {
    if rule.direction == Direction::Ingress || rule.denies {
        return;
    }
    let near = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"];
    for block in blocks.iter().filter(|b| b.is_everything() && matches!(b.net, IpNet::V4(_))) {
        let open: Vec<&str> = near
            .into_iter()
            .filter(|text| {
                let net: Option<IpNet> = text.parse().ok();
                net.is_some_and(|net| !block.except.iter().any(|except| except.contains(&net)))
            })
            .collect();
        if !open.is_empty() {
            let message = format!("the internet, and with it {}", open.join(", "));
            context.report(
                Finding::new(
                    "NP4002",
                    &rule.object.parsed.reference,
                    (block.node, &block.item.path),
                    format!("allows {message}"),
                )
                .note(format!(
                    "leave private networks and cloud metadata out: except: [{}]",
                    open.join(", ")
                ))
                .edits(Safety::Unsafe, narrowed(block, &open)),
            );
        }
    }
}

/// Leaves networks out of a block that leaves none out so far.
fn narrowed(block: &Block<'_>, open: &[&str]) -> Option<Edit> {
    let holder = block.item.node.get("ipBlock").unwrap_or(block.item.node);
    let is_free = block.except.is_empty() && holder.get("except").is_none();
    is_free.then(|| add_entry(holder, "except", &format!("[{}]", open.join(", ")))).flatten()
}

/// NP4006: one IP version in a cluster of both.
fn families(context: &Context<'_>, rule: &RuleNode<'_>, blocks: &[Block<'_>]) {
    let has = |v4: bool| blocks.iter().any(|block| matches!(block.net, IpNet::V4(_)) == v4);
    let Some(first) = blocks.first().filter(|_| has(true) != has(false)) else { return };
    let (this, other) = if has(true) { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
    let message = format!("has {this} prefixes only, but pods have {other} addresses, too");
    let at = (first.node, first.item.path.as_str());
    let finding = Finding::new("NP4006", &rule.object.parsed.reference, at, message);
    context.report(finding.note(format!("add the {other} prefixes of the same peers")));
}

/// NP6003: addresses that nodes hide.
fn hidden(context: &Context<'_>, rule: &RuleNode<'_>, blocks: &[Block<'_>]) {
    let (Some(read), Direction::Ingress) = (rule.rule, rule.direction) else { return };
    let (Subject::Endpoints(selector) | Subject::Pods(selector)) = &read.subject else { return };
    let Some(block) = blocks.iter().find(|block| !block.is_everything()) else { return };
    let services = context.corpus.facts.services.iter();
    for service in services.filter(|service| service.hides_source && !service.selector.is_empty()) {
        let is_behind = |pod: &Actor| {
            pod.name.starts_with(&format!("{}/", service.namespace))
                && service.selector.iter().all(|(key, value)| {
                    LabelKey::kubernetes(key).values(&pod.labels).any(|own| own == value)
                })
        };
        if context.selected(selector).any(is_behind) {
            let message = format!(
                "Service {}/{} is reached through nodes, which may put their own address in place of the client's",
                service.namespace, service.name
            );
            let at = (block.node, block.item.path.as_str());
            context.report(
                Finding::new("NP6003", &rule.object.parsed.reference, at, message)
                    .note("set externalTrafficPolicy: Local, or allow the entity remote-node"),
            );
            return;
        }
    }
}

/// NP2016: groups that are not there, or have nobody in them.
fn groups(context: &Context<'_>, rule: &RuleNode<'_>) {
    let facts = &context.corpus.facts;
    if !context.is_whole() && facts.groups.is_empty() {
        return;
    }
    for item in rule.peers() {
        let Some(node) = item.node.get("cidrGroupRef") else { continue };
        let Some(name) = node.text() else { continue };
        let message = match facts.groups.get(name) {
            None => format!("there is no CiliumCIDRGroup {name:?}, so this matches nobody"),
            Some(0) => format!("CiliumCIDRGroup {name:?} is empty, so this matches nobody"),
            Some(_) => continue,
        };
        let at = (node, item.path.as_str());
        context.report(Finding::new("NP2016", &rule.object.parsed.reference, at, message));
    }
}
