//! Tokens of service accounts, asked for as kubelet does and replaced before they expire.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Pod, ServiceAccount, ServiceAccountTokenProjection},
};
use kube::{Api, ResourceExt, api::PostParams};

use super::{ContentError, Token};
use crate::lab::kubelet::host::Host;

/// Seconds a token lives unless the pod asks otherwise.
const LIFE: i64 = 3600;

/// Returns the token that was kept, or a new one when that has lived four fifths of its life.
pub(super) async fn current(
    host: &Host,
    pod: &Pod,
    wanted: &ServiceAccountTokenProjection,
    kept: Option<Token>,
) -> Result<Token, ContentError> {
    let now = Timestamp::now();
    if let Some(kept) = kept.filter(|kept| now < kept.due) {
        return Ok(kept);
    }
    let life = wanted.expiration_seconds.unwrap_or(LIFE).max(600);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: wanted.audience.clone().map(|audience| vec![audience]),
            expiration_seconds: Some(life),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
    let account = account.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".into());
    let namespace = pod.namespace().unwrap_or_default();
    let client = host.shared.cluster.client().clone();
    let api: Api<ServiceAccount> = Api::namespaced(client, &namespace);
    let answer = api
        .create_token_request(&account, &PostParams::default(), &request)
        .await
        .map_err(|error| ContentError::Token(Box::new(error)))?;
    let text = answer.status.and_then(|status| status.token).unwrap_or_default();
    let due = now.checked_add(SignedDuration::from_secs(life * 4 / 5)).unwrap_or(now);
    Ok(Token { text, due })
}
