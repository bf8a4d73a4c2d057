//! Candidate numbers of a label set.
//!
//! Every agent computes the same sequence, so agreeing on a number needs no allocator. The
//! sequence is part of the contract between versions: it must never change.

use sha2::{Digest, Sha256};
use skep_bpf::abi::identity::{FIRST_CLUSTER, LAST_CLUSTER};

use crate::model::{Identity, Labels};

/// Candidates of one label set; an identity object beyond them is ignored.
pub(super) const LIMIT: u32 = 64;

/// Returns the candidates in the order in which they are tried.
pub(super) fn probes(labels: &Labels) -> impl Iterator<Item = Identity> {
    let seed = digest(labels);
    (0..LIMIT).map(move |round| {
        let hash = Sha256::new().chain_update(seed).chain_update(round.to_be_bytes()).finalize();
        let word = u64::from_be_bytes(hash[..8].try_into().expect("a digest has 32 bytes"));
        let span = u64::from(LAST_CLUSTER - FIRST_CLUSTER + 1);
        let offset = u32::try_from(word % span).expect("the span fits in 32 bits");
        Identity(FIRST_CLUSTER + offset)
    })
}

/// Returns the place of a number among the candidates of a label set.
pub(super) fn position(labels: &Labels, identity: Identity) -> Option<usize> {
    probes(labels).position(|candidate| candidate == identity)
}

/// Returns what the numbers of a label set are made from. Lengths go in front of keys and values, so that
/// no two label sets share their bytes.
pub(in crate::agent) fn digest(labels: &Labels) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in labels.0.iter().flat_map(|(key, value)| [key, value]) {
        hash.update(u64::try_from(text.len()).expect("usize fits in 64 bits").to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        let labels: Labels =
            [("k8s:app", "web"), ("k8s:io.kubernetes.pod.namespace", "shop")].into_iter().collect();
        let first: Vec<u32> = probes(&labels).take(4).map(|identity| identity.0).collect();
        assert_eq!(first, PINNED);
    }

    const PINNED: [u32; 4] = [7116, 9185, 47382, 37716];

    proptest! {
        #[test]
        fn candidates_are_cluster_numbers(pairs in proptest::collection::btree_map(".*", ".*", 0..4)) {
            let labels = Labels(pairs);
            prop_assert!(probes(&labels).all(Identity::is_cluster));
            prop_assert_eq!(probes(&labels).count(), LIMIT as usize);
        }

        #[test]
        fn moving_a_character_between_key_and_value_changes_the_digest(key in "[a-c]{1,4}", value in "[a-c]{1,4}") {
            let one: Labels = [(key.clone(), value.clone())].into_iter().collect();
            let (head, tail) = value.split_at(1);
            let other: Labels = [(format!("{key}{head}"), tail.to_owned())].into_iter().collect();
            prop_assert_ne!(digest(&one), digest(&other));
        }
    }
}
