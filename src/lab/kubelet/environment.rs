//! A container's environment variables.

use std::env;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVarSource, Pod};
use kube::ResourceExt;

use super::{
    field::{self, Missing},
    host::Host,
    sandbox::Sandbox,
    service_links,
};
use crate::lab::state::inside;

/// Where programs are found when the machine does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables, in order; later ones win.
pub(super) type Variables = Vec<(String, String)>;

/// Returns the environment of a container's processes, and of commands run in it.
///
/// Nothing of the lab's own environment leaks in, but for the search path: programs are the
/// machine's. skep itself is always found.
///
/// # Errors
/// A config map, secret or key that must be there is not.
pub(super) fn variables(
    host: &Host,
    pod: &Pod,
    container: &Container,
    sandbox: &Sandbox,
) -> Result<Variables, Missing> {
    let (address, port) = host.api_server();
    let path = env::var("PATH").unwrap_or_else(|_| PATH.to_owned());
    let hostname = pod.spec.as_ref().and_then(|spec| spec.hostname.clone());
    let mut all: Variables = [
        ("PATH", format!("{}:{path}", inside::BIN)),
        ("HOME", "/root".into()),
        ("HOSTNAME", hostname.unwrap_or_else(|| pod.name_any())),
        // As images trust the authorities of the internet: OpenSSL, Go and others; curl.
        ("SSL_CERT_FILE", inside::WORLD_AUTHORITY.into()),
        ("CURL_CA_BUNDLE", inside::WORLD_AUTHORITY.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.extend(service_links::variables(host, pod));
    all.extend([
        ("KUBERNETES_SERVICE_HOST".to_owned(), address.to_string()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_string()),
    ]);
    for source in container.env_from.iter().flatten() {
        all.extend(from_all(host, pod, source)?);
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &all)),
            (None, Some(source)) => from_source(host, pod, container, sandbox, source)?,
            (None, None) => Some(String::new()),
        };
        all.extend(value.map(|value| (variable.name.clone(), value)));
    }
    Ok(all)
}

/// Takes every key of a config map or a secret.
fn from_all(host: &Host, pod: &Pod, source: &EnvFromSource) -> Result<Variables, Missing> {
    let prefix = source.prefix.clone().unwrap_or_default();
    let namespace = pod.namespace().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(reference) = &source.config_map_ref {
        match host.shared.cluster.config_maps.one(&namespace, &reference.name) {
            Some(map) => found.extend(map.data.clone().unwrap_or_default()),
            None if reference.optional == Some(true) => {}
            None => return Err(Missing::ConfigMap { name: reference.name.clone() }),
        }
    }
    if let Some(reference) = &source.secret_ref {
        match host.shared.cluster.secrets.one(&namespace, &reference.name) {
            Some(secret) => {
                let data = secret.data.clone().unwrap_or_default();
                let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
                found.extend(data.into_iter().map(|(key, value)| (key, text(value.0))));
            }
            None if reference.optional == Some(true) => {}
            None => return Err(Missing::Secret { name: reference.name.clone() }),
        }
    }
    Ok(found.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)).collect())
}

/// Takes one value; none when it is optional and absent.
fn from_source(
    host: &Host,
    pod: &Pod,
    container: &Container,
    sandbox: &Sandbox,
    source: &EnvVarSource,
) -> Result<Option<String>, Missing> {
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(reference) = &source.field_ref {
        let addresses = &sandbox.addresses;
        return Ok(Some(
            field::of_pod(host, pod, addresses, &reference.field_path).unwrap_or_default(),
        ));
    }
    if let Some(reference) = &source.resource_field_ref {
        let divisor = reference.divisor.as_ref().map_or("", |divisor| divisor.0.as_str());
        return Ok(field::of_resources(container, &reference.resource, divisor));
    }
    if let Some(key) = &source.config_map_key_ref {
        let map = host.shared.cluster.config_maps.one(&namespace, &key.name);
        let optional = key.optional == Some(true);
        return match map.as_ref().map(|map| map.data.as_ref().and_then(|data| data.get(&key.key))) {
            Some(Some(value)) => Ok(Some(value.clone())),
            _ if optional => Ok(None),
            None => Err(Missing::ConfigMap { name: key.name.clone() }),
            Some(None) => Err(Missing::key("ConfigMap", &namespace, &key.name, &key.key)),
        };
    }
    let Some(key) = &source.secret_key_ref else { return Ok(None) };
    let secret = host.shared.cluster.secrets.one(&namespace, &key.name);
    let optional = key.optional == Some(true);
    match secret.as_ref().map(|one| one.data.as_ref().and_then(|data| data.get(&key.key))) {
        Some(Some(value)) => Ok(Some(String::from_utf8_lossy(&value.0).into_owned())),
        _ if optional => Ok(None),
        None => Err(Missing::Secret { name: key.name.clone() }),
        Some(None) => Err(Missing::key("Secret", &namespace, &key.name, &key.key)),
    }
}

/// Replaces `$(NAME)` by the value of an earlier variable; `$$` stands for a dollar sign.
pub(super) fn expand(text: &str, known: &[(String, String)]) -> String {
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
