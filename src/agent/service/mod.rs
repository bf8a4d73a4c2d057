//! Services of this node: news of the cluster in, maps out.

mod balancer;
mod news;

pub(super) use balancer::Balancer;
