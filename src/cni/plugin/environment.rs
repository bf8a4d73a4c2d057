//! What the runtime says in environment variables.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    str::FromStr,
};

use super::{
    name::{IfName, InvalidName, Name},
    verb::Verb,
};
use crate::{cni::wire::AttachmentKey, model::PodRef};

/// A call whose variables are all there and usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Add { attachment: AttachmentKey, netns: OsString, pod: Option<PodRef> },
    Del { attachment: AttachmentKey },
    Check { attachment: AttachmentKey, netns: OsString },
    Gc,
    Status,
    Version,
}

/// Variables that are missing or unusable; all of them are listed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment of this CNI call is not usable: {}", list(.0))]
pub(super) struct InvalidEnvironment(Vec<(&'static str, Problem)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("is missing")]
    Missing,
    #[error("is not UTF-8")]
    Encoding,
    #[error("must be ADD, DEL, CHECK, GC, STATUS or VERSION")]
    Verb,
    #[error("must be KEY=VALUE pairs with semicolons")]
    Pairs,
    #[error("names a pod without a namespace, or a namespace without a pod")]
    HalfAPod,
    #[error("has a K8S_POD_ value that Kubernetes cannot have made")]
    Pod,
    #[error(transparent)]
    Name(#[from] InvalidName),
}

fn list(problems: &[(&'static str, Problem)]) -> String {
    let texts: Vec<_> = problems.iter().map(|(name, why)| format!("{name} {why}")).collect();
    texts.join("; ")
}

/// Reads the verb alone: whether standard input is to be read depends on it.
pub(super) fn verb(read: impl Fn(&str) -> Option<OsString>) -> Result<Verb, InvalidEnvironment> {
    const NAME: &str = "CNI_COMMAND";
    let invalid = |problem| InvalidEnvironment(vec![(NAME, problem)]);
    let text = read(NAME).filter(|text| !text.is_empty()).ok_or(invalid(Problem::Missing))?;
    let text = text.to_str().ok_or(invalid(Problem::Encoding))?;
    text.parse().map_err(|_| invalid(Problem::Verb))
}

/// Reads everything that the verb needs.
pub(super) fn call(
    verb: Verb,
    read: impl Fn(&str) -> Option<OsString>,
) -> Result<Call, InvalidEnvironment> {
    let mut variables = Variables { read, problems: Vec::new() };
    let call = match verb {
        Verb::Gc => Some(Call::Gc),
        Verb::Status => Some(Call::Status),
        Verb::Version => Some(Call::Version),
        // The specification lets CNI_NETNS be empty here, and nothing depends on it.
        Verb::Del => variables.attachment().map(|attachment| Call::Del { attachment }),
        Verb::Add => {
            let parts = (variables.attachment(), variables.netns(), variables.pod());
            match parts {
                (Some(attachment), Some(netns), Some(pod)) => {
                    Some(Call::Add { attachment, netns, pod })
                }
                _ => None,
            }
        }
        Verb::Check => match (variables.attachment(), variables.netns()) {
            (Some(attachment), Some(netns)) => Some(Call::Check { attachment, netns }),
            _ => None,
        },
    };
    match call {
        Some(call) if variables.problems.is_empty() => Ok(call),
        _ => Err(InvalidEnvironment(variables.problems)),
    }
}

struct Variables<R> {
    read: R,
    problems: Vec<(&'static str, Problem)>,
}

impl<R: Fn(&str) -> Option<OsString>> Variables<R> {
    fn attachment(&mut self) -> Option<AttachmentKey> {
        let container: Option<Name> = self.parsed("CNI_CONTAINERID");
        let ifname: Option<IfName> = self.parsed("CNI_IFNAME");
        Some(AttachmentKey { container_id: container?.into(), ifname: ifname?.into() })
    }

    fn netns(&mut self) -> Option<OsString> {
        self.present("CNI_NETNS")
    }

    /// Returns `Some(None)` when the runtime did not name a pod.
    fn pod(&mut self) -> Option<Option<PodRef>> {
        const NAME: &str = "CNI_ARGS";
        let text = (self.read)(NAME).unwrap_or_default();
        match text.to_str().ok_or(Problem::Encoding).and_then(pod_of) {
            Ok(pod) => Some(pod),
            Err(problem) => {
                self.problems.push((NAME, problem));
                None
            }
        }
    }

    fn parsed<T: FromStr<Err = InvalidName>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.present(name)?;
        let parsed = text.to_str().ok_or(Problem::Encoding).and_then(|text| Ok(text.parse()?));
        parsed.map_err(|problem| self.problems.push((name, problem))).ok()
    }

    fn present(&mut self, name: &'static str) -> Option<OsString> {
        let text = (self.read)(name).filter(|text| !text.is_empty());
        if text.is_none() {
            self.problems.push((name, Problem::Missing));
        }
        text
    }
}

/// Finds the pod in CNI_ARGS. Runtimes differ in which other keys they add, and in the order.
fn pod_of(text: &str) -> Result<Option<PodRef>, Problem> {
    let (mut namespace, mut name, mut uid) = (None, None, None);
    for pair in text.split(';').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(Problem::Pairs)?;
        match key {
            "K8S_POD_NAMESPACE" => namespace = Some(value),
            "K8S_POD_NAME" => name = Some(value),
            "K8S_POD_UID" => uid = Some(value),
            _ => {}
        }
    }
    let pod = match (namespace, name) {
        (None, None) => return Ok(None),
        (Some(namespace), Some(name)) => PodRef {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.unwrap_or_default().to_owned(),
        },
        _ => return Err(Problem::HalfAPod),
    };
    // The names become part of a request's path to the API server.
    let fits = label(&pod.namespace, 63, "-")
        && label(&pod.name, 253, "-.")
        && (pod.uid.is_empty() || label(&pod.uid, 128, "-"));
    if fits { Ok(Some(pod)) } else { Err(Problem::Pod) }
}

fn label(text: &str, longest: usize, marks: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= longest
        && text.starts_with(plain)
        && text.chars().all(|c| plain(c) || marks.contains(c))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { attachment, .. }
            | Self::Del { attachment }
            | Self::Check { attachment, .. } => {
                write!(f, "{} {}", attachment.container_id, attachment.ifname)
            }
            Self::Gc | Self::Status | Self::Version => f.write_str("-"),
        }
    }
}

/// Reads the environment of this process.
pub(super) fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(OsStr::new(name))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::ffi::OsStringExt};

    use super::*;

    fn full() -> BTreeMap<&'static str, OsString> {
        [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c0ffee"),
            ("CNI_NETNS", "/run/netns/x"),
            ("CNI_IFNAME", "eth0"),
            (
                "CNI_ARGS",
                "IgnoreUnknown=1;K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=shop;K8S_POD_UID=u-1",
            ),
        ]
        .map(|(name, value)| (name, value.into()))
        .into()
    }

    fn problems(change: &[(&'static str, &str)]) -> String {
        let mut variables = full();
        variables.extend(change.iter().map(|(name, value)| (*name, OsString::from(value))));
        let read = |name: &str| variables.get(name).cloned();
        let call = verb(read).and_then(|verb| call(verb, read));
        call.err().map(|error| list(&error.0)).unwrap_or_default()
    }

    #[test]
    fn a_full_call_names_container_interface_and_pod() {
        let variables = full();
        let read = |name: &str| variables.get(name).cloned();
        let Ok(Call::Add { attachment, pod: Some(pod), .. }) = call(Verb::Add, read) else {
            panic!("refused")
        };
        assert_eq!(
            (attachment.container_id.as_str(), attachment.ifname.as_str()),
            ("c0ffee", "eth0")
        );
        assert_eq!((pod.to_string().as_str(), pod.uid.as_str()), ("shop/web-1", "u-1"));
    }

    #[test]
    fn every_bad_variable_is_named() {
        let cases: [(&[(&str, &str)], &str); 10] = [
            (&[("CNI_COMMAND", "")], "CNI_COMMAND is missing"),
            (&[("CNI_COMMAND", "add")], "CNI_COMMAND must be ADD"),
            (&[("CNI_CONTAINERID", "../../etc")], "CNI_CONTAINERID must be letters"),
            (&[("CNI_IFNAME", "sixteen-letters-")], "CNI_IFNAME has 16 bytes"),
            (&[("CNI_IFNAME", "a/b")], "CNI_IFNAME is no name"),
            (&[("CNI_NETNS", "")], "CNI_NETNS is missing"),
            (&[("CNI_ARGS", "novalue")], "CNI_ARGS must be"),
            (&[("CNI_ARGS", "K8S_POD_NAME=a")], "CNI_ARGS names a pod without"),
            (&[("CNI_ARGS", "K8S_POD_NAME=../x;K8S_POD_NAMESPACE=b")], "CNI_ARGS has a K8S_POD_"),
            (
                &[("CNI_CONTAINERID", ""), ("CNI_IFNAME", "")],
                "CNI_CONTAINERID is missing; CNI_IFNAME",
            ),
        ];
        for (change, expected) in cases {
            let found = problems(change);
            assert!(found.contains(expected), "{change:?}: {found:?}");
        }
        assert_eq!(problems(&[("CNI_ARGS", "")]), "");
        assert_eq!(problems(&[("CNI_COMMAND", "DEL"), ("CNI_NETNS", ""), ("CNI_ARGS", "x")]), "");
        assert_eq!(problems(&[("CNI_COMMAND", "STATUS"), ("CNI_CONTAINERID", "")]), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let mut variables = full();
        variables.insert("CNI_CONTAINERID", OsString::from_vec(vec![b'a', 0xff]));
        let error = call(Verb::Del, |name| variables.get(name).cloned()).unwrap_err();
        assert_eq!(error.0, [("CNI_CONTAINERID", Problem::Encoding)]);
    }
}
