//! Classes of ports, as prefixes of port numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{atom::Atom, table::number};
use crate::policy::rule::Protocol;

/// The ports of a protocol whose first `length` bits are those of `port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortPrefix {
    /// The protocol.
    pub protocol: Protocol,
    /// A port; the other bits are zero.
    pub port: u16,
    /// How many bits count, 0 to 16.
    pub length: u8,
}

impl PortPrefix {
    /// Tells whether a port is meant.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        let shift = 16 - u32::from(self.length);
        let same = (u32::from(self.port) >> shift) == (u32::from(port) >> shift);
        self.protocol == protocol && same
    }
}

/// For each atom that means a port: the atom, and which of its spans means it most closely.
type Meaning = Vec<(usize, usize)>;

/// Prefixes and their classes. Class 0 is everything else: only rules for all protocols mean it.
#[derive(Debug)]
pub(super) struct PortClasses {
    /// Longest prefixes win.
    pub(super) prefixes: BTreeMap<PortPrefix, u16>,
    meanings: Vec<Meaning>,
}

impl PortClasses {
    pub(super) fn of(atoms: &[Atom]) -> Self {
        let mut classes = Self { prefixes: BTreeMap::new(), meanings: vec![Meaning::new()] };
        let mut known = BTreeMap::from([(Meaning::new(), 0)]);
        for protocol in Protocol::ALL {
            classes.add_protocol(protocol, atoms, &mut known);
        }
        classes
    }

    /// Adds a protocol: the class of most of its ports is the default, the others are exceptions.
    fn add_protocol(
        &mut self,
        protocol: Protocol,
        atoms: &[Atom],
        known: &mut BTreeMap<Meaning, u16>,
    ) {
        let intervals: Vec<(u16, u16, u16)> = starts(protocol, atoms)
            .windows(2)
            .map(|pair| {
                let (first, after) = (pair[0], pair[1]);
                let meaning = meaning(protocol, port(first), atoms);
                (port(first), port(after - 1), self.class_of(meaning, known))
            })
            .collect();
        let width = |class: u16| -> u32 {
            let of_class = intervals.iter().filter(|(.., own)| *own == class);
            of_class.map(|(first, last, _)| u32::from(last - first) + 1).sum()
        };
        let default = intervals.iter().map(|(.., class)| *class).max_by_key(|&c| width(c));
        let default = default.unwrap_or(0);
        if default != 0 {
            self.prefixes.insert(PortPrefix { protocol, port: 0, length: 0 }, default);
        }
        for (first, last, class) in intervals.into_iter().filter(|(.., own)| *own != default) {
            let prefixes = prefixes(protocol, first, last);
            self.prefixes.extend(prefixes.into_iter().map(|prefix| (prefix, class)));
        }
    }

    fn class_of(&mut self, meaning: Meaning, known: &mut BTreeMap<Meaning, u16>) -> u16 {
        *known.entry(meaning.clone()).or_insert_with(|| {
            self.meanings.push(meaning);
            number(self.meanings.len() - 1)
        })
    }

    /// Returns how many classes there are.
    pub(super) fn count(&self) -> u16 {
        number(self.meanings.len())
    }

    /// Returns the atoms with ports that mean a class's ports, each with its span.
    pub(super) fn meaning(&self, class: u16) -> &[(usize, usize)] {
        &self.meanings[usize::from(class)]
    }
}

fn port(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Returns where something starts or has ended, from 0 to 65536.
fn starts(protocol: Protocol, atoms: &[Atom]) -> Vec<u32> {
    let mut starts = BTreeSet::from([0, 1 << 16]);
    let spans = atoms.iter().flat_map(|atom| atom.ports.iter().flatten());
    for span in spans.filter(|span| span.protocol == protocol) {
        if span.range.first <= span.range.last {
            starts.extend([u32::from(span.range.first), u32::from(span.range.last) + 1]);
        }
    }
    starts.into_iter().collect()
}

fn meaning(protocol: Protocol, port: u16, atoms: &[Atom]) -> Meaning {
    let of = |(n, atom): (usize, &Atom)| {
        let spans = atom.ports.as_ref()?.iter().enumerate();
        let meant = spans
            .filter(|(_, span)| span.protocol == protocol && span.range.range().contains(&port));
        // A proxy first, of several the one that is asked first, then the closest.
        let best = meant.max_by_key(|(_, span)| {
            let proxy = span.proxy.map_or(0, |priority| u8::MAX - priority);
            (proxy, span.closeness)
        });
        best.map(|(span, _)| (n, span))
    };
    atoms.iter().enumerate().filter_map(of).collect()
}

/// Cuts a range into prefixes, the largest first that fit.
fn prefixes(protocol: Protocol, first: u16, last: u16) -> Vec<PortPrefix> {
    let mut prefixes = Vec::new();
    let (mut next, end) = (u32::from(first), u32::from(last) + 1);
    while next < end {
        let aligned = if next == 0 { 16 } else { next.trailing_zeros().min(16) };
        let fits = 31 - (end - next).leading_zeros();
        let bits = aligned.min(fits);
        let length = u8::try_from(16 - bits).unwrap_or(0);
        prefixes.push(PortPrefix { protocol, port: port(next), length });
        next += 1 << bits;
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_few_prefixes() {
        for (first, last, expected) in
            [(80, 80, 1), (0, 65535, 1), (1, 65535, 16), (1, 65534, 30), (1024, 2047, 1), (5, 4, 0)]
        {
            let cut = prefixes(Protocol::Tcp, first, last);
            assert_eq!(cut.len(), expected, "{first}-{last}");
            for port in 0..=u16::MAX {
                let inside = cut.iter().filter(|p| p.contains(Protocol::Tcp, port)).count();
                assert_eq!(inside == 1, (first..=last).contains(&port), "{first}-{last} {port}");
            }
        }
    }
}
