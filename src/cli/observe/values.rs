//! Values of filter flags.

use super::expand::InvalidTerm;
use crate::{
    flows::{EventType, EventTypeFilter, TcpFlags, TrafficDirection, Verdict, WorkloadFilter},
    model::{DropReason, Identity},
};

pub(super) fn wrong(value: &str, expected: &'static str) -> InvalidTerm {
    InvalidTerm::Value { value: value.to_owned(), expected }
}

pub(super) fn identity(text: &str) -> Result<u32, InvalidTerm> {
    let number = text.parse().ok().or_else(|| Identity::named(text).map(|identity| identity.0));
    number.ok_or_else(|| wrong(text, "an identity: a number, or a name such as host or world-ipv4"))
}

pub(super) fn workload(text: &str) -> WorkloadFilter {
    let (kind, name) = text.split_once('/').unwrap_or(("", text));
    WorkloadFilter { name: name.to_owned(), kind: kind.to_owned() }
}

pub(super) fn verdict(text: &str) -> Result<Verdict, InvalidTerm> {
    const ALL: [Verdict; 7] = [
        Verdict::Forwarded,
        Verdict::Dropped,
        Verdict::Error,
        Verdict::Audit,
        Verdict::Redirected,
        Verdict::Traced,
        Verdict::Translated,
    ];
    let found = ALL.into_iter().find(|verdict| verdict.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        wrong(text, "a verdict: FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED or TRANSLATED")
    })
}

pub(super) fn reason(text: &str) -> Result<String, InvalidTerm> {
    let known = DropReason::ALL.iter().map(|reason| reason.name());
    let found = known.into_iter().find(|name| name.eq_ignore_ascii_case(text));
    found.map(str::to_owned).ok_or_else(|| wrong(text, "a drop reason such as POLICY_DENIED"))
}

/// Hubble's names and numbers.
pub(super) fn event_type(text: &str) -> Result<EventTypeFilter, InvalidTerm> {
    let (name, sub_name) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
    let unknown =
        || wrong(text, "a type: drop, trace, policy-verdict, or trace:to-endpoint and so on");
    let kind = match name {
        "drop" => EventType::DROP,
        "debug" => 2,
        "capture" => 3,
        "trace" => EventType::TRACE,
        "policy-verdict" => EventType::POLICY_VERDICT,
        "trace-sock" => 7,
        "l7" => 129,
        "agent" => 130,
        number => number.parse().map_err(|_| unknown())?,
    };
    let sub_type = match (kind, sub_name) {
        (_, None) => None,
        (EventType::TRACE, Some(point)) => {
            let points = EventType::TRACE_POINTS.iter();
            Some(
                points
                    .clone()
                    .find(|(_, name)| *name == point)
                    .map(|(code, _)| *code)
                    .ok_or_else(unknown)?,
            )
        }
        (EventType::DROP, Some(reason)) => {
            let all = DropReason::ALL.iter();
            let found = all.clone().find(|drop| drop.name().eq_ignore_ascii_case(reason));
            Some(found.ok_or_else(unknown)?.code())
        }
        (_, Some(number)) => Some(number.parse().map_err(|_| unknown())?),
    };
    Ok(EventTypeFilter {
        kind,
        match_sub_type: sub_type.is_some(),
        sub_type: sub_type.unwrap_or_default(),
    })
}

pub(super) fn tcp_flags(text: &str) -> Result<TcpFlags, InvalidTerm> {
    let mut flags = TcpFlags::default();
    for name in text.split(',') {
        let flag = match name.trim().to_ascii_uppercase().as_str() {
            "FIN" => &mut flags.fin,
            "SYN" => &mut flags.syn,
            "RST" => &mut flags.rst,
            "PSH" => &mut flags.psh,
            "ACK" => &mut flags.ack,
            "URG" => &mut flags.urg,
            "ECE" => &mut flags.ece,
            "CWR" => &mut flags.cwr,
            _ => return Err(wrong(text, "a list of TCP flags such as SYN,ACK")),
        };
        *flag = true;
    }
    Ok(flags)
}

pub(super) fn direction(text: &str) -> Result<TrafficDirection, InvalidTerm> {
    match text.to_ascii_lowercase().as_str() {
        "ingress" => Ok(TrafficDirection::Ingress),
        "egress" => Ok(TrafficDirection::Egress),
        _ => Err(wrong(text, "ingress or egress")),
    }
}
