//! The name of the namespace of a run.

use rand::RngExt;

/// Returns a name that no other run has.
pub(in crate::connectivity) fn fresh_name() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = rand::rng();
    let letters = (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    format!("skep-test-{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::fresh_name;

    #[test]
    fn fresh_names_are_names_and_differ() {
        let (one, two) = (fresh_name(), fresh_name());
        assert_ne!(one, two);
        assert!(one.strip_prefix("skep-test-").is_some_and(|rest| rest.len() == 5));
    }
}
