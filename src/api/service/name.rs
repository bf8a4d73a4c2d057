//! Names of objects, as people and questions write them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `NAMESPACE/NAME` of a service or a pod. Among services, a pod is `NAMESPACE/pod/NAME`, and a policy that
/// redirects is `NAMESPACE/redirect/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QualifiedName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// A text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not NAMESPACE/NAME, such as shop/web")]
pub struct InvalidName;

impl FromStr for QualifiedName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (namespace, name) = text.split_once('/').ok_or(InvalidName)?;
        let prefixes = ["pod/", "redirect/"].into_iter();
        let bare = prefixes.filter_map(|prefix| name.strip_prefix(prefix)).next().unwrap_or(name);
        if !is_name(namespace) || !is_name(bare) {
            return Err(InvalidName);
        }
        Ok(Self { namespace: namespace.into(), name: name.into() })
    }
}

/// What Kubernetes takes as a name (RFC 1123, subdomains included).
fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.into_iter().all(|byte| byte.is_some_and(is_inner))
        && text.bytes().all(|byte| is_inner(byte) || b"-.".contains(&byte))
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl TryFrom<String> for QualifiedName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<QualifiedName> for String {
    fn from(name: QualifiedName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidName, QualifiedName};

    #[test]
    fn a_name_has_a_namespace() {
        let name: QualifiedName = "kube-system/kube-dns.v2".parse().unwrap();
        assert_eq!(name.to_string(), "kube-system/kube-dns.v2");
        let pod: QualifiedName = "shop/pod/web-0".parse().unwrap();
        assert_eq!((&*pod.namespace, &*pod.name), ("shop", "pod/web-0"));
        assert!("shop/redirect/dns".parse::<QualifiedName>().is_ok());
        for text in [
            "shop/pod/",
            "shop/redirect/",
            "shop/pod/a/b",
            "web",
            "/web",
            "shop/",
            "shop/web/x",
            "Shop/web",
            "shop/-web",
            "shop/we b",
        ] {
            assert_eq!(text.parse::<QualifiedName>(), Err(InvalidName), "{text}");
        }
    }
}
