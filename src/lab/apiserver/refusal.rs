//! Refusals: why a request is answered with a `Status`, and the bodies of such answers.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::store::WriteError;

/// One field-level reason of an invalid object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`...
    pub(super) reason: &'static str,
    /// What is wrong, without the field's name.
    pub(super) message: String,
    /// Path of the field.
    pub(super) field: String,
}

impl Cause {
    pub(super) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    pub(super) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        let message = format!("Invalid value: {value}: {detail}");
        Self { reason: "FieldValueInvalid", message, field: field.into() }
    }

    pub(super) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        let message = format!("Duplicate value: {value}");
        Self { reason: "FieldValueDuplicate", message, field: field.into() }
    }

    pub(super) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        let message =
            format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    /// A value of more bytes than fit.
    pub(super) fn too_long(field: impl Into<String>, most: usize) -> Self {
        let message = format!("Too long: may not be more than {most} bytes");
        Self { reason: "FieldValueTooLong", message, field: field.into() }
    }

    pub(super) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        let message = format!("Forbidden: {detail}");
        Self { reason: "FieldValueForbidden", message, field: field.into() }
    }
}

/// Names the object or collection a refusal is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) name: String,
}

impl Target {
    /// `deployments.apps "x"`, as messages name an object, or `deployments.apps` for a collection.
    fn resource(&self) -> String {
        let plural = match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        };
        if self.name.is_empty() { plural } else { format!("{plural} \"{}\"", self.name) }
    }

    fn kind(&self) -> String {
        match self.group.as_str() {
            "" => format!("{} \"{}\"", self.kind, self.name),
            group => format!("{}.{group} \"{}\"", self.kind, self.name),
        }
    }
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedElsewhere {
    /// The owner as the message shows it.
    pub(super) manager: String,
    /// The field's path with a leading dot.
    pub(super) field: String,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{} not found", .0.resource())]
    NotFound(Target),
    #[error("the server could not find the requested resource")]
    NoResource,
    #[error("{} already exists", .0.resource())]
    AlreadyExists(Target),
    #[error("Operation cannot be fulfilled on {}: {detail}", .target.resource())]
    Conflict { target: Target, detail: String },
    #[error("{}", apply_message(.0))]
    ApplyConflict(Vec<OwnedElsewhere>),
    #[error("{}", invalid_message(.target, .causes))]
    Invalid { target: Target, causes: Vec<Cause> },
    #[error("{0}")]
    BadRequest(String),
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    #[error("Unauthorized")]
    Unauthorized,
    #[error("{} is forbidden: {detail}", .target.resource())]
    Forbidden { target: Target, detail: String },
    #[error("forbidden: {0}")]
    ForbiddenPath(String),
    #[error("only the following media types are accepted: {accepted}")]
    NotAcceptable { accepted: &'static str },
    #[error(
        "the body of the request was in an unknown format - accepted media types include: {accepted}"
    )]
    UnsupportedMedia { accepted: &'static str },
    #[error("{0}")]
    Expired(String),
    #[error("Cannot evict pod as it would violate the pod's disruption budget.")]
    Disruption { cause: String },
    #[error("Request entity too large: limit is {limit}")]
    TooLarge { limit: usize },
    #[error("{0}")]
    ObjectTooLarge(String),
    #[error("Timeout: Too large resource version: {wanted}, current: {current}")]
    FutureVersion { wanted: u64, current: u64 },
    #[error("Internal error occurred: {0}")]
    Internal(String),
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        let mut message = error.to_string();
        if matches!(error, WriteError::TooLarge { .. }) {
            return Self::ObjectTooLarge(message);
        }
        if let WriteError::Disk(source) = &error {
            message += &format!(": {source}");
        }
        Self::Internal(message)
    }
}

fn apply_message(conflicts: &[OwnedElsewhere]) -> String {
    let count = conflicts.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut message = format!("Apply failed with {count} conflict{plural}: ");
    let mut managers: Vec<&str> = conflicts.iter().map(|c| c.manager.as_str()).collect();
    managers.dedup();
    if let ([only], 1) = (managers.as_slice(), count) {
        message += &format!("conflict with {only}: {}", conflicts[0].field);
        return message;
    }
    for (index, manager) in managers.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\n" };
        message += &format!("{separator}conflicts with {manager}:");
        for conflict in conflicts.iter().filter(|c| c.manager == *manager) {
            message += &format!("\n- {}", conflict.field);
        }
    }
    message
}

fn invalid_message(target: &Target, causes: &[Cause]) -> String {
    // What is wrong with no field in particular is about the object.
    let field = |cause: &Cause| match cause.field.as_str() {
        "" => "[]".to_owned(),
        field => field.to_owned(),
    };
    let shown: Vec<String> =
        causes.iter().map(|c| format!("{}: {}", field(c), c.message)).collect();
    let list = match shown.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    format!("{} is invalid: {list}", target.kind())
}

impl Refusal {
    /// Returns the HTTP status code.
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::NotFound(_) | Self::NoResource => 404,
            Self::AlreadyExists(_) | Self::Conflict { .. } | Self::ApplyConflict(_) => 409,
            Self::Invalid { .. } => 422,
            Self::BadRequest(_) => 400,
            Self::MethodNotAllowed => 405,
            Self::Unauthorized => 401,
            Self::Forbidden { .. } | Self::ForbiddenPath(_) => 403,
            Self::NotAcceptable { .. } => 406,
            Self::UnsupportedMedia { .. } => 415,
            Self::Expired(_) => 410,
            Self::Disruption { .. } => 429,
            Self::TooLarge { .. } | Self::ObjectTooLarge(_) => 413,
            Self::FutureVersion { .. } => 504,
            Self::Internal(_) => 500,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::NoResource => "NotFound",
            Self::AlreadyExists(_) => "AlreadyExists",
            Self::Conflict { .. } | Self::ApplyConflict(_) => "Conflict",
            Self::Invalid { .. } => "Invalid",
            Self::BadRequest(_) => "BadRequest",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden { .. } | Self::ForbiddenPath(_) => "Forbidden",
            Self::NotAcceptable { .. } => "NotAcceptable",
            Self::UnsupportedMedia { .. } => "UnsupportedMediaType",
            Self::Expired(_) => "Expired",
            Self::Disruption { .. } => "TooManyRequests",
            Self::TooLarge { .. } | Self::ObjectTooLarge(_) => "RequestEntityTooLarge",
            Self::FutureVersion { .. } => "Timeout",
            Self::Internal(_) => "InternalError",
        }
    }

    fn details(&self) -> Option<Value> {
        let named = |target: &Target, kind: &str| {
            let mut details = Map::new();
            details.insert("name".into(), target.name.as_str().into());
            if !target.group.is_empty() {
                details.insert("group".into(), target.group.as_str().into());
            }
            details.insert("kind".into(), kind.into());
            details
        };
        let details = match self {
            Self::NotFound(target)
            | Self::AlreadyExists(target)
            | Self::Conflict { target, .. }
            | Self::Forbidden { target, .. } => named(target, &target.plural),
            Self::Invalid { target, causes } => {
                let mut details = named(target, &target.kind);
                let causes = causes
                    .iter()
                    .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}));
                details.insert("causes".into(), causes.collect());
                details
            }
            Self::ApplyConflict(conflicts) => {
                let causes = conflicts.iter().map(|c| {
                    json!({"reason": "FieldManagerConflict",
                        "message": format!("conflict with {}", c.manager), "field": c.field})
                });
                Map::from_iter([("causes".to_owned(), causes.collect())])
            }
            Self::Disruption { cause } => Map::from_iter([(
                "causes".to_owned(),
                json!([{"reason": "DisruptionBudget", "message": cause}]),
            )]),
            Self::FutureVersion { .. } => Map::from_iter([
                (
                    "causes".to_owned(),
                    json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]),
                ),
                ("retryAfterSeconds".to_owned(), 1.into()),
            ]),
            Self::NoResource | Self::ForbiddenPath(_) => Map::new(),
            _ => return None,
        };
        Some(Value::Object(details))
    }

    /// Returns the `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.to_string(), "reason": self.reason(),
        });
        if let Some(details) = self.details() {
            status["details"] = details;
        }
        status["code"] = self.code().into();
        status
    }

    /// Returns the HTTP response.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.status().to_string()));
        *response.status_mut() =
            StatusCode::from_u16(self.code()).expect("the codes above are valid");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(self, Self::FutureVersion { .. }) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
