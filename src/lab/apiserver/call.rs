//! One request for a resource, parsed.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, header};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::accept::Form;
use super::catalog::Catalog;
use super::ownership::Writer;
use super::path::{Parameters, ResourcePath};
use super::refusal::Refusal;
use super::resource::Resource;
use super::store::Key;
use super::user::User;

/// Whether a write is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Store,
    DryRun,
}

/// What happens to fields the kind does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// One request for a resource.
pub(super) struct Call {
    pub(super) catalog: Arc<Catalog>,
    pub(super) resource: Arc<Resource>,
    /// The resource that the path names, if `resource` has its objects under other names.
    pub(super) view: Option<Arc<Resource>>,
    pub(super) path: ResourcePath,
    pub(super) parameters: Parameters,
    pub(super) form: Form,
    pub(super) user: User,
    pub(super) user_agent: String,
    /// Ends the connection.
    pub(super) hang_up: CancellationToken,
    warnings: Mutex<Vec<String>>,
}

impl Call {
    pub(super) fn new(
        catalog: Arc<Catalog>,
        path: ResourcePath,
        mut parameters: Parameters,
        headers: &HeaderMap,
        user: User,
        hang_up: CancellationToken,
    ) -> Result<Self, Refusal> {
        let resource = catalog.at(&path).cloned().ok_or(Refusal::NoResource)?;
        if path.namespace.is_some() && !resource.namespaced {
            return Err(Refusal::NoResource);
        }
        let behind = resource.alias.and_then(|alias| {
            parameters.change("fieldSelector", |text| alias.selector(text));
            catalog.by_id(alias.of)
        });
        let (resource, view) = match behind {
            Some(behind) => (Arc::clone(behind), Some(resource)),
            None => (resource, None),
        };
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
        let connects = path
            .subresource
            .as_deref()
            .is_some_and(|sub| matches!(sub, "exec" | "attach" | "portforward" | "log" | "proxy"));
        let form = if connects { Form::Json } else { Form::negotiate(text(header::ACCEPT))? };
        let user_agent = text(header::USER_AGENT).unwrap_or_default().to_owned();
        let warnings = Mutex::default();
        Ok(Self {
            catalog,
            resource,
            view,
            path,
            parameters,
            form,
            user,
            user_agent,
            hang_up,
            warnings,
        })
    }

    /// Returns the namespace of the path, empty for cluster-scoped kinds and for all namespaces.
    pub(super) fn namespace(&self) -> &str {
        self.path.namespace.as_deref().unwrap_or_default()
    }

    /// Returns the name in the path.
    pub(super) fn name(&self) -> Result<&str, Refusal> {
        self.path.name.as_deref().ok_or(Refusal::MethodNotAllowed)
    }

    pub(super) fn key(&self) -> Result<Key, Refusal> {
        if self.resource.namespaced && self.path.namespace.is_none() {
            return Err(Refusal::NoResource);
        }
        Ok(Key::new(self.namespace(), self.name()?))
    }

    /// Returns the one name that a list or watch is narrowed to: whoever may read that object only, may list it.
    pub(super) fn selected_name(&self) -> Option<&str> {
        let selector = self.parameters.text("fieldSelector")?;
        let name = selector.split(',').find_map(|part| part.strip_prefix("metadata.name="))?;
        Some(name.strip_prefix('=').unwrap_or(name))
    }

    pub(super) fn subresource(&self) -> &str {
        self.path.subresource.as_deref().unwrap_or_default()
    }

    pub(super) fn not_found(&self, name: &str) -> Refusal {
        Refusal::NotFound(self.resource.target(name))
    }

    pub(super) fn effect(&self) -> Result<Effect, Refusal> {
        match self.parameters.text("dryRun") {
            None => Ok(Effect::Store),
            Some("All") => Ok(Effect::DryRun),
            Some(other) => Err(Refusal::BadRequest(format!("Invalid value of dryRun: {other:?}"))),
        }
    }

    pub(super) fn field_validation(&self) -> Result<FieldValidation, Refusal> {
        match self.parameters.text("fieldValidation") {
            None | Some("Warn") => Ok(FieldValidation::Warn),
            Some("Strict") => Ok(FieldValidation::Strict),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => {
                Err(Refusal::BadRequest(format!("invalid value of fieldValidation: {other:?}")))
            }
        }
    }

    /// Adds warnings for the client's user.
    pub(super) fn warn(&self, warnings: impl IntoIterator<Item = String>) {
        let mut all = self.warnings.lock().expect("no holder panics");
        for warning in warnings {
            if all.len() < 32 && !all.contains(&warning) {
                all.push(warning);
            }
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().expect("no holder panics").clone()
    }

    /// Turns the body of a request into one about the objects behind the view.
    pub(super) fn inward(&self, mut body: Value) -> Value {
        if let Some(alias) = self.view.as_ref().and_then(|view| view.alias) {
            alias.inward(&mut body, &self.resource);
        }
        body
    }

    /// Returns who owns the fields that this call writes.
    pub(super) fn writer(&self) -> Writer {
        let agent = self.user_agent.split('/').next().filter(|a| !a.is_empty());
        let manager = self.parameters.text("fieldManager").or(agent).unwrap_or("unknown");
        Writer {
            manager: manager.chars().take(128).collect(),
            api_version: self.resource.api_version(),
            subresource: self.subresource().to_owned(),
            time: super::metadata::now(),
        }
    }
}
