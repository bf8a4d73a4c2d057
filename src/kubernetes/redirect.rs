//! `CiliumLocalRedirectPolicy` (cilium.io/v2).

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{ResourceExt, api::DynamicObject};
use serde::Deserialize;

use super::{Malformed, Watched, service::name};
use crate::service::{
    ObjectName, Protocol,
    input::{
        Fault, Mistake, PortId, Redirect, RedirectFrom, RedirectPort, RedirectRule, Requirement,
        Selector, Test,
    },
};

/// Paths of fields that may be wrong.
const SPEC: &str = "spec";
const FRONTEND: &str = "spec.redirectFrontend";
const ADDRESS: &str = "spec.redirectFrontend.addressMatcher.ip";
const ADDRESS_PORTS: &str = "spec.redirectFrontend.addressMatcher.toPorts";
const SERVICE: &str = "spec.redirectFrontend.serviceMatcher.serviceName";
const SERVICE_PORTS: &str = "spec.redirectFrontend.serviceMatcher.toPorts";
const BACKEND: &str = "spec.redirectBackend";
const SELECTOR: &str = "spec.redirectBackend.localEndpointSelector";
const BACKEND_PORTS: &str = "spec.redirectBackend.toPorts";
const OVERRIDE: &str = "spec.redirectBackend.overrideIP";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    redirect_frontend: Option<Frontend>,
    redirect_backend: Option<Backend>,
    #[serde(default)]
    skip_redirect_from_backend: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frontend {
    address_matcher: Option<AddressMatcher>,
    service_matcher: Option<ServiceMatcher>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressMatcher {
    #[serde(default)]
    ip: String,
    #[serde(default)]
    to_ports: Vec<PortInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceMatcher {
    #[serde(default)]
    service_name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    to_ports: Vec<PortInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Backend {
    local_endpoint_selector: Option<LabelSelector>,
    #[serde(rename = "overrideIP", default)]
    override_ip: String,
    #[serde(default)]
    to_ports: Vec<PortInfo>,
}

#[derive(Deserialize)]
struct PortInfo {
    port: String,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    name: String,
}

impl Redirect {
    /// Group, version, kind and plural.
    pub const RESOURCE: (&'static str, &'static str, &'static str, &'static str) =
        ("cilium.io", "v2", "CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies");
}

impl Watched for Redirect {
    type Object = DynamicObject;
    const NOUN: &'static str = "local redirect policies";

    /// A policy that says nothing is kept, so that people are told why.
    fn from_object(object: &DynamicObject) -> Result<Self, Malformed> {
        let name = name(object);
        let created = object.creation_timestamp().map_or(0, |time| time.0.as_second());
        let rule = rule(&name, object);
        Ok(Self { name, created, rule })
    }

    fn key(&self) -> String {
        self.name.to_string()
    }
}

fn mistake(field: &'static str, fault: Fault) -> Mistake {
    Mistake { field, fault }
}

fn rule(policy: &ObjectName, object: &DynamicObject) -> Result<RedirectRule, Mistake> {
    let json = object.data.get("spec").ok_or(mistake(SPEC, Fault::Missing))?;
    let spec = Spec::deserialize(json).map_err(|_| mistake(SPEC, Fault::WrongType))?;
    let frontend = spec.redirect_frontend.ok_or(mistake(FRONTEND, Fault::Missing))?;
    let backend = spec.redirect_backend.ok_or(mistake(BACKEND, Fault::Missing))?;
    if !backend.override_ip.is_empty() {
        return Err(mistake(OVERRIDE, Fault::Unsupported));
    }
    let selected = backend.local_endpoint_selector.ok_or(mistake(SELECTOR, Fault::Missing))?;
    Ok(RedirectRule {
        from: from(policy, frontend)?,
        selector: selector(selected).ok_or(mistake(SELECTOR, Fault::NotASelector))?,
        to: needed(&backend.to_ports, BACKEND_PORTS)?,
        skips_backend: spec.skip_redirect_from_backend,
    })
}

fn from(policy: &ObjectName, frontend: Frontend) -> Result<RedirectFrom, Mistake> {
    match (frontend.address_matcher, frontend.service_matcher) {
        (None, None) => Err(mistake(FRONTEND, Fault::Missing)),
        (Some(_), Some(_)) => Err(mistake(FRONTEND, Fault::Ambiguous)),
        (Some(matcher), None) => {
            let address = matcher.ip.trim().parse::<IpAddr>();
            let address = address.map_err(|_| mistake(ADDRESS, Fault::NotAnAddress))?;
            let ports = needed(&matcher.to_ports, ADDRESS_PORTS)?;
            if ports.iter().any(|port| matches!(port.port, PortId::Name(_))) {
                return Err(mistake(ADDRESS_PORTS, Fault::NotAPort));
            }
            Ok(RedirectFrom::Address { address, ports })
        }
        (None, Some(matcher)) => {
            if matcher.service_name.is_empty() {
                return Err(mistake(SERVICE, Fault::Missing));
            }
            let namespace = match matcher.namespace.as_str() {
                "" => Arc::clone(&policy.namespace),
                written => written.into(),
            };
            let name = ObjectName::new(namespace, matcher.service_name);
            Ok(RedirectFrom::Service { name, ports: ports(&matcher.to_ports, SERVICE_PORTS)? })
        }
    }
}

fn needed(all: &[PortInfo], field: &'static str) -> Result<Vec<RedirectPort>, Mistake> {
    if all.is_empty() {
        return Err(mistake(field, Fault::Missing));
    }
    ports(all, field)
}

fn ports(all: &[PortInfo], field: &'static str) -> Result<Vec<RedirectPort>, Mistake> {
    all.iter().map(|info| port(info).map_err(|fault| mistake(field, fault))).collect()
}

/// A port that is all digits is a number. No name of a port is (RFC 6335), so others are names.
fn port(info: &PortInfo) -> Result<RedirectPort, Fault> {
    let text = info.port.as_str();
    let port = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        PortId::Number(text.parse().map_err(|_| Fault::NotAPort)?)
    } else {
        PortId::Name(text.into())
    };
    let protocol = match info.protocol.as_str() {
        "" | "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        _ => return Err(Fault::NotAProtocol),
    };
    Ok(RedirectPort { port, protocol, name: info.name.as_str().into() })
}

fn selector(written: LabelSelector) -> Option<Selector> {
    let labels: BTreeMap<String, String> = written.match_labels.unwrap_or_default();
    let equal = |(key, value)| Some(Requirement { key, test: Test::In(vec![value]) });
    let expressions = written.match_expressions.into_iter().flatten().map(|one| {
        let values = one.values.unwrap_or_default();
        let test = match (one.operator.as_str(), values.is_empty()) {
            ("In", false) => Test::In(values),
            ("NotIn", false) => Test::NotIn(values),
            ("Exists", true) => Test::Exists,
            ("DoesNotExist", true) => Test::Absent,
            _ => return None,
        };
        Some(Requirement { key: one.key, test })
    });
    let requirements = labels.into_iter().map(equal).chain(expressions);
    Some(Selector { requirements: requirements.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> Redirect {
        let object = json!({
            "apiVersion": "cilium.io/v2", "kind": "CiliumLocalRedirectPolicy",
            "metadata": {
                "name": "dns", "namespace": "kube-system",
                "creationTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": spec,
        });
        Redirect::from_object(&serde_json::from_value(object).expect("an object")).expect("read")
    }

    fn backend() -> Value {
        json!({
            "localEndpointSelector": {
                "matchLabels": { "app": "dns" },
                "matchExpressions": [{ "key": "old", "operator": "DoesNotExist" }],
            },
            "toPorts": [{ "port": "53", "protocol": "UDP", "name": "dns" }, { "port": "web" }],
        })
    }

    #[test]
    fn all_fields_are_read() {
        let service = json!({ "serviceMatcher": {
            "serviceName": "kube-dns", "namespace": "kube-system",
            "toPorts": [{ "port": "53", "protocol": "UDP", "name": "dns" }],
        } });
        let policy = read(json!({
            "description": "near", "skipRedirectFromBackend": true,
            "redirectFrontend": service, "redirectBackend": backend(),
        }));
        assert_eq!((policy.key().as_str(), policy.created), ("kube-system/dns", 1_767_323_045));
        let rule = policy.rule.expect("a rule");
        assert!(rule.skips_backend);
        let RedirectFrom::Service { name, ports } = &rule.from else { panic!("{rule:?}") };
        assert_eq!((name.to_string().as_str(), ports.len()), ("kube-system/kube-dns", 1));
        let to: Vec<_> = rule.to.iter().map(|one| (one.port.to_string(), one.protocol)).collect();
        assert_eq!(to, [("53".into(), Protocol::Udp), ("web".into(), Protocol::Tcp)]);
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        assert!(rule.selector.matches(&labels(&[("app", "dns")])));
        assert!(!rule.selector.matches(&labels(&[("app", "dns"), ("old", "")])));
    }

    #[test]
    fn a_service_without_a_namespace_is_in_that_of_the_policy() {
        let frontend = json!({ "serviceMatcher": { "serviceName": "kube-dns" } });
        let policy = read(json!({ "redirectFrontend": frontend, "redirectBackend": backend() }));
        let Ok(RedirectRule { from: RedirectFrom::Service { name, ports }, .. }) = policy.rule
        else {
            panic!("{policy:?}")
        };
        assert_eq!((name.to_string().as_str(), ports.len()), ("kube-system/kube-dns", 0));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_field() {
        let address = |ip: &str, port: &str, protocol: &str| {
            json!({ "addressMatcher": {
                "ip": ip, "toPorts": [{ "port": port, "protocol": protocol }],
            } })
        };
        let good = address("169.254.169.254", "80", "TCP");
        let both = json!({
            "addressMatcher": good["addressMatcher"], "serviceMatcher": { "serviceName": "a" },
        });
        let with = |field: &str, value: Value| {
            let mut backend = backend();
            backend[field] = value;
            backend
        };
        let bad = json!({ "matchExpressions": [{ "key": "a", "operator": "In" }] });
        let table = [
            (json!({}), backend(), FRONTEND, Fault::Missing),
            (Value::Null, backend(), FRONTEND, Fault::Missing),
            (both, backend(), FRONTEND, Fault::Ambiguous),
            (address("nonsense", "80", "TCP"), backend(), ADDRESS, Fault::NotAnAddress),
            (address("fd00::1", "0", "TCP"), backend(), ADDRESS_PORTS, Fault::NotAPort),
            (address("fd00::1", "65536", "TCP"), backend(), ADDRESS_PORTS, Fault::NotAPort),
            (address("fd00::1", "web", "TCP"), backend(), ADDRESS_PORTS, Fault::NotAPort),
            (address("fd00::1", "80", "SCTP"), backend(), ADDRESS_PORTS, Fault::NotAProtocol),
            (json!({ "serviceMatcher": {} }), backend(), SERVICE, Fault::Missing),
            (good.clone(), Value::Null, BACKEND, Fault::Missing),
            (good.clone(), with("toPorts", json!([])), BACKEND_PORTS, Fault::Missing),
            (good.clone(), with("toPorts", json!([1])), SPEC, Fault::WrongType),
            (good.clone(), with("localEndpointSelector", bad), SELECTOR, Fault::NotASelector),
            (good, with("overrideIP", "10.0.0.1".into()), OVERRIDE, Fault::Unsupported),
        ];
        for (frontend, backend, field, fault) in table {
            let policy = read(json!({ "redirectFrontend": frontend, "redirectBackend": backend }));
            assert_eq!(policy.rule, Err(mistake(field, fault)), "{field}");
        }
    }
}
