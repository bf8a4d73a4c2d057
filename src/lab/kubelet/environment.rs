//! A container's environment variables.

use std::env;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};
use kube::ResourceExt;

use super::{host::Host, sandbox::Sandbox};
use crate::lab::state::inside;

/// Where programs are found when the machine does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the environment of a container's processes, and of commands run in it.
///
/// Nothing of the lab's own environment leaks in, but for the search path: programs are the
/// machine's. skep itself is always found.
pub(super) fn variables(
    host: &Host,
    pod: &Pod,
    container: &Container,
    sandbox: &Sandbox,
) -> Vec<(String, String)> {
    let (address, port) = host.api_server();
    let path = env::var("PATH").unwrap_or_else(|_| PATH.to_owned());
    let mut all: Vec<(String, String)> = [
        ("PATH", format!("{}:{path}", inside::BIN)),
        ("HOME", "/root".into()),
        ("HOSTNAME", pod.name_any()),
        ("KUBERNETES_SERVICE_HOST", address.to_string()),
        ("KUBERNETES_SERVICE_PORT", port.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let namespace = pod.namespace().unwrap_or_default();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let map = source.config_map_ref.as_ref();
        let map = map.and_then(|map| host.shared.cluster.config_maps.one(&namespace, &map.name));
        for (key, value) in map.iter().filter_map(|map| map.data.as_ref()).flatten() {
            all.push((format!("{prefix}{key}"), value.clone()));
        }
        let secret = source.secret_ref.as_ref();
        let secret = secret.and_then(|one| host.shared.cluster.secrets.one(&namespace, &one.name));
        for (key, value) in secret.iter().filter_map(|secret| secret.data.as_ref()).flatten() {
            all.push((format!("{prefix}{key}"), String::from_utf8_lossy(&value.0).into_owned()));
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => expand(value, &all),
            (None, Some(source)) => from_source(host, pod, sandbox, source).unwrap_or_default(),
            (None, None) => String::new(),
        };
        all.push((variable.name.clone(), value));
    }
    all
}

/// Replaces `$(NAME)` by the value of an earlier variable; `$$` stands for a dollar sign.
fn expand(text: &str, known: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let named = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        let found = named.and_then(|(name, after)| {
            let (_, value) = known.iter().rev().find(|(key, _)| key == name)?;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => out.push('$'),
        }
    }
    out.push_str(rest);
    out
}

fn from_source(host: &Host, pod: &Pod, sandbox: &Sandbox, source: &EnvVarSource) -> Option<String> {
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(field) = &source.field_ref {
        return from_field(host, pod, sandbox, &field.field_path);
    }
    if let Some(key) = &source.config_map_key_ref {
        let map = host.shared.cluster.config_maps.one(&namespace, &key.name)?;
        return map.data.as_ref()?.get(&key.key).cloned();
    }
    let key = source.secret_key_ref.as_ref()?;
    let secret = host.shared.cluster.secrets.one(&namespace, &key.name)?;
    let value = secret.data.as_ref()?.get(&key.key)?;
    Some(String::from_utf8_lossy(&value.0).into_owned())
}

fn from_field(host: &Host, pod: &Pod, sandbox: &Sandbox, path: &str) -> Option<String> {
    let inside = |text: &str, name: &str| {
        let key = text.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']")?;
        Some(key.to_owned())
    };
    if let Some(key) = inside(path, "metadata.labels") {
        return pod.labels().get(&key).cloned();
    }
    if let Some(key) = inside(path, "metadata.annotations") {
        return pod.annotations().get(&key).cloned();
    }
    let list = |ips: &mut dyn Iterator<Item = std::net::IpAddr>| {
        ips.map(|ip| ip.to_string()).collect::<Vec<_>>().join(",")
    };
    match path {
        "metadata.name" => Some(pod.name_any()),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "spec.nodeName" => Some(host.name().to_owned()),
        "spec.serviceAccountName" => pod.spec.as_ref()?.service_account_name.clone(),
        "status.hostIP" => host.plan.ips().next().map(|ip| ip.to_string()),
        "status.hostIPs" => Some(list(&mut host.plan.ips())),
        "status.podIP" => sandbox.addresses.first().map(ToString::to_string),
        "status.podIPs" => Some(list(&mut sandbox.addresses.iter().copied())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_expand_to_earlier_variables_and_others_stay() {
        let known = [("A".to_owned(), "1".to_owned()), ("A".to_owned(), "2".to_owned())];
        for (text, expected) in
            [("x$(A)y", "x2y"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$", "$"), ("$(A", "$(A")]
        {
            assert_eq!(expand(text, &known), expected, "{text}");
        }
    }
}
