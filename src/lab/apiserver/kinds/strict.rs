//! Unknown fields: refused, warned about or ignored, as the request asks.

use serde_json::Value;

use crate::lab::apiserver::call::{Call, FieldValidation};
use crate::lab::apiserver::refusal::Refusal;

/// Unknown fields of one object that are removed and named.
const MOST: usize = 1000;

/// Treats the unknown fields of the body of a request.
pub(super) fn report(call: &Call, unknown: &[String]) -> Result<(), Refusal> {
    if unknown.is_empty() {
        return Ok(());
    }
    if unknown.len() > MOST {
        return Err(Refusal::BadRequest(format!(
            "the object has {} unknown fields, such as {:?}",
            unknown.len(),
            shown(&unknown[0])
        )));
    }
    let listed = || unknown.iter().map(|path| format!("unknown field {:?}", shown(path)));
    match call.field_validation()? {
        FieldValidation::Strict => Err(Refusal::BadRequest(format!(
            "strict decoding error: {}",
            listed().collect::<Vec<_>>().join(", ")
        ))),
        FieldValidation::Warn => {
            call.warn(listed());
            Ok(())
        }
        FieldValidation::Ignore => Ok(()),
    }
}

/// `spec.?.containers.0.junk` is shown as `spec.containers[0].junk`.
fn shown(path: &str) -> String {
    let mut out = String::new();
    for step in path.split('.').filter(|step| *step != "?") {
        if !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) {
            out += &format!("[{step}]");
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out += step;
        }
    }
    out
}

/// Makes text of quantities that are written as numbers, as typed objects have them.
pub(in crate::lab::apiserver) fn write_quantities(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if matches!(name.as_str(), "limits" | "requests" | "capacity" | "hard" | "overhead")
                    && let Value::Object(amounts) = member
                {
                    for amount in amounts.values_mut().filter(|amount| amount.is_number()) {
                        *amount = amount.to_string().into();
                    }
                } else {
                    write_quantities(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_quantities),
        _ => {}
    }
}

/// Removes members without a value, which typed objects do not keep.
pub(super) fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Removes a field by its path, such as `spec.containers.0.junk` (`?` stands for an optional value).
pub(super) fn remove(value: &mut Value, path: &str) {
    let steps: Vec<&str> = path.split('.').filter(|step| *step != "?").collect();
    let Some((last, parents)) = steps.split_last() else { return };
    let found = parents.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        other => other.get_mut(*step),
    });
    if let Some(members) = found.and_then(Value::as_object_mut) {
        members.shift_remove(*last);
    }
}
