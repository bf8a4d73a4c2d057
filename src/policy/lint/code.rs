//! The codes: stable numbers, names and severities, with a page for each.

use crate::policy::parse::Severity;

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `NP` and four digits; never used for something else.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
}

const fn code(id: &'static str, name: &'static str, severity: Severity) -> Code {
    Code { id, name, severity }
}

use Severity::{Error, Info, Pedantic, Warn};

/// All codes, in order.
pub const CODES: [Code; 58] = [
    code("NP1001", "rejected-by-agent", Error),
    code("NP1002", "unknown-field", Error),
    code("NP1003", "wrong-indent-toPorts", Error),
    code("NP1004", "no-rules", Error),
    code("NP1005", "endport-below-port", Error),
    code("NP1006", "octal-or-hex-port", Warn),
    code("NP1007", "yaml-bool-name", Error),
    code("NP1008", "merge-conflict", Error),
    code("NP2001", "selector-matches-nothing", Warn),
    code("NP2002", "filtered-label", Warn),
    code("NP2003", "namespace-mismatch", Warn),
    code("NP2004", "ns-in-endpointselector", Warn),
    code("NP2005", "namespace-label-key", Warn),
    code("NP2006", "cidr-covers-pods", Warn),
    code("NP2007", "cidr-covers-nodes", Warn),
    code("NP2008", "cidr-is-service-ip", Warn),
    code("NP2009", "service-port-not-target-port", Warn),
    code("NP2010", "named-port-not-found", Warn),
    code("NP2011", "empty-list-selects-none", Warn),
    code("NP2012", "empty-ports-object", Warn),
    code("NP2013", "empty-deny-rule", Warn),
    code("NP2014", "dead-rule", Warn),
    code("NP2015", "redundant-rule", Info),
    code("NP2016", "missing-cidrgroup", Warn),
    code("NP2017", "reserved-in-cnp-selector", Info),
    code("NP2018", "cross-cluster-default-local", Warn),
    code("NP3001", "fqdn-without-dns-visibility", Error),
    code("NP3002", "no-dns-egress", Warn),
    code("NP3003", "dns-name-not-allowed", Warn),
    code("NP3004", "default-deny-surprise", Warn),
    code("NP3005", "probe-blocked", Warn),
    code("NP3006", "webhook-or-apiserver-unreachable", Warn),
    code("NP3007", "metrics-unreachable", Info),
    code("NP3008", "one-sided-allow", Warn),
    code("NP3009", "icmp-lost", Info),
    code("NP3010", "ingress-controller-source", Info),
    code("NP3011", "baseline-overrides-default-deny", Warn),
    code("NP4001", "allow-all", Warn),
    code("NP4002", "world-plus-cluster-cidr", Warn),
    code("NP4003", "fqdn-too-wide", Warn),
    code("NP4004", "no-port-on-world", Info),
    code("NP4005", "ccnp-selects-system", Warn),
    code("NP4006", "single-stack", Info),
    code("NP4007", "http-regex", Warn),
    code("NP5001", "l7-on-non-http", Warn),
    code("NP5002", "l7-defeated-by-l4", Warn),
    code("NP5003", "edd-false-with-l7", Warn),
    code("NP5004", "kafka-or-l7proto-removed", Error),
    code("NP5005", "sni-vs-fqdn-mismatch", Info),
    code("NP6001", "host-lockout", Error),
    code("NP6002", "host-firewall-off", Warn),
    code("NP6003", "nodeport-not-covered", Info),
    code("NP7001", "deprecated-syntax", Warn),
    code("NP7002", "toservices-toports", Warn),
    code("NP7003", "unportable-ipblock", Info),
    code("NP8001", "missing-description", Pedantic),
    code("NP8002", "duplicate-object", Pedantic),
    code("NP8003", "unsorted-ports", Pedantic),
];

/// The pages, a file per group of codes.
const PAGES: [&str; 8] = [
    include_str!("pages/1-validity.md"),
    include_str!("pages/2-matches-nothing.md"),
    include_str!("pages/3-reachability.md"),
    include_str!("pages/4-too-broad.md"),
    include_str!("pages/5-layer7.md"),
    include_str!("pages/6-host.md"),
    include_str!("pages/7-compatibility.md"),
    include_str!("pages/8-style.md"),
];

impl Code {
    /// Finds a code by its number or its name.
    pub fn find(text: &str) -> Option<&'static Self> {
        CODES.iter().find(|code| code.id.eq_ignore_ascii_case(text) || code.name == text)
    }

    /// Returns its page: why, bad, good, fix.
    pub fn page(&self) -> &'static str {
        let heading = format!("# {} ", self.id);
        let group = PAGES.iter().find_map(|page| Some((page, page.find(&heading)?)));
        let (page, start) = group.expect("a test looks at every page");
        let rest = &page[start..];
        rest[2..].find("\n# ").map_or(rest, |end| &rest[..end + 3]).trim_end()
    }

    /// Tells whether a choice means this code: `ALL`, its number, the beginning of it, or its name.
    pub fn is_meant_by(&self, choice: &str) -> bool {
        let upper = choice.to_ascii_uppercase();
        upper == "ALL" || self.name == choice || (upper.len() > 2 && self.id.starts_with(&upper))
    }
}

/// Finds a code that the checks use.
pub(super) fn of(id: &str) -> &'static Code {
    Code::find(id).expect("checks use codes of the table only")
}

/// Which codes are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Choices that are wanted; empty = all but pedantic ones.
    pub select: Vec<String>,
    /// Choices that are not wanted; they win.
    pub ignore: Vec<String>,
}

impl Selection {
    /// Tells whether findings of a code and severity are wanted.
    pub fn wants(&self, code: &Code, severity: Severity) -> bool {
        let wanted = if self.select.is_empty() {
            severity > Pedantic
        } else {
            self.select.iter().any(|choice| code.is_meant_by(choice))
        };
        wanted && !self.ignore.iter().any(|choice| code.is_meant_by(choice))
    }
}

/// Tells whether a choice means any code at all.
pub fn is_choice(choice: &str) -> bool {
    CODES.iter().any(|code| code.is_meant_by(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_that_says_why_and_shows_bad_and_good() {
        for code in CODES {
            let page = code.page();
            assert!(
                page.starts_with(&format!("# {} {}\n", code.id, code.name)),
                "{}: {page}",
                code.id
            );
            for part in ["\nBad:\n", "\nGood:\n", "\nFix: "] {
                assert_eq!(page.matches(part).count(), 1, "{} has no {part:?}", code.id);
            }
        }
    }

    #[test]
    fn choices() {
        let select = |select: &[&str], ignore: &[&str]| Selection {
            select: select.iter().map(|&s| s.to_owned()).collect(),
            ignore: ignore.iter().map(|&s| s.to_owned()).collect(),
        };
        let wants = |selection: &Selection, id: &str| selection.wants(of(id), of(id).severity);
        assert!(wants(&select(&[], &[]), "NP2006") && !wants(&select(&[], &[]), "NP8001"));
        assert!(wants(&select(&["ALL"], &[]), "NP8001"));
        assert!(wants(&select(&["NP2"], &["cidr-covers-nodes"]), "NP2006"));
        assert!(!wants(&select(&["np2"], &["NP2006"]), "NP2006"));
        assert!(is_choice("NP30") && !is_choice("NP99") && !is_choice("N"));
    }
}
