//! The form of an answer: plain objects, tables, or metadata only.

use super::refusal::Refusal;

/// How objects are written in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// `meta.k8s.io` Table.
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

/// How discovery is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DiscoveryForm {
    Legacy,
    Aggregated,
    AggregatedBeta,
}

const ACCEPTED: &str = "application/json, application/yaml";

/// One entry of an Accept header.
struct Entry<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Entry<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn is_json(&self) -> bool {
        matches!(self.media, "application/json" | "application/*" | "*/*")
    }
}

fn entries(accept: &str) -> impl Iterator<Item = Entry<'_>> {
    accept.split(',').map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        Entry {
            media: parts.next().unwrap_or_default(),
            parameters: parts.filter_map(|part| part.split_once('=')).collect(),
        }
    })
}

impl Form {
    /// Takes the first entry of the header that this server can write.
    pub(super) fn negotiate(accept: Option<&str>) -> Result<Self, Refusal> {
        let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else { return Ok(Self::Json) };
        entries(accept)
            .filter(Entry::is_json)
            .find_map(|entry| match entry.parameter("as") {
                None => Some(Self::Json),
                Some("Table") => Some(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Metadata),
                Some(_) => None,
            })
            .ok_or(Refusal::NotAcceptable { accepted: ACCEPTED })
    }
}

impl DiscoveryForm {
    pub(super) fn negotiate(accept: Option<&str>) -> Self {
        entries(accept.unwrap_or_default())
            .filter(Entry::is_json)
            .find_map(|entry| match (entry.parameter("as"), entry.parameter("v")) {
                (Some("APIGroupDiscoveryList"), Some("v2")) => Some(Self::Aggregated),
                (Some("APIGroupDiscoveryList"), Some("v2beta1")) => Some(Self::AggregatedBeta),
                (None, _) => Some(Self::Legacy),
                _ => None,
            })
            .unwrap_or(Self::Legacy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_the_server_can_write_wins() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        for (accept, form) in [
            (None, Form::Json),
            (Some("application/json, */*"), Form::Json),
            (Some(table), Form::Table),
            (Some("application/vnd.kubernetes.protobuf,application/json"), Form::Json),
            (Some("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"), Form::Metadata),
        ] {
            assert_eq!(Form::negotiate(accept).unwrap(), form, "{accept:?}");
        }
        assert!(Form::negotiate(Some("application/vnd.kubernetes.protobuf")).is_err());
    }

    #[test]
    fn discovery_is_aggregated_when_asked_for() {
        let kubectl =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(DiscoveryForm::negotiate(Some(kubectl)), DiscoveryForm::Aggregated);
        assert_eq!(DiscoveryForm::negotiate(Some("application/json, */*")), DiscoveryForm::Legacy);
        assert_eq!(DiscoveryForm::negotiate(None), DiscoveryForm::Legacy);
    }
}
