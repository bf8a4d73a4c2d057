//! Taking out of a flow what somebody may not see.

use std::collections::BTreeSet;

use crate::hubble::flow::{Endpoint, Flow, Policy, Service};

/// What stands for somebody who may not be seen, where clients look for a name.
const HIDDEN: &str = "hidden";

/// Returns the namespaces that a flow speaks of.
pub(super) fn namespaces(flow: &Flow) -> BTreeSet<String> {
    let ends = [&flow.source, &flow.destination];
    let ends = ends.into_iter().flatten().map(|end| &end.namespace);
    let services = [&flow.source_service, &flow.destination_service];
    let services = services.into_iter().flatten().map(|service| &service.namespace);
    ends.chain(services).filter(|name| !name.is_empty()).cloned().collect()
}

/// Returns what of a flow may be seen: nothing if neither end is in a namespace that may be seen. An end that
/// is in no namespace, such as a node or the world, is shown beside one that is.
pub(super) fn shown(mut flow: Flow, is_seen: impl Fn(&str) -> bool) -> Option<Flow> {
    let judge = |end: &Option<Endpoint>, service: &Option<Service>| {
        let own = end.as_ref().map(|end| end.namespace.as_str()).filter(|name| !name.is_empty());
        let service = service.as_ref().map(|service| service.namespace.as_str());
        own.or(service).filter(|name| !name.is_empty()).map(&is_seen)
    };
    let source = judge(&flow.source, &flow.source_service);
    let destination = judge(&flow.destination, &flow.destination_service);
    if source != Some(true) && destination != Some(true) {
        return None;
    }
    let is_foreign = |service: &Service| !is_seen(&service.namespace);
    flow.source_service = flow.source_service.filter(|service| !is_foreign(service));
    flow.destination_service = flow.destination_service.filter(|service| !is_foreign(service));
    if source == Some(false) {
        hide_source(&mut flow);
    }
    if destination == Some(false) {
        hide_destination(&mut flow);
    }
    let policies = [
        &mut flow.egress_allowed_by,
        &mut flow.ingress_allowed_by,
        &mut flow.egress_denied_by,
        &mut flow.ingress_denied_by,
    ];
    for by in policies {
        by.retain(|policy: &Policy| policy.namespace.is_empty() || is_seen(&policy.namespace));
    }
    Some(flow)
}

fn hide_source(flow: &mut Flow) {
    flow.source = Some(Endpoint::default());
    flow.source_names = vec![HIDDEN.to_owned()];
    flow.egress_allowed_by.clear();
    flow.egress_denied_by.clear();
    if let Some(ip) = &mut flow.ip {
        ip.source = nowhere(&ip.source);
        ip.source_xlated.clear();
    }
    hide_details(flow);
}

fn hide_destination(flow: &mut Flow) {
    flow.destination = Some(Endpoint::default());
    flow.destination_names = vec![HIDDEN.to_owned()];
    flow.ingress_allowed_by.clear();
    flow.ingress_denied_by.clear();
    if let Some(ip) = &mut flow.ip {
        ip.destination = nowhere(&ip.destination);
    }
    hide_details(flow);
}

/// What tells of both ends at once.
fn hide_details(flow: &mut Flow) {
    flow.ethernet = None;
    flow.tunnel = None;
    flow.extensions = None;
    flow.policy_log.clear();
}

/// Clients want an address.
fn nowhere(address: &str) -> String {
    if address.contains(':') { "::" } else { "0.0.0.0" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hubble::flow::{Ethernet, Ip};

    fn end(namespace: &str, pod: &str) -> Option<Endpoint> {
        Some(Endpoint {
            identity: 300,
            namespace: namespace.into(),
            pod_name: pod.into(),
            labels: vec![format!("k8s:io.kubernetes.pod.namespace={namespace}")],
            ..Endpoint::default()
        })
    }

    fn policy(namespace: &str) -> Policy {
        Policy { namespace: namespace.into(), name: "p".into(), ..Policy::default() }
    }

    fn flow(from: Option<Endpoint>, to: Option<Endpoint>) -> Flow {
        let (source, destination) = ("10.0.0.1".into(), "10.0.0.2".into());
        Flow {
            source: from,
            destination: to,
            ip: Some(Ip { source, destination, ..Ip::default() }),
            ethernet: Some(Ethernet::default()),
            egress_allowed_by: vec![policy("a"), policy("b"), policy("")],
            ingress_allowed_by: vec![policy("b")],
            ..Flow::default()
        }
    }

    fn seen(name: &str) -> bool {
        name == "a"
    }

    #[test]
    fn flows_of_others_are_not_shown() {
        let world = || end("", "");
        for (from, to) in
            [(end("b", "x"), end("c", "y")), (world(), end("b", "x")), (world(), world())]
        {
            assert_eq!(shown(flow(from, to), seen), None);
        }
        assert_eq!(shown(flow(None, None), seen), None);
    }

    #[test]
    fn the_other_end_is_hidden_with_all_that_tells_of_it() {
        let own = end("a", "mine");
        let shown_flow =
            shown(flow(own.clone(), end("secret", "theirs")), seen).expect("it is ours");
        assert_eq!(shown_flow.source, own);
        let text = format!("{shown_flow:?}");
        for word in ["secret", "theirs", "10.0.0.2"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
        assert_eq!(shown_flow.destination_names, ["hidden"]);
        assert_eq!(shown_flow.egress_allowed_by, [policy("a"), policy("")]);
        assert!(shown_flow.ingress_allowed_by.is_empty());
        let answer = shown(flow(end("secret", "theirs"), own), seen).expect("it is ours");
        let text = format!("{answer:?}");
        assert!(!text.contains("theirs") && !text.contains("10.0.0.1"), "{text}");
    }

    #[test]
    fn who_is_in_no_namespace_is_shown_beside_ones_own() {
        let both = flow(end("a", "mine"), end("", ""));
        let mut expected = both.clone();
        expected.egress_allowed_by.remove(1);
        expected.ingress_allowed_by.clear();
        assert_eq!(shown(both, seen), Some(expected));
    }

    #[test]
    fn a_service_is_in_its_namespace() {
        let service =
            |namespace: &str| Some(Service { name: "s".into(), namespace: namespace.into() });
        let asked = |namespace| Flow {
            destination_service: service(namespace),
            ..flow(end("b", "x"), end("", ""))
        };
        assert_eq!(shown(asked("b"), seen), None);
        let to_own = shown(asked("a"), seen).expect("of the service");
        assert_eq!(to_own.source_names, ["hidden"]);
        let own = Flow { source: end("a", "mine"), ..asked("b") };
        let own = shown(own, seen).expect("ours");
        assert_eq!((own.destination_service, own.destination_names), (None, vec!["hidden".into()]));
        assert_eq!(namespaces(&asked("a")), ["a".to_owned(), "b".to_owned()].into());
    }
}
