//! Answers to the CNI plugin.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::warn;

use super::{
    endpoint::{Endpoints, Made, Wanted},
    told,
};
use crate::{
    api::hubble::AgentEvents,
    cni::{
        code,
        server::Handler,
        wire::{AttachmentKey, Failure, Reply, Request},
    },
    hubble::flow::AgentEventType,
    kernel::NetNs,
};

/// Serves the plugin from the endpoints. Until the agent is ready only deletions are done.
#[derive(Debug)]
pub(super) struct Plugin {
    endpoints: Arc<Endpoints>,
    events: Arc<AgentEvents>,
    ready: AtomicBool,
    // Made by an ADD that nobody has heard the answer of.
    fresh: Mutex<HashSet<AttachmentKey>>,
}

impl Plugin {
    pub(super) fn new(endpoints: Arc<Endpoints>, events: Arc<AgentEvents>) -> Self {
        Self { endpoints, events, ready: AtomicBool::new(false), fresh: Mutex::default() }
    }

    /// From now on containers can be connected.
    pub(super) fn open(&self) {
        self.ready.store(true, Ordering::Release);
    }

    fn fresh(&self) -> MutexGuard<'_, HashSet<AttachmentKey>> {
        self.fresh.lock().expect("no panic while holding the lock")
    }

    fn check_ready(&self, code: u32) -> Result<(), Failure> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let msg = "the skep agent is starting: it waits for the API server or for the pod CIDRs \
                   of its node";
        Err(Failure::new(code, msg))
    }

    /// Tells of a pod that is there; one that goes is told of while it still is.
    fn tell(&self, attachment: &AttachmentKey, what: AgentEventType) {
        if let Some(record) = self.endpoints.record(attachment) {
            told::endpoint(&self.events, &record, what);
        }
    }

    fn answer(&self, request: Request, netns: Option<NetNs>) -> Result<Reply, Failure> {
        let no_netns =
            || Failure::new(code::INVALID_ENVIRONMENT, "CNI_NETNS did not come with the request");
        match request {
            Request::Add { attachment, pod, netns: path } => {
                self.check_ready(code::TRY_LATER)?;
                let netns = netns.ok_or_else(no_netns)?;
                let key = attachment.clone();
                let (attached, made) =
                    self.endpoints.add(Wanted { attachment, pod, path, netns })?;
                if made == Made::Now {
                    self.tell(&key, AgentEventType::EndpointCreated);
                    self.fresh().insert(key);
                }
                Ok(Reply::Added(attached))
            }
            Request::Del { attachment } => {
                self.tell(&attachment, AgentEventType::EndpointDeleted);
                self.endpoints.delete(&attachment).map(|()| Reply::Done)
            }
            Request::Check { attachment, addresses } => {
                let netns = netns.ok_or_else(no_netns)?;
                self.endpoints.check(&attachment, &addresses, &netns).map(|()| Reply::Done)
            }
            Request::Gc { valid } => self.endpoints.collect(&valid).map(|()| Reply::Done),
            Request::Status => {
                self.check_ready(code::NOT_AVAILABLE)?;
                self.endpoints
                    .pool()
                    .map_err(|e| Failure::new(code::NOT_AVAILABLE, e.to_string()))?;
                self.endpoints
                    .datapath_works()
                    .map_err(|e| Failure::new(code::NOT_AVAILABLE_LIMITED, e))?;
                Ok(Reply::Done)
            }
        }
    }
}

impl Handler for Plugin {
    fn handle(&self, request: Request, netns: Option<NetNs>) -> Reply {
        self.answer(request, netns).unwrap_or_else(|failure| {
            warn!(
                code = failure.code,
                msg = failure.msg,
                details = failure.details,
                "CNI request refused"
            );
            Reply::Failed(failure)
        })
    }

    /// A runtime that gave up on an ADD may never DEL it.
    fn told(&self, request: &Request, heard: bool) {
        let Request::Add { attachment, .. } = request else { return };
        if !self.fresh().remove(attachment) || heard {
            return;
        }
        warn!(
            container = attachment.container_id,
            "plugin gone before its ADD was answered; undone"
        );
        if let Err(failure) = self.endpoints.delete(attachment) {
            warn!(msg = failure.msg, "unanswered ADD not undone");
        }
    }
}
