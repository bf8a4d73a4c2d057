//! One `spec`: whom it selects, and its lists of rules.

use super::{peers, ports};
use crate::policy::{
    parse::{
        cursor::{Cursor, Fields},
        object::Object,
        problem::ProblemCode,
        selector,
    },
    rule::{
        Action, Auth, Direction, LabelKey, Peers, PolicyKind, Ports, Rule, RulePlace, Selector,
        Subject, Turn,
    },
};

const FIELDS: [&str; 10] = [
    "endpointSelector",
    "nodeSelector",
    "ingress",
    "ingressDeny",
    "egress",
    "egressDeny",
    "labels",
    "enableDefaultDeny",
    "log",
    "description",
];

/// The lists of rules.
const LISTS: [(&str, Direction, bool); 4] = [
    ("ingress", Direction::Ingress, false),
    ("ingressDeny", Direction::Ingress, true),
    ("egress", Direction::Egress, false),
    ("egressDeny", Direction::Egress, true),
];

/// What the readers of a rule's parts need to know around it.
pub(super) struct Scope<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) subject: Subject,
    pub(super) direction: Direction,
    pub(super) denies: bool,
}

impl Scope<'_> {
    pub(super) fn is_host(&self) -> bool {
        matches!(self.subject, Subject::Nodes(_))
    }
}

pub(super) fn read(object: &Object<'_>, spec: &Cursor<'_>) -> Vec<Rule> {
    let Some(fields) = spec.fields(&FIELDS) else { return Vec::new() };
    let Some(subject) = subject(object, &fields) else { return Vec::new() };
    if LISTS.iter().all(|(list, ..)| fields.get(list).is_none_or(|l| l.node.items().is_empty())) {
        let names = LISTS.map(|(list, ..)| list).join(", ");
        spec.note(ProblemCode::NoRules, format!("needs a rule in one of {names}"));
    }
    check_log(&fields);
    let mut rules = Vec::new();
    for (list, direction, denies) in LISTS {
        let isolates = isolates(&fields, direction);
        let scope = Scope { object, subject: subject.clone(), direction, denies };
        for item in fields.list(list).unwrap_or_default() {
            rules.extend(rule(&scope, &item, isolates));
        }
    }
    rules
}

/// Default deny is on unless the policy says otherwise.
fn isolates(fields: &Fields<'_>, direction: Direction) -> bool {
    fields
        .get("enableDefaultDeny")
        .and_then(|switch| switch.fields(&["ingress", "egress"]))
        .and_then(|switch| switch.get(direction.name()))
        .and_then(|switch| switch.boolean())
        .unwrap_or(true)
}

fn check_log(fields: &Fields<'_>) {
    let Some(log) = fields.get("log").and_then(|log| log.fields(&["value"])) else { return };
    let Some(value) = log.get("value") else { return };
    let is_good = |text: &str| text.len() <= 32 && text.chars().all(|c| matches!(c, ' '..='~'));
    if value.text().is_some_and(|text| !is_good(text)) {
        value.refuse("must be 32 printable characters at most");
    }
}

/// Returns the directions that a spec isolates, whatever its rules say.
pub(in crate::policy::parse) fn isolated(fields: &Fields<'_>) -> Vec<Direction> {
    let _ = fields.cursor.fields(&FIELDS);
    let has_rules = |way: Direction| {
        let lists = LISTS.iter().filter(|(_, own, _)| *own == way);
        // All of them: what cannot be read is noted.
        lists.filter(|(list, ..)| fields.list(list).is_some_and(|l| !l.is_empty())).count() > 0
    };
    let both = [Direction::Ingress, Direction::Egress].into_iter();
    both.filter(|way| has_rules(*way) && isolates(fields, *way)).collect()
}

/// Reads whom a spec selects.
pub(in crate::policy::parse) fn subject(
    object: &Object<'_>,
    fields: &Fields<'_>,
) -> Option<Subject> {
    let which = fields.one_of(&["endpointSelector", "nodeSelector"])?;
    let cursor = fields.get(which)?;
    if which == "nodeSelector" {
        if object.reference.kind == PolicyKind::CiliumNetworkPolicy {
            cursor.refuse("only a CiliumClusterwideNetworkPolicy may select nodes");
        }
        return Some(Subject::Nodes(selector::nodes(&cursor)));
    }
    let selector = selector::sourced(&cursor);
    Some(Subject::Endpoints(match &object.reference.namespace {
        Some(namespace) => in_namespace(selector, namespace),
        None => selector,
    }))
}

/// Ties a subject to the policy's namespace, whatever it says itself.
fn in_namespace(selector: Selector, namespace: &str) -> Selector {
    use crate::policy::rule::Test;
    selector
        .without(|own| {
            own.key.means_kubernetes(LabelKey::NAMESPACE)
                && matches!(&own.test, Test::In(v) if v.len() == 1)
        })
        .and_is(LabelKey::kubernetes(LabelKey::NAMESPACE), namespace)
}

fn rule(scope: &Scope<'_>, item: &Cursor<'_>, isolates: bool) -> Option<Rule> {
    let kinds = peers::kinds(scope.direction);
    let mut known: Vec<&str> = kinds.to_vec();
    known.extend([
        "toPorts",
        "icmps",
        match scope.direction {
            Direction::Ingress => "fromRequires",
            Direction::Egress => "toRequires",
        },
    ]);
    if !scope.denies {
        known.push("authentication");
    }
    let fields = item.fields(&known)?;
    for gone in ["fromRequires", "toRequires"] {
        if let Some(cursor) = fields.get(gone) {
            cursor.refuse(format!("{gone} is gone: write the labels into the peers"));
        }
    }
    let peers = peers::read(scope, &fields);
    let ports = ports::read(scope, &fields);
    let peers = match (peers, &ports) {
        (Some(peers), _) => peers,
        // A rule without peers is about its ports; one without both is about nothing.
        (None, Ports::Of(_)) => Peers::Any,
        (None, Ports::All) => Peers::Of(Vec::new()),
    };
    let action = if scope.denies { Action::Deny } else { Action::Allow(auth(&fields)) };
    Some(Rule {
        place: RulePlace {
            policy: std::sync::Arc::clone(&scope.object.reference),
            path: item.path.clone(),
            at: item.node.span.start,
        },
        subject: scope.subject.clone(),
        direction: scope.direction,
        turn: Turn::NORMAL,
        peers,
        ports,
        action,
        isolates,
    })
}

fn auth(fields: &Fields<'_>) -> Option<Auth> {
    let mode = fields.get("authentication")?.fields(&["mode"])?;
    let Some(cursor) = mode.get("mode") else {
        mode.cursor.refuse("mode must be given");
        return None;
    };
    match cursor.text()? {
        "disabled" => Some(Auth::Disabled),
        "required" => Some(Auth::Required),
        "test-always-fail" => Some(Auth::AlwaysFail),
        other => {
            cursor.refuse(format!("{other:?} is none of disabled, required, test-always-fail"));
            None
        }
    }
}
