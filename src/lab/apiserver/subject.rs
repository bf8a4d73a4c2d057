//! Reads the subject of a client certificate: the user and its groups.

/// The parts of a subject that name a Kubernetes user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) common_name: String,
    pub(super) organizations: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xa0;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Splits one DER element off: tag, content, rest.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        rest = after;
        bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn expect(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Returns the subject of a DER certificate; `None` if it has no common name or is malformed.
pub(super) fn subject(certificate: &[u8]) -> Option<Subject> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if fields.first() == Some(&EXPLICIT_VERSION) {
        fields = element(fields)?.2;
    }
    // Serial number, signature algorithm, issuer, validity; then the subject.
    for _ in 0..4 {
        fields = element(fields)?.2;
    }
    let (mut names, _) = expect(SEQUENCE, fields)?;
    let mut subject = Subject::default();
    while !names.is_empty() {
        let (set, rest) = expect(SET, names)?;
        names = rest;
        let (attribute, _) = expect(SEQUENCE, set)?;
        let (oid, value) = expect(OID, attribute)?;
        let text = String::from_utf8(element(value)?.1.to_vec()).ok()?;
        match oid {
            COMMON_NAME => subject.common_name = text,
            ORGANIZATION => {
                subject.organizations.extend(text.split(',').map(str::to_owned));
            }
            _ => {}
        }
    }
    (!subject.common_name.is_empty()).then_some(subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{Authority, Validity};

    #[test]
    fn the_subject_of_a_signed_certificate_is_read_back() {
        let authority = Authority::generate("t", Validity::Always).unwrap();
        let certified = authority
            .client("kubernetes-admin", &["system:masters", "b"], Validity::Always)
            .unwrap();
        let der = certified.certificate_der();
        let subject = subject(&der).unwrap();
        assert_eq!(subject.common_name, "kubernetes-admin");
        assert!(subject.organizations.contains(&"system:masters".to_owned()));
        for cut in 0..der.len().min(400) {
            super::subject(&der[..cut]);
        }
    }
}
