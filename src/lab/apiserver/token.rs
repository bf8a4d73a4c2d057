//! Service account tokens: JSON web tokens signed with a key that lives as long as the lab.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a service account token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) audiences: Vec<String>,
    /// Seconds since the epoch.
    pub(super) issued: i64,
    /// Seconds since the epoch.
    pub(super) expires: i64,
}

/// Who issues the tokens, and the audience of those that are asked for without one.
pub(super) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Signs and verifies service account tokens.
pub(super) struct TokenKey([u8; 64]);

const HEADER: &str = r#"{"alg":"HS256","kid":"lab","typ":"JWT"}"#;

impl TokenKey {
    pub(super) fn new(secret: [u8; 64]) -> Self {
        Self(secret)
    }

    /// Returns the secret of a new key.
    pub(super) fn random() -> [u8; 64] {
        rand::random()
    }

    pub(super) fn sign(&self, claims: &Claims) -> String {
        let payload = json!({
            "aud": claims.audiences,
            "exp": claims.expires,
            "iat": claims.issued,
            "iss": ISSUER,
            "kubernetes.io": {
                "namespace": claims.namespace,
                "serviceaccount": {"name": claims.name, "uid": claims.uid},
            },
            "nbf": claims.issued,
            "sub": format!("system:serviceaccount:{}:{}", claims.namespace, claims.name),
        });
        let text = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(HEADER),
            URL_SAFE_NO_PAD.encode(payload.to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(self.mac(text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// Returns the claims of a token that this key signed and that has not expired.
    pub(super) fn verify(&self, token: &str, now: i64) -> Option<Claims> {
        let (text, signature) = token.rsplit_once('.')?;
        let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let right = self.mac(text.as_bytes());
        // No early exit: the time taken must not tell how many bytes were right.
        let differs = right.iter().zip(&given).fold(0, |all, (a, b)| all | (a ^ b));
        if given.len() != right.len() || differs != 0 {
            return None;
        }
        let (_, payload) = text.split_once('.')?;
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let account = &payload["kubernetes.io"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let claims = Claims {
            namespace: text(&account["namespace"])?,
            name: text(&account["serviceaccount"]["name"])?,
            uid: text(&account["serviceaccount"]["uid"])?,
            audiences: payload["aud"].as_array()?.iter().filter_map(text).collect(),
            issued: payload["iat"].as_i64()?,
            expires: payload["exp"].as_i64()?,
        };
        (now < claims.expires).then_some(claims)
    }

    /// HMAC-SHA256 (RFC 2104) with a key of exactly one block.
    fn mac(&self, text: &[u8]) -> [u8; 32] {
        let pad = |with: u8| self.0.map(|byte| byte ^ with);
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
        Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate() -> TokenKey {
        TokenKey::new(TokenKey::random())
    }

    #[test]
    fn tokens_verify_until_they_expire_or_are_changed() {
        let key = generate();
        let claims = Claims {
            namespace: "kube-system".to_owned(),
            name: "skep".to_owned(),
            uid: "u".to_owned(),
            audiences: vec!["api".to_owned()],
            issued: 100,
            expires: 200,
        };
        let token = key.sign(&claims);
        assert_eq!(key.verify(&token, 150), Some(claims));
        assert_eq!(key.verify(&token, 200), None);
        assert_eq!(generate().verify(&token, 150), None);
        let forged = token.replacen("ey", "eY", 1);
        for bad in [forged.as_str(), "", "a.b", "a.b.c", &token[..token.len() - 1]] {
            assert_eq!(key.verify(bad, 150), None, "{bad}");
        }
    }

    #[test]
    fn the_mac_is_hmac_sha256() {
        // RFC 4231 case 2 with its key "Jefe" padded to a block.
        let mut key = [0; 64];
        key[..4].copy_from_slice(b"Jefe");
        let mac = TokenKey(key).mac(b"what do ya want for nothing?");
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
