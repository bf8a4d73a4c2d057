//! Services of this node: news of the cluster in, maps out.

mod balancer;
mod explain;
mod health_check;
mod news;
mod notice;
mod orphans;
mod report;
mod retire;
#[cfg(test)]
mod tests;
mod words;

pub(super) use balancer::Balancer;
pub(super) use explain::Origin;
pub(super) use health_check::serve as serve_health_checks;
pub(super) use notice::tell as tell_findings;
pub(super) use retire::retire as retire_backends;
