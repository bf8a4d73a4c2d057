//! URLs: which resource, object and subresource a path names, and the parameters after it.

use std::collections::HashMap;

use super::refusal::Refusal;

/// What a path below `/api/v1` or `/apis/GROUP/VERSION` names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ResourcePath {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: Option<String>,
    pub(super) plural: String,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// `/version`, `/healthz`, `/openapi/v3/api/v1`...
    Other(Vec<String>),
    /// `/api` and `/apis`, and groups and versions below them.
    Discovery(Vec<String>),
    Resource(ResourcePath),
}

impl Path {
    /// Parses a path; percent escapes are decoded once, after splitting, so an escaped slash stays inside its segment.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let mut segments = Vec::new();
        for raw in path.split('/').filter(|s| !s.is_empty()) {
            segments
                .push(decode(raw, Plus::Literal).ok_or_else(|| {
                    Refusal::BadRequest("the path is not valid UTF-8".to_owned())
                })?);
        }
        let skip = match segments.first().map(String::as_str) {
            Some("api") => 2,
            Some("apis") => 3,
            _ => return Ok(Self::Other(segments)),
        };
        if segments.len() <= skip {
            return Ok(Self::Discovery(segments));
        }
        let mut path = ResourcePath::default();
        if skip == 3 {
            path.group.clone_from(&segments[1]);
        }
        path.version.clone_from(&segments[skip - 1]);
        let mut rest = segments.drain(skip..).collect::<Vec<_>>();
        // /namespaces/NAME is a namespace, /namespaces/NAME/status its subresource, anything longer lies inside it.
        let inside = rest[0] == "namespaces"
            && rest.len() >= 3
            && !(rest.len() == 3 && matches!(rest[2].as_str(), "status" | "finalize"));
        if inside {
            path.namespace = Some(rest.remove(1));
            rest.remove(0);
        }
        let mut rest = rest.into_iter();
        path.plural = rest.next().unwrap_or_default();
        path.name = rest.next();
        path.subresource = rest.next();
        if rest.next().is_some() {
            return Err(Refusal::NoResource);
        }
        for name in path.name.iter().chain(&path.namespace) {
            if matches!(name.as_str(), "." | "..") || name.contains(['/', '%', '\0']) {
                return Err(Refusal::BadRequest(format!("invalid name {name:?}")));
            }
        }
        Ok(Self::Resource(path))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Literal,
    Space,
}

/// Decodes percent escapes; `None` when the result is not UTF-8 or an escape is cut off.
fn decode(text: &str, plus: Plus) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
            }
            b'+' if plus == Plus::Space => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// The query of a URL.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(HashMap<String, Vec<String>>);

impl Parameters {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let mut map: HashMap<String, Vec<String>> = HashMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (decode(key, Plus::Space), decode(value, Plus::Space))
            {
                map.entry(key).or_default().push(value);
            }
        }
        Self(map)
    }

    /// Returns a parameter; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Returns every value of a repeated parameter.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns a switch; `?watch`, `?watch=1` and `?watch=true` are on.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.0
            .get(name)
            .and_then(|v| v.first())
            .is_some_and(|v| matches!(v.as_str(), "" | "1" | "true" | "True" | "t"))
    }

    /// Changes a parameter that is there.
    pub(super) fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        for value in self.0.get_mut(name).into_iter().flatten() {
            *value = change(value);
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Refusal::BadRequest(format!("invalid value {text:?} of parameter {name}"))
                })
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> ResourcePath {
        match Path::parse(path) {
            Ok(Path::Resource(path)) => path,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_resources_objects_and_subresources() {
        let pods = resource("/api/v1/namespaces/default/pods/x/log");
        assert_eq!(pods.namespace.as_deref(), Some("default"));
        assert_eq!((pods.plural.as_str(), pods.name.as_deref()), ("pods", Some("x")));
        assert_eq!(pods.subresource.as_deref(), Some("log"));

        let namespace = resource("/api/v1/namespaces/a/status");
        assert_eq!((namespace.plural.as_str(), namespace.namespace), ("namespaces", None));
        assert_eq!(namespace.subresource.as_deref(), Some("status"));

        let custom = resource("/apis/skep.io/v1alpha1/skepidentities/4711");
        assert_eq!((custom.group.as_str(), custom.name.as_deref()), ("skep.io", Some("4711")));
        assert_eq!(
            resource("/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node").name.as_deref(),
            Some("system:node")
        );
    }

    #[test]
    fn tricks_in_paths_are_refused() {
        for path in [
            "/api/v1/namespaces/default/pods/..",
            "/api/v1/namespaces/%2e%2e/pods",
            "/api/v1/namespaces/default/pods/a%2fb",
            "/api/v1/namespaces/default/pods/a%00",
            "/api/v1/namespaces/default/pods/%ff",
            "/api/v1/namespaces/default/pods/a%2",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let parameters = Parameters::parse(Some("labelSelector=a%3Db&command=x&command=y+z&watch"));
        assert_eq!(parameters.text("labelSelector"), Some("a=b"));
        assert_eq!(parameters.all("command"), ["x", "y z"]);
        assert!(parameters.flag("watch") && !parameters.flag("follow"));
    }
}
