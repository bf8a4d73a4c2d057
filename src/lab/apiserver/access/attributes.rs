//! What a request wants to do, as rules see it.

use crate::lab::apiserver::call::Call;

/// A verb and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) struct Attributes<'a> {
    pub(in crate::lab::apiserver) verb: &'a str,
    pub(in crate::lab::apiserver) subject: Subject<'a>,
}

/// What a verb is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum Subject<'a> {
    Resource(Wanted<'a>),
    /// A path that is no resource.
    Path(&'a str),
}

/// Objects of a resource; empty members mean all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::lab::apiserver) struct Wanted<'a> {
    pub(in crate::lab::apiserver) group: &'a str,
    pub(in crate::lab::apiserver) resource: &'a str,
    pub(in crate::lab::apiserver) subresource: &'a str,
    pub(in crate::lab::apiserver) namespace: &'a str,
    pub(in crate::lab::apiserver) name: &'a str,
}

impl<'a> Subject<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let name = call.path.name.as_deref().or_else(|| call.selected_name()).unwrap_or_default();
        // Requests about a namespace count as requests in it.
        let own = call.resource.is("", "Namespace").then_some(name);
        Self::Resource(Wanted {
            group: &call.path.group,
            resource: &call.path.plural,
            subresource: call.subresource(),
            namespace: own.unwrap_or_else(|| call.namespace()),
            name,
        })
    }
}

impl Wanted<'_> {
    /// Returns `pods/log` or `pods`, as rules name it.
    pub(super) fn path(&self) -> String {
        match self.subresource {
            "" => self.resource.to_owned(),
            sub => format!("{}/{sub}", self.resource),
        }
    }
}

impl Attributes<'_> {
    /// Returns the words of a refusal.
    pub(super) fn denial(&self, user: &str) -> String {
        match self.subject {
            Subject::Path(path) => format!("User {user:?} cannot {} path {path:?}", self.verb),
            Subject::Resource(wanted) => {
                let place = match wanted.namespace {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                format!(
                    "User {user:?} cannot {} resource {:?} in API group {:?} {place}",
                    self.verb,
                    wanted.path(),
                    wanted.group,
                )
            }
        }
    }
}
