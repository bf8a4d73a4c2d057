//! NP2xxx: labels that nobody has.

use std::{collections::BTreeSet, fmt};

use super::super::{
    context::Context,
    edit::{add_entry, scalar},
    finding::{Edit, Finding, Safety},
    release::may_be_new,
    tree::{Item, RuleNode, Spec, bare, is_cilium, keys},
};
use crate::{
    model::LabelFilter,
    policy::{
        explain,
        rule::{LabelKey, Peer, Peers, PolicyKind, Requirement, Selector, Subject, Test},
        text::{Node, Span},
    },
};

pub(in super::super) fn check(context: &Context<'_>) {
    for spec in &context.specs {
        if let Some((key, node)) = spec.selector().filter(|(key, _)| *key != "subject") {
            let path = format!("{}.{key}", spec.path);
            if key != "nodeSelector" {
                written(context, spec, node, &path);
                own_namespace(context, spec, node, &path);
            }
            let subject = spec.rules.iter().find_map(|rule| rule.rule).map(|rule| &rule.subject);
            if let Some(Subject::Endpoints(selector) | Subject::Pods(selector)) = subject {
                nobody(context, spec, (node, &path), selector, Part::Subject);
            }
        }
        for rule in &spec.rules {
            peers(context, spec, rule);
        }
        clusters(context, spec);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Subject,
    Peer,
}

fn is_pod_list(field: &str) -> bool {
    matches!(field, "fromEndpoints" | "toEndpoints" | "from" | "to")
}

fn peers(context: &Context<'_>, spec: &Spec<'_>, rule: &RuleNode<'_>) {
    let items: Vec<Item<'_>> = rule.peers().into_iter().filter(|i| is_pod_list(i.field)).collect();
    let read = match rule.rule.map(|rule| &rule.peers) {
        Some(Peers::Of(list)) if list.len() == items.len() => Some(list),
        _ => None,
    };
    for (n, item) in items.iter().enumerate() {
        let selector =
            if is_cilium(rule.object) { Some(item.node) } else { item.node.get("podSelector") };
        if let Some(selector) = selector {
            written(context, spec, selector, &item.path);
        }
        if let Some(Peer::Labels(labels)) = read.map(|list| &list[n])
            && !labels.has_key(|key| key.is_of("reserved"))
        {
            nobody(context, spec, (item.node, &item.path), labels, Part::Peer);
        }
        if is_cilium(rule.object) {
            reserved(context, rule, item);
        }
    }
}

/// NP2002 and NP2005: keys that pods' identities never have.
fn written(context: &Context<'_>, spec: &Spec<'_>, selector: &Node, path: &str) {
    let filter = LabelFilter::default();
    let known = [LabelKey::NAMESPACE, LabelKey::CLUSTER, LabelKey::SERVICE_ACCOUNT];
    let reference = &spec.object.parsed.reference;
    for key in keys(selector) {
        let name = bare(key.key);
        let is_other = !matches!(key.key.split_once(':'), None | Some(("any" | "k8s", _)));
        if is_other || known.contains(&name) || name.starts_with(LabelKey::NAMESPACE_LABELS) {
            continue;
        }
        if name == "kubernetes.io/metadata.name" {
            let message = "is a label of namespaces; pods do not have it";
            let fixed = format!("{}{name}", LabelKey::NAMESPACE_LABELS);
            let mut finding =
                Finding::new("NP2005", reference, (key.node, path), message).at(key.span);
            if spec.is_cilium() {
                finding = finding
                    .note(format!(
                        "write {fixed}, or k8s:{} for the namespace",
                        LabelKey::NAMESPACE
                    ))
                    .fix(Safety::Unsafe, key.span, fixed);
            } else {
                finding = finding.note("write it into a namespaceSelector");
            }
            context.report(finding);
        } else if !filter.keeps(name) {
            let message = format!("{name:?} is not part of what identifies pods: nobody has it");
            context.report(
                Finding::new("NP2002", reference, (key.node, path), message).at(key.span).note(
                    "choose a label that says what the pod is, such as app.kubernetes.io/name",
                ),
            );
        }
    }
}

/// NP2004: a namespace that the policy's own one overrides.
fn own_namespace(context: &Context<'_>, spec: &Spec<'_>, selector: &Node, path: &str) {
    let reference = &spec.object.parsed.reference;
    let given = spec.object.document.root.at(&["metadata", "namespace"]).and_then(Node::text);
    let (Some(own), PolicyKind::CiliumNetworkPolicy) = (given, reference.kind) else { return };
    for key in keys(selector).iter().filter(|key| bare(key.key) == LabelKey::NAMESPACE) {
        let Some(value) = key.value else { continue };
        if let Some(text) = value.text().filter(|text| *text != own) {
            let message = format!(
                "names namespace {text:?}, but a policy selects pods of its own namespace only: those in {own:?}"
            );
            context.report(
                Finding::new("NP2004", reference, (value, path), message)
                    .note(format!("drop it, move the policy to {text:?}, or make it a CiliumClusterwideNetworkPolicy"))
                    .fix(Safety::Safe, value.span, own),
            );
        }
    }
}

/// NP2001 and NP2003: a selector without pods.
fn nobody(
    context: &Context<'_>,
    spec: &Spec<'_>,
    (node, path): (&Node, &str),
    selector: &Selector,
    part: Part,
) {
    if context.selected(selector).next().is_some() {
        return;
    }
    let reference = &spec.object.parsed.reference;
    let elsewhere = selector.clone().without(|own| own.key.means_kubernetes(LabelKey::NAMESPACE));
    let asks = elsewhere.requirements().any(|own| !own.key.means_kubernetes(LabelKey::CLUSTER));
    let is_unsaid = !keys(node).iter().any(|key| bare(key.key) == LabelKey::NAMESPACE);
    if part == Part::Peer
        && asks
        && is_unsaid
        && let Some(own) = selector.namespace()
    {
        let found: Vec<&str> = if context.pods.is_empty() {
            dns_namespace(&elsewhere, own).into_iter().collect()
        } else {
            let pods = context.selected(&elsewhere);
            let names: BTreeSet<&str> = pods.filter_map(|pod| pod.name.split('/').next()).collect();
            names.into_iter().collect()
        };
        if let Some(other) = found.first() {
            let message = format!(
                "means pods in {own:?}, the policy's namespace; such pods are only in {}",
                found.join(", ")
            );
            let (map, key, value) = if spec.is_cilium() {
                let key = format!("k8s:{}", LabelKey::NAMESPACE);
                (node.get("matchLabels"), key, (*other).to_owned())
            } else {
                let value = format!("{{matchLabels: {{kubernetes.io/metadata.name: {other}}}}}");
                (Some(node), "namespaceSelector".to_owned(), value)
            };
            context.report(
                Finding::new("NP2003", reference, (node, path), message)
                    .note(format!("add `{key}: {value}`"))
                    .edits(Safety::Unsafe, map.and_then(|map| add_entry(map, &key, &value))),
            );
            return;
        }
    }
    if !context.pods.is_empty() && context.knows_pods(selector) {
        let message = format!("matches nobody: there are no {}", explain::selector(selector));
        let mut finding = Finding::new("NP2001", reference, (node, path), message);
        if let Some(missing) = nearest(context, selector) {
            let rename = missing.near.and_then(|near| renamed(node, missing.wanted, near));
            finding = finding.note(missing.to_string()).edits(Safety::Unsafe, rename);
        } else if let Some(name) =
            selector.namespace().filter(|name| !context.namespaces().contains(name))
        {
            finding = finding.note(format!("there are no pods in namespace {name}"));
        }
        context.report(finding);
    }
}

/// Writes a label in use in the place of one that nobody has.
fn renamed(selector: &Node, (key, value): Label<'_>, (near, other): Label<'_>) -> Option<Edit> {
    let selector = selector.get("podSelector").unwrap_or(selector);
    let own = keys(selector).into_iter().find(|own| bare(own.key) == key)?;
    if near == key {
        return Some(Edit { span: own.value?.span, text: scalar(other) });
    }
    let source = own.key.strip_suffix(key)?;
    (other == value).then(|| Edit { span: own.span, text: format!("{source}{near}") })
}

/// Cluster DNS is where it is in every cluster.
fn dns_namespace(selector: &Selector, own: &str) -> Option<&'static str> {
    let is_dns = selector.requirements().any(|Requirement { key, test }| {
        let is = |value: &str| matches!(test, Test::In(values) if values.contains(value));
        key.means_kubernetes("k8s-app") && (is("kube-dns") || is("node-local-dns"))
    });
    (is_dns && own != "kube-system").then_some("kube-system")
}

/// Characters by which a label may differ from one that was meant.
const NEAR: usize = 3;

type Label<'a> = (&'a str, &'a str);

/// A label that nobody has, and the one in use that comes closest.
struct Missing<'a> {
    wanted: Label<'a>,
    near: Option<Label<'a>>,
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.wanted;
        write!(f, "nobody has {key}={value}")?;
        match self.near {
            Some((key, value)) => write!(f, "; did you mean {key}={value}?"),
            None => Ok(()),
        }
    }
}

/// Finds a label that a selector asks for and nobody has.
fn nearest<'a>(context: &'a Context<'_>, selector: &'a Selector) -> Option<Missing<'a>> {
    let wanted = selector.requirements().find_map(|Requirement { key, test }| {
        let Test::In(values) = test else { return None };
        let value = values.first()?;
        let is_used = context.used.contains(&(key.name.to_string(), value.clone()));
        (!is_used).then_some((&*key.name, value.as_str()))
    })?;
    let distance = |(k, v): &&(String, String)| {
        strsim::damerau_levenshtein(k, wanted.0) + strsim::damerau_levenshtein(v, wanted.1)
    };
    // Most labels are of another length, and need no closer look.
    let is_near = |(k, v): &&(String, String)| {
        k.len().abs_diff(wanted.0.len()) + v.len().abs_diff(wanted.1.len()) <= NEAR
    };
    let best = context.used.iter().filter(is_near).min_by_key(distance);
    let best = best.filter(|best| distance(best) <= NEAR);
    Some(Missing { wanted, near: best.map(|(k, v)| (&**k, &**v)) })
}

/// NP2017: reserved labels where entities are meant.
fn reserved(context: &Context<'_>, rule: &RuleNode<'_>, item: &Item<'_>) {
    let own = keys(item.node);
    for key in &own {
        if let Some(name) = key.key.strip_prefix("reserved:") {
            let field = item.field.replace("Endpoints", "Entities");
            let list = rule.node.entries().iter().find(|entry| entry.key == item.field);
            let is_all = own.len() == 1 && rule.node.get(&field).is_none();
            let list = list.filter(|list| is_all && list.node.items().len() == 1);
            let edit = list.map(|list| Edit {
                span: Span { start: list.key_span.start, end: list.node.span.end },
                text: format!("{field}: [{name}]"),
            });
            context.report(
                Finding::new(
                    "NP2017",
                    &rule.object.parsed.reference,
                    (key.node, &item.path),
                    format!("the label {} is skep's own; entities say it plainly", key.key),
                )
                .at(key.span)
                .note(format!("write `{field}: [{name}]`"))
                .edits(Safety::Unsafe, edit),
            );
        }
    }
}

/// NP2018: a policy that speaks of other clusters, and a peer that does not say which one.
fn clusters(context: &Context<'_>, spec: &Spec<'_>) {
    let has_key =
        |item: &Item<'_>| keys(item.node).iter().any(|k| bare(k.key) == LabelKey::CLUSTER);
    let items = spec.rules.iter().flat_map(RuleNode::peers);
    let items: Vec<Item<'_>> =
        items.filter(|item| matches!(item.field, "fromEndpoints" | "toEndpoints")).collect();
    if !items.iter().any(&has_key) || !may_be_new(context.corpus.release) {
        return;
    }
    let is_reserved =
        |item: &&Item<'_>| keys(item.node).iter().any(|k| k.key.starts_with("reserved:"));
    for item in items.iter().filter(|item| !has_key(item) && !is_reserved(item)) {
        let reference = &spec.object.parsed.reference;
        let message = "names no cluster, so it means this one only, unlike other peers here";
        context.report(Finding::new("NP2018", reference, (item.node, &item.path), message).note(
            format!("add `{}: NAME`, or an Exists on it for every cluster", LabelKey::CLUSTER),
        ));
    }
}
