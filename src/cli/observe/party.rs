//! Parties, as JSON and tables show them.

use std::fmt;

use serde::Serialize;

use crate::flows::edges::Party;

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartyView {
    /// Deployment, Pod, Service, Reserved, Name, Address and so on.
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

impl PartyView {
    pub(crate) fn of(party: &Party) -> Self {
        Self {
            kind: party.kind().to_owned(),
            namespace: party.namespace().map(str::to_owned),
            name: party.name().to_owned(),
        }
    }
}

impl fmt::Display for PartyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
