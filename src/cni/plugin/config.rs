//! The configuration on standard input.

use std::{
    io::{self, Read},
    net::IpAddr,
    path::PathBuf,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{VERSIONS, failure::code};
use crate::cni::wire::{AttachmentKey, Failure};

/// Longest configuration. A GC list of a full node has some hundred bytes per container.
const LIMIT: u64 = 1 << 20;

/// What is thrown away of a longer one, so that the runtime's write does not fail first.
const DRAIN: u64 = 64 << 20;

/// Socket of the agent unless the configuration names another.
const DEFAULT_SOCKET: &str = "/run/skep/cni.sock";

/// The plugin's entry of the network list, checked.
#[derive(Debug)]
pub(super) struct NetworkConfig {
    pub(super) version: &'static str,
    pub(super) socket: PathBuf,
    pub(super) previous: Option<Map<String, Value>>,
    pub(super) valid: Option<Vec<AttachmentKey>>,
    runtime: RuntimeConfig,
}

/// What the runtime adds per pod. Runtimes write Go's field names where the specification has
/// lower case, so both are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuntimeConfig {
    #[serde(rename = "portMappings")]
    port_mappings: Vec<PortMapping>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read to check the types; host ports are refused so far")]
struct PortMapping {
    #[serde(rename = "hostPort", alias = "HostPort")]
    host_port: u16,
    #[serde(rename = "containerPort", alias = "ContainerPort")]
    container_port: u16,
    #[serde(rename = "protocol", alias = "Protocol", default)]
    protocol: String,
    #[serde(rename = "hostIP", alias = "HostIP", default)]
    host_ip: String,
}

#[derive(Deserialize)]
struct ValidAttachment {
    #[serde(rename = "containerID")]
    container_id: String,
    ifname: String,
}

/// Reads standard input, up to the limit.
pub(super) fn read() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock();
    let read = input.by_ref().take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|e| {
        Failure::new(code::IO_FAILURE, "cannot read the network configuration").because(&e)
    })?;
    if bytes.len() as u64 > LIMIT {
        drop(io::copy(&mut input.take(DRAIN), &mut io::sink()));
        let msg = format!("the network configuration is longer than {LIMIT} bytes");
        return Err(Failure::new(code::DECODE_FAILURE, msg));
    }
    Ok(bytes)
}

/// Returns the version in which errors about this configuration are told.
pub(super) fn version_of(bytes: &[u8]) -> &'static str {
    let parsed: Option<Map<String, Value>> = serde_json::from_slice(bytes).ok();
    let asked = parsed.as_ref().and_then(|map| map.get("cniVersion")?.as_str());
    VERSIONS.into_iter().find(|known| Some(*known) == asked).unwrap_or("1.0.0")
}

impl NetworkConfig {
    /// Parses and checks a configuration.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        // The parser's message would quote the input; only the place is told.
        let map: Map<String, Value> = serde_json::from_slice(bytes).map_err(|e| {
            let place = format!("line {} column {}", e.line(), e.column());
            let msg = if e.is_data() {
                "the network configuration is not a JSON object".to_owned()
            } else {
                format!("the network configuration is not valid JSON at {place}")
            };
            Failure::new(code::DECODE_FAILURE, msg)
        })?;
        let version = field::<String>(&map, "cniVersion", "a string")?
            .ok_or_else(|| invalid("cniVersion is missing"))?;
        let version = VERSIONS.into_iter().find(|known| *known == version).ok_or_else(|| {
            let msg = format!("cniVersion is not one of {}", VERSIONS.join(", "));
            Failure::new(code::INCOMPATIBLE_VERSION, msg)
        })?;
        let name = field::<String>(&map, "name", "a string")?.unwrap_or_default();
        if !valid_network_name(&name) {
            return Err(invalid("name is missing or not a network name"));
        }
        let socket = field::<PathBuf>(&map, "socket", "a path")?;
        let socket = socket.unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
        if !socket.is_absolute() {
            return Err(invalid("socket is not an absolute path"));
        }
        let valid: Option<Vec<ValidAttachment>> =
            field(&map, "cni.dev/valid-attachments", "a list of attachments")?;
        Ok(Self {
            version,
            socket,
            previous: field(&map, "prevResult", "an object")?,
            valid: valid.map(|all| all.into_iter().map(AttachmentKey::from).collect()),
            runtime: field(&map, "runtimeConfig", "an object as the conventions define it")?
                .unwrap_or_default(),
        })
    }

    /// Refuses what a pod would silently miss.
    pub(super) fn refuse_unsupported(&self) -> Result<(), Failure> {
        if self.runtime.port_mappings.is_empty() {
            return Ok(());
        }
        let msg = "runtimeConfig.portMappings: skep does not map host ports; \
                   add the portmap plugin to the network list";
        Err(Failure::new(code::UNSUPPORTED_FIELD, msg))
    }

    /// Returns the addresses that the previous result tells for an interface.
    pub(super) fn previous_addresses(&self) -> Vec<IpAddr> {
        let ips = self.previous.as_ref().and_then(|previous| previous.get("ips")?.as_array());
        let texts = ips.into_iter().flatten().filter_map(|ip| ip.get("address")?.as_str());
        texts.filter_map(|text| text.split('/').next()?.parse().ok()).collect()
    }
}

impl From<ValidAttachment> for AttachmentKey {
    fn from(valid: ValidAttachment) -> Self {
        Self { container_id: valid.container_id, ifname: valid.ifname }
    }
}

/// Takes a field by type; null counts as absent.
fn field<T: DeserializeOwned>(
    map: &Map<String, Value>,
    key: &str,
    expected: &str,
) -> Result<Option<T>, Failure> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|_| invalid(&format!("{key} is not {expected}"))),
    }
}

fn valid_network_name(name: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(ok)
}

fn invalid(reason: &str) -> Failure {
    Failure::new(code::INVALID_CONFIG, format!("network configuration: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> u32 {
        NetworkConfig::parse(text.as_bytes()).map_or_else(|failure| failure.code, |_| 0)
    }

    #[test]
    fn each_mistake_has_its_code() {
        let cases = [
            (r#"{"cniVersion":"1.0.0","name":"skep","type":"skep-cni","junk":{"a":[1]}}"#, 0),
            (r#"{"cniVersion":"0.3.1","name":"skep","prevResult":null}"#, 0),
            ("", 6),
            ("{", 6),
            ("[]", 6),
            ("\u{0}", 6),
            (r#"{"cniVersion":"9.9.9","name":"skep"}"#, 1),
            (r#"{"cniVersion":"0.2.0","name":"skep"}"#, 1),
            (r#"{"name":"skep"}"#, 7),
            (r#"{"cniVersion":1,"name":"skep"}"#, 7),
            (r#"{"cniVersion":"1.0.0"}"#, 7),
            (r#"{"cniVersion":"1.0.0","name":"../x"}"#, 7),
            (r#"{"cniVersion":"1.0.0","name":"skep","socket":"x.sock"}"#, 7),
            (r#"{"cniVersion":"1.0.0","name":"skep","prevResult":[1]}"#, 7),
            (r#"{"cniVersion":"1.0.0","name":"skep","runtimeConfig":{"portMappings":3}}"#, 7),
            (r#"{"cniVersion":"1.1.0","name":"skep","cni.dev/valid-attachments":[{}]}"#, 7),
        ];
        for (text, code) in cases {
            assert_eq!(code_of(text), code, "{text}");
        }
    }

    #[test]
    fn host_ports_are_refused_in_both_spellings() {
        for port in [
            r#"{"HostPort":80,"ContainerPort":80,"Protocol":"tcp","HostIP":""}"#,
            r#"{"hostPort":80,"containerPort":80,"protocol":"tcp"}"#,
        ] {
            let text = format!(
                r#"{{"cniVersion":"1.0.0","name":"n","runtimeConfig":{{"portMappings":[{port}]}}}}"#
            );
            let config = NetworkConfig::parse(text.as_bytes()).unwrap();
            assert_eq!(config.refuse_unsupported().unwrap_err().code, 2);
        }
    }

    #[test]
    fn errors_do_not_quote_the_configuration() {
        let failure = NetworkConfig::parse(br#"{"token":"s3cret","cniVersion":s3cret}"#);
        assert!(!format!("{failure:?}").contains("s3cret"));
    }
}
