//! What the world's name server says.

use std::{
    fs,
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use tracing::warn;

use super::names::{Found, WorldNames, file};
use crate::lab::{
    dns::{
        Answer, Apex, Data, Kind, Outcome, Query, Record, Reply, Responder, Transport, as_reverse,
    },
    state::LabDir,
};

/// How long records may be remembered, in seconds: tests change names all the time.
const TTL: u32 = 5;

/// Answers from the file of names.
pub(super) struct WorldResponder {
    dir: LabDir,
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read last.
#[derive(Default)]
struct Read {
    /// Tells versions of the file apart: it is always replaced as a whole.
    version: (u64, i64, i64),
    serial: u32,
    names: Arc<WorldNames>,
}

impl WorldResponder {
    pub(super) fn new(dir: LabDir) -> Self {
        Self { path: file(&dir), dir, read: Mutex::default() }
    }

    /// Returns the names as they are now. What cannot be read leaves those of before.
    fn current(&self) -> (u32, Arc<WorldNames>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let version = fs::metadata(&self.path)
            .map(|file| (file.ino(), file.mtime(), file.mtime_nsec()))
            .unwrap_or(read.version);
        if version != read.version {
            match WorldNames::read(&self.dir) {
                Ok(names) => {
                    read.names = Arc::new(names);
                    read.version = version;
                    read.serial += 1;
                }
                Err(error) => warn!(%error, "names not read"),
            }
        }
        (read.serial, Arc::clone(&read.names))
    }
}

impl Responder for WorldResponder {
    fn respond<'a>(&'a self, query: &'a Query, _: Transport) -> BoxFuture<'a, Reply> {
        Box::pin(async {
            let (serial, names) = self.current();
            look_up(&names, serial, &query.name, query.kind).into()
        })
    }
}

/// Looks a name up: this server is the root, and everything below it.
fn look_up(names: &WorldNames, serial: u32, name: &str, kind: Kind) -> Answer {
    let apex = Apex { zone: String::new(), ttl: TTL, serial };
    if name.is_empty() {
        return apex.own(kind);
    }
    if name == apex.server() {
        return addresses(
            &apex,
            name,
            kind,
            &crate::lab::plan::world_resolvers().collect::<Vec<_>>(),
        );
    }
    if let Some(address) = as_reverse(name) {
        let found: Vec<Record> = names
            .names_of(address)
            .map(|one| apex.record(name, Data::Ptr(one.as_str().to_owned())))
            .collect();
        return match (found.is_empty(), kind) {
            (true, _) => apex.nothing(Outcome::NoName),
            (false, Kind::Ptr) => Answer::found(found),
            (false, _) => apex.nothing(Outcome::Found),
        };
    }
    match names.find(name) {
        Found::Addresses(own) => addresses(&apex, name, kind, own),
        Found::Above => apex.nothing(Outcome::Found),
        Found::Nothing if names.has_reverse(name) => apex.nothing(Outcome::Found),
        Found::Nothing => apex.nothing(Outcome::NoName),
    }
}

fn addresses(apex: &Apex, name: &str, kind: Kind, own: &[IpAddr]) -> Answer {
    let fitting = own.iter().filter(|address| kind.is_of(**address));
    let records: Vec<_> =
        fitting.map(|address| apex.record(name, Data::address(*address))).collect();
    if records.is_empty() { apex.nothing(Outcome::Found) } else { Answer::found(records) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_addresses_of_both_families_and_addresses_have_names() {
        let mut names = WorldNames::built_in();
        names.add("four.test".parse().unwrap(), &["203.0.113.77".parse().unwrap()]).unwrap();
        let v6 = "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        for (name, kind, outcome, expected) in [
            ("example.com", Kind::A, Outcome::Found, vec!["198.51.100.10"]),
            ("example.com", Kind::Aaaa, Outcome::Found, vec!["2001:db8:1::10"]),
            ("example.net", Kind::A, Outcome::Found, vec!["203.0.113.10"]),
            ("four.test", Kind::A, Outcome::Found, vec!["203.0.113.77"]),
            ("four.test", Kind::Aaaa, Outcome::Found, vec![]),
            ("test", Kind::A, Outcome::Found, vec![]),
            ("absent.test", Kind::A, Outcome::NoName, vec![]),
            ("web.shop.svc.cluster.local", Kind::A, Outcome::NoName, vec![]),
            ("77.113.0.203.in-addr.arpa", Kind::Ptr, Outcome::Found, vec!["four.test"]),
            ("77.113.0.203.in-addr.arpa", Kind::A, Outcome::Found, vec![]),
            ("78.113.0.203.in-addr.arpa", Kind::Ptr, Outcome::NoName, vec![]),
            ("113.0.203.in-addr.arpa", Kind::Ptr, Outcome::Found, vec![]),
            (v6, Kind::Ptr, Outcome::NoName, vec![]),
            ("", Kind::Ns, Outcome::Found, vec!["ns.dns"]),
            ("ns.dns", Kind::A, Outcome::Found, vec!["198.51.100.53"]),
        ] {
            let answer = look_up(&names, 1, name, kind);
            let found: Vec<String> = answer
                .records
                .iter()
                .map(|record| match &record.data {
                    Data::A(address) => address.to_string(),
                    Data::Aaaa(address) => address.to_string(),
                    Data::Ptr(name) | Data::Ns(name) => name.clone(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, expected, "{name} {kind:?}");
            assert_eq!(answer.outcome, outcome, "{name} {kind:?}");
            let negative = found.is_empty();
            assert_eq!(answer.authority.len(), usize::from(negative), "{name}: SOA when negative");
        }
    }
}
