//! Renders kubeconfig files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::certificate::Certified;

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A client certificate.
    Certificate(Certified),
    /// A bearer token.
    Token(String),
}

/// The parts of a kubeconfig with one cluster and one user.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// Name of the cluster and the context.
    pub cluster: String,
    /// URL of the API server.
    pub server: String,
    /// PEM of the authority that signed the server's certificate.
    pub authority_pem: String,
    /// Name of the user.
    pub user: String,
    /// The user's credential.
    pub credential: Credential,
    /// Default namespace of the context.
    pub namespace: Option<String>,
}

impl Kubeconfig {
    /// Returns the file's text (JSON, which is YAML too).
    pub fn render(&self) -> String {
        let user = match &self.credential {
            Credential::Certificate(certified) => json!({
                "client-certificate-data": STANDARD.encode(certified.certificate_pem()),
                "client-key-data": STANDARD.encode(certified.key_pem()),
            }),
            Credential::Token(token) => json!({ "token": token }),
        };
        let mut context = json!({ "cluster": self.cluster, "user": self.user });
        if let Some(namespace) = &self.namespace {
            context["namespace"] = Value::from(namespace.as_str());
        }
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.cluster, "cluster": {
                "server": self.server,
                "certificate-authority-data": STANDARD.encode(&self.authority_pem),
            }}],
            "users": [{"name": self.user, "user": user}],
            "contexts": [{"name": self.cluster, "context": context}],
            "current-context": self.cluster,
        });
        serde_yaml::to_string(&config).expect("a tree of strings serialises")
    }
}
