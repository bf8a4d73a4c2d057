//! From filter flags to filters. "Either end" becomes two filters, one for each end, so that the
//! agent needs no such rule.

use super::{
    terms::{End, Field, Term, Terms},
    values::{direction, event_type, identity, reason, tcp_flags, verdict, workload, wrong},
};
use crate::{
    flows::InvalidFilter,
    hubble::flow::{FlowFilter, IpVersion},
};

/// A filter flag makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidTerm {
    /// Not a value that the flag takes.
    #[error("{value:?} is not {expected}")]
    Value {
        /// What was given.
        value: String,
        /// What the flag takes.
        expected: &'static str,
    },
    /// Two flags that say the same thing.
    #[error("the namespace of pod {pod:?} is given twice; leave --namespace out")]
    NamespaceTwice {
        /// The pod with a namespace of its own.
        pod: String,
    },
    /// What the agent would refuse.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
}

/// Filters that let pass, and filters that hide.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expanded {
    pub(super) allow: Vec<FlowFilter>,
    pub(super) deny: Vec<FlowFilter>,
}

impl Expanded {
    /// Expands what the flags say.
    pub(super) fn of(terms: Terms) -> Result<Self, InvalidTerm> {
        let (deny, allow): (Vec<_>, Vec<_>) = terms.0.into_iter().partition(|term| term.negated);
        let allow = if allow.is_empty() { Vec::new() } else { product(qualify(allow)?)? };
        // Each negated flag hides for itself: nobody expects `--not a --not b` to show a.
        let mut hidden = Vec::new();
        for term in qualify(deny)? {
            hidden.extend(product(vec![term])?);
        }
        Ok(Self { allow, deny: hidden })
    }
}

/// Lets `--namespace` say where the pods of `--pod` are.
fn qualify(terms: Vec<Term>) -> Result<Vec<Term>, InvalidTerm> {
    let is_pod = |term: &Term| term.field == Field::Pod;
    let is_namespace = |term: &Term| term.field == Field::Namespace;
    let namespaces: Vec<Term> = terms.iter().filter(|term| is_namespace(term)).cloned().collect();
    if namespaces.is_empty() || !terms.iter().any(is_pod) {
        return Ok(terms);
    }
    let mut qualified = Vec::new();
    for term in terms {
        if !is_pod(&term) {
            qualified.extend((!is_namespace(&term)).then_some(term));
            continue;
        }
        if term.value.contains('/') {
            return Err(InvalidTerm::NamespaceTwice { pod: term.value });
        }
        qualified.extend(namespaces.iter().map(|namespace| Term {
            value: format!("{}/{}", namespace.value, term.value),
            ..term.clone()
        }));
    }
    Ok(qualified)
}

/// Values of one flag are alternatives within a filter; a flag about either end doubles the
/// filters.
fn product(terms: Vec<Term>) -> Result<Vec<FlowFilter>, InvalidTerm> {
    let mut groups: Vec<(Field, End, Vec<String>)> = Vec::new();
    for Term { field, end, value, .. } in terms {
        match groups.iter_mut().find(|group| (group.0, group.1) == (field, end)) {
            Some(group) => group.2.push(value),
            None => groups.push((field, end, vec![value])),
        }
    }
    let mut filters = vec![FlowFilter::default()];
    for (field, end, values) in groups {
        let mut next = Vec::new();
        for filter in filters {
            if is_sided(field) {
                let ends = match end {
                    End::Any => vec![End::From, End::To],
                    end => vec![end],
                };
                for end in ends {
                    let mut filter = filter.clone();
                    set_end(&mut filter, field, end, &values)?;
                    next.push(filter);
                }
            } else {
                let mut filter = filter;
                set(&mut filter, field, &values)?;
                next.push(filter);
            }
        }
        filters = next;
    }
    Ok(filters)
}

const fn is_sided(field: Field) -> bool {
    matches!(
        field,
        Field::Pod
            | Field::Namespace
            | Field::Workload
            | Field::Label
            | Field::Ip
            | Field::Identity
            | Field::Port
    )
}

fn set_end(
    filter: &mut FlowFilter,
    field: Field,
    end: End,
    values: &[String],
) -> Result<(), InvalidTerm> {
    let from = end == End::From;
    let mut pick = |source: fn(&mut FlowFilter) -> &mut Vec<String>,
                    destination: fn(&mut FlowFilter) -> &mut Vec<String>,
                    values: Vec<String>| {
        let list = if from { source(filter) } else { destination(filter) };
        list.extend(values);
    };
    match field {
        Field::Pod => pick(|f| &mut f.source_pod, |f| &mut f.destination_pod, values.to_vec()),
        Field::Namespace => {
            let all = values.iter().map(|namespace| format!("{namespace}/")).collect();
            pick(|f| &mut f.source_pod, |f| &mut f.destination_pod, all);
        }
        Field::Label => {
            pick(|f| &mut f.source_label, |f| &mut f.destination_label, values.to_vec())
        }
        Field::Ip => pick(|f| &mut f.source_ip, |f| &mut f.destination_ip, values.to_vec()),
        Field::Port => pick(|f| &mut f.source_port, |f| &mut f.destination_port, values.to_vec()),
        Field::Identity => {
            let numbers = each(values, identity)?;
            let list =
                if from { &mut filter.source_identity } else { &mut filter.destination_identity };
            list.extend(numbers);
        }
        _ => {
            let workloads = each(values, |text| Ok(workload(text)))?;
            let list =
                if from { &mut filter.source_workload } else { &mut filter.destination_workload };
            list.extend(workloads);
        }
    }
    Ok(())
}

fn set(filter: &mut FlowFilter, field: Field, values: &[String]) -> Result<(), InvalidTerm> {
    match field {
        Field::Protocol => filter.protocol = values.to_vec(),
        Field::Verdict => filter.verdict = numbers(values, verdict)?,
        Field::DropReason => filter.drop_reason_desc = numbers(values, reason)?,
        Field::Type => filter.event_type = each(values, event_type)?,
        Field::TcpFlags => filter.tcp_flags = each(values, tcp_flags)?,
        Field::IpVersion => {
            let version =
                |text: &str| Ok(if text == "v4" { IpVersion::IPv4 } else { IpVersion::IPv6 });
            filter.ip_version = numbers(values, version)?;
        }
        Field::Direction => filter.traffic_direction = numbers(values, direction)?,
        Field::Reply => {
            let parse = |text: &str| text.parse().map_err(|_| wrong(text, "true or false"));
            filter.reply = each(values, parse)?;
        }
        _ => filter.node_name = values.to_vec(),
    }
    Ok(())
}

/// Enums are numbers on the wire.
fn numbers<T: Into<i32>>(
    values: &[String],
    parse: impl Fn(&str) -> Result<T, InvalidTerm>,
) -> Result<Vec<i32>, InvalidTerm> {
    values.iter().map(|value| parse(value).map(Into::into)).collect()
}

fn each<T>(
    values: &[String],
    parse: impl Fn(&str) -> Result<T, InvalidTerm>,
) -> Result<Vec<T>, InvalidTerm> {
    values.iter().map(|value| parse(value)).collect()
}
