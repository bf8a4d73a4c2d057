//! From filter flags to filters. "Either end" becomes two filters, one for each end, so that the
//! agent needs no such rule.

use super::{
    fields::{is_sided, set, set_end},
    terms::{End, Field, Term, Terms},
};
use crate::{flows::InvalidFilter, hubble::flow::FlowFilter};

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
            // Any namespace is no other namespace.
            if namespaces.iter().all(|namespace| namespace.value.is_empty()) {
                qualified.push(term);
                continue;
            }
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
                    set_end(&mut filter, field, end == End::From, &values)?;
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
