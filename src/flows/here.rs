//! What all flows have in common that a node tells at one moment.

use std::{slice, sync::Arc};

use super::{BootClock, Matcher, Record, Settings, seen::Seen};
use crate::hubble::flow::Flow;

/// A node at a moment, as the place where flows are seen.
#[derive(Clone, Debug)]
pub(super) struct Here<'a> {
    pub(super) settings: &'a Settings,
    pub(super) clock: BootClock,
    /// Labels of the node, `key=value`.
    pub(super) node_labels: Arc<[String]>,
}

impl<'h> Here<'h> {
    /// Returns the flows of records that match; what does not match never becomes a flow.
    pub(super) fn select<'a>(
        &'a self,
        records: &'a [Arc<Record>],
        matcher: &'a Matcher,
    ) -> impl DoubleEndedIterator<Item = Flow> + use<'a, 'h> {
        self.seen(records, matcher).map(|seen| seen.render())
    }

    /// Returns all flows of a record.
    pub(super) fn flows<'a>(
        &'a self,
        record: &'a Arc<Record>,
    ) -> impl Iterator<Item = Flow> + use<'a, 'h> {
        self.all(slice::from_ref(record)).map(|seen| seen.render())
    }

    pub(super) fn seen<'a>(
        &'a self,
        records: &'a [Arc<Record>],
        matcher: &'a Matcher,
    ) -> impl DoubleEndedIterator<Item = Seen<'a>> + use<'a, 'h> {
        self.all(records).filter(|seen| matcher.passes(seen))
    }

    fn all<'a>(
        &'a self,
        records: &'a [Arc<Record>],
    ) -> impl DoubleEndedIterator<Item = Seen<'a>> + use<'a, 'h> {
        let all = records.iter().flat_map(|record| record.kinds().map(move |kind| (record, kind)));
        all.map(move |(record, kind)| Seen { record, kind, here: self })
    }
}
