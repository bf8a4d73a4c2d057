//! The files of a pod's sandbox, and the record of what it is made of.

use std::{
    fmt::Write as _,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use super::{cni::Attachment, host::Host, resolver};
use crate::lab::{
    dns, node,
    state::{self, StateError, create_dir, failed, inside},
};

/// File of the record.
const RECORD: &str = "sandbox.json";

pub(super) fn hostname(pod: &Pod) -> String {
    let given = pod.spec.as_ref().and_then(|spec| spec.hostname.clone());
    given.unwrap_or_else(|| pod.name_any())
}

/// Returns the names of a pod in its own hosts file: with a subdomain, the whole one first.
fn names(pod: &Pod) -> String {
    let (own, subdomain) =
        (hostname(pod), pod.spec.as_ref().and_then(|spec| spec.subdomain.as_deref()));
    match subdomain {
        Some(subdomain) => {
            let namespace = pod.namespace().unwrap_or_default();
            format!("{own}.{subdomain}.{namespace}.svc.{}\t{own}", dns::DOMAIN)
        }
        None => own,
    }
}

/// What is known of a sandbox after the lab's process has been killed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// What the network plugin was told, or was about to be told.
    pub(super) network: Attachment,
    /// The pod's addresses; none while the sandbox is being made.
    pub(super) addresses: Option<Vec<IpAddr>>,
}

/// The files of a pod, by the paths the node sees.
pub(super) struct PodFiles {
    pub(super) place: PathBuf,
}

impl PodFiles {
    pub(super) fn new(uid: &str) -> Self {
        Self { place: Path::new(inside::PODS).join(uid) }
    }

    /// Returns the uids of all pods that have files on a node.
    pub(super) fn all(host: &Host) -> Vec<String> {
        let entries = fs::read_dir(host.node.outside(inside::PODS)).into_iter().flatten();
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Keeps what is known of the sandbox.
    pub(super) fn keep(&self, host: &Host, record: &Record) -> Result<(), StateError> {
        let text = serde_json::to_vec(record).expect("a tree of plain values serialises");
        state::write(&self.outside(host, RECORD), &text)
    }

    /// Returns what was kept; none when the making had not begun.
    pub(super) fn record(&self, host: &Host) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.outside(host, RECORD)).ok()?).ok()
    }

    fn outside(&self, host: &Host, name: &str) -> PathBuf {
        let place = self.place.to_str().expect("made of text");
        host.node.outside(place).join(name)
    }

    /// Writes everything known before the pod has addresses.
    pub(super) fn write(&self, host: &Host, pod: &Pod) -> Result<(), StateError> {
        let files = [
            ("etc/hostname".to_owned(), format!("{}\n", hostname(pod))),
            ("etc/hosts".to_owned(), node::hosts(&hostname(pod), std::iter::empty())),
        ];
        for (name, content) in files {
            let path = self.outside(host, &name);
            create_dir(path.parent().expect("below the pod's directory"))?;
            fs::write(&path, content).map_err(|source| failed("write", &path, source))?;
        }
        resolver::write(host, pod)?;
        let bin = self.outside(host, "run/lab/bin");
        create_dir(&bin)?;
        let copy = self.outside(host, inside::WORLD_AUTHORITY.trim_start_matches('/'));
        fs::copy(host.node.outside(inside::WORLD_AUTHORITY), &copy)
            .map_err(|source| failed("write", &copy, source))?;
        let own = bin.join("skep");
        // From a try that was cut off.
        if own.is_symlink() { Ok(()) } else { node::link_own_file(&own) }
    }

    /// Writes in place: the file is mounted over the pod's `/etc/hosts`.
    pub(super) fn write_hosts(
        &self,
        host: &Host,
        pod: &Pod,
        addresses: &[IpAddr],
    ) -> Result<(), StateError> {
        let mut text = node::hosts(&names(pod), addresses.iter().copied());
        let aliases = pod.spec.as_ref().and_then(|spec| spec.host_aliases.as_deref());
        for alias in aliases.unwrap_or_default() {
            let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
            writeln!(text, "{}\t{names}", alias.ip).expect("text grows");
        }
        let path = self.outside(host, "etc/hosts");
        fs::write(&path, text).map_err(|source| failed("write", &path, source))
    }

    pub(super) fn remove(&self, host: &Host) {
        // Leftovers are removed with the node.
        fs::remove_dir_all(self.outside(host, "")).ok();
    }
}
