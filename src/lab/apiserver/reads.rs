//! Reading: get and list, with pages that continue at the same revision.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::time::Duration;

use super::answer;
use super::call::Call;
use super::cluster::Cluster;
use super::refusal::{Cause, Refusal, Target};
use super::selector::{FieldSelector, LabelSelector};
use super::store::{At, Gap, Key, Object, Query};

/// Which objects a list or a watch is about.
pub(super) struct Selection {
    namespace: Option<String>,
    name: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn parse(call: &Call) -> Result<Self, Refusal> {
        Ok(Self {
            namespace: call.path.namespace.clone(),
            name: call.path.name.clone(),
            labels: LabelSelector::parse(
                call.parameters.text("labelSelector").unwrap_or_default(),
            )?,
            fields: FieldSelector::parse(
                &call.resource,
                call.parameters.text("fieldSelector").unwrap_or_default(),
            )?,
        })
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|n| *n == *object.key.namespace)
            && self.name.as_deref().is_none_or(|n| *n == *object.key.name)
            && self.labels.matches_object(object)
            && self.fields.matches_object(object)
    }
}

/// Answers a GET of one object.
pub(super) fn get(cluster: &Cluster, call: &Call) -> Result<Response<Body>, Refusal> {
    let key = call.key()?;
    let object =
        cluster.store.get(&call.resource.id, &key).ok_or_else(|| call.not_found(&key.name))?;
    Ok(answer::object(call, StatusCode::OK, &object))
}

/// How long a list waits for a revision that is not there yet.
const FUTURE: Duration = Duration::from_secs(3);

/// Answers a GET of a collection.
pub(super) async fn list(cluster: &Cluster, call: &Call) -> Result<Response<Body>, Refusal> {
    let selection = Selection::parse(call)?;
    let version = call.parameters.text("resourceVersion");
    let matching = call.parameters.text("resourceVersionMatch");
    let mut limit = call.parameters.number("limit")?.filter(|limit| *limit > 0);
    let mut at = At::Latest;
    let mut after = None;
    let token = call.parameters.text("continue");
    if let Some(token) = token {
        let (revision, key) = decode(token)?;
        at = At::Exactly(revision);
        after = Some(key);
    } else {
        at = wanted_revision(cluster, call, version, matching, at).await?;
        if version == Some("0") {
            limit = None;
        }
    }
    let query = Query {
        namespace: selection.namespace(),
        at,
        after,
        limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        matches: &|object| selection.matches(object),
    };
    let page =
        cluster.store.list(&call.resource.id, &query).map_err(|gap| too_old(gap, at, token))?;
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), page.revision.to_string().into());
    if let Some(last) = page.objects.last().filter(|_| page.remaining > 0) {
        metadata.insert("continue".to_owned(), encode(page.revision, &last.key).into());
        metadata.insert("remainingItemCount".to_owned(), page.remaining.into());
    }
    Ok(answer::list(call, &page.objects, metadata))
}

async fn wanted_revision(
    cluster: &Cluster,
    call: &Call,
    version: Option<&str>,
    matching: Option<&str>,
    default: At,
) -> Result<At, Refusal> {
    let Some(version) = version else {
        return match matching {
            None => Ok(default),
            Some(_) => Err(invalid_options(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            )),
        };
    };
    let wanted: u64 = version.parse().map_err(|_| {
        Refusal::BadRequest(format!("Invalid value: {version:?}: resourceVersion is not a number"))
    })?;
    let waited = tokio::time::timeout(FUTURE, async {
        let mut watch = cluster.store.watch(&call.resource.id, wanted);
        while cluster.store.revision() < wanted {
            // Other resources move the revision too, without waking this watch.
            let _ = tokio::time::timeout(Duration::from_millis(50), watch.changed()).await;
        }
    })
    .await;
    if waited.is_err() {
        return Err(Refusal::FutureVersion { wanted, current: cluster.store.revision() });
    }
    match matching {
        Some("Exact") => Ok(At::Exactly(wanted)),
        None | Some("NotOlderThan") => Ok(At::Latest),
        Some(other) => Err(invalid_options(
            "resourceVersionMatch",
            &format!("Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\""),
        )),
    }
}

/// Refuses options of a list or watch.
pub(super) fn invalid_options(field: &str, detail: &str) -> Refusal {
    Refusal::Invalid {
        target: Target {
            group: "meta.k8s.io".to_owned(),
            kind: "ListOptions".to_owned(),
            ..Target::default()
        },
        causes: vec![Cause::forbidden(field, detail)],
    }
}

fn too_old(gap: Gap, at: At, token: Option<&str>) -> Refusal {
    let wanted = if let At::Exactly(wanted) = at { wanted } else { 0 };
    Refusal::Expired(if token.is_some() {
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.".to_owned()
    } else {
        format!("too old resource version: {wanted} ({})", gap.oldest)
    })
}

fn encode(revision: u64, key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(json!([revision, *key.namespace, *key.name]).to_string())
}

fn decode(token: &str) -> Result<(u64, Key), Refusal> {
    let parsed = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .and_then(|value| {
            Some((value[0].as_u64()?, Key::new(value[1].as_str()?, value[2].as_str()?)))
        });
    parsed.ok_or_else(|| Refusal::BadRequest("invalid continue token".to_owned()))
}
