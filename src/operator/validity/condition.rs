//! The condition `Valid`.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Type of the condition: Cilium's, too.
const TYPE: &str = "Valid";
/// Reason of the condition and of the Event when an object cannot be accepted.
pub(super) const INVALID: &str = "PolicyInvalid";
/// Reason when it can.
const VALID: &str = "PolicyValid";

/// What parsing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It can be accepted.
    Valid,
    /// It cannot: why.
    Invalid(String),
}

/// A condition of an object, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    is_true: bool,
    reason: String,
    message: String,
    since: Option<String>,
}

impl Condition {
    /// Reads the condition `Valid`.
    pub(super) fn read(json: &Value) -> Option<Self> {
        let text = |field: &str| json[field].as_str();
        (text("type") == Some(TYPE)).then(|| Self {
            is_true: text("status") == Some("True"),
            reason: text("reason").unwrap_or_default().to_owned(),
            message: text("message").unwrap_or_default().to_owned(),
            since: text("lastTransitionTime").map(str::to_owned),
        })
    }
}

impl Finding {
    const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// Returns the condition that is to be written, if the one that is there does not say it. That it
    /// holds may be said by others in their words.
    pub(super) fn condition(&self, there: Option<&Condition>, now: Timestamp) -> Option<Value> {
        let (status, reason, message) = match self {
            Self::Valid => ("True", VALID, "the policy is valid"),
            Self::Invalid(why) => ("False", INVALID, why.as_str()),
        };
        let same = there.filter(|there| there.is_true == self.is_valid());
        if same.is_some_and(|t| t.is_true || t.reason != INVALID || t.message == message) {
            return None;
        }
        // Another message is no transition.
        let since = same.and_then(|there| there.since.clone());
        let since =
            since.unwrap_or_else(|| now.round(jiff::Unit::Second).unwrap_or(now).to_string());
        Some(json!({
            "type": TYPE, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": since,
        }))
    }
}

/// Returns all conditions, with a new one in the place of the one of its type.
pub(super) fn with(conditions: &[Value], new: Value) -> Vec<Value> {
    let mut all = conditions.to_vec();
    all.retain(|own| own["type"] != new["type"]);
    all.push(new);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn invalid(why: &str) -> Finding {
        Finding::Invalid(why.to_owned())
    }

    #[test]
    fn what_was_written_is_not_written_again() {
        for finding in [Finding::Valid, invalid("spec: wrong")] {
            let written = finding.condition(None, at(10)).expect("there is none");
            let there = Condition::read(&written).expect("a condition");
            assert_eq!(finding.condition(Some(&there), at(20)), None);
        }
    }

    #[test]
    fn the_time_changes_on_transitions_only() {
        let first = invalid("spec: wrong").condition(None, at(10)).unwrap();
        let there = Condition::read(&first).unwrap();
        let second = invalid("spec: worse").condition(Some(&there), at(20)).unwrap();
        assert_eq!(second["message"], "spec: worse");
        assert_eq!(second["lastTransitionTime"], first["lastTransitionTime"]);
        let there = Condition::read(&second).unwrap();
        let third = Finding::Valid.condition(Some(&there), at(30)).unwrap();
        assert_eq!(third["status"], "True");
        assert_eq!(third["lastTransitionTime"], "1970-01-01T00:00:30Z");
    }

    #[test]
    fn others_may_say_the_same_in_their_words() {
        let theirs = |status: &str| {
            let json = json!({ "type": "Valid", "status": status, "message": "theirs" });
            Condition::read(&json).unwrap()
        };
        assert_eq!(Finding::Valid.condition(Some(&theirs("True")), at(1)), None);
        assert_eq!(invalid("x").condition(Some(&theirs("False")), at(1)), None);
        assert!(invalid("x").condition(Some(&theirs("True")), at(1)).is_some());
    }

    #[test]
    fn other_conditions_stay() {
        let ready = json!({ "type": "Ready", "status": "True" });
        let old = json!({ "type": "Valid", "status": "False" });
        let new = json!({ "type": "Valid", "status": "True" });
        assert_eq!(with(&[old, ready.clone()], new.clone()), [ready, new]);
    }
}
