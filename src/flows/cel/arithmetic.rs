//! What operators and conversions make of values. What does not fit into its type is an error, never wrong.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    node::{Conversion, TimePart},
    syntax::Operator,
    value::Value,
};

/// Reckons with two values.
pub(super) fn reckon<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
) -> Option<Value<'a>> {
    Some(match (left, right) {
        (Value::Int(one), Value::Int(other)) => Value::Int(match operator {
            Operator::Add => one.checked_add(other)?,
            Operator::Subtract => one.checked_sub(other)?,
            Operator::Multiply => one.checked_mul(other)?,
            Operator::Divide => one.checked_div(other)?,
            Operator::Remainder => one.checked_rem(other)?,
            _ => return None,
        }),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(match operator {
            Operator::Add => one.checked_add(other)?,
            Operator::Subtract => one.checked_sub(other)?,
            Operator::Multiply => one.checked_mul(other)?,
            Operator::Divide => one.checked_div(other)?,
            Operator::Remainder => one.checked_rem(other)?,
            _ => return None,
        }),
        (Value::Double(one), Value::Double(other)) => Value::Double(match operator {
            Operator::Add => one + other,
            Operator::Subtract => one - other,
            Operator::Multiply => one * other,
            Operator::Divide => one / other,
            _ => return None,
        }),
        (Value::Text(one), Value::Text(other)) if operator == Operator::Add => {
            Value::Text((one.into_owned() + &other).into())
        }
        (Value::List(one), Value::List(other)) if operator == Operator::Add => {
            Value::List(one.iter().chain(&*other).cloned().collect())
        }
        (left, right) => return reckon_time(operator, &left, &right),
    })
}

fn reckon_time<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Option<Value<'a>> {
    Some(match (operator, left, right) {
        (Operator::Add, Value::Time(time), Value::Span(span))
        | (Operator::Add, Value::Span(span), Value::Time(time)) => {
            Value::Time(time.checked_add(*span).ok()?)
        }
        (Operator::Subtract, Value::Time(time), Value::Span(span)) => {
            Value::Time(time.checked_sub(*span).ok()?)
        }
        (Operator::Subtract, Value::Time(one), Value::Time(other)) => {
            Value::Span(one.duration_since(*other))
        }
        (Operator::Add, Value::Span(one), Value::Span(other)) => {
            Value::Span(one.checked_add(*other)?)
        }
        (Operator::Subtract, Value::Span(one), Value::Span(other)) => {
            Value::Span(one.checked_sub(*other)?)
        }
        _ => return None,
    })
}

/// Turns a value into another type.
pub(super) fn convert(to: Conversion, value: Value<'_>) -> Option<Value<'_>> {
    Some(match (to, value) {
        (Conversion::Dyn, value)
        | (Conversion::Bool, value @ Value::Bool(_))
        | (Conversion::Int, value @ Value::Int(_))
        | (Conversion::Uint, value @ Value::Uint(_))
        | (Conversion::Double, value @ Value::Double(_))
        | (Conversion::Text, value @ Value::Text(_))
        | (Conversion::Time, value @ Value::Time(_))
        | (Conversion::Span, value @ Value::Span(_)) => value,
        (Conversion::Bool, Value::Text(text)) => Value::Bool(match &*text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return None,
        }),
        (Conversion::Int, Value::Uint(number)) => Value::Int(number.try_into().ok()?),
        (Conversion::Int, Value::Double(number)) => Value::Int(i64::try_from(whole(number)?).ok()?),
        (Conversion::Int, Value::Text(text)) => Value::Int(text.parse().ok()?),
        (Conversion::Int, Value::Time(time)) => Value::Int(time.as_second()),
        (Conversion::Uint, Value::Int(number)) => Value::Uint(number.try_into().ok()?),
        (Conversion::Uint, Value::Double(number)) => {
            Value::Uint(u64::try_from(whole(number)?).ok()?)
        }
        (Conversion::Uint, Value::Text(text)) => Value::Uint(text.parse().ok()?),
        (Conversion::Double, value) => Value::Double(double(&value)?),
        (Conversion::Text, value) => Value::Text(text(&value)?.into()),
        (Conversion::Time, Value::Int(second)) => Value::Time(Timestamp::from_second(second).ok()?),
        (Conversion::Time, Value::Text(text)) => Value::Time(text.parse().ok()?),
        (Conversion::Span, Value::Text(text)) => Value::Span(text.parse::<SignedDuration>().ok()?),
        _ => return None,
    })
}

/// Returns a number without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: f64) -> Option<i128> {
    (number.abs() < 1e20).then_some(number.trunc() as i128)
}

#[expect(clippy::cast_precision_loss, reason = "as CEL makes doubles of whole numbers")]
fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Span(span) => format!("{}s", span.as_secs_f64()),
        _ => return None,
    })
}

/// Returns a part of a moment; months and days of the year count from 0.
pub(super) fn part_of(part: TimePart, time: Timestamp) -> i64 {
    let time = time.to_zoned(TimeZone::UTC);
    match part {
        TimePart::Year => time.year().into(),
        TimePart::Month => i64::from(time.month()) - 1,
        TimePart::Day => i64::from(time.day()) - 1,
        TimePart::Date => time.day().into(),
        TimePart::WeekDay => time.weekday().to_sunday_zero_offset().into(),
        TimePart::YearDay => i64::from(time.day_of_year()) - 1,
        TimePart::Hours => time.hour().into(),
        TimePart::Minutes => time.minute().into(),
        TimePart::Seconds => time.second().into(),
        TimePart::Milliseconds => time.millisecond().into(),
    }
}
