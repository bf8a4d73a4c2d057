//! The one error that is shown, and the table that says what each inner error means to the user.

use std::{error, fmt, io};

use super::{cluster::ClusterError, exit, observe::InvalidTerm, policy::PolicyError};
use crate::{
    api::ClientError,
    connectivity::{DeployError, NothingSelected, TestError, serve::ServeError},
    lab,
};

/// What an error means to the caller; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer is no.
    No,
    /// The command line makes no sense.
    Usage,
    /// Something is missing around skep.
    Environment,
    /// The user's input is not valid.
    Input,
    /// A bug in skep.
    Bug,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Nobody reads the output any more, as in `skep observe | head`. Not a failure.
    Closed,
}

impl Kind {
    /// Returns the process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::No => exit::NO,
            Self::Usage => exit::USAGE,
            Self::Environment => exit::ENVIRONMENT,
            Self::Input => exit::INPUT,
            Self::Bug => exit::BUG,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Terminated => exit::TERMINATED,
            Self::Closed => exit::OK,
        }
    }

    /// Tells whether there is anything to explain.
    pub(crate) const fn is_silent(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated | Self::Closed)
    }
}

/// A failed command: what it means, why, and what to type next.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    source: Box<dyn error::Error + Send + Sync>,
    hints: Vec<String>,
}

impl Error {
    /// Wraps an error without hints.
    pub(crate) fn new(kind: Kind, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new() }
    }

    /// Adds what the user may do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Changes what it means.
    #[must_use]
    pub(crate) fn but(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Returns what it means.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what the user may do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the error and its sources, outermost first. A source whose text its parent already
    /// ends with is left out: some libraries repeat it.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.source.to_string()];
        let mut next = self.source.source();
        while let Some(source) = next {
            let text = source.to_string();
            if !chain.last().is_some_and(|parent| parent.ends_with(&text)) {
                chain.push(text);
            }
            next = source.source();
        }
        chain
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// Defines `From` for inner errors: the table of what each means and what to type next.
macro_rules! table {
    ($($(#[$meta:meta])* |$error:ident: $type:ty| $row:expr;)*) => {
        $(
            $(#[$meta])*
            impl From<$type> for Error {
                fn from($error: $type) -> Self {
                    let (kind, hints): (Kind, Vec<String>) = $row;
                    Self { kind, source: Box::new($error), hints }
                }
            }
        )*
    };
}

impl From<lab::EntryError> for Error {
    fn from(error: lab::EntryError) -> Self {
        match error {
            lab::EntryError::State(inner) => inner.into(),
            lab::EntryError::Cgroup(inner) => inner.into(),
        }
    }
}

table! {
    // Standard output is the only plain I/O a command does without an error type of its own.
    |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => (Kind::Closed, vec![]),
        _ => (Kind::Environment, vec![]),
    };
    |error: super::runtime::Stopped| (error.kind(), vec![]);
    |error: crate::bench::BenchError| match error {
        crate::bench::BenchError::NotRoot => (Kind::Environment, vec!["sudo skep bench".into()]),
        crate::bench::BenchError::Cancelled => (Kind::Interrupted, vec![]),
        _ => (Kind::Environment, vec![]),
    };
    |error: crate::bench::CniError| (Kind::Environment, vec![]);
    |error: crate::bench::PolicyBenchError| (Kind::Environment, vec![]);
    |error: crate::bench::ServiceBenchError| (Kind::Environment, vec![]);
    |error: super::runtime::RuntimeError| (Kind::Environment, vec![]);
    |error: super::output::EncodeError| (Kind::Bug, vec![]);
    |error: InvalidTerm| (Kind::Usage, vec!["`skep observe --help` lists the filters".into()]);
    |error: super::man::ManError| (Kind::Environment, vec![]);
    |error: crate::config::InvalidConfig| (Kind::Input, vec![]);
    |error: crate::agent::AgentError| (Kind::Environment, vec![]);
    |error: crate::operator::OperatorError| (Kind::Environment, vec![]);
    |error: crate::api::hubble::HubbleError| (Kind::Environment, vec![]);
    |error: crate::api::hubble::ServerError| match &error {
        crate::api::hubble::ServerError::Address { .. } => (Kind::Usage, vec![]),
        crate::api::hubble::ServerError::TokenInTheClear { .. } => {
            (Kind::Usage, vec!["add --tls, or make a local address by `skep relay port-forward`".into()])
        }
        crate::api::hubble::ServerError::Token => (Kind::Input, vec![]),
        crate::api::hubble::ServerError::Tls { .. } => (Kind::Input, vec![]),
        error if error.wants_token() => {
            (Kind::Environment, vec!["show it a token: `kubectl create token ACCOUNT > FILE`, then --token-file FILE".into()])
        }
        _ => (Kind::Environment, vec![]),
    };
    |error: lab::StateError| lab_state(&error);
    |error: lab::CgroupError| (Kind::Environment, vec![cgroup_hint()]);
    |error: lab::ManifestError| (Kind::Input, match &error {
        lab::ManifestError::Source { path, renderer, .. } => {
            vec![format!("{renderer} {} | skep lab up -f -", path.display())]
        }
        _ => vec![],
    });
    |error: lab::SnapshotError| (
        Kind::Environment,
        vec!["`skep lab status` tells whether the lab's API server runs".into()]
    );
    |error: lab::UpError| lab_up(&error);
    |error: lab::DownError| (Kind::Environment, vec!["`skep lab down` can be repeated".into()]);
    |error: lab::PowerError| lab_power(&error);
    |error: lab::DisturbError| lab_disturb(&error);
    |error: lab::EnterError| lab_enter(&error);
    |error: lab::ServeError| (Kind::Environment, vec![]);
    |error: lab::StandInError| (Kind::Environment, vec![]);
    |error: PolicyError| policy(&error);
    |error: lab::ClusterDnsError| (Kind::Environment, vec![]);
    |error: lab::WorldError| (Kind::Environment, vec![]);
    |error: lab::NamesError| world_names(&error);
    |error: ClientError| client(&error);
    |error: ClusterError| cluster(&error);
    |error: NothingSelected| (
        Kind::Usage,
        vec!["`skep connectivity list --profile full` shows every scenario".into()]
    );
    |error: ServeError| (
        Kind::Environment,
        vec!["another program listens there; --port chooses another".into()]
    );
    |error: TestError| test(&error);
}

fn test(error: &TestError) -> (Kind, Vec<String>) {
    let hint = match error {
        TestError::Cancelled => return (Kind::Interrupted, vec![]),
        TestError::Outside(_) => {
            "--outside is a command that runs skep where nodes can be reached: \"ssh gateway skep\""
        }
        TestError::Exec(_) => {
            "the kubeconfig's user needs `create` on pods/exec, and the pods' image needs skep"
        }
        TestError::Deploy(error) => match error {
            DeployError::Api { .. } => {
                "the test makes a namespace, a service and pods: check that the kubeconfig's user may, and that `kubectl get nodes` works"
            }
            DeployError::NoNodes { .. } => "`kubectl get nodes` tells how the nodes are",
            DeployError::NamespaceExists { .. } => {
                "another run uses it, or one was killed: delete it, or leave --test-namespace out"
            }
            DeployError::NotStarted { .. } => "--start-timeout gives them more time",
            DeployError::Forbidden { .. } => {
                "the test's namespace asks for the pod security level `privileged`; a webhook may add rules of its own"
            }
            DeployError::Image { .. } => "--image names the image of skep to use",
            DeployError::Stays { .. } => "`kubectl get namespace -o yaml` tells what it waits for",
        },
    };
    (Kind::Environment, vec![hint.into()])
}

fn cgroup_hint() -> String {
    "the lab needs a cgroup2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup".into()
}

/// Where labs are, and what that takes.
const ROOM: &str = "labs live below /run/skep/lab, which needs a writable /run with some room";

/// Tells whether something failed for want of room, however deep below.
fn lacks_room(error: &(dyn error::Error + 'static)) -> bool {
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(is_full) {
            return true;
        }
        next = error.source();
    }
    false
}

fn lab_state(error: &lab::StateError) -> (Kind, Vec<String>) {
    let hints = match error {
        lab::StateError::NoLab { .. } => {
            vec!["`skep lab list` shows the labs there are, `skep lab up` makes one".into()]
        }
        lab::StateError::NoNode { .. } => vec!["`skep lab status` lists the nodes".into()],
        lab::StateError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            vec!["labs are for root: run this with sudo".into()]
        }
        lab::StateError::Io { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull
            ) =>
        {
            vec![ROOM.into()]
        }
        _ => vec![],
    };
    (Kind::Environment, hints)
}

fn world_names(error: &lab::NamesError) -> (Kind, Vec<String>) {
    match error {
        lab::NamesError::State(inner) => lab_state(inner),
        lab::NamesError::NoName { .. } | lab::NamesError::NoAddress { .. } => {
            (Kind::Input, vec!["`skep lab world dns list` shows all names".into()])
        }
        lab::NamesError::Full => (Kind::Input, vec![]),
        lab::NamesError::Damaged { .. } => (Kind::Environment, vec![]),
    }
}

fn lab_up(error: &lab::UpError) -> (Kind, Vec<String>) {
    if lacks_room(error) {
        return (Kind::Environment, vec![ROOM.into()]);
    }
    match error {
        lab::UpError::Cancelled => (Kind::Interrupted, vec![]),
        lab::UpError::Apply(
            lab::ApplyError::Discovery { .. } | lab::ApplyError::Namespaces { .. },
        ) => (Kind::Environment, vec![]),
        lab::UpError::Apply(_) => (Kind::Input, vec![]),
        lab::UpError::State(inner) => lab_state(inner),
        lab::UpError::NotRoot => (Kind::Environment, vec!["run it with sudo".into()]),
        lab::UpError::Missing(missing) => (Kind::Environment, vec![missing.hint.into()]),
        lab::UpError::Cgroup(lab::CgroupError::NotMounted) => {
            (Kind::Environment, vec![cgroup_hint()])
        }
        lab::UpError::Exists { name } => (
            Kind::Environment,
            vec![format!("`skep lab down --name {name}` removes it, another --name makes another")],
        ),
        lab::UpError::Other { name, .. } => (
            Kind::Environment,
            vec![format!(
                "`skep lab up --name {name}` starts it again as it was, `skep lab down --name {name}` removes it"
            )],
        ),
        lab::UpError::Leftovers { .. } => {
            (Kind::Environment, vec!["`skep lab down` tries to clean up again".into()])
        }
        _ => (Kind::Environment, vec![]),
    }
}

fn lab_power(error: &lab::PowerError) -> (Kind, Vec<String>) {
    match error {
        lab::PowerError::State(inner) => lab_state(inner),
        lab::PowerError::Broken { .. } => {
            (Kind::Environment, vec!["`skep lab up` starts its processes again".into()])
        }
        lab::PowerError::IsOff { node } => {
            (Kind::Environment, vec![format!("`skep lab node start {node}` switches it on")])
        }
        lab::PowerError::Off { .. } => {
            (Kind::Environment, vec!["`skep lab node stop` can be repeated".into()])
        }
        _ => (Kind::Environment, vec!["`skep lab status` tells how the lab is".into()]),
    }
}

fn lab_disturb(error: &lab::DisturbError) -> (Kind, Vec<String>) {
    match error {
        lab::DisturbError::State(inner) => lab_state(inner),
        lab::DisturbError::Same { .. } => (Kind::Usage, vec![]),
        lab::DisturbError::Off { node, .. } => {
            (Kind::Environment, vec![format!("`skep lab node start {node}` switches it on")])
        }
        lab::DisturbError::NoNetem(_) => (
            Kind::Environment,
            vec!["`modprobe sch_netem` loads it, if the kernel was built with it (CONFIG_NET_SCH_NETEM)".into()],
        ),
        lab::DisturbError::Refused { .. } => (Kind::Environment, vec![]),
    }
}

fn lab_enter(error: &lab::EnterError) -> (Kind, Vec<String>) {
    let hints = match error {
        lab::EnterError::Namespace(_) | lab::EnterError::Cgroup { .. } => {
            vec!["labs are for root; `skep lab status` tells whether this one is whole".into()]
        }
        _ => vec![],
    };
    (Kind::Environment, hints)
}

fn policy(error: &PolicyError) -> (Kind, Vec<String>) {
    match error {
        PolicyError::Cluster(inner) => {
            let (kind, mut hints) = cluster(inner);
            if matches!(inner, ClusterError::Kubeconfig { .. }) {
                hints.push("manifests need no cluster: name them by -f FILES".into());
            }
            (kind, hints)
        }
        PolicyError::Spec(_) => (Kind::Usage, vec![]),
        PolicyError::Absent { .. } => (
            Kind::No,
            vec![
                "name its namespace with -n; `kubectl get netpol,cnp,ccnp -A` lists policies"
                    .into(),
            ],
        ),
        PolicyError::NoCluster => {
            (Kind::Environment, vec!["name the cluster with --kubeconfig".into()])
        }
        PolicyError::Code(_) => (
            Kind::Usage,
            vec!["codes are NP and four digits, or names such as no-dns-egress".into()],
        ),
        PolicyError::Write { .. } => (Kind::Environment, vec![]),
        PolicyError::NoPods => (Kind::Input, vec!["add them with -f FILES".into()]),
        PolicyError::Rejected(_) => {
            (Kind::Input, vec!["an agent would reject these objects as a whole".into()])
        }
        _ => (Kind::Input, vec![]),
    }
}

fn client(error: &ClientError) -> (Kind, Vec<String>) {
    match error {
        ClientError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            (Kind::Environment, vec!["the agent's socket is for root: run this with sudo".into()])
        }
        ClientError::Connect { .. } => (
            Kind::Environment,
            vec![
                "no agent serves this node: start one with `skep agent`, or a lab with `skep lab up`"
                    .into(),
                "to ask a cluster instead, add --kubeconfig FILE".into(),
            ],
        ),
        ClientError::Refused { status: 400, .. } => (Kind::Usage, vec![]),
        ClientError::Broken(_) | ClientError::Refused { .. } => (Kind::Environment, vec![]),
        ClientError::Malformed(_) | ClientError::TooLong => (
            Kind::Environment,
            vec!["the agent may be of another version; compare `skep version` and `skep status`".into()],
        ),
        ClientError::Encode(_) => (Kind::Bug, vec![]),
    }
}

fn cluster(error: &ClusterError) -> (Kind, Vec<String>) {
    let hint = match error {
        ClusterError::Kubeconfig { .. } | ClusterError::Client(_) | ClusterError::NotInPod(_) => {
            "check --kubeconfig, --context and $KUBECONFIG; `skep lab kubeconfig` prints a lab's"
        }
        ClusterError::List { .. } => {
            "check that `kubectl get nodes` works with the same kubeconfig"
        }
        ClusterError::NoAgents { .. } => {
            "is skep installed in this cluster? --skep-namespace says where its pods are"
        }
        ClusterError::NoSuchNode { .. } => "`kubectl get nodes` lists the names",
        ClusterError::Exec { .. } => {
            "the kubeconfig's user needs `create` on pods/exec in the agents' namespace"
        }
        ClusterError::Failed { .. } | ClusterError::Partial { .. } => {
            "`skep status` tells how each agent is"
        }
    };
    (Kind::Environment, vec![hint.into()])
}
