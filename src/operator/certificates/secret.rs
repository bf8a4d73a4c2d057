//! What is in the Secrets of certificates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;

use super::plan::{Keeper, Keepers, Made, Signed};
use crate::{
    kubernetes::certificate::{AUTHORITIES, CHAIN, KEY},
    model::hubble::AUTHORITY_SECRET,
};

/// Annotations about what is in a Secret.
const SIGNER: &str = "skep.io/signed-by";
const UNTIL: &str = "skep.io/not-after";
const NAMES: &str = "skep.io/names";

/// The Secret with the authorities cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("secret {AUTHORITY_SECRET} is damaged: delete it, and all certificates are made anew")]
pub(super) struct Damaged;

/// What is in a Secret.
pub(super) struct Contents {
    pub(super) kind: &'static str,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) data: Vec<(&'static str, String)>,
}

/// The list of authorities, as JSON: they belong together, and are written together.
const AUTHORITIES_JSON: &str = "authorities.json";

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: String,
    made: Timestamp,
    not_after: Timestamp,
    certificate: String,
    key: String,
}

/// Reads the authorities.
pub(super) fn keepers(secret: &Secret) -> Result<Keepers, Damaged> {
    let text = secret.data.as_ref().and_then(|data| data.get(AUTHORITIES_JSON));
    let ByteString(text) = text.ok_or(Damaged)?;
    let stored: Vec<Stored> = serde_json::from_slice(text).map_err(|_| Damaged)?;
    let keeper = |Stored { name, made, not_after, certificate, key }| Keeper {
        name,
        made,
        until: not_after,
        certificate,
        key,
    };
    Ok(Keepers(stored.into_iter().map(keeper).collect()))
}

/// Writes the authorities.
pub(super) fn authorities(keepers: &Keepers) -> Contents {
    let stored = |keeper: &Keeper| Stored {
        name: keeper.name.clone(),
        made: keeper.made,
        not_after: keeper.until,
        certificate: keeper.certificate.clone(),
        key: keeper.key.clone(),
    };
    let stored: Vec<_> = keepers.0.iter().map(stored).collect();
    let json = serde_json::to_string(&stored).expect("text keys only");
    Contents {
        kind: "Opaque",
        annotations: BTreeMap::new(),
        data: vec![(AUTHORITIES_JSON, json), (AUTHORITIES, keepers.bundle())],
    }
}

fn text(secret: &Secret, key: &str) -> Option<String> {
    let ByteString(bytes) = secret.data.as_ref()?.get(key)?;
    String::from_utf8(bytes.clone()).ok()
}

/// Reads what is known of a certificate; none when part of it is missing.
pub(super) fn made(secret: &Secret) -> Option<Made> {
    let note = |key| secret.annotations().get(key);
    // What was made is there, or nothing is.
    let (_, _) = (text(secret, CHAIN)?, text(secret, KEY)?);
    let names = note(NAMES)?.split(' ').filter(|name| !name.is_empty());
    Some(Made {
        signer: note(SIGNER)?.clone(),
        until: note(UNTIL)?.parse().ok()?,
        names: names.map(str::to_owned).collect(),
        authorities: text(secret, AUTHORITIES)?,
    })
}

/// Writes a certificate.
pub(super) fn certificate(signed: Signed) -> Contents {
    let Signed { certificate, key, made } = signed;
    contents(&made, certificate, key)
}

/// Returns the same certificate with other authorities.
pub(super) fn trusting(kept: Option<&Secret>, made: &Made, keepers: &Keepers) -> Option<Contents> {
    let (certificate, key) = (text(kept?, CHAIN)?, text(kept?, KEY)?);
    let made = Made { authorities: keepers.bundle(), ..made.clone() };
    Some(contents(&made, certificate, key))
}

fn contents(made: &Made, certificate: String, key: String) -> Contents {
    let annotations = [
        (SIGNER, made.signer.clone()),
        (UNTIL, made.until.to_string()),
        (NAMES, made.names.join(" ")),
    ];
    Contents {
        kind: "kubernetes.io/tls",
        annotations: annotations.map(|(key, value)| (key.to_owned(), value)).into(),
        data: vec![(CHAIN, certificate), (KEY, key), (AUTHORITIES, made.authorities.clone())],
    }
}
