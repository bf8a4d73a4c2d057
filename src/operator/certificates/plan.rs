//! Which authorities and certificates there should be now. Pure but for the random numbers of keys.

use jiff::{SignedDuration, Timestamp};

use crate::{
    certificate::{Authority, CertificateError, Validity},
    model::hubble,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long authorities are good.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365 * 3);
/// How long before its end an authority gets a successor.
const AUTHORITY_REST: SignedDuration = SignedDuration::from_hours(24 * 180);
/// How long a successor is known before it signs: everybody must have heard of it.
const KNOWN_FIRST: SignedDuration = DAY;
/// How long certificates are good.
const LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How long before their end they are renewed.
const REST: SignedDuration = SignedDuration::from_hours(24 * 30);

/// An authority as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keeper {
    /// Its name; no two have the same.
    pub(super) name: String,
    pub(super) made: Timestamp,
    pub(super) until: Timestamp,
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Authorities, oldest first. Others are told of all; the oldest that is known long enough signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keepers(pub(super) Vec<Keeper>);

/// A certificate that somebody needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The Secret that it is in.
    pub(super) secret: &'static str,
    /// Names of a server; none for a client.
    pub(super) names: Vec<String>,
}

/// What is known of a certificate that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// Who signed it.
    pub(super) signer: String,
    pub(super) until: Timestamp,
    /// What it is for.
    pub(super) names: Vec<String>,
    /// The authorities that go with it.
    pub(super) authorities: String,
}

/// Returns all certificates that a cluster needs.
pub(super) fn wanted(cluster: &str, namespace: &str) -> Vec<Wanted> {
    vec![
        Wanted { secret: hubble::SERVER_SECRET, names: vec![hubble::server_names(cluster)] },
        Wanted { secret: hubble::RELAY_CLIENT_SECRET, names: Vec::new() },
        Wanted { secret: hubble::RELAY_SERVER_SECRET, names: hubble::relay_names(namespace) },
    ]
}

impl Keepers {
    /// Lets go of authorities that are over, and makes one where there is none or the newest will soon be over.
    pub(super) fn tend(&mut self, now: Timestamp) -> Result<(), CertificateError> {
        self.0.retain(|keeper| now < keeper.until);
        let rest = |keeper: &Keeper| keeper.until.duration_since(now);
        if self.0.last().is_none_or(|newest| rest(newest) < AUTHORITY_REST) {
            self.0.push(Keeper::make(now)?);
        }
        Ok(())
    }

    /// Returns who signs: the newest that everybody has heard of. One alone signs at once.
    pub(super) fn signer(&self, now: Timestamp) -> Option<&Keeper> {
        let known = |keeper: &&Keeper| now.duration_since(keeper.made) >= KNOWN_FIRST;
        self.0.iter().rev().find(known).or_else(|| self.0.first())
    }

    /// Returns what all trust.
    pub(super) fn bundle(&self) -> String {
        self.0.iter().map(|keeper| keeper.certificate.as_str()).collect()
    }
}

impl Keeper {
    fn make(now: Timestamp) -> Result<Self, CertificateError> {
        let name = format!("skep-hubble-ca-{}", uuid::Uuid::new_v4());
        let authority = Authority::generate(&name, Validity::lasting(now, AUTHORITY_LIFE))?;
        Ok(Self {
            name,
            made: now,
            until: now.checked_add(AUTHORITY_LIFE).unwrap_or(Timestamp::MAX),
            certificate: authority.certificate_pem().to_owned(),
            key: authority.key_pem().to_owned(),
        })
    }
}

/// A certificate that was just signed.
pub(super) struct Signed {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) made: Made,
}

impl Wanted {
    /// Tells whether a certificate still serves; else [`Self::sign`] makes another.
    pub(super) fn is_served(&self, made: &Made, keepers: &Keepers, now: Timestamp) -> bool {
        made.until.duration_since(now) >= REST
            && made.names == self.names
            && keepers.signer(now).is_some_and(|signer| signer.name == made.signer)
    }

    /// Makes the certificate anew, with a key of its own.
    pub(super) fn sign(
        &self,
        keepers: &Keepers,
        now: Timestamp,
    ) -> Result<Option<Signed>, CertificateError> {
        let Some(signer) = keepers.signer(now) else { return Ok(None) };
        let authority = Authority::restore(&signer.name, &signer.certificate, &signer.key)?;
        let life = LIFE.min(signer.until.duration_since(now));
        let validity = Validity::lasting(now, life);
        let certified = if self.names.is_empty() {
            authority.client(self.secret, &[], validity)?
        } else {
            authority.server(&self.names, validity)?
        };
        Ok(Some(Signed {
            certificate: certified.certificate_pem().to_owned(),
            key: certified.key_pem().to_owned(),
            made: Made {
                signer: signer.name.clone(),
                until: now.checked_add(life).unwrap_or(Timestamp::MAX),
                names: self.names.clone(),
                authorities: keepers.bundle(),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(DAY * i32::try_from(days).unwrap()).unwrap()
    }

    fn tended(keepers: &mut Keepers, days: i64) -> Vec<String> {
        keepers.tend(day(days)).unwrap();
        keepers.0.iter().map(|keeper| keeper.name.clone()).collect()
    }

    #[test]
    fn a_first_authority_signs_at_once_and_its_successor_when_all_know_it() {
        let mut keepers = Keepers::default();
        let first = tended(&mut keepers, 1000);
        assert_eq!(first.len(), 1);
        assert_eq!(keepers.signer(day(1000)).unwrap().name, first[0]);
        assert_eq!(tended(&mut keepers, 1900), first, "long before the end nothing happens");
        let both = tended(&mut keepers, 1000 + 3 * 365 - 179);
        assert_eq!((both.len(), &both[0]), (2, &first[0]));
        assert_eq!(keepers.signer(day(1000 + 3 * 365 - 179)).unwrap().name, first[0]);
        assert_eq!(keepers.signer(day(1000 + 3 * 365 - 177)).unwrap().name, both[1]);
        assert_eq!(keepers.bundle().matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(tended(&mut keepers, 1000 + 3 * 365), both[1..], "who is over is forgotten");
    }

    #[test]
    fn certificates_are_renewed_when_anything_about_them_is_no_longer_true() {
        let mut keepers = Keepers::default();
        tended(&mut keepers, 0);
        let wanted = &wanted("default", "kube-system")[0];
        let made = wanted.sign(&keepers, day(0)).unwrap().unwrap().made;
        assert!(wanted.is_served(&made, &keepers, day(59)));
        assert!(!wanted.is_served(&made, &keepers, day(61)), "soon over");
        let other = &super::wanted("prod", "kube-system")[0];
        assert!(!other.is_served(&made, &keepers, day(1)), "for another cluster");
        let foreign = Made { signer: "somebody".into(), ..made };
        assert!(!wanted.is_served(&foreign, &keepers, day(1)), "signed by another");
    }

    #[test]
    fn no_certificate_outlives_its_authority() {
        let mut keepers = Keepers::default();
        tended(&mut keepers, 0);
        let late = day(3 * 365 - 10);
        let made = wanted("default", "x")[1].sign(&keepers, late).unwrap().unwrap().made;
        assert_eq!(made.until, day(3 * 365));
    }
}
