//! Numbers as metrics.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Unit,
};

/// Name and help of a metric.
type Named<'a> = (&'a str, &'a str);
/// Names and values of labels.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Writes a metric.
pub(in crate::agent) fn put(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): Named<'_>,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    let unit: Option<&Unit> = None;
    let encoder = encoder.encode_descriptor(name, help, unit, metric.metric_type())?;
    metric.encode(encoder)
}

/// Writes what goes up and down.
pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    named: Named<'_>,
    value: u64,
) -> Result<(), fmt::Error> {
    put(encoder, named, &ConstGauge::<i64>::new(signed(value)))
}

/// Writes what only grows.
pub(super) fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    named: Named<'_>,
    value: u64,
) -> Result<(), fmt::Error> {
    put(encoder, named, &ConstCounter::<u64>::new(value))
}

/// Writes several that go up and down.
pub(super) fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    named: Named<'_>,
    values: impl IntoIterator<Item = (Labels, u64)>,
) -> Result<(), fmt::Error> {
    let family = Family::<Labels, Gauge>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(signed(value));
    }
    put(encoder, named, &family)
}

/// Writes several that only grow; those of the same labels are added up.
pub(super) fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    named: Named<'_>,
    values: impl IntoIterator<Item = (Labels, u64)>,
) -> Result<(), fmt::Error> {
    let family = Family::<Labels, Counter>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    put(encoder, named, &family)
}

/// Gauges are signed.
pub(in crate::agent) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
