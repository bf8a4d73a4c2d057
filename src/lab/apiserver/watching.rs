//! Watches as HTTP responses: one line of JSON per event, each read from the history when the client is ready for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::accept::Form;
use super::answer;
use super::call::Call;
use super::cluster::Cluster;
use super::patience::Patience;
use super::reads::{Selection, invalid_options};
use super::refusal::Refusal;
use super::store::{At, Event, EventKind, Gap, Object, Query, Watch};

/// How long a watch lasts unless the client says.
const DEFAULT_LIFE: Duration = Duration::from_secs(45 * 60);

/// Lines prepared ahead of the client.
struct Stream {
    cluster: Arc<Cluster>,
    call: Call,
    selection: Selection,
    watch: Watch,
    /// Objects that exist already, still to be sent as ADDED.
    initial: std::vec::IntoIter<Arc<Object>>,
    /// The revision of the initial objects, while their end is to be marked.
    initial_end: Option<u64>,
    events: VecDeque<Event>,
    upto: u64,
    bookmarks: bool,
    next_bookmark: Instant,
    ends: Instant,
    first: bool,
    over: bool,
    patience: Patience,
}

/// Answers a watch.
pub(super) fn watch(cluster: &Arc<Cluster>, call: Call) -> Result<Response<Body>, Refusal> {
    let selection = Selection::parse(&call)?;
    let parameters = &call.parameters;
    let version = parameters.text("resourceVersion").unwrap_or("0");
    let from: u64 = version.parse().map_err(|_| {
        Refusal::Internal(format!("strconv.ParseUint: parsing {version:?}: invalid syntax"))
    })?;
    let send_initial = parameters.flag("sendInitialEvents");
    let matching = parameters.text("resourceVersionMatch");
    if send_initial && matching != Some("NotOlderThan") {
        return Err(invalid_options(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    let bookmarks = parameters.flag("allowWatchBookmarks");
    let life = parameters.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let life = life.map_or(DEFAULT_LIFE, |seconds| Duration::from_secs(seconds.min(86_400)));
    let suppressed = parameters.text("sendInitialEvents") == Some("false");
    let (initial, from) = if send_initial || (from == 0 && !suppressed) {
        let query = Query {
            namespace: selection.namespace(),
            at: At::Latest,
            after: None,
            limit: None,
            matches: &|object| selection.matches(object),
        };
        let page = cluster
            .store
            .list(&call.resource.id, &query)
            .map_err(|gap| Refusal::Expired(gap.to_string()))?;
        (page.objects, page.revision)
    } else if from == 0 {
        (Vec::new(), cluster.store.revision())
    } else {
        (Vec::new(), from)
    };
    let now = Instant::now();
    let stream = Stream {
        watch: cluster.store.watch(&call.resource.id, from),
        cluster: Arc::clone(cluster),
        selection,
        initial: initial.into_iter(),
        initial_end: (send_initial && bookmarks).then_some(from),
        events: VecDeque::new(),
        upto: from,
        bookmarks,
        next_bookmark: now + cluster.limits.bookmark_every,
        ends: now + life,
        first: true,
        over: false,
        patience: Patience::new(cluster.limits.stalled, call.hang_up.clone()),
        call,
    };
    let lines = futures::stream::unfold(stream, |mut stream| async move {
        stream.patience.asked();
        let line = stream.next().await?;
        stream.patience.handed();
        Some((Ok::<_, Infallible>(line), stream))
    });
    let mut response = answer::json(StatusCode::OK, Bytes::new());
    *response.body_mut() = Body::from_stream(lines);
    Ok(response)
}

impl Stream {
    /// Returns the next line; `None` ends the response.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(object) = self.initial.next() {
            return Some(self.line(EventKind::Added, &object));
        }
        if let Some(revision) = self.initial_end.take() {
            return Some(self.bookmark(revision, true));
        }
        if self.over {
            return None;
        }
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(kind) = self.seen_as(&event) {
                    return Some(self.line(kind, &event.object));
                }
            }
            match self.watch.poll()? {
                Err(gap) => {
                    self.over = true;
                    return Some(self.expired(gap));
                }
                Ok(batch) => {
                    self.upto = batch.upto;
                    if !batch.events.is_empty() {
                        self.events = batch.events.into();
                        continue;
                    }
                }
            }
            let shutdown = self.cluster.shutdown.clone();
            tokio::select! {
                alive = self.watch.changed() => if !alive { return None },
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    return self.bookmarks.then(|| self.bookmark(self.upto, false));
                }
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + self.cluster.limits.bookmark_every;
                    return Some(self.bookmark(self.upto, false));
                }
                () = shutdown.cancelled() => return None,
            }
        }
    }

    /// An object that starts to match appears, one that stops to match disappears.
    fn seen_as(&self, event: &Event) -> Option<EventKind> {
        let before = event.previous.as_ref().is_some_and(|object| self.selection.matches(object));
        let after = event.kind != EventKind::Deleted && self.selection.matches(&event.object);
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(EventKind::Added),
            (true, true) => Some(EventKind::Modified),
            (true, false) => Some(EventKind::Deleted),
        }
    }

    fn line(&mut self, kind: EventKind, object: &Object) -> Bytes {
        let line = answer::line(&self.call, kind, object, self.first);
        self.first = false;
        line
    }

    fn bookmark(&self, revision: u64, initial_end: bool) -> Bytes {
        let resource = &self.call.resource;
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.call.form {
            Form::Json => {
                json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata})
            }
            Form::Metadata => json!(answer::Partial::of(&json!({"metadata": metadata}))),
            Form::Table => json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "columnDefinitions": null, "rows": []}),
        };
        line("BOOKMARK", &object)
    }

    fn expired(&self, gap: Gap) -> Bytes {
        let message = format!("too old resource version: {} ({})", self.upto, gap.oldest);
        line("ERROR", &Refusal::Expired(message).status())
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": kind, "object": object})).into()
}
