//! Patterns of names.

use regex::Regex;

/// A pod or service by namespace and prefix of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodPattern {
    /// None stands for any.
    namespace: Option<String>,
    prefix: String,
}

impl PodPattern {
    /// Reads `namespace/prefix`, `namespace/`, `/prefix` or `prefix`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (namespace, prefix) = text.split_once('/').unwrap_or(("default", text));
        // Nothing at all is a mistake; a lone slash is any pod, as clients ask for with -A.
        (!text.is_empty()).then(|| Self {
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            prefix: prefix.to_owned(),
        })
    }

    /// Something that is not a pod never matches.
    pub(super) fn matches(&self, namespace: &str, pod: &str) -> bool {
        !(namespace.is_empty() && pod.is_empty())
            && self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
            && pod.starts_with(&self.prefix)
    }
}

/// Reads a DNS name in which `*` stands for any run of characters that names have.
pub(super) fn name_pattern(text: &str) -> Option<Regex> {
    let text = text.strip_suffix('.').unwrap_or(text).to_lowercase();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._*".contains(c);
    if text.is_empty() || !text.chars().all(is_name) {
        return None;
    }
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join("[-.0-9a-z]*"))).ok()
}

/// A node as `cluster/node`, with `*` for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodePattern {
    cluster: String,
    node: String,
}

impl NodePattern {
    /// Without a cluster, nodes of every cluster match; `cluster/` stands for all its nodes.
    pub(super) fn parse(text: &str) -> Self {
        let (cluster, node) = text.split_once('/').unwrap_or(("*", text));
        let or_any = |text: &str| if text.is_empty() { "*".to_owned() } else { text.to_owned() };
        Self { cluster: or_any(cluster), node: or_any(node) }
    }

    pub(super) fn matches(&self, node_name: &str) -> bool {
        let (cluster, node) = node_name.split_once('/').unwrap_or(("default", node_name));
        glob(&self.cluster, cluster) && glob(&self.node, node)
    }
}

/// Matches without backtracking into earlier stars, so the time is bounded by pattern x text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{NodePattern, PodPattern, name_pattern};

    #[test]
    fn names_match_as_a_whole() {
        for (pattern, name, matches) in [
            ("api.example.com", "api.example.com", true),
            ("API.example.com.", "api.example.com", true),
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("example.com", "api.example.com", false),
            ("example.com", "exampleXcom", false),
            ("*", "anything.at.all", true),
        ] {
            let pattern = name_pattern(pattern).unwrap();
            assert_eq!(pattern.is_match(name), matches, "{pattern} {name}");
        }
        for nonsense in ["", "a b", "a(b", "."] {
            assert!(name_pattern(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn pods_match_by_namespace_and_prefix() {
        for (pattern, namespace, pod, matches) in [
            ("shop/front", "shop", "front-1", true),
            ("shop/front", "shop", "back-1", false),
            ("shop/front", "default", "front-1", false),
            ("shop/", "shop", "anything", true),
            ("/front", "any", "front-1", true),
            ("front", "default", "front-1", true),
            ("front", "shop", "front-1", false),
            ("/", "", "", false),
        ] {
            let parsed = PodPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(namespace, pod), matches, "{pattern}");
        }
        assert!(PodPattern::parse("").is_none());
    }

    #[test]
    fn nodes_match_by_cluster_and_wildcard() {
        for (pattern, node, matches) in [
            ("n1", "default/n1", true),
            ("n1", "other/n1", true),
            ("default/n*", "default/n12", true),
            ("default/*1*2", "default/n1x2", true),
            ("default/*1*2", "default/n1x23", false),
            ("default/", "default/anything", true),
            ("prod/", "default/n1", false),
            ("n", "default/n1", false),
            ("default/n1", "n1", true),
        ] {
            assert_eq!(NodePattern::parse(pattern).matches(node), matches, "{pattern} {node}");
        }
    }
}
