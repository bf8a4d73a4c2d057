//! Takes everything away again.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams},
};
use tokio::time::{Duration, Instant, sleep};

use super::{
    DeployError, code,
    manifest::{EXPIRES, LABEL, MANAGER},
};

/// How long a namespace may take to vanish.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// Deletes the namespace and waits until it is gone.
pub(in crate::connectivity) async fn remove(
    client: &Client,
    name: &str,
) -> Result<(), DeployError> {
    let api = Api::<Namespace>::all(client.clone());
    let end = Instant::now() + GONE_WITHIN;
    let act = || format!("delete the namespace {name}");
    loop {
        let error = match api.delete(name, &DeleteParams::default()).await {
            Ok(_) => break,
            Err(error) => error,
        };
        match code(&error) {
            Some(404) => return Ok(()),
            // Being deleted already.
            Some(409) => break,
            Some(_) => return Err(DeployError::api(act(), error)),
            None if Instant::now() < end => sleep(Duration::from_millis(200)).await,
            None => return Err(DeployError::api(act(), error)),
        }
    }
    loop {
        let found = api.get_metadata_opt(name).await;
        match found {
            Ok(None) => return Ok(()),
            Err(error) if Instant::now() >= end => return Err(DeployError::api(act(), error)),
            Ok(Some(_)) if Instant::now() >= end => {
                let reason = "it is still there".to_owned();
                return Err(DeployError::Stays { name: name.to_owned(), reason });
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Deletes namespaces of runs that died long ago; returns their names. What cannot be deleted, or
/// not be listed, is left: it is not this run's.
pub(in crate::connectivity) async fn sweep(client: &Client) -> Vec<String> {
    let api = Api::<Namespace>::all(client.clone());
    let selector = ListParams::default().labels(&format!("{LABEL}={MANAGER}"));
    let Ok(found) = api.list_metadata(&selector).await else { return Vec::new() };
    let mut swept = Vec::new();
    for namespace in found.items {
        let name = namespace.name_any();
        let expires = namespace.annotations().get(EXPIRES).cloned();
        if has_expired(expires.as_deref(), Timestamp::now())
            && api.delete(&name, &DeleteParams::default()).await.is_ok()
        {
            swept.push(name);
        }
    }
    swept
}

/// What does not say when it expires is somebody else's.
pub(in crate::connectivity) fn has_expired(annotation: Option<&str>, now: Timestamp) -> bool {
    annotation.and_then(|text| text.parse::<Timestamp>().ok()).is_some_and(|at| at < now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_it_expired_is_swept() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        assert!(has_expired(Some("2026-11-24T11:59:59Z"), now));
        assert!(!has_expired(Some("2026-11-24T12:30:00Z"), now));
        assert!(!has_expired(Some("soon"), now));
        assert!(!has_expired(None, now));
    }
}
