//! The world's names and their addresses: a file that commands change and the server looks at.

use std::{collections::BTreeMap, fmt, fs, io, net::IpAddr, path::PathBuf, str::FromStr};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::lab::{
    dns::{as_reverse, reverse_of},
    plan,
    state::{self, LabDir, StateError},
};

/// Most names of a lab's world.
const MOST_NAMES: usize = 10_000;
/// Most addresses of a name.
const MOST_ADDRESSES: usize = 64;
/// The cluster's domain, which the world knows nothing of.
const CLUSTER: &str = "cluster.local";

/// A name of the world: lower case, no dot at its end. A first label `*` stands for every name
/// below the rest that has no addresses of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorldName(String);

/// Not a name the world can have.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWorldName {
    /// Wrong characters or lengths.
    #[error(
        "{text:?} is not a domain name: use labels of 1 to 63 of a-z, 0-9, - and _ with dots between them"
    )]
    Form {
        /// What was given.
        text: String,
    },
    /// The cluster's own.
    #[error("{text:?} belongs to the cluster: its services and pods have such names by themselves")]
    Cluster {
        /// What was given.
        text: String,
    },
}

/// The world's names could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// The file cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file is damaged.
    #[error("{} does not hold names", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such name.
    #[error("the world has no name {name}")]
    NoName {
        /// The name.
        name: WorldName,
    },
    /// A name lacks an address that is to be removed.
    #[error("{name} has no address {address}")]
    NoAddress {
        /// The name.
        name: WorldName,
        /// The address.
        address: IpAddr,
    },
    /// No room.
    #[error("the world has room for {MOST_NAMES} names of {MOST_ADDRESSES} addresses each")]
    Full,
}

impl WorldName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorldName {
    type Err = InvalidWorldName;

    fn from_str(text: &str) -> Result<Self, InvalidWorldName> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(inside)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let plain = name.strip_prefix("*.").unwrap_or(&name);
        if name.len() > 253 || !plain.split('.').all(is_label) || plain.parse::<IpAddr>().is_ok() {
            return Err(InvalidWorldName::Form { text: text.to_owned() });
        }
        if plain == CLUSTER || plain.strip_suffix(CLUSTER).is_some_and(|rest| rest.ends_with('.')) {
            return Err(InvalidWorldName::Cluster { text: text.to_owned() });
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for WorldName {
    type Error = InvalidWorldName;

    fn try_from(text: String) -> Result<Self, InvalidWorldName> {
        text.parse()
    }
}

impl From<WorldName> for String {
    fn from(name: WorldName) -> Self {
        name.0
    }
}

impl fmt::Display for WorldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names and their addresses, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorldNames(BTreeMap<WorldName, Vec<IpAddr>>);

/// What the world knows about a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Its addresses.
    Addresses(&'a [IpAddr]),
    /// There are names below it.
    Above,
    /// Nothing.
    Nothing,
}

impl WorldNames {
    /// Returns the names that every world has.
    pub(crate) fn built_in() -> Self {
        let servers = |at: [usize; 2]| at.map(|at| plan::world_server(plan::WORLD[at])).to_vec();
        let first = ["example.com", "www.example.com", "api.example.com"];
        let second = ["example.net", "www.example.net", "api.example.net"];
        let of_first = first.map(|name| (name, servers([0, 2])));
        let of_second = second.map(|name| (name, servers([1, 3])));
        let all = of_first.into_iter().chain(of_second);
        Self(all.map(|(name, ips)| (name.parse().expect("well formed"), ips)).collect())
    }

    /// Reads a lab's names.
    ///
    /// # Errors
    /// When there is no such lab, or its file is damaged.
    pub fn read(dir: &LabDir) -> Result<Self, NamesError> {
        let path = file(dir);
        let text = fs::read(&path).map_err(|source| state::failed("read", &path, source))?;
        serde_json::from_slice(&text).map_err(|source| NamesError::Damaged { path, source })
    }

    /// Writes a lab's names; its server looks at the file before each answer.
    pub(crate) fn write(&self, dir: &LabDir) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(self).expect("names and addresses serialise");
        state::write(&file(dir), &text)
    }

    /// Changes a lab's names; nobody else does meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read or written, and those of `change`.
    pub fn change(
        dir: &LabDir,
        change: impl FnOnce(&mut Self) -> Result<(), NamesError>,
    ) -> Result<Self, NamesError> {
        let path = dir.world().join("names.lock");
        let failed = |source: io::Error| state::failed("lock", &path, source);
        let lock = fs::File::options().create(true).truncate(false).write(true).open(&path);
        let _lock = Flock::lock(lock.map_err(failed)?, FlockArg::LockExclusive)
            .map_err(|(_, errno)| failed(errno.into()))?;
        let mut names = Self::read(dir)?;
        change(&mut names)?;
        names.write(dir)?;
        Ok(names)
    }

    /// Gives a name addresses, besides those it has.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add(&mut self, name: WorldName, addresses: &[IpAddr]) -> Result<(), NamesError> {
        let own = self.0.entry(name).or_default();
        for address in addresses {
            if !own.contains(address) {
                own.push(*address);
            }
        }
        own.sort();
        let full = own.len() > MOST_ADDRESSES || self.0.len() > MOST_NAMES;
        if full { Err(NamesError::Full) } else { Ok(()) }
    }

    /// Takes addresses from a name, or the whole name when none are given or none remain.
    ///
    /// # Errors
    /// When the name or an address is not there.
    pub fn remove(&mut self, name: &WorldName, addresses: &[IpAddr]) -> Result<(), NamesError> {
        let Some(own) = self.0.get_mut(name) else {
            return Err(NamesError::NoName { name: name.clone() });
        };
        if let Some(address) = addresses.iter().find(|address| !own.contains(address)) {
            return Err(NamesError::NoAddress { name: name.clone(), address: *address });
        }
        own.retain(|address| !addresses.contains(address));
        if addresses.is_empty() || own.is_empty() {
            self.0.remove(name);
        }
        Ok(())
    }

    /// Returns all names and their addresses, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&WorldName, &[IpAddr])> {
        self.0.iter().map(|(name, addresses)| (name, addresses.as_slice()))
    }

    /// Looks a name in lower case up; the closest `*` above it counts when it is not there itself.
    pub(super) fn find(&self, name: &str) -> Found<'_> {
        let exact = WorldName(name.to_owned());
        if let Some(addresses) = self.0.get(&exact) {
            return Found::Addresses(addresses);
        }
        if self.is_above(name) {
            return Found::Above;
        }
        let mut rest = name;
        while let Some((_, above)) = rest.split_once('.') {
            if let Some(addresses) = self.0.get(&WorldName(format!("*.{above}"))) {
                return Found::Addresses(addresses);
            }
            // A name that is there ends the reach of those above it (RFC 4592 3.3.1).
            if self.0.contains_key(&WorldName(above.to_owned())) || self.is_above(above) {
                return Found::Nothing;
            }
            rest = above;
        }
        Found::Nothing
    }

    fn is_above(&self, name: &str) -> bool {
        let below =
            |one: &WorldName| one.0.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        name.is_empty() || self.0.keys().any(below)
    }

    /// Returns the names of an address.
    pub(super) fn names_of(&self, address: IpAddr) -> impl Iterator<Item = &WorldName> {
        self.0
            .iter()
            .filter(move |(name, own)| own.contains(&address) && !name.0.starts_with('*'))
            .map(|(name, _)| name)
    }

    /// Tells whether a name is one of an address that has a name, or above one.
    pub(super) fn has_reverse(&self, name: &str) -> bool {
        as_reverse(name).is_none()
            && self.0.values().flatten().any(|ip| reverse_of(*ip).ends_with(&format!(".{name}")))
    }
}

/// Returns the file of a lab's names.
pub(super) fn file(dir: &LabDir) -> PathBuf {
    dir.world().join("names.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[(&str, &str)]) -> WorldNames {
        let mut names = WorldNames::default();
        for (name, address) in of {
            names.add(name.parse().unwrap(), &[address.parse().unwrap()]).unwrap();
        }
        names
    }

    #[test]
    fn names_are_domain_names_outside_the_cluster() {
        for good in ["example.com", "EXAMPLE.com.", "*.a.test", "_dmarc.x", "localhost"] {
            assert!(good.parse::<WorldName>().is_ok(), "{good}");
        }
        assert_eq!("EXAMPLE.com.".parse::<WorldName>().unwrap().as_str(), "example.com");
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "-a.b", "a b", "*", "a.*.b", "1.2.3.4", "é.fr", &long] {
            assert!(bad.parse::<WorldName>().is_err(), "{bad}");
        }
        for cluster in ["cluster.local", "web.shop.svc.cluster.local", "*.cluster.local"] {
            let error = cluster.parse::<WorldName>().unwrap_err().to_string();
            assert!(error.contains("belongs to the cluster"), "{error}");
        }
    }

    #[test]
    fn addresses_come_and_go_and_a_name_without_any_is_gone() {
        let name: WorldName = "a.test".parse().unwrap();
        let mut all = names(&[("a.test", "192.0.2.1"), ("a.test", "2001:db8::1")]);
        let error = all.remove(&name, &["192.0.2.9".parse().unwrap()]).unwrap_err();
        assert_eq!(error.to_string(), "a.test has no address 192.0.2.9");
        all.remove(&name, &["192.0.2.1".parse().unwrap()]).unwrap();
        assert_eq!(all, names(&[("a.test", "2001:db8::1")]));
        all.remove(&name, &["2001:db8::1".parse().unwrap()]).unwrap();
        assert_eq!(all, WorldNames::default());
        assert!(matches!(all.remove(&name, &[]), Err(NamesError::NoName { .. })));
    }

    #[test]
    fn stars_stand_for_names_that_are_not_there() {
        let all = names(&[
            ("*.test", "192.0.2.1"),
            ("own.test", "192.0.2.2"),
            ("deep.sub.test", "192.0.2.3"),
        ]);
        let of = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (name, expected) in [
            ("any.test", of("192.0.2.1")),
            ("a.b.test", of("192.0.2.1")),
            ("own.test", of("192.0.2.2")),
            ("below.own.test", None),
            ("other.sub.test", None),
            ("example.com", None),
        ] {
            let found = match all.find(name) {
                Found::Addresses([one]) => Some(*one),
                _ => None,
            };
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(all.find("sub.test"), Found::Above);
        assert_eq!(all.find("test"), Found::Above);
    }
}
