//! Patterns of names.

/// A pod by namespace and prefix of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodPattern {
    /// None stands for any.
    namespace: Option<String>,
    prefix: String,
}

impl PodPattern {
    /// Reads `namespace/prefix`, `namespace/`, `/prefix` or `prefix`.
    pub(super) fn parse(text: &str) -> Self {
        let (namespace, prefix) = text.split_once('/').unwrap_or(("default", text));
        Self {
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            prefix: prefix.to_owned(),
        }
    }

    /// Something that is not a pod never matches.
    pub(super) fn matches(&self, namespace: &str, pod: &str) -> bool {
        !(namespace.is_empty() && pod.is_empty())
            && self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
            && pod.starts_with(&self.prefix)
    }
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
    use super::{NodePattern, PodPattern};

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
            assert_eq!(PodPattern::parse(pattern).matches(namespace, pod), matches, "{pattern}");
        }
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
