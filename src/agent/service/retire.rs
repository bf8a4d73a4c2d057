//! Backends that no service has any more leave the maps as soon as programs allow: until then datagrams of
//! their clients would go to nobody.

use std::sync::Arc;

use super::Balancer;
use crate::{agent::AgentError, agent::upkeep::blocking, kernel::outlast_programs, maps::MapStore};

/// Removes backends and frees their numbers, for ever.
pub(in crate::agent) async fn retire<M: MapStore + Send + Sync + 'static>(
    balancer: Arc<Balancer<M>>,
) -> Result<&'static str, AgentError> {
    loop {
        balancer.retirement().await;
        let balancer = Arc::clone(&balancer);
        blocking(move || {
            balancer.bury(outlast_programs);
            Ok(())
        })
        .await?;
    }
}
